//! Any JSONL, CSV or table, read by a mapping.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::format::{Query, RowDecoder};
use super::mapping::{
    CostField, Counts, Decimal, Field, From, Header, Key, Mapping, Mode, MoneyUnit, Overlap, Path, Shape,
    SignalKind, Source, Step, TimeField, TimeUnit, When, Winner, Words,
};
use super::otel::signal::{self, Attributes, Signal};
use super::row::{Row, Value};
use super::usage::Object;
use super::{Decoder, Origin, Place, bad_line, json, time};
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId, Tier};
use crate::domain::claim::Contest;
use crate::domain::label::Labels;
use crate::domain::money::Money;
use crate::domain::observation::{BadLine, Decoded, Skip};
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};

/// The name under which a table's row number in the database comes back.
const ROWID: &str = "outlay_rowid";
/// The longest CSV record, in bytes: past it, an open quote is taken for a fault.
const MAX_RECORD: usize = 64 << 20;

/// What may stand between two values, the likeliest first.
pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Returns a decoder for a mapped file of lines or CSV.
pub fn decoder(mapping: &Arc<Mapping>, origin: &Origin<'_>) -> Option<Box<dyn Decoder>> {
    let reader = Reader::new(mapping, origin);
    match mapping.shape {
        Shape::Lines => Some(Box::new(Lines { reader })),
        Shape::Otlp(kind) => Some(Box::new(Signals { reader, kind })),
        Shape::Csv { delimiter, header } => Some(Box::new(Csv {
            reader,
            delimiter: delimiter.unwrap_or(b','),
            delimited: if delimiter.is_some() { Delimited::Told } else { Delimited::Guess },
            columns: match header {
                Header::First => Columns::Awaited,
                Header::Absent => Columns::Numbered,
            },
            open: None,
        })),
        Shape::Table(_) => None,
    }
}

/// Returns a reader for a mapped table.
pub fn row_decoder(mapping: &Arc<Mapping>, origin: &Origin<'_>) -> Option<Box<dyn RowDecoder>> {
    match &mapping.shape {
        Shape::Table(source) => {
            Some(Box::new(Table { reader: Reader::new(mapping, origin), source: source.clone() }))
        }
        Shape::Lines | Shape::Csv { .. } | Shape::Otlp(_) => None,
    }
}

/// Why a record is not a call.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// It is none.
    Skip(Skip),
    /// It cannot be read as one.
    Bad(String),
}

