//! Opening: the file and its permissions, whose it is, and which schema it has.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{StoreError, folder};

/// `OutL`: marks a SQLite file as a store of ours.
const APPLICATION_ID: i64 = 0x4f75_744c;
/// The schema, step by step. A step that has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
];
/// How long to wait for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the smallest SQLite database.
const SMALLEST: u64 = 512;

/// Whose file it is and how far it has been brought.
enum Standing {
    Empty,
    Ours(i64),
    Foreign,
}

/// Opens for writing; makes file and folder where they are missing, and brings the schema up to date.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let folder = folder::prepare(path)?;
    if !path.exists() {
        create(path, folder)?;
    }
    existing(path)
}

/// Opens for writing a store that is there, and brings its schema up to date.
pub(super) fn existing(path: &Path) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    refuse_stub(path)?;
    let fault = |error: rusqlite::Error| StoreError::of(path, &error);
    let mut conn = Connection::open_with_flags(path, WRITING).map_err(fault)?;
    conn.busy_timeout(PATIENCE).map_err(fault)?;
    let standing = standing(&conn).map_err(fault)?;
    if let Err(refusal) = accept(path, &standing) {
        // A refused file stays as it is, down to a log that a crash has left beside it.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
        return Err(refusal);
    }
    // SQLite opens a file that it may not write for reading, and says so only at the first write.
    if conn.is_readonly("main").map_err(fault)? {
        return Err(StoreError::ReadOnly { path: path.to_owned() });
    }
    migrate(path, &mut conn)?;
    use_wal(&conn).map_err(fault)?;
    conn.execute_batch(
        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;
         PRAGMA wal_autocheckpoint = 16384; PRAGMA trusted_schema = OFF;",
    )
    .map_err(fault)?;
    // Statements are used many thousand times: none is to be planned anew because a value was bound to it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

const WRITING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens for reading only.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    if fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    refuse_stub(path)?;
    let (conn, standing) = look(path).map_err(|error| StoreError::of(path, &error))?;
    accept(path, &standing)?;
    match standing {
        Standing::Ours(found) if found == known() => {}
        Standing::Ours(found) => return Err(StoreError::Older { found, known: known() }),
        Standing::Empty | Standing::Foreign => return Err(StoreError::Missing { path: path.to_owned() }),
    }
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens for reading. Where nothing may be written beside the file, as on a read-only disk, it is read
/// as a file that nobody changes; a log beside it would then be missed, so that is refused.
fn look(path: &Path) -> rusqlite::Result<(Connection, Standing)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |path: &Path, flags| {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(PATIENCE)?;
        let standing = standing(&conn)?;
        Ok((conn, standing))
    };
    open(path, flags).or_else(|error: rusqlite::Error| {
        let refused = matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly));
        if !refused || has_log(path) {
            return Err(error);
        }
        open(Path::new(&unchanging(path)), flags | OpenFlags::SQLITE_OPEN_URI)
    })
}

fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).is_ok_and(|log| log.is_file() && log.len() > 0)
}

/// Returns the address of a file that nobody changes.
fn unchanging(path: &Path) -> OsString {
    let mut address = b"file:".to_vec();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => address.extend(format!("%{byte:02x}").into_bytes()),
            _ => address.push(byte),
        }
    }
    address.extend(b"?immutable=1");
    OsString::from_vec(address)
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Makes an empty store that only its owner may read. It appears under its name complete: whoever comes
/// at the same time finds no store, or one that is ready.
fn create(path: &Path, folder: &Path) -> Result<(), StoreError> {
    let unusable = |error| StoreError::unusable(path, &error);
    let fault = |error: rusqlite::Error| StoreError::of(path, &error);
    let fresh = tempfile::Builder::new().prefix(".outlay-").tempdir_in(folder).map_err(unusable)?;
    let store = fresh.path().join("store");
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&store);
    drop(file.map_err(unusable)?);
    let mut conn = Connection::open_with_flags(&store, WRITING).map_err(fault)?;
    use_wal(&conn).map_err(fault)?;
    migrate(path, &mut conn)?;
    conn.close().map_err(|(_, error)| fault(error))?;
    match fs::hard_link(&store, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no hard links.
        Err(_) if !path.exists() => fs::rename(&store, path).map_err(unusable),
        done => done.map_err(unusable),
    }
}

/// Refuses a file too short to be a database: SQLite takes one for empty and writes over it.
fn refuse_stub(path: &Path) -> Result<(), StoreError> {
    let found = fs::metadata(path).map_err(|error| StoreError::unusable(path, &error))?;
    if found.is_dir() {
        return Err(StoreError::Folder { path: path.to_owned() });
    }
    let length = found.len();
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
        Standing::Ours(found) if found > known() => Err(newer(path, found)),
        Standing::Ours(_) | Standing::Empty => Ok(()),
    }
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer { path: path.to_owned(), found, known: known() }
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
        return Err(newer(path, found));
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        tx.execute_batch(step).map_err(fault)?;
    }
    tx.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {}", known()))
        .map_err(fault)?;
    tx.commit().map_err(fault)
}

/// Asks for a write-ahead log, with which readers never wait.
///
/// A file system without shared memory keeps its own mode, and so does a file that another process is
/// reading this moment: the store works there as well, and the next to open it asks again.
fn use_wal(conn: &Connection) -> rusqlite::Result<()> {
    let answer = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
    let mode = match answer {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => String::new(),
        answer => answer?,
    };
    let sync = if mode == "wal" { "NORMAL" } else { "FULL" };
    conn.execute_batch(&format!("PRAGMA synchronous = {sync}"))
}
