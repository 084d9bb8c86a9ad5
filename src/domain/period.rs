//! The period of a window that an instant falls into, and the periods that its sum is made of.
//!
//! Every window is kept in the same way: sums per period, written to one, read from a range. A calendar
//! window has one period at a time. A rolling window is cut into [`BUCKETS`] buckets; its sum takes the
//! oldest bucket whole, so that it never forgets a part of the true rolling sum.

use super::calendar::{Calendar, Span};
use super::scope::Account;
use super::time::{Millis, Timestamp};
use super::window::{Lookback, Window};

/// Buckets that a rolling window is cut into. One more is summed.
pub const BUCKETS: u64 = 60;

/// A period as it is stored: two numbers that never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodId {
    /// The window's code ([`Window::code`]).
    pub window: i64,
    /// Its first millisecond.
    pub start: i64,
}

/// Where money is kept: an account's budget of one period. The order is the one in which they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose.
    pub account: Account,
    /// Of which period.
    pub period: PeriodId,
}

/// What one instant means for a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// The period that is written to.
    pub write: PeriodId,
    /// The first millisecond of the oldest period that still counts. The sum is over all periods of the
    /// window that start here or later, later ones than `write` included.
    pub since: i64,
    /// When the window empties, or for a rolling one, when its oldest bucket falls out. `None`: never.
    pub resets_at: Option<Timestamp>,
}

/// Returns the periods of a window at an instant, which is the period clock's and not the wall's.
pub fn periods(window: Window, calendar: &Calendar, at: Timestamp) -> Periods {
    if let Window::Rolling(back) = window {
        return rolling(window, back, at);
    }
    let span = span(window, calendar, at);
    let write = PeriodId { window: window.code(), start: span.map_or(0, |span| span.start.millis()) };
    Periods { write, since: write.start, resets_at: span.map(|span| span.end) }
}

/// Returns the calendar's span of a window; `None` where it has no bounds.
fn span(window: Window, calendar: &Calendar, at: Timestamp) -> Option<Span> {
    match window {
        Window::Minute => Some(minute(at)),
        Window::Hour => Some(calendar.hour(at)),
        Window::Day => Some(calendar.day(at)),
        Window::Week => Some(week(calendar, at)),
        Window::Month => Some(calendar.month(at)),
        Window::Rolling(_) | Window::Total => None,
    }
}

/// Minutes are those of UTC: the zones of today differ from it by whole minutes.
fn minute(at: Timestamp) -> Span {
    let start = Timestamp::from_millis(at.millis() - at.millis().rem_euclid(60_000));
    Span { start, end: start.after(Millis::from_minutes(1)) }
}

fn week(calendar: &Calendar, at: Timestamp) -> Span {
    let monday = Calendar::week_of(calendar.date(at));
    let next = monday.saturating_add(jiff::Span::new().weeks(1));
    Span { start: calendar.start(monday), end: calendar.start(next) }
}

fn rolling(window: Window, back: Lookback, at: Timestamp) -> Periods {
    let width = bucket_width(back);
    let length = i64::from(back.seconds()) * 1000;
    let start = |millis: i64| millis - millis.rem_euclid(width);
    let oldest = start(at.millis().saturating_sub(length));
    let since = if mutant!("rolling-forgets-a-bucket") { oldest + width } else { oldest };
    Periods {
        write: PeriodId { window: window.code(), start: start(at.millis()) },
        since,
        resets_at: Some(Timestamp::from_millis(oldest + width + length)),
    }
}

