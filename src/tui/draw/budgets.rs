//! The caps: how long the selected one lasts, as a chart, and all of them with what is left.
//!
//! ```text
//!  $200 ⠉⠉⠓⠒⠦⢤⣀⡀                 the chart of the selected cap
//!    $0
//!       00    06    12    18
//! ── caps ─────────────────────────────────────────────────────
//!  TENANT       CAP   KIND AT CAP   SPENT  LEFT USED RUNS OUT
//! ▸docs-rag   200/d   hard reject  186.40 13.60  93% 15:36
//! ```

use ratatui::layout::Rect;

use super::burn_down::{self, Of};
use super::cap_words::{clock, figure, limit_of, runs_out, short_limit};
use super::pen::{Pen, Span, row};
use super::table::{Column, Sorted, Table};
use super::{Class, nothing};
use crate::domain::burn_down::even_by;
use crate::domain::cap::{Cap, Fraction, Mode, OnBreach};
use crate::domain::forecast::Reach;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::tui::app::{App, Seen};
use crate::tui::caps::state_of;
use crate::tui::page::budgets::{CapNow, Counts, Known, UsedNow, share_of};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// The least rows of a chart, with its foot.
const LEAST_CHART: u16 = 7;
/// Rows of the table below the chart, its heading and its rule included.
const LEAST_TABLE: u16 = 7;
/// Tenants up to which it is said who has no cap.
const NAMED: usize = 200;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let hint = hint(app).filter(|_| area.height > 4);
    let caps = app.budgets.order.len();
    let wanted = u16::try_from(caps).unwrap_or(u16::MAX).saturating_add(2 + u16::from(hint.is_some()));
    let wanted = wanted.max(LEAST_TABLE).min((area.height / 2).max(LEAST_TABLE));
    let above = area.height.saturating_sub(wanted);
    let charted = class >= Class::Normal && above >= LEAST_CHART && caps > 0 && pen.grid.is_none();
    let above = if charted { above } else { 0 };
    if charted {
        chart(pen, Rect { height: above, ..area }, app);
        pen.rule(row(area, above), &heading(app));
    }
    let top = if charted { above + 1 } else { 0 };
    let foot = u16::from(hint.is_some());
    let table = Rect { y: area.y + top, height: area.height.saturating_sub(top + foot), ..area };
    if let Some((says, meaning)) = hint {
        let line = row(area, area.height.saturating_sub(1));
        pen.put(line, 1, &text::cut(&says, usize::from(area.width).saturating_sub(2)), meaning);
    }
    let rows = usize::from(table.height.saturating_sub(1));
    if caps == 0 {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.budgets.visible(rows);
    let shown: Vec<&Cap> = visible.iter().filter_map(|key| app.picture().caps.find(*key)).collect();
    let mut columns = columns(app, &shown, Sorted::of(&app.budgets, &pen.theme.glyphs), class);
    columns.selected = app.budgets.index().checked_sub(start);
    columns.draw_as(pen, table, &app.budgets.view);
    Seen { rows, ..Seen::default() }
}

/// Draws the chart of the selected cap alone.
pub(super) fn draw_one(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    chart(pen, area, app);
    Seen { rows: usize::from(area.height), opened: Some(0), ..Seen::default() }
}

fn chart(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let Some(cap) = app.picked_cap() else { return };
    let pages = &app.picture().pages.budgets;
    let chart = pages.as_ref().and_then(|now| now.chart.as_ref()).filter(|chart| chart.0 == cap.key());
    let reach = app.cap_now(cap.key()).map_or(Reach::Unknown, |now| now.reach);
    if let Some((_, chart)) = chart {
        return burn_down::draw(pen, area, app, &Of { chart, unit: cap.limit.unit(), reach });
    }
    let says = match (pages, cap.scope) {
        (None, _) => "Reading the store...",
        (_, Scope::Provider(_) | Scope::Key(_) | Scope::Model(_)) => {
            "No chart: what is spent on this is kept as one sum, not over time."
        }
        _ => "Reading what was spent...",
    };
    let says = text::cut(says, usize::from(area.width).saturating_sub(4));
    pen.put(row(area, 1), 3, &says, Meaning::Muted);
}

