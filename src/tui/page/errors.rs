//! The page of errors: why calls of the last hour failed.

use std::cmp::Reverse;

use crate::domain::label::Label;
use crate::domain::time::Timestamp;
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 2] = ["count", "class"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each class with failed calls once.
    pub classes: Vec<ClassRow>,
    /// Calls of the same time, failed or not.
    pub calls: u64,
}

/// The failed calls of one class.
#[derive(Clone, Debug)]
pub struct ClassRow {
    /// The class, in the ledger's word; empty where it says none.
    pub class: Label,
    /// How many failed.
    pub count: u64,
    /// When the last of them was made.
    pub last: Timestamp,
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn error_order(&self) -> (Vec<Label>, usize) {
        let now = self.picture().pages.errors.clone().unwrap_or_default();
        let view = &self.errors.view;
        let mut rows: Vec<&ClassRow> = now.classes.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        match view.sort {
            0 => rows.sort_by_key(|row| (Reverse(row.count), row.class)),
            _ => rows.sort_by_key(|row| row.class),
        }
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.class).collect(), now.classes.len())
    }
}
