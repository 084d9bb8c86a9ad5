//! Recording: which calls count, what they cost, and their sums, in one transaction.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use super::call::{self, Calls, Entry, Held, Key};
use super::figures::Figures;
use super::name::Names;
use super::rollup::Sheet;
use super::{StoreError, bad_line, check, mark, open, source};
use crate::domain::call::{Call, Cost};
use crate::domain::claim::{Claim, Copy};
use crate::domain::label::Label;
use crate::domain::mark::Mark;
use crate::domain::observation::Batch;
use crate::domain::rollup::{Change, Sign, Slice, Sums};
use crate::domain::time::{Millis, Timestamp};

/// A row further ahead than this counts when it arrives (`reliability.md` T11).
const AHEAD: Millis = Millis::from_minutes(5);
/// Calls priced anew at a time.
const REPRICED_AT_ONCE: i64 = 10_000;

/// The store, open for writing.
pub struct Store {
    conn: Connection,
    path: PathBuf,
    names: Names,
}

/// What recording changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What now counts, and what no longer does.
    pub changes: Vec<Change>,
    /// Records dropped as copies, by [`Copy`](enum@Copy).
    pub copies: [u64; Copy::ALL.len()],
    /// Calls seen for the first time.
    pub added: u64,
    /// Those of them that claim a time in the future and are counted now.
    pub ahead: u64,
}

impl Store {
    /// Opens the store at a path; makes it, for its owner alone, where there is none.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        Ok(Store { conn: open::writer(path)?, path: path.to_owned(), names: Names::default() })
    }

    /// Records a step forward in one source.
    pub fn record(
        &mut self,
        batch: &Batch,
        price: &mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.record_all(std::slice::from_ref(batch), price, now)
    }

    /// Records many steps in one transaction: all of them or, with an error, none.
    pub fn record_all(
        &mut self,
        batches: &[Batch],
        price: &mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.write(|conn, names| {
            let mut desk = Desk::new(conn, names, price, now)?;
            for batch in batches {
                desk.take(batch)?;
            }
            desk.close()
        })
    }

    /// Prices the calls whose cost is not known yet. Costs once known stay as they are.
    pub fn reprice_unpriced(
        &mut self,
        price: &mut dyn FnMut(&Call) -> Cost,
    ) -> Result<Vec<Change>, StoreError> {
        self.write(|conn, names| {
            let mut desk = Desk::new(conn, names, price, Timestamp::MAX)?;
            let mut after = 0;
            loop {
                let unpriced = call::unpriced_after(conn, after, REPRICED_AT_ONCE)?;
                let Some(last) = unpriced.last() else { break };
                after = last.row;
                for held in unpriced {
                    desk.reprice(held)?;
                }
            }
            desk.close().map(|applied| applied.changes)
        })
    }

    /// Returns how far each source has been read.
    pub fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        mark::all(&self.conn).map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Returns a number that changes when another program commits to the store, never by our own commits.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        let version = self.conn.query_row("PRAGMA data_version", [], |row| row.get(0));
        version.map_err(|error| StoreError::of(&self.path, &error))
    }

    /// Compares every sum with the calls it stands for, and returns what differs, in plain words.
    pub fn check_books(&self) -> Result<Vec<String>, StoreError> {
        check::books(&self.conn).map_err(|error| StoreError::of(&self.path, &error))
    }

    fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Names) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let Store { conn, path, names } = self;
        let run = || {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&tx, names)?;
            tx.commit()?;
            Ok(done)
        };
        run().map_err(|error| {
            // Numbers given in a transaction that did not happen are not to be used again.
            *names = Names::default();
            StoreError::of(path, &error)
        })
    }
}

/// One transaction at work.
struct Desk<'a> {
    conn: &'a Connection,
    names: &'a mut Names,
    price: &'a mut dyn FnMut(&Call) -> Cost,
    now: Timestamp,
    calls: Calls<'a>,
    sheet: Sheet,
    applied: Applied,
}

