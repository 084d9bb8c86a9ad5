//! A mapping as TOML, checked.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::raw::{Item, Table};
use crate::domain::label::Label;
use crate::domain::money::Rate;
use crate::wire::mapping::{
    Capture, CostField, Counts, Decimal, Field, Filter, From, Header, Key, Mapping, Mode, MoneyUnit, Overlap,
    Path, Shape, SignalKind, Source, Test, TimeField, TimeUnit, When, Winner, Words,
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

/// The spellings of `unit` for a cost, but for credits.
const MONEY_UNITS: [(&str, MoneyUnit); 5] = [
    ("usd", MoneyUnit::Usd),
    ("cents", MoneyUnit::Cents),
    ("micro_usd", MoneyUnit::MicroUsd),
    ("nano_usd", MoneyUnit::NanoUsd),
    ("credits", MoneyUnit::Credits(Rate::FREE)),
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
    /// OTLP/JSON lines.
    Otlp,
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
    let marks = [(".", Decimal::Point), (",", Decimal::Comma)];
    let decimal = table.get("decimal").and_then(|item| item.choice(&marks)).unwrap_or_default();
    let overlaps = (
        overlap(table, "input_includes_cache_read"),
        overlap(table, "input_includes_cache_write"),
        table.flag("output_excludes_reasoning") == Some(true),
    );
    let Some(item) = table.get("columns") else {
        table
            .error("has no `columns`: expected columns = { time = \"…\", tenant = \"…\", input = \"…\", … }");
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
        // The stand-ins never leave this function: their mistakes are noted, and the rest is checked all the same.
        shape: shape.clone().unwrap_or(Shape::Lines),
        time: time.clone().unwrap_or(When::FirstSeen),
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
        decimal,
    };
    if mapping.counts.input.0.is_empty() && mapping.counts.output.0.is_empty() && mapping.cost.is_none() {
        columns.error("names neither tokens nor a cost: expected input, output or cost_usd among them");
    }
    columns.refuse_rest(|_| None);
    (shape.is_some() && time.is_some()).then_some(mapping)
}

fn shape(table: &Table<'_>, default: Container) -> Option<Shape> {
    let choices = [
        ("jsonl", Container::Jsonl),
        ("csv", Container::Csv),
        ("sqlite", Container::Sqlite),
        ("otlp", Container::Otlp),
    ];
    let container = table.get("container").map_or(Some(default), |item| item.choice(&choices));
    // All are asked for, so that a key of another container is known and not called a mistake.
    let csv = (table.text("delimiter"), table.flag("header").unwrap_or(true));
    let from = (table.text("table"), table.text("query"));
    let mode = table.get("mode");
    let cursor = table.text("cursor").map(|(column, _)| column);
    let signal = table.get("signal");
    match container? {
        Container::Jsonl => Some(Shape::Lines),
        Container::Csv => separated(csv),
        Container::Sqlite => Some(Shape::Table(source(table, from, (mode, cursor))?)),
        Container::Otlp => {
            let Some(item) = signal else {
                table.error("has no `signal`: expected signal = \"spans\" or \"logs\"");
                return None;
            };
            item.choice(&[("spans", SignalKind::Spans), ("logs", SignalKind::Logs)]).map(Shape::Otlp)
        }
    }
}

/// A string of the file with its place.
type Text<'a> = Option<(String, Item<'a>)>;

fn separated((delimiter, header): (Text<'_>, bool)) -> Option<Shape> {
    let header = if header { Header::First } else { Header::Absent };
    let Some((text, item)) = delimiter else { return Some(Shape::Csv { delimiter: None, header }) };
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => {
            Some(Shape::Csv { delimiter: Some(*byte), header })
        }
        _ => {
            item.error("expected one character such as \",\", \";\" or \"\\t\"");
            None
        }
    }
}

