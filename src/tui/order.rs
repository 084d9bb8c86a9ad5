//! In which order the rows of the tables stand.

use std::cmp::Reverse;

use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::CapRev;
use crate::domain::cap_log::CapChange;
use crate::domain::label::Label;

use super::app::{App, Fold, Idle};
use super::caps::{share, state, subject};
use super::picture::Picture;
use super::subject::Row;
use super::tab::Tab;

/// The columns that tenants are sorted by.
pub const TENANT_SORTS: [&str; 8] = ["window", "month", "$/h", "calls", "tokens", "name", "used", "state"];
/// The columns that prices are sorted by.
pub const PRICE_SORTS: [&str; 5] = ["window", "model", "in", "out", "tokens"];
/// The columns that sources are sorted by.
pub const SOURCE_SORTS: [&str; 4] = ["state", "name", "calls", "bad"];
/// The columns that changes of caps are sorted by.
pub const AUDIT_SORTS: [&str; 3] = ["when", "who", "what"];

impl App {
    /// Sorts the rows of the tab. The other tabs are sorted once they are shown.
    pub(super) fn resort(&mut self) {
        self.unsorted = false;
        self.sorted = self.now;
        self.hidden = None;
        match self.tab {
            Tab::Overview if self.is_grouped() => self.groups.set(self.group_order()),
            Tab::Overview => {
                let (mut rows, all) = self.tenant_order();
                self.idle = self.take_idle(&mut rows);
                self.tenants.set((rows, all));
                self.hidden = self.hidden_spend();
                self.list_calls();
            }
            Tab::Limits => self.limits.set(self.limit_order()),
            Tab::Budgets => self.budgets.set(self.budget_order()),
            Tab::Prices => self.prices.set(self.price_order()),
            Tab::Errors => {
                self.errors.set(self.error_order());
                self.list_calls();
            }
            Tab::Events => self.events.set(self.event_order()),
            Tab::Sources => self.sources.set(self.source_order()),
            Tab::Guard => self.guards.set(self.guard_order()),
            Tab::Audit => self.audit.set(self.audit_order()),
        }
    }

    /// Takes the tenants out of the rows that made no call in the last hour, where they are to be one row, and
    /// returns what they come to.
    fn take_idle(&self, rows: &mut Vec<TenantId>) -> Option<Idle> {
        if self.fold == Fold::Open {
            return None;
        }
        let picture = self.picture();
        let (now, nothing) = (picture.books.now(), Book::default());
        let mut idle = Idle::default();
        rows.retain(|tenant| {
            let book = picture.books.tenant(*tenant).unwrap_or(&nothing);
            let hour = book.minutes.last(60, now);
            let is_idle = hour.calls == 0 && hour.failed == 0;
            if is_idle {
                idle.tenants += 1;
                idle.window += picture.sums_of(*tenant, book, self.window).unwrap_or_default();
                idle.today += book.today;
                idle.month += book.month;
            }
            !is_idle
        });
        (idle.tenants > 0).then_some(idle)
    }

    /// Returns how much of today's spend the filter hides, and all of it, where that is more than half.
    fn hidden_spend(&self) -> Option<(i64, i64)> {
        if self.tenants.view.filter.is_empty() {
            return None;
        }
        let books = &self.picture().books;
        let today = |tenant: &TenantId| books.tenant(*tenant).map_or(0, |book| book.today.cost.nanos());
        let folded = self.idle.map_or(0, |idle| idle.today.cost.nanos());
        let shown = self.tenants.order.iter().map(today).fold(folded, i64::saturating_add);
        let whole = books.total().today.cost.nanos();
        let hidden = whole.saturating_sub(shown);
        (i128::from(hidden) * 2 > i128::from(whole)).then_some((hidden, whole))
    }

