//! The row above the keys: a short message, else filter, order, rows shown, window.

use ratatui::layout::Rect;

use super::cap_words::outcome;
use super::pen::{Pen, Span};
use super::tenants;
use crate::tui::app::{App, Mode, Seen};
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the status.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App, seen: Seen) {
    if let Some((message, meaning)) = message(app) {
        pen.put(line, 1, &text::cut(&message, usize::from(line.width).saturating_sub(1)), meaning);
        return;
    }
    if app.dialog.is_none() && matches!(app.mode, Mode::Filter(_)) {
        let room = usize::from(line.width).saturating_sub(10);
        let end = pen.put(line, 0, &format!(" filter: {}", tail(app.filter(), room)), Meaning::Text);
        let cursor = Rect { x: line.x + u16::try_from(end).unwrap_or(0).min(line.width), width: 1, ..line };
        if end < usize::from(line.width) {
            pen.focus(cursor);
        }
        return;
    }
    if matches!(app.mode, Mode::Opened(_)) {
        if app.tab == Tab::Overview {
            pen.put(line, 1, &window(app), Meaning::Muted);
        }
        return;
    }
    let (rows_of, view) = (app.rows(), app.rows().view());
    let (order, all) = rows_of.counts();
    let first = rows_of.first(seen.rows);
    let sort = match app.tab {
        Tab::Overview => tenants::sorted_by(app),
        Tab::Prices if view.sort == 0 => app.window.says(),
        tab => tab.sorts().get(view.sort).copied().unwrap_or_default(),
    };
    let arrow = if view.reverse { pen.theme.glyphs.up } else { pen.theme.glyphs.down };
    let last = (first + seen.rows).min(order);
    let rows = format!("rows {}-{last} of {order}", (first + 1).min(order));
    let hidden = if order < all { format!(" (of {all})") } else { String::new() };
    let filter = if app.filter().is_empty() { "none" } else { app.filter() };
    let muted = |text: String| -> Vec<Span> { vec![(text, Meaning::Muted)] };
    let window = match app.tab {
        Tab::Overview | Tab::Prices => format!("    {}", window(app)),
        _ => String::new(),
    };
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

/// Returns the end of a text that fits.
fn tail(text: &str, columns: usize) -> &str {
    let starts = text.char_indices().map(|(index, _)| index).chain(std::iter::once(text.len()));
    starts.map(|index| &text[index..]).find(|tail| text::width(tail) <= columns).unwrap_or("")
}
