//! The keys and what they do, over the page. Printed from the table of keys.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::keys;
use crate::tui::tab::Tab;

/// Draws the box scrolled down by `offset`, and returns how far it is scrolled.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> usize {
    let lines = lines(app, usize::from(area.width));
    let title = "Keys: any other key closes".to_owned();
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected: None, cursor: None })
}

fn lines(app: &App, width: usize) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for context in app.page_contexts() {
        for (action, keys) in keys::help(*context).into_iter().filter(|line| app.offers(line.0)) {
            entries.push(format!("{:<12} {}", keys.join(" "), action.says()));
        }
    }
    let columns = if width >= 74 { 2 } else { 1 };
    let rows = entries.len().div_ceil(columns);
    let mut lines: Vec<String> = (0..rows)
        .map(|index| {
            let right = entries.get(index + rows).filter(|_| columns > 1).map_or("", String::as_str);
            format!("{:<36}{right}", entries[index]).trim_end().to_owned()
        })
        .collect();
    if app.tab == Tab::Overview {
        lines.push("$/H   15 minutes times four; ~ with less".to_owned());
        lines.push("?     cost unknown".to_owned());
        lines.push("+?    plus calls without a price".to_owned());
    }
    lines
}
