//! The page of budgets: the caps, what is left of them, and how long that lasts.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::burn_down::BurnDown;
use crate::domain::cap::{Cap, CapKey};
use crate::domain::cap_trial::measure;
use crate::domain::forecast::Reach;
use crate::domain::gate::Standing;
use crate::domain::rollup::Sums;
use crate::domain::scope::{Account, Scope};
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 4] = ["used", "tenant", "left", "runs out"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each cap, where it is used most.
    pub caps: HashMap<CapKey, CapNow>,
    /// The chart of the selected cap.
    pub chart: Option<(CapKey, Arc<BurnDown>)>,
}

/// A cap, where it is used most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapNow {
    /// Whose sums it is held against there.
    pub account: Account,
    /// Whose count it is that calls are held against.
    pub counts: Counts,
    /// What guards count, in the unit of the cap: charged and held.
    pub guards: u128,
    /// What all ledgers say of its window; nothing where they are not kept by what it is set on.
    pub ledger: Option<Sums>,
    /// How fast it goes now, in the unit an hour; nothing where that is not known.
    pub per_hour: Option<u128>,
    /// When nothing is left.
    pub reach: Reach,
    /// Whether a call was ever recorded of what it is set on.
    pub known: Known,
}

/// Whose count it is that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// A guard lives: what passed it is what it holds against the cap.
    Guards,
    /// No guard lives: what guards counted or what the ledgers say, whichever is more.
    Ledgers,
}

/// Whether there ever was a call of what a cap is set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// There was, or nobody can tell.
    Seen,
    /// There never was: its name may be a slip.
    Never,
}

/// What is used of a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedNow {
    /// In the unit of the cap.
    pub size: u128,
    /// What the ledgers say beyond what guards count.
    pub beside: u128,
    /// Whether some calls have no price, so that it is more.
    pub and_more: bool,
}

impl CapNow {
    /// Returns what is used of it.
    pub fn used(&self, cap: &Cap) -> UsedNow {
        let unit = cap.limit.unit();
        let priced = self.ledger.map(|sums| Sums { unpriced: 0, ..sums });
        let ledger = priced.and_then(|sums| measure(&sums, unit)).unwrap_or(0);
        let and_more = self.ledger.is_some_and(|sums| measure(&sums, unit).is_none());
        let size = match self.counts {
            Counts::Guards => self.guards,
            Counts::Ledgers => self.guards.max(ledger),
        };
        UsedNow { size, and_more, beside: ledger.saturating_sub(self.guards) }
    }
}

/// Returns how much of a limit is used, in hundredths of a per cent; all of it where the limit is nothing.
pub fn share_of(used: u128, limit: u64) -> u128 {
    used.saturating_mul(10_000).checked_div(u128::from(limit)).unwrap_or(10_000)
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn budget_order(&self) -> (Vec<CapKey>, usize) {
        let caps = &self.picture().caps;
        let view = &self.budgets.view;
        let mut rows: Vec<&Arc<Cap>> = caps.book.caps().collect();
        let all = rows.len();
        rows.retain(|cap| view.filter.passes(&Row { app: self, of: cap.as_ref() }));
        // Equal ones keep the order of the book, which is that of their scopes.
        match view.sort {
            0 => rows.sort_by_cached_key(|cap| Reverse(share_of(self.used_of_cap(cap).size, limit(cap)))),
            2 => rows.sort_by_cached_key(|cap| {
                i128::from(limit(cap)) - i128::try_from(self.used_of_cap(cap).size).unwrap_or(i128::MAX)
            }),
            3 => {
                let soon = |cap: &&Arc<Cap>| self.cap_now(cap.key()).map_or(i64::MAX, |now| soon(now.reach));
                rows.sort_by_cached_key(soon);
            }
            _ => rows.sort_by_cached_key(|cap| cap.scope.to_string()),
        }
        if view.reverse {
            rows.reverse();
        }
        // What everything together may spend is no row like the others: it stands below them.
        rows.sort_by_key(|cap| cap.scope == Scope::Everything);
        (rows.into_iter().map(|cap| cap.key()).collect(), all)
    }

    /// Returns what was read of a cap; nothing where that has not come.
    pub(in crate::tui) fn cap_now(&self, key: CapKey) -> Option<&CapNow> {
        self.picture().pages.budgets.as_ref()?.caps.get(&key)
    }

    /// Returns what is used of a cap where it is used most; before it was read, what guards count.
    pub(in crate::tui) fn used_of_cap(&self, cap: &Cap) -> UsedNow {
        let guards = self.picture().caps.worst(cap.key()).map_or(0, Standing::exposure);
        match self.cap_now(cap.key()) {
            // What guards count is told at once, the rest is read now and then.
            Some(now) => CapNow { guards, ..*now }.used(cap),
            None => UsedNow { size: guards, and_more: false, beside: 0 },
        }
    }

    /// Returns the selected cap.
    pub(in crate::tui) fn picked_cap(&self) -> Option<&Cap> {
        self.budgets.picked().and_then(|key| self.picture().caps.find(key))
    }
}

fn limit(cap: &Cap) -> u64 {
    cap.limit.size().unwrap_or(u64::MAX)
}

fn soon(reach: Reach) -> i64 {
    crate::domain::outlook::urgency(reach).unwrap_or(i64::MAX)
}

impl crate::tui::CapsNow {
    /// Returns how a cap stands where it is used most.
    pub fn worst(&self, key: CapKey) -> Option<&Standing> {
        let of_cap = self.standings.iter().filter(|known| known.0.0 == key);
        of_cap.max_by_key(|known| (known.1.exposure(), Reverse(known.0.1))).map(|known| known.1)
    }
}
