//! The state of the screen, and the one function that changes it.

use crossterm::event::KeyEventKind;

use crate::domain::books::{Book, Books};
use crate::domain::burn::minute_of;
use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::CapRev;
use crate::domain::label::Label;
use crate::domain::time::{Millis, Timestamp};

use super::cap_act::{Hand, Mine};
use super::cap_form::{CapForm, Stage};
use super::event::{Detail, Effect, Event, Feed, PriceRow, Snapshot, SourceRow, Window};
use super::keys::Context;
use super::list::List;
use super::picture::{Loaded, Measure, Picture};
use super::text;

/// How long the order of rows is held after a key.
const HOLD: Millis = Millis::new(3_000);
/// The least time between two sortings that only data asked for.
const RESORT: Millis = Millis::new(200);
/// How long a short message stays.
const TOAST: Millis = Millis::new(4_000);

/// A page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Tenants.
    Overview,
    /// Models and their prices.
    Prices,
    /// What is read.
    Sources,
    /// Who changed which cap.
    Audit,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Tab; 4] = [Tab::Overview, Tab::Prices, Tab::Sources, Tab::Audit];

    /// Returns its name.
    pub const fn says(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Prices => "Prices",
            Tab::Sources => "Sources",
            Tab::Audit => "Audit",
        }
    }
}

/// What the keys act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The table of the tab.
    List,
    /// The filter of the table; the text it had before.
    Filter(String),
    /// What one row is about; how far it is scrolled, or which of a tenant's models is selected.
    Opened(usize),
}

/// What lies over the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// The keys; how far they are scrolled.
    Help(usize),
    /// The themes; the one there was before.
    Themes(String),
    /// A cap that is being changed.
    Cap(Box<CapForm>),
}

/// What an [`App`] is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The calendar of days and months.
    pub calendar: Calendar,
    /// The program's version.
    pub version: String,
    /// The name of this machine; empty leaves it out.
    pub host: String,
    /// The themes there are.
    pub themes: Vec<String>,
    /// The theme to begin with.
    pub theme: String,
    /// Why no cap can be changed here; `None` where one can.
    pub read_only: Option<String>,
}

/// What a frame showed: handed back by the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Rows of the table that fit.
    pub rows: usize,
    /// How far what was opened is scrolled, once its end is known.
    pub opened: Option<usize>,
    /// The same of the help.
    pub help: Option<usize>,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) setup: Setup,
    pub(super) now: Timestamp,
    pub(super) tab: Tab,
    pub(super) mode: Mode,
    pub(super) dialog: Option<Dialog>,
    pub(super) window: Window,
    pub(super) measure: Measure,
    pub(super) feed: Feed,
    pub(super) loaded: bool,
    pub(super) behind: usize,
    pub(super) tenants: List<TenantId>,
    pub(super) prices: List<(Provider, ModelId)>,
    pub(super) sources: List<Label>,
    pub(super) audit: List<CapRev>,
    pub(super) live: Picture,
    pub(super) frozen: Option<Box<(Picture, Timestamp)>>,
    pub(super) rows: usize,
    pub(super) moved: Timestamp,
    pub(super) sorted: Timestamp,
    pub(super) unsorted: bool,
    /// The change that was made last from here.
    pub(super) mine: Option<Mine>,
    pub(super) hand: Hand,
    toast: Option<(String, Timestamp)>,
    focused: bool,
}

impl App {
    /// Returns a screen that waits for its first [`Event::Loaded`].
    pub fn new(setup: Setup, now: Timestamp) -> App {
        let books = Books::new(setup.calendar.clone(), now);
        App {
            setup,
            now,
            tab: Tab::Overview,
            mode: Mode::List,
            dialog: None,
            window: Window::Today,
            measure: Measure::Cost,
            feed: Feed::Starting,
            loaded: false,
            behind: 0,
            tenants: List::new(),
            prices: List::new(),
            sources: List::new(),
            audit: List::new(),
            live: Picture::new(books),
            frozen: None,
            rows: 1,
            moved: Timestamp::EPOCH,
            sorted: Timestamp::EPOCH,
            unsorted: false,
            mine: None,
            hand: Hand::default(),
            toast: None,
            focused: true,
        }
    }

