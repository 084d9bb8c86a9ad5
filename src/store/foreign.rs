//! Reading other programs' SQLite databases: never a write, never a lock held longer than an answer.

use std::cmp::Ordering;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use crate::wire::format::Query;
use crate::wire::row::{Row, Value};

/// How long to wait while the other program writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A foreign database, open for reading only.
pub struct Foreign {
    conn: Connection,
    path: PathBuf,
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
    /// Opens a database for reading.
    pub fn open(path: &Path) -> Result<Foreign, ForeignError> {
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(ForeignError::Missing { path: path.to_owned() });
            }
            Err(error) => {
                return Err(ForeignError::Unreadable { path: path.to_owned(), why: error.to_string() });
            }
        }
        let fault = |error: rusqlite::Error| ForeignError::of(path, &error);
        // Read-only, without `immutable`: the other program may be writing.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags).map_err(fault)?;
        conn.busy_timeout(PATIENCE).map_err(fault)?;
        conn.execute_batch(
            "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
        )
        .map_err(fault)?;
        let _tables: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
        Ok(Foreign { conn, path: path.to_owned() })
    }

    /// Returns a number that changes when the other program has written.
    pub fn data_version(&self) -> Result<i64, ForeignError> {
        let version = self.conn.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| ForeignError::of(&self.path, &error))
    }

    /// Returns the columns of a table or view; `None` where there is none of that name.
    pub fn columns(&self, table: &str) -> Option<Vec<String>> {
        let read = || -> rusqlite::Result<Vec<String>> {
            // 1 is a hidden column of a virtual table; 2 and 3 are computed ones, which can be read.
            let sql = "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1";
            self.conn.prepare(sql)?.query_map([table], |row| row.get(0))?.collect()
        };
        read().ok().filter(|columns| !columns.is_empty())
    }

    /// Asks a question and shows each row of the answer with its number, from 1. Returns the cursor to
    /// go on from next time: the largest value of the question's cursor column so far.
    pub fn rows(
        &self,
        query: &Query,
        after: Option<&Value>,
        visit: &mut dyn FnMut(&Row<'_>, u64),
    ) -> Result<Option<Value>, ForeignError> {
        self.answer(query, after, visit).map_err(|error| ForeignError::of(&self.path, &error))
    }

    fn answer(
        &self,
        query: &Query,
        after: Option<&Value>,
        visit: &mut dyn FnMut(&Row<'_>, u64),
    ) -> rusqlite::Result<Option<Value>> {
        let mut statement = self.conn.prepare(&query.sql)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let cursor_column = query
            .cursor
            .as_ref()
            .and_then(|cursor| columns.iter().position(|name| name.eq_ignore_ascii_case(cursor)));
        if statement.parameter_count() > 0 {
            match after {
                Some(value) => statement.raw_bind_parameter(1, Bound(value))?,
                None => statement.raw_bind_parameter(1, Null)?,
            }
        }
        let mut cursor = after.cloned();
        let mut values = Vec::with_capacity(columns.len());
        let mut rows = statement.raw_query();
        let mut number = 0;
        while let Some(row) = rows.next()? {
            number += 1;
            values.clear();
            for index in 0..columns.len() {
                values.push(value(row.get_ref(index)?));
            }
            if let Some(seen) = cursor_column.and_then(|index| values.get(index))
                && cursor.as_ref().is_none_or(|held| order(seen, held) == Ordering::Greater)
                && *seen != Value::Null
            {
                cursor = Some(seen.clone());
            }
            visit(&Row { columns: &columns, values: &values }, number);
        }
        Ok(cursor)
    }
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

/// Compares as SQLite does: nothing, then numbers, then text.
fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
    };
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Integer(_) | Value::Real(_), Value::Integer(_) | Value::Real(_)) => {
            real(left).total_cmp(&real(right))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn real(value: &Value) -> f64 {
    value.text().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
