//! The state of the screen, and the one function that changes it.

use crossterm::event::KeyEventKind;
use ratatui::layout::Rect;

use crate::domain::books::Books;
use crate::domain::burn::Live;
use crate::domain::calendar::Calendar;
use crate::domain::call::{CallId, ModelId, Provider, TenantId};
use crate::domain::cap::{CapKey, CapRev};
use crate::domain::failure::FailureClass;
use crate::domain::label::Label;
use crate::domain::time::{Millis, Timestamp};

use super::alerts::{AlertList, Muted};
use super::cap_act::Mine;
use super::cap_form::CapForm;
use super::choose::{Choice, ColumnChoice};
use super::command::CommandLine;
use super::event::{Effect, Event, Feed, SourceRow, Window};
use super::first::First;
use super::hand::Hand;
use super::keys::{Action, Keys};
use super::layout::Layout;
use super::list::{List, Rows as _};
use super::manners::Manners;
use super::mouse::Spots;
use super::page::group::Grouping;
use super::page::tenant::Part;
use super::page::{Asked, events, guard, limits};
use super::paper::Paper;
use super::picture::{Loaded, Measure, Picture};
use super::read_page::TextPage;
use super::tab::Tab;
use super::tell::Beside;
use super::typing::{FilterLine, HelpPage};

/// How long the order of rows is held after a key.
const HOLD: Millis = Millis::new(3_000);
/// The least time between two sortings that only data asked for.
const RESORT: Millis = Millis::new(200);
/// How long a short message stays.
pub(super) const TOAST: Millis = Millis::new(4_000);

/// The least times between two frames that only data asked for, the slowest first.
pub(super) const PACES: [Millis; 6] = [
    Millis::new(5_000),
    Millis::new(2_000),
    Millis::new(1_000),
    Millis::new(500),
    Millis::new(250),
    Millis::new(33),
];

/// Whether idle tenants are one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Every tenant is a row.
    Open,
    /// Those without a call in the last hour are one.
    Idle,
}

/// How much of something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// As a bar, beside its number.
    Bars,
    /// As a number alone.
    Numbers,
}

/// Whose the mouse is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseOwner {
    /// The terminal's: what is selected with it can be copied.
    Terminal,
    /// The screen's: the wheel moves, a click selects.
    Screen,
}

/// What the tenants that are folded into one row come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Idle {
    /// How many there are.
    pub tenants: usize,
    /// Of the chosen window.
    pub window: Live,
    /// Since midnight.
    pub today: Live,
    /// Since the first of the month.
    pub month: Live,
}

/// What the keys act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The table of the tab.
    List,
    /// The filter of the table.
    Filter(Box<FilterLine>),
    /// What one row is about; how far it is scrolled, or which of a tenant's models is selected.
    Opened(usize),
    /// One of the calls of the tenant that is open, and how far it is scrolled.
    Record(CallId, usize),
}

/// What lies over the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// The keys.
    Help(HelpPage),
    /// A command that is being typed.
    Command(Box<CommandLine>),
    /// The themes; the one there was before.
    Themes(String),
    /// One of a list.
    Choice(Box<Choice>),
    /// The columns of the page.
    Columns(Box<ColumnChoice>),
    /// Everything urgent.
    Alerts(Box<AlertList>),
    /// A question about prices, or a price that is being changed.
    Paper(Box<Paper>),
    /// A cap that is being changed.
    Cap(Box<CapForm>),
    /// The first start.
    First(Box<First>),
    /// Lines to read.
    Text(Box<TextPage>),
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
    /// The keys in force.
    pub keys: Keys,
    /// How the pages were looked at when the program last ended.
    pub layout: Layout,
    /// Why no cap can be changed here; `None` where one can.
    pub read_only: Option<String>,
    /// How the screen behaves.
    pub manners: Manners,
    /// The list that prices are from, and of when it is; nothing where that is not known.
    pub price_list: Option<(String, Timestamp)>,
}

/// What a frame showed: handed back by the loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Rows of the table that fit.
    pub rows: usize,
    /// How far what was opened is scrolled, once its end is known.
    pub opened: Option<usize>,
    /// The same of the help.
    pub help: Option<usize>,
    /// The columns that the page's table has.
    pub columns: Vec<String>,
    /// Where the rows of the page's table stand.
    pub table: Rect,
    /// Where the tabs stand: from this column on, so many.
    pub tabs: Vec<(Tab, u16, u16)>,
    /// Where the headings of the page's table stand.
    pub headings: Vec<Spot<String>>,
    /// Where the keys of the last row stand.
    pub buttons: Vec<Spot<Action>>,
    /// Where the lines of a list over the page stand, and which is the first.
    pub choices: Option<(Rect, usize)>,
}

