//! The latest calls of a tenant, and the latest that failed with the classes of failures above them.

use ratatui::layout::Rect;

use super::{detail, facts, failed_of, rows_from, total, waits};
use crate::domain::hour::Made;
use crate::tui::app::{App, Seen};
use crate::tui::draw::events::{Who, columns};
use crate::tui::draw::gauge::bar;
use crate::tui::draw::pen::{Pen, row};
use crate::tui::page::tenant::Now;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// The least rows of a list below something else, its heading included.
const LIST: u16 = 4;
/// Columns of a class of failures, and of its bar.
const CLASS: usize = 20;
const BAR: usize = 24;

/// Draws the latest calls.
pub(super) fn draw_latest(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let Some(now) = app.tenant_now() else { return waits(pen, area, "reading its calls...") };
    let made: Vec<&Made> = now.sheet.latest().map(AsRef::as_ref).collect();
    list(pen, area, app, &made, &format!("No call {}.", app.window.phrase()))
}

/// Draws why calls failed, and the latest that did.
pub(super) fn draw_failed(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let Some(now) = app.tenant_now() else { return waits(pen, area, "reading its calls...") };
    let made: Vec<&Made> = now.sheet.failed().map(AsRef::as_ref).collect();
    let nothing = format!("No call has failed {}.", app.window.phrase());
    let wanted = u16::try_from(now.faults.len()).unwrap_or(u16::MAX).saturating_add(2);
    if now.faults.is_empty() || area.height < wanted.saturating_add(LIST) {
        return list(pen, area, app, &made, &nothing);
    }
    let sums = detail(app).map(total).unwrap_or_default();
    pen.rule(row(area, 0), &format!("errors {}: {}", app.window.phrase(), failed_of(&sums)));
    classes(pen, rows_from(area, 1, wanted - 2), now);
    pen.rule(row(area, wanted - 1), &recent(app, now));
    list(pen, rows_from(area, wanted, area.height), app, &made, &nothing)
}

fn recent(app: &App, now: &Now) -> String {
    facts::partly(app, now)
        .map_or_else(|| "the latest of them".to_owned(), |part| format!("the latest of them {part}"))
}

/// Draws a line with a bar for each class of failures.
pub(super) fn classes(pen: &mut Pen<'_>, area: Rect, now: &Now) {
    let most = now.faults.first().map_or(0, |(_, count)| *count);
    let size = |count: i64| u128::try_from(count).unwrap_or(0);
    for (index, (class, count)) in (0..area.height).zip(&now.faults) {
        let line = row(area, index);
        pen.put(line, 1, &format!("{:<CLASS$}{:>7}", class.as_str(), text::count(*count)), Meaning::Text);
        let lies = bar(size(*count), size(most), BAR, &pen.theme.glyphs);
        pen.put(line, CLASS + 10, lies.trim_end(), Meaning::Series);
    }
}

/// Draws a list of calls; those that are not in it any more have no line.
fn list(pen: &mut Pen<'_>, area: Rect, app: &App, made: &[&Made], nothing: &str) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if made.is_empty() {
        let room = usize::from(area.width).saturating_sub(3);
        pen.put(row(area, 1), 3, &text::cut(nothing, room), Meaning::Text);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.inner.visible(rows);
    let find = |wanted: &_| made.iter().find(|made| made.0.id == *wanted);
    let shown: Vec<&Made> = visible.iter().filter_map(find).copied().collect();
    let mut table = columns(app, &shown, Who::Model);
    table.selected = app.inner.index().checked_sub(start).filter(|_| !shown.is_empty());
    table.draw(pen, area);
    Seen { rows, ..Seen::default() }
}
