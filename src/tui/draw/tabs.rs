//! Row 2: the pages. They stay in place, whichever is active.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::tui::app::{App, Tab};
use crate::tui::theme::Meaning;

/// Draws the tabs.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    let mut at = 0;
    for (index, tab) in Tab::ALL.iter().enumerate() {
        let active = *tab == app.tab;
        let name = format!("{} {}", index + 1, tab.says());
        let (text, meaning) =
            if active { (format!("[{name}]"), Meaning::Text) } else { (format!(" {name} "), Meaning::Muted) };
        let end = pen.put(line, at, &text, meaning);
        if active {
            let start = u16::try_from(at).unwrap_or(0).min(line.width);
            let width = u16::try_from(end).unwrap_or(0).min(line.width) - start;
            pen.focus(Rect { x: line.x + start, width, ..line });
        }
        at = end;
    }
}
