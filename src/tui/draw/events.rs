//! Calls as they come, newest first; opened, all of one call and how its cost is made.

use ratatui::layout::Rect;

use super::dialog::wrap;
use super::nothing;
use super::pen::{Pen, Span, row};
use super::table::{Column, Sorted, Table};
use crate::domain::call::{Call, CallId, Cost, Status};
use crate::domain::hour::Made;
use crate::domain::money::Factor;
use crate::domain::price::{Bill, Class};
use crate::domain::time::Millis;
use crate::tui::app::{App, Seen};
use crate::tui::page::events::Record;
use crate::tui::text;
use crate::tui::theme::Meaning;

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, app: &App) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    if app.events.order.is_empty() {
        nothing(pen, area, app);
        return Seen { rows, ..Seen::default() };
    }
    let (start, visible) = app.events.visible(rows);
    let now = app.picture().pages.events.clone().unwrap_or_default();
    let find = |wanted: &_| now.calls.iter().find(|made| made.0.id == *wanted);
    let shown: Vec<&Made> = visible.iter().filter_map(find).map(AsRef::as_ref).collect();
    let mut table = columns(app, &shown, Who::All(Sorted::of(&app.events, &pen.theme.glyphs)));
    table.selected = app.events.index().checked_sub(start);
    table.draw_as(pen, area, &app.events.view);
    Seen { rows, ..Seen::default() }
}

/// Whose calls a table lists.
#[derive(Clone, Copy)]
pub(super) enum Who {
    /// Those of all tenants, in this order.
    All(Sorted),
    /// Those of one: their models stand first.
    Model,
}

/// Returns a table of calls.
pub(super) fn columns(app: &App, rows: &[&Made], who: Who) -> Table {
    let (first, time, second) = match who {
        Who::All(sorted) => ("TENANT", sorted.title("TIME", 0), "MODEL"),
        Who::Model => ("MODEL", "TIME".to_owned(), "PROVIDER"),
    };
    let mut name = Column::word(first, 12, 0);
    let mut columns = vec![
        Column::word(&time, 8, 0),
        Column::word("KIND", 5, 5),
        Column::word(second, if first == "MODEL" { 8 } else { 12 }, 2),
        Column::number("IN/OUT", 9, 4),
        Column::money("COST", 8, 0),
        Column::number("TOOK", 5, 3),
        Column::word("NOTE", 4, 5),
    ];
    for (call, cost) in rows {
        let (whose, other) = match who {
            Who::All(_) => (call.tenant.to_string(), call.model.as_str()),
            Who::Model => (call.model.to_string(), call.provider.as_str()),
        };
        name.cells.push(whose);
        let tokens = |count: u64| text::short(i64::try_from(count).unwrap_or(i64::MAX));
        let cells = [
            app.setup.calendar.time_text(call.at),
            if call.status == Status::Failed { "error" } else { "call" }.to_owned(),
            text::cut(other, 24),
            format!("{}/{}", tokens(call.tokens.prompt().count()), tokens(call.tokens.output.count())),
            cost_of(*cost),
            took(call.latency),
            text::cut(&note(call), 24),
        ];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.cells.push(cell);
        }
    }
    Table { name, columns, selected: None, sum: false }
}

fn cost_of(cost: Cost) -> String {
    cost.money().map_or_else(|| "?".to_owned(), |money| money.rounded(4))
}

fn took(length: Option<Millis>) -> String {
    length.map_or_else(|| "-".to_owned(), text::length)
}

/// Returns what is special about a call.
fn note(call: &Call) -> String {
    let cached = i64::try_from(call.tokens.cache_read.count()).unwrap_or(i64::MAX);
    match call.status {
        Status::Failed if call.failure.is_empty() => "failed".to_owned(),
        Status::Failed => call.failure.to_string(),
        Status::Settled if call.calls != 1 => text::plural(i64::from(call.calls), "call"),
        Status::Settled if cached > 0 => format!("cached {}", text::count(cached)),
        Status::Settled => String::new(),
    }
}

/// Draws all of the selected call, scrolled down by `offset` lines.
pub(super) fn draw_one(pen: &mut Pen<'_>, area: Rect, app: &App, offset: usize) -> Seen {
    match app.events.picked() {
        Some(id) => draw_record(pen, area, app, (id, offset)),
        None => Seen::default(),
    }
}

/// Draws all of one call.
pub(super) fn draw_record(pen: &mut Pen<'_>, area: Rect, app: &App, (id, offset): (CallId, usize)) -> Seen {
    let rows = usize::from(area.height.saturating_sub(1));
    let record = app.picture().pages.record.clone().filter(|record| record.call.id == id);
    let Some(record) = record else {
        pen.put(row(area, 1), 3, "reading the call...", Meaning::Text);
        return Seen { rows, ..Seen::default() };
    };
    let call = &record.call;
    let room = usize::from(area.width).saturating_sub(11);
    let mut lines = Vec::new();
    for (label, words) in facts(&record) {
        for (place, line) in wrap(&words, room).into_iter().enumerate() {
            lines.push(format!("{:<8} {line}", if place == 0 { label } else { "" }));
        }
    }
    let offset = offset.min(lines.len().saturating_sub(rows));
    let heading =
        format!("record {}  {}  {}", app.setup.calendar.time_text(call.at), call.tenant, call.model);
    pen.rule(row(area, 0), &heading);
    for (index, line) in lines.iter().skip(offset).take(rows).enumerate() {
        pen.put(row(area, u16::try_from(index + 1).unwrap_or(u16::MAX)), 1, line, Meaning::Text);
    }
    Seen { rows, opened: Some(offset), ..Seen::default() }
}