/// One foreign record.
enum Record<'a> {
    /// A JSON object.
    Object(Members<'a>),
    /// A JSON array, as written.
    Array(&'a str),
    /// A row of named values.
    Row(Row<'a>),
}

/// Where a record stands, and what it is recognised by where it has no key.
struct Spot<'a> {
    /// Byte offset or row number.
    order: u64,
    /// Identity within the source.
    identity: &'a [u8],
}

/// Turns records into calls.
struct Reader {
    mapping: Arc<Mapping>,
    path: Vec<u8>,
    tenant: Option<TenantId>,
    first_seen: Timestamp,
    rank: u32,
    labels: Labels,
}

impl Reader {
    fn new(mapping: &Arc<Mapping>, origin: &Origin<'_>) -> Reader {
        Reader {
            mapping: Arc::clone(mapping),
            path: origin.path.as_os_str().as_encoded_bytes().to_vec(),
            tenant: origin.tenant,
            first_seen: origin.first_seen,
            rank: origin.rank,
            labels: Labels::default(),
        }
    }

    /// Reads one record.
    fn read(&mut self, record: &Record<'_>, spot: &Spot<'_>) -> Result<Call, Refused> {
        let mapping = Arc::clone(&self.mapping);
        let look = Look { record, missing: &mapping.missing, decimal: mapping.decimal };
        for filter in &mapping.filters {
            if !filter.test.passes(&look.raw(&filter.field).unwrap_or_default()) {
                return Err(Refused::Skip(Skip::Filtered));
            }
        }
        let tokens = look.tokens(&mapping.counts).map_err(Refused::Bad)?;
        let reported =
            mapping.cost.as_ref().map_or(Ok(None), |cost| look.cost(cost)).map_err(Refused::Bad)?;
        if tokens.is_none() && reported.is_none() {
            return Err(Refused::Skip(Skip::NoUsage));
        }
        let at = match &mapping.time {
            When::FirstSeen => self.first_seen,
            When::At(time) => look.time(time).map_err(Refused::Bad)?,
        };
        let tenant = match self.tenant {
            Some(tenant) => tenant,
            None => match look.words(&mapping.tenant) {
                text if text.is_empty() => TenantId::unknown(),
                text => TenantId::from_label(self.labels.label(&text)),
            },
        };
        let model = match look.words(&mapping.model) {
            text if text.is_empty() => ModelId::unknown(),
            text => ModelId::from_label(self.labels.label(&text)),
        };
        let mut call = Call::new(CallId::from_bits(0), at, tenant, model);
        call.provider = Provider::from_label(self.labels.label(&look.words(&mapping.provider)));
        call.tier = Tier::parse(&look.words(&mapping.tier));
        call.tokens = tokens.unwrap_or_default();
        call.reported = reported;
        if let Some(calls) = look.count("calls", &mapping.calls).map_err(Refused::Bad)? {
            call.calls =
                u32::try_from(calls).map_err(|_| Refused::Bad(format!("calls is {calls}: too many")))?;
        }
        call.id = self.identity(&look, &call, spot)?;
        (call.claim.contest, call.claim.order) = self.order(&look, spot).map_err(Refused::Bad)?;
        Ok(call)
    }

    /// Returns what the record is recognised by.
    fn identity(&self, look: &Look<'_>, call: &Call, spot: &Spot<'_>) -> Result<CallId, Refused> {
        let scope = self.mapping.scope.as_bytes();
        // A key of a table is unique in its database only; a key of a log line is unique wherever it stands.
        let source: &[u8] = match self.mapping.shape {
            Shape::Table(_) => &self.path,
            Shape::Lines | Shape::Csv { .. } | Shape::Otlp(_) => b"",
        };
        match &self.mapping.key {
            Key::Place => Ok(CallId::of("mapped-place", &[scope, &self.path, spot.identity])),
            Key::Fields(fields) => {
                let values: Vec<Option<String>> = fields.iter().map(|field| look.value(field)).collect();
                if values.iter().all(Option::is_none) {
                    return Ok(CallId::of("mapped-place", &[scope, &self.path, spot.identity]));
                }
                let values = values.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>();
                let parts = [scope, source].into_iter().chain(values.iter().map(String::as_bytes));
                Ok(CallId::of("mapped-key", &parts.collect::<Vec<_>>()))
            }
            Key::Bucket => {
                let day = match &self.mapping.time {
                    When::At(time) => day_in(call.at, &time.zone),
                    When::FirstSeen => None,
                };
                let day = day.ok_or_else(|| Refused::Bad("no day".to_owned()))?;
                let names = [call.tenant.as_str(), &day, call.model.as_str(), call.provider.as_str()];
                let parts = [scope, source].into_iter().chain(names.into_iter().map(str::as_bytes));
                let parts = parts.chain([call.tier.as_str().as_bytes()]);
                Ok(CallId::of("mapped-bucket", &parts.collect::<Vec<_>>()))
            }
        }
    }

    /// Returns how the record competes with others of its key.
    fn order(&self, look: &Look<'_>, spot: &Spot<'_>) -> Result<(Contest, u64), String> {
        let order = Origin::order(self.rank, spot.order);
        Ok(match &self.mapping.winner {
            Winner::Last => (Contest::LastWins, order),
            Winner::First => (Contest::FirstWins, order),
            Winner::Largest(field) => {
                let size = look.count("winner", field)?.unwrap_or(0);
                // The size decides; the low bits of the place only settle ties within one file.
                (Contest::LastWins, (size << 22) | (spot.order & ((1 << 22) - 1)))
            }
        })
    }
}

/// Looks values up in one record.
struct Look<'a> {
    record: &'a Record<'a>,
    missing: &'a [String],
    decimal: Decimal,
}