/// Says how many caps there are, and who has none.
fn heading(app: &App) -> String {
    let picture = app.picture();
    let caps = picture.caps.book.caps().count();
    let tenants = picture.books.tenants();
    if tenants.len() > NAMED {
        return format!("caps: {caps}");
    }
    let without: Vec<String> = tenants
        .map(|(tenant, _)| tenant)
        .filter(|tenant| picture.caps.of_tenant(*tenant).is_empty())
        .map(|tenant| text::cut(tenant.as_str(), 20))
        .collect();
    match without.as_slice() {
        [] => format!("caps: {caps}"),
        names if names.len() > 4 => format!("caps: {caps}, without a cap: {} tenants", names.len()),
        names => format!("caps: {caps}, without a cap: {}", names.join(", ")),
    }
}

/// Returns what is to be known of the selected cap beside its numbers.
fn hint(app: &App) -> Option<(String, Meaning)> {
    let cap = app.picked_cap()?;
    let now = app.cap_now(cap.key())?;
    let name = subject(cap);
    if now.known == Known::Never {
        let says = format!("{name}: no call of that name was ever recorded. Is the name right?");
        return Some((says, Meaning::Warn));
    }
    let used = app.used_of_cap(cap);
    if used.and_more {
        let says = format!("{name}: some calls in this window have no price, so more is spent than is shown");
        return Some((says, Meaning::Warn));
    }
    let guards = app.picture().caps.worst(cap.key()).map_or(0, crate::domain::gate::Standing::exposure);
    (used.beside > 0).then(|| {
        let (unit, ledgers) = (cap.limit.unit(), guards.saturating_add(used.beside));
        let (counted, ledgers) = (figure(unit, guards), figure(unit, ledgers));
        let says = match now.counts {
            Counts::Guards => format!(
                "{name}: the ledgers say {ledgers}, guards count {counted}: what passed no guard does not count"
            ),
            Counts::Ledgers => {
                format!("{name}: no guard is running: this is what the ledgers say, guards counted {counted}")
            }
        };
        (says, Meaning::Muted)
    })
}

fn subject(cap: &Cap) -> String {
    let scope = cap.scope.to_string();
    scope.strip_prefix("tenant:").map_or(scope.clone(), str::to_owned)
}

fn kind(cap: &Cap) -> &'static str {
    if cap.mode == Mode::Hard { "hard" } else { "soft" }
}

fn at_cap(cap: &Cap, class: Class) -> String {
    match (cap.mode, cap.on_breach) {
        (Mode::Soft, _) => "notify".to_owned(),
        (Mode::Hard, OnBreach::Reject) => "reject".to_owned(),
        (Mode::Hard, OnBreach::Downgrade(to)) => {
            let word = if class == Class::Wide { "downgrade" } else { "down" };
            text::cut(&format!("{word} {to}"), 26)
        }
    }
}

/// Returns what is left in the unit of a cap; with a `-` where it is passed.
fn left_of(cap: &Cap, used: UsedNow) -> String {
    let unit = cap.limit.unit();
    let more = if used.and_more { "-?" } else { "" };
    let Some(limit) = cap.limit.size().map(u128::from) else { return "-".to_owned() };
    match limit.checked_sub(used.size) {
        Some(left) => format!("{}{more}", figure(unit, left)),
        None => format!("-{}{more}", figure(unit, used.size - limit)),
    }
}

fn spent_of(cap: &Cap, used: UsedNow) -> String {
    format!("{}{}", figure(cap.limit.unit(), used.size), if used.and_more { "+?" } else { "" })
}

