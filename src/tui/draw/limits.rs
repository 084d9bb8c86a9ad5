//! What providers still let through, as their last answers told it; below, all limits of the selected group.

use ratatui::layout::Rect;

use super::nothing;
use super::pen::{Pen, Span, row};
use super::table::{Column, Sorted, Table};
use crate::domain::limits::{Dimension, Limit, Limits};
use crate::tui::app::{App, Seen};
use crate::tui::page::limits::{Now, OLD, key, tightest};
use crate::tui::text;
use crate::tui::theme::{Glyphs, Meaning};

/// Parts of a gauge.
const GAUGE: u32 = 10;
/// The least rows of the table above the list of one group's limits.
const TABLE: u16 = 6;
/// What is said below all.
const NOTE: &str = "From reply headers. Not seen for 60s is shown as ? and counts as unknown. \
                    The guard does not adapt its concurrency: nothing here throttles a call.";

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let now = app.picture().pages.limits.clone().unwrap_or_default();
    let picked = app.limits.picked().and_then(|wanted| now.groups.iter().find(|it| key(it) == wanted));
    let told = picked.map_or(0, |group| u16::try_from(group.told.len()).unwrap_or(u16::MAX));
    let below = told.saturating_add(3);
    let split = area.height >= TABLE.saturating_add(below) && picked.is_some();
    let height = if split { area.height - below } else { area.height };
    let rows = usize::from(height.saturating_sub(1));
    if app.limits.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.limits.visible(rows);
    let find = |wanted: &_| now.groups.iter().find(|group| key(group) == *wanted);
    let shown: Vec<&Limits> = visible.iter().filter_map(find).collect();
    let sorted = Sorted::of(&app.limits, &pen.theme.glyphs);
    let mut table = columns(app, &now, &shown, (sorted, &pen.theme.glyphs));
    table.selected = app.limits.index().checked_sub(start);
    table.draw_as(pen, Rect { height, ..area }, &app.limits.view);
    if let Some(group) = picked.filter(|_| split) {
        let area = Rect { y: area.y + height, height: below, ..area };
        let name = format!("{}/{} {}", group.provider, group.key, group.model);
        pen.rule(row(area, 0), &name);
        let rest = Rect { y: area.y + 1, height: below - 2, ..area };
        all_of(app, group, &pen.theme.glyphs).draw(pen, rest);
        let note = text::cut(NOTE, usize::from(area.width).saturating_sub(1));
        pen.put(row(area, below - 1), 1, &note, Meaning::Muted);
    }
    Seen { rows, ..Seen::default() }
}

fn columns(app: &App, now: &Now, rows: &[&Limits], (sorted, glyphs): (Sorted, &Glyphs)) -> Table {
    let mut name = Column::word(&sorted.title("PROVIDER/KEY", 1), 16, 0);
    let mut columns = vec![
        Column::word(&sorted.title("MODEL", 2), 12, 1),
        Column::word("LIMIT", 7, 2),
        Column::number("LEFT", 6, 3),
        Column::number("OF", 6, 4),
        Column::number(&sorted.title("HEADROOM", 0), 15, 0),
        Column::number("RESET", 5, 5),
        Column::number("AGE", 4, 6),
        Column::number("429/H", 5, 6),
    ];
    for group in rows {
        name.cells.push(format!("{}/{}", group.provider, group.key));
        let tight = tightest(group, app.now);
        let refused = now.refused.get(&[group.provider, group.model]).copied().unwrap_or(0);
        let [limit, left, of, headroom, reset] = tight.map_or_else(unknown, |it| figures(app, it, glyphs));
        let cells = [
            text::cut(group.model.as_str(), 24),
            limit,
            left,
            of,
            headroom,
            reset,
            text::age(app.now.since(group.observed_at)),
            text::count(i64::try_from(refused).unwrap_or(i64::MAX)),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns the cells of a group of which nothing is known now.
fn unknown() -> [String; 5] {
    ["?", "?", "?", "?", "-"].map(str::to_owned)
}

/// Returns every limit of a group.
pub(super) fn all_of(app: &App, group: &Limits, glyphs: &Glyphs) -> Table {
    let mut name = Column::word("LIMIT", 8, 0);
    let mut columns = vec![
        Column::number("LEFT", 6, 2),
        Column::number("OF", 6, 3),
        Column::number("HEADROOM", 15, 1),
        Column::number("RESET", 5, 4),
    ];
    let fresh = app.now.since(group.observed_at) < OLD;
    for limit in &group.told {
        let [what, cells @ ..] = figures(app, limit, glyphs);
        let [left, of, headroom, reset] = if fresh { cells } else { ["?", "?", "?", "-"].map(str::to_owned) };
        name.cells.push(what);
        for (column, cell) in columns.iter_mut().zip([left, of, headroom, reset]) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

/// Returns what is limited, what is left, of how much, the gauge, and when it is full again.
fn figures(app: &App, limit: &Limit, glyphs: &Glyphs) -> [String; 5] {
    let count = |count: Option<u64>| {
        count.map_or_else(|| "?".to_owned(), |count| text::short(i64::try_from(count).unwrap_or(i64::MAX)))
    };
    let what = match limit.dimension {
        Dimension::Requests => "req",
        Dimension::Tokens => "tok",
        Dimension::InputTokens => "in-tok",
        Dimension::OutputTokens => "out-tok",
        Dimension::PlanShare => "plan",
    };
    let reset = match limit.resets_at {
        Some(at) if at > app.now => text::length(at.since(app.now)),
        _ => "-".to_owned(),
    };
    let headroom = limit.headroom().map_or_else(|| "?".to_owned(), |points| gauge(points, glyphs));
    [what.to_owned(), count(limit.remaining), count(limit.limit), headroom, reset]
}

/// Returns a gauge of basis points, and their per cents.
fn gauge(points: u16, glyphs: &Glyphs) -> String {
    let full = usize::try_from((u32::from(points) * GAUGE).div_ceil(10_000)).unwrap_or(0);
    let empty = usize::try_from(GAUGE).unwrap_or(0).saturating_sub(full);
    let bar = glyphs.levels[7].repeat(full) + &glyphs.dot.repeat(empty);
    let sign = if points < 2_000 { "!" } else { "" };
    format!("{bar} {:>3}%{sign}", points / 100)
}

/// Returns row 3: the lowest headroom, and how often providers refused.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = app.picture().pages.limits.clone() else { return Vec::new() };
    let fresh = now.groups.iter().filter_map(|group| Some((tightest(group, app.now)?.headroom()?, group)));
    let lowest = fresh.min_by_key(|(points, group)| (*points, key(group)));
    let refused: u64 = now.refused.values().sum();
    let refused = format!("429s in the last hour: {refused}");
    let Some((points, group)) = lowest else { return vec![vec![(format!(" {refused}"), Meaning::Text)]] };
    let who = format!("{}/{} {}", group.provider, group.key, group.model);
    let line = |who: &str, refused: &str| {
        vec![
            (" LOWEST HEADROOM  ".to_owned(), Meaning::Muted),
            (format!("{who} {}%   {refused}", points / 100), Meaning::Text),
        ]
    };
    vec![line(&who, &refused), line(&who, ""), line(&text::cut(&who, 20), "")]
}

/// Returns what is said where nothing is known.
pub(super) fn empty(app: &App) -> Vec<String> {
    let guards = app.live.caps.guards.is_empty();
    let mut lines = vec!["No provider has told a limit yet.".to_owned(), String::new()];
    lines.push("Limits come with the answers that pass `outlay guard`.".to_owned());
    if guards {
        lines.push("No guard is running now.".to_owned());
    }
    lines
}