fn source(
    table: &Table<'_>,
    from: (Text<'_>, Text<'_>),
    (mode, cursor): (Option<Item<'_>>, Option<String>),
) -> Option<Source> {
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
    Some(Source { from, mode, cursor })
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
        let unit = unit.and_then(|unit| worth(&table, unit));
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

/// Reads what a credit is worth, where the unit is credits.
fn worth(table: &Table<'_>, unit: MoneyUnit) -> Option<MoneyUnit> {
    let item = table.get("rate");
    match (unit, item) {
        (MoneyUnit::Credits(_), Some(item)) => {
            let text = item.number()?;
            let rate = Rate::per_unit(&text);
            if rate.is_none() {
                item.error(format!("is \"{text}\": expected dollars per credit, like 0.01"));
            }
            rate.map(MoneyUnit::Credits)
        }
        (MoneyUnit::Credits(_), None) => {
            table.error("has no `rate`: expected rate = \"0.01\", dollars per credit");
            None
        }
        (unit, None) => Some(unit),
        (_, Some(item)) => {
            item.error("only credits have a rate: expected unit = \"credits\" beside it");
            None
        }
    }
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
        capture: capture(&table),
        values: table.get("values").and_then(|item| item.table()).map_or_else(BTreeMap::new, |values| {
            values.entries().into_iter().filter_map(|(key, item)| Some((key, item.text()?))).collect()
        }),
        default: constant.clone().or(default).unwrap_or_default(),
    };
    match (words.field.0.is_empty(), constant.is_some()) {
        (true, false) => table.error("has neither `path` nor `constant`"),
        (false, true) => {
            table.error("has both `path` and `constant`; a name for missing values is `default`");
        }
        _ => {}
    }
    table.refuse_rest(|_| None);
    words
}

/// Reads `capture`, a regular expression, and the `template` for what it finds.
fn capture(table: &Table<'_>) -> Option<Capture> {
    let template = table.text("template");
    let Some((pattern, item)) = table.text("capture") else {
        if let Some((_, item)) = template {
            item.error("stands without `capture`: expected capture = \"^([^:]+):\"");
        }
        return None;
    };
    let template = template.map(|(text, _)| text);
    Capture::parse(&pattern, template.as_deref()).map_err(|why| item.error(why)).ok()
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
        Origin {
            path: FilePath::new("/x/calls"),
            tenant: None,
            first_seen: Timestamp::from_seconds(7),
            rank: 1,
        }
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

    const CSV: &str = r#"
[[feed]]
ledger = "/data/*.csv"
input_includes_cache_read = true
columns = { time = "When (ms)", tenant = "Squad", model = "Model", input = "In", cache_read = "Cached", output = "Out", cost_micro_usd = "Cost (µUSD)" }
"#;

    #[test]
    fn csv_with_a_mark_spaced_headings_and_a_quoted_line_break() {
        let text = "\u{feff}When (ms),Squad,Model,In,Cached,Out,Cost (µUSD),Note\r\n\
            1767225600000,ants,m-1,100,40,7,1500,\"a \"\"b\"\",\r\n2,3\"\r\n\r\n\
            1767225601000,bees,m-1,10,,1,,x\r\n";
        let out = decode(CSV, text.as_bytes());
        assert_eq!(
            lines(&out),
            [
                "2026-01-01T00:00:00Z ants m-1 1 60/40/0/0/7/0 0.001500",
                "2026-01-01T00:00:01Z bees m-1 1 10/0/0/0/1/0 -"
            ]
        );
        assert_eq!((out.tally.lines, out.tally.skipped[Skip::Blank as usize], out.tally.bad), (5, 1, 0));
    }

    #[test]
    fn csv_rows_that_do_not_fit_their_heading_are_shown() {
        let head = "When (ms),Squad,Model,In,Cached,Out,Cost (µUSD)\n";
        let out = decode(CSV, format!("{head}1767225600000,a,m,1,0,1,5,9\n1,a,m,\"x\n").as_bytes());
        assert_eq!((out.calls.len(), out.tally.bad), (0, 2));
        let out = decode(CSV, b"Time,Squad\n1,a\n");
        assert!(out.bad[0].reason.contains("`When (ms)` for time"), "{}", out.bad[0].reason);
    }

    #[test]
    fn an_access_log_says_everything_in_strings_and_nothing_in_dashes() {
        let toml = r#"
[mapping.front]
key = ["rid"]
filter = [{ path = "status", prefix = "2" }]
columns = { time = "t", tenant = { path = "x_team", default = "nobody" }, model = "m", input = "p", output = "c" }
"#;
        let text = br#"{"t":"2026-01-01T09:00:00+09:00","rid":"a","status":"200","x_team":"-","m":"m-1","p":"12","c":"3"}
{"t":"2026-01-01T00:00:00Z","rid":"b","status":"429","x_team":"ants","m":"-","p":"-","c":"-"}
{"t":"2026-01-01T00:00:00Z","rid":"c","status":"204","x_team":"ants","m":"-","p":"-","c":"-"}
"#;
        let out = decode(toml, text);
        assert_eq!(lines(&out), ["2026-01-01T00:00:00Z nobody m-1 1 12/0/0/0/3/0 -"]);
        assert_eq!(out.tally.skipped[Skip::Filtered as usize], 1);
        assert_eq!(out.tally.skipped[Skip::NoUsage as usize], 1);
    }

    #[test]
    fn nanoseconds_keep_every_digit_and_a_tenant_can_be_a_constant() {
        let toml = r#"
[mapping.box]
columns = { time = { path = "ts", unit = "ns" }, tenant = { constant = "box-7" }, model = "m", input = "u.i", output = "u.o" }
"#;
        let text = br#"{"ts":"1767225600999000007","m":"m-1","u":{"i":1,"o":2}}
[{"ts":1767225601001999999,"m":"m-1","u":{"i":3,"o":4}},{"ts":0,"m":"m-1"}]
"#;
        let out = decode(toml, text);
        let want = [
            "2026-01-01T00:00:00.999Z box-7 m-1 1 1/0/0/0/2/0 -",
            "2026-01-01T00:00:01.001Z box-7 m-1 1 3/0/0/0/4/0 -",
        ];
        assert_eq!(lines(&out), want);
    }

    #[test]
    fn nested_records_are_recognised_by_their_key() {
        let toml = r#"
[mapping.nested]
key = ["id"]
input_includes_cache_read = true
output_excludes_reasoning = true
[mapping.nested.columns]
time = { path = "at", zone = "Asia/Seoul" }
tenant = { path = ["meta | json | team", "job"], before = ":", values = { a7 = "ants" }, default = "none" }
model = "llm.model"
provider = "llm.by[0].\"na.me\""
input = "llm.use.in"
cache_read = "llm.use.hit"
output = "llm.use.out"
reasoning = "llm.use.think"
cost = { path = "price.cents", unit = "cents", currency = "price.cur" }
"#;
        let text = br#"{"id":"c1","at":"2026-01-01 09:00:00","meta":"{\"team\":null}","job":"a7:1","llm":{"model":"m","by":[{"na.me":"openai"}],"use":{"in":50,"hit":60,"out":5,"think":2}},"price":{"cents":"$1,234.5"}}
{"id":"c1","at":"2026-01-01T00:00:00Z","meta":"{\"team\":\"b:x\"}","llm":{"model":"m","use":{"in":1,"out":1}},"price":null}
{oops
{"id":"c2","at":"2026-01-01T00:00:00Z","llm":{"use":{"in":1}},"price":{"cents":"12,5"}}
{"id":"c3","at":"2026-01-01T00:00:00Z","llm":{"use":{"in":1}},"price":{"cents":1,"cur":"EUR"}}
"#;
        let out = decode(toml, text);
        let want = [
            "2026-01-01T00:00:00Z ants m 1 0/50/0/0/7/2 12.345000",
            "2026-01-01T00:00:00Z b m 1 1/0/0/0/1/0 -",
        ];
        assert_eq!(lines(&out), want);
        assert_eq!(out.calls[0].provider.as_str(), "openai");
        assert_eq!(out.calls[0].id, out.calls[1].id);
        assert_eq!(out.tally.bad, 3);
    }

    #[test]
    fn a_table_of_calls_is_read_on_from_its_last_row() {
        let toml = r#"
[[feed]]
sqlite = "/x/a.db"
table = "calls"
mode = "append"
key = ["id"]
columns = { time = "ts", tenant = { path = "who", default = "untagged" }, input = "p", output = "c", cost_usd = "usd" }
"#;
        let real = Value::Real("1767225600.25".to_owned());
        let row = [Value::Integer(1), real, Value::Null, Value::Integer(5), Value::Integer(6), Value::Null];
        let (query, out) = rows(toml, &["id", "ts", "who", "p", "c", "usd"], &[&row]);
        assert_eq!(query.cursor.as_deref(), Some("outlay_rowid"));
        assert!(query.sql.contains("?1"));
        assert_eq!(lines(&out), ["2026-01-01T00:00:00.25Z untagged unknown 1 5/0/0/0/6/0 -"]);
    }

    #[test]
    fn a_row_of_sums_replaces_its_earlier_state() {
        let toml = r#"
zone = "Asia/Seoul"
[[feed]]
sqlite = "/x/a.db"
table = "usages"
columns = { tenant = "who", day = "date", calls = "n", input = "i", output = "o", cost_cents = "c" }
"#;
        let row = |n| {
            [text("ants"), text("2026-01-02"), n, Value::Integer(9), Value::Integer(1), Value::Integer(150)]
        };
        let (before, after) = (row(Value::Integer(3)), row(Value::Integer(4)));
        let (query, out) = rows(toml, &["who", "date", "n", "i", "o", "c"], &[&before, &after]);
        assert_eq!(query.cursor, None);
        assert_eq!(lines(&out)[1], "2026-01-01T15:00:00Z ants unknown 4 9/0/0/0/1/0 1.500000");
        assert_eq!(out.calls[0].id, out.calls[1].id);
        assert!(out.calls[1].claim.order > out.calls[0].claim.order);
    }

    #[test]
    fn a_table_without_a_mapped_column_is_refused_by_name() {
        let toml = "[[feed]]\nsqlite = \"a.db\"\ntable = \"t\"\ncolumns = { time = \"at\", input = \"n\" }\n";
        let decoder = only_format(toml).row_decoder(&origin()).expect("rows");
        let why = decoder.queries(&|_| Some(vec!["at".to_owned()])).expect_err("no column");
        assert!(why.contains("`n` for input"), "{why}");
        assert_eq!(decoder.queries(&|_| None), Err("no table `t`".to_owned()));
    }

    #[test]
    fn a_vendor_export_keeps_its_reported_cost_and_the_feed_may_name_the_tenant() {
        let toml = r#"
[mapping.router]
container = "csv"
delimiter = ";"
key = ["gen"]
winner = { max = "out" }
columns = { time = "made", tenant = ["key", "app"], model = "slug", input = "in", output = "out", cost_usd = "cost" }
"#;
        let out = decode(
            toml,
            b"gen;made;cost;in;out;slug;key;app\ng-1;2026-01-01 00:00:00.718;0.02651759;4;2;o/m;;cli\n",
        );
        assert_eq!(lines(&out), ["2026-01-01T00:00:00.718Z cli o/m 1 4/0/0/0/2/0 0.026518"]);
        let format = only_format(toml);
        let told = Origin { tenant: Some(TenantId::new("told")), ..origin() };
        let mut decoder = format.decoder(&told).expect("lines");
        let mut out = Decoded::default();
        decoder.block(b"gen;made;in;out;key\ng;2026-01-01;1;1;k\n", Place { offset: 0, line: 1 }, &mut out);
        assert_eq!(out.calls[0].tenant.as_str(), "told");
    }

    #[test]
    fn a_name_may_be_captured_and_numbers_written_with_a_comma() {
        let toml = r#"
[mapping.euro]
container = "csv"
decimal = ","
[mapping.euro.columns]
time = "Zeit"
tenant = { path = "Auftrag", capture = "^batch/([^:]+):(\\d+)", template = "$1-$2", default = "none" }
model = "Modell"
input = "Ein"
output = "Aus"
cost_usd = "Kosten"
"#;
        let text = "Zeit;Auftrag;Modell;Ein;Aus;Kosten\n\
            2026-01-01 00:00:00;batch/ants:17;m;1.234;5;1.234,50 $\n\
            2026-01-01 00:00:00;other;m;7;5;0,5\n\
            2026-01-01 00:00:00;other;m;7;5;12.5\n";
        let out = decode(toml, text.as_bytes());
        let want = [
            "2026-01-01T00:00:00Z ants-17 m 1 1234/0/0/0/5/0 1234.500000",
            "2026-01-01T00:00:00Z none m 1 7/0/0/0/5/0 0.500000",
        ];
        assert_eq!(lines(&out), want);
        assert_eq!(out.bad[0].reason, "cost is \"12.5\": expected a number like 1.234,50");
        let point = decode(&toml.replace("decimal = \",\"", ""), text.as_bytes());
        assert_eq!((point.calls.len(), point.tally.bad), (1, 2));
    }

    #[test]
    fn the_first_line_tells_what_stands_between_values() {
        let toml = "[mapping.a]\ncontainer = \"csv\"\ncolumns = { time = \"t\", input = \"in, all\", cost = { path = \"c\", unit = \"credits\", rate = 0.01 } }\n";
        for delimiter in [";", "\t", "|"] {
            let text = ["t", "in, all", "c\n2026-01-01", "7", "250\n"].join(delimiter);
            let out = decode(toml, text.as_bytes());
            assert_eq!(
                lines(&out),
                ["2026-01-01T00:00:00Z unknown unknown 1 7/0/0/0/0/0 2.500000"],
                "{delimiter:?}"
            );
        }
        let out = decode(toml, b"t,\"in, all\",c\n2026-01-01,\"1,007\",1\n");
        assert_eq!(lines(&out), ["2026-01-01T00:00:00Z unknown unknown 1 1007/0/0/0/0/0 0.010000"]);
    }

    #[test]
    fn spans_and_logs_may_be_mapped() {
        let toml = r#"
[mapping.ours]
container = "otlp"
signal = "spans"
filter = [{ path = "span.kind", equals = "llm" }]
columns = { time = "time", tenant = ["customer.id", "resource.team"], model = "llm.name", input = "tok.in", output = "tok.out" }
"#;
        let span = |id: u8, kind: &str| {
            format!(
                r#"{{"traceId":"t","spanId":"{id}","endTimeUnixNano":"1767225600000000000","attributes":[{{"key":"span.kind","value":{{"stringValue":"{kind}"}}}},{{"key":"llm.name","value":{{"stringValue":"m"}}}},{{"key":"tok.in","value":{{"intValue":"5"}}}},{{"key":"tok.out","value":{{"intValue":2}}}}]}}"#
            )
        };
        let line = |spans: &[String]| {
            format!(
                r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"team","value":{{"stringValue":"ants"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
                spans.join(",")
            )
        };
        let text =
            format!("{}\n{}\n{{}}\n", line(&[span(1, "llm"), span(2, "tool")]), line(&[span(1, "llm")]));
        let out = decode(toml, text.as_bytes());
        assert_eq!(lines(&out), ["2026-01-01T00:00:00Z ants m 1 5/0/0/0/2/0 -"; 2]);
        assert_eq!(out.calls[0].id, out.calls[1].id);
        let logs = toml.replace("\"spans\"", "\"logs\"");
        assert_eq!(decode(&logs, text.as_bytes()).calls, []);
    }

    #[test]
    fn mistakes_in_captures_rates_and_signals_are_named() {
        let toml = r#"
[mapping.a]
container = "otlp"
columns = { time = "t", input = "i", tenant = { path = "a", capture = "(" } }
[mapping.b]
decimal = ";"
columns = { time = "t", cost = { path = "c", unit = "credits" }, tenant = { path = "a", template = "$1" } }
[mapping.c]
columns = { time = "t", cost = { path = "c", rate = "0.1" } }
"#;
        let errors = from_text(toml).expect_err("mistakes");
        let words: Vec<&str> = errors.iter().map(|error| error.reason.as_str()).collect();
        for want in [
            "no `signal`",
            "no regular expression",
            "expected one of ., ,",
            "no `rate`",
            "without `capture`",
            "only credits",
        ] {
            assert!(words.iter().any(|reason| reason.contains(want)), "{want}: {words:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_calls_or_counted(text in "[\"\\[\\]{},:a0\\n\\\\| -]{0,60}", raw in any::<Vec<u8>>()) {
            let json = "[mapping.a]\ncolumns = { time = \"a\", input = \"a[0]\", output = \"a | json | a\" }\n";
            for toml in [json, CSV] {
                let _ = decode(toml, text.as_bytes());
                let _ = decode(toml, &raw);
            }
        }
    }
}
