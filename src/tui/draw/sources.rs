//! What is read and how far; and, opened, the lines of a source that could not be read.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table};
use super::{Class, nothing};
use crate::tui::app::{App, Seen};
use crate::tui::event::{SourceRow, SourceState};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of what is said of the provider's bill.
const RECONCILE: u16 = 3;
/// The least rows where there is room for it.
const LEAST: u16 = 12;
/// Rows of what is said of a source above its bad lines.
const FACTS: u16 = 4;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let below =
        if class >= Class::Normal && area.height >= LEAST && pen.grid.is_none() { RECONCILE } else { 0 };
    let foot = Rect { y: area.y + area.height.saturating_sub(below), height: below, ..area };
    let area = Rect { height: area.height.saturating_sub(below), ..area };
    if below > 0 {
        reconcile(pen, foot);
    }
    let rows = usize::from(area.height.saturating_sub(1));
    if app.sources.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.sources.visible(rows);
    let all = &app.picture().sources;
    let find = |key: &_| all.iter().find(|row| row.source == *key);
    let shown: Vec<&SourceRow> = visible.iter().filter_map(find).collect();
    let sorted = Sorted::of(&app.sources, &pen.theme.glyphs);
    let mut table = columns(app, &shown, usize::from(area.width), sorted);
    table.selected = app.sources.index().checked_sub(start);
    table.draw_as(pen, area, &app.sources.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&SourceRow], width: usize, sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("SOURCE", 1), 20, 0);
    let mut columns = vec![
        Column::word("FORMAT", 8, 4),
        Column::word(&sorted.title("STATE", 0), 6, 0),
        Column::number("LAG", 4, 3),
        Column::number(&sorted.title("CALLS", 2), 7, 1),
        Column::number(&sorted.title("BAD", 3), 4, 2),
        Column::number("COPIES", 6, 6),
        Column::word("NOTE", 4, 5),
    ];
    for row in rows {
        name.cells.push(row.source.to_string());
        let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
        let cells = [
            text::cut(row.format.as_str(), 16),
            row.state.says().to_owned(),
            lag(app, row),
            count(row.calls),
            count(row.bad),
            count(row.copies),
            text::cut(&row.note, (width / 3).max(8)),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns how long ago a source last gave something.
fn lag(app: &App, row: &SourceRow) -> String {
    row.last.map_or_else(|| "-".to_owned(), |last| text::age(app.now.since(last)))
}

/// Says how far what is shown is from what a provider bills.
fn reconcile(pen: &mut Pen<'_>, area: Rect) {
    pen.rule(row(area, 0), "reconcile: ledger against the provider bill");
    let width = usize::from(area.width).saturating_sub(2);
    let says = [
        "no provider bill is read yet: what is shown is what ledgers and guards say.",
        "Calls that reach a provider by another way are in its bill and not here.",
    ];
    for (place, says) in says.into_iter().enumerate() {
        let line = row(area, u16::try_from(place + 1).unwrap_or(u16::MAX));
        pen.put(line, 1, &text::cut(says, width), Meaning::Muted);
    }
}

/// Says how a source stands: its format, what came of it, when it last gave something.
fn facts(app: &App, source: &SourceRow) -> Vec<(String, Meaning)> {
    let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
    let when = source.last.map_or_else(
        || "it never gave anything".to_owned(),
        |last| {
            let calendar = &app.setup.calendar;
            let at = calendar.minute_text(last);
            format!("last {at} {}, {} ago", calendar.name(), text::age(app.now.since(last)))
        },
    );
    let meaning = match source.state {
        SourceState::Ok => Meaning::Good,
        SourceState::Stale => Meaning::Warn,
        SourceState::Error => Meaning::Bad,
    };
    let note = if source.note.is_empty() { String::new() } else { format!(": {}", source.note) };
    vec![
        (format!("{}{note}", source.state.says()), meaning),
        (format!("{}, read as it grows, {when}", source.format), Meaning::Muted),
        (format!("{} calls, {} copies dropped", count(source.calls), count(source.copies)), Meaning::Muted),
    ]
}

/// Draws the bad lines of the selected source, scrolled down by `offset`.
pub(super) fn draw_bad(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    let rows = usize::from(area.height.saturating_sub(FACTS + 1) / 2);
    let Some(source) = app.picked_source() else {
        return Seen { rows, ..Seen::default() };
    };
    let width = usize::from(area.width).saturating_sub(1);
    pen.put(row(area, 0), 1, &text::cut(source.source.as_str(), width), Meaning::Text);
    for (place, (says, meaning)) in facts(app, source).into_iter().enumerate() {
        let line = row(area, u16::try_from(place + 1).unwrap_or(u16::MAX));
        pen.put(line, 1, &text::cut(&says, width), meaning);
    }
    let (lines, kept) = (source.bad, source.bad_lines.len());
    let bad = text::plural(i64::try_from(lines).unwrap_or(i64::MAX), "line");
    let heading = match kept {
        0 => format!("{bad} could not be read"),
        _ => format!("{bad} could not be read, the latest {kept}:"),
    };
    pen.put(row(area, FACTS), 1, &text::cut(&heading, width), Meaning::Text);
    let offset = offset.min(kept.saturating_sub(rows));
    for (index, bad) in source.bad_lines.iter().skip(offset).take(rows).enumerate() {
        let at = u16::try_from(index * 2 + 1).unwrap_or(u16::MAX).saturating_add(FACTS);
        let place = if bad.line == 0 { bad.file.to_string() } else { format!("{}:{}", bad.file, bad.line) };
        pen.put(row(area, at), 1, &text::cut(&format!("{place}  {}", bad.reason), width), Meaning::Warn);
        let excerpt = text::cut(&bad.excerpt, width.saturating_sub(4));
        pen.put(row(area, at.saturating_add(1)), 4, &excerpt, Meaning::Muted);
    }
    Seen { rows, opened: Some(offset), ..Seen::default() }
}
