//! The Overview by something else than tenants: what each model, provider or source comes to.

use std::cmp::Reverse;

use crate::domain::burn::Live;
use crate::domain::label::Label;
use crate::domain::rollup::{Slice, Sums};
use crate::tui::app::App;
use crate::tui::event::Window;
use crate::tui::subject::Row;

/// What a row of the Overview is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// A tenant.
    #[default]
    Tenant,
    /// A model, whoever asked it.
    Model,
    /// Who bills.
    Provider,
    /// Where the calls were read.
    Source,
}

impl Grouping {
    /// All, in the order that the key goes through them.
    pub const ALL: [Grouping; 4] = [Grouping::Tenant, Grouping::Model, Grouping::Provider, Grouping::Source];

    /// Returns the word for one of it.
    pub const fn says(self) -> &'static str {
        match self {
            Grouping::Tenant => "tenant",
            Grouping::Model => "model",
            Grouping::Provider => "provider",
            Grouping::Source => "source",
        }
    }

    /// Returns the next one; after the last comes the first.
    #[must_use]
    pub fn next(self) -> Grouping {
        Grouping::ALL[(self as usize + 1) % Grouping::ALL.len()]
    }

    /// Returns under which name a slice is summed.
    pub const fn of(self, slice: &Slice) -> Label {
        match self {
            Grouping::Tenant => slice.tenant.label(),
            Grouping::Model => slice.model.label(),
            Grouping::Provider => slice.provider.label(),
            Grouping::Source => slice.source,
        }
    }
}

/// What is read.
#[derive(Clone, Debug)]
pub struct Now {
    /// What a row is.
    pub by: Grouping,
    /// Of which window.
    pub window: Window,
    /// Each of it with calls in the window or this month, once.
    pub rows: Vec<GroupRow>,
}

/// What one of a group comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its name; empty where the ledger does not say.
    pub name: Label,
    /// In the window.
    pub sums: Sums,
    /// This month.
    pub month: Sums,
    /// In the last 15 minutes, times four; nothing where so many calls were made that not all are known.
    pub burn: Option<Live>,
}

impl App {
    /// Says whether rows of the Overview are something else than tenants.
    pub(in crate::tui) fn is_grouped(&self) -> bool {
        self.grouping != Grouping::Tenant
    }

    /// Returns what was read for the rows in view; nothing until it came.
    pub(in crate::tui) fn group_now(&self) -> Option<&Now> {
        let now = self.picture().pages.group.as_deref()?;
        ((now.by, now.window) == (self.grouping, self.window)).then_some(now)
    }

    /// Makes rows of the next thing.
    pub(in crate::tui) fn group_by(&mut self, grouping: Grouping) {
        self.grouping = grouping;
        self.groups = crate::tui::list::List::new();
        self.column_ids.clear();
        self.resort();
        self.say(&format!("a row is a {}", grouping.says()));
    }

    /// Returns the rows in their order, and how many there are without the filter.
    pub(in crate::tui) fn group_order(&self) -> (Vec<Label>, usize) {
        let Some(now) = self.group_now() else { return (Vec::new(), 0) };
        let view = &self.groups.view;
        let mut rows: Vec<&GroupRow> = now.rows.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        let cost = |live: Live| (live.cost.nanos(), live.unpriced);
        rows.sort_by_cached_key(|row| {
            let window = Live::of(&row.sums);
            let rank = match view.sort {
                0 => (self.measure.of(&window), window.unpriced),
                1 => cost(Live::of(&row.month)),
                2 => row.burn.map_or((-1, 0), cost),
                3 => (window.calls, 0),
                4 => (window.tokens, 0),
                _ => (0, 0),
            };
            (Reverse(rank), row.name)
        });
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.name).collect(), now.rows.len())
    }
}
