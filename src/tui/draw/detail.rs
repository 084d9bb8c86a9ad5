//! One tenant: what it spends on, and when.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::pen::{Pen, row};
use super::table::{Column, Table, level};
use crate::domain::burn::Live;
use crate::domain::rollup::Sums;
use crate::tui::app::{App, Seen};
use crate::tui::event::Detail;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the hours' bars, with heading.
const HOUR_ROWS: u16 = 8;

/// Draws the page, scrolled down by `offset` models.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    let Some(tenant) = app.tenants.picked() else {
        return Seen::default();
    };
    let Some(detail) = app.picture().detail.as_ref().filter(|detail| detail.tenant == tenant) else {
        let text = text::cut(&format!("reading {tenant}..."), usize::from(area.width).saturating_sub(3));
        pen.put(row(area, 1), 3, &text, Meaning::Muted);
        return Seen::default();
    };
    let below = if area.height >= HOUR_ROWS + 6 { HOUR_ROWS } else { 0 };
    let top = Rect { height: area.height - below, ..area };
    let rows = usize::from(top.height.saturating_sub(2));
    let offset = offset.min(detail.models.len().saturating_sub(rows));
    models(detail, offset, rows).draw(pen, top);
    if below > 0 {
        hours(pen, Rect { y: top.bottom(), height: below, ..area }, app, detail);
    }
    Seen { rows }
}

fn models(detail: &Detail, offset: usize, rows: usize) -> Table {
    let mut name = Column::word("MODEL", 20, 0);
    let mut columns = vec![
        Column::number("CALLS", 7, 3),
        Column::number("IN", 6, 1),
        Column::number("CACHED", 6, 4),
        Column::number("OUT", 6, 2),
        Column::money("TODAY", 10, 0),
        Column::number("SHARE", 6, 5),
    ];
    let mut total = Sums::default();
    for model in &detail.models {
        total += model.1;
    }
    let whole = total.cost.nanos();
    for (model, sums) in detail.models.iter().skip(offset).take(rows) {
        name.cells.push(model.to_string());
        push(&mut columns, sums, whole);
    }
    name.cells.push("all".to_owned());
    push(&mut columns, &total, whole);
    columns[4].cells = level(std::mem::take(&mut columns[4].cells));
    Table { name, columns, selected: None, sum: true }
}

fn push(columns: &mut [Column], sums: &Sums, whole: i64) {
    let tokens = |count: u64| text::short(i64::try_from(count).unwrap_or(i64::MAX));
    let live = Live::of(sums);
    let share = if live.is_unknown() { "?".to_owned() } else { text::share(sums.cost.nanos(), whole) };
    let cached = sums.tokens.cache_read.count();
    let cells = [
        text::count(sums.calls),
        tokens(sums.tokens.prompt().count()),
        if cached == 0 { "-".to_owned() } else { tokens(cached) },
        tokens(sums.tokens.output.count()),
        text::cost(&live),
        share,
    ];
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.cells.push(cell);
    }
}

fn hours(pen: &mut Pen<'_>, area: Rect, app: &App, detail: &Detail) {
    pen.rule(row(area, 0), &format!("{} per hour today", app.measure.says()));
    let calendar = app.picture().books.calendar();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for (at, sums) in hours_of(detail) {
        values.push(app.measure.of(&Live::of(&sums)));
        labels.push(format!("{:02}", calendar.clock(at).0));
    }
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    bars::draw(pen, area, &Bars { values, labels, measure: app.measure });
}

/// Returns each hour from the first to the last, also those in which nothing happened.
fn hours_of(detail: &Detail) -> Vec<(crate::domain::time::Timestamp, Sums)> {
    const HOUR: crate::domain::time::Millis = crate::domain::time::Millis::from_minutes(60);
    let mut hours: Vec<(crate::domain::time::Timestamp, Sums)> = Vec::new();
    for (at, sums) in &detail.hours {
        while let Some(last) = hours.last().map(|hour| hour.0.after(HOUR)) {
            if last >= *at || hours.len() > 48 {
                break;
            }
            hours.push((last, Sums::default()));
        }
        hours.push((*at, *sums));
    }
    hours
}
