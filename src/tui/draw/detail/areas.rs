//! The first page of a tenant where there is room: everything about it in areas side by side.
//!
//! ```text
//! MODEL   REQ  IN  CACHED  OUT  TODAY  SHARE  $/REQ  P50  P95  P99  ERR%
//! ── cost per hour today ────────────────── latency, all models ──────────
//! ── errors today ───────────────────────── cache and estimate ───────────
//! ── guard and caps ──────────────────────────────────────────────────────
//! ```

use ratatui::layout::Rect;

use super::models::{quantile, table, tail};
use super::{
    calls, count, detail, facts, failed_of, halves, hours, per_cent, rows_from, signed, total, waits,
};
use crate::domain::cap::Fraction;
use crate::tui::app::{App, Seen};
use crate::tui::draw::gauge::bar;
use crate::tui::draw::pen::{Pen, row};
use crate::tui::event::Detail;
use crate::tui::page::tenant::Now;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Rows of the areas, their rules and an empty row below included.
const TIMES: u16 = 9;
const WHYS: u16 = 7;
const GUARDS: u16 = 5;
/// Columns of a bar of a length.
const BAR: usize = 24;

/// Draws the page with one of the models selected.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App, (detail, place): (&Detail, usize)) -> Seen {
    let wanted = u16::try_from(detail.models.len()).unwrap_or(u16::MAX).saturating_add(3);
    let top = rows_from(area, 0, wanted.min(area.height.saturating_sub(TIMES + WHYS + GUARDS)));
    let place = table(pen, Rect { height: top.height.saturating_sub(1), ..top }, app, (detail, place));
    let [left, right] = halves(rows_from(area, top.height, TIMES - 1));
    hours::bars(pen, left, app, detail);
    lengths(pen, right, app);
    let [left, right] = halves(rows_from(area, top.height + TIMES, WHYS - 1));
    errors(pen, left, app);
    cache(pen, right, app);
    guards(pen, rows_from(area, top.height + TIMES + WHYS, GUARDS), app);
    Seen { rows: usize::from(top.height.saturating_sub(3)), opened: Some(place), ..Seen::default() }
}

/// Draws how long the calls took.
fn lengths(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 0), &format!("latency, all models, {}", app.window.phrase()));
    let Some(now) = app.tenant_now() else { return drop(waits(pen, area, "reading its calls...")) };
    let all = now.sheet.all();
    let (took, first) = (&all.service.took, &all.service.first_byte);
    let length = |basis| Fraction::from_basis(basis).and_then(|part| took.quantile(part));
    let most = length(9_900).map_or(0, |it| u128::from(it.count()));
    for (index, (word, basis)) in (1..).zip([("p50", 5_000), ("p90", 9_000), ("p95", 9_500), ("p99", 9_900)])
    {
        let told = if basis == 5_000 { quantile(took, basis) } else { tail(took, basis) };
        let end = pen.put(row(area, index), 1, &format!("{word}  {told:>6}  "), Meaning::Text);
        let part = length(basis).map_or(0, |it| u128::from(it.count()));
        if !told.starts_with("n=") {
            pen.put(
                row(area, index),
                end,
                bar(part, most, BAR, &pen.theme.glyphs).trim_end(),
                Meaning::Series,
            );
        }
    }
    let first = format!("first byte   p50 {}   p95 {}", quantile(first, 5_000), tail(first, 9_500));
    pen.put(row(area, 5), 1, &first, Meaning::Text);
    let slow = now.sheet.slowest().map_or_else(
        || "-".to_owned(),
        |slow| {
            let when = app.setup.calendar.time_text(slow.at);
            format!("{}   {when}   {}", text::length(slow.took), slow.model)
        },
    );
    let room = usize::from(area.width).saturating_sub(1);
    pen.put(row(area, 6), 1, &text::cut(&format!("slowest      {slow}"), room), Meaning::Text);
    if let Some(part) = facts::partly(app, now) {
        pen.put(row(area, 7), 1, &text::cut(&part, room), Meaning::Muted);
    }
}

/// Draws why calls failed.
fn errors(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let sums = detail(app).map(total).unwrap_or_default();
    pen.rule(row(area, 0), &format!("errors {}: {}", app.window.phrase(), failed_of(&sums)));
    match app.tenant_now() {
        None => drop(waits(pen, area, "reading its calls...")),
        Some(now) if now.faults.is_empty() => {
            pen.put(row(area, 1), 1, "none", Meaning::Muted);
        }
        Some(now) => calls::classes(pen, rows_from(area, 1, area.height), now),
    }
}

/// Draws what the cache saved, and how far what was expected was off.
fn cache(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 0), "cache and estimate");
    let Some(now) = app.tenant_now() else { return drop(waits(pen, area, "reading its calls...")) };
    let room = usize::from(area.width).saturating_sub(1);
    let all = &now.held.all;
    let mut lines: Vec<String> = Vec::new();
    for (index, part) in facts::cache(app, now, &now.sheet.all().saved).into_iter().enumerate() {
        lines.push(if index == 0 {
            format!("cached input     {part}")
        } else {
            format!("                 {part}")
        });
    }
    lines.push(if all.calls == 0 {
        "cost estimate    no call was foreseen and billed: guards do that".to_owned()
    } else {
        let p95 = all.p95().map_or_else(|| "-".to_owned(), per_cent);
        let n = count(u64::try_from(all.calls).unwrap_or(u64::MAX));
        format!("cost estimate    {} median   {p95} p95   n={n}", signed(all.median()))
    });
    lines.extend(worst_model(now));
    for (index, line) in (1..area.height).zip(&lines) {
        pen.put(row(area, index), 1, &text::cut(line, room), Meaning::Text);
    }
}

/// Returns the model whose guesses were off most.
fn worst_model(now: &Now) -> Option<String> {
    let known = now.held.models.iter().filter_map(|(model, guessed, _)| Some((model, guessed.bias()?)));
    let (model, bias) = known.max_by_key(|(_, bias)| bias.saturating_abs())?;
    Some(format!("worst model      {model} {}", signed(Some(bias))))
}

/// Draws what passed the guards, and how the caps stand.
fn guards(pen: &mut Pen<'_>, area: Rect, app: &App) {
    pen.rule(row(area, 0), "guard and caps");
    let room = usize::from(area.width).saturating_sub(1);
    let guard = app.tenant_now().map(facts::guard).unwrap_or_default();
    pen.put(row(area, 1), 1, &super::joined(&guard, "   ", room), Meaning::Text);
    let caps = facts::caps(app, room);
    for (index, (line, meaning)) in (2..).zip(&caps) {
        pen.put(row(area, index), 1, line, *meaning);
    }
    if caps.is_empty() {
        pen.put(row(area, 2), 1, "no cap holds this tenant", Meaning::Muted);
    }
}
