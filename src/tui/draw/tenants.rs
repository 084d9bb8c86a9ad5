//! The tenants and what they spend; below, where there is room, the last hour of all.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::cap_words::{short_limit, used_of};
use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table, level};
use super::{Class, nothing};
use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::domain::cap_trial::Reach;
use crate::domain::time::Millis;
use crate::tui::app::{App, Seen};
use crate::tui::caps::{CapState, state};
use crate::tui::event::Window;
use crate::tui::order::TENANT_SORTS;
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// Rows of the picture of the last hour.
const HOUR_ROWS: u16 = 9;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let below = if class == Class::Wide { HOUR_ROWS } else { 0 };
    let table = Rect { height: area.height.saturating_sub(below), ..area };
    let folded = u16::from(app.idle.is_some());
    let rows = usize::from(table.height.saturating_sub(2 + folded));
    if app.tenants.order.is_empty() && app.idle.is_none() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.tenants.visible(rows);
    let mut table_of = columns(app, visible, &pen.theme.glyphs, class);
    table_of.selected = app.tenants.index().checked_sub(start);
    table_of.draw_as(pen, table, &app.tenants.view);
    if below > 0 {
        hour(pen, Rect { y: table.bottom(), height: below, ..area }, app);
    }
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, visible: &[TenantId], glyphs: &Glyphs, class: Class) -> Table {
    let picture = app.picture();
    let now = picture.books.now();
    let parts = if class == Class::Wide { 20 } else { 8 };
    let sorted = Sorted::of(&app.tenants, glyphs);
    let title = |word: &str, sort: usize| sorted.title(word, sort);
    let second = if app.window == Window::Month { Window::Today } else { Window::Month };
    let mut name = Column::word(&title("TENANT", 5), 12, 0);
    let mut columns = headings(app, &sorted, parts);
    let total = picture.total(app.window);
    let whole = total.map_or(0, |total| app.measure.of(&total));
    let nothing = Book::default();
    for tenant in visible {
        let book = picture.books.tenant(*tenant).unwrap_or(&nothing);
        let sums = picture.sums(*tenant, app.window);
        let outlook = app.outlook(*tenant, book);
        let trend = book.minutes.hour(parts, now);
        name.cells.push(tenant.to_string());
        let cells = [
            app.doubted(sums.map_or_else(|| "...".to_owned(), |sums| text::cost(&sums))),
            app.doubted(text::cost(&picture.sums(*tenant, second).unwrap_or_default())),
            app.guessed(text::cost(&book.minutes.burn(now))),
            outlook.hour.map_or_else(|| "0".to_owned(), |(calls, failed)| text::count(calls + failed)),
            outlook.hour.map_or_else(|| "-".to_owned(), |(calls, failed)| per_cent(failed, calls + failed)),
            outlook.slow.map_or_else(|| "?".to_owned(), text::seconds),
            sparkline(&trend.iter().map(|live| app.measure.of(live)).collect::<Vec<_>>(), glyphs),
            sums.map_or_else(String::new, |sums| text::count(sums.calls)),
            sums.map_or_else(String::new, |sums| text::short(sums.tokens)),
            sums.map_or_else(String::new, |sums| text::share(app.measure.of(&sums), whole)),
        ];
        push(&mut columns, cells);
    }
    if let Some(idle) = app.idle {
        name.cells.push(format!("{} idle (z)", text::count(i64::try_from(idle.tenants).unwrap_or(i64::MAX))));
        let second = if second == Window::Month { idle.month } else { idle.today };
        push(&mut columns, sum(&idle.window, &second, &Live::default()));
    }
    let tenants = i64::try_from(app.tenants.all).unwrap_or(i64::MAX);
    name.cells.push(text::plural(tenants, "tenant"));
    let burn = picture.books.total().minutes.burn(now);
    let other = picture.total(second).unwrap_or_default();
    let mut sums = sum(&total.unwrap_or_default(), &other, &burn);
    for cell in sums.iter_mut().take(2) {
        *cell = app.doubted(std::mem::take(cell));
    }
    sums[2] = app.guessed(std::mem::take(&mut sums[2]));
    push(&mut columns, sums);
    for column in columns.iter_mut().filter(|column| column.meaning == Meaning::Money) {
        column.cells = level(std::mem::take(&mut column.cells));
    }
    if picture.caps.has_tenant_caps() {
        add_caps(&mut columns, app, visible, &sorted);
    }
    Table { name, columns, selected: None, sum: true }
}

/// Returns the columns without a cell. The lower the rank, the longer a column stays when it gets narrow.
fn headings(app: &App, sorted: &Sorted, parts: usize) -> Vec<Column> {
    let title = |word: &str, sort: usize| sorted.title(word, sort);
    let second = if app.window == Window::Month { Window::Today } else { Window::Month };
    vec![
        Column::money(&title(app.window.says(), 0), 9, 0).known_as("window"),
        Column::money(&title(second.says(), 1), 9, 4).known_as("month"),
        Column::money(&title("$/H", 2), 7, 2).known_as("$/h"),
        Column::number("REQ/H", 6, 8),
        Column::number("ERR%", 5, 7),
        Column::number("P95", 5, 9),
        Column { meaning: Meaning::Series, ..Column::word("60-MIN", parts, 5) },
        Column::number(&title("CALLS", 3), 7, if app.measure == Measure::Calls { 4 } else { 10 })
            .known_as("calls"),
        Column::number(&title("TOKENS", 4), 6, if app.measure == Measure::Tokens { 4 } else { 11 })
            .known_as("tokens"),
        Column::number(if app.measure == Measure::Cost { "SHARE" } else { app.measure.says() }, 6, 12)
            .known_as("share"),
    ]
}

