//! Reads calls out of other programs' databases, without getting in their way.
//!
//! The SQL itself lives in the store ring; here is what is asked, and when.

use std::cell::RefCell;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Trouble;
use super::cursor::{Cursor, Cursors, Ended, Passage};
use super::mark::sight;
use super::pump::source;
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::{Batch, Decoded};
use crate::store::foreign::{Foreign, ForeignError};
use crate::wire::Origin;
use crate::wire::format::{Format, Query, RowDecoder};
use crate::wire::row::{Row, Value};

/// Calls handed on at once.
const BATCH: usize = 4096;
/// Batches held back until the database is let go: the receiver may be slow, and as long as a question
/// is open its program may have to wait.
const HELD: usize = 16;
/// Looks without a change after which a database is let go: its program may want to tidy up.
const IDLE: u32 = 10;
/// How long to wait for a lock where the next look comes soon, and other sources wait.
pub const SHORT: Duration = Duration::from_millis(50);
/// How long to wait for a lock where there is only one look.
pub const LONG: Duration = Duration::from_secs(2);

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

impl From<ForeignError> for TableError {
    fn from(error: ForeignError) -> TableError {
        match error {
            ForeignError::Locked { .. } => TableError::Locked,
            other => TableError::Broken(other.to_string()),
        }
    }
}

impl From<TableError> for Trouble {
    fn from(error: TableError) -> Trouble {
        match error {
            TableError::Locked => Trouble::Locked,
            TableError::Broken(why) => Trouble::Table(why),
        }
    }
}

/// An open foreign database.
pub trait Tables: Send {
    /// Returns a number that changes whenever another program writes.
    fn data_version(&self) -> Result<i64, TableError>;
    /// Returns a table's columns; `None` where there is no such table.
    fn columns(&self, table: &str) -> Result<Option<Vec<String>>, TableError>;
    /// Asks, and hands on each row with its number from 1.
    fn rows(
        &self,
        query: &Query,
        after: Option<&Value>,
        each: &mut dyn FnMut(&Row<'_>, u64),
    ) -> Result<(), TableError>;
}

/// Opens foreign databases read-only.
pub trait Opener: Send + Sync {
    /// Opens one, whose questions wait for a lock as long as `patience` says.
    fn open(&self, path: &Path, patience: Duration) -> Result<Box<dyn Tables>, TableError>;
}

/// Opens foreign databases through the store's read-only door.
#[derive(Clone, Copy, Debug, Default)]
pub struct Databases;

impl Opener for Databases {
    fn open(&self, path: &Path, patience: Duration) -> Result<Box<dyn Tables>, TableError> {
        Ok(Box::new(Foreign::open(path, patience)?))
    }
}

impl Tables for Foreign {
    fn data_version(&self) -> Result<i64, TableError> {
        Ok(Foreign::data_version(self)?)
    }

    fn columns(&self, table: &str) -> Result<Option<Vec<String>>, TableError> {
        Ok(Foreign::columns(self, table)?)
    }

    fn rows(
        &self,
        query: &Query,
        after: Option<&Value>,
        each: &mut dyn FnMut(&Row<'_>, u64),
    ) -> Result<(), TableError> {
        Ok(Foreign::rows(self, query, after, each)?)
    }
}

/// An opener for tests without databases.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTables;

impl Opener for NoTables {
    fn open(&self, _path: &Path, _patience: Duration) -> Result<Box<dyn Tables>, TableError> {
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
    patience: Duration,
    /// Which file the rest is about.
    file: FileId,
    cursors: Cursors,
    /// How it looked when all of it had been read.
    seen: Option<Sight>,
    connection: Option<Connection>,
    /// How it looked when its rows could not be read to their end: it is asked again once it changes.
    failed: Option<(Sight, TableError)>,
}

/// A database that is held open, so that it can say whether anything was written.
struct Connection {
    tables: Box<dyn Tables>,
    /// What it said when all had been read.
    version: Option<i64>,
    /// Looks since then.
    idle: u32,
}

type Sink<'a> = &'a mut dyn FnMut(Batch) -> bool;

impl Table {
    /// Starts on a database of which nothing has been read.
    pub fn new(path: &Path, format: Format, patience: Duration) -> Table {
        Table {
            path: path.to_owned(),
            format,
            patience,
            file: FileId::default(),
            cursors: Cursors::default(),
            seen: None,
            connection: None,
            failed: None,
        }
    }

    /// Goes on where an earlier run stopped.
    pub fn resume(&mut self, mark: &Mark) {
        if mark.format == self.format.name() {
            self.file = mark.sight.file;
            self.seen = Some(mark.sight);
            self.cursors = mark.cursor.as_deref().map(Cursors::parse).unwrap_or_default();
        }
    }

    /// Returns how far it has been read, once all of it has been.
    pub fn mark(&self) -> Option<Mark> {
        self.seen.map(|seen| mark((&self.path, &self.format), seen, &self.cursors))
    }

