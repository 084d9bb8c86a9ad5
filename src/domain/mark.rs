//! How far a source has been read, and what proves that it is still the same source.

use super::label::Label;

/// Which file on disk, whatever its path: device and inode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// What one look at a file's metadata showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Which file.
    pub file: FileId,
    /// Its length in bytes.
    pub size: u64,
    /// Last change of content, nanoseconds since the epoch.
    pub modified: i128,
    /// Last change of content or metadata, nanoseconds since the epoch.
    pub changed: i128,
}

/// How far a file has been read. Kept in the store, in one transaction with the rows that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The path it was last seen under; a label, not an identity.
    pub path: Box<str>,
    /// The format it was read as, by its command-line name.
    pub format: Label,
    /// The look that this mark was made at. Equal metadata later means that nothing has changed.
    pub sight: Sight,
    /// Everything before this byte has been read; it never lies inside a line.
    pub offset: u64,
    /// Hash of the first `min(1024, offset)` bytes.
    pub head: u64,
    /// Hash of the last `min(1024, offset)` bytes before `offset`.
    pub tail: u64,
    /// Hash of the first bytes that were seen behind `offset` and have not been read: a line whose end is
    /// missing. None where nothing waits there, or it has been read all the same.
    pub half: Option<u64>,
    /// How far the tables of a database have been read, as their reader wrote it down; none for a file.
    pub cursor: Option<Box<str>>,
}
