//! What is likely to be spent next, from the same hours of past days, and when that reaches a cap.
//!
//! The middle is the mean of the same hour of day, moved by how the last hours differ from theirs. The range
//! is what the same method would have been off by, had it been asked at each hour of the past: it holds four
//! of five outcomes because it held four of five before. Where there is too little to tell, there is none.

mod habit;
#[cfg(test)]
mod tests;

use super::money::Money;
use super::time::{Millis, Timestamp};
pub use habit::Habit;
use habit::{Ahead, Error, Rhythm};

/// Hours of the past that are looked at: 14 days.
pub const HOURS_KEPT: i64 = 14 * 24;
/// With less than this there is no forecast by hours, only the burn.
pub const HOURS_NEEDED: usize = 24;

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;
/// A whole, of which shares are told. A power of two: dividing by it costs next to nothing.
const WHOLE: i128 = 1 << 14;
/// How far the range is carried past the longest horizon whose error is known.
const CARRIED: usize = 4;
/// The furthest that is looked ahead, in hours: 400 days and a day.
const FURTHEST: usize = 401 * 24;

/// What was spent in each complete hour before now, oldest first, from the first with spend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// The number of the first hour, counted from the epoch.
    first: i64,
    spent: Vec<i64>,
}

impl Past {
    /// Takes hours with spend, in any order, each by any instant in it. Hours that are not named were
    /// without. The running hour, what comes after it, and what is over 14 days old is left out.
    pub fn new(hours: impl IntoIterator<Item = (Timestamp, Money)>, now: Timestamp) -> Past {
        let end = hour_of(now);
        let kept = (end - HOURS_KEPT)..end;
        let hours: Vec<(i64, i64)> = hours
            .into_iter()
            .map(|(at, money)| (hour_of(at), money.nanos()))
            .filter(|(hour, nanos)| kept.contains(hour) && *nanos > 0)
            .collect();
        let Some(first) = hours.iter().map(|hour| hour.0).min() else {
            return Past { first: end, spent: Vec::new() };
        };
        let mut spent = vec![0_i64; usize::try_from(end - first).unwrap_or(0)];
        for (hour, nanos) in hours {
            if let Some(sum) = usize::try_from(hour - first).ok().and_then(|index| spent.get_mut(index)) {
                *sum = sum.saturating_add(nanos);
            }
        }
        Past { first, spent }
    }

    /// Returns how many hours are known.
    pub fn hours(&self) -> usize {
        self.spent.len()
    }
}

/// The hour an instant lies in, counted from the epoch.
pub const fn hour_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(HOUR)
}

/// What is known of the present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Now.
    pub now: Timestamp,
    /// Spent since the hour began.
    pub running: Money,
    /// Spent in the last 15 minutes, times four.
    pub burn: Money,
}

/// A middle, and the range that holds four of five outcomes; none where too little is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Likely<T> {
    /// The middle.
    pub middle: T,
    /// From, and to.
    pub range: Option<(T, T)>,
}

/// When a cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is reached.
    Now,
    /// At this instant; the range is of the earliest and the latest, which may lie past the window: `None`.
    At {
        /// At the middle of the forecast.
        at: Timestamp,
        /// Not before, and not after.
        range: Option<(Timestamp, Option<Timestamp>)>,
    },
    /// Not before the window ends.
    Never,
    /// Nobody can say: nothing was spent lately, and too little is known of the past.
    Unknown,
}

/// What is likely to be spent from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast<'a> {
    present: Present,
    /// By the hours of past days; where too little is known of them, what is spent now goes on.
    hours: Option<(Rhythm, &'a [Error])>,
}

impl<'a> Forecast<'a> {
    /// Makes a forecast of a habit. With less than [`HOURS_NEEDED`] of data the burn goes on, and there is no
    /// range.
    pub fn new(habit: &'a Habit, present: Present) -> Forecast<'a> {
        Forecast { present, hours: habit.now(present) }
    }

    /// Says whether it is made of the hours of past days, and not of the burn alone.
    pub const fn is_by_hours(&self) -> bool {
        self.hours.is_some()
    }

    /// Returns what is likely to be spent from now until an instant, which is nothing where that is past.
    pub fn until(&self, end: Timestamp) -> Likely<Money> {
        let mut last = Step { at: self.present.now, sums: [0; 3] };
        for step in self.steps().take(FURTHEST) {
            if step.at >= end {
                last = last.part(&step, end);
                break;
            }
            last = step;
        }
        let [low, middle, high] = last.sums.map(money);
        let range = self.can_range(end).then_some((low, high));
        Likely { middle, range }
    }

    /// Returns when so much more is spent, if that is before the window ends. A window without an end is
    /// looked at 400 days ahead.
    pub fn reach(&self, left: Money, end: Option<Timestamp>) -> Reach {
        if left <= Money::ZERO {
            return Reach::Now;
        }
        if self.hours.is_none() && self.present.burn <= Money::ZERO {
            return Reach::Unknown;
        }
        let left = i128::from(left.nanos());
        let mut found = [None; 3];
        let mut last = Step { at: self.present.now, sums: [0; 3] };
        for step in self.steps().take(FURTHEST) {
            for (index, found) in found.iter_mut().enumerate() {
                if found.is_none() && step.sums[index] >= left {
                    *found = Some(last.crossing(&step, index, left));
                }
            }
            if found[0].is_some() || end.is_some_and(|end| step.at >= end) {
                break;
            }
            last = step;
        }
        let inside = |at: Option<Timestamp>| at.filter(|at| end.is_none_or(|end| *at < end));
        let [late, at, early] = found.map(inside);
        let Some(at) = at else { return Reach::Never };
        let range = early.filter(|_| self.can_range(at)).map(|early| (early, late));
        Reach::At { at, range }
    }

    /// Returns what is likely to be spent from now until the end of each hour, and until `end` at last.
    pub fn path(&self, end: Timestamp) -> Vec<(Timestamp, Likely<Money>)> {
        let mut path = Vec::new();
        let mut last = Step { at: self.present.now, sums: [0; 3] };
        for step in self.steps().take(FURTHEST) {
            if last.at >= end {
                break;
            }
            last = if step.at > end { last.part(&step, end) } else { step };
            let [low, middle, high] = last.sums.map(money);
            let range = self.can_range(last.at).then_some((low, high));
            path.push((last.at, Likely { middle, range }));
        }
        path
    }

    /// Says whether enough is known of the error at so far a horizon.
    fn can_range(&self, at: Timestamp) -> bool {
        let longest = self.hours.as_ref().and_then(|(_, errors)| errors.last());
        longest.is_some_and(|longest| length(self.present.now, at) <= millis(longest.hours * CARRIED))
    }

    /// Walks ahead: by the end of each hour, how much is spent in all: at least, in the middle, at most.
    fn steps(&self) -> Steps<'_> {
        Steps { forecast: self, hour: hour_of(self.present.now), ahead: Ahead::default(), sums: [0; 3] }
    }
}