impl<'a> Desk<'a> {
    fn new(
        conn: &'a Connection,
        names: &'a mut Names,
        price: &'a mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> rusqlite::Result<Desk<'a>> {
        let calls = Calls::new(conn)?;
        Ok(Desk { conn, names, price, now, calls, sheet: Sheet::default(), applied: Applied::default() })
    }

    fn take(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let source = self.names.id(self.conn, batch.source.as_str())?;
        let before = self.applied.copies;
        for call in &batch.decoded.calls {
            self.take_call(call, batch.source, source)?;
        }
        let mut copies = self.applied.copies;
        for (count, earlier) in copies.iter_mut().zip(before) {
            *count -= earlier;
        }
        source::tally(self.conn, source, batch, &copies, self.now)?;
        bad_line::keep(self.conn, source, &batch.decoded.bad)?;
        match &batch.mark {
            Some(mark) => mark::set(self.conn, mark, self.now),
            None => Ok(()),
        }
    }

    fn take_call(&mut self, call: &Call, label: Label, source: i64) -> rusqlite::Result<()> {
        let key = Key::of(call, source, self.conn, self.names)?;
        let mut entry = Entry::of(call, key);
        let is_ahead = call.at > self.now.after(AHEAD);
        if is_ahead {
            entry.stated = Some(call.at);
            entry.at = self.now;
        }
        let rivals = self.calls.of_identity(call.id)?;
        let Some(held) = joined(rivals, &call.claim) else {
            self.cost_and_count(&mut entry, call, label);
            self.applied.added += 1;
            self.applied.ahead += u64::from(is_ahead);
            return self.calls.insert(&entry);
        };
        let wins = call.claim.beats(&call.tokens, &held.entry.claim, &held.entry.tokens);
        let claim = merged(wins, &call.claim, &held.entry.claim);
        if entry.says_the_same(&held.entry) {
            let same_place = call.claim.nearness >= held.entry.claim.nearness;
            self.applied.copies[if same_place { Copy::Repeated } else { call.claim.loss() } as usize] += 1;
            return self.reclaim(&held, &claim);
        }
        if !wins {
            self.applied.copies[call.claim.loss() as usize] += 1;
            return self.reclaim(&held, &claim);
        }
        self.applied.copies[Copy::Replaced as usize] += 1;
        entry.claim = claim;
        self.take_back(&held)?;
        self.cost_and_count(&mut entry, call, label);
        self.calls.replace(held.row, &entry)
    }

    /// Writes the claim of a row where it changed: the next record competes with the best so far.
    fn reclaim(&mut self, held: &Held, claim: &Claim) -> rusqlite::Result<()> {
        if *claim == held.entry.claim {
            return Ok(());
        }
        self.calls.reclaim(held.row, claim)
    }

    fn reprice(&mut self, held: Held) -> rusqlite::Result<()> {
        let (call, label) = held.entry.call(self.conn, self.names)?;
        if (self.price)(&call) == Cost::Unpriced {
            return Ok(());
        }
        self.take_back(&held)?;
        let mut entry = held.entry;
        self.cost_and_count(&mut entry, &call, label);
        self.calls.replace(held.row, &entry)
    }

    fn cost_and_count(&mut self, entry: &mut Entry, call: &Call, source: Label) {
        entry.cost = if entry.at == call.at {
            (self.price)(call)
        } else {
            (self.price)(&Call { at: entry.at, ..call.clone() })
        };
        let sums = Sums::of(call, entry.cost);
        self.sheet.add(entry.at, entry.key, &Figures::of(&sums));
        let slice = Slice::of(call, source);
        self.applied.changes.push(Change { at: entry.at, slice, sums, sign: Sign::Adds });
    }

    fn take_back(&mut self, held: &Held) -> rusqlite::Result<()> {
        let sums = held.entry.sums();
        self.sheet.take_back(held.entry.at, held.entry.key, &Figures::of(&sums));
        let slice = super::rollup::slice_of(&held.entry.key, self.conn, self.names)?;
        self.applied.changes.push(Change { at: held.entry.at, slice, sums, sign: Sign::TakesBack });
        Ok(())
    }

    fn close(self) -> rusqlite::Result<Applied> {
        for (source, calls) in self.sheet.write(self.conn)? {
            if calls != 0 {
                source::add_calls(self.conn, source, calls)?;
            }
        }
        Ok(self.applied)
    }
}

/// Returns the held row that a record belongs to: the one of its own request first.
fn joined(rivals: Vec<Held>, claim: &Claim) -> Option<Held> {
    let exact = rivals.iter().position(|held| held.entry.claim.request == claim.request);
    let index = exact.or_else(|| rivals.iter().position(|held| claim.same_call(&held.entry.claim)))?;
    rivals.into_iter().nth(index)
}

/// Returns the claim that stands after a contest. A request once known stays known, whichever record
/// named it.
fn merged(wins: bool, new: &Claim, held: &Claim) -> Claim {
    let (winner, loser) = if wins { (new, held) } else { (held, new) };
    Claim { request: winner.request.or(loser.request), ..*winner }
}