fn facts(record: &Record) -> Vec<(&'static str, String)> {
    let call = &record.call;
    let count = |count: u64| text::count(i64::try_from(count).unwrap_or(i64::MAX));
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let tokens = &call.tokens;
    let written = tokens.cache_write_short.count() + tokens.cache_write_long.count();
    let mut facts = vec![
        ("provider", or_dash(call.provider.as_str())),
        ("status", if call.status == Status::Failed { note(call) } else { "answered".to_owned() }),
        (
            "tokens",
            format!(
                "{} in, {} of them cached, {} written to the cache; {} out, {} of them reasoning",
                count(tokens.prompt().count()),
                count(tokens.cache_read.count()),
                count(written),
                count(tokens.output.count()),
                count(tokens.reasoning.count())
            ),
        ),
        ("took", format!("{}, first byte after {}", took(call.latency), took(call.first_byte))),
    ];
    facts.extend(explained(record));
    facts.push(("ledger", or_dash(record.source.as_str())));
    facts.push(("id", format!("{:032x}", call.id.bits())));
    facts
}

/// Says what a call cost, and why.
fn explained(record: &Record) -> Vec<(&'static str, String)> {
    let sum = record.bill.as_ref().map(|bill| (bill.exact().round_up(), sum_of(bill)));
    let priced = |cost: &str| match (&sum, record.cost.money()) {
        (Some((comes_to, sum)), Some(money)) if *comes_to == money => {
            format!("{cost} = {sum} ({})", record.from)
        }
        (Some((comes_to, sum)), _) => {
            format!("{cost}, today's price book says {} = {sum} ({})", dollars(*comes_to), record.from)
        }
        (None, _) => format!("{cost}, the price book has no price for it"),
    };
    let words = match record.cost {
        Cost::Priced(money) => priced(&dollars(money)),
        Cost::Reported(money) => format!("{}, as the ledger states it", dollars(money)),
        Cost::Unpriced => priced("not known"),
    };
    vec![("cost", words)]
}

/// Returns dollars without trailing zeros, at least four places: `0.01215`.
fn dollars(money: crate::domain::money::Money) -> String {
    let text = money.to_dollars();
    let kept = text.trim_end_matches('0').len();
    let least = text.find('.').map_or(kept, |point| point + 5);
    text.get(..kept.max(least)).unwrap_or(&text).to_owned()
}

/// Returns a bill as a sum: `1,210 x 3.00/M + 512 x 15.00/M`.
fn sum_of(bill: &Bill) -> String {
    let line = |(class, tokens, rate): &(Class, _, crate::domain::money::Rate)| {
        let tokens: &crate::domain::tokens::Tokens = tokens;
        let count = text::count(i64::try_from(tokens.count()).unwrap_or(i64::MAX));
        let what = if *class == Class::Input { String::new() } else { format!(" {}", class.as_str()) };
        format!("{count}{what} x {}/M", rate.to_per_million())
    };
    let mut sum = bill.lines.iter().map(line).collect::<Vec<_>>().join(" + ");
    for factor in &bill.factors {
        sum = format!("({sum}) x {}", times(*factor));
    }
    for (count, rate) in &bill.fees {
        let fee = rate.of(*count).round_up();
        sum = format!("{sum} + {} by the piece {}", count.count(), dollars(fee));
    }
    if sum.is_empty() { "nothing".to_owned() } else { sum }
}

fn times(factor: Factor) -> String {
    let (whole, rest) = (factor.basis() / 10_000, factor.basis() % 10_000);
    format!("{whole}.{rest:04}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns row 3: how fast calls come, and whether the list follows.
pub(super) fn numbers(app: &App) -> Vec<Vec<Span>> {
    let Some(now) = &app.picture().pages.events else { return Vec::new() };
    let tenths = now.last_minute / 6;
    let pace = format!("{}.{} calls/s", tenths / 10, tenths % 10);
    let follows = match (app.held, app.events_behind()) {
        (None, _) => "following, newest first".to_owned(),
        (Some(_), 0) => "held still   f to follow".to_owned(),
        (Some(_), behind) => format!("{behind} new while you look   f to follow"),
    };
    let count = text::plural(i64::try_from(now.calls.len()).unwrap_or(i64::MAX), "call");
    let live = || vec![(" LIVE  ".to_owned(), Meaning::Muted), (pace.clone(), Meaning::Text)];
    let whole = format!("   {follows}   {count} of the last hour");
    let versions = [whole, format!("   {follows}"), String::new()];
    versions.into_iter().map(|rest| live().into_iter().chain([(rest, Meaning::Text)]).collect()).collect()
}

/// Returns what is said where there is no call.
pub(super) fn empty(_: &App) -> Vec<String> {
    vec!["No call was recorded in the last 60 minutes.".to_owned()]
}
