//! One group of limits: all it told, how its headroom went, who calls its model, and the calls that were refused.

use ratatui::layout::Rect;

use super::bars::{self, Bars};
use super::detail::{count, halves, rows_from};
use super::limits::all_of;
use super::pen::{Pen, row};
use super::table::{Column, Table};
use crate::domain::label::Label;
use crate::domain::limits::Limits;
use crate::tui::app::{App, Seen};
use crate::tui::page::limits::{Now, key};
use crate::tui::picture::Measure;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the bars, their rule included.
const BARS: u16 = 7;
/// The least rows of the lists below, their rule included.
const LISTS: u16 = 3;
/// What is said of the way the guard holds back.
const NOTE: &str = "The guard does not adapt its concurrency: no headroom slows a call.";

/// Draws the selected group.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let seen = Seen { rows: usize::from(area.height), ..Seen::default() };
    let now = app.picture().pages.limits.clone().unwrap_or_default();
    let picked = app.limits.picked().and_then(|wanted| now.groups.iter().find(|it| key(it) == wanted));
    let Some(group) = picked else {
        pen.put(row(area, 1), 3, "It is not told of any more: esc goes back.", Meaning::Muted);
        return seen;
    };
    let age = text::age(app.now.since(group.observed_at));
    pen.rule(row(area, 0), &format!("{}/{} {}, told {age} ago", group.provider, group.key, group.model));
    let told = u16::try_from(group.told.len()).unwrap_or(u16::MAX).saturating_add(1);
    let told = told.min(area.height.saturating_sub(1));
    all_of(app, group, &pen.theme.glyphs).draw(pen, rows_from(area, 1, told));
    let room = usize::from(area.width).saturating_sub(1);
    pen.put(row(area, told + 1), 1, &text::cut(NOTE, room), Meaning::Muted);
    let rest = rows_from(area, told + 3, area.height);
    let bars = if rest.height >= BARS + LISTS { BARS } else { 0 };
    past(pen, rows_from(rest, 0, bars), app, group);
    let lists = rows_from(rest, bars, rest.height);
    if lists.height >= LISTS {
        let [left, right] = halves(lists);
        users(pen, left, app, (&now, group));
        refusals(pen, right, app, (&now, group));
    }
    seen
}

/// Draws the lowest headroom of each minute that the page was looked at.
fn past(pen: &mut Pen<'_>, area: Rect, app: &App, group: &Limits) {
    if area.height == 0 {
        return;
    }
    pen.rule(row(area, 0), "lowest headroom per minute, %, while this page was looked at");
    let minutes = app.limit_past.hour(key(group), app.now);
    let values: Vec<i64> = minutes.iter().map(|points| i64::from(points.unwrap_or(0)) / 100).collect();
    let labels = bars::minutes_ago(values.len());
    bars::draw(pen, rows_from(area, 1, area.height), &Bars { values, labels, measure: Measure::Calls });
}

/// Draws which tenants call the model.
fn users(pen: &mut Pen<'_>, area: Rect, app: &App, (now, group): (&Now, &Limits)) {
    let when = now.users_since.map_or_else(
        || "last hour".to_owned(),
        |since| format!("since {}", app.setup.calendar.time_text(since)),
    );
    pen.rule(row(area, 0), &format!("who calls it, {when}"));
    let Some(users) = now.users.get(&model_of(group)) else {
        pen.put(row(area, 1), 1, "nobody", Meaning::Muted);
        return;
    };
    let mut name = Column::word("TENANT", 12, 0);
    let mut calls = Column::number("REQ", 8, 0);
    for (tenant, many) in users.iter().take(usize::from(area.height.saturating_sub(2))) {
        name.cells.push(tenant.to_string());
        calls.cells.push(count(*many));
    }
    let table = Table { name, columns: vec![calls], selected: None, sum: false };
    table.draw(pen, rows_from(area, 1, area.height));
}

/// Draws the latest calls that were refused for their rate.
fn refusals(pen: &mut Pen<'_>, area: Rect, app: &App, (now, group): (&Now, &Limits)) {
    let many = now.refused.get(&model_of(group)).copied().unwrap_or(0);
    pen.rule(row(area, 0), &format!("429s, last hour: {}", count(many)));
    let [provider, model] = model_of(group);
    let mine = now.refusals.iter().map(|made| &made.0);
    let mine = mine.filter(|call| call.provider.label() == provider && call.model.label() == model);
    let mut name = Column::word("TENANT", 12, 0);
    let mut time = Column::word("TIME", 8, 0);
    for call in mine.take(usize::from(area.height.saturating_sub(2))) {
        name.cells.push(call.tenant.to_string());
        time.cells.push(app.setup.calendar.time_text(call.at));
    }
    if name.cells.is_empty() {
        pen.put(row(area, 1), 1, "none", Meaning::Muted);
        return;
    }
    let table = Table { name, columns: vec![time], selected: None, sum: false };
    table.draw(pen, rows_from(area, 1, area.height));
}

fn model_of(group: &Limits) -> [Label; 2] {
    [group.provider, group.model]
}
