//! How fast money leaves: the minutes of the last hour, and the hour they foretell.

use std::ops::AddAssign;

use super::money::Money;
use super::rollup::{Change, Sign, Sums};
use super::time::{Millis, Timestamp};

/// Minutes that are kept.
pub const MINUTES_KEPT: i64 = 60;
/// Minutes that the burn is measured over; times four is an hour.
pub const BURN_MINUTES: i64 = 15;

/// Signed sums, so that what is taken back may come before what it takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Known cost.
    pub cost: Money,
    /// Calls answered.
    pub calls: i64,
    /// Calls failed.
    pub failed: i64,
    /// Tokens of all classes.
    pub tokens: i64,
    /// Calls whose cost is not known.
    pub unpriced: i64,
}

impl Live {
    /// Takes loaded sums.
    pub fn of(sums: &Sums) -> Live {
        Live {
            cost: sums.cost,
            calls: sums.calls,
            failed: sums.failed,
            tokens: i64::try_from(sums.tokens.total().count()).unwrap_or(i64::MAX),
            unpriced: sums.unpriced,
        }
    }

    /// Takes a change: negative where it takes back.
    pub fn of_change(change: &Change) -> Live {
        let live = Live::of(&change.sums);
        match change.sign {
            Sign::Adds => live,
            Sign::TakesBack => Live {
                cost: -live.cost,
                calls: -live.calls,
                failed: -live.failed,
                tokens: -live.tokens,
                unpriced: -live.unpriced,
            },
        }
    }

    /// Says whether nothing is left in it.
    pub fn is_empty(&self) -> bool {
        *self == Live::default()
    }

    /// Says whether there are calls and not one of them has a known cost.
    pub fn is_unknown(&self) -> bool {
        self.unpriced > 0 && self.cost == Money::ZERO
    }
}

impl AddAssign for Live {
    fn add_assign(&mut self, other: Live) {
        self.cost += other.cost;
        self.calls = self.calls.saturating_add(other.calls);
        self.failed = self.failed.saturating_add(other.failed);
        self.tokens = self.tokens.saturating_add(other.tokens);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
    }
}

/// The minute an instant lies in, counted from the epoch.
pub const fn minute_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(60_000)
}

/// The last [`MINUTES_KEPT`] minutes, only those in which something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minutes(Vec<(i64, Live)>);

impl Minutes {
    /// Adds to the minute of `at`. What is too old to be kept, or an hour ahead, is left out.
    pub fn add(&mut self, at: Timestamp, live: Live, now: Timestamp) {
        let (minute, current) = (minute_of(at), minute_of(now));
        if minute <= current - MINUTES_KEPT || minute > current + MINUTES_KEPT {
            return;
        }
        match self.0.binary_search_by_key(&minute, |entry| entry.0) {
            Ok(index) => {
                self.0[index].1 += live;
                if self.0[index].1.is_empty() {
                    self.0.remove(index);
                }
            }
            Err(index) if !live.is_empty() => self.0.insert(index, (minute, live)),
            Err(_) => {}
        }
    }

    /// Forgets what has become too old.
    pub fn roll(&mut self, now: Timestamp) {
        let first = minute_of(now) - MINUTES_KEPT + 1;
        let old = self.0.partition_point(|entry| entry.0 < first);
        self.0.drain(..old);
    }

    /// Returns what the last `minutes` minutes come to, the running one included.
    pub fn last(&self, minutes: i64, now: Timestamp) -> Live {
        let current = minute_of(now);
        let mut sum = Live::default();
        for (_, live) in self.0.iter().filter(|entry| entry.0 > current - minutes && entry.0 <= current) {
            sum += *live;
        }
        sum
    }

    /// Returns the last hour in `parts` equal parts, oldest first.
    pub fn hour(&self, parts: usize, now: Timestamp) -> Vec<Live> {
        let mut sums = vec![Live::default(); parts];
        let first = minute_of(now) - 59;
        for (minute, live) in &self.0 {
            let Ok(index) = usize::try_from(minute - first) else { continue };
            if let Some(sum) = sums.get_mut(index * parts / 60) {
                *sum += *live;
            }
        }
        sums
    }

    /// Returns the spend of the last 15 minutes, times four.
    pub fn burn(&self, now: Timestamp) -> Live {
        let quarter = self.last(BURN_MINUTES, now);
        let mut hour = quarter;
        for _ in 0..3 {
            hour += quarter;
        }
        hour
    }

    /// Says whether something older than the burn's window is known.
    pub fn reaches_back(&self, now: Timestamp) -> bool {
        self.0.first().is_some_and(|entry| entry.0 <= minute_of(now.before(Millis::from_minutes(15))))
    }

    /// Returns everything that is kept, as one sum.
    pub fn kept(&self) -> Live {
        let mut sum = Live::default();
        for (_, live) in &self.0 {
            sum += *live;
        }
        sum
    }
}
