//! The windows of time that sums are shown for, and the steps they are drawn by.

use crate::domain::calendar::{Calendar, Span};
use crate::domain::time::Timestamp;

/// A window of time that sums are shown for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// The last 60 minutes.
    Hour,
    /// The last 6 hours.
    SixHours,
    /// The last 24 hours.
    Day,
    /// Since midnight.
    #[default]
    Today,
    /// The last 7 days.
    Week,
    /// Since the first of the month.
    Month,
}

impl Window {
    /// All, in the order `w` goes through them.
    pub const ALL: [Window; 6] =
        [Window::Hour, Window::SixHours, Window::Day, Window::Today, Window::Week, Window::Month];

    /// Returns the word in the heading of its column.
    pub const fn says(self) -> &'static str {
        match self {
            Window::Hour => "1H",
            Window::SixHours => "6H",
            Window::Day => "24H",
            Window::Today => "TODAY",
            Window::Week => "7D",
            Window::Month => "MONTH",
        }
    }

    /// Returns when its calls were made, as a sentence says it.
    pub const fn phrase(self) -> &'static str {
        match self {
            Window::Hour => "in the last hour",
            Window::SixHours => "in the last 6 hours",
            Window::Day => "in the last 24 hours",
            Window::Today => "today",
            Window::Week => "in the last 7 days",
            Window::Month => "this month",
        }
    }

    /// Returns the stretch of time that one bar of its picture stands for.
    pub const fn step(self) -> Step {
        match self {
            Window::Hour => Step::Minute,
            Window::SixHours | Window::Day | Window::Today => Step::Hour,
            Window::Week | Window::Month => Step::Day,
        }
    }

    /// Returns its length in minutes, nothing where the calendar says it.
    pub const fn minutes(self) -> Option<u64> {
        match self {
            Window::Hour => Some(60),
            Window::SixHours => Some(360),
            Window::Day => Some(1440),
            Window::Week => Some(10_080),
            Window::Today | Window::Month => None,
        }
    }

    /// Says whether its sums are not in the books and must be read.
    pub const fn is_loaded(self) -> bool {
        matches!(self, Window::SixHours | Window::Day | Window::Week)
    }

    /// Returns the one after it.
    #[must_use]
    pub fn next(self) -> Window {
        Window::ALL[(self as usize + 1) % Window::ALL.len()]
    }
}

/// A stretch of time that sums are shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A minute: the books hold them.
    Minute,
    /// An hour of the calendar's zone.
    Hour,
    /// A day of the calendar's zone.
    Day,
}

impl Step {
    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            Step::Minute => "minute",
            Step::Hour => "hour",
            Step::Day => "day",
        }
    }

    /// Returns the step that an instant lies in; a minute's is not asked for.
    pub fn of(self, calendar: &Calendar, at: Timestamp) -> Span {
        match self {
            Step::Minute | Step::Hour => calendar.hour(at),
            Step::Day => calendar.day(at),
        }
    }
}