/// Returns the width of a rolling window's buckets in milliseconds: whole seconds, rounded up.
fn bucket_width(back: Lookback) -> i64 {
    let seconds = u64::from(back.seconds()).div_ceil(BUCKETS);
    i64::try_from(seconds * 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::window::tests::windows;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().expect("an instant");
        Timestamp::from_millis(at.as_millisecond())
    }

    #[track_caller]
    fn check(window: &str, zone: &str, now: &str, (start, end): (&str, &str)) {
        let window = Window::parse(window).expect("a window");
        let calendar = Calendar::named(zone).expect("a zone");
        let periods = periods(window, &calendar, at(now));
        assert_eq!((periods.write.start, periods.resets_at), (at(start).millis(), Some(at(end))));
        assert_eq!(periods.since, periods.write.start);
    }

    #[test]
    fn days_on_which_the_clocks_change_are_shorter_and_longer() {
        let berlin = "Europe/Berlin";
        check("day", berlin, "2026-03-29T12:00:00Z", ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
        check("day", berlin, "2026-10-25T12:00:00Z", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
    }

    #[test]
    fn a_midnight_that_does_not_exist_is_the_instant_after() {
        let sao_paulo = "America/Sao_Paulo";
        check("day", sao_paulo, "2018-11-04T12:00:00Z", ("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"));
        check(
            "day",
            "Pacific/Apia",
            "2011-12-30T09:59:59Z",
            ("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        );
        check(
            "day",
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
            ("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        );
    }

    #[test]
    fn months_have_their_own_length_and_weeks_begin_on_monday() {
        check("month", "UTC", "2026-02-10T00:00:00Z", ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"));
        check("month", "UTC", "2028-02-29T23:59:59Z", ("2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"));
        check(
            "month",
            "Asia/Seoul",
            "2026-10-31T15:00:00Z",
            ("2026-10-31T15:00:00Z", "2026-11-30T15:00:00Z"),
        );
        check("week", "UTC", "2026-11-22T23:59:59Z", ("2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"));
        check("minute", "UTC", "2026-11-22T23:59:59Z", ("2026-11-22T23:59:00Z", "2026-11-23T00:00:00Z"));
        check(
            "hour",
            "Asia/Kolkata",
            "2026-11-22T00:31:00Z",
            ("2026-11-22T00:30:00Z", "2026-11-22T01:30:00Z"),
        );
    }

    #[test]
    fn a_total_never_ends() {
        let periods = periods(Window::Total, &Calendar::utc(), at("2026-11-22T00:00:00Z"));
        assert_eq!(periods, Periods { write: PeriodId { window: 0, start: 0 }, since: 0, resets_at: None });
    }

    const ZONES: [&str; 7] = [
        "UTC",
        "Asia/Kolkata",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ];

    proptest! {
        #[test]
        fn periods_follow_each_other_without_gap_or_return(
            window in windows(), zone in proptest::sample::select(ZONES.to_vec()),
            millis in 0_i64..4_102_444_800_000, step in 0_i64..4_000_000_000,
        ) {
            let calendar = Calendar::named(zone).expect("a zone");
            let find = |millis| periods(window, &calendar, Timestamp::from_millis(millis));
            let (now, later) = (find(millis), find(millis + step));
            prop_assert!(now.since <= now.write.start && now.write.start <= millis);
            prop_assert!(now.write <= later.write && now.since <= later.since);
            prop_assert_eq!(find(now.write.start).write, now.write);
            if let Some(end) = now.resets_at {
                prop_assert!(end.millis() > millis);
                prop_assert!(find(end.millis()).since > now.since);
                prop_assert_eq!(find(end.millis() - 1).since, now.since);
            }
        }

        #[test]
        fn a_rolling_window_never_forgets_and_counts_at_most_one_bucket_more(
            seconds in Lookback::SHORTEST..100_000, calls in proptest::collection::vec((0_i64..20_000_000, 1_u64..100), 0..60),
        ) {
            let back = Lookback::from_seconds(seconds).expect("in range");
            let (window, utc) = (Window::Rolling(back), Calendar::utc());
            let mut calls = calls;
            calls.sort_unstable();
            let mut stored: BTreeMap<PeriodId, u64> = BTreeMap::new();
            for (index, (now, amount)) in calls.iter().enumerate() {
                let found = periods(window, &utc, Timestamp::from_millis(*now));
                *stored.entry(found.write).or_default() += amount;
                let counted: u64 = stored.iter().filter(|(id, _)| id.start >= found.since).map(|(_, sum)| sum).sum();
                let length = i64::try_from(seconds * 1000).expect("short");
                let within = |reach: i64| -> u64 {
                    calls[..=index].iter().filter(|(at, _)| *at > now - reach).map(|(_, amount)| amount).sum()
                };
                prop_assert!(counted >= within(length));
                prop_assert!(counted <= within(length + bucket_width(back)));
            }
            prop_assert!(i64::from(back.seconds()) * 1000 <= bucket_width(back) * 60);
        }
    }
}
