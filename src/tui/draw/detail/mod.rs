//! One tenant: its pages, and the call that was opened on one of them.
//!
//! ```text
//! docs-rag   [Models] Hours  Requests  Errors  Estimate      tab next page   esc back
//! TODAY 186.40 of 200.00   93%   reaches the cap at 15:36, then downgrade
//! ────────────────────────────────────────────────────────────────────────────────────
//! the page
//! 186.40 = 12,418 calls from 2 sources, no provider bill is read     window: today
//! ```

mod heading;
mod models;
mod facts;
mod areas;
mod hours;
mod calls;
mod estimate;

use ratatui::layout::Rect;

use super::Class;
use super::pen::{Pen, row};
use crate::domain::burn::Live;
use crate::domain::rollup::Sums;
use crate::tui::app::{App, Seen};
use crate::tui::event::Detail;
use crate::tui::page::tenant::Part;
use crate::tui::text;
use crate::tui::theme::Meaning;

pub(super) use facts::caps;
pub(super) use heading::{numbers, provenance, sentence};
pub(super) use models::{models_of, quantile, tail};

/// Draws the page that is shown of the tenant.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, class: Class, place: usize) -> Seen {
    let Some(tenant) = app.tenants.picked() else {
        return Seen::default();
    };
    let Some(detail) = detail(app) else {
        return waits(pen, area, &format!("reading {tenant}..."));
    };
    match app.part {
        Part::Models if class == Class::Wide => areas::draw(pen, area, app, (detail, place)),
        Part::Models => models::draw(pen, area, app, (detail, place)),
        Part::Hours => hours::draw(pen, area, app, (detail, place)),
        Part::Requests => calls::draw_latest(pen, area, app),
        Part::Errors => calls::draw_failed(pen, area, app),
        Part::Estimate => estimate::draw(pen, area, app),
    }
}

/// Returns what the tenant that is open spent on in the window, once it was read.
fn detail(app: &App) -> Option<&Detail> {
    let tenant = app.tenants.picked()?;
    let detail = app.picture().detail.as_ref();
    detail.filter(|it| (it.tenant, it.window) == (tenant, app.window))
}

/// Returns what all models come to.
fn total(detail: &Detail) -> Sums {
    let mut total = Sums::default();
    for (_, sums) in &detail.models {
        total += *sums;
    }
    total
}

/// Says what is waited for.
fn waits(pen: &mut Pen<'_>, area: Rect, words: &str) -> Seen {
    let text = text::cut(words, usize::from(area.width).saturating_sub(3));
    pen.put(row(area, 1), 3, &text, Meaning::Muted);
    Seen { rows: usize::from(area.height), ..Seen::default() }
}

/// Returns as many of the parts as fit into so many columns as a whole, the first ones first.
fn joined(parts: &[String], gap: &str, columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { gap };
        if text::width(&line) + gap.len() + text::width(part) > columns {
            break;
        }
        line.push_str(gap);
        line.push_str(part);
    }
    line
}

/// Returns a part of a whole in basis points as `+1.9%`.
fn signed(basis: Option<i64>) -> String {
    let Some(basis) = basis else { return "-".to_owned() };
    let sign = if basis < 0 { '-' } else { '+' };
    format!("{sign}{}", per_cent(basis))
}

/// Returns a part of a whole in basis points as `1.9%`, without its sign.
fn per_cent(basis: i64) -> String {
    let tenths = (basis.unsigned_abs().saturating_add(5)) / 10;
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// Returns how many calls failed of how many, and their share: `143 of 12,418 (1.2%)`.
fn failed_of(sums: &Sums) -> String {
    let all = sums.calls.saturating_add(sums.failed);
    format!("{} of {} ({})", text::count(sums.failed), text::count(all), text::share(sums.failed, all))
}

/// Returns tokens in three digits.
fn tokens(count: u64) -> String {
    text::short(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Returns a count of things.
pub(super) fn count(count: u64) -> String {
    text::count(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Returns what some calls cost.
fn cost(sums: &Sums) -> String {
    text::cost(&Live::of(sums))
}

/// Returns the left and the right half of an area, with a column between them.
pub(super) fn halves(area: Rect) -> [Rect; 2] {
    let left = area.width / 2;
    [
        Rect { width: left.saturating_sub(1), ..area },
        Rect { x: area.x + left, width: area.width - left, ..area },
    ]
}

/// Returns so many rows of an area from one on, as far as it has them.
pub(super) fn rows_from(area: Rect, first: u16, rows: u16) -> Rect {
    let first = first.min(area.height);
    Rect { y: area.y + first, height: rows.min(area.height - first), ..area }
}
