//! The page of events: the latest calls.

use std::cmp::Reverse;

use crate::domain::call::{Call, CallId, Cost};
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 1] = ["time"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// The latest calls with what they cost, newest first.
    pub calls: Vec<(Call, Cost)>,
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn event_order(&self) -> (Vec<CallId>, usize) {
        let now = self.picture().pages.events.clone().unwrap_or_default();
        let view = &self.events.view;
        let mut rows: Vec<&(Call, Cost)> = now.calls.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        rows.sort_by_key(|row| Reverse(row.0.at));
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.0.id).collect(), now.calls.len())
    }
}
