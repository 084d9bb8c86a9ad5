//! The table `guard`, and the lock by which a guard can be seen to live.
//!
//! A guard holds a lock on a file beside the store, named by the number of its run. The system lets go
//! of it when the process ends, however it ends. Who can take the lock knows that the guard is dead.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::domain::cap::CapRev;
use crate::domain::label::Label;
use crate::domain::time::Timestamp;
use crate::store::{Reader, StoreError};

/// The lock of a run.
pub(super) struct Life {
    path: PathBuf,
    _lock: File,
}

/// What the lock of a run says.
pub(super) enum Pulse {
    Alive,
    /// The run is over. As long as this is kept, nobody else finds so.
    Dead(Option<Life>),
}

impl Life {
    /// Makes and takes the lock of a run.
    pub(super) fn take(store: &Path, boot: i64) -> Result<Life, StoreError> {
        let path = path(store, boot);
        let fault = |error: std::io::Error| StoreError::unusable(store, &error);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(fault)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => fault(error),
            TryLockError::WouldBlock => StoreError::Locked { path: store.to_owned() },
        })?;
        Ok(Life { path, _lock: file })
    }

    /// Says whether the lock's file is still where others look for it.
    pub(super) fn is_visible(&self) -> bool {
        self.path.exists()
    }

    /// Takes the file away: the run has ended in order, or is accounted for.
    pub(super) fn bury(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Feels whether a run is alive. What cannot be told counts as alive.
pub(super) fn pulse(store: &Path, boot: i64) -> Pulse {
    let path = path(store, boot);
    match OpenOptions::new().append(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Pulse::Dead(None),
        Err(_) => Pulse::Alive,
        Ok(file) => match file.try_lock() {
            Ok(()) => Pulse::Dead(Some(Life { path, _lock: file })),
            Err(_) => Pulse::Alive,
        },
    }
}

fn path(store: &Path, boot: i64) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(format!(".guard-{boot:016x}"));
    PathBuf::from(name)
}

/// A run of a guard, as it last told of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRow {
    /// Its name.
    pub name: Label,
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub listen: Label,
    /// When it started.
    pub started: Timestamp,
    /// When it last told of itself.
    pub seen: Timestamp,
    /// The caps it judges by.
    pub rev: CapRev,
    /// Calls in flight.
    pub in_flight: u64,
    /// Calls let through since it started.
    pub admitted: u64,
    /// Calls refused since it started.
    pub refused: u64,
    /// What people should see.
    pub note: Option<Label>,
    /// Whether its process lives. Where it does not, the next sweep closes its holds.
    pub alive: bool,
}

/// Who a run is: written when it begins, and again where the store has forgotten it.
pub(super) struct Person {
    pub(super) boot: i64,
    pub(super) name: Label,
    pub(super) pid: u32,
    pub(super) listen: Label,
    pub(super) started: Timestamp,
}

/// Writes that a run lives.
pub(super) fn enlist(conn: &Connection, person: &Person, rev: CapRev) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO guard (boot, name, pid, listen, started, seen, rev) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
         ON CONFLICT DO UPDATE SET ended = NULL",
        params![
            person.boot,
            person.name.as_str(),
            person.pid,
            person.listen.as_str(),
            person.started.millis(),
            rev.0.cast_signed()
        ],
    )
    .map(drop)
}

/// Returns the runs that have not ended, as far as the store knows.
pub(super) fn running(conn: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = conn.prepare_cached("SELECT boot FROM guard WHERE ended IS NULL ORDER BY boot")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Writes that a run has ended.
pub(super) fn end(conn: &Connection, boot: i64, at: Timestamp) -> rusqlite::Result<()> {
    conn.execute("UPDATE guard SET ended = ?2 WHERE boot = ?1", params![boot, at.millis()]).map(drop)
}

impl Reader {
    /// Returns the guards that have not ended, those that died unnoticed included, by name and start.
    pub fn guards(&self) -> Result<Vec<GuardRow>, StoreError> {
        let mut guards = self.read(|conn, _| {
            let mut statement = conn.prepare_cached(
                "SELECT boot, name, pid, listen, started, seen, rev, in_flight, admitted, refused, note
                 FROM guard WHERE ended IS NULL ORDER BY name, started, boot",
            )?;
            let rows = statement.query_map([], |row| {
                let count = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
                let label = |index: usize| row.get::<_, String>(index).map(|text| Label::new(&text));
                let guard = GuardRow {
                    name: label(1)?,
                    pid: row.get(2)?,
                    listen: label(3)?,
                    started: Timestamp::from_millis(row.get(4)?),
                    seen: Timestamp::from_millis(row.get(5)?),
                    rev: CapRev(count(6)?),
                    in_flight: count(7)?,
                    admitted: count(8)?,
                    refused: count(9)?,
                    note: row.get::<_, Option<String>>(10)?.map(|note| Label::new(&note)),
                    alive: false,
                };
                Ok((row.get::<_, i64>(0)?, guard))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for (boot, guard) in &mut guards {
            guard.alive = matches!(pulse(self.path(), *boot), Pulse::Alive);
        }
        Ok(guards.into_iter().map(|(_, guard)| guard).collect())
    }
}
