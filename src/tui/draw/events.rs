//! The latest calls, newest first.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span};
use super::table::{Column, Sorted, Table};
use crate::domain::call::{Call, Cost, Status};
use crate::tui::app::{App, Seen};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.events.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.events.visible(rows);
    let now = app.picture().pages.events.clone().unwrap_or_default();
    let find = |wanted: &_| now.calls.iter().find(|(call, _)| call.id == *wanted);
    let shown: Vec<&(Call, Cost)> = visible.iter().filter_map(find).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.events, &pen.theme.glyphs));
    table.selected = app.events.index().checked_sub(start);
    table.draw_as(pen, area, &app.events.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&(Call, Cost)], sorted: Sorted) -> Table {
    let mut name = Column::word("TENANT", 12, 0);
    let mut columns = vec![
        Column::word(&sorted.title("TIME", 0), 8, 1),
        Column::word("MODEL", 12, 2),
        Column::number("TOKENS", 6, 3),
        Column::money("COST", 8, 0),
        Column::word("NOTE", 4, 4),
    ];
    for (call, cost) in rows {
        name.cells.push(call.tenant.to_string());
        let (hour, minute) = app.setup.calendar.clock(call.at);
        let tokens = i64::try_from(call.tokens.total().count()).unwrap_or(i64::MAX);
        let note = if call.status == Status::Failed { call.failure.as_str() } else { "" };
        let cells = [
            format!("{hour:02}:{minute:02}"),
            text::cut(call.model.as_str(), 24),
            text::short(tokens),
            cost.money().map_or_else(|| "?".to_owned(), |money| money.rounded(4)),
            text::cut(note, 24),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many calls are shown.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.events else { return Vec::new() };
    let count = i64::try_from(now.calls.len()).unwrap_or(i64::MAX);
    vec![vec![(format!(" the latest {}", text::plural(count, "call")), Meaning::Text)]]
}

/// Returns what is said where there is no call.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec!["No call was recorded in the last 15 minutes.".to_owned()]
}
