//! Who enforces the caps, and what they do.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span};
use super::table::{Column, Sorted, Table};
use crate::domain::enforcement::LATE;
use crate::tui::app::{App, Seen};
use crate::tui::page::guard::GuardLine;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.guards.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.guards.visible(rows);
    let now = app.picture().pages.guard.clone().unwrap_or_default();
    let find = |wanted: &_| now.guards.iter().find(|row| row.key() == *wanted);
    let shown: Vec<&GuardLine> = visible.iter().filter_map(find).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.guards, &pen.theme.glyphs));
    table.selected = app.guards.index().checked_sub(start);
    table.draw_as(pen, area, &app.guards.view);
    Seen { rows, ..Seen::default() }
}

/// Returns the word for how a guard stands.
fn state(app: &App, row: &GuardLine) -> String {
    let age = app.now.since(row.seen);
    match row {
        GuardLine { alive: false, .. } => "ended".to_owned(),
        _ if age >= LATE => format!("not seen {}", text::age(age)),
        _ if row.rev < app.saved_rev() => format!("rev {} < {}", row.rev.0, app.saved_rev().0),
        _ => "enforcing".to_owned(),
    }
}

fn columns(app: &App, rows: &[&GuardLine], sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("GUARD", 0), 8, 0);
    let mut columns = vec![
        Column::word("STATE", 10, 0),
        Column::number("REV", 4, 1),
        Column::number("FLIGHT", 6, 2),
        Column::number("PASSED", 7, 3),
        Column::number("REJECTED", 8, 3),
        Column::number("SEEN", 4, 4),
        Column::word("LISTEN", 6, 5),
    ];
    for row in rows {
        name.cells.push(row.name.to_string());
        let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
        let cells = [
            state(app, row),
            row.rev.0.to_string(),
            count(row.in_flight),
            count(row.admitted),
            count(row.refused),
            text::age(app.now.since(row.seen)),
            text::cut(row.listen.as_str(), 24),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many guards live.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.guard else { return Vec::new() };
    let alive = now.guards.iter().filter(|row| row.alive).count();
    let guards = text::plural(i64::try_from(alive).unwrap_or(i64::MAX), "guard");
    vec![vec![(format!(" {guards}"), Meaning::Text)]]
}

/// Returns what is said where no guard has written to the store.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec![
        "No guard has written to this store: nothing enforces a cap.".to_owned(),
        String::new(),
        "  outlay guard                     begins to".to_owned(),
        "  docs/guard.md                    says how calls are sent through it".to_owned(),
    ]
}
