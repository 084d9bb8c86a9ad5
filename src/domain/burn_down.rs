//! What is left of a cap over its window: how it went, how it would go evenly, how it is likely to go on.

use super::calendar::{Calendar, Span};
use super::forecast::{Forecast, Reach};
use super::money::Money;
use super::period::periods;
use super::time::{Millis, Timestamp};
use super::window::Window;

/// A day in milliseconds: the least that is looked ahead of a cap that never begins anew.
const DAY: u64 = 86_400_000;
/// A cap without an end, or with one that moves, is looked ahead a quarter of what is behind.
const AHEAD: u64 = 4;
/// Points of a forecast that are kept at most.
const POINTS: usize = 240;

/// What was spent in one step of time, in the unit of the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When the step begins and ends.
    pub span: Span,
    /// How much.
    pub amount: u128,
}

/// How much is left at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// When.
    pub at: Timestamp,
    /// How much, in the unit of the cap; below zero is what is spent over it.
    pub left: i128,
}

/// How much is likely to be left at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// When.
    pub at: Timestamp,
    /// In the middle of the forecast.
    pub middle: i128,
    /// The least and the most that four of five outcomes leave; nothing where that cannot be said.
    pub range: Option<(i128, i128)>,
}

/// What is left of a cap over its window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnDown {
    /// What of the time is looked at.
    pub axis: Span,
    /// The whole, in the unit of the cap.
    pub limit: u64,
    /// How it went, up to now.
    pub actual: Vec<Left>,
    /// The window that is used up evenly; nothing where it moves or has no end.
    pub even: Option<Span>,
    /// How it is likely to go on, from now; it ends where nothing is left. Nothing where nobody can say.
    pub ahead: Vec<Ahead>,
    /// How it goes on after that with a cheaper model, as far as that is known.
    pub downgraded: Vec<Left>,
}

/// Returns what of the time the chart of a window spans, and the window where it is used up evenly. `first` is
/// when anything was spent first: a cap that never begins anew is looked at from there.
pub fn axis(window: Window, calendar: &Calendar, now: Timestamp, first: Timestamp) -> (Span, Option<Span>) {
    let moving = |start: Timestamp, behind: u64| {
        (Span { start, end: now.after(Millis::new((behind / AHEAD).max(1))) }, None)
    };
    match window {
        Window::Rolling(back) => moving(now.before(back.length()), back.length().count()),
        Window::Total => {
            let start = first.min(now.before(Millis::new(DAY)));
            moving(start, now.since(start).count().max(DAY))
        }
        _ => {
            let found = periods(window, calendar, now);
            let start = Timestamp::from_millis(found.since);
            let span = Span { start, end: found.resets_at.unwrap_or(now) };
            (span, Some(span))
        }
    }
}

/// Returns from when on steps are needed for the chart: a rolling window forgets, so that twice its length counts.
pub fn needed(window: Window, axis: Span) -> Timestamp {
    match window {
        Window::Rolling(back) => axis.start.before(back.length()),
        _ => axis.start,
    }
}

/// Returns the steps with so much of them left out, from the earliest within the axis on: what does not count.
pub fn without_first(mut steps: Vec<Spent>, axis: Span, amount: u128) -> Vec<Spent> {
    let mut rest = amount;
    for step in steps.iter_mut().filter(|step| step.span.end > axis.start) {
        let part = step.amount.min(rest);
        (step.amount, rest) = (step.amount - part, rest - part);
    }
    steps
}

/// Returns how much was left over time, and at last what is left now: `spent` is what counts as used then.
///
/// Steps are in order of time and do not overlap; what lies before the axis counts in a rolling window alone.
pub fn actual(
    (limit, window): (u64, Window),
    steps: &[Spent],
    axis: Span,
    (now, spent): (Timestamp, u128),
) -> Vec<Left> {
    let mut points = Vec::new();
    let mut push = |at: Timestamp, used: u128| {
        let (at, left) = (at.max(axis.start).min(now), left(limit, used));
        match points.last_mut() {
            Some(Left { at: last, left: known }) if *last == at => *known = left,
            _ => points.push(Left { at, left }),
        }
    };
    if let Window::Rolling(back) = window {
        for at in instants(steps, back.length(), axis, now) {
            push(at, rolling(steps, at.before(back.length()), at));
        }
    } else {
        let mut used = 0_u128;
        push(axis.start, 0);
        for step in steps.iter().filter(|step| step.span.end > axis.start && step.span.start < now) {
            push(step.span.start, used);
            used = used.saturating_add(step.amount);
            push(step.span.end, used);
        }
    }
    push(now, spent);
    points
}

