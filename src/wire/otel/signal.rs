//! Spans and log records out of their envelopes: OTLP's JSON, the same with the field names of its
//! schema (`resource_spans`), and the plain objects that SDKs print to files and consoles.

use std::borrow::Cow;

use super::super::json::Raw;
use super::super::row::Value;
use super::super::time;
use super::super::usage::Object;
use super::names;
use crate::domain::money::Money;
use crate::domain::time::{Millis, Timestamp};

/// A resource with the records that it sent.
pub struct Resource<'a> {
    /// Its attributes.
    pub about: Attributes<'a>,
    /// Its spans.
    pub spans: Vec<Object<'a>>,
    /// Its log records.
    pub logs: Vec<Object<'a>>,
}

/// Attributes, each value out of its envelope that says the type.
#[derive(Default)]
pub struct Attributes<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

/// A span or log record with what stands around it.
pub struct Signal<'r, 'a> {
    /// The record.
    pub record: &'r Object<'a>,
    /// Its attributes.
    pub own: Attributes<'a>,
    /// Those of its resource.
    pub resource: &'r Attributes<'a>,
}

const SPAN_SCOPES: [&str; 4] =
    ["scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans"];
const LOG_SCOPES: [&str; 4] =
    ["scopeLogs", "scope_logs", "instrumentationLibraryLogs", "instrumentation_library_logs"];
const SPAN_ENDS: [&str; 4] = ["endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time"];
const STARTS: [&str; 4] = ["startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time"];
const LOG_TIMES: [&str; 8] = [
    "timeUnixNano",
    "time_unix_nano",
    "hrTime",
    "observedTimeUnixNano",
    "observed_time_unix_nano",
    "hrTimeObserved",
    "timestamp",
    "observed_timestamp",
];

/// Returns the records of a line's data, by resource.
pub fn resources<'a>(data: &Object<'a>) -> Vec<Resource<'a>> {
    let mut all = Vec::new();
    for holder in objects(data, &["resourceSpans", "resource_spans"]) {
        let scopes = objects(&holder, &SPAN_SCOPES);
        let spans = scopes.iter().flat_map(|scope| scope.objects("spans")).collect();
        all.push(Resource { about: about(&holder), spans, logs: Vec::new() });
    }
    for holder in objects(data, &["resourceLogs", "resource_logs"]) {
        let scopes = objects(&holder, &LOG_SCOPES);
        let logs = scopes.iter().flat_map(|scope| objects(scope, &["logRecords", "log_records"])).collect();
        all.push(Resource { about: about(&holder), spans: Vec::new(), logs });
    }
    if all.is_empty() {
        all.extend(plain(data));
    }
    all
}

/// Takes an object that is a record by itself.
fn plain<'a>(data: &Object<'a>) -> Option<Resource<'a>> {
    let attributes = ["attributes", "_rawAttributes", "_attributes"];
    let timed = STARTS.iter().chain(&SPAN_ENDS).chain(&LOG_TIMES).any(|key| data.has(key));
    let event = Attributes::of(data);
    if !attributes.iter().any(|key| data.has(key)) || !(timed || event.text("event.timestamp").is_some()) {
        return None;
    }
    let span = STARTS.iter().chain(&SPAN_ENDS).any(|key| data.has(key));
    let (spans, logs) =
        if span { (vec![data.clone()], Vec::new()) } else { (Vec::new(), vec![data.clone()]) };
    Some(Resource { about: about(data), spans, logs })
}

fn about<'a>(holder: &Object<'a>) -> Attributes<'a> {
    Attributes::of(&holder.object("resource"))
}

/// Returns the objects of the arrays under any of the keys.
fn objects<'a>(holder: &Object<'a>, keys: &[&str]) -> Vec<Object<'a>> {
    keys.iter().flat_map(|key| holder.objects(key)).collect()
}

