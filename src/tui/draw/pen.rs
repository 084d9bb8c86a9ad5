//! Writes text into cells and stays inside.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::label::printable;
use crate::tui::app::Spot;
use crate::tui::export::Grid;
use crate::tui::keys::Action;
use crate::tui::tab::Tab;
use crate::tui::text;
use crate::tui::theme::{Meaning, Theme};

/// Some text and what it means.
pub(super) type Span = (String, Meaning);

/// Cells to write into, and how things look.
pub(super) struct Pen<'a> {
    pub(super) buf: &'a mut Buffer,
    pub(super) theme: &'a Theme,
    /// What the state is told of this frame.
    pub(super) told: Told,
    /// Where a table's cells go instead, when they are wanted as text.
    pub(super) grid: Option<Grid>,
}

/// What is found out while drawing, and the state is told.
#[derive(Default)]
pub(super) struct Told {
    /// The columns that the page's table has, in their order.
    pub(super) columns: Vec<String>,
    /// Where the rows of the page's table stand.
    pub(super) table: Rect,
    /// Where the tabs stand: from this column on, so many.
    pub(super) tabs: Vec<(Tab, u16, u16)>,
    /// Where the headings of the page's table stand.
    pub(super) headings: Vec<Spot<String>>,
    /// Where the keys of the last row stand.
    pub(super) buttons: Vec<Spot<Action>>,
    /// Where the lines of a list over the page stand, and which is the first.
    pub(super) choices: Option<(Rect, usize)>,
}

impl Pen<'_> {
    /// Writes text into the first row of an area from a column on, and returns the column after it.
    pub(super) fn put(&mut self, area: Rect, column: usize, text: &str, meaning: Meaning) -> usize {
        let area = area.intersection(self.buf.area);
        let Some(room) = usize::from(area.width).checked_sub(column).filter(|room| *room > 0) else {
            return column;
        };
        if area.height == 0 {
            return column;
        }
        // The last guard before the cells: whatever came here without being made a label.
        let text = if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(printable(text, room.saturating_mul(2)))
        };
        let x = area.x + u16::try_from(column).unwrap_or(u16::MAX);
        let (end, _) = self.buf.set_stringn(x, area.y, text, room, self.theme.style(meaning));
        usize::from(end - area.x)
    }

    /// Writes spans one after another.
    pub(super) fn spans(&mut self, area: Rect, column: usize, spans: &[Span]) -> usize {
        spans.iter().fold(column, |column, (text, meaning)| self.put(area, column, text, *meaning))
    }

    /// Writes the first of several versions that fits as a whole; none if none does.
    pub(super) fn first_that_fits(&mut self, area: Rect, versions: &[Vec<Span>]) {
        let fits = |spans: &&Vec<Span>| width(spans) <= usize::from(area.width);
        if let Some(spans) = versions.iter().find(fits) {
            self.spans(area, 0, spans);
        }
    }

    /// Marks an area as the one keys act on.
    pub(super) fn focus(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        self.buf.set_style(area, self.theme.style(Meaning::Focus));
    }

    /// Draws a rule with a heading in it.
    pub(super) fn rule(&mut self, area: Rect, heading: &str) {
        let rule = self.theme.glyphs.rule.repeat(usize::from(area.width));
        self.put(area, 0, &rule, Meaning::Border);
        if !heading.is_empty() {
            let room = usize::from(area.width).saturating_sub(4);
            self.put(area, 2, &text::cut(&format!(" {heading} "), room), Meaning::Muted);
        }
    }
}

/// Returns where something stands in a row.
pub(super) fn spot<T>(line: Rect, column: usize, width: usize, what: T) -> Spot<T> {
    let start = line.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
    Spot { what, start, width: u16::try_from(width).unwrap_or(u16::MAX), row: line.y }
}

/// Returns the columns that spans take.
pub(super) fn width(spans: &[Span]) -> usize {
    spans.iter().map(|span| text::width(&span.0)).sum()
}

/// Returns a row of an area; nothing where it has none.
pub(super) fn row(area: Rect, index: u16) -> Rect {
    if index >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect { y: area.y + index, height: 1, ..area }
}
