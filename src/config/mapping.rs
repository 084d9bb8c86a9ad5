//! A mapping as TOML, checked.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::raw::{Item, Table};
use crate::domain::label::Label;
use crate::wire::mapping::{
    CostField, Counts, Field, Filter, From, Header, Key, Mapping, Mode, MoneyUnit, Overlap, Path, Shape, Source,
    Test, TimeField, TimeUnit, When, Winner, Words,
};
use crate::wire::time::Unit;

/// The spellings of `unit` for a time.
const TIME_UNITS: [(&str, TimeUnit); 7] = [
    ("auto", TimeUnit::Any),
    ("s", TimeUnit::Epoch(Unit::Seconds)),
    ("ms", TimeUnit::Epoch(Unit::Millis)),
    ("us", TimeUnit::Epoch(Unit::Micros)),
    ("ns", TimeUnit::Epoch(Unit::Nanos)),
    ("rfc3339", TimeUnit::Calendar),
    ("date", TimeUnit::Day),
];

/// The spellings of `unit` for a cost.
const MONEY_UNITS: [(&str, MoneyUnit); 4] = [
    ("usd", MoneyUnit::Usd),
    ("cents", MoneyUnit::Cents),
    ("micro_usd", MoneyUnit::MicroUsd),
    ("nano_usd", MoneyUnit::NanoUsd),
];

/// What a mapping is called, and what it can take for granted about its file.
pub struct Frame {
    /// Its name in reports.
    pub name: String,
    /// Keeps its identities apart from those of others.
    pub scope: String,
    /// The container where none is named.
    pub container: Container,
    /// The zone of days where none is named.
    pub zone: TimeZone,
}

/// The kinds of container.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// JSON lines.
    Jsonl,
    /// Comma-separated values.
    Csv,
    /// A database.
    Sqlite,
}

/// Reads the keys of a mapping out of a `[mapping.NAME]` or `[[feed]]` table. Mistakes are noted; `None`
/// where nothing useful is left.
pub fn read(table: &Table<'_>, frame: Frame) -> Option<Mapping> {
    let shape = shape(table, frame.container);
    let zone = table.text("zone").and_then(|(name, item)| zone(&name, &item));
    let key = table.get("key");
    let winner = table.get("winner").map_or(Winner::Last, |item| winner(&item));
    let filters = table.get("filter").map_or_else(Vec::new, |item| filters(&item));
    let missing = table.get("missing").map(|item| item.texts());
    let overlaps = (
        overlap(table, "input_includes_cache_read"),
        overlap(table, "input_includes_cache_write"),
        table.flag("output_excludes_reasoning") == Some(true),
    );
    let Some(item) = table.get("columns") else {
        table.error("has no `columns`: expected columns = { time = \"…\", tenant = \"…\", input = \"…\", … }");
        return None;
    };
    let columns = item.table()?;
    let (time, by_day) = time(&columns, zone, &frame.zone);
    let mut counts = counts(&columns);
    (counts.read, counts.write) = (overlaps.0, overlaps.1);
    counts.thought = if overlaps.2 { Overlap::Apart } else { Overlap::Within };
    let mapping = Mapping {
        name: Label::new(&frame.name),
        scope: frame.scope,
        shape: shape?,
        time: time?,
        tenant: words(&columns, "tenant"),
        model: words(&columns, "model"),
        provider: words(&columns, "provider"),
        tier: words(&columns, "tier"),
        calls: field(&columns, "calls"),
        cost: cost(&columns),
        counts,
        filters,
        key: match key {
            Some(item) => Key::Fields(item.items().iter().filter_map(|item| path(item).map(one)).collect()),
            None if by_day => Key::Bucket,
            None => Key::Place,
        },
        winner,
        missing: missing.unwrap_or_else(|| Mapping::MISSING.map(str::to_owned).to_vec()),
    };
    if mapping.counts.input.0.is_empty() && mapping.counts.output.0.is_empty() && mapping.cost.is_none() {
        columns.error("names neither tokens nor a cost: expected input, output or cost_usd among them");
    }
    columns.refuse_rest(|_| None);
    Some(mapping)
}

