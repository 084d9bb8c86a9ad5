//! The state of the screen, and the one function that changes it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::domain::books::Books;
use crate::domain::burn::{Live, minute_of};
use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::label::{Label, printable};
use crate::domain::time::{Millis, Timestamp};

use super::event::{Detail, Effect, Event, Feed, Snapshot, SourceRow, Window};
use super::keys::{self, Action, Context};
use super::list::{List, passes};
use super::picture::{Measure, Picture};

/// How long the order of rows is held after a key.
const HOLD: Millis = Millis::new(3_000);
/// How long a short message stays.
const TOAST: Millis = Millis::new(4_000);
/// The longest filter, in columns.
const FILTER_COLUMNS: usize = 120;

/// The columns that tenants are sorted by.
pub const TENANT_SORTS: [&str; 6] = ["window", "month", "$/h", "calls", "tokens", "name"];
/// The columns that prices are sorted by.
pub const PRICE_SORTS: [&str; 5] = ["today", "model", "in", "out", "tokens"];
/// The columns that sources are sorted by.
pub const SOURCE_SORTS: [&str; 4] = ["state", "name", "calls", "bad"];

/// A page of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Tenants.
    Overview,
    /// Models and their prices.
    Prices,
    /// What is read.
    Sources,
}

impl Tab {
    /// All, in their order.
    pub const ALL: [Tab; 3] = [Tab::Overview, Tab::Prices, Tab::Sources];