/// How much is spent by an instant: at least, in the middle, at most.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: Timestamp,
    sums: [i128; 3],
}

impl Step {
    /// Returns what lies between this and the next step, at an instant between them.
    fn part(&self, next: &Step, at: Timestamp) -> Step {
        let (whole, gone) = (length(self.at, next.at), length(self.at, at));
        let mut sums = self.sums;
        for (sum, next) in sums.iter_mut().zip(next.sums) {
            *sum += if whole == 0 { 0 } else { (next - *sum) * gone / whole };
        }
        Step { at, sums }
    }

    /// Returns when one of the sums comes to `left`, between this and the next step.
    fn crossing(&self, next: &Step, index: usize, left: i128) -> Timestamp {
        let (missing, gained) = (left - self.sums[index], next.sums[index] - self.sums[index]);
        let whole = length(self.at, next.at);
        let gone = if gained <= 0 { 0 } else { (missing * whole + gained - 1) / gained };
        self.at.after(Millis::new(u64::try_from(gone.clamp(0, whole)).unwrap_or(0)))
    }
}

fn length(from: Timestamp, to: Timestamp) -> i128 {
    i128::from(to.since(from).count())
}

fn money(nanos: i128) -> Money {
    Money::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn millis(hours: usize) -> i128 {
    i128::try_from(hours).unwrap_or(i128::MAX / i128::from(HOUR)) * i128::from(HOUR)
}

/// The walk of [`Forecast::steps`].
struct Steps<'a> {
    forecast: &'a Forecast<'a>,
    hour: i64,
    ahead: Ahead,
    sums: [i128; 3],
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let Present { now, burn, .. } = self.forecast.present;
        let start = now.max(Timestamp::from_millis(self.hour.saturating_mul(HOUR)));
        self.hour += 1;
        let at = Timestamp::from_millis(self.hour.saturating_mul(HOUR));
        let part = length(start, at);
        match &self.forecast.hours {
            None => {
                let more = i128::from(burn.nanos().max(0)) * part / i128::from(HOUR);
                self.sums = self.sums.map(|sum| sum + more);
            }
            Some((rhythm, errors)) => {
                let more = self.ahead.next(rhythm, self.hour - 1) * part / i128::from(HOUR);
                let middle = self.sums[1] + more;
                let (low, high) = shares_at(errors, length(now, at));
                // A sum of spend never falls, whatever the errors of two horizons say.
                let low = (middle * low / WHOLE).clamp(self.sums[0], middle);
                let high = (middle * high / WHOLE).max(self.sums[2]).max(middle);
                self.sums = [low, middle, high];
            }
        }
        Some(Step { at, sums: self.sums })
    }
}

/// Returns the lowest and the highest share at a horizon in milliseconds, between those whose errors are known;
/// beyond them it grows as the root of the time, as a sum of chances does.
fn shares_at(errors: &[Error], ahead: i128) -> (i128, i128) {
    let mut before: Option<Error> = None;
    for &error in errors {
        let place = millis(error.hours);
        if place >= ahead {
            let Some(from) = before else { return (error.low, error.high) };
            let (whole, gone) = (place - millis(from.hours), ahead - millis(from.hours));
            let between = |from: i128, to: i128| from + (to - from) * gone / whole;
            return (between(from.low, error.low), between(from.high, error.high));
        }
        before = Some(error);
    }
    before.map_or((WHOLE, WHOLE), |Error { hours, low, high }| {
        let far = (ahead * WHOLE * WHOLE / millis(hours)).isqrt();
        let carried = |share: i128| (WHOLE + (share - WHOLE) * far / WHOLE).max(0);
        (carried(low), carried(high))
    })
}
