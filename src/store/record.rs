//! Recording: which calls count, what they cost, and their sums, in one transaction.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::call::{self, Calls, Entry, Held};
use super::figures::Figures;
use super::name::Names;
use super::rollup::Sheet;
use super::slice::Key;
use super::source::Turnover;
use super::{StoreError, bad_line, check, mark, open, source};
use crate::domain::call::{Call, Cost};
use crate::domain::claim::{Claim, Copy};
use crate::domain::label::Label;
use crate::domain::mark::Mark;
use crate::domain::observation::{BadLine, Batch};
use crate::domain::rollup::{Change, Sign, Slice};
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
    /// How many records of each source were dropped as copies.
    pub copies: BTreeMap<Label, u64>,
    /// How many of these were bad lines: they are bad lines of that source no longer.
    pub bad_copies: BTreeMap<Label, u64>,
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
        self.take_all(batches, Telling::Changes, price, now)
    }

    /// Records like [`Store::record_all`], and leaves the list of changes empty: an import can be large.
    pub fn import_all(
        &mut self,
        batches: &[Batch],
        price: &mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.take_all(batches, Telling::Counts, price, now)
    }

    fn take_all(
        &mut self,
        batches: &[Batch],
        telling: Telling,
        price: &mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        self.write(|conn, names| {
            let mut desk = Desk::new(conn, names, price, now)?;
            desk.telling = telling;
            for batch in batches {
                desk.take(batch)?;
            }
            desk.close()
        })
    }

    /// Prices the calls whose cost is not known yet, unless this was done with the same prices before:
    /// `book` is their fingerprint. Costs once known stay as they are. Returns how many calls got a price.
    pub fn reprice_unpriced(
        &mut self,
        book: u64,
        price: &mut dyn FnMut(&Call) -> Cost,
    ) -> Result<u64, StoreError> {
        let known = fingerprint(&self.conn).map_err(|error| StoreError::of(&self.path, &error))?;
        if known == Some(book) {
            return Ok(0);
        }
        self.write(|conn, names| {
            let mut desk = Desk::new(conn, names, price, Timestamp::MAX)?;
            let (mut after, mut priced) = (0, 0);
            loop {
                let unpriced = call::unpriced_after(conn, after, REPRICED_AT_ONCE)?;
                let Some(last) = unpriced.last() else { break };
                after = last.row;
                for held in unpriced {
                    priced += u64::from(desk.reprice(held)? == Repriced::Yes);
                }
            }
            desk.close()?;
            conn.execute("INSERT OR REPLACE INTO price_book VALUES (1, ?1)", [book.cast_signed()])?;
            Ok(priced)
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

    pub(super) fn write<T>(
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

/// Returns the fingerprint of the prices that calls without a cost were last looked up in.
fn fingerprint(conn: &Connection) -> rusqlite::Result<Option<u64>> {
    let found = conn.query_row("SELECT fingerprint FROM price_book", [], |row| row.get::<_, i64>(0));
    found.optional().map(|found| found.map(i64::cast_unsigned))
}

/// Whether a call got a price.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repriced {
    Yes,
    No,
}

/// How much is said of what a transaction did.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    Changes,
    Counts,
}

/// One transaction at work.
pub(super) struct Desk<'a> {
    conn: &'a Connection,
    names: &'a mut Names,
    price: &'a mut dyn FnMut(&Call) -> Cost,
    now: Timestamp,
    calls: Calls<'a>,
    sheet: Sheet,
    turnovers: HashMap<i64, Turnover>,
    telling: Telling,
    applied: Applied,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        names: &'a mut Names,
        price: &'a mut dyn FnMut(&Call) -> Cost,
        now: Timestamp,
    ) -> rusqlite::Result<Desk<'a>> {
        let calls = Calls::new(conn)?;
        let (sheet, turnovers, applied) = (Sheet::default(), HashMap::new(), Applied::default());
        let telling = Telling::Counts;
        Ok(Desk { conn, names, price, now, calls, sheet, turnovers, telling, applied })
    }

    pub(super) fn take(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let source = self.names.id(self.conn, batch.source.as_str())?;
        for call in &batch.decoded.calls {
            self.take_call(call, batch.source, source)?;
        }
        source::tally(self.conn, source, batch, self.now)?;
        self.take_bad(batch, source)?;
        match &batch.mark {
            Some(mark) => mark::set(self.conn, mark, self.now),
            None => Ok(()),
        }
    }

    /// Counts each bad line once: in the source whose fingerprint is the least, as with equal claims to a
    /// call. Everywhere else it is a copy.
    fn take_bad(&mut self, batch: &Batch, source: i64) -> rusqlite::Result<()> {
        let mut held_by = HashMap::new();
        for &fingerprint in &batch.decoded.fingerprints {
            let Some(holder) = bad_line::holder(self.conn, fingerprint)? else {
                bad_line::hold(self.conn, fingerprint, source)?;
                continue;
            };
            let held = self.names.label(self.conn, holder)?;
            let wins = batch.source.fingerprint() < held.fingerprint();
            if wins {
                bad_line::hold(self.conn, fingerprint, source)?;
            }
            let (loser, label) = if wins { (holder, held) } else { (source, batch.source) };
            self.drop_copy(loser, label, Copy::Repeated);
            self.turnovers.entry(loser).or_default().bad -= 1;
            *self.applied.bad_copies.entry(label).or_default() += 1;
            if holder != source {
                held_by.insert(fingerprint, (holder, wins));
            }
        }
        let other = |line: &BadLine| held_by.get(&line.fingerprint()).copied();
        for line in &batch.decoded.bad {
            if let Some((holder, true)) = other(line) {
                bad_line::remove(self.conn, holder, line)?;
            }
        }
        let mine = batch.decoded.bad.iter().filter(|line| !matches!(other(line), Some((_, false))));
        bad_line::keep(self.conn, source, mine)
    }

    fn take_call(&mut self, call: &Call, label: Label, source: i64) -> rusqlite::Result<()> {
        let key = Key::of(call, source, self.conn, self.names)?;
        let slice = self.names.slices.id(self.conn, &key)?;
        let mut entry = Entry::of(call, slice, key);
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
        let held_source = self.names.label(self.conn, held.entry.key.source)?;
        let (mine, theirs) =
            ((&call.tokens, label.fingerprint()), (&held.entry.tokens, held_source.fingerprint()));
        let wins = call.claim.wins(mine, &held.entry.claim, theirs);
        let claim = merged(wins, &call.claim, &held.entry.claim);
        if !wins {
            self.drop_copy(source, label, call.claim.loss());
            return self.reclaim(&held, &claim);
        }
        self.drop_copy(held.entry.key.source, held_source, held.entry.claim.loss());
        if !entry.says_the_same(&held.entry) {
            entry.claim = claim;
            self.take_back(&held)?;
            self.cost_and_count(&mut entry, call, label);
            return self.calls.replace(held.row, &entry);
        }
        if held.entry.key == key {
            return self.reclaim(&held, &claim);
        }
        // Nothing but its place is new: the cost stays what it was.
        self.take_back(&held)?;
        let moved = Entry { claim, slice, key, ..held.entry };
        self.count(&moved, Slice::of(call, label));
        self.calls.replace(held.row, &moved)
    }

    fn drop_copy(&mut self, source: i64, label: Label, why: Copy) {
        self.turnovers.entry(source).or_default().copies[why as usize] += 1;
        *self.applied.copies.entry(label).or_default() += 1;
    }

    /// Writes the claim of a row where it changed: the next record competes with the best so far.
    fn reclaim(&mut self, held: &Held, claim: &Claim) -> rusqlite::Result<()> {
        if *claim == held.entry.claim {
            return Ok(());
        }
        self.calls.reclaim(held.row, claim)
    }

    fn reprice(&mut self, held: Held) -> rusqlite::Result<Repriced> {
        let (call, label) = held.entry.call(self.conn, self.names)?;
        if (self.price)(&call) == Cost::Unpriced {
            return Ok(Repriced::No);
        }
        self.take_back(&held)?;
        let mut entry = held.entry;
        self.cost_and_count(&mut entry, &call, label);
        self.calls.replace(held.row, &entry)?;
        Ok(Repriced::Yes)
    }

    fn cost_and_count(&mut self, entry: &mut Entry, call: &Call, source: Label) {
        entry.cost = if entry.at == call.at {
            (self.price)(call)
        } else {
            (self.price)(&Call { at: entry.at, ..call.clone() })
        };
        self.count(entry, Slice::of(call, source));
    }

    fn count(&mut self, entry: &Entry, slice: Slice) {
        let sums = entry.sums();
        self.sheet.add(entry.at, (entry.slice, &entry.key), &Figures::of(&sums));
        if self.telling == Telling::Changes {
            self.applied.changes.push(Change { at: entry.at, slice, sums, sign: Sign::Adds });
        }
    }

    fn take_back(&mut self, held: &Held) -> rusqlite::Result<()> {
        let sums = held.entry.sums();
        self.sheet.take_back(held.entry.at, (held.entry.slice, &held.entry.key), &Figures::of(&sums));
        if self.telling == Telling::Changes {
            let slice = held.entry.key.slice(self.conn, self.names)?;
            self.applied.changes.push(Change { at: held.entry.at, slice, sums, sign: Sign::TakesBack });
        }
        Ok(())
    }

    pub(super) fn close(mut self) -> rusqlite::Result<Applied> {
        self.sheet.write(self.conn, &mut self.turnovers)?;
        for (source, turnover) in &self.turnovers {
            source::turn_over(self.conn, *source, turnover)?;
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