impl Look<'_> {
    /// Returns the first value that the paths lead to, as text, also where it is a word for "missing".
    fn raw(&self, field: &Field) -> Option<String> {
        field.0.iter().find_map(|path| self.record.find(path))
    }

    /// Returns the first value that is not missing.
    fn value(&self, field: &Field) -> Option<String> {
        let present = |text: &String| !self.missing.iter().any(|word| word == text.trim());
        field.0.iter().filter_map(|path| self.record.find(path)).find(present)
    }

    fn count(&self, name: &str, field: &Field) -> Result<Option<u64>, String> {
        match self.value(field) {
            None => Ok(None),
            Some(text) => {
                let number = number(&text, self.decimal).unwrap_or(Cow::Borrowed(&text));
                json::count(&number).map(Some).map_err(|why| format!("{name} in {field}: {why}"))
            }
        }
    }

    /// Returns the tokens by class; `None` where the record has no count at all.
    fn tokens(&self, counts: &Counts) -> Result<Option<TokenCount>, String> {
        let input = self.count("input", &counts.input)?;
        let read = self.count("cache_read", &counts.cache_read)?;
        let flat = self.count("cache_write", &counts.cache_write)?;
        let short = self.count("cache_write_short", &counts.cache_write_short)?;
        let long = self.count("cache_write_long", &counts.cache_write_long)?;
        let output = self.count("output", &counts.output)?;
        let reasoning = self.count("reasoning", &counts.reasoning)?;
        if [input, read, flat, short, long, output, reasoning].iter().all(Option::is_none) {
            return Ok(None);
        }
        let (read, long, reasoning) = (read.unwrap_or(0), long.unwrap_or(0), reasoning.unwrap_or(0));
        // A flat count that is larger than its split wins; the rest of it is of the short life.
        let short = short.unwrap_or(0).max(flat.unwrap_or(0).saturating_sub(long));
        let output = match counts.thought {
            Overlap::Within => output.unwrap_or(0),
            Overlap::Apart => output.unwrap_or(0) + reasoning,
        };
        let inner_read = if counts.read == Overlap::Within { read } else { 0 };
        let inner_write = if counts.write == Overlap::Within { (short, long) } else { (0, 0) };
        let mut tokens = TokenCount::from_inclusive(input.unwrap_or(0), inner_read, inner_write, output);
        if counts.read == Overlap::Apart {
            tokens.cache_read = Tokens::new(read);
        }
        if counts.write == Overlap::Apart {
            tokens.cache_write_short = Tokens::new(short);
            tokens.cache_write_long = Tokens::new(long);
        }
        Ok(Some(tokens.with_reasoning(reasoning)))
    }

    fn cost(&self, cost: &CostField) -> Result<Option<Money>, String> {
        let Some(text) = self.value(&cost.field) else { return Ok(None) };
        if let Some(currency) = self.value(&cost.currency)
            && !currency.trim().eq_ignore_ascii_case("usd")
        {
            return Err(format!("cost is in \"{}\": only USD can be counted", json::short(&currency)));
        }
        money(&text, cost.unit, self.decimal).map(Some)
    }

    fn time(&self, time: &TimeField) -> Result<Timestamp, String> {
        let Some(text) = self.value(&time.field) else {
            return Err(format!("no time in {}", time.field));
        };
        instant(&text, time)
            .ok_or_else(|| format!("time in {} is \"{}\": no such instant", time.field, json::short(&text)))
    }

    fn words(&self, words: &Words) -> String {
        let found = self.value(&words.field).and_then(|text| {
            let text = match &words.after {
                None => text.as_str(),
                Some(mark) => text.split_once(mark.as_str())?.1,
            };
            let text = match &words.before {
                None => text,
                Some(mark) => text.split_once(mark.as_str())?.0,
            };
            let text = match &words.capture {
                None => Cow::Borrowed(text),
                Some(capture) => Cow::Owned(capture.of(text)?),
            };
            let text = words.values.get(&*text).map_or(&*text, String::as_str).trim();
            (!text.is_empty()).then(|| text.to_owned())
        });
        found.unwrap_or_else(|| words.default.clone())
    }
}

