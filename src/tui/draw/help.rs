//! The keys and what they do, over the page. Printed from the table of keys.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::pen::{Pen, row};
use crate::tui::app::{App, Tab};
use crate::tui::keys;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the box.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let lines = lines(app, usize::from(area.width));
    let widest = lines.iter().map(|line| text::width(line)).max().unwrap_or(0);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let left = area.x + (area.width - width) / 2;
    let window = Rect { x: left, y: area.y, width, height }.intersection(pen.buf.area);
    clear(pen, window);
    let [top_left, top_right, bottom_left, bottom_right, side] = pen.theme.glyphs.corners;
    let rule = pen.theme.glyphs.rule.repeat(usize::from(width.saturating_sub(2)));
    pen.put(row(window, 0), 0, &format!("{top_left}{rule}{top_right}"), Meaning::Border);
    pen.put(
        row(window, 0),
        2,
        &text::cut(" Keys: any key closes ", usize::from(width).saturating_sub(3)),
        Meaning::Text,
    );
    for (index, line) in lines.iter().enumerate().take(usize::from(height.saturating_sub(2))) {
        let at = row(window, u16::try_from(index + 1).unwrap_or(u16::MAX));
        pen.put(at, 0, side, Meaning::Border);
        pen.put(at, 2, &text::cut(line, usize::from(width).saturating_sub(4)), Meaning::Text);
        pen.put(at, usize::from(width.saturating_sub(1)), side, Meaning::Border);
    }
    let last = row(window, height.saturating_sub(1));
    pen.put(last, 0, &format!("{bottom_left}{rule}{bottom_right}"), Meaning::Border);
}

fn clear(pen: &mut Pen<'_>, area: Rect) {
    // A wide character that reaches into the box would push its border.
    for y in area.rows().map(|line| line.y) {
        let before = area.x.checked_sub(1).and_then(|x| pen.buf.cell_mut((x, y)));
        if let Some(cell) = before.filter(|cell| text::width(cell.symbol()) > 1) {
            cell.set_symbol(" ");
        }
    }
    for position in area.positions() {
        if let Some(cell) = pen.buf.cell_mut(position) {
            cell.reset();
        }
    }
    let style: Style = pen.theme.base();
    pen.buf.set_style(area, style);
}

fn lines(app: &App, width: usize) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for context in app.page_contexts() {
        for (action, keys) in keys::help(*context) {
            entries.push(format!("{:<16} {}", keys.join(" "), action.says()));
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
        lines.push("$/H: the last 15 minutes times four; ~ with less data.".to_owned());
        lines.push("?: cost unknown. +?: calls without a price come on top.".to_owned());
    }
    lines
}
