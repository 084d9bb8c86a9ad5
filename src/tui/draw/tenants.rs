//! The tenants and what they spend; below, where there is room, the last hour of all.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::cap_words::{short_limit, used_of};
use super::gauge::gauge;
use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table, level};
use super::{Class, next, nothing, selected};
use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::domain::cap_trial::Reach;
use crate::domain::time::Millis;
use crate::tui::app::{App, Plain, Seen};
use crate::tui::caps::{CapState, state};
use crate::tui::event::Window;
use crate::tui::order::TENANT_SORTS;
use crate::tui::outlook::{Outlook, Slow};
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// Rows of the picture of when was spent, with an empty one above it.
const TIMES_ROWS: u16 = 10;
/// Rows of the table of the selected tenant, the least and the most.
const PICKED_LEAST: u16 = 4;
const PICKED_ROWS: u16 = 8;
/// Columns from which on all areas stand side by side.
const ASIDE: u16 = 180;
/// Columns of the bar in USED.
const USED_BAR: [usize; 2] = [4, 8];

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let below = below(area, app, class);
    let table = Rect { height: area.height.saturating_sub(below), ..area };
    let folded = u16::from(app.idle.is_some());
    let rows = usize::from(table.height.saturating_sub(2 + folded));
    if app.tenants.order.is_empty() && app.idle.is_none() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.tenants.visible(rows);
    let plain = if pen.grid.is_some() { Plain::Numbers } else { app.plain };
    let mut table_of = columns(app, visible, &pen.theme.glyphs, (class, plain));
    table_of.selected = app.tenants.index().checked_sub(start);
    table_of.draw_as(pen, table, &app.tenants.view);
    let rest = Rect { y: table.bottom(), height: below, ..area };
    match class {
        Class::Wide if below > 1 => areas(pen, rest, app),
        _ => selected::line(pen, rest, app),
    }
    Seen { rows, ..Seen::default() }
}

/// Returns how many rows stand below the table: a line, or areas.
fn below(area: Rect, app: &App, class: Class) -> u16 {
    match class {
        Class::Tiny => 0,
        Class::Narrow | Class::Normal => 1,
        Class::Wide => {
            let wanted = u16::try_from(app.tenants.order.len()).unwrap_or(u16::MAX).saturating_add(3);
            let most = if area.width >= ASIDE { TIMES_ROWS } else { TIMES_ROWS + PICKED_ROWS };
            area.height.saturating_sub(wanted).clamp(TIMES_ROWS, most)
        }
    }
}

/// Draws the areas: when was spent, which cap is next, and what the selected tenant spends on.
fn areas(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let part = |x: u16, width: u16, y: u16, height: u16| Rect {
        x: area.x + x,
        y: area.y + y,
        width: width.saturating_sub(1),
        height,
    };
    let times = area.height.min(TIMES_ROWS);
    let (first, second) = if area.width >= ASIDE {
        let third = area.width / 3;
        selected::draw(pen, part(2 * third, area.width - 2 * third, 1, times - 1), app);
        (third, third)
    } else {
        let rest = area.height - times;
        if rest >= PICKED_LEAST {
            selected::draw(pen, part(0, area.width + 1, times, rest), app);
        }
        (area.width / 2, area.width - area.width / 2)
    };
    over_time(pen, part(0, first, 1, times - 1), app);
    next::draw(pen, part(first, second, 1, times - 1), app);
}

