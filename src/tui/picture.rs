//! What the screen knows of the world. Frozen as a whole while paused.

use std::collections::BTreeMap;

use crate::domain::books::Books;
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::domain::rollup::{Change, Sign, Sums};
use crate::domain::time::Millis;

use super::event::{Detail, PriceRow, SourceRow, Window};

/// The thing that rows are measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Money.
    #[default]
    Cost,
    /// Tokens of all classes.
    Tokens,
    /// Calls answered.
    Calls,
}

impl Measure {
    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            Measure::Cost => "cost",
            Measure::Tokens => "tokens",
            Measure::Calls => "calls",
        }
    }

    /// Returns the next one.
    #[must_use]
    pub const fn next(self) -> Measure {
        match self {
            Measure::Cost => Measure::Tokens,
            Measure::Tokens => Measure::Calls,
            Measure::Calls => Measure::Cost,
        }
    }

    /// Returns how much of it there is.
    pub const fn of(self, live: &Live) -> i64 {
        match self {
            Measure::Cost => live.cost.nanos(),
            Measure::Tokens => live.tokens,
            Measure::Calls => live.calls,
        }
    }
}

/// Everything that is shown as it is, and nothing of how it is shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Live sums.
    pub books: Books,
    /// The sources.
    pub sources: Vec<SourceRow>,
    /// The price table.
    pub prices: Vec<PriceRow>,
    /// The sums of a window that is not in the books; nothing until they came.
    pub window: Option<BTreeMap<TenantId, Live>>,
    /// The tenant that is open.
    pub detail: Option<Detail>,
}

impl Picture {
    /// Returns a picture of nothing.
    pub fn new(books: Books) -> Picture {
        Picture { books, sources: Vec::new(), prices: Vec::new(), window: None, detail: None }
    }

    /// Takes in one change.
    pub fn apply(&mut self, change: &Change, window: Window) {
        self.books.apply(change);
        if let (Some(sums), Some(minutes)) = (&mut self.window, window.minutes())
            && self.books.now().since(change.at) <= Millis::from_minutes(minutes)
        {
            *sums.entry(change.slice.tenant).or_default() += Live::of_change(change);
        }
        if self.books.is_today(change.at) {
            self.apply_to_prices(change);
            self.apply_to_detail(change);
        }
    }

    /// Takes the newest counts of some sources.
    pub fn update_sources(&mut self, rows: Vec<SourceRow>) {
        for row in rows {
            match self.sources.iter_mut().find(|known| known.source == row.source) {
                Some(known) => *known = row,
                None => self.sources.push(row),
            }
        }
    }

    /// Returns a tenant's sums of a window; `None` while they have not come.
    pub fn sums(&self, tenant: TenantId, window: Window) -> Option<Live> {
        let book = self.books.tenant(tenant);
        match window {
            Window::Today => Some(book.map(|book| book.today).unwrap_or_default()),
            Window::Month => Some(book.map(|book| book.month).unwrap_or_default()),
            Window::Hour => {
                Some(book.map(|book| book.minutes.last(60, self.books.now())).unwrap_or_default())
            }
            _ => self.window.as_ref().map(|sums| sums.get(&tenant).copied().unwrap_or_default()),
        }
    }

    /// Returns all tenants' sums of a window.
    pub fn total(&self, window: Window) -> Option<Live> {
        let total = self.books.total();
        match window {
            Window::Today => Some(total.today),
            Window::Month => Some(total.month),
            Window::Hour => Some(total.minutes.last(60, self.books.now())),
            _ => self.window.as_ref().map(|sums| {
                let mut total = Live::default();
                for live in sums.values() {
                    total += *live;
                }
                total
            }),
        }
    }

    fn apply_to_prices(&mut self, change: &Change) {
        let slice = &change.slice;
        let known = |row: &&mut PriceRow| row.model == slice.model && row.provider == slice.provider;
        if let Some(row) = self.prices.iter_mut().find(known) {
            count(&mut row.today, change);
        } else if change.sums.unpriced > 0 && change.sign == Sign::Adds {
            self.prices.push(PriceRow {
                model: slice.model,
                provider: slice.provider,
                input: None,
                cached: None,
                output: None,
                today: change.sums,
                from: "none".to_owned(),
            });
        }
    }

    fn apply_to_detail(&mut self, change: &Change) {
        let Some(detail) = self.detail.as_mut().filter(|detail| detail.tenant == change.slice.tenant) else {
            return;
        };
        match detail.models.iter_mut().find(|known| known.0 == change.slice.model) {
            Some(known) => count(&mut known.1, change),
            None if change.sign == Sign::Adds => detail.models.push((change.slice.model, change.sums)),
            None => {}
        }
        let hour = self.books.calendar().hour(change.at).start;
        match detail.hours.binary_search_by_key(&hour, |known| known.0) {
            Ok(index) => count(&mut detail.hours[index].1, change),
            Err(index) if change.sign == Sign::Adds => detail.hours.insert(index, (hour, change.sums)),
            Err(_) => {}
        }
    }
}

fn count(sums: &mut Sums, change: &Change) {
    match change.sign {
        Sign::Adds => *sums += change.sums,
        Sign::TakesBack => *sums = *sums - change.sums,
    }
}
