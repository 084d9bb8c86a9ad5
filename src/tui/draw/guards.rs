//! Who enforces the caps, and what they do.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span, row};
use super::table::{Column, Sorted, Table};
use crate::domain::enforcement::{Enforcement, LATE};
use crate::tui::app::{App, Seen};
use crate::tui::page::guard::{GuardLine, Now};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the part below the guards, its rules included.
const BELOW: u16 = 9;
/// Tenants that are listed.
const TENANTS: usize = 5;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let guards = u16::try_from(app.guards.order.len()).unwrap_or(u16::MAX).saturating_add(1);
    let split = area.height >= guards.saturating_add(BELOW);
    let height = if split { guards } else { area.height };
    let rows = usize::from(height.saturating_sub(1));
    if app.guards.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.guards.visible(rows);
    let now = app.picture().pages.guard.clone().unwrap_or_default();
    let find = |wanted: &_| now.guards.iter().find(|row| row.key() == *wanted);
    let shown: Vec<&GuardLine> = visible.iter().filter_map(find).collect();
    let mut table = columns(app, &shown, Sorted::of(&app.guards, &pen.theme.glyphs));
    table.selected = app.guards.index().checked_sub(start);
    table.draw_as(pen, Rect { height, ..area }, &app.guards.view);
    if split {
        let below = Rect { y: area.y + height, height: area.height - height, ..area };
        today(pen, below, &now);
    }
    Seen { rows, ..Seen::default() }
}

/// Draws what passed the guards today, by tenant, and what is not known of it.
fn today(pen: &mut Pen<'_>, area: Rect, now: &Now) {
    pen.rule(row(area, 0), "through guards today, by tenant");
    let mut name = Column::word("TENANT", 12, 0);
    let mut columns =
        vec![Column::number("ANSWERED", 8, 1), Column::number("FAILED", 6, 2), Column::money("COST", 9, 0)];
    for (tenant, through) in now.today.iter().take(TENANTS) {
        name.cells.push(tenant.to_string());
        let cells = [text::count(through.answered), text::count(through.failed), text::money(through.cost)];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    let table = Rect { y: area.y + 1, height: BELOW - 3, ..area };
    if now.today.is_empty() {
        pen.put(row(table, 0), 3, "No call has passed a guard today.", Meaning::Text);
    } else {
        Table { name, columns, selected: None, sum: false }.draw(pen, table);
    }
    let (count, charged) = now.uncertain;
    let words = if count == 0 {
        "uncertain: none, every call is charged as it was billed".to_owned()
    } else {
        let calls = text::plural(i64::try_from(count).unwrap_or(i64::MAX), "call");
        let money = text::headline(charged);
        format!("uncertain: {calls} charged in full, {money}, until the bill says what they cost")
    };
    let room = usize::from(area.width).saturating_sub(1);
    pen.put(row(area, BELOW - 2), 1, &text::cut(&words, room), Meaning::Text);
    let note = "PASSED and REJECTED count since a guard's start; which cap rejected is at its /metrics.";
    pen.put(row(area, BELOW - 1), 1, &text::cut(note, room), Meaning::Muted);
}

/// Returns the word for how a guard stands.
fn state(app: &App, row: &GuardLine) -> String {
    let age = app.now.since(row.seen);
    match row {
        GuardLine { alive: false, .. } => "ended".to_owned(),
        _ if age >= LATE => format!("not seen {}", text::age(age)),
        _ if row.rev < app.saved_rev() => format!("rev {} < {}", row.rev.0, app.saved_rev().0),
        _ if app.passes_until().is_some() => "pass-through".to_owned(),
        _ => "enforcing".to_owned(),
    }
}

fn columns(app: &App, rows: &[&GuardLine], sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("GUARD", 0), 8, 0);
    let mut columns = vec![
        Column::word("STATE", 10, 0),
        Column::number("REV", 4, 1),
        Column::number("FLIGHT", 6, 2),
        Column::number("PASSED", 7, 3),
        Column::number("REJECTED", 8, 3),
        Column::number("SEEN", 4, 4),
        Column::word("LISTEN", 6, 5),
    ];
    for row in rows {
        name.cells.push(row.name.to_string());
        let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
        let cells = [
            state(app, row),
            row.rev.0.to_string(),
            count(row.in_flight),
            count(row.admitted),
            count(row.refused),
            text::age(app.now.since(row.seen)),
            text::cut(row.listen.as_str(), 24),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns row 3: how many guards live.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.guard else { return Vec::new() };
    let alive = now.guards.iter().filter(|row| row.alive).count();
    let guards = text::plural(i64::try_from(alive).unwrap_or(i64::MAX), "guard");
    let says = match app.enforcement() {
        Enforcement::Held { .. } => (format!("ENFORCING rev {}", app.saved_rev().0), Meaning::Good),
        Enforcement::Passing { .. } => ("PASS-THROUGH".to_owned(), Meaning::Bad),
        Enforcement::Nobody => ("NOT ENFORCED".to_owned(), Meaning::Warn),
        Enforcement::Late { .. } | Enforcement::Behind { .. } => ("NOT SURE".to_owned(), Meaning::Bad),
    };
    let flight: u64 = now.guards.iter().filter(|row| row.alive).map(|row| row.in_flight).sum();
    let flight = format!("   {flight} in flight");
    let line = |flight: &str| {
        vec![(format!(" {guards}   "), Meaning::Text), says.clone(), (flight.to_owned(), Meaning::Text)]
    };
    vec![line(&flight), line("")]
}

/// Returns what is said where no guard has written to the store.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec![
        "No guard has written to this store: nothing enforces a cap.".to_owned(),
        String::new(),
        "  outlay guard                     begins to".to_owned(),
        "  docs/guard.md                    says how calls are sent through it".to_owned(),
    ]
}