    /// Returns its name.
    pub const fn says(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Prices => "Prices",
            Tab::Sources => "Sources",
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
    /// What one row is about; how far it is scrolled.
    Opened(usize),
    /// The keys; what was there before.
    Help(Box<Mode>),
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
}

/// What a frame showed: handed back by the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Rows of the table that fit.
    pub rows: usize,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) setup: Setup,
    pub(super) now: Timestamp,
    pub(super) tab: Tab,
    pub(super) mode: Mode,
    pub(super) window: Window,
    pub(super) measure: Measure,
    pub(super) feed: Feed,
    pub(super) loaded: bool,
    pub(super) behind: usize,
    pub(super) tenants: List<TenantId>,
    pub(super) prices: List<(Provider, ModelId)>,
    pub(super) sources: List<Label>,
    live: Picture,
    frozen: Option<Box<(Picture, Timestamp)>>,
    toast: Option<(String, Timestamp)>,
    rows: usize,
    moved: Timestamp,
    unsorted: bool,
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
            window: Window::Today,
            measure: Measure::Cost,
            feed: Feed::Starting,
            loaded: false,
            behind: 0,
            tenants: List::new(),
            prices: List::new(),
            sources: List::new(),
            live: Picture::new(books),
            frozen: None,
            toast: None,
            rows: 1,
            moved: Timestamp::EPOCH,
            unsorted: false,
            focused: true,
        }
    }

    /// Takes in what happened, and returns what is to be done.
    pub fn update(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = self.pass_time(now);
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => effects.extend(self.key(key)),
            Event::Paste(text) => self.paste(&text),
            Event::Changed(changes, sources) => {
                self.behind += if self.frozen.is_some() { changes.len() } else { 0 };
                for change in &changes {
                    self.live.apply(change, self.window);
                }
                self.live.update_sources(sources);
                self.unsorted = true;
            }
            Event::Loaded(snapshot) => effects.extend(self.load(*snapshot)),
            Event::Window(window, sums) if window == self.window => {
                let sums = sums.iter().map(|(tenant, sums)| (*tenant, Live::of(sums))).collect();
                self.live.window = Some(sums);
                self.unsorted = true;
            }
            Event::Detail(detail) => self.open_detail(*detail),
            Event::Prices(prices) => {
                self.live.prices = prices;
                self.unsorted = true;
            }
            Event::FeedState(feed) => self.feed = feed,
            Event::Focus(focused) => self.focused = focused,
            Event::Stop(_) => effects.push(Effect::Quit),
            Event::Key(_) | Event::Resize | Event::Tick | Event::Window(..) => {}
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
        }
    }

    /// Returns when something on the screen changes by itself, apart from the minute.
    pub fn due(&self) -> Option<Timestamp> {
        let hold = self.unsorted.then(|| self.moved.after(HOLD));
        let toast = self.toast.as_ref().map(|toast| toast.1.after(TOAST));
        let aging = self.frozen.is_some() || matches!(self.feed, Feed::Lag(_));
        let step = aging.then(|| self.now.after(Millis::new(1_000)));
        [hold, toast, step].into_iter().flatten().min()
    }

    /// Returns the name of the theme to draw with.
    pub fn theme(&self) -> &str {
        &self.setup.theme
    }

    /// Says whether the terminal's window has the focus, as far as it tells.
    pub fn is_focused(&self) -> bool {
        self.focused
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
        match &self.mode {
            Mode::Opened(_) | Mode::Help(_) => &[Context::Opened, Context::Anywhere],
            _ => self.page_contexts(),
        }
    }

    /// Returns where keys work in the table of this tab.
    pub(super) fn page_contexts(&self) -> &'static [Context] {
        match self.tab {
            Tab::Overview => &[Context::Tenants, Context::List, Context::Anywhere],
            Tab::Prices => &[Context::List, Context::Anywhere],
            Tab::Sources => &[Context::Sources, Context::List, Context::Anywhere],
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
        }
    }

    fn pass_time(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let new_minute = minute_of(now) != minute_of(self.now);
        self.now = now;
        if self.toast.as_ref().is_some_and(|toast| now.since(toast.1) >= TOAST) {
            self.toast = None;
        }
        if self.live.books.roll(now) {
            effects.push(Effect::Reload);
        }
        if new_minute {
            self.unsorted = true;
            if self.window.is_loaded() {
                effects.push(Effect::LoadWindow(self.window));
            }
        }
        effects
    }

    fn load(&mut self, snapshot: Snapshot) -> Vec<Effect> {
        self.live.books = snapshot.books;
        let stale = self.live.books.roll(self.now);
        self.live.sources = snapshot.sources;
        self.live.prices = snapshot.prices;
        self.loaded = true;
        self.unsorted = true;
        let mut effects = Vec::new();
        if stale {
            effects.push(Effect::Reload);
        }
        if let Some(detail) = &self.live.detail {
            effects.push(Effect::LoadDetail(detail.tenant));
        }
        effects
    }

    fn open_detail(&mut self, mut detail: Detail) {
        if self.tab != Tab::Overview || self.tenants.picked() != Some(detail.tenant) {
            return;
        }
        detail.models.sort_by_key(|model| (std::cmp::Reverse(model.1.cost), model.0));
        detail.hours.sort_by_key(|hour| hour.0);
        if let Some(frozen) = &mut self.frozen {
            frozen.0.detail = Some(detail.clone());
        }
        self.live.detail = Some(detail);
    }

    fn paste(&mut self, text: &str) {
        if matches!(self.mode, Mode::Filter(_)) {
            let line = text.lines().next().unwrap_or_default();
            let filter = printable(&format!("{}{line}", self.filter()), FILTER_COLUMNS);
            self.set_filter(filter);
        } else {
            self.say("paste ignored");
        }
    }

    fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Effect::Quit);
        }
        if matches!(self.mode, Mode::Filter(_)) {
            self.type_filter(key);
            return None;
        }
        let action = keys::action(key, self.contexts());
        if matches!(self.mode, Mode::Help(_)) && !matches!(action, Some(Action::Redraw | Action::Suspend)) {
            if let Mode::Help(before) = std::mem::replace(&mut self.mode, Mode::List) {
                self.mode = *before;
            }
            return None;
        }
        action.and_then(|action| self.act(action))
    }

    fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Redraw => return Some(Effect::Redraw),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Help => self.mode = Mode::Help(Box::new(self.mode.clone())),
            Action::Tab(tab) => self.show(tab),
            Action::NextTab => self.show((self.tab as usize + 1) % Tab::ALL.len()),
            Action::PrevTab => self.show((self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len()),
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::PageDown => self.step(self.half_page()),
            Action::PageUp => self.step(-self.half_page()),
            Action::Open => return self.open(),
            Action::Back => self.back(),
            Action::Filter => self.mode = Mode::Filter(self.filter().to_owned()),
            Action::Sort => self.sort(),
            Action::Reverse => self.reverse(),
            Action::Pause => self.pause(),
            Action::Window => return self.next_window(),
            Action::Theme => return self.next_theme(),
            Action::Measure => {
                self.measure = self.measure.next();
                self.resort();
            }
        }
        None
    }

    fn show(&mut self, tab: usize) {
        self.tab = Tab::ALL.get(tab).copied().unwrap_or(self.tab);
        self.mode = Mode::List;
        self.live.detail = None;
    }

    fn half_page(&self) -> isize {
        isize::try_from(self.rows / 2).unwrap_or(1).max(1)
    }

    fn step(&mut self, by: isize) {
        self.moved = self.now;
        if let Mode::Opened(offset) = &mut self.mode {
            *offset = offset.saturating_add_signed(by).min(1 << 16);
            return;
        }
        match self.tab {
            Tab::Overview => self.tenants.step(by),
            Tab::Prices => self.prices.step(by),
            Tab::Sources => self.sources.step(by),
        }
    }

    fn open(&mut self) -> Option<Effect> {
        match self.tab {
            Tab::Overview => {
                let tenant = self.tenants.picked()?;
                self.mode = Mode::Opened(0);
                Some(Effect::LoadDetail(tenant))
            }
            Tab::Sources => {
                self.sources.picked()?;
                self.mode = Mode::Opened(0);
                None
            }
            Tab::Prices => None,
        }
    }

    fn back(&mut self) {
        if self.mode == Mode::List {
            self.set_filter(String::new());
        }
        self.mode = Mode::List;
        self.live.detail = None;
        if let Some(frozen) = &mut self.frozen {
            frozen.0.detail = None;
        }
    }

    fn type_filter(&mut self, key: KeyEvent) {
        let mut filter = self.filter().to_owned();
        match key.code {
            KeyCode::Enter => self.mode = Mode::List,
            KeyCode::Esc => {
                if let Mode::Filter(before) = std::mem::replace(&mut self.mode, Mode::List) {
                    self.set_filter(before);
                }
            }
            KeyCode::Backspace => {
                filter.pop();
                self.set_filter(filter);
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.set_filter(String::new());
            }
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                filter.push(letter);
                self.set_filter(printable(&filter, FILTER_COLUMNS));
            }
            _ => {}
        }
    }

    fn set_filter(&mut self, filter: String) {
        match self.tab {
            Tab::Overview => self.tenants.filter = filter,
            Tab::Prices => self.prices.filter = filter,
            Tab::Sources => self.sources.filter = filter,
        }
        self.resort();
    }

    fn sort(&mut self) {
        match self.tab {
            Tab::Overview => self.tenants.sort = (self.tenants.sort + 1) % TENANT_SORTS.len(),
            Tab::Prices => self.prices.sort = (self.prices.sort + 1) % PRICE_SORTS.len(),
            Tab::Sources => self.sources.sort = (self.sources.sort + 1) % SOURCE_SORTS.len(),
        }
        self.resort();
    }

    fn reverse(&mut self) {
        match self.tab {
            Tab::Overview => self.tenants.reverse = !self.tenants.reverse,
            Tab::Prices => self.prices.reverse = !self.prices.reverse,
            Tab::Sources => self.sources.reverse = !self.sources.reverse,
        }
        self.resort();
    }

    fn pause(&mut self) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => Some(Box::new((self.live.clone(), self.now))),
        };
        self.behind = 0;
        self.resort();
    }

    fn next_window(&mut self) -> Option<Effect> {
        self.window = self.window.next();
        self.live.window = None;
        if let Some(frozen) = &mut self.frozen {
            frozen.0.window = None;
        }
        self.resort();
        self.window.is_loaded().then_some(Effect::LoadWindow(self.window))
    }

    fn next_theme(&mut self) -> Option<Effect> {
        let themes = &self.setup.themes;
        let place = themes.iter().position(|name| *name == self.setup.theme).map_or(0, |place| place + 1);
        let theme = themes.get(place % themes.len().max(1))?.clone();
        self.setup.theme.clone_from(&theme);
        self.say(&format!("theme: {theme}"));
        Some(Effect::SaveTheme(theme))
    }

    fn say(&mut self, text: &str) {
        self.toast = Some((text.to_owned(), self.now));
    }

    /// Sorts the rows, unless the user is moving among them just now.
    fn settle(&mut self) {
        if self.unsorted && self.now.since(self.moved) >= HOLD {
            self.resort();
        }
    }

    fn resort(&mut self) {
        self.unsorted = false;
        let (tenants, all) = self.tenant_order();
        self.tenants.set(tenants, all);
        let (prices, all) = self.price_order();
        self.prices.set(prices, all);
        let (sources, all) = self.source_order();
        self.sources.set(sources, all);
    }

    fn tenant_order(&self) -> (Vec<TenantId>, usize) {
        let picture = self.picture();
        let mut names: Vec<TenantId> = picture.books.tenants().map(|(tenant, _)| tenant).collect();
        if let Some(window) = picture.window.as_ref().filter(|_| self.window.is_loaded()) {
            names.extend(window.keys());
            names.sort_unstable();
            names.dedup();
        }
        let all = names.len();
        names.retain(|tenant| passes(&self.tenants.filter, tenant.as_str()));
        let now = picture.books.now();
        let key = |tenant: &TenantId| {
            let sums = picture.sums(*tenant, self.window).unwrap_or_default();
            let book = picture.books.tenant(*tenant);
            let sums = match self.tenants.sort {
                1 => book.map(|book| book.month).unwrap_or_default(),
                2 => book.map(|book| book.minutes.burn(now)).unwrap_or_default(),
                _ => sums,
            };
            let amount = match self.tenants.sort {
                0 => self.measure.of(&sums),
                1 | 2 => sums.cost.nanos(),
                3 => sums.calls,
                4 => sums.tokens,
                _ => 0,
            };
            (std::cmp::Reverse((amount, sums.unpriced.min(i64::from(self.tenants.sort < 3)))), *tenant)
        };
        names.sort_by_cached_key(key);
        if self.tenants.reverse {
            names.reverse();
        }
        (names, all)
    }

    fn price_order(&self) -> (Vec<(Provider, ModelId)>, usize) {
        let rows = &self.picture().prices;
        let mut rows: Vec<_> = rows.iter().collect();
        let all = rows.len();
        rows.retain(|row| {
            passes(&self.prices.filter, row.model.as_str())
                || passes(&self.prices.filter, row.provider.as_str())
        });
        rows.sort_by_cached_key(|row| {
            let used = row.is_unpriced() && row.today.unpriced > 0;
            let amount = match self.prices.sort {
                0 => i128::from(row.today.cost.nanos()),
                2 => i128::from(row.input.unwrap_or_default().picos()),
                3 => i128::from(row.output.unwrap_or_default().picos()),
                4 => i128::from(row.today.tokens.total().count()),
                _ => 0,
            };
            let amount = if self.prices.sort == 0 && used { i128::MAX } else { amount };
            (std::cmp::Reverse(amount), row.model, row.provider)
        });
        if self.prices.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| (row.provider, row.model)).collect(), all)
    }

    fn source_order(&self) -> (Vec<Label>, usize) {
        let mut rows: Vec<_> = self.picture().sources.iter().collect();
        let all = rows.len();
        rows.retain(|row| passes(&self.sources.filter, row.source.as_str()));
        rows.sort_by_cached_key(|row| {
            let amount = match self.sources.sort {
                0 => row.state as u64,
                2 => row.calls,
                3 => row.bad,
                _ => 0,
            };
            (std::cmp::Reverse(amount), row.source)
        });
        if self.sources.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.source).collect(), all)
    }
}
