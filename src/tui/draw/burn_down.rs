//! What is left of a cap over its window: how it went, an even pace, how it is likely to go on.
//!
//! ```text
//!  $200 ⠉⠉⠓⠒⠦⢤⣀⡀
//!              ⠉⠙⠒⠦⠤⣄⣀  ⡀
//!  $100                ⠉⠓⠦⣄    ⠂
//!    $0                        ⠁⠒⠂
//!       00    04    08    12    16    20    24
//!       solid = left   dots = even pace   dashes = forecast
//! ```

use ratatui::layout::Rect;

use super::cap_words::{clock, figure};
use super::pen::{Pen, Span as Words, row};
use super::plot::{Line, Plot, Stroke};
use crate::domain::amount::Unit;
use crate::domain::burn_down::BurnDown;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::forecast::Reach;
use crate::domain::time::{Millis, Timestamp};
use crate::tui::app::App;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows below the plot: the hours and what the lines mean.
const FOOT: u16 = 2;
/// Columns that a label of the time takes at least, with what parts it from the next.
const APART: usize = 7;
/// Minutes between two labels, the least first: from a day on by the calendar.
const STEPS: [u64; 12] = [15, 60, 120, 240, 360, 720, 1440, 2880, 7200, 10_080, 20_160, 43_200];
const DAY: u64 = 1440;

/// What the chart is of.
pub(super) struct Of<'a> {
    /// The chart.
    pub(super) chart: &'a BurnDown,
    /// What the cap counts.
    pub(super) unit: Unit,
    /// When nothing is left.
    pub(super) reach: Reach,
}

/// Draws the chart.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, of: &Of<'_>) {
    let chart = of.chart;
    let high = i128::from(chart.limit).max(1);
    let lowest = chart.downgraded.iter().map(|point| point.left).min().unwrap_or(0);
    let plot = Plot { time: chart.axis, low: lowest.clamp(-(high / 3), 0), high };
    let marks = [(high, of.unit), (high / 2, of.unit), (0, of.unit)];
    let labels = marks.map(|(value, unit)| (value, label(unit, value)));
    let left = labels.iter().map(|(_, label)| text::width(label)).max().unwrap_or(0) + 2;
    let Some(height) = area.height.checked_sub(FOOT).filter(|height| *height > 0) else { return };
    let Some(width) = usize::from(area.width).checked_sub(left + 1).filter(|width| *width > 0) else {
        return;
    };
    let inner = Rect {
        x: area.x + u16::try_from(left).unwrap_or(u16::MAX),
        width: u16::try_from(width).unwrap_or(u16::MAX),
        height,
        ..area
    };
    for (value, label) in labels {
        let place = plot.row_of(value, usize::from(height));
        let column = left.saturating_sub(text::width(&label) + 1);
        pen.put(row(area, u16::try_from(place).unwrap_or(u16::MAX)), column, &label, Meaning::Muted);
    }
    plot.draw(pen, inner, &lines(chart));
    let times = Rect { height: 1, y: area.y + height, ..inner };
    hours(pen, times, &app.setup.calendar, chart.axis);
    let legend = Rect { height: 1, y: area.y + height + 1, ..area };
    pen.first_that_fits(legend, &meanings(app, of, left));
}

fn label(unit: Unit, value: i128) -> String {
    let value = u128::try_from(value).unwrap_or(0);
    match unit {
        Unit::Money => {
            let money = figure(unit, value);
            format!("${}", money.strip_suffix(".00").unwrap_or(&money))
        }
        Unit::Calls | Unit::Tokens => text::short(i64::try_from(value).unwrap_or(i64::MAX)),
    }
}

fn lines(chart: &BurnDown) -> Vec<Line> {
    let line = |points, stroke, meaning| Line { points, stroke, meaning };
    let even = chart.even.map(|span| vec![(span.start, i128::from(chart.limit)), (span.end, 0)]);
    // What is foretold ends where nothing is left: below that there is nothing to spend.
    let until = |value: fn(&crate::domain::burn_down::Ahead) -> Option<i128>| {
        let mut points: Vec<(Timestamp, i128)> = Vec::new();
        for point in &chart.ahead {
            let Some(left) = value(point) else { break };
            points.push((point.at, left));
            if left < 0 {
                break;
            }
        }
        cut_at_nothing(points)
    };
    let left = |points: &[crate::domain::burn_down::Left]| {
        points.iter().map(|point| (point.at, point.left)).collect::<Vec<_>>()
    };
    let spent = left(&chart.actual).into_iter().map(|(at, left)| (at, left.max(0))).collect();
    vec![
        line(even.unwrap_or_default(), Stroke::Sparse, Meaning::Muted),
        line(until(|point| point.range.map(|range| range.0)), Stroke::Thin, Meaning::Muted),
        line(until(|point| point.range.map(|range| range.1)), Stroke::Thin, Meaning::Muted),
        line(until(|point| Some(point.middle)), Stroke::Dashed, Meaning::Warn),
        line(left(&chart.downgraded), Stroke::Short, Meaning::Warn),
        line(spent, Stroke::Solid, Meaning::Series),
    ]
}

/// Moves the last point, where it lies below nothing, up to where nothing is left.
fn cut_at_nothing(mut points: Vec<(Timestamp, i128)>) -> Vec<(Timestamp, i128)> {
    if let [.., (from, before), (to, after)] = points.as_mut_slice()
        && *after < 0
    {
        let whole = before.saturating_sub(*after).max(1);
        let length = i128::from(to.since(*from).count());
        let wait = length.saturating_mul((*before).max(0)) / whole;
        (*to, *after) = (from.after(Millis::new(u64::try_from(wait).unwrap_or(0))), 0);
    }
    points
}

