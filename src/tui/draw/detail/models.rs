//! What a tenant spends on, below it how well it is served, and when it spent.

use ratatui::layout::Rect;

use super::{facts, hours, total};
use crate::domain::burn::Live;
use crate::domain::call::ModelId;
use crate::domain::cap::Fraction;
use crate::domain::rollup::Sums;
use crate::domain::sheet::{Line, Sheet};
use crate::domain::sketch::Sketch;
use crate::tui::app::{App, Seen};
use crate::tui::caps::state;
use crate::tui::draw::cap_words::{short_limit, used_of};
use crate::tui::draw::pen::{Pen, row};
use crate::tui::draw::table::{Column, Table, level};
use crate::tui::event::{Detail, Window};
use crate::tui::text;

/// With fewer calls than this, the slowest hundredth of them is no number.
const FEW: u64 = 20;
/// The least rows of the bars below, their rule included.
const BARS: u16 = 4;
/// The most.
const MOST_BARS: u16 = 10;

/// Draws the page with one of the models selected.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, (detail, place): (&Detail, usize)) -> Seen {
    let facts = facts::lines(app, detail, usize::from(area.width).saturating_sub(1));
    let told = u16::try_from(facts.len()).unwrap_or(u16::MAX);
    let wanted = u16::try_from(detail.models.len()).unwrap_or(u16::MAX).saturating_add(2);
    let least = wanted.min(6);
    let told = if area.height >= least.saturating_add(told).saturating_add(1) { told + 1 } else { 0 };
    let rest = area.height - told;
    let bars =
        if told > 0 && rest >= least + BARS { (rest - wanted.min(rest - BARS)).min(MOST_BARS) } else { 0 };
    let top = Rect { height: rest - bars, ..area };
    let place = table(pen, top, app, (detail, place));
    for (index, (line, meaning)) in (1..told).zip(&facts) {
        pen.put(row(Rect { y: top.bottom(), height: told, ..area }, index), 1, line, *meaning);
    }
    if bars > 0 {
        hours::bars(pen, Rect { y: top.bottom() + told, height: bars, ..area }, app, detail);
    }
    Seen { rows: usize::from(top.height.saturating_sub(2)), opened: Some(place), ..Seen::default() }
}

/// Draws the table of models, and returns which is selected.
pub(super) fn table(pen: &mut Pen<'_>, area: Rect, app: &App, (detail, place): (&Detail, usize)) -> usize {
    let rows = usize::from(area.height.saturating_sub(2));
    let place = place.min(detail.models.len().saturating_sub(1));
    let offset = (place + 1).saturating_sub(rows.max(1));
    let mut table = columns(app, detail, offset, rows);
    add_caps(&mut table, app, detail, offset);
    table.selected = (rows > 0 && !detail.models.is_empty()).then_some(place - offset);
    table.draw(pen, area);
    place
}

fn columns(app: &App, detail: &Detail, offset: usize, rows: usize) -> Table {
    let mut name = Column::word("MODEL", 20, 0);
    let mut columns = headings(detail.window);
    let sheet = app.tenant_now().map(|now| &now.sheet);
    let total = total(detail);
    let whole = total.cost.nanos();
    for (model, sums) in detail.models.iter().skip(offset).take(rows) {
        name.cells.push(model.to_string());
        push(
            &mut columns,
            (sums, whole),
            sheet.map(|sheet| sheet.model(*model).cloned().unwrap_or_default()).as_ref(),
        );
    }
    name.cells.push("all".to_owned());
    push(&mut columns, (&total, whole), sheet.map(Sheet::all).as_ref());
    columns[4].cells = level(std::mem::take(&mut columns[4].cells));
    Table { name, columns, selected: None, sum: true }
}

/// Returns a table of what models came to in a window, at most so many rows of it.
pub(in crate::tui::draw) fn models_of(models: &[(ModelId, Sums)], window: Window, rows: usize) -> Table {
    let mut name = Column::word("MODEL", 12, 0);
    let mut columns = headings(window);
    columns.truncate(6);
    let whole = models.iter().map(|(_, sums)| sums.cost.nanos()).fold(0, i64::saturating_add);
    for (model, sums) in models.iter().take(rows.saturating_sub(1)) {
        name.cells.push(model.to_string());
        push(&mut columns, (sums, whole), None);
    }
    columns[4].cells = level(std::mem::take(&mut columns[4].cells));
    Table { name, columns, selected: None, sum: false }
}

