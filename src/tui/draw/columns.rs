//! The columns of a page, while they are chosen; the page behind already shows them so.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::choose::ColumnChoice;
use crate::tui::list::Shown;
use crate::tui::text;

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, choice: &ColumnChoice) {
    let line = |(place, (id, shown)): (usize, &(String, Shown))| {
        let cursor = if place == choice.picked { pen.theme.glyphs.cursor } else { " " };
        let mark = if *shown == Shown::Yes { "x" } else { " " };
        format!("{cursor} [{mark}] {}", text::cut(id, 20))
    };
    let lines: Vec<String> = choice.columns.iter().enumerate().map(line).collect();
    let offset = (choice.picked + 3).saturating_sub(usize::from(area.height));
    let title = "Columns: the upper ones stay longest".to_owned();
    let selected = Some(choice.picked);
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected, cursor: None });
}
