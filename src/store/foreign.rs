//! Reading other programs' SQLite databases: never a write, never a lock held longer than an answer.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::wire::format::Query;
use crate::wire::row::{Row, Value};

/// A foreign database, open for reading only.
pub struct Foreign {
    conn: Connection,
    path: PathBuf,
    /// The log that has to be there, where the database keeps one.
    log: Option<PathBuf>,
}

/// Why a foreign database could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// There is no such file.
    #[error("{} is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The other program holds it; the last figures stand until it can be read again.
    #[error("{} is locked by its program: it is tried again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or no SQLite database.
    #[error("{} is damaged or no SQLite database ({why})", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// The file, its log (`-wal`) or its directory cannot be read.
    #[error("{} cannot be read ({why}): check the permissions of the file, of its -wal and -shm files, and of their directory", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The log (`-wal`) is gone while the database is in use: what it held is not in the file.
    #[error("{} is in use, but its log is gone: the newest rows are missing until its program is started anew", path.display())]
    LogMissing {
        /// The file.
        path: PathBuf,
    },
    /// The database does not understand the question: its tables are not those expected.
    #[error("{} cannot answer ({why}): its tables are not those of this format", path.display())]
    Question {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
}

impl Foreign {
    /// Opens a database for reading; a question waits for a lock as long as `patience` says.
    pub fn open(path: &Path, patience: Duration) -> Result<Foreign, ForeignError> {
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ForeignError::Missing { path: path.to_owned() });
            }
            Err(error) => {
                return Err(ForeignError::Unreadable { path: path.to_owned(), why: error.to_string() });
            }
        }
        if beside(path, "-shm").exists() && !beside(path, "-wal").exists() && keeps_log(path) {
            return Err(ForeignError::LogMissing { path: path.to_owned() });
        }
        let fault = |error: rusqlite::Error| ForeignError::of(path, &error);
        // Read-only, without `immutable`: the other program may be writing.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(fault)?;
        conn.busy_timeout(patience).map_err(fault)?;
        conn.execute_batch(
            "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )
        .map_err(fault)?;
        let _tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
        let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(fault)?;
        let log = (mode == "wal").then(|| beside(path, "-wal"));
        Ok(Foreign { conn, path: path.to_owned(), log })
    }

    /// Returns a number that changes when the other program has written.
    pub fn data_version(&self) -> Result<i64, ForeignError> {
        if self.log.as_ref().is_some_and(|log| !log.exists()) {
            return Err(ForeignError::LogMissing { path: self.path.clone() });
        }
        let version = self.conn.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| ForeignError::of(&self.path, &error))
    }

    /// Returns the columns of a table or view; `None` where there is none of that name.
    pub fn columns(&self, table: &str) -> Result<Option<Vec<String>>, ForeignError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            // 1 is a hidden column of a virtual table; 2 and 3 are computed ones, which can be read.
            let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1";
            self.conn.prepare(sql)?.query_map([table], |row| row.get(0))?.collect()
        };
        let columns = read().map_err(|error| ForeignError::of(&self.path, &error))?;
        Ok(Some(columns).filter(|columns| !columns.is_empty()))
    }

    /// Asks a question, from a value of its cursor column on, and shows each row of the answer with its
    /// number, from 1.
    pub fn rows(
        &self,
        query: &Query,
        after: Option<&Value>,
        visit: &mut dyn FnMut(&Row<'_>, u64),
    ) -> Result<(), ForeignError> {
        self.answer(query, after, visit).map_err(|error| ForeignError::of(&self.path, &error))
    }

    fn answer(
        &self,
        query: &Query,
        after: Option<&Value>,
        visit: &mut dyn FnMut(&Row<'_>, u64),
    ) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare(&query.sql)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        if statement.parameter_count() > 0 {
            match after {
                Some(value) => statement.raw_bind_parameter(1, Bound(value))?,
                None => statement.raw_bind_parameter(1, Null)?,
            }
        }
        let mut values = Vec::with_capacity(columns.len());
        let mut rows = statement.raw_query();
        let mut number = 0;
        while let Some(row) = rows.next()? {
            number += 1;
            values.clear();
            for index in 0..columns.len() {
                values.push(value(row.get_ref(index)?));
            }
            visit(&Row { columns: &columns, values: &values }, number);
        }
        Ok(())
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Says whether a database's header names a write-ahead log.
fn keeps_log(path: &Path) -> bool {
    let mut header = [0_u8; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..] == [2, 2]
}

impl ForeignError {
    fn of(path: &Path, error: &rusqlite::Error) -> ForeignError {
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ForeignError::Locked { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ForeignError::Corrupt { path, why },
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed,
            ) => ForeignError::Unreadable { path, why },
            _ => ForeignError::Question { path, why },
        }
    }
}

/// A value as a parameter.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Real(text) => ToSqlOutput::Borrowed(ValueRef::Real(text.parse().unwrap_or(0.0))),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn value(raw: ValueRef<'_>) -> Value {
    match raw {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(shortest(number)),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    }
}

/// Returns the shortest text that reads back as the same number; with an exponent where the number is
/// very large or very small.
fn shortest(number: f64) -> String {
    let (plain, short) = (number.to_string(), format!("{number:e}"));
    if plain.len() <= 24 { plain } else { short }
}
