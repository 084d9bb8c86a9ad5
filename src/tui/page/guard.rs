//! The page of the guards: who enforces the caps, and what they do.

use crate::domain::cap::CapRev;
use crate::domain::label::Label;
use crate::domain::time::Timestamp;
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 1] = ["guard"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each run of a guard that has not ended in order.
    pub guards: Vec<GuardLine>,
}

/// A run of a guard, as it last told of itself.
#[derive(Clone, Debug)]
pub struct GuardLine {
    /// Its name.
    pub name: Label,
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
    /// Whether its process lives.
    pub alive: bool,
}

/// What a row is known by: its name and when it started.
pub type Key = (Label, Timestamp);

impl GuardLine {
    /// Returns what it is known by.
    pub fn key(&self) -> Key {
        (self.name, self.started)
    }
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn guard_order(&self) -> (Vec<Key>, usize) {
        let now = self.picture().pages.guard.clone().unwrap_or_default();
        let view = &self.guards.view;
        let mut rows: Vec<&GuardLine> = now.guards.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        rows.sort_by_key(|row| row.key());
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(GuardLine::key).collect(), now.guards.len())
    }
}
