//! A box over the page: what help and choices are drawn in.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use crate::tui::text;
use crate::tui::theme::Meaning;

/// What a box holds.
pub(super) struct Dialog<'a> {
    /// Its heading.
    pub(super) title: String,
    /// Its lines.
    pub(super) lines: &'a [String],
    /// The first line that is shown, as far as there are enough.
    pub(super) offset: usize,
    /// The line that keys act on.
    pub(super) selected: Option<usize>,
    /// The line and the column where text goes.
    pub(super) cursor: Option<(usize, usize)>,
}

/// Breaks a text into lines of whole words. A word that is too long for a line is left out and leaves a
/// `~`: a part of a number would read as another one.
pub(super) fn wrap(words: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        let word = if text::width(word) > columns { "~" } else { word };
        let line = lines.last_mut().map_or(0, |line| text::width(line));
        match lines.last_mut() {
            Some(last) if line == 0 => last.push_str(word),
            Some(last) if line + 1 + text::width(word) <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Draws the box at the top of an area, and returns the first line that it shows.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, dialog: &Dialog<'_>) -> usize {
    let widest = dialog.lines.iter().map(|line| text::width(line)).max().unwrap_or(0);
    let widest = widest.max(text::width(&dialog.title) + 2);
    let width = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(dialog.lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let left = area.x + (area.width - width) / 2;
    let window = Rect { x: left, y: area.y, width, height }.intersection(pen.buf.area);
    // A number that is covered in part would read as another one: whole rows are cleared.
    clear(pen, Rect { height: window.height, ..area });
    let rows = usize::from(height.saturating_sub(2));
    let inside = Rect { y: window.y.saturating_add(1), height: window.height.saturating_sub(2), ..window };
    let offset = dialog.offset.min(dialog.lines.len().saturating_sub(rows));
    pen.told.choices = dialog.selected.map(|_| (inside, offset));
    frame(pen, window, dialog, offset..(offset + rows).min(dialog.lines.len()));
    let side = pen.theme.glyphs.corners[4];
    for (index, line) in dialog.lines.iter().enumerate().skip(offset).take(rows) {
        let at = row(window, u16::try_from(index - offset + 1).unwrap_or(u16::MAX));
        pen.put(at, 0, side, Meaning::Border);
        let meaning = if line.trim_start().starts_with("! ") { Meaning::Bad } else { Meaning::Text };
        pen.put(at, 2, &text::cut(line, usize::from(width).saturating_sub(4)), meaning);
        pen.put(at, usize::from(width.saturating_sub(1)), side, Meaning::Border);
        if let Some((_, column)) = dialog.cursor.filter(|cursor| cursor.0 == index) {
            let x = at.x + u16::try_from(column + 2).unwrap_or(u16::MAX).min(at.width);
            pen.focus(Rect { x, width: 1, ..at }.intersection(at));
        }
        if dialog.selected == Some(index) {
            pen.focus(Rect { x: at.x + 1.min(at.width), width: at.width.saturating_sub(2), ..at });
        }
    }
    offset
}

/// Draws heading and foot; the foot says which lines are shown where they are not all.
fn frame(pen: &mut Pen<'_>, window: Rect, dialog: &Dialog<'_>, shown: std::ops::Range<usize>) {
    let [top_left, top_right, bottom_left, bottom_right, _] = pen.theme.glyphs.corners;
    let room = usize::from(window.width).saturating_sub(4);
    let rule = pen.theme.glyphs.rule.repeat(usize::from(window.width.saturating_sub(2)));
    pen.put(row(window, 0), 0, &format!("{top_left}{rule}{top_right}"), Meaning::Border);
    pen.put(row(window, 0), 2, &text::cut(&format!(" {} ", dialog.title), room), Meaning::Text);
    let last = row(window, window.height.saturating_sub(1));
    pen.put(last, 0, &format!("{bottom_left}{rule}{bottom_right}"), Meaning::Border);
    if shown.len() < dialog.lines.len() {
        let keys = if dialog.cursor.is_some() { "tab" } else { "j k" };
        let rows = format!(" {}-{} of {}: {keys} ", shown.start + 1, shown.end, dialog.lines.len());
        pen.put(last, 2, &text::cut(&rows, room), Meaning::Muted);
    }
}

pub(super) fn clear(pen: &mut Pen<'_>, area: Rect) {
    let area = area.intersection(pen.buf.area);
    for position in area.positions() {
        if let Some(cell) = pen.buf.cell_mut(position) {
            cell.reset();
        }
    }
    pen.buf.set_style(area, pen.theme.base());
}
