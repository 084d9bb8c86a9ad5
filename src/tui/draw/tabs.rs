//! Row 2: the pages. They stay in place, whichever is active.

use ratatui::layout::Rect;

use super::Class;
use super::pen::Pen;
use crate::tui::app::App;
use crate::tui::tab::Tab;
use crate::tui::theme::Meaning;

/// Columns from which on the names stand whole.
const WHOLE: u16 = 100;

/// Draws the tabs.
pub(super) fn draw(pen: &mut Pen<'_>, line: Rect, app: &App, class: Class) {
    if class < Class::Normal {
        let name = format!(" {} {}  ", app.tab as usize + 1, app.tab.says());
        let end = pen.put(line, 0, &name, Meaning::Text);
        pen.put(line, end, "(tab or 1-9: other screens)", Meaning::Muted);
        return;
    }
    let whole = line.width >= WHOLE;
    let name = |tab: Tab| format!("{} {}", tab as usize + 1, if whole { tab.says() } else { tab.short() });
    let mut at = 0;
    let mut place = 0;
    for tab in Tab::ALL {
        if tab == app.tab {
            place = at;
        }
        let end = pen.put(line, at, &format!(" {} ", name(tab)), Meaning::Muted);
        let start = u16::try_from(at).unwrap_or(u16::MAX);
        pen.told.tabs.push((tab, start, u16::try_from(end).unwrap_or(u16::MAX).saturating_sub(start)));
        // Where room is short, neighbours share the column between them.
        at = if whole { end } else { end.saturating_sub(1) };
    }
    let end = pen.put(line, place, &format!("[{}]", name(app.tab)), Meaning::Text);
    let column = |at: usize| u16::try_from(at).unwrap_or(u16::MAX).min(line.width);
    pen.focus(Rect { x: line.x + column(place), width: column(end).saturating_sub(column(place)), ..line });
}