/// A share in per cent with one decimal, without its sign: the heading has it.
fn per_cent(part: i64, whole: i64) -> String {
    text::share(part, whole).trim_end_matches('%').to_owned()
}

/// Adds what each tenant's nearest cap is, how much of it is used, when it is reached and how it stands.
fn add_caps(columns: &mut Vec<Column>, app: &App, visible: &[TenantId], sorted: &Sorted) {
    let held = app.enforcement();
    let mut cap = Column::number("CAP", 7, 3);
    let mut used = Column::number(&sorted.title("USED", 6), 5, 0).known_as("used");
    let mut reached = Column::word("REACH", 5, 1);
    let mut projected = Column::number("PROJ", 7, 6);
    let mut word = Column::word(&sorted.title("STATE", 7), 5, 1).known_as("state");
    let nothing = Book::default();
    for tenant in visible {
        let standings = app.picture().caps.of_tenant(*tenant);
        let worst = standings.iter().map(|standing| state(standing, held)).min();
        let cells = match (standings.first(), worst) {
            (Some(nearest), Some(worst)) => {
                let word = if app.stale_since().is_some() && worst > CapState::Down {
                    "stale"
                } else {
                    worst.says()
                };
                [short_limit(&nearest.touch.cap), used_of(nearest, worst), word.to_owned()]
            }
            _ => ["none".to_owned(), "- ".to_owned(), "nocap".to_owned()],
        };
        for (column, cell) in [&mut cap, &mut used, &mut word].into_iter().zip(cells) {
            column.cells.push(cell);
        }
        let outlook = app.outlook(*tenant, app.picture().books.tenant(*tenant).unwrap_or(&nothing));
        reached.cells.push(app.guessed(reach_of(outlook.reach, app)));
        projected.cells.push(app.guessed(outlook.projected.map_or_else(|| "?".to_owned(), text::money)));
    }
    columns.splice(3..3, [cap, used, reached, projected]);
    columns.push(word);
}

/// When a cap is reached, in five columns: `15:36`, `Mon`, `11-30`, `now`, `-` not in this window, `?` unknown.
fn reach_of(reach: Option<Reach>, app: &App) -> String {
    let calendar = &app.setup.calendar;
    match reach {
        None | Some(Reach::NotInWindow) => "-".to_owned(),
        Some(Reach::Unknown) => "?".to_owned(),
        Some(Reach::Now) => "now".to_owned(),
        Some(Reach::At(at)) if calendar.day(app.now).contains(at) => {
            let (hour, minute) = calendar.clock(at);
            format!("{hour:02}:{minute:02}")
        }
        Some(Reach::At(at)) => {
            let week = at.since(app.now) < Millis::from_minutes(6 * 1440);
            calendar.date(at).strftime(if week { "%a" } else { "%m-%d" }).to_string()
        }
    }
}

fn sum(window: &Live, second: &Live, burn: &Live) -> [String; 10] {
    let mut cells: [String; 10] = std::array::from_fn(|_| String::new());
    cells[0] = text::cost(window);
    cells[1] = text::cost(second);
    cells[2] = text::cost(burn);
    cells[7] = text::count(window.calls);
    cells[8] = text::short(window.tokens);
    cells
}

fn push(columns: &mut [Column], cells: [String; 10]) {
    for (column, cell) in columns.iter_mut().zip(cells) {
        column.cells.push(cell);
    }
}

/// Returns a trend, scaled to its own highest part.
pub(super) fn sparkline(values: &[i64], glyphs: &Glyphs) -> String {
    let highest = values.iter().copied().max().unwrap_or(0).max(1);
    let level = |value: i64| {
        let level = i128::from(value.max(0)) * 7 / i128::from(highest);
        usize::try_from(level).unwrap_or(0).min(7)
    };
    values.iter().map(|value| glyphs.levels[level(*value)]).collect()
}

fn hour(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 1), &format!("{} per minute, last hour, all tenants", app.measure.says()));
    let picture = app.picture();
    let minutes = picture.books.total().minutes.hour(60, picture.books.now());
    let values: Vec<i64> = minutes.iter().map(|live| app.measure.of(live)).collect();
    let labels = bars::minutes_ago(values.len());
    let area = Rect { y: area.y + 2.min(area.height), height: area.height.saturating_sub(2), ..area };
    bars::draw(pen, area, &Bars { values, labels, measure: app.measure });
}

/// The name of the column that tenants are sorted by.
pub(super) fn sorted_by(app: &App) -> &'static str {
    match app.tenants.view.sort {
        0 if app.measure.says() == "cost" => app.window.says(),
        0 => app.measure.says(),
        sort => TENANT_SORTS.get(sort).copied().unwrap_or_default(),
    }
}
