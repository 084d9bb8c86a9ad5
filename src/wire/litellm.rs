//! LiteLLM callback objects and `SpendLogs` rows, as JSON and as CSV.

use std::borrow::Cow;

use super::generic::DELIMITERS;
use super::json::{Raw, short};
use super::usage::{Left, Object, each_object, inclusive, media};
use super::{Decoder, Origin, Place, bad_line, trim_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, Region, Status, TenantId, Tier};
use crate::domain::claim::Claim;
use crate::domain::label::Labels;
use crate::domain::money::Money;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::TokenCount;

/// Reads callback objects (one a line, or a line that holds an array) and rows of
/// `LiteLLM_SpendLogs`, told apart by their fields. Both name a call alike, so that one call in both
/// counts once.
pub struct Litellm {
    records: Records,
}

impl Litellm {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Litellm {
        Litellm { records: Records::new(origin) }
    }
}

impl Decoder for Litellm {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        each_object(line, place, out, |object, _| match wrapped(object) {
            Some(inner) => self.records.call(&inner, place),
            None => self.records.call(object, place),
        });
    }
}

/// Takes the callback object out of the arguments that callbacks get, where those were written whole.
fn wrapped<'a>(object: &Object<'a>) -> Option<Object<'a>> {
    let holders =
        [object.object("standard_logging_object"), object.object("kwargs").object("standard_logging_object")];
    holders.into_iter().find(|holder| !holder.is_empty())
}

/// What both shapes of a record have in common.
struct Records {
    tenant: Option<TenantId>,
    rank: u32,
    labels: Labels,
}

/// A record with its metadata, which a row keeps as text.
struct Record<'r, 'a> {
    top: &'r Object<'a>,
    metadata: &'r Object<'r>,
    usage: Object<'r>,
}

impl Records {
    fn new(origin: &Origin<'_>) -> Records {
        Records { tenant: origin.tenant, rank: origin.rank, labels: Labels::default() }
    }

    fn call(&mut self, top: &Object<'_>, place: Place) -> Result<Call, Left> {
        let known = ["startTime", "endTime", "prompt_tokens", "completion_tokens"];
        let id = top.first_text(&["request_id", "id", "litellm_call_id"]);
        let Some(id) = id.filter(|_| known.iter().any(|key| top.has(key))) else {
            return Err(Left::Skip(Skip::OtherRecord));
        };
        let metadata = written(top.get("metadata"));
        let metadata = Object::parse(&metadata).unwrap_or_default();
        let response = written(top.get("response"));
        let record = Record { top, metadata: &metadata, usage: usage(&metadata, &response) };
        let Some(at) = top.get("startTime").time().or_else(|| top.get("endTime").time()) else {
            let said = top.first_text(&["startTime", "endTime"]).unwrap_or_default();
            return Err(Left::Bad(format!("startTime is \"{}\": expected an instant", short(&said))));
        };
        let tenant = self.tenant.unwrap_or_else(|| record.owner(&mut self.labels));
        let model = top.first_text(&["model", "model_group"]).unwrap_or(Cow::Borrowed("unknown"));
        let model = ModelId::from_label(self.labels.label(&model));
        let mut call = Call::new(CallId::of("litellm", &[id.as_bytes()]), at, tenant, model);
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        let provider = top.text("custom_llm_provider").unwrap_or_default();
        call.provider = Provider::from_label(self.labels.label(&provider));
        record.outcome(&mut call, &mut self.labels);
        record.bill(&mut call)?;
        record.durations(&mut call);
        Ok(call)
    }
}

/// Returns the text of an object that stands as such, or as a string that holds it.
fn written(value: Raw<'_>) -> Cow<'_, str> {
    value.text().unwrap_or(Cow::Borrowed(value.as_written()))
}

/// Finds the usage object: in the metadata under its new or its old name, else in the provider's answer.
/// One that tells what was cached goes before one that does not.
fn usage<'r>(metadata: &Object<'r>, response: &'r str) -> Object<'r> {
    let detailed = |usage: &Object<'_>| {
        let keys = ["prompt_tokens_details", "input_tokens_details", "cache_read_input_tokens"];
        keys.iter().any(|key| usage.has(key))
    };
    let noted = ["usage_object", "additional_usage_values"].map(|key| metadata.object(key));
    if let Some(usage) = noted.iter().find(|usage| detailed(usage)) {
        return usage.clone();
    }
    let answered = Object::parse(response).unwrap_or_default().object("usage");
    let [first, second] = noted;
    [answered, first, second].into_iter().find(|usage| !usage.is_empty()).unwrap_or_default()
}