impl<'a> Attributes<'a> {
    /// Reads the attributes of a span, a log record or a resource: OTLP's list of keys and values, a list
    /// of pairs, or an object.
    pub fn of(holder: &Object<'a>) -> Attributes<'a> {
        let keys = ["attributes", "_rawAttributes", "_attributes"];
        let found = keys.iter().map(|key| holder.get(key)).find(|raw| !raw.is_missing());
        let raw = found.unwrap_or_default();
        if raw.as_written().starts_with('{') {
            return Attributes(Object::of(raw).into_members());
        }
        let items: Vec<Raw<'a>> = serde_json::from_str(raw.as_written()).unwrap_or_default();
        Attributes(items.into_iter().filter_map(attribute).collect())
    }

    /// Returns every attribute, in order.
    pub fn all(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }

    /// Returns a value; of repeated keys the last one counts.
    pub fn get(&self, key: &str) -> Raw<'a> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value).unwrap_or_default()
    }

    /// Returns a value's text, unless it is empty.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).text().filter(|text| !text.trim().is_empty())
    }

    /// Returns the first text that is not empty under one of the keys.
    pub fn first(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// Reads the first token count that is there under one of the keys; the error names the key.
    pub fn count(&self, keys: &[&str]) -> Result<Option<u64>, String> {
        for key in keys {
            let count = self.get(key).count().map_err(|reason| format!("{key}: {reason}"))?;
            if count.is_some() {
                return Ok(count);
            }
        }
        Ok(None)
    }

    /// Reads the dollars that the emitter states.
    pub fn dollars(&self) -> Result<Option<Money>, String> {
        for key in names::COST {
            let cost = self.get(key).dollars().map_err(|reason| format!("{key}: {reason}"))?;
            if cost.is_some() {
                return Ok(cost);
            }
        }
        Ok(None)
    }

    /// Reads how long the call took.
    pub fn duration(&self) -> Option<Millis> {
        self.get("duration_ms").count().ok().flatten().map(Millis::new)
    }
}

/// Reads `{"key":…,"value":{"intValue":…}}` or `[key, value]`.
fn attribute(item: Raw<'_>) -> Option<(Cow<'_, str>, Raw<'_>)> {
    if item.as_written().starts_with('[') {
        let pair: Vec<Raw<'_>> = serde_json::from_str(item.as_written()).ok()?;
        return Some((pair.first()?.text()?, pair.get(1).copied().unwrap_or_default()));
    }
    let pair = Object::of(item);
    Some((pair.text("key")?, scalar(pair.get("value"))))
}

