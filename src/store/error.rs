//! What can be wrong with a store, in the user's words.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store at this path yet.
    #[error("no store at {}: run `outlay` or `outlay import` first, or name another with --store", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A newer version of the program made it. It is left untouched.
    #[error(
        "the store {} has schema {found}, made by a newer outlay; this one ({}) knows schemas up to {known}: update outlay, or name another store with --store",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Schema of the file.
        found: i64,
        /// Newest schema that this program knows.
        known: i64,
    },
    /// An older version of the program made it, and it was opened for reading only.
    #[error(
        "the store has schema {found}, this version of outlay reads {known}: run `outlay` once to bring it up to date"
    )]
    Older {
        /// Schema of the file.
        found: i64,
        /// Schema that this program reads.
        known: i64,
    },
    /// A SQLite database of another program. It is left untouched.
    #[error("{} is a database of another program: name another store with --store", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or no database at all. It is left as it is.
    #[error("the store {} is damaged ({why}): move it away and run `outlay` again; it is rebuilt from the ledgers that still exist", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// A folder.
    #[error("{} is a folder, the store is a file: name one in it with --store", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// Others could swap the files of the store.
    #[error("the store is not kept in {}, because {why}; or name another store with --store", folder.display())]
    Exposed {
        /// The folder.
        folder: PathBuf,
        /// Why it is refused, and what to do.
        why: &'static str,
    },
    /// It can be read and not written.
    #[error("the store {} is read-only: `outlay report` still shows what it holds; to go on with it, make the file and its folder writable, or name another with --store", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds it for too long.
    #[error("the store {} is locked by another process: try again, or stop the other outlay", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("no space is left on the disk of the store {}: free some and try again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be made, read or written.
    #[error("the store {} cannot be used ({why}): check its permissions, or name another with --store", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A statement failed: a fault of this program.
    #[error("a statement on the store {} failed ({why}): please report this", path.display())]
    Statement {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
}

impl StoreError {
    /// Says whether what the store holds can be looked at all the same, for all that is known.
    pub fn leaves_reading(&self) -> bool {
        matches!(
            self,
            StoreError::ReadOnly { .. }
                | StoreError::Unusable { .. }
                | StoreError::Locked { .. }
                | StoreError::Full { .. }
        )
    }

    /// Sorts what SQLite says.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> StoreError {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt { path, why },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path },
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
                StoreError::Unusable { path, why }
            }
            _ => StoreError::Statement { path, why },
        }
    }

    /// Wraps what the file system says.
    pub(super) fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
        StoreError::Unusable { path: path.to_owned(), why: error.to_string() }
    }
}
