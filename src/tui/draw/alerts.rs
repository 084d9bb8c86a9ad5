//! Everything urgent, the most urgent first, and what of it is muted.

use ratatui::layout::Rect;

use super::dialog::{self, Dialog, wrap};
use super::pen::Pen;
use crate::tui::alerts::AlertList;
use crate::tui::app::App;

/// The widest box, in columns.
const WIDEST: usize = 92;

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, list: &AlertList) {
    let room = usize::from(area.width).saturating_sub(6).min(WIDEST);
    let alerts = app.alerts();
    let picked = list.picked.min(alerts.len().saturating_sub(1));
    let mut lines = Vec::new();
    let mut selected = None;
    for (place, alert) in alerts.iter().enumerate() {
        let muted = app.muted_until(alert).map(|muted| {
            let (hour, minute) = app.setup.calendar.clock(muted.until);
            format!(" (muted until {hour:02}:{minute:02}: {})", muted.why)
        });
        let says = format!("{}{}", alert.says, muted.unwrap_or_default());
        let cursor = if place == picked { pen.theme.glyphs.cursor } else { " " };
        if place == picked {
            selected = Some(lines.len());
        }
        for (index, line) in wrap(&says, room.saturating_sub(2)).into_iter().enumerate() {
            lines.push(format!("{} {line}", if index == 0 { cursor } else { " " }));
        }
    }
    if alerts.is_empty() {
        lines.push("Nothing is urgent.".to_owned());
    }
    let mut cursor = None;
    if let Some(why) = &list.why {
        let (typed, column) = why.visible(room.saturating_sub(6));
        lines.push(String::new());
        cursor = Some((lines.len(), column + 5));
        lines.push(format!("why: {typed}"));
        selected = None;
    }
    lines.extend(list.fault.iter().map(|fault| format!("! {fault}")));
    let height = usize::from(area.height.saturating_sub(2));
    let shown = cursor.map(|cursor| cursor.0).or(selected).unwrap_or(0);
    let offset = (shown + 1).saturating_sub(height);
    dialog::draw(pen, area, &Dialog { title: "Alerts".to_owned(), lines: &lines, offset, selected, cursor });
}
