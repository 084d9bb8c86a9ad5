//! What comes from outside: the time that passes, and answers to what was asked.

use crate::domain::burn::minute_of;
use crate::domain::time::Timestamp;

use super::app::{App, TOAST};
use super::event::{Detail, Effect, PriceRow, Snapshot};
use super::picture::Loaded;

impl App {
    /// Moves on to `now`. Windows move by whole minutes, so only a new one costs anything.
    pub(super) fn pass_time(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let new_minute = minute_of(now) != minute_of(self.now);
        self.now = now;
        // A clock that was set back must not hold the rows until it has caught up.
        (self.moved, self.sorted) = (self.moved.min(now), self.sorted.min(now));
        self.hand.pressed = self.hand.pressed.min(now);
        if self.toast.as_ref().is_some_and(|toast| now < toast.1 || now.since(toast.1) >= TOAST) {
            self.toast = None;
        }
        if new_minute {
            self.unsorted = true;
            self.asked.spoil();
            if self.live.books.roll(now) {
                effects.push(Effect::Reload);
            }
            if self.window.minutes().is_some() {
                effects.extend(self.load_what_is_shown());
            }
            effects.extend(self.load_used_anew());
        }
        effects
    }

    /// Asks for everything on the screen that the books do not hold.
    pub(super) fn load_what_is_shown(&self) -> Vec<Effect> {
        let opened = self.tenants.picked().filter(|_| self.shows_tenant());
        let detail = opened.map(|tenant| Effect::LoadDetail(tenant, self.window));
        let window = self.window.is_loaded().then_some(Effect::LoadWindow(self.window));
        detail.into_iter().chain(window).chain([Effect::LoadPrices(self.window)]).collect()
    }

    pub(super) fn load(&mut self, snapshot: Snapshot) -> Vec<Effect> {
        self.live.books = snapshot.books;
        let stale = self.live.books.roll(self.now);
        self.live.load_sources(snapshot.sources);
        self.asked.spoil();
        self.loaded = true;
        self.unsorted = true;
        let reload = stale.then_some(Effect::Reload);
        self.load_what_is_shown().into_iter().chain(reload).collect()
    }

    pub(super) fn take_window(&mut self, loaded: &Loaded) {
        if self.live.window.replace(loaded.clone()).is_none() {
            self.sort_at_once();
        }
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.0.window.is_none()) {
            frozen.0.window = Some(loaded.clone());
        }
        self.unsorted = true;
    }

    /// Somebody waits for what has just come: it is not to wait for its turn.
    pub(super) fn sort_at_once(&mut self) {
        self.sorted = Timestamp::EPOCH;
    }

    pub(super) fn take_prices(&mut self, prices: &[PriceRow]) {
        if self.live.prices_of != Some(self.window) {
            self.sort_at_once();
        }
        self.live.set_prices(self.window, prices);
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.0.prices_of != Some(self.window)) {
            frozen.0.set_prices(self.window, prices);
        }
        self.unsorted = true;
    }

    pub(super) fn take_detail(&mut self, mut detail: Detail) {
        let wanted = (self.tenants.picked(), self.window) == (Some(detail.tenant), detail.window);
        if !wanted || !self.shows_tenant() {
            return;
        }
        detail.models.sort_by_key(|model| (std::cmp::Reverse(model.1.cost), model.0));
        detail.steps.sort_by_key(|step| step.0);
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.0.detail.is_none()) {
            frozen.0.detail = Some(detail.clone());
        }
        self.live.detail = Some(detail);
    }

    /// Returns the name of a file for the page in view: what it shows, and the minute it is of.
    pub(super) fn export_name(&self, form: super::export::Form) -> String {
        let calendar = &self.setup.calendar;
        let stamp: String = calendar.minute_text(self.now).chars().filter(char::is_ascii_digit).collect();
        format!("outlay-{}-{stamp}.{}", self.tab.says().to_lowercase(), form.ending())
    }
}
