//! What is read from the store for the page in view: how it is asked for, how it comes, where it is kept.
//!
//! How a page is added is written in [`super::event`].

pub mod limits;
pub mod budgets;
pub mod prices;
pub mod errors;
pub mod events;
pub mod guard;
pub mod tenant;
pub mod overview;
pub mod group;

use std::sync::Arc;

use self::group::Grouping;
use super::app::{App, Mode};
use super::event::{Effect, Window};
use super::tab::Tab;
use crate::domain::call::{CallId, ModelId, Provider, TenantId};
use crate::domain::cap::CapKey;
use crate::domain::time::{Millis, Timestamp};

/// The least time between two questions for the same page.
const AGAIN: Millis = Millis::new(500);
/// The same where the answer is more work.
const SELDOM: Millis = Millis::new(2_000);
/// The same where it is only a word beside the sums.
const RARELY: Millis = Millis::new(5_000);
/// After this long without an answer the question was lost.
const LOST: Millis = Millis::new(10_000);

/// A question for what a page shows. Two that are equal have the same answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What the providers last told of their limits.
    Limits,
    /// How the caps stand, and the chart of one.
    Budgets(Option<CapKey>),
    /// Which calls of the last hour failed.
    Errors,
    /// The latest calls.
    Events,
    /// One call.
    Record(CallId),
    /// What calls would have cost with another model.
    WhatIf(prices::WhatIf),
    /// What this month would have come to at another price.
    Repriced(prices::Repriced),
    /// How the price of a model came about.
    PriceHistory(Provider, ModelId),
    /// The guards.
    Guard,
    /// What is not in the live picture of the tenants together, and of the selected one in a window.
    Overview(Option<TenantId>, Window),
    /// What each model, provider or source comes to in a window.
    Group(Grouping, Window),
    /// What is not in the live picture of one tenant in a window.
    Tenant(TenantId, Window),
}

impl Ask {
    /// Returns the least time between two of it: longer where the answer is more work, and what matters most
    /// is in the live picture.
    const fn again(&self) -> Millis {
        match self {
            Ask::Tenant(..) => SELDOM,
            Ask::Overview(..) | Ask::Group(..) => RARELY,
            _ => AGAIN,
        }
    }
}

/// What a page shows, as it was read.
#[derive(Clone, Debug)]
pub enum Page {
    /// Answers [`Ask::Limits`].
    Limits(limits::Now),
    /// Answers [`Ask::Budgets`].
    Budgets(Box<budgets::Now>),
    /// Answers [`Ask::Errors`].
    Errors(errors::Now),
    /// Answers [`Ask::Events`].
    Events(events::Now),
    /// Answers [`Ask::Record`]; nothing where there is no such call any more.
    Record(Option<Box<events::Record>>),
    /// Answers [`Ask::WhatIf`].
    WhatIf(prices::WhatIf, Box<prices::WhatIfNow>),
    /// Answers [`Ask::Repriced`].
    Repriced(prices::Repriced, prices::RepricedNow),
    /// Answers [`Ask::PriceHistory`].
    PriceHistory(Box<prices::History>),
    /// Answers [`Ask::Guard`].
    Guard(guard::Now),
    /// Answers [`Ask::Overview`].
    Overview(Box<overview::Now>),
    /// Answers [`Ask::Group`].
    Group(group::Now),
    /// Answers [`Ask::Tenant`].
    Tenant(Box<tenant::Now>),
}

/// What was read last for each page; nothing where it was not asked for yet. Cheap to copy.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// What the providers last told of their limits.
    pub limits: Option<Arc<limits::Now>>,
    /// How the caps stand.
    pub budgets: Option<Arc<budgets::Now>>,
    /// Which calls failed.
    pub errors: Option<Arc<errors::Now>>,
    /// The latest calls.
    pub events: Option<Arc<events::Now>>,
    /// The call that was opened last.
    pub record: Option<Arc<events::Record>>,
    /// What calls would have cost with another model, and what was asked.
    pub what_if: Option<(prices::WhatIf, Arc<prices::WhatIfNow>)>,
    /// What this month would have come to at another price, and what was asked.
    pub repriced: Option<(prices::Repriced, prices::RepricedNow)>,
    /// How the price of a model came about.
    pub history: Option<Arc<prices::History>>,
    /// The guards.
    pub guard: Option<Arc<guard::Now>>,
    /// The tenants together.
    pub overview: Option<Arc<overview::Now>>,
    /// Models, providers or sources.
    pub group: Option<Arc<group::Now>>,
    /// The tenant that was opened last.
    pub tenant: Option<Arc<tenant::Now>>,
}

impl Pages {
    /// Takes what was read.
    pub fn take(&mut self, page: Page) {
        match page {
            Page::Limits(now) => self.limits = Some(Arc::new(now)),
            Page::Budgets(now) => self.budgets = Some(Arc::new(*now)),
            Page::Errors(now) => self.errors = Some(Arc::new(now)),
            Page::Events(now) => self.events = Some(Arc::new(now)),
            Page::Record(record) => self.record = record.map(|record| Arc::new(*record)),
            Page::WhatIf(asked, now) => self.what_if = Some((asked, Arc::new(*now))),
            Page::Repriced(asked, now) => self.repriced = Some((asked, now)),
            Page::PriceHistory(now) => self.history = Some(Arc::new(*now)),
            Page::Guard(now) => self.guard = Some(Arc::new(now)),
            Page::Overview(now) => self.overview = Some(Arc::from(now)),
            Page::Group(now) => self.group = Some(Arc::new(now)),
            Page::Tenant(now) => self.tenant = Some(Arc::from(now)),
        }
    }