/// Reads a stated cost: a dollar sign and the marks between thousands are taken off, anything else must be a
/// number.
fn money(text: &str, unit: MoneyUnit, decimal: Decimal) -> Result<Money, String> {
    let refuse = |why: &str| format!("cost is \"{}\": {why}", json::short(text));
    let like = match decimal {
        Decimal::Point => "expected a number like 1,234.50",
        Decimal::Comma => "expected a number like 1.234,50",
    };
    let bare = text.trim();
    let bare = bare.strip_prefix("US").filter(|rest| rest.starts_with('$')).unwrap_or(bare);
    let bare = bare.strip_prefix('$').unwrap_or(bare).trim();
    let bare = bare.strip_suffix('$').unwrap_or(bare).trim();
    let money = number(bare, decimal).and_then(|number| unit.parse(&number));
    match money.ok_or_else(|| refuse(like))? {
        money if money < Money::ZERO => Err(refuse("less than nothing")),
        money => Ok(money),
    }
}

/// Writes a number with a decimal point and nothing between its thousands; `None` where a mark stands in a
/// place that it cannot have: it is not guessed at.
fn number(text: &str, decimal: Decimal) -> Option<Cow<'_, str>> {
    let (mark, point) = match decimal {
        Decimal::Point => (',', '.'),
        Decimal::Comma => ('.', ','),
    };
    let text = text.trim();
    let (whole, rest) = text.split_at(text.find([point, 'e', 'E']).unwrap_or(text.len()));
    if rest.contains(mark) || (whole.contains(mark) && !grouped(whole, mark)) {
        return None;
    }
    if whole.contains(mark) || (point != '.' && rest.contains(point)) {
        return Some(Cow::Owned(format!("{}{}", whole.replace(mark, ""), rest.replacen(point, ".", 1))));
    }
    Some(Cow::Borrowed(text))
}

/// Says whether the marks part thousands: in `0,125` and `12,5` they do not.
fn grouped(whole: &str, mark: char) -> bool {
    let mut groups = whole.split(mark);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && !first.starts_with('0') && groups.all(|group| group.len() == 3)
}

/// Reads an instant as the mapping says it is written.
fn instant(text: &str, time: &TimeField) -> Option<Timestamp> {
    let text = text.trim();
    match time.unit {
        TimeUnit::Any => calendar(text, time).or_else(|| time::parse_number(text, time::Unit::Auto)),
        TimeUnit::Epoch(unit) => time::parse_number(text, unit),
        TimeUnit::Calendar => calendar(text, time),
        TimeUnit::Day => calendar(text.get(..10).unwrap_or(text), time),
    }
}

fn calendar(text: &str, time: &TimeField) -> Option<Timestamp> {
    let at = time::parse_calendar(text.as_bytes())?;
    let clock = text.as_bytes().get(11..).unwrap_or_default();
    let named = clock.iter().any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-' | b'U' | b'u'));
    if named || time.zone == jiff::tz::TimeZone::UTC {
        return Some(at);
    }
    let naive = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::from_millisecond(at.millis()).ok()?);
    let millis = time.zone.to_ambiguous_timestamp(naive).compatible().ok()?.as_millisecond();
    (millis >= 0).then_some(Timestamp::from_millis(millis))
}

fn day_in(at: Timestamp, zone: &jiff::tz::TimeZone) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
    Some(zone.to_datetime(at).date().to_string())
}