    fn tenant_order(&self) -> (Vec<TenantId>, usize) {
        let picture = self.picture();
        let nothing = Book::default();
        let filter = &self.tenants.view.filter;
        let mut rows = Vec::with_capacity(picture.books.tenants().len());
        let mut all = 0;
        let mut add = |tenant: TenantId, book: &Book| {
            all += 1;
            if filter.is_empty() || filter.passes(&Row { app: self, of: (tenant, book) }) {
                rows.push((Reverse(self.rank(picture, tenant, book)), tenant));
            }
        };
        for (tenant, book) in picture.books.tenants() {
            add(tenant, book);
        }
        if let Some(loaded) = picture.window.as_ref().filter(|_| self.window.is_loaded()) {
            for tenant in loaded.tenants.keys().filter(|tenant| picture.books.tenant(**tenant).is_none()) {
                add(*tenant, &nothing);
            }
        }
        rows.sort_unstable();
        if self.tenants.view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.1).collect(), all)
    }

    /// Returns what a tenant is sorted by, and what breaks a tie: unknown cost before none.
    fn rank(&self, picture: &Picture, tenant: TenantId, book: &Book) -> (i64, i64) {
        let window = || picture.sums_of(tenant, book, self.window).unwrap_or_default();
        let with = |amount: fn(&Live) -> i64, live: Live| (amount(&live), live.unpriced);
        match self.tenants.view.sort {
            0 => {
                let live = window();
                (self.measure.of(&live), live.unpriced)
            }
            1 => with(|live| live.cost.nanos(), book.month),
            2 => with(|live| live.cost.nanos(), book.minutes.burn(picture.books.now())),
            3 => (window().calls, 0),
            4 => (window().tokens, 0),
            6 => {
                let nearest = picture.caps.of_tenant(tenant).into_iter().next();
                (nearest.map_or(-1, |it| i64::try_from(share(&it)).unwrap_or(i64::MAX)), 0)
            }
            7 => {
                let standings = picture.caps.of_tenant(tenant);
                let held = self.enforcement();
                let worst = standings.iter().map(|standing| state(standing, held)).min();
                // The most urgent first, those without a cap last.
                (worst.map_or(-9, |worst| -(worst as i64)), 0)
            }
            _ => (0, 0),
        }
    }

    fn price_order(&self) -> (Vec<(Provider, ModelId)>, usize) {
        let prices = &self.picture().prices;
        let filter = &self.prices.view.filter;
        let mut rows: Vec<_> = prices.values().collect();
        rows.retain(|row| filter.passes(&Row { app: self, of: *row }));
        rows.sort_by_cached_key(|row| {
            let amount = match self.prices.view.sort {
                0 if row.is_unpriced() && row.used.unpriced > 0 => i128::MAX,
                0 => i128::from(row.used.cost.nanos()),
                2 => i128::from(row.input.unwrap_or_default().picos()),
                3 => i128::from(row.output.unwrap_or_default().picos()),
                4 => i128::from(row.used.tokens.total().count()),
                _ => 0,
            };
            (Reverse(amount), row.model, row.provider)
        });
        if self.prices.view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| (row.provider, row.model)).collect(), prices.len())
    }

    fn source_order(&self) -> (Vec<Label>, usize) {
        let mut rows: Vec<_> = self.picture().sources.iter().collect();
        let all = rows.len();
        rows.retain(|row| self.sources.view.filter.passes(&Row { app: self, of: *row }));
        rows.sort_by_cached_key(|row| {
            let amount = match self.sources.view.sort {
                0 => row.state as u64,
                2 => row.calls,
                3 => row.bad,
                _ => 0,
            };
            (Reverse(amount), row.source)
        });
        if self.sources.view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.source).collect(), all)
    }

    fn audit_order(&self) -> (Vec<CapRev>, usize) {
        let log = &self.picture().caps.log;
        let filter = &self.audit.view.filter;
        let mut rows: Vec<(String, &CapChange)> = log.iter().map(|row| (subject(row), row)).collect();
        rows.retain(|(_, row)| filter.passes(&Row { app: self, of: *row }));
        match self.audit.view.sort {
            1 => rows.sort_by_key(|(_, row)| (row.by, Reverse(row.rev))),
            2 => rows.sort_by(|one, other| (&one.0, other.1.rev).cmp(&(&other.0, one.1.rev))),
            _ => rows.sort_by_key(|(_, row)| Reverse(row.rev)),
        }
        if self.audit.view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|(_, row)| row.rev).collect(), log.len())
    }
}
