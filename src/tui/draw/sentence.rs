//! Row 4: the most urgent thing, as a sentence, and how many more there are. Empty where nothing is.

use ratatui::layout::Rect;

use super::detail;
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// The least room for the sentence beside what says that there are more.
const LEAST: usize = 30;

/// Draws the sentence.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App) {
    if app.shows_tenant() {
        if let Some((says, meaning)) = detail::sentence(app, usize::from(line.width)) {
            pen.put(line, 0, &says, meaning);
        }
        return;
    }
    let alerts = app.open_alerts();
    let Some(first) = alerts.first() else { return };
    let mut room = usize::from(line.width);
    if alerts.len() > 1 {
        let key = app.setup.keys.key_of(Action::Alerts).unwrap_or("");
        let more = format!("  {} more: {key} ", alerts.len() - 1);
        let width = text::width(&more);
        if room >= width + LEAST {
            room -= width;
            pen.put(line, room, &more, Meaning::Muted);
        }
    }
    pen.put(line, 0, &text::cut(&format!(" ! {}", first.says), room), first.meaning);
}