impl Record<'_> {
    /// Returns the value at the end of a path as text; `None` where there is none, or null.
    fn find(&self, path: &Path) -> Option<String> {
        let (first, rest) = path.steps.split_first()?;
        match (self, first) {
            (Record::Object(members), Step::Key(key)) => match members.get(key) {
                Some(value) => walk(value.get(), rest),
                None => walk(members.get(&path.written)?.get(), &[]),
            },
            (Record::Array(text), _) => walk(text, &path.steps),
            (Record::Row(row), Step::Key(key)) => match row.get(&path.written) {
                Some(value) => value.text().map(Cow::into_owned),
                None => inside(&row.text(key)?, rest),
            },
            _ => None,
        }
    }
}

/// Follows the rest of a path through a column's text.
fn inside(text: &str, steps: &[Step]) -> Option<String> {
    match steps.split_first() {
        None => Some(text.to_owned()),
        Some((Step::Json, rest)) => walk(text, rest),
        // A column that holds JSON may be entered without saying so.
        Some(_) => walk(text, steps),
    }
}

/// Follows a path through JSON.
fn walk(text: &str, steps: &[Step]) -> Option<String> {
    let Some((first, rest)) = steps.split_first() else { return plain(text) };
    match first {
        Step::Key(key) => {
            let members: Members<'_> = serde_json::from_str(text).ok()?;
            walk(members.get(key)?.get(), rest)
        }
        Step::Index(index) => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            walk(items.get(*index)?.get(), rest)
        }
        Step::Json => walk(&serde_json::from_str::<String>(text).ok()?, rest),
    }
}

/// Returns a JSON value's text: a string's content, anything else as written.
fn plain(text: &str) -> Option<String> {
    match text.trim() {
        "null" => None,
        text if text.starts_with('"') => serde_json::from_str(text).ok(),
        text => Some(text.to_owned()),
    }
}

/// The members of a JSON object, each value as written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Returns the value of a key; of repeated keys the last counts.
    fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'a>, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Collect).map(Members)
    }
}

/// A key that is borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Mapped JSON lines.
struct Lines {
    reader: Reader,
}

impl Lines {
    /// Reads the JSON of one line: an object, or an array of objects or of values.
    fn text(&mut self, text: &str, place: Place, out: &mut Decoded) -> Result<(), Refused> {
        let broken = |error: &serde_json::Error| Refused::Bad(json::not_json(error));
        if !text.starts_with('[') {
            let members = serde_json::from_str(text).map_err(|error| broken(&error))?;
            return self.record(&Record::Object(members), place.offset, out);
        }
        let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| broken(&error))?;
        if !items.first().is_some_and(|item| item.get().starts_with('{')) {
            return self.record(&Record::Array(text), place.offset, out);
        }
        out.more_records(items.len() as u64);
        for item in items {
            // The place of an item within its line keeps keyless items apart.
            let inner = item.get().as_ptr() as usize - text.as_ptr() as usize;
            let members = serde_json::from_str(item.get()).map_err(|error| broken(&error));
            let read = members
                .and_then(|members| self.record(&Record::Object(members), place.offset + inner as u64, out));
            match read {
                Err(Refused::Bad(why)) => out.bad(bad_line(item.get().as_bytes(), place, why)),
                Err(Refused::Skip(why)) => out.tally.skip(why),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>, offset: u64, out: &mut Decoded) -> Result<(), Refused> {
        let identity = offset.to_le_bytes();
        out.calls.push(self.reader.read(record, &Spot { order: offset, identity: &identity })?);
        Ok(())
    }
}

impl Decoder for Lines {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let text = String::from_utf8_lossy(line);
        // A pretty array keeps its brackets on lines of their own and ends its items in commas.
        let text = text.trim().trim_end_matches(',');
        let read = match text {
            "" => Err(Refused::Skip(Skip::Blank)),
            "[" | "]" => Err(Refused::Skip(Skip::OtherRecord)),
            text => self.text(text, place, out),
        };
        match read {
            Ok(()) => {}
            Err(Refused::Skip(why)) => out.tally.skip(why),
            Err(Refused::Bad(why)) => out.bad(bad_line(line, place, why)),
        }
    }
}