impl Record<'_, '_> {
    /// Finds the tenant: team, then key, then user, then the end user.
    fn owner(&self, labels: &mut Labels) -> TenantId {
        let (top, metadata) = (self.top, self.metadata);
        let name = metadata
            .first_text(&["user_api_key_team_alias", "user_api_key_team_id"])
            .or_else(|| top.text("team_id"))
            .or_else(|| metadata.first_text(&["user_api_key_alias", "user_api_key_user_id"]))
            .or_else(|| top.first_text(&["user", "end_user"]))
            .or_else(|| metadata.text("user_api_key_end_user_id"));
        TenantId::from_label(labels.label(name.as_deref().unwrap_or("unknown")))
    }

    fn outcome(&self, call: &mut Call, labels: &mut Labels) {
        let status = self.top.text("status").or_else(|| self.metadata.text("status"));
        if !status.is_some_and(|word| word.eq_ignore_ascii_case("failure")) {
            return;
        }
        call.status = Status::Failed;
        let mut error = self.top.object("error_information");
        if !error.has("error_class") {
            error = self.metadata.object("error_information");
        }
        let class = error.first_text(&["error_class", "error_code"]).unwrap_or_default();
        call.failure = labels.label(&failure(&class));
    }

    fn bill(&self, call: &mut Call) -> Result<(), Left> {
        call.tokens = self.tokens()?;
        call.media = media(&self.usage)?;
        let tier = self.usage.text("service_tier");
        let tier = tier.or_else(|| self.top.object("cost_breakdown").text("service_tier"));
        call.tier = tier.map_or(Tier::Standard, |word| Tier::parse(&word));
        if self.usage.text("speed").is_some_and(|word| word == "fast") {
            call.tier = Tier::Fast;
        }
        call.region = self.usage.text("inference_geo").map_or(Region::Global, |word| Region::parse(&word));
        let searches = self.usage.object("server_tool_use").count("web_search_requests")?;
        call.searches = u32::try_from(searches.unwrap_or(0)).unwrap_or(u32::MAX);
        if self.top.is_true("cache_hit") {
            call.tier = Tier::CacheHit;
            call.reported = Some(Money::ZERO);
            return Ok(());
        }
        let cost = match self.top.dollars("response_cost")? {
            Some(cost) => Some(cost),
            None => self.top.dollars("spend")?,
        };
        // Tokens at no cost: the gateway has no price for the model, which is not the same as free.
        let unpriced = cost == Some(Money::ZERO) && call.tokens != TokenCount::default();
        call.reported = if unpriced { None } else { cost };
        Ok(())
    }

    fn tokens(&self) -> Result<TokenCount, String> {
        let prompt = match self.top.count("prompt_tokens")? {
            Some(count) => count,
            None => self.usage.first_count(&["prompt_tokens", "input_tokens"])?.unwrap_or(0),
        };
        let output = match self.top.count("completion_tokens")? {
            Some(count) => count,
            None => self.usage.first_count(&["completion_tokens", "output_tokens"])?.unwrap_or(0),
        };
        inclusive(&self.usage, prompt, output)
    }

    fn durations(&self, call: &mut Call) {
        let start = self.top.get("startTime").time();
        let from_start = |end: Option<Timestamp>| match (start, end) {
            (Some(start), Some(end)) if end >= start => Some(end.since(start)),
            _ => None,
        };
        let stated = self.top.count("request_duration_ms").ok().flatten().map(Millis::new);
        call.latency = from_start(self.top.get("endTime").time()).or(stated);
        call.first_byte = from_start(self.top.get("completionStartTime").time());
    }
}

/// Brings a name of LiteLLM's exceptions to a failure class; an unknown one to words with underscores.
fn failure(class: &str) -> Cow<'_, str> {
    Cow::Borrowed(match class {
        "RateLimitError" | "429" => "rate_limit",
        "Timeout" | "APITimeoutError" | "408" => "timeout",
        "AuthenticationError" | "401" => "authentication",
        "InternalServerError" | "APIConnectionError" | "APIError" | "BadGatewayError" | "500" => {
            "server_error"
        }
        "ServiceUnavailableError" | "503" => "overloaded",
        "BadRequestError" | "InvalidRequestError" | "UnprocessableEntityError" | "400" => "invalid_request",
        "ContextWindowExceededError" => "context_length",
        "ContentPolicyViolationError" => "content_filter",
        "NotFoundError" | "404" => "model_unavailable",
        "PermissionDeniedError" | "403" => "permission",
        "BudgetExceededError" => "billing",
        other => return Cow::Owned(with_underscores(other)),
    })
}