/// Writes the hours or days below the plot, as many as there is room for.
fn hours(pen: &mut Pen<'_>, line: Rect, calendar: &Calendar, axis: Span) {
    let length = axis.end.since(axis.start).count().max(1);
    let width = u64::from(line.width).max(1);
    let wide = |minutes: u64| minutes.saturating_mul(60_000).saturating_mul(width) / length;
    let step = STEPS.into_iter().find(|minutes| wide(*minutes) >= APART as u64);
    let ticks = step.map_or_else(|| vec![axis.start], |minutes| ticks(calendar, axis, minutes));
    let mut free = 0;
    for at in ticks {
        let place = u128::from(at.since(axis.start).count()) * u128::from(width) / u128::from(length);
        let label = tick_label(calendar, at, axis, step.unwrap_or(0));
        let column = usize::try_from(place).unwrap_or(usize::MAX);
        let column = column.min(usize::from(line.width).saturating_sub(text::width(&label)));
        if column >= free {
            free = pen.put(line, column, &label, Meaning::Muted) + 1;
        }
    }
}

/// Returns the instants to be named: round ones by the zone's clock, its end included.
fn ticks(calendar: &Calendar, axis: Span, minutes: u64) -> Vec<Timestamp> {
    let mut ticks = Vec::new();
    let mut at = calendar.day(axis.start).start;
    while at <= axis.end && ticks.len() < 500 {
        if at >= axis.start {
            ticks.push(at);
        }
        let next = if minutes < DAY {
            at.after(Millis::from_minutes(minutes))
        } else {
            (0..minutes / DAY).fold(at, |at, _| calendar.day(at).end)
        };
        // An hour that the clocks show twice or not at all does not shift the days after it.
        let midnight = calendar.day(at).end;
        at = if minutes < DAY && next > midnight { midnight } else { next }.max(at.after(Millis::new(1)));
    }
    ticks
}

fn tick_label(calendar: &Calendar, at: Timestamp, axis: Span, minutes: u64) -> String {
    let (hour, minute) = calendar.clock(at);
    let date = calendar.date(at);
    let one_month = calendar.month(axis.start).end >= axis.end;
    match minutes {
        DAY.. if one_month && at == axis.end => String::new(),
        DAY.. if one_month => date.day().to_string(),
        DAY.. => format!("{:02}-{:02}", date.month(), date.day()),
        60.. if at == axis.end && hour == 0 => "24".to_owned(),
        60.. if minute == 0 => format!("{hour:02}"),
        _ => format!("{hour:02}:{minute:02}"),
    }
}

fn meanings(app: &App, of: &Of<'_>, left: usize) -> Vec<Vec<Words>> {
    let chart = of.chart;
    let mut parts = vec!["solid = left"];
    if chart.even.is_some() {
        parts.push("dots = even pace");
    }
    let has_range = chart.ahead.iter().skip(1).any(|point| point.range.is_some());
    match (chart.ahead.is_empty(), has_range) {
        (true, _) if of.unit == Unit::Money => parts.push("no forecast: too little is known"),
        (true, _) => {}
        (false, false) => parts.push("dashes = at this pace"),
        (false, true) => parts.extend(["dashes = forecast", "thin = 80% range"]),
    }
    if !chart.downgraded.is_empty() {
        parts.push("short = downgraded");
    }
    let calendar = &app.setup.calendar;
    let now = format!("now {}", clock(calendar, app.now, app.now));
    let ends = match of.reach {
        Reach::At { at, .. } => format!("{now}, runs out {}", clock(calendar, at, app.now)),
        Reach::Now => format!("{now}, nothing is left"),
        Reach::Never | Reach::Unknown => now,
    };
    let pad = " ".repeat(left);
    let line =
        |parts: &[&str], ends: &str| vec![(format!("{pad}{}{ends}", parts.join("   ")), Meaning::Muted)];
    let mut versions = vec![line(&parts, &format!("      {ends}"))];
    versions.extend((1..=parts.len()).rev().map(|count| line(parts.get(..count).unwrap_or(&[]), "")));
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_on_which_the_clocks_change_is_named_by_the_clock() {
        let calendar = Calendar::named("Europe/Berlin").expect("a zone");
        let day = calendar.day(Timestamp::from_seconds(1_792_922_400)); // 2026-10-25, 25 hours
        let labels: Vec<String> =
            ticks(&calendar, day, 240).into_iter().map(|at| tick_label(&calendar, at, day, 240)).collect();
        assert_eq!(labels.first().map(String::as_str), Some("00"));
        assert_eq!(labels.last().map(String::as_str), Some("24"));
        assert_eq!(day.end.since(day.start), Millis::from_minutes(25 * 60));
    }

    #[test]
    fn what_is_foretold_stops_where_nothing_is_left() {
        let at = Timestamp::from_millis;
        assert_eq!(cut_at_nothing(vec![(at(0), 30), (at(100), -10)]), [(at(0), 30), (at(75), 0)]);
        assert_eq!(cut_at_nothing(vec![(at(0), 30), (at(100), 10)]), [(at(0), 30), (at(100), 10)]);
        assert_eq!(cut_at_nothing(Vec::new()), []);
    }
}
