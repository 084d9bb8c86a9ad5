//! Why calls failed in the last hour.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span};
use super::table::{Column, Sorted, Table};
use crate::tui::app::{App, Seen};
use crate::tui::page::errors::ClassRow;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.errors.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.errors.visible(rows);
    let now = app.picture().pages.errors.clone().unwrap_or_default();
    let find = |wanted: &_| now.classes.iter().find(|row| row.class == *wanted);
    let shown: Vec<&ClassRow> = visible.iter().filter_map(find).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.errors, &pen.theme.glyphs));
    table.selected = app.errors.index().checked_sub(start);
    table.draw_as(pen, area, &app.errors.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&ClassRow], sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("CLASS", 1), 18, 0);
    let now = app.picture().pages.errors.clone().unwrap_or_default();
    let all: u64 = now.classes.iter().map(|row| row.count).sum();
    let whole = i64::try_from(all).unwrap_or(i64::MAX);
    let mut columns = vec![
        Column::number(&sorted.title("COUNT", 0), 7, 0),
        Column::number("SHARE", 6, 1),
        Column::number("LAST", 5, 2),
    ];
    for row in rows {
        let class = if row.class.is_empty() { "unknown" } else { row.class.as_str() };
        name.cells.push(class.to_owned());
        let count = i64::try_from(row.count).unwrap_or(i64::MAX);
        let (hour, minute) = app.setup.calendar.clock(row.last);
        let cells = [text::count(count), text::share(count, whole), format!("{hour:02}:{minute:02}")];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many calls failed.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.errors else { return Vec::new() };
    let failed: u64 = now.classes.iter().map(|row| row.count).sum();
    let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
    let counts = format!("{} errors of {} calls", count(failed), count(now.calls));
    vec![vec![(" LAST 60 MIN  ".to_owned(), Meaning::Muted), (counts, Meaning::Text)]]
}

/// Returns what is said where no call failed.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec![
        "No call has failed in the last 60 minutes, as far as the ledgers tell.".to_owned(),
        String::new(),
        "Most ledgers hold only calls that were answered; what passes `outlay guard` is told whole."
            .to_owned(),
    ]
}
