//! The connection of a guard: opened, watched, and given up where the file is no longer the store.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::name::Names;
use crate::store::{StoreError, open};

/// What every database begins with.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// A file, whatever its name.
type FileKey = (u64, u64);

/// Files of stores, open for looking at their first bytes. As long as a file has a name it is not closed: closing
/// any descriptor of a file gives up the locks that SQLite holds on it in this process. One without a name is no
/// store any more, for anybody.
static HEADERS: LazyLock<Mutex<BTreeMap<FileKey, File>>> = LazyLock::new(Mutex::default);

/// How long to wait for another process's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Most of a second.
    Usual,
    /// A tenth: the store is known to be locked, and callers are waiting for an answer.
    Short,
    /// Not at all.
    None,
}

/// A connection to a store.
pub(super) struct Session {
    pub(super) conn: Connection,
    pub(super) names: Names,
    /// Whether the store knows that this guard lives.
    pub(super) enlisted: bool,
    path: PathBuf,
    file: FileKey,
    identity: Vec<u8>,
    version: i64,
    full: Option<bool>,
}

impl Session {
    /// Opens the store at a path; makes it where there is none.
    pub(super) fn open(path: &Path) -> Result<Session, StoreError> {
        Session::over(path, open::writer(path)?)
    }

    /// Opens the store again: it must be there, and be the one it was.
    pub(super) fn reopen(path: &Path, identity: &[u8]) -> Result<Session, StoreError> {
        let session = Session::over(path, open::existing(path)?)?;
        if session.identity != identity {
            return Err(StoreError::Replaced { path: path.to_owned() });
        }
        Ok(session)
    }

    fn over(path: &Path, conn: Connection) -> Result<Session, StoreError> {
        let fault = |error: rusqlite::Error| StoreError::of(path, &error);
        let identity = conn.query_row("SELECT identity FROM vault", [], |row| row.get(0)).map_err(fault)?;
        // The log is moved by the writing thread, so that no asker waits for it. A guard reads and writes the newest
        // pages alone: few need to be at hand.
        conn.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4096").map_err(fault)?;
        let file = look(path)?;
        let names = Names::default();
        let path = path.to_owned();
        // No version is negative: the first look finds a change.
        Ok(Session { conn, names, enlisted: false, path, file, identity, version: -1, full: None })
    }

    /// Returns what tells this store from others.
    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// Says what is wrong with the file, if it is no longer the store that was opened.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if look(&self.path)? == self.file {
            Ok(())
        } else {
            Err(StoreError::Replaced { path: self.path.clone() })
        }
    }

    /// Says whether others have written since the last look.
    pub(super) fn has_news(&mut self) -> rusqlite::Result<bool> {
        let version =
            self.conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get::<_, i64>(0))?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }

    /// Forgets what was seen: the next look finds a change.
    pub(super) fn forget(&mut self) {
        self.version = -1;
    }

    /// Says how long to wait for others, and whether a commit waits for the disk.
    pub(super) fn prepare(&mut self, patience: Patience, full: bool) -> rusqlite::Result<()> {
        let handler: Option<fn(i32) -> bool> = match patience {
            Patience::Usual => Some(wait_long),
            Patience::Short => Some(wait_a_little),
            Patience::None => None,
        };
        self.conn.busy_handler(handler)?;
        if self.full != Some(full) {
            let word = if full { "FULL" } else { "NORMAL" };
            self.conn.execute_batch(&format!("PRAGMA synchronous = {word}"))?;
            self.full = Some(full);
        }
        Ok(())
    }

    /// Begins a transaction that may write.
    pub(super) fn begin(&self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    /// Commits it. From then on the store knows that this guard lives.
    pub(super) fn end(&mut self) -> rusqlite::Result<()> {
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        self.enlisted = true;
        Ok(())
    }

    /// Moves the rest of what is in the log into the store, so that the log begins anew.
    pub(super) fn checkpoint(&self) {
        checkpoint(&self.conn);
    }

    /// Undoes what was not committed.
    pub(super) fn undo(&mut self) {
        if !self.conn.is_autocommit() && self.conn.execute_batch("ROLLBACK").is_err() {
            // Whatever it is: the next look opens the store anew.
            self.file = (0, 0);
        }
        self.names = Names::default();
        self.forget();
    }
}

/// Moves what is in the log of a store into it, while others go on writing.
pub(super) fn checkpoint_beside(path: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if let Ok(conn) = Connection::open_with_flags(path, flags) {
        checkpoint(&conn);
    }
}

/// Moves what no reader needs. What cannot be moved now is moved the next time.
fn checkpoint(conn: &Connection) {
    let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}

/// Returns which file a path leads to, if it is one that can be used.
fn look(path: &Path) -> Result<FileKey, StoreError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        found => found.map_err(|error| StoreError::unusable(path, &error))?,
    };
    if found.mode() & 0o200 == 0 {
        return Err(StoreError::ReadOnly { path: path.to_owned() });
    }
    let key = (found.dev(), found.ino());
    let mut header = [0; HEADER.len()];
    read_header(path, key, &mut header).map_err(|error| StoreError::unusable(path, &error))?;
    if header != *HEADER {
        let why = "it does not begin as a database does".to_owned();
        return Err(StoreError::Corrupt { path: path.to_owned(), why });
    }
    Ok(key)
}

fn read_header(path: &Path, key: FileKey, header: &mut [u8]) -> std::io::Result<()> {
    let mut files = HEADERS.lock().unwrap_or_else(PoisonError::into_inner);
    if !files.contains_key(&key) {
        files.retain(|_, file| file.metadata().is_ok_and(|found| found.nlink() > 0));
    }
    let file = match files.entry(key) {
        std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::btree_map::Entry::Vacant(place) => place.insert(File::open(path)?),
    };
    let read = file.read_at(header, 0)?;
    header[read..].fill(0);
    Ok(())
}

/// Waits for another process, 0.8 s in all: callers want their answer within a second. The steps are
/// short, so that of two guards neither waits long for the other.
fn wait_long(tries: i32) -> bool {
    wait(tries, 400)
}

fn wait_a_little(tries: i32) -> bool {
    wait(tries, 50)
}

fn wait(tries: i32, most: i32) -> bool {
    let step = if tries < 8 { Duration::from_micros(250) } else { Duration::from_millis(2) };
    thread::park_timeout(step);
    tries < most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_let_go_once_it_has_no_name_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, HEADER).unwrap();
            (look(&path).unwrap(), path)
        };
        let is_open = |key: FileKey| HEADERS.lock().unwrap().contains_key(&key);
        let ((gone, path), (moved, other)) = (store("a"), store("b"));
        fs::remove_file(path).unwrap();
        fs::rename(other, folder.path().join("c")).unwrap();
        assert!(is_open(gone) && is_open(moved));
        store("d");
        assert!(!is_open(gone) && is_open(moved));
    }
}
