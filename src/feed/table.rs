//! Reads calls out of other programs' databases, without getting in their way.
//!
//! The SQL itself lives in the store ring; here is what is asked, and when.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::Trouble;
use super::mark::sight;
use crate::domain::label::Label;
use crate::domain::mark::{Mark, Sight};
use crate::domain::observation::{Batch, Decoded};
use crate::wire::Origin;
use crate::wire::format::{Format, Query};
use crate::wire::row::{Row, Value};

/// Calls collected before they are handed on.
const BATCH: usize = 4096;

/// Why a database could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Another program holds a lock; the last figures stand.
    #[error("locked by another program")]
    Locked,
    /// Anything else, in the words of the database.
    #[error("{0}")]
    Broken(String),
}

/// An open foreign database.
pub trait Tables {
    /// Returns a number that changes whenever another program writes.
    fn data_version(&self) -> Result<i64, TableError>;
    /// Returns a table's columns; `None` where there is no such table.
    fn columns(&self, table: &str) -> Option<Vec<String>>;
    /// Asks, and hands on each row with its number from 1; returns the largest value of the cursor.
    fn rows(
        &self,
        query: &Query,
        after: Option<&Value>,
        each: &mut dyn FnMut(&Row<'_>, u64),
    ) -> Result<Option<Value>, TableError>;
}

/// Opens foreign databases read-only.
pub trait Opener: Send + Sync {
    /// Opens one.
    fn open(&self, path: &Path) -> Result<Box<dyn Tables>, TableError>;
}

/// An opener for builds and tests without databases.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTables;

impl Opener for NoTables {
    fn open(&self, _path: &Path) -> Result<Box<dyn Tables>, TableError> {
        Err(TableError::Broken("no database reader in this build".to_owned()))
    }
}

/// Looks at a database together with its write-ahead log: in WAL mode only the log changes.
pub fn look(path: &Path) -> std::io::Result<Sight> {
    let mut seen = sight(&std::fs::metadata(path)?);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if let Some(log) = std::fs::metadata(log).ok().filter(Metadata::is_file).map(|log| sight(&log)) {
        seen.size += log.size;
        seen.modified = seen.modified.max(log.modified);
        seen.changed = seen.changed.max(log.changed);
    }
    Ok(seen)
}

/// One database that is read again whenever it changes.
pub struct Table {
    path: PathBuf,
    format: Format,
    /// The largest cursor seen, by query.
    cursors: Vec<Option<Value>>,
    seen: Option<Sight>,
}

impl Table {
    /// Starts on a database of which nothing has been read.
    pub fn new(path: &Path, format: Format) -> Table {
        Table { path: path.to_owned(), format, cursors: Vec::new(), seen: None }
    }

    /// Takes over an earlier run's look: while the database looks the same, there is nothing to read.
    pub fn seen_at(&mut self, sight: Sight) {
        self.seen = Some(sight);
    }

    /// Reads what is new, and returns whether the receiver still listens.
    ///
    /// A database that was replaced by another file is read from its first row.
    pub fn read(
        &mut self,
        origin: &Origin<'_>,
        opener: &dyn Opener,
        sink: &mut dyn FnMut(Batch) -> bool,
    ) -> Result<bool, Trouble> {
        let before = look(&self.path).map_err(|error| Trouble::from_io(&error))?;
        if self.seen == Some(before) {
            return Ok(true);
        }
        if self.seen.is_some_and(|seen| seen.file != before.file) {
            self.cursors.clear();
        }
        let broken = |error: TableError| Trouble::Table(error.to_string());
        let tables = opener.open(&self.path).map_err(broken)?;
        let Some(mut decoder) = self.format.row_decoder(origin) else {
            return Err(Trouble::UnknownFormat);
        };
        let queries = decoder.queries(&|table| tables.columns(table)).map_err(Trouble::Table)?;
        self.cursors.resize(queries.len(), None);
        let mut out = Decoded::default();
        let mut listening = true;
        for (index, query) in queries.iter().enumerate() {
            let after = self.cursors[index].clone();
            let last = tables.rows(query, after.as_ref(), &mut |row, number| {
                decoder.row(index, row, number, &mut out);
                out.tally.lines += 1;
                if out.calls.len() >= BATCH && listening {
                    listening = sink(self.batch(std::mem::take(&mut out), None));
                }
            });
            let last = last.map_err(broken)?;
            if query.cursor.is_some() && last.is_some() {
                self.cursors[index] = last;
            }
        }
        drop(tables);
        // What changed while it was read is read again: rows are recognised.
        let settled = look(&self.path).is_ok_and(|after| after == before);
        self.seen = settled.then_some(before);
        let mark = settled.then(|| mark(&self.path, &self.format, before));
        Ok(listening && sink(self.batch(out, mark)))
    }

    fn batch(&self, decoded: Decoded, mark: Option<Mark>) -> Batch {
        let source = Label::from_bytes(self.path.as_os_str().as_encoded_bytes());
        Batch { source, format: self.format.name(), decoded, mark, note: None }
    }
}

fn mark(path: &Path, format: &Format, sight: Sight) -> Mark {
    let path = path.to_string_lossy().into();
    Mark { path, format: format.name(), sight, offset: 0, head: 0, tail: 0 }
}
