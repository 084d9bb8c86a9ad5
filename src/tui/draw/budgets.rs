//! The caps and what is left of them.

use ratatui::layout::Rect;

use super::cap_words::{figure, limit_of, short_limit, used_of};
use super::nothing;
use super::pen::{Pen, Span};
use super::table::{Column, Sorted, Table};
use crate::domain::cap::Cap;
use crate::tui::app::{App, Seen};
use crate::tui::caps::state;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.budgets.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.budgets.visible(rows);
    let caps = &app.picture().caps;
    let shown: Vec<&Cap> = visible.iter().filter_map(|key| caps.find(*key)).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.budgets, &pen.theme.glyphs));
    table.selected = app.budgets.index().checked_sub(start);
    table.draw_as(pen, area, &app.budgets.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&Cap], sorted: Sorted) -> Table {
    let held = app.enforcement();
    let mut name = Column::word(&sorted.title("TENANT", 1), 12, 0);
    let mut columns = vec![
        Column::number("CAP", 7, 1),
        Column::number("SPENT", 9, 2),
        Column::number("LEFT", 9, 4),
        Column::number(&sorted.title("USED", 0), 5, 0),
        Column::word("STATE", 5, 0),
        Column::word("AT CAP", 6, 3),
    ];
    for cap in rows {
        let scope = cap.scope.to_string();
        name.cells.push(scope.strip_prefix("tenant:").unwrap_or(&scope).to_owned());
        let worst = app.picture().caps.worst(cap.key());
        let unit = cap.limit.unit();
        let figures = worst.map(|standing| {
            let (spent, limit) = (standing.exposure(), u128::from(standing.limit()));
            let state = state(standing, held);
            let left = match limit.checked_sub(spent) {
                Some(left) => figure(unit, left),
                None => format!("-{}", figure(unit, spent - limit)),
            };
            [figure(unit, spent), left, used_of(standing, state), state.says().to_owned()]
        });
        let none = || ["0".to_owned(), "-".to_owned(), "0% ".to_owned(), "ok".to_owned()];
        let [spent, left, used, word] = figures.unwrap_or_else(none);
        let limit = limit_of(cap);
        let then = limit.split_once(", ").map_or("-", |(_, then)| then);
        let cells = [short_limit(cap), spent, left, used, word, text::cut(then, 26)];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many caps there are, and which the nearest is.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let caps = i64::try_from(app.picture().caps.book.caps().count()).unwrap_or(i64::MAX);
    vec![vec![(format!(" {}", text::plural(caps, "cap")), Meaning::Text)]]
}

/// Returns what is said where there is no cap.
pub(super) fn empty(app: &App) -> Vec<String> {
    let mut lines = vec!["No cap is set: nothing limits what is spent.".to_owned(), String::new()];
    lines.push(match &app.setup.read_only {
        Some(why) => why.clone(),
        None => "  c on a tenant of the overview sets one".to_owned(),
    });
    lines.push("  outlay caps set 'tenant:NAME 50/day'   does so from the shell".to_owned());
    lines
}
