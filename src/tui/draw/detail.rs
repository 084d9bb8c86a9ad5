//! One tenant: what it spends on, and when.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::cap_words::{short_limit, standing_line, used_of};
use super::dialog::wrap;
use super::pen::{Pen, row};
use super::table::{Column, Table, level};
use crate::domain::burn::Live;
use crate::domain::calendar::Calendar;
use crate::domain::call::TenantId;
use crate::domain::gate::Standing;
use crate::domain::rollup::Sums;
use crate::domain::time::Timestamp;
use crate::tui::app::{App, Seen};
use crate::tui::caps::{CapState, state};
use crate::tui::event::{Detail, Step};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the hours' bars, with heading.
const HOUR_ROWS: u16 = 8;
/// Caps that are told of.
const CAP_LINES: usize = 3;
/// Minutes that are drawn where the window is an hour.
const MINUTES: usize = 60;
/// Steps that gaps are filled up to; no window has more.
const MOST_STEPS: usize = 48;

/// Draws the page with one of the models selected.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, place: usize) -> Seen {
    let Some(tenant) = app.tenants.picked() else {
        return Seen::default();
    };
    let detail = app.picture().detail.as_ref();
    let Some(detail) = detail.filter(|it| (it.tenant, it.window) == (tenant, app.window)) else {
        let text = text::cut(&format!("reading {tenant}..."), usize::from(area.width).saturating_sub(3));
        pen.put(row(area, 1), 3, &text, Meaning::Muted);
        return Seen::default();
    };
    let below = if area.height >= HOUR_ROWS + 6 { HOUR_ROWS } else { 0 };
    let caps = caps(app, tenant, usize::from(area.width).saturating_sub(1));
    let lines = u16::try_from(caps.len()).unwrap_or(u16::MAX);
    let lines = if area.height >= below + lines + 4 { lines } else { 0 };
    let top = Rect { height: area.height - below - lines, ..area };
    let rows = usize::from(top.height.saturating_sub(2));
    let place = place.min(detail.models.len().saturating_sub(1));
    let offset = (place + 1).saturating_sub(rows.max(1));
    let mut table = models(detail, offset, rows);
    add_caps(&mut table, app, detail, offset);
    table.selected = (rows > 0 && !detail.models.is_empty()).then_some(place - offset);
    table.draw(pen, top);
    for (index, (line, meaning)) in (0..lines).zip(&caps) {
        pen.put(row(Rect { y: top.bottom(), height: lines, ..area }, index), 1, line, *meaning);
    }
    if below > 0 {
        over_time(pen, Rect { y: top.bottom() + lines, height: below, ..area }, app, detail);
    }
    Seen { rows, opened: Some(place), ..Seen::default() }
}

/// Returns how the caps of the tenant and of its models stand, the nearest first: a line each.
fn caps(app: &App, tenant: TenantId, columns: usize) -> Vec<(String, Meaning)> {
    let held = app.enforcement();
    let standings = app.picture().caps.of_tenant(tenant);
    let line = |standing: &Standing| {
        let meaning = match state(standing, held) {
            CapState::Ok => Meaning::Muted,
            CapState::Warn => Meaning::Warn,
            CapState::Block | CapState::Down | CapState::Over => Meaning::Bad,
        };
        let words = format!("cap {}", standing_line(standing, held));
        (wrap(&words, columns).remove(0), meaning)
    };
    standings.iter().take(CAP_LINES).map(line).collect()
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

fn models(detail: &Detail, offset: usize, rows: usize) -> Table {
    let mut name = Column::word("MODEL", 20, 0);
    let mut columns = vec![
        Column::number("CALLS", 7, 3),
        Column::number("IN", 6, 1),
        Column::number("CACHED", 6, 4),
        Column::number("OUT", 6, 2),
        Column::money(detail.window.says(), 10, 0),
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

fn over_time(pen: &mut Pen<'_>, area: Rect, app: &App, detail: &Detail) {
    let step = detail.window.step();
    let heading = format!("{} per {} {}", app.measure.says(), step.says(), detail.window.phrase());
    pen.rule(row(area, 0), &heading);
    let books = &app.picture().books;
    let calendar = books.calendar();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    if step == Step::Minute {
        let minutes = books.tenant(detail.tenant).map(|book| book.minutes.hour(MINUTES, books.now()));
        values.extend(minutes.unwrap_or_default().iter().map(|live| app.measure.of(live)));
        labels.extend(bars::minutes_ago(values.len()));
    }
    for (at, sums) in steps_of(detail, calendar) {
        values.push(app.measure.of(&Live::of(&sums)));
        labels.push(match step {
            Step::Day => format!("{:02}", calendar.date(at).day()),
            Step::Hour | Step::Minute => format!("{:02}", calendar.clock(at).0),
        });
    }
    let area = Rect { y: area.y + 1, height: area.height - 1, ..area };
    bars::draw(pen, area, &Bars { values, labels, measure: app.measure });
}

/// Returns each step from the first to the last, also those in which nothing happened.
fn steps_of(detail: &Detail, calendar: &Calendar) -> Vec<(Timestamp, Sums)> {
    let mut steps: Vec<(Timestamp, Sums)> = Vec::new();
    for (at, sums) in &detail.steps {
        while let Some(last) = steps.last() {
            let next = detail.window.step().of(calendar, last.0).end;
            if next >= *at || steps.len() > MOST_STEPS {
                break;
            }
            steps.push((next, Sums::default()));
        }
        steps.push((*at, *sums));
    }
    steps
}
