//! Finding ledgers, reading them once, and following them while they grow.

pub mod ledger;
pub mod discover;
pub mod detect;
pub mod mark;
pub mod read;
pub mod open;
pub mod cursor;
pub mod table;
pub mod pump;
pub mod scan;
pub mod step;
pub mod gap;
pub mod tail;
pub mod follow;

pub use detect::detect;
pub use discover::{Environment, discover};
pub use follow::{Follow, follow};
pub use ledger::{Ledger, LedgerError};
pub use mark::Marks;
pub use scan::{ScanReport, scan};
pub use table::Databases;

use std::fmt;

use crate::domain::label::Label;

/// A source that could not be read as wished. Shown and counted, never fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The source as the user sees it.
    pub source: Label,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What can be wrong with a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A pattern that matches no file.
    NothingMatches,
    /// A pattern that is no glob; with the reason.
    BadPattern(String),
    /// Content that is none of the known formats.
    UnknownFormat,
    /// A directory, pipe, device or dangling link where a file is expected.
    NotAFile,
    /// The file exists and may not be read.
    Forbidden,
    /// Reading failed; with the system's reason.
    Unreadable(String),
    /// A compressed file that ends early or is damaged; what came before was read.
    Damaged(String),
    /// A database that another program holds for itself right now.
    Locked,
    /// A database that could not be read; with the reason.
    Table(String),
}

impl Trouble {
    /// Says whether it is about the path, and not about what the file holds.
    pub fn is_of_path(&self) -> bool {
        matches!(self, Trouble::NotAFile | Trouble::Forbidden | Trouble::Unreadable(_))
    }

    /// Takes the system's error apart.
    pub fn from_io(error: &std::io::Error) -> Trouble {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => Trouble::Forbidden,
            std::io::ErrorKind::IsADirectory => Trouble::NotAFile,
            _ => Trouble::Unreadable(error.to_string()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NothingMatches => f.write_str("matches no file"),
            Trouble::BadPattern(why) => write!(f, "is no pattern: {why}"),
            Trouble::UnknownFormat => f.write_str("is in no known format: name one with PATH=FORMAT"),
            Trouble::NotAFile => f.write_str("is not a regular file"),
            Trouble::Forbidden => f.write_str("may not be read: permission denied"),
            Trouble::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Trouble::Damaged(why) => write!(f, "is damaged, read up to the damage: {why}"),
            Trouble::Locked => f.write_str("is locked by its program: the last figures stand"),
            Trouble::Table(why) => write!(f, "cannot be read as a database: {why}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.trouble)
    }
}
