//! The price table: what a model costs a million tokens, and what it came to today.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::Pen;
use super::table::{Column, Table, level};
use crate::domain::burn::Live;
use crate::tui::app::{App, Seen};
use crate::tui::event::PriceRow;
use crate::tui::text;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.prices.order.is_empty() {
        nothing(pen, area, app, app.prices.all);
        return Seen { rows };
    }
    let (start, visible) = app.prices.visible(rows);
    let all = &app.picture().prices;
    let row = |key: &_| all.iter().find(|row| (row.provider, row.model) == *key);
    let rows_shown: Vec<&PriceRow> = visible.iter().filter_map(row).collect();
    let mut table = columns(&rows_shown);
    table.selected = app.prices.index().checked_sub(start);
    table.draw(pen, area);
    Seen { rows }
}

fn columns(rows: &[&PriceRow]) -> Table {
    let mut name = Column::word("MODEL", 24, 0);
    let mut columns = vec![
        Column::word("PROVIDER", 10, 6),
        Column::number("IN $/M", 7, 1),
        Column::number("CACHED", 7, 3),
        Column::number("OUT", 7, 2),
        Column::number("TOKENS", 7, 4),
        Column::money("TODAY", 9, 0),
        Column::word("PRICE FROM", 10, 5),
    ];
    for row in rows {
        name.cells.push(row.model.to_string());
        let cached =
            if row.cached.is_none() && !row.is_unpriced() { "-".to_owned() } else { text::rate(row.cached) };
        let cells = [
            text::cut(row.provider.as_str(), 14),
            text::rate(row.input),
            cached,
            text::rate(row.output),
            text::short(i64::try_from(row.today.tokens.total().count()).unwrap_or(i64::MAX)),
            text::cost(&Live::of(&row.today)),
            text::cut(&row.from, 24),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    columns[5].cells = level(std::mem::take(&mut columns[5].cells));
    Table { name, columns, selected: None, sum: false }
}