/// Mapped spans or log records.
struct Signals {
    reader: Reader,
    kind: SignalKind,
}

impl Signals {
    /// Reads the records of a line's data. A line that has none of the signal is no call.
    fn data(&mut self, data: &Object<'_>, place: Place, out: &mut Decoded) {
        let mut why = Skip::OtherRecord;
        let before = (out.calls.len(), out.tally.bad);
        for resource in signal::resources(data) {
            let records = match self.kind {
                SignalKind::Spans => &resource.spans,
                SignalKind::Logs => &resource.logs,
            };
            for (index, record) in (0_u64..).zip(records) {
                let signal = Signal { record, own: Attributes::of(record), resource: &resource.about };
                let (columns, values) = signal.columns();
                let row = Record::Row(Row { columns: &columns, values: &values });
                let identity = match signal.ids() {
                    (Some(trace), Some(span)) if self.kind == SignalKind::Spans => format!("{trace}/{span}"),
                    _ => format!("{}/{index}", place.offset),
                };
                match self.reader.read(&row, &Spot { order: place.offset, identity: identity.as_bytes() }) {
                    Ok(call) => out.calls.push(call),
                    Err(Refused::Skip(reason)) => why = reason,
                    Err(Refused::Bad(reason)) => {
                        let name = record.text("name").unwrap_or_default();
                        out.bad(bad_line(name.as_bytes(), place, reason));
                    }
                }
            }
        }
        if before == (out.calls.len(), out.tally.bad) {
            out.tally.skip(why);
        }
    }
}

impl Decoder for Signals {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let text = String::from_utf8_lossy(line);
        match text.trim() {
            "" => out.tally.skip(Skip::Blank),
            text if text.starts_with('[') => match serde_json::from_str::<Vec<json::Raw<'_>>>(text) {
                Ok(items) if items.is_empty() => out.tally.skip(Skip::OtherRecord),
                Ok(items) => items.into_iter().for_each(|item| self.data(&Object::of(item), place, out)),
                Err(error) => out.bad(bad_line(line, place, json::not_json(&error))),
            },
            text => match Object::parse(text) {
                Ok(data) => self.data(&data, place, out),
                Err(why) => out.bad(bad_line(line, place, why)),
            },
        }
    }
}

/// What is known of the columns of a CSV file.
enum Columns {
    /// The next record names them.
    Awaited,
    /// They have no names: the first is `1`.
    Numbered,
    /// These.
    Named(Arc<[String]>),
}

/// A record whose quote is still open at the end of its line.
struct Open {
    text: Vec<u8>,
    place: Place,
    told: bool,
}

/// Whether it is known what stands between two values.
enum Delimited {
    /// The first line is to tell.
    Guess,
    /// It is.
    Told,
}

/// Mapped CSV.
struct Csv {
    reader: Reader,
    delimiter: u8,
    delimited: Delimited,
    columns: Columns,
    open: Option<Open>,
}

impl Csv {
    fn record(&mut self, record: &[u8], place: Place, out: &mut Decoded) {
        let Some(cells) = split(record, self.delimiter) else {
            return out.bad(bad_line(record, place, "a quote is not closed"));
        };
        let columns = match &self.columns {
            Columns::Awaited => return self.head(record, &cells, place, out),
            Columns::Numbered => (1..=cells.len()).map(|number| number.to_string()).collect(),
            Columns::Named(columns) if columns[..] == cells[..] => return out.tally.skip(Skip::OtherRecord),
            Columns::Named(columns) => Arc::clone(columns),
        };
        if cells.len() > columns.len() && cells[columns.len()..].iter().any(|cell| !cell.is_empty()) {
            let why = format!("{} values under {} columns", cells.len(), columns.len());
            return out.bad(bad_line(record, place, why));
        }
        let values: Vec<Value> = cells.into_iter().map(Value::Text).collect();
        let row = Record::Row(Row { columns: &columns, values: &values });
        let identity = place.offset.to_le_bytes();
        match self.reader.read(&row, &Spot { order: place.offset, identity: &identity }) {
            Ok(call) => out.calls.push(call),
            Err(Refused::Skip(why)) => out.tally.skip(why),
            Err(Refused::Bad(why)) => out.bad(bad_line(record, place, why)),
        }
    }

