//! The pages of one tenant: what the live picture does not hold of it, and which of them is shown.

use std::sync::Arc;

use crate::domain::call::{CallId, ModelId, TenantId};
use crate::domain::failure::FailureClass;
use crate::domain::guess::{Guess, Guessed};
use crate::domain::hour::Made;
use crate::domain::label::Label;
use crate::domain::sheet::Sheet;
use crate::domain::time::Timestamp;
use crate::tui::app::{App, Mode};
use crate::tui::event::Window;
use crate::tui::list::Rows as _;
use crate::tui::tab::Tab;

/// A page of one tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// What it spends on, and how well it is served.
    #[default]
    Models,
    /// When it spent.
    Hours,
    /// Its latest calls.
    Requests,
    /// Why its calls failed, and the latest of those.
    Errors,
    /// How far what was expected was off.
    Estimate,
}

impl Part {
    /// All, in their order.
    pub const ALL: [Part; 5] = [Part::Models, Part::Hours, Part::Requests, Part::Errors, Part::Estimate];

    /// Returns its name.
    pub const fn says(self) -> &'static str {
        match self {
            Part::Models => "Models",
            Part::Hours => "Hours",
            Part::Requests => "Requests",
            Part::Errors => "Errors",
            Part::Estimate => "Estimate",
        }
    }

    /// Returns the one so many places further on; after the last comes the first.
    #[must_use]
    pub fn other(self, by: usize) -> Part {
        Part::ALL[(self as usize + by) % Part::ALL.len()]
    }

    /// Says whether its rows are calls that can be opened.
    pub const fn lists_calls(self) -> bool {
        matches!(self, Part::Requests | Part::Errors | Part::Estimate)
    }
}

/// What is read of one tenant in a window.
#[derive(Clone, Debug)]
pub struct Now {
    /// Whose.
    pub tenant: TenantId,
    /// Of which window.
    pub window: Window,
    /// What its calls were like.
    pub sheet: Sheet,
    /// Since when the sheet holds every call, where it does not hold all of the window.
    pub since: Option<Timestamp>,
    /// Why calls failed, and how many did, most first; all of the window.
    pub faults: Vec<(FailureClass, i64)>,
    /// The sources that the sums of the window come from.
    pub sources: Vec<Label>,
    /// What passed guards.
    pub held: Held,
    /// Its keys that hold, by their public names.
    pub keys: Vec<Label>,
}

/// What became of the attempts that passed guards.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Charged as they were billed.
    pub settled: u64,
    /// Charged in full, because nobody knows what was billed.
    pub uncertain: u64,
    /// Not billed.
    pub voided: u64,
    /// Not ended yet.
    pub open: u64,
    /// Since when these are all, where there are more in the window.
    pub since: Option<Timestamp>,
    /// How far the guesses of each model were off, and whether its tokens are counted as its provider does.
    pub models: Vec<(ModelId, Guessed, Counted)>,
    /// How far all were off.
    pub all: Guessed,
    /// The calls that were off by most money, the worst first.
    pub worst: Vec<Guess>,
}

/// How the tokens of a model are counted before a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// By the tokenizer that its provider has published.
    Published,
    /// Bounded by the bytes: its tokenizer is not public.
    Bytes,
}

impl Held {
    /// Returns how many attempts are known.
    pub fn attempts(&self) -> u64 {
        self.settled + self.uncertain + self.voided + self.open
    }
}

impl App {
    /// Returns what was read of the tenant that is open; nothing until it came.
    pub(in crate::tui) fn tenant_now(&self) -> Option<&Now> {
        let now = self.picture().pages.tenant.as_deref()?;
        let wanted = (self.tenants.picked(), self.window) == (Some(now.tenant), now.window);
        wanted.then_some(now)
    }

    /// Says whether a tenant is open, or one of its calls.
    pub(in crate::tui) fn shows_tenant(&self) -> bool {
        self.tab == Tab::Overview && matches!(self.mode, Mode::Opened(_) | Mode::Record(..))
    }

    /// Says whether the keys act on a list of calls: a tenant's, or those that failed for one reason.
    pub(in crate::tui) fn lists_calls(&self) -> bool {
        let lists = self.tab == Tab::Errors || self.tab == Tab::Overview && self.part.lists_calls();
        lists && matches!(self.mode, Mode::Opened(_))
    }

    /// Shows another page of the tenant that is open.
    pub(in crate::tui) fn show_part(&mut self, by: usize) {
        self.part = self.part.other(by);
        self.mode = Mode::Opened(0);
        self.inner.release();
        self.list_calls();
    }

    /// Puts the calls of the page in view into their list.
    pub(in crate::tui) fn list_calls(&mut self) {
        let order = self.calls_of_part();
        let all = order.len();
        self.inner.set((order, all));
    }

    fn calls_of_part(&self) -> Vec<CallId> {
        if self.tab == Tab::Errors {
            return self.failed_calls();
        }
        let Some(now) = self.tenant_now() else { return Vec::new() };
        let id = |made: &Arc<Made>| made.0.id;
        match self.part {
            Part::Models | Part::Hours => Vec::new(),
            Part::Requests => now.sheet.latest().map(id).collect(),
            Part::Errors => now.sheet.failed().map(id).collect(),
            Part::Estimate => now.held.worst.iter().map(|guess| guess.id).collect(),
        }
    }

    /// Opens the call under the cursor.
    pub(in crate::tui) fn open_call(&mut self) {
        if let Some(id) = self.inner.picked() {
            self.inner.hold();
            self.mode = Mode::Record(id, 0);
        }
    }
}
