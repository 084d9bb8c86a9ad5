//! The page of limits: what providers last told of what they still let through.

use crate::domain::label::Label;
use crate::domain::limits::Limits;
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 3] = ["headroom", "provider", "model"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each provider, key and model once, with what its last answer told.
    pub groups: Vec<Limits>,
}

/// What a row is known by: provider, key, model.
pub type Key = [Label; 3];

/// Returns what a group is known by.
pub fn key(group: &Limits) -> Key {
    [group.provider, group.key, group.model]
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn limit_order(&self) -> (Vec<Key>, usize) {
        let now = self.picture().pages.limits.clone().unwrap_or_default();
        let view = &self.limits.view;
        let mut rows: Vec<&Limits> = now.groups.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        match view.sort {
            1 => rows.sort_by_key(|row| key(row)),
            2 => rows.sort_by_key(|row| (row.model, key(row))),
            // What is not known comes last: it is no small number.
            _ => rows.sort_by_key(|row| (row.headroom().unwrap_or(u16::MAX), key(row))),
        }
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(key).collect(), now.groups.len())
    }
}
