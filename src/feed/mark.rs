//! Looks at files, and the proofs that a file is still the one that was read.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use foldhash::fast::RandomState;
use xxhash_rust::xxh3::xxh3_64;

use crate::domain::mark::{FileId, Mark, Sight};

/// Bytes hashed at either end of what was read.
const PROOF: u64 = 1024;

/// Returns what a look at a file's metadata showed.
pub fn sight(metadata: &Metadata) -> Sight {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Sight {
        file: FileId { device: metadata.dev(), inode: metadata.ino() },
        size: metadata.len(),
        modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
        changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Hashes of the first and the last bytes before an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// Of the first `min(1024, offset)` bytes.
    pub head: u64,
    /// Of the last `min(1024, offset)` bytes before the offset.
    pub tail: u64,
}

/// Hashes both ends of the first `offset` bytes.
///
/// A file that is shorter by now gives an error.
pub fn proofs(file: &File, offset: u64) -> io::Result<Proofs> {
    let mut bytes = [0_u8; 1024];
    let length = PROOF.min(offset);
    let bytes = &mut bytes[..usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(bytes, 0)?;
    let head = xxh3_64(bytes);
    file.read_exact_at(bytes, offset - length)?;
    Ok(Proofs { head, tail: xxh3_64(bytes) })
}

/// Says whether a file still holds what a mark says was read from it.
pub fn proves(file: &File, mark: &Mark) -> bool {
    proofs(file, mark.offset).is_ok_and(|proofs| proofs == Proofs { head: mark.head, tail: mark.tail })
}

/// How far each file has been read, by identity: a path is only a label.
#[derive(Clone, Debug, Default)]
pub struct Marks(HashMap<FileId, Mark, RandomState>);

impl Marks {
    /// Takes the marks of an earlier run.
    pub fn new(marks: impl IntoIterator<Item = Mark>) -> Marks {
        Marks(marks.into_iter().map(|mark| (mark.sight.file, mark)).collect())
    }

    /// Returns a file's mark.
    pub fn get(&self, file: FileId) -> Option<&Mark> {
        self.0.get(&file)
    }

    /// Remembers a mark.
    pub fn insert(&mut self, mark: Mark) {
        self.0.insert(mark.sight.file, mark);
    }

    /// Forgets a file that is gone for good.
    pub fn remove(&mut self, file: FileId) {
        self.0.remove(&file);
    }

    /// Returns all marks.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.0.values()
    }
}