/// Something in a row that can be clicked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot<T> {
    /// What it is.
    pub what: T,
    /// Its first column, counted from 0.
    pub start: u16,
    /// How many columns it takes.
    pub width: u16,
    /// Its row, counted from 0.
    pub row: u16,
}

impl<T> Spot<T> {
    /// Says whether a place is in it.
    pub(super) fn holds(&self, column: u16, row: u16) -> bool {
        row == self.row && column >= self.start && column - self.start < self.width
    }
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
    /// Since when the numbers are not current; nothing while they are.
    pub(super) stale: Option<Timestamp>,
    pub(super) behind: usize,
    pub(super) tenants: List<TenantId>,
    pub(super) limits: List<limits::Key>,
    pub(super) budgets: List<CapKey>,
    pub(super) prices: List<(Provider, ModelId)>,
    pub(super) errors: List<FailureClass>,
    pub(super) events: List<CallId>,
    pub(super) sources: List<Label>,
    pub(super) guards: List<guard::Key>,
    pub(super) audit: List<CapRev>,
    /// How much headroom each group of limits had while the page was looked at.
    pub(super) limit_past: limits::Past,
    /// Which page of the tenant that is open is shown, and the calls on it.
    pub(super) part: Part,
    pub(super) inner: List<CallId>,
    /// The columns of the page in view, as a frame told them.
    pub(super) column_ids: Vec<String>,
    /// Where its rows stood, and the tabs.
    pub(super) table_seen: Rect,
    pub(super) tabs_seen: Vec<(Tab, u16, u16)>,
    pub(super) spots: Spots,
    /// What was set in this run, and the zone where it is not the configured one.
    pub(super) set_here: Vec<(String, String)>,
    pub(super) zone_here: Option<String>,
    /// What was told beside the cells.
    pub(super) beside: Beside,
    /// Whether the mouse is taken.
    pub(super) mouse: MouseOwner,
    /// How often is drawn, as a place in [`PACES`].
    pub(super) pace: usize,
    /// Whether idle tenants are one row, and what they come to, where there are any.
    pub(super) fold: Fold,
    pub(super) idle: Option<Idle>,
    /// What a row of the Overview is, and its rows where they are no tenants.
    pub(super) grouping: Grouping,
    pub(super) groups: List<Label>,
    /// Whether bars are drawn in the table.
    pub(super) plain: Plain,
    /// Alerts that say nothing for a while.
    pub(super) muted: Vec<Muted>,
    /// How much of today's spend the filter of the Overview hides, and all of it, where that is most of it.
    pub(super) hidden: Option<(i64, i64)>,
    /// Filters that were typed, the latest last.
    pub(super) filters: Vec<String>,
    /// Commands that were typed, the latest last, without their reasons.
    pub(super) commands: Vec<String>,
    /// Since which call the list of calls is held still.
    pub(super) held: Option<events::Held>,
    /// How far the question of the page in view is.
    pub(super) asked: Asked,
    pub(super) live: Picture,
    pub(super) frozen: Option<Box<(Picture, Timestamp)>>,
    /// Rows of the table that fitted into the last frame.
    pub(super) height: usize,
    pub(super) moved: Timestamp,
    pub(super) sorted: Timestamp,
    pub(super) unsorted: bool,
    /// The change that was made last from here.
    pub(super) mine: Option<Mine>,
    pub(super) hand: Hand,
    pub(super) toast: Option<(String, Timestamp)>,
    focused: bool,
}

