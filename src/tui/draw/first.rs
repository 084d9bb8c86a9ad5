//! The first start: what was found, what would be written.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use crate::tui::app::App;
use crate::tui::first::{First, Slot};
use crate::tui::keys::Action;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws it over the whole screen but its last row.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, first: &First) {
    let area = Rect { height: area.height.saturating_sub(1), ..area };
    super::dialog::clear(pen, area);
    pen.put(row(area, 0), 1, &format!("outlay {}", app.setup.version), Meaning::Text);
    pen.rule(row(area, 1), "");
    let roomy = area.height >= 20;
    let mut at = if roomy { 3 } else { 2 };
    pen.put(row(area, at), 3, "What should outlay watch?", Meaning::Text);
    at += if roomy { 2 } else { 1 };
    // What follows takes this many rows; of a long list those around the picked one are shown.
    let below = u16::try_from(first.lines().len()).unwrap_or(u16::MAX).saturating_add(6);
    let room = usize::from(area.height.saturating_sub(at.saturating_add(below))).max(1);
    let start = (first.picked + 1).saturating_sub(room);
    for (place, offer) in first.offers.iter().enumerate().skip(start).take(room) {
        let line = row(area, at);
        let cursor =
            if place == first.picked && first.slot == Slot::List { pen.theme.glyphs.cursor } else { " " };
        let mark = match (offer.lines.is_empty(), offer.chosen.is_on()) {
            (true, _) => "   ",
            (false, true) => "[x]",
            (false, false) => "[ ]",
        };
        let words =
            format!("{cursor} {mark} {:<18} {:<26} {}", offer.what, text::cut(&offer.place, 26), offer.found);
        pen.put(line, 1, &text::cut(&words, usize::from(area.width).saturating_sub(2)), Meaning::Text);
        if place == first.picked && first.slot == Slot::List {
            pen.focus(line);
        }
        at += 1;
    }
    at += u16::from(roomy);
    field(
        pen,
        row(area, at),
        ("limit of all, a month", &first.limit, first.slot == Slot::Limit),
        "dollars, only warns; may be empty",
    );
    field(pen, row(area, at + 1), ("time zone of days", &first.zone, first.slot == Slot::Zone), "");
    at += if roomy { 3 } else { 2 };
    let key = app.setup.keys.key_of(Action::Agree).unwrap_or_default();
    pen.put(row(area, at), 3, &format!("{key} writes this to {} :", first.file), Meaning::Text);
    at += 1;
    for line in first.lines() {
        pen.put(row(area, at), 5, &line, Meaning::Muted);
        at += 1;
    }
    pen.put(row(area, at), 3, &format!("and makes the store {}", first.store), Meaning::Muted);
    if let Some(fault) = &first.fault {
        pen.put(row(area, at + 1), 3, &format!("! {fault}"), Meaning::Bad);
    }
}

fn field(pen: &mut Pen<'_>, line: Rect, what: (&str, &crate::tui::field::Field, bool), says: &str) {
    let (label, field, picked) = what;
    let (shown, column) = field.visible(20);
    let at = pen.put(line, 3, &format!("{label:<22} [ {shown:<20} ]"), Meaning::Text);
    pen.put(line, at + 2, says, Meaning::Muted);
    if picked {
        let x = line.x + u16::try_from(3 + 25 + column).unwrap_or(u16::MAX).min(line.width);
        pen.focus(Rect { x, width: 1, ..line }.intersection(line));
    }
}
