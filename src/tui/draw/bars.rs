//! Upright bars with their highest value and a label under some of them.

use ratatui::layout::Rect;

use super::pen::{Pen, row};
use crate::domain::money::Money;
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// What is drawn.
pub(super) struct Bars {
    /// The heights, from left to right.
    pub(super) values: Vec<i64>,
    /// What stands under each; empty under most.
    pub(super) labels: Vec<String>,
    /// What the values are.
    pub(super) measure: Measure,
}

/// Returns labels for so many minutes up to now: a quarter of an hour apart.
pub(super) fn minutes_ago(count: usize) -> Vec<String> {
    (0..count).map(|at| if at % 15 == 0 { format!("-{}m", count - at) } else { String::new() }).collect()
}

/// Draws the bars. The oldest are left out where there is no room for all.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, bars: &Bars) {
    let highest = bars.values.iter().copied().max().unwrap_or(0).max(0);
    let scale = match bars.measure {
        Measure::Cost => text::headline(Money::from_nanos(highest)),
        Measure::Tokens | Measure::Calls => text::short(highest),
    };
    let left = text::width(&scale) + 2;
    let room = usize::from(area.width).saturating_sub(left + 1);
    if area.height < 2 || room == 0 {
        return;
    }
    let wide = if bars.values.len() * 3 <= room { 3 } else { 1 };
    let skip = bars.values.len().saturating_sub(room / wide);
    let rows = area.height - 1;
    pen.put(row(area, 0), 1, &scale, Meaning::Muted);
    for (place, value) in bars.values.iter().skip(skip).enumerate() {
        let at = left + place * wide;
        let eighths = i128::from((*value).max(0)) * i128::from(rows) * 8 / i128::from(highest.max(1));
        for up in 0..rows {
            let level = eighths - i128::from(up) * 8;
            let least = i128::from(*value > 0 && up == 0);
            let Ok(level @ 1..) = usize::try_from(level.max(least)) else { break };
            let glyph = pen.theme.glyphs.levels[level.min(8) - 1].repeat(wide.div_ceil(2));
            pen.put(row(area, rows - 1 - up), at, &glyph, Meaning::Series);
        }
        let label = bars.labels.get(place + skip).map_or("", String::as_str);
        if at + text::width(label) <= usize::from(area.width) {
            pen.put(row(area, rows), at, label, Meaning::Muted);
        }
    }
}
