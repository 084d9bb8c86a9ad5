//! Opening: the file and its permissions, whose it is, and which schema it has.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::StoreError;

/// `OutL`: marks a SQLite file as a store of ours.
const APPLICATION_ID: i64 = 0x4f75_744c;
/// The schema, step by step. A step that has been released is never edited.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];
/// How long to wait for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the smallest SQLite database.
const SMALLEST: u64 = 512;
/// Tries to switch to WAL, which does not wait by itself.
const WAL_TRIES: u32 = 500;

/// Whose file it is and how far it has been brought.
enum Standing {
    Empty,
    Ours(i64),
    Foreign,
}

/// Opens for writing; makes file and directory where they are missing, and brings the schema up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    create_file(path).map_err(|error| StoreError::unusable(path, &error))?;
    refuse_stub(path)?;
    let fault = |error: rusqlite::Error| StoreError::of(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(fault)?;
    conn.busy_timeout(PATIENCE).map_err(fault)?;
    let standing = standing(&conn).map_err(fault)?;
    if let Err(refusal) = accept(path, &standing) {
        // A refused file stays as it is, down to a log that a crash has left beside it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
        return Err(refusal);
    }
    migrate(path, &mut conn)?;
    use_wal(&conn).map_err(fault)?;
    conn.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;",
    )
    .map_err(fault)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens for reading only.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    refuse_stub(path)?;
    let fault = |error: rusqlite::Error| StoreError::of(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(fault)?;
    conn.busy_timeout(PATIENCE).map_err(fault)?;
    let standing = standing(&conn).map_err(fault)?;
    accept(path, &standing)?;
    match standing {
        Standing::Ours(found) if found == known() => {}
        Standing::Ours(found) => return Err(StoreError::Older { found, known: known() }),
        Standing::Empty | Standing::Foreign => return Err(StoreError::Missing { path: path.to_owned() }),
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Makes an empty file that only its owner may read. It appears under its name only after our handle
/// is closed: closing one would drop the locks that another thread has taken on the same file.
fn create_file(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let fresh = tempfile::Builder::new().prefix(".outlay-").tempdir_in(parent)?;
    let empty = fresh.path().join("store");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&empty)?;
    match fs::hard_link(&empty, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no hard links. Whoever loses this race has renamed an empty file
        // over an empty file.
        Err(_) if !path.exists() => fs::rename(&empty, path),
        done => done,
    }
}

/// Refuses a file too short to be a database: SQLite takes one for empty and writes over it.
fn refuse_stub(path: &Path) -> Result<(), StoreError> {
    let length = fs::metadata(path).map_err(|error| StoreError::unusable(path, &error))?.len();
    if (1..SMALLEST).contains(&length) {
        let why = format!("it has {length} bytes, a database has at least {SMALLEST}");
        return Err(StoreError::Corrupt { path: path.to_owned(), why });
    }
    Ok(())
}

fn standing(conn: &Connection) -> rusqlite::Result<Standing> {
    let tx = conn.unchecked_transaction()?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 = tx.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(match (application, tables, version) {
        (APPLICATION_ID, ..) => Standing::Ours(version),
        (0, 0, 0) => Standing::Empty,
        _ => Standing::Foreign,
    })
}

fn accept(path: &Path, standing: &Standing) -> Result<(), StoreError> {
    match *standing {
        Standing::Foreign => Err(StoreError::Foreign { path: path.to_owned() }),
        Standing::Ours(found) if found > known() => Err(StoreError::Newer { found, known: known() }),
        Standing::Ours(_) | Standing::Empty => Ok(()),
    }
}

/// Brings the schema up to date, in one transaction: of two processes that come at once, the second
/// finds the work done.
fn migrate(path: &Path, conn: &mut Connection) -> Result<(), StoreError> {
    let fault = |error: rusqlite::Error| StoreError::of(path, &error);
    if matches!(standing(conn).map_err(fault)?, Standing::Ours(found) if found == known()) {
        return Ok(());
    }
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fault)?;
    if found > known() {
        return Err(StoreError::Newer { found, known: known() });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(step).map_err(fault)?;
    }
    tx.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", known()))
        .map_err(fault)?;
    tx.commit().map_err(fault)
}

#[expect(
    clippy::disallowed_methods,
    reason = "SQLite does not wait here, and there is no channel to wait on"
)]
fn use_wal(conn: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let answer: rusqlite::Result<String> =
            conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match answer {
            // A file system without shared memory keeps its own mode; the store works there as well.
            Ok(_) => return Ok(()),
            Err(error) if tries < WAL_TRIES && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}