fn shape(table: &Table<'_>, default: Container) -> Option<Shape> {
    let choices = [("jsonl", Container::Jsonl), ("csv", Container::Csv), ("sqlite", Container::Sqlite)];
    let container = table.get("container").map_or(Some(default), |item| item.choice(&choices));
    let delimiter = table.text("delimiter");
    let header = table.flag("header").unwrap_or(true);
    let from = (table.text("table"), table.text("query"));
    let mode = table.get("mode");
    let cursor = table.text("cursor").map(|(column, _)| column);
    match container? {
        Container::Jsonl => Some(Shape::Lines),
        Container::Csv => Some(Shape::Csv {
            delimiter: match delimiter {
                None => b',',
                Some((text, item)) => match text.as_bytes() {
                    [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => *byte,
                    _ => {
                        item.error("expected one character such as \",\", \";\" or \"\\t\"");
                        return None;
                    }
                },
            },
            header: if header { Header::First } else { Header::Absent },
        }),
        Container::Sqlite => {
            let from = match from {
                (Some((name, _)), None) => From::Table(name),
                (None, Some((query, _))) => From::Query(query),
                (Some(_), Some((_, item))) => {
                    item.error("stands beside `table`: name one of the two");
                    return None;
                }
                (None, None) => {
                    table.error("has neither `table` nor `query`: expected table = \"…\"");
                    return None;
                }
            };
            let choices = [("append", Mode::Append), ("upsert", Mode::Upsert)];
            // Reading everything again is never wrong, only slower: going on needs a word from the user.
            let usual = if cursor.is_some() { Mode::Append } else { Mode::Upsert };
            let mode = mode.map_or(Some(usual), |item| item.choice(&choices))?;
            Some(Shape::Table(Source { from, mode, cursor }))
        }
    }
}

fn overlap(table: &Table<'_>, key: &'static str) -> Overlap {
    if table.flag(key) == Some(true) { Overlap::Within } else { Overlap::Apart }
}

/// Reads `time` or `day`; the second value says whether rows are aggregates of a day.
fn time(columns: &Table<'_>, zone: Option<TimeZone>, days: &TimeZone) -> (Option<When>, bool) {
    match (columns.get("time"), columns.get("day")) {
        (Some(_), Some(day)) => {
            day.error("stands beside `time`: name one of the two");
            (None, false)
        }
        (Some(time), None) => (instant(&time, zone.unwrap_or(TimeZone::UTC)), false),
        (None, Some(day)) => {
            let zone = zone.unwrap_or_else(|| days.clone());
            let field = self::paths(&day);
            (Some(When::At(TimeField { field, unit: TimeUnit::Day, zone })), true)
        }
        (None, None) => {
            columns.error(
                "has no time: expected time = \"…\", day = \"…\" (for sums of a day) or \
                 time = { first_seen = true }",
            );
            (None, false)
        }
    }
}

fn instant(item: &Item<'_>, mut zone: TimeZone) -> Option<When> {
    if !item.is_table() {
        return Some(When::At(TimeField { field: paths(item), unit: TimeUnit::Any, zone }));
    }
    let table = item.table()?;
    let first_seen = table.flag("first_seen") == Some(true);
    let field = field(&table, "path");
    let unit = table.get("unit").map_or(Some(TimeUnit::Any), |item| item.choice(&TIME_UNITS));
    if let Some((name, item)) = table.text("zone") {
        zone = self::zone(&name, &item)?;
    }
    if field.0.is_empty() && !first_seen {
        table.error("has no `path`");
    }
    table.refuse_rest(|_| None);
    Some(if first_seen { When::FirstSeen } else { When::At(TimeField { field, unit: unit?, zone }) })
}

/// Finds a time zone by its name.
pub fn zone(name: &str, item: &Item<'_>) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        item.error(format!("is \"{name}\": expected a time zone like Europe/Berlin or UTC"));
    }
    zone
}

