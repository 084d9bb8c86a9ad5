//! The tenants and what they spend; below, where there is room, the last hour of all.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::cap_words::{short_limit, used_of};
use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table, level};
use super::{Class, nothing};
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::tui::app::{App, Seen};
use crate::tui::caps::state;
use crate::tui::event::Window;
use crate::tui::order::TENANT_SORTS;
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// Rows of the picture of the last hour.
const HOUR_ROWS: u16 = 9;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let below = if class == Class::Wide { HOUR_ROWS } else { 0 };
    let table = Rect { height: area.height.saturating_sub(below), ..area };
    let rows = usize::from(table.height.saturating_sub(2));
    if app.tenants.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.tenants.visible(rows);
    let mut table_of = columns(app, visible, &pen.theme.glyphs, class);
    table_of.selected = app.tenants.index().checked_sub(start);
    table_of.draw(pen, table);
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
    let mut columns = vec![
        Column::money(&title(app.window.says(), 0), 9, 0),
        Column::money(&title(second.says(), 1), 9, 2),
        Column::money(&title("$/H", 2), 7, 1),
        Column::number(&title("CALLS", 3), 7, 4),
        Column::number(&title("TOKENS", 4), 6, 5),
        Column::number(if app.measure.says() == "cost" { "SHARE" } else { app.measure.says() }, 6, 6),
        Column { meaning: Meaning::Series, ..Column::word("60-MIN", parts, 3) },
    ];
    let total = picture.total(app.window);
    let whole = total.map_or(0, |total| app.measure.of(&total));
    for tenant in visible {
        let book = picture.books.tenant(*tenant);
        let sums = picture.sums(*tenant, app.window);
        let burn = book.map(|book| book.minutes.burn(now)).unwrap_or_default();
        let trend = book.map(|book| book.minutes.hour(parts, now)).unwrap_or_default();
        name.cells.push(tenant.to_string());
        let cells = [
            sums.map_or_else(|| "...".to_owned(), |sums| text::cost(&sums)),
            text::cost(&picture.sums(*tenant, second).unwrap_or_default()),
            text::cost(&burn),
            sums.map_or_else(String::new, |sums| text::count(sums.calls)),
            sums.map_or_else(String::new, |sums| text::short(sums.tokens)),
            sums.map_or_else(String::new, |sums| text::share(app.measure.of(&sums), whole)),
            sparkline(&trend.iter().map(|live| app.measure.of(live)).collect::<Vec<_>>(), glyphs),
        ];
        push(&mut columns, cells);
    }
    let tenants = i64::try_from(app.tenants.all).unwrap_or(i64::MAX);
    name.cells.push(text::plural(tenants, "tenant"));
    push(&mut columns, sum(app, total, second));
    for column in columns.iter_mut().filter(|column| column.meaning == Meaning::Money) {
        column.cells = level(std::mem::take(&mut column.cells));
    }
    if picture.caps.has_tenant_caps() {
        add_caps(&mut columns, app, visible);
    }
    Table { name, columns, selected: None, sum: true }
}

/// Adds what each tenant's nearest cap is, how much of it is used and how it stands.
fn add_caps(columns: &mut Vec<Column>, app: &App, visible: &[TenantId]) {
    let held = app.enforcement();
    let mut cap = Column::number("CAP", 7, 2);
    let mut used = Column::number("USED", 5, 0);
    let mut word = Column::word("STATE", 5, 0);
    for tenant in visible {
        let standings = app.picture().caps.of_tenant(*tenant);
        let worst = standings.iter().map(|standing| state(standing, held)).min();
        let cells = match (standings.first(), worst) {
            (Some(nearest), Some(worst)) => {
                [short_limit(&nearest.touch.cap), used_of(nearest, worst), worst.says().to_owned()]
            }
            _ => ["none".to_owned(), "- ".to_owned(), "nocap".to_owned()],
        };
        for (column, cell) in [&mut cap, &mut used, &mut word].into_iter().zip(cells) {
            column.cells.push(cell);
        }
    }
    columns.splice(3..3, [cap, used]);
    columns.push(word);
}

fn sum(app: &App, total: Option<Live>, second: Window) -> [String; 7] {
    let picture = app.picture();
    let burn = picture.books.total().minutes.burn(picture.books.now());
    let total = total.unwrap_or_default();
    [
        text::cost(&total),
        text::cost(&picture.total(second).unwrap_or_default()),
        text::cost(&burn),
        text::count(total.calls),
        text::short(total.tokens),
        String::new(),
        String::new(),
    ]
}

fn push(columns: &mut [Column], cells: [String; 7]) {
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
