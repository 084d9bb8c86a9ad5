//! The command line, and what the line may become.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::command::CommandLine;
use crate::tui::text;

/// The widest box, in columns.
const WIDEST: usize = 76;

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, line: &CommandLine) {
    let room = usize::from(area.width).saturating_sub(6).min(WIDEST);
    let (typed, column) = line.field.visible(room.saturating_sub(2));
    let mut lines = vec![format!("{:<room$}", format!(": {}", text::cut(&typed, room.saturating_sub(2))))];
    lines.push(String::new());
    for (place, offer) in app.offers_of_line().iter().enumerate() {
        let cursor = if place == line.picked { pen.theme.glyphs.cursor } else { " " };
        let key_room = text::width(&offer.key) + 1;
        let left = format!("{cursor} {}  {}", offer.text.trim_end(), offer.says);
        let left = text::cut(&left, room.saturating_sub(key_room));
        let gap = room.saturating_sub(text::width(&left) + text::width(&offer.key));
        lines.push(format!("{left}{}{}", " ".repeat(gap), offer.key));
    }
    lines.push(String::new());
    match &line.fault {
        Some(fault) => lines.extend(dialog::wrap(&format!("! {fault}"), room)),
        None => lines.extend(dialog::wrap("a change opens its form first", room)),
    }
    let dialog = Dialog {
        title: "Command".to_owned(),
        lines: &lines,
        offset: 0,
        selected: None,
        cursor: Some((0, column + 2)),
    };
    dialog::draw(pen, area, &dialog);
}
