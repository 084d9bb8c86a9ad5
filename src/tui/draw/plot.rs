//! Lines over time: dots of braille, or characters where there is nothing but ASCII. The lines differ by how far
//! their dots are apart, so that they are told apart without colour.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use crate::domain::calendar::Span;
use crate::domain::time::{Millis, Timestamp};
use crate::tui::theme::Meaning;

/// How a line looks. A later one is drawn over an earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stroke {
    /// A dot now and then.
    Sparse,
    /// Thin dots.
    Thin,
    /// Dashes.
    Dashed,
    /// Short dashes.
    Short,
    /// Every dot, and steps are joined.
    Solid,
}

impl Stroke {
    /// Says whether there is a dot in a column. Columns of characters are half as many as those of dots.
    fn has_dot(self, column: usize, dots: Dots) -> bool {
        match (self, dots) {
            (Stroke::Sparse, Dots::Braille) => column.is_multiple_of(8),
            (Stroke::Thin, Dots::Braille) => column.is_multiple_of(3),
            (Stroke::Dashed, Dots::Braille) => column % 6 < 4,
            (Stroke::Short, Dots::Braille) => column % 4 < 2,
            (Stroke::Sparse, Dots::Characters) => column.is_multiple_of(4),
            (Stroke::Thin, Dots::Characters) => column.is_multiple_of(2),
            (Stroke::Dashed | Stroke::Short, Dots::Characters) => column % 3 < 2,
            (Stroke::Solid, _) => true,
        }
    }

    const fn character(self) -> char {
        match self {
            Stroke::Sparse => '.',
            Stroke::Thin => ',',
            Stroke::Dashed => '-',
            Stroke::Short => '=',
            Stroke::Solid => '*',
        }
    }
}

/// What a line is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dots {
    /// Two columns and four rows a cell.
    Braille,
    /// One a cell.
    Characters,
}

/// A line: its points in order of time, and how it looks.
pub(super) struct Line {
    /// The points.
    pub(super) points: Vec<(Timestamp, i128)>,
    /// How it looks.
    pub(super) stroke: Stroke,
    /// What it means.
    pub(super) meaning: Meaning,
}

/// The rectangle of a plot: what its sides stand for.
pub(super) struct Plot {
    /// From left to right.
    pub(super) time: Span,
    /// The lowest value.
    pub(super) low: i128,
    /// The highest.
    pub(super) high: i128,
}

/// A cell with dots in it.
#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    stroke: Option<(Stroke, Meaning)>,
}

impl Plot {
    /// Draws the lines, the first below the others.
    pub(super) fn draw(&self, pen: &mut Pen<'_>, area: Rect, lines: &[Line]) {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        if width == 0 || height == 0 {
            return;
        }
        let ascii = pen.theme.glyphs.levels.first().is_some_and(|level| level.is_ascii());
        let dots = if ascii { Dots::Characters } else { Dots::Braille };
        let mut cells = vec![Cell::default(); width * height];
        for line in lines {
            self.trace(line, (width, height), dots, &mut cells);
        }
        for (index, cells) in cells.chunks(width).enumerate() {
            let line = row(area, u16::try_from(index).unwrap_or(u16::MAX));
            for (column, cell) in cells.iter().enumerate() {
                let Some((stroke, meaning)) = cell.stroke else { continue };
                let braille = char::from_u32(0x2800 + u32::from(cell.dots)).unwrap_or(' ');
                let glyph = if ascii { stroke.character() } else { braille };
                pen.put(line, column, glyph.encode_utf8(&mut [0; 4]), meaning);
            }
        }
    }

    fn trace(&self, line: &Line, (width, height): (usize, usize), dots: Dots, cells: &mut [Cell]) {
        let (across, down) = if dots == Dots::Braille { (2, 4) } else { (1, 1) };
        let (columns, rows) = (width * across, height * down);
        let mut before: Option<usize> = None;
        for column in 0..columns {
            let Some(value) = value_at(&line.points, self.at(column, columns)) else {
                before = None;
                continue;
            };
            let place = self.row_of(value, rows);
            let from = before.filter(|_| line.stroke == Stroke::Solid).unwrap_or(place);
            before = Some(place);
            if !line.stroke.has_dot(column, dots) {
                continue;
            }
            // Steps are joined in the column where they end, but for the dot where they began.
            let span = match from.cmp(&place) {
                std::cmp::Ordering::Less => from + 1..=place,
                std::cmp::Ordering::Equal => place..=place,
                std::cmp::Ordering::Greater => place..=from - 1,
            };
            for row in span {
                let Some(cell) = cells.get_mut(row / down * width + column / across) else { continue };
                cell.dots |= bit(column % across, row % down);
                if cell.stroke.is_none_or(|known| known.0 <= line.stroke) {
                    cell.stroke = Some((line.stroke, line.meaning));
                }
            }
        }
    }

    /// Returns the instant that a column of dots stands for: its middle.
    fn at(&self, column: usize, columns: usize) -> Timestamp {
        let length = u128::from(self.time.end.since(self.time.start).count());
        let (column, columns) = (column as u128, columns as u128);
        let gone = length * (2 * column + 1) / (2 * columns).max(1);
        self.time.start.after(Millis::new(u64::try_from(gone).unwrap_or(u64::MAX)))
    }

    /// Returns the row of dots of a value, from the top; a value outside is drawn at the edge.
    pub(super) fn row_of(&self, value: i128, rows: usize) -> usize {
        let span = self.high.saturating_sub(self.low).max(1);
        let above = self.high.saturating_sub(value.clamp(self.low, self.high));
        let last = i128::try_from(rows.saturating_sub(1)).unwrap_or(0);
        let place =
            above.saturating_mul(last).saturating_mul(2).saturating_add(span) / span.saturating_mul(2);
        usize::try_from(place).unwrap_or(0).min(rows.saturating_sub(1))
    }
}

fn bit(column: usize, row: usize) -> u8 {
    const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    BITS[column % 2][row % 4]
}

/// Returns the value of a line at an instant, straight between its points; nothing before and after it.
fn value_at(points: &[(Timestamp, i128)], at: Timestamp) -> Option<i128> {
    let next = points.partition_point(|point| point.0 <= at);
    let (from, before) = *points.get(next.checked_sub(1)?)?;
    let Some(&(to, after)) = points.get(next) else { return (from == at).then_some(before) };
    let (gone, whole) = (i128::from(at.since(from).count()), i128::from(to.since(from).count()).max(1));
    Some(before.saturating_add(after.saturating_sub(before).saturating_mul(gone) / whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_line_is_straight_between_its_points_and_nowhere_else() {
        let points = [(at(0), 100), (at(100), 0)];
        let values = [-1, 0, 25, 100, 101].map(|millis| value_at(&points, at(millis)));
        assert_eq!(values, [None, Some(100), Some(75), Some(0), None]);
    }

    #[test]
    fn the_highest_is_on_top_and_the_lowest_at_the_bottom() {
        let plot = Plot { time: Span { start: at(0), end: at(10) }, low: -50, high: 100 };
        let rows = [100, 25, -50, -999, 999].map(|value| plot.row_of(value, 31));
        assert_eq!(rows, [0, 15, 30, 30, 0]);
    }

    proptest! {
        #[test]
        fn any_values_stay_inside(
            low in any::<i64>(), high in any::<i64>(), value in any::<i128>(), rows in 0_usize..500,
        ) {
            let plot = Plot { time: Span { start: at(0), end: at(10) }, low: low.min(high).into(), high: low.max(high).into() };
            prop_assert!(plot.row_of(value, rows) < rows.max(1));
        }
    }
}
