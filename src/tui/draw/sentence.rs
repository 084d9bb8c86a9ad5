//! Row 4: the most urgent thing, as a sentence, and how many more there are. Empty where nothing is.

use ratatui::layout::Rect;

use super::pen::Pen;
use super::{budgets, detail};
use crate::tui::app::App;
use crate::tui::keys::Action;
use crate::tui::tab::Tab;
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
    if app.tab == Tab::Budgets && app.picked_cap().is_some() {
        return of_cap(pen, line, app, alerts.len());
    }
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

/// Says of the selected cap how long it lasts, and how many urgent things there are.
fn of_cap(pen: &mut Pen<'_>, line: Rect, app: &App, alerts: usize) {
    let versions = budgets::lasts(app);
    let key = app.setup.keys.key_of(Action::Alerts).unwrap_or("");
    let more = if alerts > 0 { format!("  {alerts} urgent: {key} ") } else { String::new() };
    let width = text::width(&more);
    let whole = usize::from(line.width);
    let room = Rect { width: u16::try_from(whole.saturating_sub(width)).unwrap_or(0), ..line };
    let fits = versions.iter().any(|spans| super::pen::width(spans) <= usize::from(room.width));
    if fits && width > 0 {
        pen.put(line, whole.saturating_sub(width), &more, Meaning::Warn);
    }
    pen.first_that_fits(if fits { room } else { line }, &versions);
}