    /// Says whether the answer to a question has come at some time.
    pub fn has(&self, ask: &Ask) -> bool {
        match ask {
            Ask::Limits => self.limits.is_some(),
            Ask::Budgets(_) => self.budgets.is_some(),
            Ask::Errors => self.errors.is_some(),
            Ask::Events => self.events.is_some(),
            Ask::Record(id) => self.record.as_ref().is_some_and(|record| record.call.id == *id),
            Ask::WhatIf(asked) => self.what_if.as_ref().is_some_and(|known| known.0 == *asked),
            Ask::Repriced(asked) => self.repriced.as_ref().is_some_and(|known| known.0 == *asked),
            Ask::PriceHistory(provider, model) => {
                self.history.as_ref().is_some_and(|now| (now.provider, now.model) == (*provider, *model))
            }
            Ask::Guard => self.guard.is_some(),
            Ask::Overview(..) => self.overview.is_some(),
            Ask::Group(by, window) => {
                self.group.as_ref().is_some_and(|now| (now.by, now.window) == (*by, *window))
            }
            Ask::Tenant(tenant, window) => {
                self.tenant.as_ref().is_some_and(|now| (now.tenant, now.window) == (*tenant, *window))
            }
        }
    }
}

/// How far the question of the page in view is.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What was asked last.
    what: Option<Ask>,
    /// When.
    at: Timestamp,
    /// Whether the answer has not come.
    waits: bool,
    /// Whether something has changed since.
    stale: bool,
}

impl Asked {
    /// Returns what was asked last.
    #[cfg(test)]
    pub(super) fn what(&self) -> Option<&Ask> {
        self.what.as_ref()
    }

    /// Remembers that what was read may be something else now.
    pub fn spoil(&mut self) {
        self.stale = true;
    }

    /// Returns when it is to be asked again.
    fn due(&self) -> Option<Timestamp> {
        let waits = self.waits.then(|| self.at.after(LOST));
        let again = self.what.as_ref().map_or(AGAIN, Ask::again);
        let stale = (self.stale && !self.waits).then(|| self.at.after(again));
        waits.or(stale)
    }
}

impl App {
    /// Returns what is to be read for the page in view; nothing where the live picture has it all.
    pub(super) fn ask(&self) -> Option<Ask> {
        match self.tab {
            Tab::Limits => Some(Ask::Limits),
            Tab::Budgets => Some(Ask::Budgets(self.budgets.picked())),
            Tab::Errors => match self.mode {
                Mode::Record(id, _) => Some(Ask::Record(id)),
                _ => Some(Ask::Errors),
            },
            Tab::Events => Some(match (&self.mode, self.events.picked()) {
                (Mode::Opened(_), Some(id)) => Ask::Record(id),
                _ => Ask::Events,
            }),
            Tab::Guard => Some(Ask::Guard),
            Tab::Overview => match (&self.mode, self.tenants.picked()) {
                (Mode::Record(id, _), _) => Some(Ask::Record(*id)),
                (Mode::Opened(_), Some(tenant)) => Some(Ask::Tenant(tenant, self.window)),
                _ if self.is_grouped() => Some(Ask::Group(self.grouping, self.window)),
                (_, picked) => Some(Ask::Overview(picked, self.window)),
            },
            Tab::Prices => self.ask_of_paper(),
            Tab::Sources | Tab::Audit => None,
        }
    }

    /// Asks for what the page in view needs: at once where it is another question than the last, else when it
    /// is due.
    pub(super) fn ask_if_due(&mut self) -> Option<Effect> {
        let ask = self.ask();
        let new = ask != self.asked.what && !self.picks_another();
        let due = self.ask_due().is_some_and(|due| due <= self.now || self.asked.at > self.now);
        if !new && !due {
            return None;
        }
        let waits = ask.is_some();
        self.asked = Asked { what: ask.clone(), at: self.now, waits, stale: false };
        ask.map(Effect::Load)
    }

    /// Returns when the page in view is to be asked for again.
    pub(super) fn ask_due(&self) -> Option<Timestamp> {
        let due = self.asked.what.as_ref().and_then(|_| self.asked.due());
        let rests = self.picks_another().then(|| self.asked.at.after(AGAIN));
        [due, rests].into_iter().flatten().min()
    }

    /// Says whether all that has changed since the last question is which tenant is selected: a cursor that runs
    /// through the rows must not ask at each of them.
    fn picks_another(&self) -> bool {
        match (self.ask(), &self.asked.what) {
            (Some(Ask::Overview(now, window)), Some(Ask::Overview(then, same))) => {
                window == *same && now != *then
            }
            _ => false,
        }
    }

    /// Takes what was read for a page, where it is still wanted.
    pub(super) fn take_page(&mut self, ask: &Ask, page: Page) {
        if self.asked.what.as_ref() != Some(ask) {
            return;
        }
        self.asked.waits = false;
        if let Page::Limits(now) = &page {
            self.limit_past.note(&now.groups, self.now);
        }
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| !frozen.0.pages.has(ask)) {
            frozen.0.pages.take(page.clone());
        }
        if !self.live.pages.has(ask) {
            self.sort_at_once();
        }
        self.live.pages.take(page);
        self.unsorted = true;
    }
}
