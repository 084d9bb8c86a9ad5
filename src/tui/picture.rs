//! What the screen knows of the world. Frozen as a whole while paused.

use std::collections::{BTreeMap, HashMap};

use crate::domain::books::{Book, Books};
use crate::domain::burn::Live;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::rollup::{Change, Sign, Sums};
use crate::domain::time::{Millis, Timestamp};

use super::caps::CapsNow;
use super::event::{Detail, PriceRow, SourceRow, SourceState, Step, Window};
use super::page::Pages;

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

/// The sums of a window that was read from the store, kept up to date since.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Each tenant's.
    pub tenants: BTreeMap<TenantId, Live>,
    /// All tenants'.
    pub total: Live,
}

impl Loaded {
    /// Takes what the store holds.
    pub fn of(sums: &[(TenantId, Sums)]) -> Loaded {
        let mut loaded = Loaded::default();
        for (tenant, sums) in sums {
            loaded.add(*tenant, Live::of(sums));
        }
        loaded
    }

    fn add(&mut self, tenant: TenantId, live: Live) {
        *self.tenants.entry(tenant).or_default() += live;
        self.total += live;
    }
}

/// Everything that is shown as it is, and nothing of how it is shown.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Live sums.
    pub books: Books,
    /// The sources.
    pub sources: Vec<SourceRow>,
    /// The price table, and the window its sums are of.
    pub prices: HashMap<(Provider, ModelId), PriceRow>,
    /// Which window the sums of the price table are of; nothing until they came.
    pub prices_of: Option<Window>,
    /// The sums of a window that is not in the books; nothing until they came.
    pub window: Option<Loaded>,
    /// The tenant that is open.
    pub detail: Option<Detail>,
    /// The caps.
    pub caps: CapsNow,
    /// What was read for pages.
    pub pages: Pages,
}

impl Picture {
    /// Returns a picture of nothing.
    pub fn new(books: Books) -> Picture {
        let (sources, prices) = (Vec::new(), HashMap::new());
        let (caps, pages) = (CapsNow::default(), Pages::default());
        Picture { books, sources, prices, prices_of: None, window: None, detail: None, caps, pages }
    }

    /// Takes in one change.
    pub fn apply(&mut self, change: &Change, window: Window) {
        self.books.apply(change);
        if !self.is_in(window, change.at) {
            return;
        }
        if let Some(loaded) = &mut self.window {
            loaded.add(change.slice.tenant, Live::of_change(change));
        }
        if self.prices_of == Some(window) {
            self.apply_to_prices(change);
        }
        if self.detail.as_ref().is_some_and(|detail| detail.window == window) {
            self.apply_to_detail(change, window);
        }
    }

    /// Says whether an instant lies in a window.
    fn is_in(&self, window: Window, at: Timestamp) -> bool {
        let now = self.books.now();
        match (window, window.minutes()) {
            (_, Some(minutes)) => now.since(at) <= Millis::from_minutes(minutes),
            (Window::Month, None) => self.books.calendar().month(now).contains(at),
            (_, None) => self.books.is_today(at),
        }
    }

    /// Takes the price table of a window.
    pub fn set_prices(&mut self, window: Window, rows: &[PriceRow]) {
        self.prices = rows.iter().map(|row| ((row.provider, row.model), row.clone())).collect();
        self.prices_of = Some(window);
    }

    /// Takes the sources as the store knows them. What is wrong with one only its reader knows: that stays.
    pub fn load_sources(&mut self, rows: Vec<SourceRow>) {
        let merge = |mut row: SourceRow| {
            let known = self.sources.iter().find(|known| known.source == row.source);
            if let Some(known) = known.filter(|known| known.state != SourceState::Ok) {
                (row.state, row.note) = (known.state, known.note.clone());
            }
            row
        };
        let rows = rows.into_iter().map(merge).collect();
        self.update_sources(rows);
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
        match self.books.tenant(tenant) {
            Some(book) => self.sums_of(tenant, book, window),
            None => self.sums_of(tenant, &Book::default(), window),
        }
    }

    /// The same where the tenant's book is at hand.
    pub fn sums_of(&self, tenant: TenantId, book: &Book, window: Window) -> Option<Live> {
        match window {
            Window::Today => Some(book.today),
            Window::Month => Some(book.month),
            Window::Hour => Some(book.minutes.last(60, self.books.now())),
            _ => self.window.as_ref().map(|loaded| loaded.tenants.get(&tenant).copied().unwrap_or_default()),
        }
    }

    /// Returns all tenants' sums of a window.
    pub fn total(&self, window: Window) -> Option<Live> {
        let total = self.books.total();
        match window {
            Window::Today => Some(total.today),
            Window::Month => Some(total.month),
            Window::Hour => Some(total.minutes.last(60, self.books.now())),
            _ => self.window.as_ref().map(|sums| sums.total),
        }
    }

    fn apply_to_prices(&mut self, change: &Change) {
        let slice = &change.slice;
        match self.prices.get_mut(&(slice.provider, slice.model)) {
            Some(row) => count(&mut row.used, change),
            None if change.sums.unpriced > 0 && change.sign == Sign::Adds => {
                let row = PriceRow {
                    model: slice.model,
                    provider: slice.provider,
                    input: None,
                    cached: None,
                    output: None,
                    used: change.sums,
                    from: "none".to_owned(),
                    changed: "never priced".to_owned(),
                };
                self.prices.insert((slice.provider, slice.model), row);
            }
            None => {}
        }
    }

    fn apply_to_detail(&mut self, change: &Change, window: Window) {
        let Some(detail) = self.detail.as_mut().filter(|detail| detail.tenant == change.slice.tenant) else {
            return;
        };
        match detail.models.iter_mut().find(|known| known.0 == change.slice.model) {
            Some(known) => count(&mut known.1, change),
            None if change.sign == Sign::Adds => detail.models.push((change.slice.model, change.sums)),
            None => {}
        }
        if window.step() == Step::Minute {
            return;
        }
        let step = window.step().of(self.books.calendar(), change.at).start;
        match detail.steps.binary_search_by_key(&step, |known| known.0) {
            Ok(index) => count(&mut detail.steps[index].1, change),
            Err(index) if change.sign == Sign::Adds => detail.steps.insert(index, (step, change.sums)),
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