    /// Takes in what happened, and returns what is to be done.
    pub fn update(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = self.pass_time(now);
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => effects.extend(self.key(key)),
            Event::Paste(text) => effects.extend(self.paste(&text)),
            Event::Changed(changes, sources) => {
                self.behind += if self.frozen.is_some() { changes.len() } else { 0 };
                for change in &changes {
                    self.live.apply(change, self.window);
                }
                self.live.update_sources(sources);
                self.unsorted = true;
            }
            Event::Loaded(snapshot) => effects.extend(self.load(*snapshot)),
            Event::Window(window, sums) if window == self.window => self.take_window(&Loaded::of(&sums)),
            Event::Detail(detail) => self.take_detail(*detail),
            Event::Prices(window, prices) if window == self.window => self.take_prices(&prices),
            Event::FeedState(feed) => self.feed = feed,
            Event::Guards(guards) => self.take_guards(guards),
            Event::Caps(caps) => effects.extend(self.take_caps(*caps)),
            Event::Used(scope, window, used) => self.take_used(scope, window, &used),
            Event::CapSaved(saved) => effects.extend(self.take_saved(saved)),
            Event::Focus(focused) => self.focused = focused,
            Event::Stop(_) => effects.push(Effect::Quit),
            Event::Suspend => effects.push(Effect::Suspend),
            Event::Continued => effects.push(Effect::Resume),
            Event::Key(_) | Event::Resize | Event::Tick | Event::Window(..) | Event::Prices(..) => {}
        }
        self.settle();
        effects
    }

    /// Takes what the last frame showed.
    pub fn seen(&mut self, seen: Seen) {
        self.rows = seen.rows;
        match self.tab {
            Tab::Overview => self.tenants.seen(seen.rows),
            Tab::Prices => self.prices.seen(seen.rows),
            Tab::Sources => self.sources.seen(seen.rows),
            Tab::Audit => self.audit.seen(seen.rows),
        }
        if let (Mode::Opened(offset), Some(shown)) = (&mut self.mode, seen.opened) {
            *offset = shown;
        }
        if let (Some(Dialog::Help(offset)), Some(shown)) = (&mut self.dialog, seen.help) {
            *offset = shown;
        }
    }

    /// Returns when something on the screen changes by itself, apart from the minute.
    pub fn due(&self) -> Option<Timestamp> {
        let hold = self.unsorted.then(|| self.moved.after(HOLD).max(self.sorted.after(RESORT)));
        let toast = self.toast.as_ref().map(|toast| toast.1.after(TOAST));
        let aging = self.frozen.is_some() || matches!(self.feed, Feed::Lag(_));
        let aging = aging || !self.live.caps.guards.is_empty();
        let step = aging.then(|| self.now.after(Millis::new(1_000)));
        [hold, toast, step, self.saved_until()].into_iter().flatten().min()
    }

    /// Returns the name of the theme to draw with.
    pub fn theme(&self) -> &str {
        &self.setup.theme
    }

    /// Says whether the terminal's window has the focus, as far as it tells.
    pub fn is_focused(&self) -> bool {
        self.focused
    }

    /// Returns what stays on the terminal after the end; nothing where nothing was read.
    pub fn farewell(&self) -> Option<String> {
        let total = self.live.books.total();
        let (hour, minute) = self.setup.calendar.clock(self.now);
        let amount = |live| text::headline_of(&live);
        let burn = total.minutes.burn(self.live.books.now());
        (self.loaded && *total != Book::default()).then(|| {
            format!(
                "outlay: {hour:02}:{minute:02} {}  today {}  month {}  burn {}/h",
                self.setup.calendar.name(),
                amount(total.today),
                amount(total.month),
                amount(burn)
            )
        })
    }

    /// Returns what is shown: the live picture, or the frozen one.
    pub(super) fn picture(&self) -> &Picture {
        self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.0)
    }

    /// Returns since when the picture is frozen.
    pub(super) fn paused(&self) -> Option<Timestamp> {
        self.frozen.as_ref().map(|frozen| frozen.1)
    }

    /// Returns the short message, while it lasts.
    pub(super) fn toast(&self) -> Option<&str> {
        self.toast.as_ref().map(|toast| toast.0.as_str())
    }

    /// Returns where keys work now.
    pub(super) fn contexts(&self) -> &'static [Context] {
        match (&self.dialog, &self.mode) {
            (Some(Dialog::Help(_)), _) => &[Context::Moving, Context::Always],
            (Some(Dialog::Themes(_)), _) => &[Context::Choosing, Context::Moving, Context::Always],
            (Some(Dialog::Cap(form)), _) => match form.stage {
                Stage::Typing => &[Context::Form, Context::Always],
                Stage::Sure => &[Context::Sure, Context::Always],
                Stage::Naming(_) => &[Context::Naming, Context::Always],
                Stage::Saving => &[Context::Waiting, Context::Always],
                Stage::Conflict(_) => &[Context::Conflict, Context::Always],
            },
            (None, Mode::Filter(_)) => &[Context::Always],
            (None, _) => self.page_contexts(),
        }
    }

    /// Returns where keys work on this page.
    pub(super) fn page_contexts(&self) -> &'static [Context] {
        use Context::{Always, Capped, List, Measured, Moving, Openable, Opened, Page, Spend, Undoable};
        match (self.tab, &self.mode) {
            (Tab::Overview, Mode::Opened(_)) => {
                &[Opened, Capped, Undoable, Spend, Measured, Moving, Page, Always]
            }
            (Tab::Overview, _) => &[Openable, Capped, List, Undoable, Spend, Measured, Moving, Page, Always],
            (Tab::Audit, Mode::Opened(_)) => &[Opened, Undoable, Moving, Page, Always],
            (Tab::Audit, _) => &[Openable, List, Undoable, Moving, Page, Always],
            (Tab::Prices, _) => &[List, Spend, Moving, Page, Always],
            (Tab::Sources, Mode::Opened(_)) => &[Opened, Moving, Page, Always],
            (Tab::Sources, _) => &[Openable, List, Moving, Page, Always],
        }
    }

    /// Returns the selected source's row.
    pub(super) fn picked_source(&self) -> Option<&SourceRow> {
        let picked = self.sources.picked()?;
        self.picture().sources.iter().find(|row| row.source == picked)
    }

    /// Returns the filter of the tab.
    pub(super) fn filter(&self) -> &str {
        match self.tab {
            Tab::Overview => &self.tenants.filter,
            Tab::Prices => &self.prices.filter,
            Tab::Sources => &self.sources.filter,
            Tab::Audit => &self.audit.filter,
        }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.toast = Some((text.to_owned(), self.now));
    }

    /// Moves on to `now`. Windows move by whole minutes, so only a new one costs anything.
    fn pass_time(&mut self, now: Timestamp) -> Vec<Effect> {
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

    /// Says whether a tenant is open.
    fn shows_tenant(&self) -> bool {
        self.tab == Tab::Overview && matches!(self.mode, Mode::Opened(_))
    }

    fn load(&mut self, snapshot: Snapshot) -> Vec<Effect> {
        self.live.books = snapshot.books;
        let stale = self.live.books.roll(self.now);
        self.live.load_sources(snapshot.sources);
        self.loaded = true;
        self.unsorted = true;
        let reload = stale.then_some(Effect::Reload);
        self.load_what_is_shown().into_iter().chain(reload).collect()
    }

    fn take_window(&mut self, loaded: &Loaded) {
        if self.live.window.replace(loaded.clone()).is_none() {
            self.sort_at_once();
        }
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.0.window.is_none()) {
            frozen.0.window = Some(loaded.clone());
        }
        self.unsorted = true;
    }

    /// Somebody waits for what has just come: it is not to wait for its turn.
    fn sort_at_once(&mut self) {
        self.sorted = Timestamp::EPOCH;
    }

    fn take_prices(&mut self, prices: &[PriceRow]) {
        if self.live.prices_of != Some(self.window) {
            self.sort_at_once();
        }
        self.live.set_prices(self.window, prices);
        if let Some(frozen) = self.frozen.as_mut().filter(|frozen| frozen.0.prices_of != Some(self.window)) {
            frozen.0.set_prices(self.window, prices);
        }
        self.unsorted = true;
    }

    fn take_detail(&mut self, mut detail: Detail) {
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

    /// Sorts the rows, unless the user is moving among them just now.
    fn settle(&mut self) {
        let held = self.now.since(self.moved) < HOLD || self.now.since(self.sorted) < RESORT;
        if self.unsorted && !held {
            self.resort();
        }
    }
}
