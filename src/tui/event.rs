//! What the screen is told, and what it asks for.
//!
//! # How a page is added
//!
//! A page is known by its [`Tab`](super::tab::Tab). What it shows is either in the live picture anyway (sums,
//! sources, caps), or read from the store for it. For the latter:
//!
//! 1. `tui/page/<page>.rs`: the data of the page (`Now`), the key of its rows, and their order
//!    (`impl App { fn <page>_order }`); a variant of [`Ask`] (with what the answer depends on, say a window) and
//!    one of [`Page`] in `tui/page/mod.rs`, a place for it in `Pages`, and a line each in `App::ask`,
//!    `App::rows` and `App::resort`.
//! 2. `cli/screen/pages/<page>.rs`: `read`, which fills `Now` from the store, and a line for it in
//!    `cli/screen/pages/mod.rs`. Bounded queries only: it runs on the librarian's thread, and other
//!    questions wait for it.
//! 3. `tui/draw/<page>.rs`: `draw`, `numbers` (row 3) and `empty` (what is said in place of rows).
//!
//! The rest is done for every page alike: the screen asks when the page is shown and when its `Ask` becomes
//! another; while the page is in view it asks again after something has changed, but not before the answer
//! came, and at most twice a second. A page that is not in view is not asked for.

use std::sync::Arc;

use crossterm::event::KeyEvent;

use crate::domain::books::Books;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap_log::CapChange;
use crate::domain::cap_trial::Used;
use crate::domain::enforcement::Heartbeat;
use crate::domain::label::Label;
use crate::domain::money::Rate;
use crate::domain::price::Price;
use crate::domain::rollup::{Change, Sums};
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::domain::window::Window as CapWindow;

use super::cap_form::{CapWish, NotSaved};
use super::caps::CapsNow;
use super::export::Form;
use super::first::Agreed;
use super::layout::Layout;
use super::mouse::Mouse;
use super::page::prices::PriceWish;
use super::page::{Ask, Page};
use super::pass::PassWish;
use super::theme::{Glyphs, Themes};
pub use super::window::{Step, Window};

/// What happened outside.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resize,
    /// Time has passed: a minute began, or something on the screen is due.
    Tick,
    /// Calls were recorded; the sources they came from now stand like this.
    Changed(Vec<Change>, Vec<SourceRow>),
    /// Everything was read from the store, at the start or at a new day.
    Loaded(Box<Snapshot>),
    /// The sums of a window that was asked for by [`Effect::LoadWindow`].
    Window(Window, Vec<(TenantId, Sums)>),
    /// What was asked for by [`Effect::LoadDetail`].
    Detail(Box<Detail>),
    /// The price table, with what each model came to: what was asked for by [`Effect::LoadPrices`].
    Prices(Window, Vec<PriceRow>),
    /// What was read for a page: what was asked for by [`Effect::Load`].
    Page(Ask, Box<Page>),
    /// How the feeds stand as a whole.
    FeedState(Feed),
    /// What the guards that live tell of themselves.
    Guards(Vec<Heartbeat>),
    /// The caps, how they stand and who changed them.
    Caps(Box<CapsNow>),
    /// What is used of a window: what was asked for by [`Effect::LoadUsed`].
    Used(Scope, CapWindow, Box<Used>),
    /// The price of a model, where one is known: what was asked for by [`Effect::LoadPrice`].
    Price(ModelId, Option<Arc<Price>>),
    /// What became of [`Effect::SavePrice`]: the price that is kept, or why none is.
    PriceSaved(Result<String, String>),
    /// What became of [`Effect::SaveCap`]: the change as it is on record, or why there is none.
    CapSaved(Result<Box<CapChange>, NotSaved>),
    /// The themes there are now: a file of the user's own was changed.
    Themes(Box<Themes>),
    /// What became of [`Effect::SavePass`].
    PassSaved(Result<(), String>),
    /// The mouse, where it was taken.
    Mouse(Mouse),
    /// What became of [`Effect::WriteExport`]: the file, or why there is none.
    Exported(Result<String, String>),
    /// The terminal's window gained or lost the focus.
    Focus(bool),
    /// A signal asks the program to end.
    Stop(i32),
    /// A signal asks the program to give the terminal back and wait.
    Suspend,
    /// The program goes on after it was stopped: the terminal may show anything.
    Continued,
}

