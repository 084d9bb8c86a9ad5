//! One file that is followed: how far it has been read, and what waits in it.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::{BadLine, Decoded};
use crate::domain::time::Timestamp;
use crate::feed::open::Packing;
use crate::feed::table::Table;
use crate::wire::Decoder;
use crate::wire::format::Format;

/// One file that is followed.
pub(super) struct Tailed {
    pub(super) path: PathBuf,
    pub(super) ledger: usize,
    pub(super) rank: u32,
    pub(super) format: Format,
    pub(super) packing: Packing,
    pub(super) mark: Mark,
    /// Line number at the mark; 0 where it is not known.
    pub(super) line: u64,
    pub(super) file: Option<File>,
    pub(super) decoder: Option<Box<dyn Decoder>>,
    pub(super) table: Option<Table>,
    /// When it last grew.
    pub(super) grown: Timestamp,
    /// When its name was first missed.
    pub(super) missed: Option<Timestamp>,
    /// Whether the pending last line has been tried, or a packed file has been read.
    pub(super) tried: bool,
    pub(super) note: Option<String>,
    /// What was cut away, to be told with the next batch.
    pub(super) gaps: Vec<BadLine>,
}

impl Tailed {
    /// Goes on where a mark says, without opening the file.
    pub(super) fn of(
        mark: &Mark,
        (path, ledger, rank): (&Path, usize, u32),
        format: Format,
        now: Timestamp,
    ) -> Tailed {
        Tailed {
            path: path.to_owned(),
            ledger,
            rank,
            format,
            packing: Packing::Plain,
            mark: mark.clone(),
            line: 0,
            file: None,
            decoder: None,
            table: None,
            grown: now,
            missed: None,
            tried: false,
            note: None,
            gaps: Vec::new(),
        }
    }

    /// Says whether a look shows that nothing has changed and nothing waits for the file to be quiet.
    pub(super) fn is_settled(&self, path: &Path, seen: &Sight) -> bool {
        let whole = self.packing == Packing::Plain && self.mark.offset == self.mark.sight.size;
        self.mark.sight == *seen
            && self.table.is_none()
            && self.missed.is_none()
            && (self.tried || whole)
            && self.path == path
    }
}

pub(super) fn empty_mark(path: &Path, format: &Format, file: FileId) -> Mark {
    let empty = xxhash_rust::xxh3::xxh3_64(b"");
    let sight = Sight { file, ..Sight::default() };
    Mark {
        path: path.to_string_lossy().into(),
        format: format.name(),
        sight,
        offset: 0,
        head: empty,
        tail: empty,
        half: None,
        cursor: None,
    }
}

/// Puts what was cut away among what could not be read.
pub(super) fn tell(gaps: &mut Vec<BadLine>, out: &mut Decoded) {
    out.tally.lost += gaps.iter().map(|gap| gap.length).sum::<u64>();
    out.bad.append(gaps);
}