    /// Reads what is new, and returns whether the receiver still listens.
    ///
    /// A database that was replaced by another file is read from its first row. While it is held open,
    /// its own count of changes says whether there is anything to read; its looks alone could miss what
    /// is written within one tick of the file system's clock.
    pub fn read(
        &mut self,
        origin: &Origin<'_>,
        opener: &dyn Opener,
        sink: Sink<'_>,
    ) -> Result<bool, Trouble> {
        let now = look(&self.path).map_err(|error| Trouble::from_io(&error))?;
        if now.file != self.file {
            *self = Table { file: now.file, ..Table::new(&self.path, self.format.clone(), self.patience) };
        }
        if self.connection.is_none() && self.seen == Some(now) {
            return Ok(true);
        }
        if let Some((_, error)) = self.failed.as_ref().filter(|(seen, _)| *seen == now) {
            return Err(error.clone().into());
        }
        self.failed = None;
        let result = self.ask(now, origin, opener, sink);
        if matches!(result, Err(TableError::Broken(_))) {
            self.connection = None;
        }
        result.map_err(Trouble::from)
    }

    fn ask(
        &mut self,
        now: Sight,
        origin: &Origin<'_>,
        opener: &dyn Opener,
        sink: Sink<'_>,
    ) -> Result<bool, TableError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection {
                tables: opener.open(&self.path, self.patience)?,
                version: None,
                idle: 0,
            }),
        };
        // Asked first: what is written from here on changes it again, and is read next time.
        let version = connection.tables.data_version()?;
        if connection.version == Some(version) {
            self.seen = Some(now);
            connection.idle += 1;
            if connection.idle >= IDLE {
                self.connection = None;
            }
            return Ok(true);
        }
        let Some(decoder) = self.format.row_decoder(origin) else {
            return Err(TableError::Broken("this format is no table".to_owned()));
        };
        let mut reading = Reading {
            subject: (&self.path, &self.format),
            decoder,
            cursors: self.cursors.clone(),
            out: Decoded::default(),
            held: Vec::new(),
            sink,
            listening: true,
        };
        if let Err(error) = reading.all(&*connection.tables) {
            if reading.out.tally.lines > 0 {
                self.failed = Some((now, error.clone()));
            }
            reading.flush(None);
            return Err(error);
        }
        connection.version = Some(version);
        connection.idle = 0;
        self.seen = Some(now);
        self.cursors = std::mem::take(&mut reading.cursors);
        let mark = mark(reading.subject, now, &self.cursors);
        reading.flush(Some(mark));
        Ok(reading.listening)
    }
}

fn mark((path, format): (&Path, &Format), sight: Sight, cursors: &Cursors) -> Mark {
    let path = path.to_string_lossy().into();
    let cursor = cursors.to_text().map(String::into_boxed_str);
    Mark { path, format: format.name(), sight, offset: 0, head: 0, tail: 0, half: None, cursor }
}

/// One reading of a database, from its cursors to its end.
struct Reading<'a> {
    subject: (&'a Path, &'a Format),
    decoder: Box<dyn RowDecoder>,
    cursors: Cursors,
    out: Decoded,
    held: Vec<Decoded>,
    sink: Sink<'a>,
    listening: bool,
}

impl Reading<'_> {
    fn all(&mut self, tables: &dyn Tables) -> Result<(), TableError> {
        let fault = RefCell::new(None);
        let columns = |table: &str| {
            let columns = tables.columns(table);
            columns.unwrap_or_else(|error| {
                fault.replace(Some(error));
                None
            })
        };
        let queries = self.decoder.queries(&columns);
        if let Some(error) = fault.take() {
            return Err(error);
        }
        for (index, query) in queries.map_err(TableError::Broken)?.iter().enumerate() {
            let from = self.cursors.get(query).cloned();
            let mut ended = self.answer(tables, (index, query), from.as_ref())?;
            if ended == Ended::Anew {
                ended = self.answer(tables, (index, query), None)?;
            }
            match ended {
                Ended::At(Some(cursor)) => self.cursors.set(query, cursor),
                Ended::At(None) | Ended::Anew => self.cursors.forget(query),
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        tables: &dyn Tables,
        (index, query): (usize, &Query),
        from: Option<&Cursor>,
    ) -> Result<Ended, TableError> {
        let mut passage = Passage::new(query, from);
        tables.rows(query, from.map(|cursor| &cursor.at), &mut |row, number| {
            if passage.see(row) {
                self.decoder.row(index, row, number, &mut self.out);
                self.out.tally.lines += 1;
                self.hold();
            }
        })?;
        Ok(passage.end())
    }

    /// Puts a full batch aside, and hands on what is held where it becomes too much.
    fn hold(&mut self) {
        if self.out.calls.len() < BATCH && self.out.bad.len() < Decoded::BAD_KEPT {
            return;
        }
        self.held.push(std::mem::take(&mut self.out));
        if self.held.len() == HELD {
            self.send_held();
        }
    }

    fn send_held(&mut self) {
        for decoded in std::mem::take(&mut self.held) {
            self.send(decoded, None);
        }
    }

    fn flush(&mut self, mark: Option<Mark>) {
        self.send_held();
        let last = std::mem::take(&mut self.out);
        self.send(last, mark);
    }

    fn send(&mut self, decoded: Decoded, mark: Option<Mark>) {
        let (path, format) = self.subject;
        let batch = Batch { source: source(path), format: format.name(), decoded, mark, note: None };
        self.listening = self.listening && (self.sink)(batch);
    }
}
