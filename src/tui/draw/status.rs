//! The row above the keys: a short message, else filter, order, rows shown, window.

use ratatui::layout::Rect;

use super::cap_words::outcome;
use super::detail;
use super::pen::{Pen, Span};
use super::{groups, tenants};
use crate::tui::app::{App, Mode, Seen};
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::theme::Meaning;
use crate::tui::typing::FilterLine;

/// Draws the status.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App, seen: &Seen) {
    if let Some((message, meaning)) = message(app) {
        pen.put(line, 1, &text::cut(&message, usize::from(line.width).saturating_sub(1)), meaning);
        return;
    }
    if let (None, Mode::Filter(typed)) = (&app.dialog, &app.mode) {
        return filter_line(pen, line, typed);
    }
    if app.shows_tenant() {
        let told = detail::provenance(app, usize::from(line.width).saturating_sub(1));
        pen.put(line, 1, &told.unwrap_or_else(|| window(app)), Meaning::Muted);
        return;
    }
    if matches!(app.mode, Mode::Opened(_) | Mode::Record(..)) {
        return;
    }
    let (rows_of, view) = (app.rows(), app.rows().view());
    let (order, all) = rows_of.counts();
    let first = rows_of.first(seen.rows);
    let sort = match app.tab {
        Tab::Overview if app.is_grouped() => groups::sorted_by(app),
        Tab::Overview => tenants::sorted_by(app),
        Tab::Prices if view.sort == 0 => app.window.says(),
        tab => tab.sorts().get(view.sort).copied().unwrap_or_default(),
    };
    let arrow = if view.reverse { pen.theme.glyphs.up } else { pen.theme.glyphs.down };
    let last = (first + seen.rows).min(order);
    let rows = format!("rows {}-{last} of {order}", (first + 1).min(order));
    let hidden = if order < all { format!(" (of {all})") } else { String::new() };
    let filter = if app.filter().is_empty() { "none" } else { app.filter() };
    let hides =
        app.hidden.map(|(part, whole)| format!("  hides {} of today's spend", text::share(part, whole)));
    let muted = |text: String| -> Vec<Span> { vec![(text, Meaning::Muted)] };
    let window = match app.tab {
        Tab::Overview | Tab::Prices => format!("    {}", window(app)),
        _ => String::new(),
    };
    if let Some(hides) = hides {
        let brief = format!(" filter: {}    {rows}{hidden}{hides}", text::cut(filter, 24));
        return pen.first_that_fits(line, &[vec![(brief, Meaning::Warn)], vec![(hides, Meaning::Warn)]]);
    }
    pen.first_that_fits(
        line,
        &[
            muted(format!(
                " filter: {filter}    sort: {} {arrow}    {rows}{hidden}{window}",
                sort.to_lowercase()
            )),
            muted(format!(" filter: {}    {rows}{hidden}", text::cut(filter, 20))),
            muted(format!(" {rows}")),
        ],
    );
}

/// Returns a short message, or what has become of a change.
fn message(app: &App) -> Option<Span> {
    if let Some(toast) = app.toast() {
        return Some((toast.to_owned(), Meaning::Text));
    }
    let (mine, held) = app.shown_change()?;
    Some((outcome(mine, held), if held.holds() { Meaning::Good } else { Meaning::Warn }))
}

fn window(app: &App) -> String {
    format!("window: {}", app.window.says().to_lowercase())
}

/// Draws the filter as it is typed, its faulty part marked, and what is wrong with it.
fn filter_line(pen: &mut Pen<'_>, line: Rect, typed: &FilterLine) {
    const HEAD: &str = " filter: ";
    let fault = typed.fault.as_ref();
    let width = usize::from(line.width);
    let room = width.saturating_sub(HEAD.len() + 1);
    let (shown, column) = typed.field.visible(room);
    let start = typed.field.text().len() - shown.len();
    let wrong =
        fault.map_or(0..0, |fault| fault.at.start.saturating_sub(start)..fault.at.end.saturating_sub(start));
    let at = pen.put(line, 0, HEAD, Meaning::Text);
    let parts = [
        (shown.get(..wrong.start).unwrap_or(&shown), Meaning::Text),
        (shown.get(wrong.clone()).unwrap_or_default(), Meaning::Bad),
        (shown.get(wrong.end..).filter(|_| wrong.end > 0).unwrap_or_default(), Meaning::Text),
    ];
    let whole = wrong.end == 0;
    let end = if whole {
        pen.put(line, at, &shown, Meaning::Text)
    } else {
        parts.into_iter().fold(at, |at, (text, meaning)| pen.put(line, at, text, meaning))
    };
    if let Some(fault) = fault {
        let left = width.saturating_sub(end + 3);
        pen.put(line, end + 2, &text::cut(&format!("! {}", fault.reason), left), Meaning::Bad);
    }
    let x = line.x + u16::try_from(at + column).unwrap_or(u16::MAX).min(line.width);
    pen.focus(Rect { x, width: 1, ..line }.intersection(line));
}
