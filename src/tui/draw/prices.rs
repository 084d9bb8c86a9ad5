//! The price table: what a model costs a million tokens, and what it came to in the window.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::Pen;
use super::table::{Column, Sorted, Table, level};
use crate::domain::burn::Live;
use crate::tui::app::{App, Seen};
use crate::tui::event::PriceRow;
use crate::tui::text;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.prices.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.prices.visible(rows);
    let all = &app.picture().prices;
    let shown: Vec<&PriceRow> = visible.iter().filter_map(|key| all.get(key)).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.prices, &pen.theme.glyphs));
    table.selected = app.prices.index().checked_sub(start);
    table.draw_as(pen, area, &app.prices.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&PriceRow], sorted: Sorted) -> Table {
    let came = app.picture().prices_of == Some(app.window);
    let mut name = Column::word(&sorted.title("MODEL", 1), 24, 0);
    let mut columns = vec![
        Column::word("PROVIDER", 10, 6),
        Column::number(&sorted.title("IN $/M", 2), 7, 1),
        Column::number("CACHED", 7, 3),
        Column::number(&sorted.title("OUT", 3), 7, 2),
        Column::number(&sorted.title("TOKENS", 4), 7, 4),
        Column::money(&sorted.title(app.window.says(), 0), 9, 0),
        Column::number("SHARE", 5, 7),
        Column::word("PRICE FROM", 10, 5),
        Column::word("LAST CHANGE", 11, 8),
    ];
    let whole = app.picture().total(app.window).map_or(0, |live| live.cost.nanos());
    for row in rows {
        let used = Live::of(&row.used);
        name.cells.push(row.model.to_string());
        let cached =
            if row.cached.is_none() && !row.is_unpriced() { "-".to_owned() } else { text::rate(row.cached) };
        let cells = [
            text::cut(row.provider.as_str(), 14),
            text::rate(row.input),
            cached,
            text::rate(row.output),
            if came { text::short(used.tokens) } else { "...".to_owned() },
            if came { text::cost(&used) } else { "...".to_owned() },
            share(app, row, &used, whole),
            text::cut(&row.from, 24),
            text::cut(&row.changed, 40),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    columns[5].cells = level(std::mem::take(&mut columns[5].cells));
    Table { name, columns, selected: None, sum: false }
}

/// Returns the part of everything that a model came to.
fn share(app: &App, row: &PriceRow, used: &Live, whole: i64) -> String {
    if app.picture().prices_of != Some(app.window) {
        return "...".to_owned();
    }
    if row.is_unpriced() && used.unpriced > 0 {
        "?".to_owned()
    } else {
        text::share(used.cost.nanos(), whole)
    }
}
