//! What providers still let through, as their last answers told it.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span};
use super::table::{Column, Sorted, Table};
use crate::domain::limits::Limits;
use crate::tui::app::{App, Seen};
use crate::tui::page::limits::key;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.limits.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.limits.visible(rows);
    let now = app.picture().pages.limits.clone().unwrap_or_default();
    let find = |wanted: &_| now.groups.iter().find(|group| key(group) == *wanted);
    let shown: Vec<&Limits> = visible.iter().filter_map(find).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.limits, &pen.theme.glyphs));
    table.selected = app.limits.index().checked_sub(start);
    table.draw_as(pen, area, &app.limits.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&Limits], sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("PROVIDER/KEY", 1), 16, 0);
    let mut columns = vec![
        Column::word(&sorted.title("MODEL", 2), 12, 1),
        Column::number(&sorted.title("HEADROOM", 0), 8, 0),
        Column::number("AGE", 4, 2),
    ];
    for row in rows {
        name.cells.push(format!("{}/{}", row.provider, row.key));
        let headroom = row.headroom().map_or_else(|| "?".to_owned(), |points| format!("{}%", points / 100));
        let cells = [text::cut(row.model.as_str(), 24), headroom, text::age(app.now.since(row.observed_at))];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: the lowest headroom.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let now = app.picture().pages.limits.clone().unwrap_or_default();
    let lowest = now.groups.iter().filter_map(|group| Some((group.headroom()?, group)));
    let Some((points, group)) = lowest.min_by_key(|(points, group)| (*points, key(group))) else {
        return Vec::new();
    };
    let who = format!("{}/{} {}", group.provider, group.key, group.model);
    let line = |who: &str| {
        vec![
            (" LOWEST HEADROOM  ".to_owned(), Meaning::Muted),
            (format!("{who} {}%", points / 100), Meaning::Text),
        ]
    };
    vec![line(&who), line(&text::cut(&who, 20))]
}

/// Returns what is said where nothing is known.
pub(super) fn empty(app: &App) -> Vec<String> {
    let guards = app.live.caps.guards.is_empty();
    let mut lines = vec!["No provider has told a limit yet.".to_owned(), String::new()];
    lines.push("Limits come with the answers that pass `outlay guard`.".to_owned());
    if guards {
        lines.push("No guard is running now.".to_owned());
    }
    lines
}
