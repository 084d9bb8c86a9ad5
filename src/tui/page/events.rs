//! The page of events: calls as they come, and all of one.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::subject::Row;
use crate::domain::call::{Call, CallId, Cost};
use crate::domain::hour::Made;
use crate::domain::label::Label;
use crate::domain::price::Bill;
use crate::domain::time::Timestamp;
use crate::tui::app::{App, Mode};
use crate::tui::tab::Tab;

/// What rows are sorted by.
pub const SORTS: [&str; 1] = ["time"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// The latest calls with what they cost, newest first.
    pub calls: Vec<Arc<Made>>,
    /// Calls of the last minute.
    pub last_minute: u64,
}

/// One call, with all that is known of it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The call.
    pub call: Call,
    /// What it cost.
    pub cost: Cost,
    /// Where it was read.
    pub source: Label,
    /// How the price book makes the cost, where it has a price.
    pub bill: Option<Bill>,
    /// Where that price comes from.
    pub from: String,
}

/// The list as it was when the user left its top: newer calls are counted and not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When the newest call on the list was made.
    newest: (Timestamp, CallId),
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn event_order(&self) -> (Vec<CallId>, usize) {
        let Some(now) = self.picture().pages.events.clone() else { return (Vec::new(), 0) };
        let view = &self.events.view;
        let mut rows: Vec<&Made> = now.calls.iter().map(AsRef::as_ref).collect();
        rows.retain(|row| self.held.is_none_or(|held| place(row) <= held.newest));
        let all = rows.len();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        rows.sort_by_key(|row| Reverse(place(row)));
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.0.id).collect(), all)
    }

    /// Returns how many calls came since the list is held, those that pass the filter.
    pub(in crate::tui) fn events_behind(&self) -> usize {
        let (Some(held), Some(now)) = (self.held, &self.picture().pages.events) else { return 0 };
        let newer = now.calls.iter().filter(|made| place(made) > held.newest);
        newer.filter(|made| self.events.view.filter.passes(&Row { app: self, of: made.as_ref() })).count()
    }

    /// Holds the list still as soon as the cursor leaves its top, and lets it go again when it is back there.
    pub(in crate::tui) fn hold_events(&mut self) {
        if self.tab != Tab::Events {
            return;
        }
        let away = self.events.index() > 0 || matches!(self.mode, Mode::Opened(_));
        let calls = self.picture().pages.events.as_ref().map(|now| &now.calls);
        let newest = calls.and_then(|calls| calls.iter().map(|made| place(made)).max());
        self.held = match (away, self.held) {
            (true, None) => newest.map(|newest| Held { newest }),
            (true, held) => held,
            (false, _) => {
                self.events.release();
                None
            }
        };
    }

    /// Goes back to the newest call, and follows.
    pub(in crate::tui) fn follow_events(&mut self) {
        self.mode = Mode::List;
        self.held = None;
        self.events.release();
        self.resort();
    }
}

/// Where a call stands in the list.
fn place(made: &Made) -> (Timestamp, CallId) {
    (made.0.at, made.0.id)
}