fn left(limit: u64, used: u128) -> i128 {
    i128::from(limit).saturating_sub(i128::try_from(used).unwrap_or(i128::MAX))
}

/// Returns every instant at which a rolling sum begins to change in another way: a step begins or ends, or leaves
/// the window.
fn instants(steps: &[Spent], back: Millis, axis: Span, now: Timestamp) -> Vec<Timestamp> {
    let edges = steps.iter().flat_map(|step| [step.span.start, step.span.end]);
    let mut all: Vec<Timestamp> =
        edges.flat_map(|edge| [edge, edge.after(back)]).chain([axis.start]).collect();
    all.retain(|at| (axis.start..=now).contains(at));
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns what was spent from one instant up to another; of a step that is cut, its part.
fn rolling(steps: &[Spent], from: Timestamp, to: Timestamp) -> u128 {
    let parts = steps.iter().map(|Spent { span, amount }| {
        let (start, end) = (span.start.max(from), span.end.min(to));
        if start >= end {
            return 0;
        }
        let (part, whole) = (end.since(start).count(), span.end.since(span.start).count().max(1));
        amount.saturating_mul(u128::from(part)) / u128::from(whole)
    });
    parts.fold(0, u128::saturating_add)
}

/// Returns how much of a limit would be used by now, were it used evenly over its window.
pub fn even_by(limit: u64, window: Span, now: Timestamp) -> u64 {
    let length = u128::from(window.end.since(window.start).count());
    let gone = u128::from(now.since(window.start).count()).min(length);
    if length == 0 {
        return limit;
    }
    u64::try_from(u128::from(limit) * gone / length).unwrap_or(limit)
}

/// Returns how much money is likely to be left from now until nothing is, or the axis ends.
pub fn ahead(left: Money, forecast: &Forecast<'_>, axis: Span, now: Timestamp) -> Vec<Ahead> {
    if forecast.reach(left, Some(axis.end)) == Reach::Unknown {
        return Vec::new();
    }
    let whole = i128::from(left.nanos());
    let path = forecast.path(axis.end);
    let every = path.len().div_ceil(POINTS).max(1);
    let last = path.len().saturating_sub(1);
    let kept = path.into_iter().enumerate().filter(|(place, _)| place % every == 0 || *place == last);
    let mut points = vec![Ahead { at: now, middle: whole, range: Some((whole, whole)) }];
    for (_, (at, likely)) in kept {
        let rest = |money: Money| whole - i128::from(money.nanos());
        let range = likely.range.map(|(low, high)| (rest(high), rest(low)));
        points.push(Ahead { at, middle: rest(likely.middle), range });
    }
    points
}

/// Returns how it goes on once nothing is left, where calls then cost `cheap` of every `dear` nanodollars that they
/// cost now: below zero.
pub fn downgraded(ahead: &[Ahead], (cheap, dear): (Money, Money)) -> Vec<Left> {
    if dear <= Money::ZERO || cheap < Money::ZERO {
        return Vec::new();
    }
    let scale = |over: i128| over * i128::from(cheap.nanos()) / i128::from(dear.nanos());
    let mut points = Vec::new();
    for pair in ahead.windows(2) {
        let [before, after] = pair else { continue };
        if after.middle >= 0 {
            continue;
        }
        if points.is_empty() {
            points.push(Left { at: crossing(before, after), left: 0 });
        }
        points.push(Left { at: after.at, left: scale(after.middle) });
    }
    points
}

/// Returns when the middle comes to nothing between two points.
fn crossing(before: &Ahead, after: &Ahead) -> Timestamp {
    let (gone, whole) = (before.middle.max(0), before.middle - after.middle);
    let length = i128::from(after.at.since(before.at).count());
    let wait = if whole <= 0 { 0 } else { length * gone / whole };
    before.at.after(Millis::new(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests;
