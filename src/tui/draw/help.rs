//! The keys and what they do, over the page. Printed from the table of keys.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog};
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::read_page::TextPage;
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::typing::HelpPage;

/// Draws the box, and returns how far it is scrolled.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, page: &HelpPage) -> usize {
    let wanted = page.search.text().to_lowercase();
    // While it is typed only what fits is shown; then all, with the hits to be gone through.
    let filtered = if page.typing || page.hit.is_none() { wanted.as_str() } else { "" };
    let mut lines = lines(app, usize::from(area.width), filtered);
    if let Some(hit) = page.hit.filter(|_| !page.typing && !wanted.is_empty()) {
        return hits(pen, area, &lines, (app, page, hit));
    }
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

/// Draws lines to read, and returns how far they are scrolled. Long ones are broken, none is cut.
pub(super) fn draw_text(pen: &mut Pen<'_>, area: Rect, page: &TextPage) -> usize {
    let room = usize::from(area.width).saturating_sub(4);
    let broken = |line: &String| {
        if text::width(line) > room { dialog::wrap(line, room) } else { vec![line.clone()] }
    };
    let lines: Vec<String> = page.lines.iter().flat_map(broken).collect();
    let title = page.title.clone();
    dialog::draw(
        pen,
        area,
        &Dialog { title, lines: &lines, offset: page.offset, selected: None, cursor: None },
    )
}

/// Draws all lines, the one of the hit marked.
fn hits(pen: &mut Pen<'_>, area: Rect, lines: &[String], what: (&App, &HelpPage, isize)) -> usize {
    let (app, page, hit) = what;
    let wanted = page.search.text().to_lowercase();
    let has = |line: &String| line.to_lowercase().contains(&wanted);
    let places: Vec<usize> = (0..lines.len()).filter(|place| lines.get(*place).is_some_and(has)).collect();
    let count = isize::try_from(places.len()).unwrap_or(isize::MAX);
    let nth = if count > 0 { usize::try_from(hit.rem_euclid(count)).unwrap_or(0) } else { 0 };
    let selected = places.get(nth).copied();
    let rows = usize::from(area.height.saturating_sub(2)).max(1);
    let place = selected.unwrap_or(0);
    let offset = page.offset.min(place).max((place + 1).saturating_sub(rows));
    let number = if places.is_empty() { 0 } else { nth + 1 };
    let title = format!("Keys: {}, hit {number} of {count} for {}", app.tab.says(), page.search.text());
    dialog::draw(pen, area, &Dialog { title, lines, offset, selected, cursor: None })
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