/// What the screen asks of its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Give the terminal back and stop, until the shell continues us.
    Suspend,
    /// Take the terminal again after a stop, and draw every cell.
    Resume,
    /// Draw every cell again.
    Redraw,
    /// Read the books anew and send [`Event::Loaded`]: a day or month has begun.
    Reload,
    /// Read the sums of a window and send [`Event::Window`].
    LoadWindow(Window),
    /// Read what a tenant spent on in a window, and when, and send [`Event::Detail`].
    LoadDetail(TenantId, Window),
    /// Read the price table with the sums of a window and send [`Event::Prices`].
    LoadPrices(Window),
    /// Read what a page shows and send [`Event::Page`].
    Load(Ask),
    /// Keep the theme for the next start.
    SaveTheme(String),
    /// Keep how the pages are looked at for the next start.
    SaveLayout(Box<Layout>),
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Send a text to the terminal's clipboard.
    Copy(String),
    /// Send the selected row there.
    CopyRow,
    /// Make a text of the page in view, for a file of this name if one is given.
    Export(Form, Option<String>),
    /// Write this text to a new file and send [`Event::Exported`]: its name, and how it ends where that is free.
    WriteExport(String, String),
    /// End the screen, having agreed to this: the first start.
    Begin(Box<Agreed>),
    /// Write the terminal's title.
    Title(String),
    /// Send this to the terminal as it stands: a notice of a new alert.
    Notify(String),
    /// Draw with other characters from now on.
    Glyphs(Box<Glyphs>),
    /// Count days and months in the zone of this name, and read everything anew.
    SetZone(String),
    /// Read what is used of a cap's window and send [`Event::Used`].
    LoadUsed(Scope, CapWindow),
    /// Look up the price of a model and send [`Event::Price`].
    LoadPrice(ModelId),
    /// Keep a price and send [`Event::PriceSaved`].
    SavePrice(Box<PriceWish>),
    /// Let calls pass, or enforce caps again, and send [`Event::PassSaved`].
    SavePass(Box<PassWish>),
    /// Save a cap and send [`Event::CapSaved`].
    SaveCap(Box<CapWish>),
}

/// Everything the overview shows without being asked.
#[derive(Debug)]
pub struct Snapshot {
    /// The sums.
    pub books: Books,
    /// The sources, in the order of their configuration.
    pub sources: Vec<SourceRow>,
}

/// How the feeds stand as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Feed {
    /// The ledgers are being read for the first time, this much of a hundred.
    #[default]
    Starting,
    /// Reading old calls: percent done.
    Reading(u8),
    /// Nothing is left unread.
    Live,
    /// Nothing new could be read since then.
    Lag(Timestamp),
    /// No source can be read, and why.
    Failed(String),
}

/// What a tenant spent on in a window, and when.
#[derive(Clone, Debug)]
pub struct Detail {
    /// Whose.
    pub tenant: TenantId,
    /// The window.
    pub window: Window,
    /// What each model came to.
    pub models: Vec<(ModelId, Sums)>,
    /// What each [`Window::step`] came to, by its first instant, oldest first; the first is whole, also
    /// where the window cuts it. Empty where a step is a minute.
    pub steps: Vec<(Timestamp, Sums)>,
}

/// A line of the price table.
#[derive(Clone, Debug)]
pub struct PriceRow {
    /// Which model.
    pub model: ModelId,
    /// Who bills for it.
    pub provider: Provider,
    /// Per million prompt tokens; `None` where no price is known.
    pub input: Option<Rate>,
    /// Per million tokens read from the cache.
    pub cached: Option<Rate>,
    /// Per million generated tokens.
    pub output: Option<Rate>,
    /// What it came to in the window.
    pub used: Sums,
    /// Where the price comes from: a file and its date, an override, `none`.
    pub from: String,
    /// When it last became another, and what is another about it.
    pub changed: String,
}

impl PriceRow {
    /// Says whether no price is known.
    pub fn is_unpriced(&self) -> bool {
        self.input.is_none() && self.output.is_none()
    }
}

/// How a source stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceState {
    /// It is read as it grows.
    #[default]
    Ok,
    /// Nothing came although something should have.
    Stale,
    /// It cannot be read; the note says why.
    Error,
}

impl SourceState {
    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            SourceState::Ok => "ok",
            SourceState::Stale => "STALE",
            SourceState::Error => "ERROR",
        }
    }
}

/// A line of the sources table. The counts are totals, not differences.
#[derive(Clone, Debug)]
pub struct SourceRow {
    /// The source as the user sees it.
    pub source: Label,
    /// Its format.
    pub format: Label,
    /// How it stands.
    pub state: SourceState,
    /// When it last gave something; nothing where it never did.
    pub last: Option<Timestamp>,
    /// Calls read.
    pub calls: u64,
    /// Lines that could not be read.
    pub bad: u64,
    /// Copies of calls that were dropped.
    pub copies: u64,
    /// What the reader noticed, or why it cannot be read.
    pub note: String,
    /// The latest bad lines.
    pub bad_lines: Vec<BadRow>,
}

/// A line that could not be read.
#[derive(Clone, Debug)]
pub struct BadRow {
    /// The file.
    pub file: Label,
    /// Its number from 1; 0 where it is not known.
    pub line: u64,
    /// Why, in plain words.
    pub reason: String,
    /// Some of it.
    pub excerpt: String,
}
