//! A short list to choose one of.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::choose::{Choice, Chosen};

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, choice: &Choice) {
    let title = match &choice.chosen {
        Chosen::Sort(_) => format!("Sort the {} by: enter keeps", app.tab.says()),
        Chosen::Form => format!("Write the {} to a file as", app.tab.says()),
    };
    let line = |(place, item): (usize, &&str)| {
        let cursor = if place == choice.picked { pen.theme.glyphs.cursor } else { " " };
        format!("{cursor} {item}")
    };
    let lines: Vec<String> = choice.items.iter().enumerate().map(line).collect();
    let offset = (choice.picked + 3).saturating_sub(usize::from(area.height));
    let selected = Some(choice.picked);
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected, cursor: None });
}
