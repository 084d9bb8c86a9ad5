//! What is read and how far; and, opened, the lines of a source that could not be read.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, row};
use super::table::{Column, Sorted, Table};
use crate::tui::app::{App, Seen};
use crate::tui::event::SourceRow;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.sources.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.sources.visible(rows);
    let all = &app.picture().sources;
    let find = |key: &_| all.iter().find(|row| row.source == *key);
    let shown: Vec<&SourceRow> = visible.iter().filter_map(find).collect();
    let sorted = Sorted::of(&app.sources, &pen.theme.glyphs);
    let mut table = columns(&shown, usize::from(area.width), sorted);
    table.selected = app.sources.index().checked_sub(start);
    table.draw_as(pen, area, &app.sources.view);
    Seen { rows, ..Seen::default() }
}

fn columns(rows: &[&SourceRow], width: usize, sorted: Sorted) -> Table {
    let mut name = Column::word(&sorted.title("SOURCE", 1), 20, 0);
    let mut columns = vec![
        Column::word("FORMAT", 8, 3),
        Column::word(&sorted.title("STATE", 0), 6, 0),
        Column::number(&sorted.title("CALLS", 2), 7, 1),
        Column::number(&sorted.title("BAD", 3), 4, 2),
        Column::number("COPIES", 6, 4),
        Column::word("NOTE", 4, 5),
    ];
    for row in rows {
        name.cells.push(row.source.to_string());
        let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
        let cells = [
            text::cut(row.format.as_str(), 16),
            row.state.says().to_owned(),
            count(row.calls),
            count(row.bad),
            count(row.copies),
            text::cut(&row.note, (width / 3).max(8)),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Draws the bad lines of the selected source, scrolled down by `offset`.
pub(super) fn draw_bad(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1) / 2);
    let Some(source) = app.picked_source() else {
        return Seen { rows, ..Seen::default() };
    };
    let width = usize::from(area.width).saturating_sub(1);
    let (lines, kept) = (source.bad, source.bad_lines.len());
    let bad = text::plural(i64::try_from(lines).unwrap_or(i64::MAX), "line");
    let heading = match kept {
        0 => format!("{}: {bad} could not be read", source.source),
        _ => format!("{}: {bad} could not be read, the latest {kept}:", source.source),
    };
    pen.put(row(area, 0), 1, &text::cut(&heading, width), Meaning::Text);
    let offset = offset.min(kept.saturating_sub(rows));
    for (index, bad) in source.bad_lines.iter().skip(offset).take(rows).enumerate() {
        let at = u16::try_from(index * 2 + 1).unwrap_or(u16::MAX);
        let place = if bad.line == 0 { bad.file.to_string() } else { format!("{}:{}", bad.file, bad.line) };
        pen.put(row(area, at), 1, &text::cut(&format!("{place}  {}", bad.reason), width), Meaning::Warn);
        let excerpt = text::cut(&bad.excerpt, width.saturating_sub(4));
        pen.put(row(area, at.saturating_add(1)), 4, &excerpt, Meaning::Muted);
    }
    Seen { rows, opened: Some(offset), ..Seen::default() }
}
