//! The thread that reads the store for the screen: it answers what the screen asks.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use super::book::SharedBook;
use super::budget_desk::BudgetDesk;
use super::hour::HourDesk;
use super::overview::Learned;
use super::sheet::SheetDesk;
use super::{pages, price_table, sources};
use crate::domain::books::Books;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::price::PriceBook;
use crate::domain::rollup::Sums;
use crate::domain::time::{Millis, Timestamp};
use crate::store::guard::Base;
use crate::store::{Reader, StoreError};
use crate::tui::{Ask, Detail, Event, Feed, Snapshot, Step, Window};

/// How far ahead of the clock calls still count to now.
pub(super) const AHEAD: Millis = Millis::from_minutes(5);

/// What the screen asks of the store.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Question {
    Everything,
    Window(Window),
    Detail(TenantId, Window),
    Prices(Window),
    Page(Ask),
    /// Count days in this zone from now on, and read everything.
    Zone(String),
    Price(ModelId),
}

/// Answers the screen's questions from its own reading connection.
pub(super) struct Librarian {
    pub(super) reader: Reader,
    pub(super) calendar: Calendar,
    /// What time it is.
    pub(super) clock: fn() -> Timestamp,
    pub(super) shared: SharedBook,
    /// The calls of the last hour.
    pub(super) hour: RefCell<HourDesk>,
    /// What was learned of the tenants.
    pub(super) learned: RefCell<Learned>,
    /// The calls of the tenant that is open.
    pub(super) sheet: RefCell<SheetDesk>,
    /// Which caps the configuration and its plans state.
    pub(super) base: Base,
    /// What is remembered of the caps.
    pub(super) budgets: RefCell<BudgetDesk>,
}

impl Librarian {
    /// Returns one that has read nothing yet.
    pub(super) fn new(
        reader: Reader,
        calendar: Calendar,
        shared: SharedBook,
        base: Base,
        clock: fn() -> Timestamp,
    ) -> Librarian {
        let (hour, learned, sheet) = (RefCell::default(), RefCell::default(), RefCell::default());
        let budgets = RefCell::default();
        Librarian { reader, calendar, clock, shared, hour, learned, sheet, base, budgets }
    }

    /// Answers until nobody asks or listens any more.
    pub(super) fn answer(mut self, asked: &Receiver<Question>, events: &SyncSender<Event>) {
        let mut failing = false;
        while let Ok(first) = asked.recv() {
            let mut questions = vec![first];
            // What was asked again meanwhile is answered once.
            for question in asked.try_iter() {
                if !questions.contains(&question) {
                    questions.push(question);
                }
            }
            for question in questions {
                if let Question::Zone(name) = &question
                    && let Ok(calendar) = Calendar::named(name)
                {
                    self.calendar = calendar;
                }
                let answer = self.answer_one(&question);
                let healed = (failing && answer.is_ok()).then_some(Event::FeedState(Feed::Live));
                failing = answer.is_err();
                let event = answer.unwrap_or_else(|error| Event::FeedState(Feed::Failed(error.to_string())));
                if std::iter::once(event).chain(healed).any(|event| events.send(event).is_err()) {
                    return;
                }
            }
        }
    }

    /// Returns what time it is.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn answer_one(&self, question: &Question) -> Result<Event, StoreError> {
        Ok(match *question {
            Question::Everything | Question::Zone(_) => Event::Loaded(Box::new(self.snapshot()?)),
            Question::Window(window) => Event::Window(window, self.reader.tenants(self.span(window))?),
            Question::Detail(tenant, window) => Event::Detail(Box::new(self.detail(tenant, window)?)),
            Question::Prices(window) => Event::Prices(window, price_table::read(self, window)?),
            Question::Price(model) => {
                let price = self.book().find(Provider::unknown(), model, self.now());
                Event::Price(model, price.filter(|price| price.is_priced()))
            }
            Question::Page(ref ask) => Event::Page(ask.clone(), Box::new(pages::read(self, ask)?)),
        })
    }

    /// Reads everything that the screen shows without being asked.
    pub(super) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let now = self.now();
        let (today, month) = (self.calendar.day(now), self.calendar.month(now));
        let minutes = self.reader.minutes(now.before(Millis::from_minutes(60)))?;
        let (today, month) = (self.reader.tenants(today)?, self.reader.tenants(month)?);
        let books = Books::load(self.calendar.clone(), now, today, month, minutes);
        let sources = sources::rows(&self.reader)?.into_values().collect();
        Ok(Snapshot { books, sources })
    }

    /// Returns the price book in force.
    pub(super) fn book(&self) -> Arc<PriceBook> {
        self.shared.get()
    }

    pub(super) fn span(&self, window: Window) -> Span {
        let now = self.now();
        let end = now.after(AHEAD);
        match (window, window.minutes()) {
            (_, Some(minutes)) => Span { start: now.before(Millis::from_minutes(minutes)), end },
            (Window::Month, None) => self.calendar.month(now),
            (_, None) => self.calendar.day(now),
        }
    }

    fn detail(&self, tenant: TenantId, window: Window) -> Result<Detail, StoreError> {
        let span = self.span(window);
        let mut models: Vec<(ModelId, Sums)> = Vec::new();
        for (_, model, sums) in self.reader.models(tenant, span)? {
            match models.iter_mut().find(|(known, _)| *known == model) {
                Some((_, known)) => *known += sums,
                None => models.push((model, sums)),
            }
        }
        Ok(Detail { tenant, window, models, steps: self.steps(tenant, span, window.step())? })
    }

    /// Returns what each step of a span came to; the first is whole, also where the span cuts it.
    fn steps(&self, tenant: TenantId, span: Span, step: Step) -> Result<Vec<(Timestamp, Sums)>, StoreError> {
        if step == Step::Minute {
            return Ok(Vec::new());
        }
        let start = step.of(&self.calendar, span.start).start;
        let hours = self.reader.hours(tenant, Span { start, ..span })?;
        let mut steps: Vec<(Timestamp, Sums)> = Vec::new();
        for (at, sums) in hours {
            let start = step.of(&self.calendar, at).start;
            match steps.last_mut().filter(|last| last.0 == start) {
                Some(last) => last.1 += sums,
                None => steps.push((start, sums)),
            }
        }
        Ok(steps)
    }
}
