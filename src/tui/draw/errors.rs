//! Why calls failed in the last hour: the classes, and below them the latest failed calls.
//!
//! ```text
//! CLASS         COUNT  SHARE  60 MIN    SEV   DOING        MOST FROM
//! ── recent: all classes ─────────────────────────────────────────────
//! TIME  CLASS  TENANT  MODEL  COST  TOOK
//! ```

use ratatui::layout::Rect;

use super::pen::{Pen, Span, row};
use super::table::{Column, Sorted, Table};
use super::tenants::sparkline;
use super::{Class, nothing, service};
use crate::domain::hour::Made;
use crate::domain::money::Money;
use crate::tui::app::{App, Seen};
use crate::tui::page::errors::{ClassRow, Now, advice};
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// The least rows of the list below.
const RECENT: u16 = 4;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class) -> Seen {
    let wanted = u16::try_from(app.errors.order.len()).unwrap_or(u16::MAX).saturating_add(1);
    let split = area.height >= wanted.saturating_add(RECENT);
    let height = if split { wanted } else { area.height };
    let rows = usize::from(height.saturating_sub(1));
    let Some(now) = app.picture().pages.errors.clone().filter(|_| !app.errors.order.is_empty()) else {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    };
    let (start, visible) = app.errors.visible(rows);
    let shown: Vec<ClassRow> = visible.iter().map(|class| now.row(*class)).collect();
    let mut table = columns(&now, &shown, Sorted::of(&app.errors, &pen.theme.glyphs), &pen.theme.glyphs);
    table.selected = app.errors.index().checked_sub(start);
    table.draw_as(pen, Rect { height, ..area }, &app.errors.view);
    if split {
        let below = Rect { y: area.y + height, height: area.height - height, ..area };
        let told = service::draw(pen, below, app, (&now, class));
        let below = Rect { y: below.y + told, height: below.height - told, ..below };
        pen.rule(row(below, 0), "recent: all classes");
        let rest = Rect { y: below.y + 1, height: below.height - 1, ..below };
        let shown: Vec<&Made> = now.recent.iter().map(AsRef::as_ref).collect();
        recent(app, &shown, usize::from(rest.height)).draw(pen, rest);
    }
    Seen { rows, ..Seen::default() }
}

/// Draws the latest failed calls of the selected class.
pub(super) fn draw_one(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(2));
    let now = app.picture().pages.errors.clone().unwrap_or_default();
    let Some(class) = app.errors.picked() else { return Seen { rows, ..Seen::default() } };
    let (start, visible) = app.inner.visible(rows);
    let find = |wanted: &_| now.recent.iter().find(|made| made.0.id == *wanted);
    let shown: Vec<&Made> = visible.iter().filter_map(find).map(AsRef::as_ref).collect();
    pen.rule(row(area, 0), &format!("recent: {}", class.as_str()));
    let rest = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
    if shown.is_empty() {
        let line = format!("No call has failed with {} in the last 60 minutes.", class.as_str());
        pen.put(row(rest, 1), 3, &text::cut(&line, usize::from(area.width).saturating_sub(3)), Meaning::Text);
    } else {
        let mut table = recent(app, &shown, rows + 1);
        table.selected = app.inner.index().checked_sub(start);
        table.draw(pen, rest);
    }
    Seen { rows, ..Seen::default() }
}

fn columns(now: &Now, rows: &[ClassRow], sorted: Sorted, glyphs: &Glyphs) -> Table {
    let mut name = Column::word(&sorted.title("CLASS", 1), 18, 0);
    let whole = i64::try_from(now.failed()).unwrap_or(i64::MAX);
    let mut columns = vec![
        Column::number(&sorted.title("COUNT", 0), 7, 0),
        Column::number("SHARE", 6, 1),
        Column { meaning: Meaning::Series, ..Column::word("60 MIN", 20, 4) },
        Column::word("SEV", 5, 2),
        Column::word("DOING", 12, 3),
        Column::word("MOST FROM", 9, 6),
    ];
    for row in rows {
        name.cells.push(row.class.as_str().to_owned());
        let count = i64::try_from(row.count).unwrap_or(i64::MAX);
        let (severity, doing) = advice(row.class);
        let most = row.most.map_or_else(
            || "-".to_owned(),
            |(tenant, _, model)| {
                format!("{} / {}", text::cut(tenant.as_str(), 16), text::cut(model.as_str(), 20))
            },
        );
        let quiet = row.count == 0;
        let cells = [
            text::count(count),
            if quiet { "-".to_owned() } else { text::share(count, whole) },
            if quiet { String::new() } else { sparkline(&row.trend, glyphs) },
            if quiet { "-".to_owned() } else { severity.says().to_owned() },
            if quiet { "-".to_owned() } else { doing.to_owned() },
            most,
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns failed calls as a table of so many rows, its heading included.
fn recent(app: &App, shown: &[&Made], rows: usize) -> Table {
    let mut name = Column::word("TENANT", 12, 0);
    let mut columns = vec![
        Column::word("TIME", 8, 0),
        Column::word("CLASS", 14, 1),
        Column::word("MODEL", 12, 2),
        Column::money("COST", 8, 4),
        Column::number("TOOK", 5, 3),
    ];
    for (call, cost) in shown.iter().take(rows.saturating_sub(1)) {
        name.cells.push(call.tenant.to_string());
        let word = if call.failure.is_empty() { "unknown" } else { call.failure.as_str() };
        let cells = [
            app.setup.calendar.time_text(call.at),
            text::cut(word, 20),
            text::cut(call.model.as_str(), 24),
            cost.money().map_or_else(|| "?".to_owned(), |money| money.rounded(4)),
            call.latency.map_or_else(|| "-".to_owned(), text::length),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many calls failed, how many usually do, and what they cost all the same.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.errors else { return Vec::new() };
    let (failed, calls) = (now.failed(), now.calls);
    let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let share = text::share(whole(failed), whole(calls));
    let lost: Money = now.classes.iter().map(|row| row.lost).sum();
    let mut parts = vec![format!("{} errors of {} requests ({share})", count(failed), count(calls))];
    if let Some(usual) = now.usual {
        parts.push(format!("usual {}", text::share(i64::from(usual.basis()), 10_000)));
    }
    if lost > Money::ZERO {
        parts.push(format!("lost {}", text::headline(lost)));
    }
    let line = |parts: &[String]| {
        vec![(" LAST 60 MIN  ".to_owned(), Meaning::Muted), (parts.join("   "), Meaning::Text)]
    };
    (1..=parts.len()).rev().map(|keep| line(&parts[..keep])).collect()
}

/// Returns what is said where nothing was read.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec![
        "No call was recorded in the last 60 minutes, failed or not.".to_owned(),
        String::new(),
        "Most ledgers hold only calls that were answered; what passes `outlay guard` is told whole."
            .to_owned(),
    ]
}
