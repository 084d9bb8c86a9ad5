//! Who changed which cap: the audit trail, and, opened, all of one change.

use ratatui::layout::Rect;

use super::cap_words::{cap_line, change_line};
use super::dialog::wrap;
use super::nothing;
use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table};
use crate::domain::cap_log::{CapChange, Changed};
use crate::tui::app::{App, Seen};
use crate::tui::caps::subject;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.audit.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.audit.visible(rows);
    let log = &app.picture().caps.log;
    let find = |rev: &_| log.iter().find(|change| change.rev == *rev);
    let shown: Vec<&CapChange> = visible.iter().filter_map(find).collect();
    let sorted = Sorted::of(&app.audit, &pen.theme.glyphs);
    let mut table = columns(app, &shown, usize::from(area.width), sorted);
    table.selected = app.audit.index().checked_sub(start);
    table.draw_as(pen, area, &app.audit.view);
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, rows: &[&CapChange], width: usize, sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("WHAT", 2), 12, 0);
    let mut columns = vec![
        Column::word(&sorted.title("WHEN", 0), 11, 2),
        Column::word(&sorted.title("WHO", 1), 4, 3),
        Column::word("CHANGE", 10, 0),
        Column::word("WHY", 4, 5),
        Column::number("REV", 3, 1),
    ];
    for change in rows {
        name.cells.push(subject(change));
        let when = app.setup.calendar.minute_text(change.at);
        let cells = [
            when.get(5..).unwrap_or(&when).to_owned(),
            text::cut(change.by.as_str(), 10),
            whole(&change_line(change), (width / 2).max(16)),
            text::cut(change.why.as_str(), (width / 5).max(8)),
            change.rev.0.to_string(),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns as many whole words as fit: a limit that is cut would read as another one.
fn whole(line: &str, columns: usize) -> String {
    let mut lines = wrap(line, columns.saturating_sub(1)).into_iter();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first}~") } else { first }
}

/// Draws the selected change, scrolled down by `offset` lines.
pub(super) fn draw_one(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    let Some(change) = app.picked_change() else { return Seen { rows, ..Seen::default() } };
    let room = usize::from(area.width).saturating_sub(11);
    let mut lines = Vec::new();
    for (label, words) in facts(app, change) {
        for (place, line) in wrap(&words, room).into_iter().enumerate() {
            lines.push(format!("{:<8} {line}", if place == 0 { label } else { "" }));
        }
    }
    let offset = offset.min(lines.len().saturating_sub(rows));
    pen.rule(row(area, 0), &format!("rev {}", change.rev.0));
    for (index, line) in lines.iter().skip(offset).take(rows).enumerate() {
        pen.put(row(area, u16::try_from(index + 1).unwrap_or(u16::MAX)), 1, line, Meaning::Text);
    }
    Seen { rows, opened: Some(offset), ..Seen::default() }
}

fn facts(app: &App, change: &CapChange) -> Vec<(&'static str, String)> {
    let calendar = &app.setup.calendar;
    let mut facts = vec![
        ("when", format!("{} {}", calendar.minute_text(change.at), calendar.name())),
        ("who", change.by.to_string()),
        ("what", subject(change)),
    ];
    match &change.what {
        Changed::Cap { old, new } => {
            facts.push(("before", old.as_ref().map_or_else(|| "no such cap".to_owned(), cap_line)));
            facts.push(("after", cap_line(new)));
        }
        Changed::Ended { rev, old, new } => {
            facts.push(("end of", format!("rev {}, which was to last until then", rev.0)));
            facts.push(("before", cap_line(old)));
            facts.push(("after", cap_line(new)));
        }
        Changed::Price { .. } | Changed::Plan { .. } | Changed::PassThrough { .. } => {
            facts.push(("after", change_line(change)));
        }
    }
    facts.push(("why", if change.why.is_empty() { "-".to_owned() } else { change.why.to_string() }));
    facts
}