fn columns(app: &App, visible: &[TenantId], glyphs: &Glyphs, (class, plain): (Class, Plain)) -> Table {
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
    let mut caps = Vec::with_capacity(visible.len());
    for tenant in visible {
        let book = picture.books.tenant(*tenant).unwrap_or(&nothing);
        let sums = picture.sums(*tenant, app.window);
        let outlook = app.outlook(*tenant, book);
        let trend = book.minutes.hour(parts, now);
        name.cells.push(tenant.to_string());
        caps.push(outlook);
        let cells = [
            app.doubted(sums.map_or_else(|| "...".to_owned(), |sums| text::cost(&sums))),
            app.doubted(text::cost(&picture.sums(*tenant, second).unwrap_or_default())),
            app.guessed(text::cost(&book.minutes.burn(now))),
            outlook.hour.map_or_else(|| "0".to_owned(), |(calls, failed)| text::count(calls + failed)),
            outlook.hour.map_or_else(|| "-".to_owned(), |(calls, failed)| per_cent(failed, calls + failed)),
            slow(outlook.slow),
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
        let bar = match (plain, class) {
            (Plain::Numbers, _) | (_, Class::Tiny | Class::Narrow) => 0,
            (Plain::Bars, Class::Normal) => USED_BAR[0],
            (Plain::Bars, Class::Wide) => USED_BAR[1],
        };
        add_caps(&mut columns, app, (visible, &caps), (&sorted, glyphs, bar));
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
fn add_caps(
    columns: &mut Vec<Column>,
    app: &App,
    (visible, outlooks): (&[TenantId], &[Outlook]),
    (sorted, glyphs, bar): (&Sorted, &Glyphs, usize),
) {
    let held = app.enforcement();
    let mut cap = Column::number("CAP", 7, 3);
    let mut used = Column::number(&sorted.title("USED", 6), 5, 0).known_as("used");
    let mut reached = Column::word("REACH", 5, 1);
    let mut projected = Column::number("PROJ", 7, 6);
    let mut word = Column::word(&sorted.title("STATE", 7), 5, 1).known_as("state");
    for (tenant, outlook) in visible.iter().zip(outlooks) {
        let standings = app.picture().caps.of_tenant(*tenant);
        let worst = standings.iter().map(|standing| state(standing, held)).min();
        let cells = match (standings.first(), worst) {
            (Some(nearest), Some(worst)) => {
                let share = used_of(nearest, worst);
                let limit = u128::from(nearest.limit());
                let lies =
                    if bar > 0 { gauge(nearest.exposure(), limit, bar, glyphs) } else { String::new() };
                let share = if bar > 0 { format!("{lies} {share:>5}") } else { share };
                let stale = app.stale_since().is_some() && worst > CapState::Down;
                let word = if stale { "stale" } else { worst.says() };
                [short_limit(&nearest.touch.cap), share, word.to_owned()]
            }
            _ => ["none".to_owned(), "- ".to_owned(), "nocap".to_owned()],
        };
        for (column, cell) in [&mut cap, &mut used, &mut word].into_iter().zip(cells) {
            column.cells.push(cell);
        }
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

/// How long the slowest twentieth of the calls took.
fn slow(slow: Slow) -> String {
    match slow {
        Slow::Unread => "...".to_owned(),
        Slow::Untold => "-".to_owned(),
        Slow::Few(calls) => format!("n={calls}"),
        Slow::Told(length) => text::seconds(length),
    }
}

/// Draws when was spent: today by the hour; minutes of the last hour where that is not known by hours.
fn over_time(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let below = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    let hours = app.overview_now().filter(|_| app.measure == Measure::Cost).map(|now| now.hours.as_slice());
    if let Some(hours) = hours.filter(|hours| !hours.is_empty()) {
        pen.rule(row(area, 0), "cost per hour today, all tenants");
        let books = &app.picture().books;
        let (now, calendar) = (books.now(), books.calendar());
        let label = |at| format!("{:02}", calendar.clock(at).0);
        let start = calendar.hour(now).start;
        let whole = hours.iter().filter(|(at, _)| *at < start);
        let mut values: Vec<i64> = whole.clone().map(|(_, money)| money.nanos()).collect();
        let mut labels: Vec<String> = whole.map(|(at, _)| label(*at)).collect();
        let gone = i64::try_from(now.since(start).count() / 60_000).unwrap_or(0);
        values.push(books.total().minutes.last(gone + 1, now).cost.nanos());
        labels.push(label(start));
        return bars::draw(pen, below, &Bars { values, labels, measure: app.measure });
    }
    pen.rule(row(area, 0), &format!("{} per minute, last hour, all tenants", app.measure.says()));
    let picture = app.picture();
    let minutes = picture.books.total().minutes.hour(60, picture.books.now());
    let values: Vec<i64> = minutes.iter().map(|live| app.measure.of(live)).collect();
    let labels = bars::minutes_ago(values.len());
    bars::draw(pen, below, &Bars { values, labels, measure: app.measure });
}

/// The name of the column that tenants are sorted by.
pub(super) fn sorted_by(app: &App) -> &'static str {
    match app.tenants.view.sort {
        0 if app.measure.says() == "cost" => app.window.says(),
        0 => app.measure.says(),
        sort => TENANT_SORTS.get(sort).copied().unwrap_or_default(),
    }
}
