//! The page of errors: why calls of the last hour failed.

use std::cmp::Reverse;
use std::sync::Arc;

use super::super::subject::Row;
use crate::domain::call::{CallId, ModelId, Provider, TenantId};
use crate::domain::cap::Fraction;
use crate::domain::failure::FailureClass;
use crate::domain::health::Health;
use crate::domain::hour::{Answers, Made, class_of};
use crate::domain::money::Money;
use crate::domain::sketch::Sketch;
use crate::tui::app::App;

/// What rows are sorted by.
pub const SORTS: [&str; 2] = ["count", "class"];

/// Classes that are shown also where none of their calls failed, in the order that breaks ties.
pub const ALWAYS: [FailureClass; 9] = [
    FailureClass::RateLimit,
    FailureClass::ContextLength,
    FailureClass::Timeout,
    FailureClass::Authentication,
    FailureClass::ServerError,
    FailureClass::InvalidRequest,
    FailureClass::ModelUnavailable,
    FailureClass::ContentFilter,
    FailureClass::Unknown,
];
/// Parts that the trend of a class has.
pub const PARTS: usize = 20;

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each class with failed calls once.
    pub classes: Vec<ClassRow>,
    /// Calls of the same time, failed or not.
    pub calls: u64,
    /// The median share that failed in the same hour of the last seven days with calls; nothing where there
    /// was none, or no day.
    pub usual: Option<Fraction>,
    /// The latest failed calls, newest first.
    pub recent: Vec<Arc<Made>>,
    /// How each provider stands, the worst first.
    pub providers: Vec<ProviderRow>,
    /// How long the calls took.
    pub took: Sketch,
}

/// How a provider stands.
#[derive(Clone, Debug)]
pub struct ProviderRow {
    /// Which; empty where the ledgers do not say.
    pub provider: Provider,
    /// In the last quarter of an hour.
    pub health: Health,
    /// How it answered in the last hour.
    pub hour: Answers,
}

/// The failed calls of one class.
#[derive(Clone, Debug)]
pub struct ClassRow {
    /// The class.
    pub class: FailureClass,
    /// How many failed.
    pub count: u64,
    /// What they cost although they failed.
    pub lost: Money,
    /// How many in each of [`PARTS`] parts of the hour, oldest first.
    pub trend: Vec<i64>,
    /// Whose most of them were, and of which model.
    pub most: Option<(TenantId, Provider, ModelId)>,
}

impl ClassRow {
    /// Returns the row of a class of which no call failed.
    pub fn empty(class: FailureClass) -> ClassRow {
        ClassRow { class, count: 0, lost: Money::ZERO, trend: vec![0; PARTS], most: None }
    }
}

/// How much a class of failures should worry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nobody knows.
    Info,
    /// It passes by itself, or is the caller's to mind.
    Warn,
    /// Calls are lost.
    Error,
    /// Nothing will pass until someone acts.
    Fatal,
}

impl Severity {
    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }
}

/// Returns how much a class should worry, and what helps.
pub const fn advice(class: FailureClass) -> (Severity, &'static str) {
    match class {
        FailureClass::Billing => (Severity::Fatal, "pay the provider"),
        FailureClass::RateLimit => (Severity::Warn, "back off, or raise the limit"),
        FailureClass::Overloaded => (Severity::Warn, "try again later"),
        FailureClass::ContextLength => (Severity::Error, "shorten, or a longer model"),
        FailureClass::PayloadTooLarge => (Severity::Error, "send less at once"),
        FailureClass::Authentication => (Severity::Fatal, "check the provider's key"),
        FailureClass::Permission => (Severity::Fatal, "check what the key may do"),
        FailureClass::ModelUnavailable => (Severity::Error, "use another model"),
        FailureClass::ContentFilter => (Severity::Warn, "review the prompts"),
        FailureClass::Timeout => (Severity::Warn, "try again, or wait longer"),
        FailureClass::Cancelled => (Severity::Info, "the client went away"),
        FailureClass::ServerError => (Severity::Error, "try again later"),
        FailureClass::InvalidRequest => (Severity::Error, "fix the caller"),
        FailureClass::Unknown => (Severity::Info, "look at the ledger"),
    }
}

impl Now {
    /// Returns how many calls failed.
    pub fn failed(&self) -> u64 {
        self.classes.iter().map(|row| row.count).sum()
    }

    /// Returns the row of a class, an empty one where none of its calls failed.
    pub fn row(&self, class: FailureClass) -> ClassRow {
        let known = self.classes.iter().find(|row| row.class == class);
        known.cloned().unwrap_or_else(|| ClassRow::empty(class))
    }
}

impl App {
    /// Returns the latest failed calls of the class that is open, newest first.
    pub(in crate::tui) fn failed_calls(&self) -> Vec<CallId> {
        let Some((class, now)) = self.errors.picked().zip(self.picture().pages.errors.as_ref()) else {
            return Vec::new();
        };
        let made = now.recent.iter().filter(|made| class_of(made.0.failure) == class);
        made.map(|made| made.0.id).collect()
    }

    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn error_order(&self) -> (Vec<FailureClass>, usize) {
        let Some(now) = self.picture().pages.errors.clone() else { return (Vec::new(), 0) };
        if now.calls == 0 {
            return (Vec::new(), 0);
        }
        let view = &self.errors.view;
        let others = FailureClass::ALL.into_iter().filter(|class| !ALWAYS.contains(class));
        let others = others.filter(|class| now.classes.iter().any(|row| row.class == *class));
        let mut rows: Vec<ClassRow> = ALWAYS.into_iter().chain(others).map(|class| now.row(class)).collect();
        let all = rows.len();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: row }));
        match view.sort {
            0 => rows.sort_by_key(|row| Reverse(row.count)),
            _ => rows.sort_by_key(|row| row.class.as_str()),
        }
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(|row| row.class).collect(), all)
    }
}
