//! What a guard has seen of the table `budget`: as good as the table while nobody else has written.

use std::collections::{BTreeSet, HashMap, HashSet};

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, params};

use super::budget::{self, AccountKey};
use crate::domain::budget::{Budget, Movement};
use crate::domain::period::PeriodId;

/// So many rows are remembered at most.
const MOST: usize = 1 << 16;

/// Rows that are known to be there, and their sums.
///
/// It must be forgotten as soon as another connection has written, which `PRAGMA data_version` tells within the
/// transaction that uses it, and with a transaction of our own that did not happen. Before a transaction is committed
/// its sums are written by [`Rows::flush`].
#[derive(Default)]
pub(super) struct Rows {
    of_period: HashMap<(AccountKey, PeriodId), i64, RandomState>,
    kept: HashSet<(AccountKey, i64), RandomState>,
    /// The rows of an account and a window that start at an instant or later.
    since: HashMap<(AccountKey, i64), (i64, Vec<i64>), RandomState>,
    sums: HashMap<i64, Budget, RandomState>,
    /// Rows whose sums are not written yet: of a group that moves money in a row many times, the last is.
    dirty: BTreeSet<i64>,
}

impl Rows {
    /// Returns the row of an account's period; begins it where there is none.
    pub(super) fn row(
        &mut self,
        conn: &Connection,
        account: AccountKey,
        period: PeriodId,
        born: i64,
    ) -> rusqlite::Result<i64> {
        if let Some(row) = self.of_period.get(&(account, period)) {
            return Ok(*row);
        }
        let [kind, first, second] = account;
        let place = [kind, first, second, period.window, period.start];
        let known = conn
            .prepare_cached(
                "SELECT row FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3 AND window = ?4
                 AND start = ?5",
            )?
            .query_row(place, |row| row.get(0))
            .optional()?;
        if known.is_none() && mutant!("rollover-zeroes-reserved") {
            conn.execute(
                "UPDATE budget SET reserved_money = 0, reserved_calls = 0, reserved_tokens = 0",
                [],
            )?;
            *self = Rows::default();
        }
        let row = match known {
            Some(row) => row,
            None => conn
                .prepare_cached(
                    "INSERT INTO budget (kind, first, second, window, start, born)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .insert(params![kind, first, second, period.window, period.start, born])?,
        };
        self.since.remove(&(account, period.window));
        self.of_period.insert((account, period), row);
        Ok(row)
    }

    /// Says whether sums of an account have ever been kept for a window.
    pub(super) fn is_kept(
        &mut self,
        conn: &Connection,
        account: AccountKey,
        window: i64,
    ) -> rusqlite::Result<bool> {
        if self.kept.contains(&(account, window)) {
            return Ok(true);
        }
        let [kind, first, second] = account;
        let kept = conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3
                 AND window = ?4)",
            )?
            .query_row([kind, first, second, window], |row| row.get(0))?;
        if kept {
            self.kept.insert((account, window));
        }
        Ok(kept)
    }

    /// Returns the sum of an account's periods that start at `since` or later.
    pub(super) fn since(
        &mut self,
        conn: &Connection,
        account: AccountKey,
        window: i64,
        since: i64,
    ) -> rusqlite::Result<Budget> {
        if let Some((from, rows)) = self.since.get(&(account, window))
            && *from == since
        {
            let sums = rows.iter().map(|row| self.sums.get(row).copied());
            if let Some(sums) = sums.collect::<Option<Vec<Budget>>>() {
                return budget::sum(sums.into_iter());
            }
        }
        let found = budget::periods_since(conn, account, window, since)?;
        self.since.insert((account, window), (since, found.iter().map(|(row, _)| *row).collect()));
        // What is known of a row is newer than what is written.
        budget::sum(found.into_iter().map(|(row, written)| *self.sums.entry(row).or_insert(written)))
    }

    /// Moves money in each of these rows.
    pub(super) fn apply(
        &mut self,
        conn: &Connection,
        rows: &[i64],
        movement: Movement,
    ) -> rusqlite::Result<()> {
        for &row in rows {
            let row = if mutant!("settle-in-the-current-period") { newest(conn, row)? } else { row };
            let before = match self.sums.get(&row) {
                Some(sum) => *sum,
                None => budget::of(conn, row)?,
            };
            self.put(row, before.apply(movement).map_err(budget::broken)?);
        }
        Ok(())
    }

    /// Gives a row other sums.
    pub(super) fn put(&mut self, row: i64, sum: Budget) {
        self.sums.insert(row, sum);
        self.dirty.insert(row);
    }

    /// Writes what is not written yet.
    pub(super) fn flush(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        while let Some(row) = self.dirty.pop_first() {
            if let Some(sum) = self.sums.get(&row) {
                budget::put(conn, row, *sum)?;
            }
        }
        Ok(())
    }

    /// Lets go of all where it has become much.
    pub(super) fn trim(&mut self) {
        if self.sums.len() > MOST || self.of_period.len() > MOST || self.since.len() > MOST {
            *self = Rows::default();
        }
    }
}

/// Returns the row of the newest period of a row's account and window: the mistake of a mutant.
fn newest(conn: &Connection, row: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT other.row FROM budget AS this JOIN budget AS other USING (kind, first, second, window)
         WHERE this.row = ?1 ORDER BY other.start DESC LIMIT 1",
    )?
    .query_row([row], |row| row.get(0))
}