fn counts(columns: &Table<'_>) -> Counts {
    Counts {
        input: field(columns, "input"),
        cache_read: field(columns, "cache_read"),
        cache_write: field(columns, "cache_write"),
        cache_write_short: field(columns, "cache_write_short"),
        cache_write_long: field(columns, "cache_write_long"),
        output: field(columns, "output"),
        reasoning: field(columns, "reasoning"),
        ..Counts::default()
    }
}

/// Reads `cost_usd`, `cost_cents`, … or `cost = { path, unit, currency }`.
fn cost(columns: &Table<'_>) -> Option<CostField> {
    let plain = [
        ("cost_usd", MoneyUnit::Usd),
        ("cost_cents", MoneyUnit::Cents),
        ("cost_micro_usd", MoneyUnit::MicroUsd),
        ("cost_nano_usd", MoneyUnit::NanoUsd),
    ];
    let mut found: Vec<(Item<'_>, CostField)> = Vec::new();
    for (key, unit) in plain {
        if let Some(item) = columns.get(key) {
            let field = paths(&item);
            found.push((item, CostField { field, unit, currency: Field::default() }));
        }
    }
    if let Some(item) = columns.get("cost")
        && let Some(table) = item.table()
    {
        let unit = table.get("unit").map_or(Some(MoneyUnit::Usd), |item| item.choice(&MONEY_UNITS));
        let cost = unit.map(|unit| CostField {
            field: field(&table, "path"),
            unit,
            currency: field(&table, "currency"),
        });
        table.refuse_rest(|_| None);
        found.extend(cost.map(|cost| (item, cost)));
    }
    for (item, _) in found.iter().skip(1) {
        item.error("is a second cost: name one");
    }
    found.into_iter().next().map(|(_, cost)| cost)
}

/// Reads a name: a path, a list of paths, or a table that says more.
fn words(columns: &Table<'_>, key: &'static str) -> Words {
    let Some(item) = columns.get(key) else { return Words::default() };
    if !item.is_table() {
        return Words { field: paths(&item), ..Words::default() };
    }
    let Some(table) = item.table() else { return Words::default() };
    let constant = table.text("constant").map(|(text, _)| text);
    let default = table.text("default").map(|(text, _)| text);
    let words = Words {
        field: field(&table, "path"),
        after: mark(&table, "after"),
        before: mark(&table, "before"),
        values: table.get("values").and_then(|item| item.table()).map_or_else(BTreeMap::new, |values| {
            values.entries().into_iter().filter_map(|(key, item)| Some((key, item.text()?))).collect()
        }),
        default: constant.clone().or(default).unwrap_or_default(),
    };
    match (words.field.0.is_empty(), constant.is_some()) {
        (true, false) => table.error("has neither `path` nor `constant`"),
        (false, true) => table.error("has both `path` and `constant`; a name for missing values is `default`"),
        _ => {}
    }
    table.refuse_rest(|_| None);
    words
}

fn mark(table: &Table<'_>, key: &'static str) -> Option<String> {
    let (text, item) = table.text(key)?;
    if text.is_empty() {
        item.error("is empty: expected a separator such as \":\"");
    }
    (!text.is_empty()).then_some(text)
}

fn winner(item: &Item<'_>) -> Winner {
    if item.is_table() {
        let Some(table) = item.table() else { return Winner::Last };
        let field = field(&table, "max");
        if field.0.is_empty() {
            table.error("expected { max = \"path\" }");
        }
        table.refuse_rest(|_| None);
        return Winner::Largest(field);
    }
    item.choice(&[("last", 0), ("first", 1)]).map_or(Winner::Last, |choice| match choice {
        0 => Winner::Last,
        _ => Winner::First,
    })
}

fn filters(item: &Item<'_>) -> Vec<Filter> {
    item.items().iter().filter_map(Item::table).filter_map(filter).collect()
}

fn filter(table: Table<'_>) -> Option<Filter> {
    let field = field(&table, "path");
    let equals = table.get("equals").map(|item| Test::In(item.texts()));
    let within = table.get("in").map(|item| Test::In(item.texts()));
    let not = table.get("not").map(|item| Test::NotIn(item.texts()));
    let prefix = table.get("prefix").map(|item| Test::Prefix(item.texts()));
    let mut tests: Vec<Test> = [equals, within, not, prefix].into_iter().flatten().collect();
    if field.0.is_empty() || tests.len() != 1 {
        table.error("expected { path = \"…\" } and one of equals, in, not, prefix");
    }
    table.refuse_rest(|_| None);
    Some(Filter { field, test: tests.pop()? })
}

fn field(table: &Table<'_>, key: &'static str) -> Field {
    table.get(key).map_or_else(Field::default, |item| paths(&item))
}

fn paths(item: &Item<'_>) -> Field {
    Field(item.items().iter().filter_map(path).collect())
}

fn path(item: &Item<'_>) -> Option<Path> {
    let text = item.text()?;
    Path::parse(&text).map_err(|why| item.error(format!("path \"{text}\" {why}"))).ok()
}

fn one(path: Path) -> Field {
    Field(vec![path])
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::super::{FormatChoice, Settings, load::from_text};
    use crate::domain::call::{Call, TenantId};
    use crate::domain::observation::{Decoded, Skip};
    use crate::domain::time::Timestamp;
    use crate::wire::format::{Format, Query};
    use crate::wire::row::{Row, Value};
    use crate::wire::{Origin, Place};
    use proptest::prelude::*;

    fn settings(toml: &str) -> Settings {
        from_text(toml).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn only_format(toml: &str) -> Format {
        let settings = settings(toml);
        match settings.feeds.first().map(|feed| feed.format.clone()) {
            Some(FormatChoice::Named(format)) => format,
            _ => Format::Mapped(settings.mappings.values().next().expect("a mapping").clone()),
        }
    }

    fn origin() -> Origin<'static> {
        Origin { path: FilePath::new("/x/calls"), tenant: None, first_seen: Timestamp::from_seconds(7), rank: 1 }
    }

    /// Reads a file at once, and in blocks of one line; both must give the same.
    fn decode(toml: &str, text: &[u8]) -> Decoded {
        let format = only_format(toml);
        let mut out = Decoded::default();
        let mut decoder = format.decoder(&origin()).expect("lines");
        decoder.block(text, Place { offset: 0, line: 1 }, &mut out);
        decoder.pause(&mut out);
        let mut steps = Decoded::default();
        let mut decoder = format.decoder(&origin()).expect("lines");
        let mut place = Place { offset: 0, line: 1 };
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            decoder.block(line, place, &mut steps);
            place = Place { offset: place.offset + line.len() as u64, line: place.line + 1 };
        }
        assert_eq!(out.calls, steps.calls);
        out
    }

    /// One call as text: day, tenant, model, calls, the six counts, the stated cost.
    fn line(call: &Call) -> String {
        let day = jiff::Timestamp::from_millisecond(call.at.millis()).expect("a time").to_string();
        let t = &call.tokens;
        let counts = [t.input, t.cache_read, t.cache_write_short, t.cache_write_long, t.output, t.reasoning];
        let counts = counts.map(|count| count.count().to_string()).join("/");
        let cost = call.reported.map_or("-".to_owned(), |money| money.rounded(6));
        format!("{day} {} {} {} {counts} {cost}", call.tenant, call.model, call.calls)
    }

    fn lines(out: &Decoded) -> Vec<String> {
        out.calls.iter().map(line).collect()
    }

    fn rows(toml: &str, columns: &[&str], rows: &[&[Value]]) -> (Query, Decoded) {
        let format = only_format(toml);
        let mut decoder = format.row_decoder(&origin()).expect("rows");
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let query = decoder.queries(&|_| Some(columns.clone())).expect("a query").remove(0);
        let mut out = Decoded::default();
        for (index, values) in rows.iter().enumerate() {
            decoder.row(0, &Row { columns: &columns, values }, index as u64 + 1, &mut out);
        }
        (query, out)
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    //TEMP
}
