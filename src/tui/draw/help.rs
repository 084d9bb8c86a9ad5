//! The keys and what they do, over the page. Printed from the table of keys.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::tab::Tab;
use crate::tui::typing::HelpPage;

/// Draws the box, and returns how far it is scrolled.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, page: &HelpPage) -> usize {
    let wanted = page.search.text().to_lowercase();
    let mut lines = lines(app, usize::from(area.width), &wanted);
    let mut cursor = None;
    if page.typing || !wanted.is_empty() {
        let room = usize::from(area.width).saturating_sub(8);
        let (typed, column) = page.search.visible(room);
        lines.insert(0, format!("/ {typed}"));
        cursor = page.typing.then_some((0, column + 2));
        if lines.len() == 1 {
            lines.push("no key does that".to_owned());
        }
    }
    let title = format!("Keys: {}, / searches, any other key closes", app.tab.says());
    let offset = if cursor.is_some() { 0 } else { page.offset };
    dialog::draw(pen, area, &Dialog { title, lines: &lines, offset, selected: None, cursor })
}

fn lines(app: &App, width: usize, wanted: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for context in app.page_contexts() {
        for (action, keys) in app.setup.keys.help(*context).into_iter().filter(|line| app.offers(line.0)) {
            entries.push(format!("{:<12} {}", keys.join(" "), action.says()));
        }
    }
    let is_wanted = |line: &String| wanted.is_empty() || line.to_lowercase().contains(wanted);
    entries.retain(is_wanted);
    let columns = if width >= 74 { 2 } else { 1 };
    let rows = entries.len().div_ceil(columns);
    let mut lines: Vec<String> = (0..rows)
        .map(|index| {
            let right = entries.get(index + rows).filter(|_| columns > 1).map_or("", String::as_str);
            format!("{:<36}{right}", entries[index]).trim_end().to_owned()
        })
        .collect();
    if app.tab == Tab::Overview {
        let words = [
            "$/H   15 minutes times four; ~ with less",
            "?     cost unknown",
            "+?    plus calls without a price",
        ];
        lines.extend(words.map(str::to_owned).into_iter().filter(|line| is_wanted(line)));
    }
    lines
}