fn headings(window: Window) -> Vec<Column> {
    vec![
        Column::number("REQ", 7, 3),
        Column::number("IN", 6, 1),
        Column::number("CACHED", 6, 4),
        Column::number("OUT", 6, 2),
        Column::money(window.says(), 10, 0),
        Column::number("SHARE", 6, 5),
        Column::money("$/REQ", 7, 7),
        Column::number("P50", 5, 8),
        Column::number("P95", 5, 6),
        Column::number("P99", 5, 9),
        Column::number("ERR%", 5, 7),
    ]
}

fn push(columns: &mut [Column], (sums, whole): (&Sums, i64), line: Option<&Line>) {
    let spent = Live::of(sums);
    let share = if spent.is_unknown() { "?".to_owned() } else { text::share(sums.cost.nanos(), whole) };
    let cached = sums.tokens.cache_read.count();
    let requests = sums.calls.saturating_add(sums.failed);
    let took = line.map(|line| &line.service.took);
    let cells = [
        text::count(requests),
        super::tokens(sums.tokens.prompt().count()),
        if cached == 0 { "-".to_owned() } else { super::tokens(cached) },
        super::tokens(sums.tokens.output.count()),
        text::cost(&spent),
        share,
        each(sums),
        took.map_or_else(|| "...".to_owned(), |took| quantile(took, 5_000)),
        took.map_or_else(|| "...".to_owned(), |took| tail(took, 9_500)),
        took.map_or_else(|| "...".to_owned(), |took| tail(took, 9_900)),
        text::share(sums.failed, requests).trim_end_matches('%').to_owned(),
    ];
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.cells.push(cell);
    }
}

/// Returns what a call cost on average, of those whose cost is known: four decimals.
fn each(sums: &Sums) -> String {
    let priced = sums.calls.saturating_add(sums.failed).saturating_sub(sums.unpriced);
    match sums.cost.nanos().checked_div(priced) {
        _ if sums.unpriced > 0 && priced <= 0 => "?".to_owned(),
        Some(nanos) if priced > 0 => crate::domain::money::Money::from_nanos(nanos).rounded(4),
        _ => "-".to_owned(),
    }
}

/// Returns how long so large a part of the calls took at most, in basis points; `-` where no length is known.
pub(in crate::tui::draw) fn quantile(took: &Sketch, basis: u16) -> String {
    let length = Fraction::from_basis(basis).and_then(|part| took.quantile(part));
    length.map_or_else(|| "-".to_owned(), text::length)
}

/// Returns the same of the slowest calls; where there are few, how many: of them no such part can be told.
pub(in crate::tui::draw) fn tail(took: &Sketch, basis: u16) -> String {
    if (1..FEW).contains(&took.count()) { format!("n={}", took.count()) } else { quantile(took, basis) }
}

/// Adds the caps of single models, where there are any.
fn add_caps(table: &mut Table, app: &App, detail: &Detail, offset: usize) {
    let held = app.enforcement();
    let known = &app.picture().caps;
    let of = |model| known.of_model(detail.tenant, model).into_iter().next();
    if !detail.models.iter().any(|(model, _)| of(*model).is_some()) {
        return;
    }
    let (mut cap, mut used) = (Column::number("CAP", 7, 3), Column::number("USED", 5, 0));
    let shown = table.name.cells.len().saturating_sub(1);
    for (model, _) in detail.models.iter().skip(offset).take(shown) {
        let cells = of(*model).map(|it| (short_limit(&it.touch.cap), used_of(&it, state(&it, held))));
        let (limit, share) = cells.unwrap_or_else(|| ("none".to_owned(), "- ".to_owned()));
        cap.cells.push(limit);
        used.cells.push(share);
    }
    table.columns.extend([cap, used]);
}