fn with_underscores(class: &str) -> String {
    let bare = class.strip_suffix("Error").or_else(|| class.strip_suffix("Exception")).unwrap_or(class);
    let mut words = String::new();
    let mut after_lowercase = false;
    for letter in bare.chars() {
        if letter.is_uppercase() && after_lowercase {
            words.push('_');
        }
        after_lowercase = letter.is_lowercase();
        words.extend(letter.to_lowercase());
    }
    words
}

/// Reads `SpendLogs` rows as a database writes them to CSV: the first record names the columns; records
/// may contain line ends, and blocks may end inside a record.
pub struct LitellmCsv {
    records: Records,
    header: Option<Vec<String>>,
    delimiter: u8,
    record: Fields,
    begun: Option<Place>,
    /// Whether the open record has been told as bad, in case it never ends.
    told: bool,
    head: Vec<u8>,
}

impl LitellmCsv {
    /// The longest record, in bytes: a quote that is never closed must not gather the rest of the file.
    const LONGEST: usize = 64 << 20;

    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> LitellmCsv {
        LitellmCsv {
            records: Records::new(origin),
            header: None,
            delimiter: b',',
            record: Fields::default(),
            begun: None,
            told: false,
            head: Vec::new(),
        }
    }

    fn finished(&mut self, begun: Place, out: &mut Decoded) {
        let fields = std::mem::take(&mut self.record).finish();
        let head = std::mem::take(&mut self.head);
        let Some(header) = &self.header else {
            self.header = Some(fields);
            return out.tally.skip(Skip::OtherRecord);
        };
        if *header == fields {
            return out.tally.skip(Skip::OtherRecord);
        }
        if header.len() != fields.len() {
            let reason = format!("{} fields: the header names {}", fields.len(), header.len());
            return out.bad(bad_line(&head, begun, reason));
        }
        let read = as_json(header, &fields)
            .map_err(Left::Bad)
            .and_then(|json| self.records.call(&Object::parse(&json)?, begun));
        match read {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(why)) => out.tally.skip(why),
            Err(Left::Bad(reason)) => out.bad(bad_line(&head, begun, reason)),
        }
    }
}

impl Decoder for LitellmCsv {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let line = trim_line(line);
        if self.begun.is_none() && line.trim_ascii().is_empty() {
            return out.tally.skip(Skip::Blank);
        }
        let goes_on = self.begun.is_some();
        let begun = *self.begun.get_or_insert(place);
        let room = 800_usize.saturating_sub(self.head.len());
        self.head.extend_from_slice(&line[..line.len().min(room)]);
        if self.header.is_none() && self.record.length == 0 {
            let count = |delimiter: u8| memchr::memchr_iter(delimiter, line).count();
            self.delimiter = DELIMITERS.into_iter().rev().max_by_key(|&byte| count(byte)).unwrap_or(b',');
        }
        self.record.feed(line, self.delimiter);
        let open = self.record.state == State::Quoted && self.record.length <= LitellmCsv::LONGEST;
        // A record stands for one of its lines; the first is accounted for where it was told.
        if goes_on && (open || !self.told) {
            out.tally.skip(Skip::OtherRecord);
        }
        if open {
            return;
        }
        self.begun = None;
        self.told = false;
        if self.record.state == State::Quoted {
            self.record = Fields::default();
            let head = std::mem::take(&mut self.head);
            out.bad(bad_line(&head, begun, "a quote is opened and never closed"));
        } else {
            self.finished(begun, out);
        }
    }

    fn pause(&mut self, out: &mut Decoded) {
        if let Some(begun) = self.begun.filter(|_| !self.told) {
            self.told = true;
            out.bad(bad_line(&self.head, begun, "a quote that opens here is not closed yet"));
        }
    }
}

/// Writes a row as a JSON object of strings, to be read like any other record.
fn as_json(header: &[String], fields: &[String]) -> Result<String, String> {
    let mut json = String::from("{");
    for (name, value) in header.iter().zip(fields) {
        for (text, after) in [(name, ':'), (value, ',')] {
            json.push_str(&serde_json::to_string(text).map_err(|error| error.to_string())?);
            json.push(after);
        }
    }
    json.pop();
    json.push('}');
    Ok(json)
}

