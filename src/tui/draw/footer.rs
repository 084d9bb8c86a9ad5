//! The last row: the keys that work here, the most important first.

use ratatui::layout::Rect;

use super::pen::{Pen, spot};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the keys; what does not fit is left out.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    let bound = app.setup.keys.footer(app.contexts());
    let keys: Vec<(&str, Action)> = bound
        .iter()
        .filter(|bound| app.offers(bound.action))
        .map(|bound| (bound.shown.as_str(), bound.action))
        .collect();
    line_of(pen, line, &keys);
}

fn line_of(pen: &mut Pen<'_>, line: Rect, keys: &[(&str, Action)]) {
    let mut at = 1;
    for (key, action) in keys {
        let says = action.says();
        let gap = if *key == "?" { "" } else { " " };
        let width = text::width(key) + gap.len() + text::width(says);
        if at + width > usize::from(line.width) {
            return;
        }
        let end = pen.put(line, at, key, Meaning::Text);
        pen.told.buttons.push(spot(line, at, width, *action));
        at = pen.put(line, end, &format!("{gap}{says}"), Meaning::Muted) + 2;
    }
}
