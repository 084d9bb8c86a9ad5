//! How the price of a model came about: its prices by date, what each makes of this month, and who changed it.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use super::table::{Column, Table};
use crate::domain::money::Rate;
use crate::tui::app::{App, Seen};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws it, scrolled down by `offset`.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    let rows = usize::from(area.height.saturating_sub(2));
    let Some((provider, model)) = app.prices.picked() else { return Seen { rows, ..Seen::default() } };
    let history = app.picture().pages.history.as_ref();
    let Some(history) = history.filter(|known| (known.provider, known.model) == (provider, model)) else {
        pen.put(row(area, 1), 3, &format!("reading the price of {model}..."), Meaning::Muted);
        return Seen { rows, ..Seen::default() };
    };
    let width = usize::from(area.width).saturating_sub(2);
    let cost = text::cost(&crate::domain::burn::Live::of(&history.used));
    let heading = format!("{model} at {provider}   this month {cost}, by each price:");
    pen.put(row(area, 0), 1, &text::cut(&heading, width), Meaning::Text);
    let calendar = &app.setup.calendar;
    let date = |at| calendar.minute_text(at).get(..10).unwrap_or_default().to_owned();
    let mut name = Column::word("SINCE", 10, 0);
    let mut columns = vec![
        Column::number("IN $/M", 7, 1),
        Column::number("CACHED", 7, 3),
        Column::number("OUT", 7, 2),
        Column::money("MONTH", 9, 0),
        Column::word("FROM", 10, 4),
        Column::word("CHANGE", 8, 5),
    ];
    let all = history.prices.len();
    let offset = offset.min(all.saturating_sub(1));
    for dated in history.prices.iter().skip(offset) {
        let price = &dated.price;
        name.cells.push(price.in_force_since().map_or_else(|| "always".to_owned(), date));
        let rate = |rate: Option<Rate>| rate.map_or_else(|| "-".to_owned(), Rate::to_per_million);
        let cells = [
            rate(price.input()),
            rate(price.cached()),
            rate(price.output()),
            dated.month.map_or_else(|| "?".to_owned(), text::money),
            price.source().as_str().to_owned(),
            text::cut(&dated.change, 40),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    let shown = name.cells.len();
    let table = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    Table { name, columns, selected: None, sum: false }.draw(pen, table);
    let below = u16::try_from(shown + 3).unwrap_or(u16::MAX);
    for (place, (at, by, why, what)) in history.changes.iter().enumerate() {
        let line = row(area, below.saturating_add(u16::try_from(place).unwrap_or(u16::MAX)));
        let says = format!("{}  {by}: {what}  {why}", calendar.minute_text(*at));
        pen.put(line, 1, &text::cut(&says, width), Meaning::Muted);
    }
    if shown == 0 {
        pen.put(row(area, 3), 3, "No price is known for it: e sets one.", Meaning::Warn);
    }
    Seen { rows, opened: Some(offset), ..Seen::default() }
}