/// The fields of a record, gathered line by line.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    field: Vec<u8>,
    state: State,
    length: usize,
}

/// Where in a field the last byte left off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before its first byte.
    #[default]
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes, where commas and line ends are text.
    Quoted,
    /// After a quote that closes the field, or is the first of two that stand for one.
    Closing,
}

impl Fields {
    /// Takes the next line; between quotes the line end before it is part of the field.
    fn feed(&mut self, line: &[u8], delimiter: u8) {
        if self.state == State::Quoted {
            self.field.push(b'\n');
        }
        self.length += line.len() + 1;
        for &byte in line {
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::Closing,
                (State::Start, b'"') => State::Quoted,
                (State::Start | State::Plain | State::Closing, byte) if byte == delimiter => {
                    self.end_field();
                    State::Start
                }
                (State::Quoted, _) | (State::Closing, b'"') => {
                    self.field.push(byte);
                    State::Quoted
                }
                (_, _) => {
                    self.field.push(byte);
                    State::Plain
                }
            };
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        self.done.push(String::from_utf8_lossy(&field).into_owned());
    }

    fn finish(mut self) -> Vec<String> {
        self.end_field();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{classes, comes_out, counted, decoder, json, one, outcomes, read};
    use super::*;

    const CALLBACK: &str = r#"{"id":"chatcmpl-1","status":"success","cache_hit":null,"startTime":1795316071.449975,"endTime":1795316071.9,"completionStartTime":1795316071.5,"custom_llm_provider":"anthropic","model":"claude-sonnet-4-5","prompt_tokens":4633,"completion_tokens":59,"response_cost":0.0048852,"metadata":{"user_api_key_team_alias":"acme","usage_object":{"completion_tokens_details":{"reasoning_tokens":9},"prompt_tokens_details":{"cached_tokens":4004,"cache_creation_tokens":604,"cache_creation_token_details":{"ephemeral_5m_input_tokens":400,"ephemeral_1h_input_tokens":204}},"cache_creation_input_tokens":604,"cache_read_input_tokens":4004}}}"#;
    const ROW: &str = r#"{"request_id":"chatcmpl-1","spend":0.0048852,"prompt_tokens":4633,"completion_tokens":59,"startTime":"2026-11-22 02:54:31.449975","endTime":"2026-11-22 02:54:31.9","model":"claude-sonnet-4-5","custom_llm_provider":"anthropic","cache_hit":"None","team_id":"t","metadata":"{\"user_api_key_team_alias\":\"acme\",\"usage_object\":{\"prompt_tokens_details\":{\"cached_tokens\":4004,\"cache_creation_tokens\":604,\"cache_creation_token_details\":{\"ephemeral_5m_input_tokens\":400,\"ephemeral_1h_input_tokens\":204}}}}","request_tags":"[\"a\"]"}"#;

    fn read_one(line: &str) -> Call {
        one(&Format::Litellm, line)
    }

    #[test]
    fn the_prompt_includes_what_was_cached() {
        let call = read_one(CALLBACK);
        assert_eq!(classes(&call), [25, 4004, 400, 204, 59, 9]);
        assert_eq!(call.reported, Some(Money::from_nanos(4_885_200)));
        assert_eq!((call.tenant.as_str(), call.provider.as_str()), ("acme", "anthropic"));
        assert_eq!((call.latency, call.first_byte), (Some(Millis::new(451)), Some(Millis::new(51))));
    }

    #[test]
    fn a_row_is_the_same_call_as_its_callback() {
        let (row, callback) = (read_one(ROW), read_one(CALLBACK));
        assert_eq!((row.id, row.at, row.reported), (callback.id, callback.at, callback.reported));
        assert_eq!(classes(&row), [25, 4004, 400, 204, 59, 0]);
        assert_eq!(row.tenant, callback.tenant);
    }

    #[test]
    fn a_line_may_hold_an_array_and_a_call_delivered_twice_counts_once() {
        let out = read(&Format::Litellm, &format!("[{CALLBACK},{ROW}]\n{CALLBACK}\n"));
        assert_eq!((out.calls.len(), counted(out.calls).len()), (3, 1));
    }

    #[test]
    fn what_litellm_answered_from_its_own_cache_costs_nothing() {
        for hit in ["true", "\"True\""] {
            let line = CALLBACK.replace("\"cache_hit\":null", &format!("\"cache_hit\":{hit}"));
            let call = read_one(&line);
            assert_eq!((call.tier, call.reported), (Tier::CacheHit, Some(Money::ZERO)));
        }
    }

    #[test]
    fn usage_is_found_where_older_releases_wrote_it() {
        let row = r#"{"request_id":"r","startTime":"2025-05-01 10:00:00","prompt_tokens":1000,"completion_tokens":9,"spend":"0.5","model":"m","metadata":META,"response":RESPONSE}"#;
        let details = r#"{"prompt_tokens_details":{"cached_tokens":400}}"#;
        let quoted = |json: String| serde_json::to_string(&json).expect("JSON");
        for (metadata, response) in [
            (format!(r#"{{"additional_usage_values":{details}}}"#), "null".to_owned()),
            (quoted(format!(r#"{{"additional_usage_values":{details}}}"#)), "\"{}\"".to_owned()),
            ("null".to_owned(), format!(r#"{{"usage":{details}}}"#)),
            ("\"{}\"".to_owned(), quoted(format!(r#"{{"usage":{details}}}"#))),
            (r#"{"usage_object":{"prompt_tokens":1000}}"#.to_owned(), format!(r#"{{"usage":{details}}}"#)),
        ] {
            let call = read_one(&row.replace("META", &metadata).replace("RESPONSE", &response));
            assert_eq!(classes(&call), [600, 400, 0, 0, 9, 0], "{metadata} {response}");
            assert_eq!(call.reported, Some(Money::from_nanos(500_000_000)));
        }
    }

    #[test]
    fn a_callback_written_with_its_arguments_is_the_same_call() {
        let whole = format!(r#"{{"model":"alias","kwargs":{{"standard_logging_object":{CALLBACK}}}}}"#);
        let part = format!(r#"{{"event":"x","standard_logging_object":{CALLBACK}}}"#);
        assert_eq!(read_one(&whole), read_one(CALLBACK));
        assert_eq!(read_one(&part), read_one(CALLBACK));
    }

    #[test]
    fn tokens_at_no_cost_are_unpriced() {
        assert_eq!(read_one(&CALLBACK.replace("0.0048852", "0.0")).reported, None);
        assert_eq!(read_one(&CALLBACK.replace("0.0048852", "null")).reported, None);
    }

    #[test]
    fn a_failure_is_a_failed_call_with_its_class() {
        let line = r#"{"id":"x","status":"failure","startTime":"2026-11-22T02:54:31Z","prompt_tokens":0,"completion_tokens":0,"response_cost":0.0,"model":"m","error_information":{"error_class":"RateLimitError"},"metadata":{}}"#;
        let call = read_one(line);
        assert_eq!((call.status, call.failure.as_str()), (Status::Failed, "rate_limit"));
        assert_eq!((call.tenant.as_str(), call.reported), ("unknown", Some(Money::ZERO)));
        assert_eq!(failure("JSONSchemaValidationError"), "jsonschema_validation");
    }

    #[track_caller]
    fn check_tenant(fields: &str, metadata: &str, want: &str) {
        let line = format!(
            r#"{{"id":"x","startTime":1795316071,"prompt_tokens":1{fields},"metadata":{{"a":1{metadata}}}}}"#
        );
        assert_eq!(read_one(&line).tenant.as_str(), want);
    }

    #[test]
    fn the_tenant_is_the_first_name_that_is_not_empty() {
        check_tenant(
            "",
            r#","user_api_key_team_alias":"","user_api_key_team_id":"t","user_api_key_alias":"k""#,
            "t",
        );
        check_tenant("", r#","user_api_key_alias":"k","user_api_key_user_id":"u""#, "k");
        check_tenant(r#","end_user":"e""#, r#","user_api_key_user_id":"u""#, "u");
        check_tenant(r#","end_user":"e""#, r#","user_api_key_user_id":null"#, "e");
        check_tenant(r#","end_user":"""#, "", "unknown");
    }

    #[test]
    fn a_bad_record_says_why_and_the_next_is_read() {
        let text = format!(
            "{}\n{}\n{{\"hello\":1}}\n{ROW}\n",
            CALLBACK.replace("4633", "\"many\""),
            CALLBACK.replace("1795316071.449975", "\"soon\"").replace("\"endTime\"", "\"ended\"")
        );
        let out = read(&Format::Litellm, &text);
        assert_eq!((out.calls.len(), out.tally.bad, out.tally.lines), (1, 2, 4));
        assert!(out.bad[0].reason.starts_with("prompt_tokens: token count is \"many\""), "{:?}", out.bad);
        assert_eq!(out.bad[1].reason, "startTime is \"soon\": expected an instant");
    }

    const CSV: &str = "request_id,spend,prompt_tokens,completion_tokens,startTime,model,metadata,cache_hit\n\
        a,0.001,\"1000\",10,2026-11-22 02:54:30.562,gpt-4.1,\"{\"\"user_api_key_team_alias\"\": \"\"ac,me\"\",\r\n\
        \"\"usage_object\"\": {\"\"prompt_tokens_details\"\": {\"\"cached_tokens\"\": 400}}}\",None\r\n\
        b,0.001,7,1,2026-11-22 02:54:31,gpt-4.1,,True\n\
        c,1\n\
        d,0.001,x,1,2026-11-22 02:54:31,gpt-4.1,,\n\
        e,,3,1,2026-11-22 02:54:31,,,";

    #[test]
    fn rows_of_csv_may_hold_commas_quotes_and_line_ends() {
        let out = read(&Format::LitellmCsv, CSV);
        let ids: Vec<u64> = out.calls.iter().map(|call| call.tokens.prompt().count()).collect();
        assert_eq!(ids, [1000, 7, 3]);
        assert_eq!(
            (out.calls[0].tenant.as_str(), classes(&out.calls[0])),
            ("ac,me", [600, 400, 0, 0, 10, 0])
        );
        assert_eq!((out.calls[1].tier, out.calls[2].model.as_str()), (Tier::CacheHit, "unknown"));
        assert_eq!((out.tally.bad, out.bad[0].reason.as_str()), (2, "2 fields: the header names 8"));
        assert_eq!((out.bad[0].line, out.bad[1].line), (5, 6));
    }

    #[test]
    fn rows_may_be_parted_by_other_marks() {
        let plain = "request_id,spend,prompt_tokens,startTime\na,0.001,7,2026-11-22 02:54:31\n";
        let want = read(&Format::LitellmCsv, plain).calls;
        for mark in [";", "\t"] {
            assert_eq!(read(&Format::LitellmCsv, &plain.replace(',', mark)).calls.len(), 1);
            assert_eq!(read(&Format::LitellmCsv, &plain.replace(',', mark)).calls[0].id, want[0].id);
        }
    }

    #[test]
    fn a_record_split_between_blocks_is_read_whole() {
        let whole = read(&Format::LitellmCsv, CSV).calls;
        let mut decoder = decoder(&Format::LitellmCsv);
        let (mut out, mut place) = (Decoded::default(), Place { offset: 0, line: 1 });
        for line in CSV.split_inclusive('\n') {
            decoder.block(line.as_bytes(), place, &mut out);
            decoder.pause(&mut out);
            place = Place { offset: place.offset + line.len() as u64, line: place.line + 1 };
        }
        assert_eq!(out.calls, whole);
    }

    const KEYS: &[&str] = &[
        "id",
        "request_id",
        "startTime",
        "endTime",
        "prompt_tokens",
        "completion_tokens",
        "metadata",
        "usage_object",
        "prompt_tokens_details",
        "cached_tokens",
        "status",
        "cache_hit",
        "response_cost",
        "error_information",
        "error_class",
        "model",
    ];

    proptest! {
        #[test]
        fn any_bytes_come_out_as_something(line in prop::collection::vec(any::<u8>(), 0..80)) {
            comes_out(&Format::Litellm, &line);
        }

        #[test]
        fn any_json_comes_out_as_something(line in json(KEYS)) {
            comes_out(&Format::Litellm, line.as_bytes());
        }

        #[test]
        fn every_field_of_csv_comes_back(fields in prop::collection::vec(any::<String>(), 1..6)) {
            let fields: Vec<String> = fields.into_iter().map(|field| field.replace('\r', "")).collect();
            let written: Vec<String> =
                fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            let mut record = Fields::default();
            for line in written.join(",").split('\n') {
                record.feed(line.as_bytes(), b',');
            }
            prop_assert_eq!(record.finish(), fields);
        }

        #[test]
        fn any_csv_without_quotes_comes_out_line_by_line(lines in prop::collection::vec("[^\"\n]{0,30}", 1..6)) {
            let out = read(&Format::LitellmCsv, &lines.join("\n"));
            prop_assert_eq!(outcomes(&out), out.tally.lines);
        }

        #[test]
        fn any_csv_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Decoded::default();
            decoder(&Format::LitellmCsv).block(&bytes, Place { offset: 0, line: 1 }, &mut out);
        }
    }
}