    /// Tells from the first line what stands between two values: what makes the most mapped columns of it,
    /// then what makes the most.
    fn guess(&self, line: &[u8]) -> u8 {
        let score = |delimiter: u8| {
            let cells = split(line, delimiter).unwrap_or_default();
            let columns: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
            let mapped =
                self.reader.mapping.fields().iter().filter(|(_, field)| field.stands_in(&columns)).count();
            (mapped, columns.len())
        };
        // Of equals the first is to win, and `max_by_key` returns the last.
        DELIMITERS.into_iter().rev().max_by_key(|&delimiter| score(delimiter)).unwrap_or(b',')
    }

    /// Takes the names of the columns, and says which the mapping looks for in vain.
    fn head(&mut self, record: &[u8], cells: &[String], place: Place, out: &mut Decoded) {
        let columns: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
        match absent(&self.reader.mapping, &columns) {
            Some(why) => out.bad(bad_line(record, place, why)),
            None => out.tally.skip(Skip::OtherRecord),
        }
        self.columns = Columns::Named(columns.into());
    }
}

impl Decoder for Csv {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        if self.open.is_none() && line.iter().all(u8::is_ascii_whitespace) {
            return out.tally.skip(Skip::Blank);
        }
        if let Delimited::Guess = self.delimited {
            self.delimited = Delimited::Told;
            self.delimiter = self.guess(line);
        }
        let (text, start) = match self.open.take() {
            None if !still_open(line, self.delimiter, false) => return self.record(line, place, out),
            None => {
                self.open = Some(Open { text: line.to_vec(), place, told: false });
                return;
            }
            Some(mut open) => {
                open.text.push(b'\n');
                open.text.extend_from_slice(line);
                if still_open(line, self.delimiter, true) && open.text.len() <= MAX_RECORD {
                    self.open = Some(open);
                    return out.tally.skip(Skip::OtherRecord);
                }
                // The record stands for one of its lines; the first is accounted for where it was told.
                if !open.told {
                    out.tally.skip(Skip::OtherRecord);
                }
                (open.text, open.place)
            }
        };
        self.record(&text, start, out);
    }

    fn pause(&mut self, out: &mut Decoded) {
        if let Some(open) = &mut self.open
            && !open.told
        {
            open.told = true;
            out.bad(bad_line(&open.text, open.place, "a quote that opens here is not closed yet"));
        }
    }
}

/// Says whether a quote is open at the end of a line that began inside one (or not).
fn still_open(line: &[u8], delimiter: u8, mut quoted: bool) -> bool {
    let mut fresh = !quoted;
    for &byte in line {
        if quoted {
            // A doubled quote closes and opens again, which comes to the same.
            quoted = byte != b'"';
            fresh = byte == b'"';
        } else if byte == b'"' && fresh {
            quoted = true;
        } else {
            fresh = byte == delimiter || (fresh && byte == b' ');
        }
    }
    quoted
}

/// Splits a CSV record into its cells; `None` where a quote is left open.
fn split(record: &[u8], delimiter: u8) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let mut quoted = false;
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                cell.push(b'"');
            }
            b'"' if quoted => quoted = false,
            b'"' if cell.iter().all(|&byte| byte == b' ') => {
                cell.clear();
                quoted = true;
            }
            byte if byte == delimiter && !quoted => {
                cells.push(String::from_utf8_lossy(&std::mem::take(&mut cell)).into_owned());
            }
            byte => cell.push(byte),
        }
    }
    cells.push(String::from_utf8_lossy(&cell).into_owned());
    (!quoted).then_some(cells)
}