/// Takes a value out of its envelope. Counts come in every one of them.
fn scalar(value: Raw<'_>) -> Raw<'_> {
    const KINDS: [&str; 8] = [
        "intValue",
        "stringValue",
        "doubleValue",
        "boolValue",
        "int_value",
        "string_value",
        "double_value",
        "bool_value",
    ];
    if !value.as_written().starts_with('{') {
        return value;
    }
    let value = Object::of(value);
    KINDS.iter().map(|kind| value.get(kind)).find(|inner| !inner.is_missing()).unwrap_or_default()
}

impl<'a> Signal<'_, 'a> {
    /// Returns an attribute of the record, else of its resource.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.own.text(key).or_else(|| self.resource.text(key))
    }

    /// Returns the end of a span or the time of a log. Codex writes a time of 0.
    pub fn at(&self) -> Option<Timestamp> {
        let times = SPAN_ENDS.iter().chain(&LOG_TIMES).chain(&STARTS);
        let mut times = times.filter_map(|key| instant(key, self.record.get(key)));
        times.next().or_else(|| self.own.get("event.timestamp").time())
    }

    /// Returns when a span began.
    pub fn start(&self) -> Option<Timestamp> {
        STARTS.iter().find_map(|key| instant(key, self.record.get(key)))
    }

    /// Returns the trace and the span.
    pub fn ids(&self) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
        (id(self.record, &["traceId", "trace_id"]), span_id(self.record))
    }

    /// Says whether a span ended in an error.
    pub fn has_failed(&self) -> bool {
        let status = self.record.object("status");
        let code = status.first_text(&["code", "status_code", "statusCode"]);
        matches!(code.as_deref(), Some("2" | "STATUS_CODE_ERROR" | "ERROR" | "StatusCode.ERROR"))
    }

    /// Returns the record as a row: its attributes under their names, what every record has (`name`, `body`,
    /// `time` in milliseconds, `trace_id`, `span_id`, `parent_span_id`), and the attributes of its resource
    /// under their names and with `resource.` before them.
    pub fn columns(&self) -> (Vec<String>, Vec<Value>) {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        let mut add = |name: String, text: Option<Cow<'_, str>>| {
            pairs.push((name, text.map_or(Value::Null, |text| Value::Text(text.into_owned()))));
        };
        for (key, value) in self.own.all() {
            add(key.to_owned(), Some(value.text().unwrap_or(Cow::Borrowed(value.as_written()))));
        }
        let (trace, span) = self.ids();
        add("name".to_owned(), self.record.text("name"));
        add("body".to_owned(), scalar(self.record.get("body")).text());
        add("time".to_owned(), self.at().map(|at| at.millis().to_string().into()));
        add("trace_id".to_owned(), trace);
        add("span_id".to_owned(), span);
        add("parent_span_id".to_owned(), parent_id(self.record));
        for (key, value) in self.resource.all() {
            let text = value.text().unwrap_or(Cow::Borrowed(value.as_written()));
            add(key.to_owned(), Some(text.clone()));
            add(format!("resource.{key}"), Some(text));
        }
        pairs.into_iter().unzip()
    }

    /// Returns the name of a log's event.
    pub fn event(&self) -> Cow<'a, str> {
        let named =
            self.own.text("event.name").or_else(|| self.record.first_text(&["eventName", "event_name"]));
        named.or_else(|| scalar(self.record.get("body")).text()).unwrap_or_default()
    }
}

/// Returns a span's id.
pub fn span_id<'a>(record: &Object<'a>) -> Option<Cow<'a, str>> {
    id(record, &["spanId", "span_id", "id"])
}

/// Returns the id of the span above.
pub fn parent_id<'a>(record: &Object<'a>) -> Option<Cow<'a, str>> {
    let own = record.first_text(&["parentSpanId", "parent_span_id", "parentId", "parent_id"]);
    own.or_else(|| record.object("parentSpanContext").text("spanId")).map(bare)
}

/// Finds an id in the record, or in the context that some SDKs keep it in.
fn id<'a>(record: &Object<'a>, keys: &[&str]) -> Option<Cow<'a, str>> {
    let contexts = ["context", "spanContext", "_spanContext"];
    let within = || contexts.iter().find_map(|context| record.object(context).first_text(keys));
    record.first_text(keys).or_else(within).map(bare)
}

/// Takes off the mark of a hexadecimal number.
fn bare(id: Cow<'_, str>) -> Cow<'_, str> {
    match id.strip_prefix("0x") {
        Some(digits) => Cow::Owned(digits.to_owned()),
        None => id,
    }
}

/// Reads an instant: nanoseconds, a pair of seconds and nanoseconds, or a calendar time; 0 stands for none.
fn instant(key: &str, raw: Raw<'_>) -> Option<Timestamp> {
    if raw.as_written().starts_with('[') {
        let pair: Vec<u64> = serde_json::from_str(raw.as_written()).ok()?;
        let &[seconds, nanos] = pair.as_slice() else { return None };
        let millis = seconds.checked_mul(1000)?.checked_add(nanos / 1_000_000)?;
        return time::parse_number(&millis.to_string(), time::Unit::Millis)
            .filter(|at| *at != Timestamp::EPOCH);
    }
    let text = raw.text().filter(|text| text != "0")?;
    if key.ends_with("ano") { time::parse_number(&text, time::Unit::Nanos) } else { time::parse(&text) }
}