impl App {
    /// Returns a screen that waits for its first [`Event::Loaded`].
    pub fn new(setup: Setup, now: Timestamp) -> App {
        let books = Books::new(setup.calendar.clone(), now);
        let layout = setup.layout.clone();
        let mut app = App {
            setup,
            now,
            tab: Tab::Overview,
            mode: Mode::List,
            dialog: None,
            window: Window::Today,
            measure: Measure::Cost,
            feed: Feed::Starting,
            loaded: false,
            stale: None,
            behind: 0,
            tenants: List::new(),
            limits: List::new(),
            budgets: List::new(),
            prices: List::new(),
            errors: List::new(),
            events: List::new(),
            sources: List::new(),
            guards: List::new(),
            audit: List::new(),
            limit_past: limits::Past::default(),
            part: Part::Models,
            inner: List::new(),
            column_ids: Vec::new(),
            table_seen: Rect::ZERO,
            tabs_seen: Vec::new(),
            spots: Spots::default(),
            set_here: Vec::new(),
            zone_here: None,
            beside: Beside::default(),
            mouse: MouseOwner::Terminal,
            pace: PACES.len() - 1,
            fold: Fold::Open,
            idle: None,
            grouping: Grouping::Tenant,
            groups: List::new(),
            plain: Plain::Bars,
            muted: Vec::new(),
            hidden: None,
            filters: Vec::new(),
            commands: Vec::new(),
            held: None,
            asked: Asked::default(),
            live: Picture::new(books),
            frozen: None,
            height: 1,
            moved: Timestamp::EPOCH,
            sorted: Timestamp::EPOCH,
            unsorted: false,
            mine: None,
            hand: Hand::default(),
            toast: None,
            focused: true,
        };
        app.take_layout(&layout);
        app.take_manners();
        app
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
                self.asked.spoil();
            }
            Event::Loaded(snapshot) => effects.extend(self.load(*snapshot)),
            Event::Window(window, sums) if window == self.window => self.take_window(&Loaded::of(&sums)),
            Event::Detail(detail) => self.take_detail(*detail),
            Event::Prices(window, prices) if window == self.window => self.take_prices(&prices),
            Event::Page(ask, page) => self.take_page(&ask, *page),
            Event::FeedState(feed) => self.take_feed(feed),
            Event::Guards(guards) => self.take_guards(guards),
            Event::Caps(caps) => effects.extend(self.take_caps(*caps)),
            Event::Used(scope, window, used) => self.take_used(scope, window, &used),
            Event::Price(model, price) => self.take_price(model, price),
            Event::PassSaved(saved) => self.take_pass_saved(saved),
            Event::PriceSaved(saved) => effects.extend(self.take_price_saved(saved)),
            Event::CapSaved(saved) => effects.extend(self.take_saved(saved)),
            Event::Mouse(mouse) => effects.extend(self.take_mouse(mouse)),
            Event::Exported(Ok(path)) => self.say(&format!("written: {path}")),
            Event::Exported(Err(why)) => self.say(&format!("not written: {why}")),
            Event::Focus(focused) => self.focused = focused,
            Event::Stop(_) => effects.push(Effect::Quit),
            Event::Suspend => effects.push(Effect::Suspend),
            Event::Continued => effects.push(Effect::Resume),
            Event::Themes(themes) => self.take_themes(&themes),
            Event::Key(_) | Event::Resize | Event::Tick | Event::Window(..) | Event::Prices(..) => {}
        }
        self.hold_events();
        effects.extend(self.ask_if_due());
        effects.extend(self.quit_if_due());
        self.settle();
        effects.extend(self.tell_beside());
        effects
    }

    /// Takes what the last frame showed.
    pub fn seen(&mut self, seen: Seen) {
        self.height = seen.rows;
        if self.lists_calls() {
            self.inner.seen(seen.rows);
        } else {
            self.rows_mut().seen(seen.rows);
        }
        if let (Mode::Opened(offset) | Mode::Record(_, offset), Some(shown)) = (&mut self.mode, seen.opened) {
            *offset = shown;
        }
        (self.table_seen, self.tabs_seen) = (seen.table, seen.tabs);
        self.spots = Spots { headings: seen.headings, buttons: seen.buttons, choices: seen.choices };
        if let (Some(Dialog::Text(page)), Some(shown)) = (&mut self.dialog, seen.help) {
            page.offset = shown;
        }
        if !seen.columns.is_empty() {
            self.column_ids = seen.columns;
        }
        if let (Some(Dialog::Help(page)), Some(shown)) = (&mut self.dialog, seen.help) {
            page.offset = shown;
        }
    }

    /// Returns when something on the screen changes by itself, apart from the minute.
    pub fn due(&self) -> Option<Timestamp> {
        let hold = self.unsorted.then(|| self.moved.after(HOLD).max(self.sorted.after(RESORT)));
        let toast = self.toast.as_ref().map(|toast| toast.1.after(TOAST));
        let aging = self.frozen.is_some() || matches!(self.feed, Feed::Lag(_));
        let aging = aging || self.stale.is_some() || !self.live.caps.guards.is_empty();
        let step = aging.then(|| self.now.after(Millis::new(1_000)));
        [hold, toast, step, self.saved_until(), self.ask_due(), self.hand.quits].into_iter().flatten().min()
    }

    /// Returns the name of the theme to draw with.
    pub fn theme(&self) -> &str {
        &self.setup.theme
    }

    /// Returns the least time between two frames that only data asked for.
    pub fn pace(&self) -> Millis {
        PACES.get(self.pace).copied().unwrap_or(Millis::new(33))
    }

    /// Says whether the mouse is taken.
    pub fn has_mouse(&self) -> bool {
        self.mouse == MouseOwner::Screen
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

    /// Returns the selected source's row.
    pub(super) fn picked_source(&self) -> Option<&SourceRow> {
        let picked = self.sources.picked()?;
        self.picture().sources.iter().find(|row| row.source == picked)
    }

    pub(super) fn say(&mut self, text: &str) {
        self.toast = Some((text.to_owned(), self.now));
    }

    /// Sorts the rows, unless the user is moving among them just now.
    fn settle(&mut self) {
        let held = self.now.since(self.moved) < HOLD || self.now.since(self.sorted) < RESORT;
        if self.unsorted && !held {
            self.resort();
        }
    }
}
