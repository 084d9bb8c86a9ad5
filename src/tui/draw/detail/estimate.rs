//! How far what the calls of a tenant were expected to cost was off, model by model, and the worst of them.

use ratatui::layout::Rect;

use super::{count, per_cent, rows_from, signed, waits};
use crate::domain::guess::Guessed;
use crate::domain::money::Money;
use crate::tui::app::{App, Seen};
use crate::tui::draw::dialog::wrap;
use crate::tui::draw::pen::{Pen, row};
use crate::tui::draw::table::{Column, Table};
use crate::tui::page::tenant::{Counted, Held};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// What is said below the table.
const NOTE: &str = "Expected before the call: its prompt counted, half of the output it may have, at the list price; + is \
                    too much. Where a tokenizer is not public, the prompt is taken for a quarter of its bytes.";
/// What is said where no call was foreseen.
const NOTHING: &str = "No call of the window was foreseen and billed. A guard foresees what each call will cost \
                       before it is made, where its model has a price: docs/guard.md says how calls are sent through one.";
/// The least rows of the list of the worst, its rule and heading included.
const WORST: u16 = 4;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let Some(now) = app.tenant_now() else { return waits(pen, area, "reading its calls...") };
    let held = &now.held;
    let room = usize::from(area.width).saturating_sub(4);
    let below = |text: &str| wrap(text, room.max(1));
    if held.all.calls == 0 {
        put(pen, rows_from(area, 1, area.height), &below(NOTHING), Meaning::Text);
        return Seen { rows: usize::from(area.height), ..Seen::default() };
    }
    let wanted = u16::try_from(held.models.len()).unwrap_or(u16::MAX).saturating_add(2);
    models(held).draw(pen, rows_from(area, 0, wanted));
    let mut notes = below(NOTE);
    if let Some(since) = held.since {
        notes.extend(below(&format!("~ of calls since {}.", app.setup.calendar.minute_text(since))));
    }
    let told = u16::try_from(notes.len()).unwrap_or(u16::MAX);
    put(pen, rows_from(area, wanted.saturating_add(1), told), &notes, Meaning::Muted);
    let used = wanted.saturating_add(told).saturating_add(2);
    let rest = rows_from(area, used, area.height);
    let rows = usize::from(rest.height.saturating_sub(2));
    if rest.height >= WORST && !held.worst.is_empty() {
        pen.rule(row(rest, 0), "off by most money");
        worst(app, held, rows).draw(pen, rows_from(rest, 1, rest.height));
    }
    Seen { rows, ..Seen::default() }
}

fn put(pen: &mut Pen<'_>, area: Rect, lines: &[String], meaning: Meaning) {
    for (index, line) in (0..area.height).zip(lines) {
        pen.put(row(area, index), 3, line, meaning);
    }
}

fn models(held: &Held) -> Table {
    let mut name = Column::word("MODEL", 20, 0);
    let mut columns = vec![
        Column::number("N", 7, 1),
        Column::number("MEDIAN", 7, 2),
        Column::number("P95", 7, 3),
        Column::number("IN ALL", 7, 2),
        Column::money("EXPECTED", 10, 4),
        Column::money("BILLED", 10, 0),
        Column::word("PROMPT", 9, 5),
    ];
    let rows = held.models.iter().map(|(model, guessed, counted)| {
        let how = match counted {
            Counted::Published => "counted",
            Counted::Bytes => "by bytes",
        };
        (model.to_string(), guessed, how)
    });
    for (model, guessed, how) in rows.chain([("all".to_owned(), &held.all, "")]) {
        name.cells.push(model);
        for (column, cell) in columns.iter_mut().zip(cells(guessed, how)) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: true }
}

fn cells(guessed: &Guessed, how: &str) -> [String; 7] {
    [
        count(u64::try_from(guessed.calls).unwrap_or(u64::MAX)),
        signed(guessed.median()),
        guessed.p95().map_or_else(|| "-".to_owned(), per_cent),
        signed(guessed.bias()),
        text::money(guessed.predicted),
        text::money(guessed.actual),
        how.to_owned(),
    ]
}

/// Returns the calls whose guess was off by most money.
fn worst(app: &App, held: &Held, rows: usize) -> Table {
    let (start, visible) = app.inner.visible(rows);
    let mut name = Column::word("MODEL", 20, 0);
    let mut columns = vec![
        Column::word("TIME", 16, 3),
        Column::money("EXPECTED", 10, 1),
        Column::money("BILLED", 10, 0),
        Column::number("OFF", 8, 2),
    ];
    let shown = visible.iter().filter_map(|id| held.worst.iter().find(|guess| guess.id == *id));
    for guess in shown {
        name.cells.push(guess.model.to_string());
        let four = |money: Money| money.rounded(4);
        let when = app.setup.calendar.minute_text(guess.at);
        let cells = [when, four(guess.predicted), four(guess.actual), signed(guess.off())];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    let selected = app.inner.index().checked_sub(start).filter(|_| !name.cells.is_empty());
    Table { name, columns, selected, sum: false }
}
