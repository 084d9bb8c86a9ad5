//! The page of budgets: the caps and what is left of them. All of it is in the live picture.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::domain::cap::{Cap, CapKey};
use crate::domain::gate::Standing;
use crate::tui::app::App;
use crate::tui::caps::share;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 2] = ["used", "tenant"];

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn budget_order(&self) -> (Vec<CapKey>, usize) {
        let caps = &self.picture().caps;
        let view = &self.budgets.view;
        let mut rows: Vec<&Arc<Cap>> = caps.book.caps().collect();
        let all = rows.len();
        rows.retain(|cap| view.filter.passes(&Row { app: self, of: cap.as_ref() }));
        // Equal ones keep the order of the book, which is that of their scopes.
        if view.sort == 0 {
            let used = |cap: &&Arc<Cap>| caps.worst(cap.key()).map_or(0, share);
            rows.sort_by_cached_key(|cap| Reverse(used(cap)));
        }
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|cap| cap.key()).collect(), all)
    }
}

impl crate::tui::CapsNow {
    /// Returns how a cap stands where it is used most.
    pub fn worst(&self, key: CapKey) -> Option<&Standing> {
        let of_cap = self.standings.iter().filter(|known| known.0.0 == key);
        of_cap.max_by_key(|known| (known.1.exposure(), Reverse(known.0.1))).map(|known| known.1)
    }
}
