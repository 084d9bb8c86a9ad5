//! The page of events: the latest calls.

use std::cmp::Reverse;

use crate::domain::call::{Call, CallId, Cost};
use crate::tui::app::App;
use crate::tui::list::passes;

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
        let mut rows: Vec<&Call> = now.calls.iter().map(|(call, _)| call).collect();
        rows.retain(|call| {
            [call.tenant.as_str(), call.model.as_str()].into_iter().any(|name| passes(&view.filter, name))
        });
        rows.sort_by_key(|call| Reverse(call.at));
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|call| call.id).collect(), now.calls.len())
    }
}
