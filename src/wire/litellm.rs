//! LiteLLM callback objects and SpendLogs rows, as JSON and as CSV.

use std::borrow::Cow;

use super::json::{Raw, short};
use super::usage::{Left, Object, each_object, inclusive};
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
        each_object(line, place, out, |object, _| self.records.call(object, place));
    }
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
        let written = written(top.get("metadata"));
        let metadata = Object::parse(&written).unwrap_or_default();
        let record = Record { top, metadata: &metadata, usage: metadata.object("usage_object") };
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
    for letter in bare.chars() {
        if letter.is_uppercase() && words.chars().last().is_some_and(char::is_lowercase) {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Reads SpendLogs rows as a database writes them to CSV: the first record names the columns; records
/// may contain line ends, and blocks may end inside a record.
pub struct LitellmCsv {
    records: Records,
    header: Option<Vec<String>>,
    record: Fields,
    begun: Option<Place>,
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
            record: Fields::default(),
            begun: None,
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
        let begun = *self.begun.get_or_insert(place);
        let room = 800_usize.saturating_sub(self.head.len());
        self.head.extend_from_slice(&line[..line.len().min(room)]);
        self.record.feed(line);
        if self.record.state != State::Quoted {
            self.begun = None;
            self.finished(begun, out);
        } else if self.record.length > LitellmCsv::LONGEST {
            self.begun = None;
            self.record = Fields::default();
            let head = std::mem::take(&mut self.head);
            out.bad(bad_line(&head, begun, "a quote is opened and never closed"));
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
    fn feed(&mut self, line: &[u8]) {
        if self.state == State::Quoted {
            self.field.push(b'\n');
        }
        self.length += line.len() + 1;
        for &byte in line {
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::Closing,
                (State::Start, b'"') => State::Quoted,
                (State::Start | State::Plain | State::Closing, b',') => {
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
