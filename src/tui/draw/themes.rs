//! The themes to choose from; the screen behind already shows the one under the cursor.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::text;

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let names = &app.setup.themes;
    let selected = names.iter().position(|name| name == app.theme());
    let lines: Vec<String> = names
        .iter()
        .map(|name| {
            let cursor = if name == app.theme() { pen.theme.glyphs.cursor } else { " " };
            format!("{cursor} {}", text::cut(name, 24))
        })
        .collect();
    let rows = usize::from(area.height.saturating_sub(2));
    let offset = selected.map_or(0, |place| (place + 1).saturating_sub(rows));
    let title = "Theme: enter keeps".to_owned();
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected, cursor: None });
}