/// Says which fields of a mapping these columns do not have; `None` where all are there.
fn absent(mapping: &Mapping, columns: &[String]) -> Option<String> {
    let fields = mapping.fields();
    let missing = fields.into_iter().filter(|(_, field)| !field.stands_in(columns));
    let missing: Vec<String> = missing.map(|(part, field)| format!("{field} for {part}")).collect();
    (!missing.is_empty())
        .then(|| format!("no column {}; the columns are {}", missing.join(", "), columns.join(", ")))
}

/// A mapped table.
struct Table {
    reader: Reader,
    source: Source,
}

impl RowDecoder for Table {
    fn queries(&self, columns: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Vec<Query>, String> {
        let (from, hidden) = match &self.source.from {
            From::Query(query) => (format!("({})", query.trim().trim_end_matches(';')), ""),
            From::Table(table) => {
                let known = columns(table).ok_or_else(|| format!("no table `{table}`"))?;
                if let Some(why) = absent(&self.reader.mapping, &known) {
                    return Err(format!("table `{table}`: {why}"));
                }
                (quoted(table), "rowid")
            }
        };
        // Row numbers are asked for only where reading goes on by them: views have none.
        let cursor = match (self.source.mode, &self.source.cursor) {
            (Mode::Upsert, _) => None,
            (Mode::Append, Some(column)) => Some((quoted(column), column.clone(), "*".to_owned())),
            (Mode::Append, None) if hidden.is_empty() => None,
            (Mode::Append, None) => {
                Some((hidden.to_owned(), ROWID.to_owned(), format!("*, {hidden} AS {ROWID}")))
            }
        };
        Ok(vec![match cursor {
            None => Query { sql: format!("SELECT * FROM {from}"), cursor: None },
            // Minus infinity stands before everything that is not null, and keeps the index in use.
            Some((column, name, what)) => Query {
                sql: format!(
                    "SELECT {what} FROM {from} WHERE {column} >= ifnull(?1, -9e999) ORDER BY {column}"
                ),
                cursor: Some(name),
            },
        }])
    }

    fn row(&mut self, _query: usize, row: &Row<'_>, number: u64, out: &mut Decoded) {
        let identity = self.identity(row, number);
        let record = Record::Row(row.clone());
        match self.reader.read(&record, &Spot { order: number, identity: &identity }) {
            Ok(call) => out.calls.push(call),
            Err(Refused::Skip(why)) => out.tally.skip(why),
            Err(Refused::Bad(why)) => out.bad(BadLine { reason: why, ..bad_row(row, number) }),
        }
    }
}

impl Table {
    /// Returns what a row without a key is recognised by: its id, its row number in the database, all of
    /// it, or its place in the answer.
    fn identity(&self, row: &Row<'_>, number: u64) -> Vec<u8> {
        let mut identity = match &self.source.from {
            From::Table(name) | From::Query(name) => name.clone().into_bytes(),
        };
        identity.push(0);
        if let Some(id) = row.text("id").or_else(|| row.text(ROWID)) {
            identity.extend_from_slice(id.as_bytes());
        } else if self.source.mode == Mode::Append && self.source.cursor.is_some() {
            for value in row.values {
                identity.extend_from_slice(value.text().unwrap_or_default().as_bytes());
                identity.push(0);
            }
        } else {
            identity.extend_from_slice(&number.to_le_bytes());
        }
        identity
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn bad_row(row: &Row<'_>, number: u64) -> BadLine {
    let cells = row.columns.iter().zip(row.values);
    let cells = cells.map(|(column, value)| format!("{column}={}", value.text().unwrap_or_default()));
    let text = cells.collect::<Vec<_>>().join(" ");
    bad_line(text.as_bytes(), Place { offset: number, line: number }, "")
}