fn columns(app: &App, rows: &[&Cap], sorted: Sorted, class: Class) -> Table {
    let (held, calendar) = (app.enforcement(), &app.setup.calendar);
    let mut name = Column::word(&sorted.title("TENANT", 1), 12, 0);
    let mut columns = vec![
        Column::number("CAP", 7, 1),
        Column::word("KIND", 4, 6),
        Column::word("AT CAP", 6, 5),
        Column::number("SPENT", 9, 2),
        Column::number(&sorted.title("LEFT", 2), 9, 4),
        Column::number(&sorted.title("USED", 0), 5, 0),
        Column::word(&sorted.title("RUNS OUT", 3), 8, 0),
        Column::word("STATE", 5, 3),
        Column::number("REV", 3, 7),
        Column::word("SET BY", 10, 8),
    ];
    for cap in rows {
        name.cells.push(subject(cap));
        let used = app.used_of_cap(cap);
        let limit = cap.limit.size().unwrap_or(u64::MAX);
        let state = state_of(cap, (used.size, limit), held);
        let sign = if state == crate::tui::caps::CapState::Ok { ' ' } else { '!' };
        let share = (share_of(used.size, limit) / 100).min(999);
        let reach = app
            .cap_now(cap.key())
            .map_or_else(|| "...".to_owned(), |now| runs_out(now.reach, calendar, app.now).0);
        let newest = app.picture().caps.newest(cap.key());
        let set_by = newest.map_or_else(
            || "config".to_owned(),
            |change| {
                let day = calendar.minute_text(change.at);
                format!("{} {}", text::cut(change.by.as_str(), 12), day.get(5..10).unwrap_or_default())
            },
        );
        let cells = [
            short_limit(cap),
            kind(cap).to_owned(),
            at_cap(cap, class),
            spent_of(cap, used),
            left_of(cap, used),
            format!("{share}%{sign}"),
            reach,
            state.says().to_owned(),
            newest.map_or_else(|| "-".to_owned(), |change| change.rev.0.to_string()),
            set_by,
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: the selected cap and what is left of it.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(cap) = app.picked_cap() else {
        let caps = i64::try_from(app.picture().caps.book.caps().count()).unwrap_or(i64::MAX);
        return vec![vec![(format!(" {}", text::plural(caps, "cap")), Meaning::Text)]];
    };
    let used = app.used_of_cap(cap);
    let name = text::cut(&subject(cap), 24);
    let then = match limit_of(cap).split_once(", ") {
        Some((_, then)) => format!("{}: {then}", kind(cap)),
        None => kind(cap).to_owned(),
    };
    let until = cap
        .until
        .map_or_else(String::new, |at| format!(" until {}", clock(&app.setup.calendar, at, app.now)));
    let limit = format!("{}/{}{until}", cap.limit, cap.window);
    let numbers = |gap: &str| {
        vec![
            (format!("{gap}spent "), Meaning::Muted),
            (spent_of(cap, used), Meaning::Money),
            ("  left ".to_owned(), Meaning::Muted),
            (left_of(cap, used), Meaning::Money),
        ]
    };
    let head = |text: String| vec![(text, Meaning::Text)];
    let long =
        format!(" {name}   cap {limit}{}   {then}{}{}", resets(app, cap), warns(app, cap), rev(app, cap));
    let short = used.size;
    let mut versions = vec![
        [head(long), numbers("   ")].concat(),
        [head(format!(" {name}  {limit}  {then}")), numbers("   ")].concat(),
        [head(format!(" {name}  {limit}")), numbers("  ")].concat(),
        [head(format!(" {limit}")), numbers("  ")].concat(),
        vec![(" left ".to_owned(), Meaning::Muted), (left_of(cap, used), Meaning::Money)],
    ];
    versions.push(vec![(format!(" {}", figure(cap.limit.unit(), short)), Meaning::Money)]);
    versions
}

fn resets(app: &App, cap: &Cap) -> String {
    let standing = app.picture().caps.worst(cap.key());
    let at = standing.and_then(|standing| standing.resets_at);
    let is_calendar = !matches!(cap.window, crate::domain::window::Window::Rolling(_));
    at.filter(|_| is_calendar).map_or_else(String::new, |at| {
        let calendar = &app.setup.calendar;
        format!(", resets {} {}", clock(calendar, at, app.now), calendar.name())
    })
}

/// Says at which shares it warns, and when they were passed, as far as the chart tells it.
fn warns(app: &App, cap: &Cap) -> String {
    let shares: Vec<String> = cap.warn_at.iter().map(Fraction::to_string).collect();
    if shares.is_empty() {
        return String::new();
    }
    let chart = app.picture().pages.budgets.as_ref().and_then(|now| now.chart.as_ref());
    let chart = chart.filter(|chart| chart.0 == cap.key());
    let first = cap.warn_at.first().copied();
    let passed = first.zip(chart).and_then(|(share, (_, chart))| {
        let used = |left: i128| u128::try_from(i128::from(chart.limit) - left).unwrap_or(0);
        chart.actual.iter().find(|point| share.reached(used(point.left), chart.limit)).map(|point| point.at)
    });
    let passed = passed.map(|at: Timestamp| format!(" (passed {})", clock(&app.setup.calendar, at, app.now)));
    format!("   warns at {}%{}", shares.join(", "), passed.unwrap_or_default())
}

fn rev(app: &App, cap: &Cap) -> String {
    let newest = app.picture().caps.newest(cap.key());
    newest.map_or_else(String::new, |change| format!("   rev {}", change.rev.0))
}

/// Returns row 4: how long the selected cap lasts.
pub(super) fn lasts(app: &App) -> Vec<Vec<Span>> {
    let Some(cap) = app.picked_cap() else { return Vec::new() };
    let Some(now) = app.cap_now(cap.key()) else {
        return vec![vec![(" reading the sums...".to_owned(), Meaning::Muted)]];
    };
    let calendar = &app.setup.calendar;
    let (when, range) = runs_out(now.reach, calendar, app.now);
    let meaning = match now.reach {
        Reach::Now => Meaning::Bad,
        Reach::At { .. } => Meaning::Warn,
        Reach::Never | Reach::Unknown => Meaning::Text,
    };
    let main = match now.reach {
        Reach::Now => " nothing is left".to_owned(),
        Reach::At { .. } => format!(" runs out {when}"),
        Reach::Never => " does not run out in this window".to_owned(),
        Reach::Unknown => {
            " when it runs out cannot be said: no priced call in the last 15 minutes".to_owned()
        }
    };
    let range = if range.is_empty() { range } else { format!(" {range}") };
    let pace = pace(app, cap, now);
    let even = even(app, cap);
    let line = |parts: &[&str]| vec![(parts.concat(), meaning)];
    vec![
        line(&[&main, &range, &pace, &even]),
        line(&[&main, &range, &pace]),
        line(&[&main, &range]),
        line(&[&main]),
    ]
}

/// Says how fast it goes: of a tenant's money as the Overview does.
fn pace(app: &App, cap: &Cap, now: &CapNow) -> String {
    now.per_hour.filter(|pace| *pace > 0).map_or_else(String::new, |pace| {
        let pace = figure(cap.limit.unit(), pace);
        let sign = if cap.limit.unit() == crate::domain::amount::Unit::Money { "$" } else { "" };
        let about = if app.picture().books.burn_is_sure() { "about " } else { "~" };
        format!("   at {about}{sign}{pace}/h")
    })
}

fn even(app: &App, cap: &Cap) -> String {
    let chart = app.picture().pages.budgets.as_ref().and_then(|now| now.chart.as_ref());
    let even = chart
        .filter(|chart| chart.0 == cap.key())
        .and_then(|(_, chart)| chart.even.map(|span| even_by(chart.limit, span, app.now)));
    even.map_or_else(String::new, |size| {
        format!("   even pace would be {} by now", figure(cap.limit.unit(), size.into()))
    })
}

/// Returns what is said where there is no cap.
pub(super) fn empty(app: &App) -> Vec<String> {
    let mut lines = vec!["No cap is set: nothing limits what is spent.".to_owned(), String::new()];
    lines.push(match &app.setup.read_only {
        Some(why) => why.clone(),
        None => "  c on a tenant of the overview sets one".to_owned(),
    });
    lines.push("  outlay caps set 'tenant:NAME 50/day'   does so from the shell".to_owned());
    lines
}
