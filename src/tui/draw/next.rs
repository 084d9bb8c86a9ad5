//! Which caps are reached next: as a sentence, and as a list.

use ratatui::layout::Rect;

use super::cap_words::{limit_of, short_limit};
use super::pen::{Pen, row};
use super::table::{Column, Table};
use crate::domain::calendar::Calendar;
use crate::domain::time::Timestamp;
use crate::tui::app::App;
use crate::tui::next_cap::NextCap;
use crate::tui::outlook::Range;
use crate::tui::theme::Meaning;

/// Returns the sentence: `docs-rag reaches its cap 200.00/day at 15:36 (15:12-16:04), then reject`.
pub(in crate::tui) fn soon(cap: &NextCap, calendar: &Calendar, now: Timestamp) -> String {
    let limit = limit_of(&cap.standing.touch.cap);
    let (limit, then) = limit.split_once(", ").unwrap_or((&limit, ""));
    let range = range_of(cap.range, calendar, now);
    let range = if range.is_empty() { range } else { format!(" ({range})") };
    format!("{} reaches its cap {limit} at {}{range}, then {then}", cap.who, when(cap.at, calendar, now))
}

/// Draws the list with its rule.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 0), "next to reach a cap");
    let next = app.next_caps();
    if next.is_empty() {
        pen.put(row(area, 1), 1, "none, as far as can be foreseen", Meaning::Muted);
        return;
    }
    let mut name = Column::word("TENANT", 12, 0);
    let mut columns = vec![
        Column::number("CAP", 7, 1),
        Column::word("REACHED", 7, 0),
        Column::word("RANGE", 5, 2),
        Column::word("THEN", 6, 3),
    ];
    let rows = usize::from(area.height.saturating_sub(2));
    for cap in next.iter().take(rows) {
        name.cells.push(cap.who.clone());
        let limit = limit_of(&cap.standing.touch.cap);
        let then = limit.split_once(", ").map_or("", |(_, then)| then);
        let calendar = &app.setup.calendar;
        let cells = [
            short_limit(&cap.standing.touch.cap),
            when(cap.at, calendar, app.now),
            range_of(cap.range, calendar, app.now),
            then.to_owned(),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    let rest = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    Table { name, columns, selected: None, sum: false }.draw(pen, rest);
}

/// Returns the range of an instant; empty where none is known.
pub(super) fn range_of(range: Option<Range>, calendar: &Calendar, now: Timestamp) -> String {
    range.map_or_else(String::new, |(first, last)| {
        let last = last.map_or_else(|| "never".to_owned(), |last| when(last, calendar, now));
        let first = when(first, calendar, now);
        if first == last { String::new() } else { format!("{first}-{last}") }
    })
}

/// Returns an instant as `15:36`, on another day as `Mon 01:53`, later as `12-24`.
pub(super) fn when(at: Timestamp, calendar: &Calendar, now: Timestamp) -> String {
    let (hour, minute) = calendar.clock(at);
    if calendar.day(now).contains(at) {
        return format!("{hour:02}:{minute:02}");
    }
    let week = at.since(now).count() < 6 * 86_400_000;
    let date = calendar.date(at);
    if week {
        format!("{} {hour:02}:{minute:02}", date.strftime("%a"))
    } else {
        date.strftime("%m-%d").to_string()
    }
}
