//! OTLP/JSON lines: GenAI spans and logs.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::json::{Raw, not_json};
use super::time::{self, Unit};
use super::usage::{Left, Object};
use super::{Decoder, Origin, Place, bad_line, trim_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, Status, TenantId, Tier};
use crate::domain::claim::Claim;
use crate::domain::label::Labels;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};

/// Reads spans and logs of the GenAI conventions, and the logs of Claude Code and Codex.
///
/// One source is one signal: a program that exports logs *and* spans reports every response in both,
/// and where they carry no response id in common (Codex) nothing ties the two together. Then one of
/// the two files is to be watched: for Codex and Claude Code the logs, which name the model. Metrics
/// repeat both and are never read.
pub struct Otel {
    tenant: Option<TenantId>,
    rank: u32,
    labels: Labels,
}

/// The value of an attribute, out of its envelope that says the type.
#[derive(Default)]
struct Attributes<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

/// A span or log record with what stands around it.
struct Signal<'r, 'a> {
    record: &'r Object<'a>,
    own: Attributes<'a>,
    resource: &'r Attributes<'a>,
}

/// The spans of one line by their ids.
#[derive(Default)]
struct Family {
    /// A span's parent and the model it names.
    spans: HashMap<String, (String, Option<String>)>,
    /// Spans with a descendant that has usage.
    above_usage: HashSet<String>,
}

const INFERENCE: [&str; 4] = ["chat", "text_completion", "generate_content", "embeddings"];
const INPUT: [&str; 2] = ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"];
const OUTPUT: [&str; 2] = ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"];
const CACHE_READ: [&str; 2] =
    ["gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"];
const CACHE_WRITE: [&str; 4] = [
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
];
const REASONING: [&str; 3] = [
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "codex.usage.reasoning_output_tokens",
];
const COST: [&str; 3] = ["gen_ai.usage.cost", "gen_ai.usage.total_cost", "cost_usd"];
const MODEL: [&str; 2] = ["gen_ai.response.model", "gen_ai.request.model"];
const PROVIDER: [&str; 2] = ["gen_ai.provider.name", "gen_ai.system"];
const SERVICE_TIER: [&str; 3] =
    ["openai.response.service_tier", "gen_ai.openai.response.service_tier", "gen_ai.response.service_tier"];
/// Where the tenant is looked for, in the record and then in its resource.
const TENANT: [&str; 8] = [
    "tenant.id",
    "user.email",
    "user.id",
    "enduser.id",
    "user.account_uuid",
    "team.id",
    "organization.id",
    "service.name",
];

impl Otel {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Otel {
        Otel { tenant: origin.tenant, rank: origin.rank, labels: Labels::default() }
    }

    fn data(&mut self, data: &Object<'_>, place: Place, out: &mut Decoded) {
        let before = out.calls.len() as u64 + out.tally.bad;
        let mut why = if data.has("resourceMetrics") { Skip::Repeat } else { Skip::OtherRecord };
        let mut take = |read: Result<Call, Left>, record: &Object<'_>| match read {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(reason)) => why = reason,
            Err(Left::Bad(reason)) => {
                let name = record.text("name").unwrap_or_default();
                out.bad(bad_line(name.as_bytes(), place, reason));
            }
        };
        for resource in data.objects("resourceSpans") {
            let about = Attributes::of(&resource.object("resource"));
            let spans: Vec<Object<'_>> =
                resource.objects("scopeSpans").iter().flat_map(|scope| scope.objects("spans")).collect();
            let family = Family::of(&spans);
            for record in &spans {
                let signal = Signal { record, own: Attributes::of(record), resource: &about };
                take(self.span(&signal, &family, place), record);
            }
        }
        for resource in data.objects("resourceLogs") {
            let about = Attributes::of(&resource.object("resource"));
            for record in resource.objects("scopeLogs").iter().flat_map(|scope| scope.objects("logRecords")) {
                let signal = Signal { record: &record, own: Attributes::of(&record), resource: &about };
                take(self.log(&signal, place), &record);
            }
        }
        match out.calls.len() as u64 + out.tally.bad - before {
            0 => out.tally.skip(why),
            records => out.more_records(records),
        }
    }

    fn span(&mut self, signal: &Signal<'_, '_>, family: &Family, place: Place) -> Result<Call, Left> {
        let id = signal.record.text("spanId").unwrap_or_default();
        match signal.own.text("gen_ai.operation.name") {
            Some(operation) if !INFERENCE.contains(&operation.as_ref()) => {
                return Err(Left::Skip(Skip::OtherRecord));
            }
            None if family.above_usage.contains(id.as_ref()) => return Err(Left::Skip(Skip::Repeat)),
            _ => {}
        }
        let tokens = inclusive(&signal.own)?;
        let mut call = self.conventional(signal, tokens, place)?;
        if call.model == ModelId::unknown()
            && let Some(model) = family.model_above(&id)
        {
            call.model = ModelId::from_label(self.labels.label(model));
        }
        let start = nanos(signal.record, "startTimeUnixNano");
        call.latency = start.filter(|start| call.at >= *start).map(|start| call.at.since(start));
        let status = signal.record.object("status").text("code").unwrap_or_default();
        if matches!(status.as_ref(), "2" | "STATUS_CODE_ERROR") {
            call.status = Status::Failed;
            call.failure = self.labels.label(&signal.own.text("error.type").unwrap_or_default());
        }
        Ok(call)
    }

    fn log(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let body = signal.record.object("body").text("stringValue").unwrap_or_default();
        let name = signal.own.text("event.name").or_else(|| signal.record.text("eventName"));
        let name = name.unwrap_or_default();
        let bare = name == "api_request" && signal.own.text("cost_usd").is_some();
        if bare || name == "claude_code.api_request" || body == "claude_code.api_request" {
            return self.claude_code(signal, place);
        }
        if name == "codex.sse_event" {
            return self.codex(signal, place);
        }
        if signal.own.text("gen_ai.operation.name").is_some_and(|word| !INFERENCE.contains(&word.as_ref())) {
            return Err(Left::Skip(Skip::OtherRecord));
        }
        let tokens = inclusive(&signal.own)?;
        self.conventional(signal, tokens, place)
    }

    /// Reads what the conventions name, of a span or a log.
    fn conventional(
        &mut self,
        signal: &Signal<'_, '_>,
        tokens: Option<TokenCount>,
        place: Place,
    ) -> Result<Call, Left> {
        let tokens = tokens.ok_or(Left::Skip(Skip::NoUsage))?;
        let (own, record) = (&signal.own, signal.record);
        let id = match (own.text("gen_ai.response.id"), record.text("traceId"), record.text("spanId")) {
            (Some(id), _, _) => response(&id),
            (None, Some(trace), Some(span)) => CallId::of("otlp", &[trace.as_bytes(), span.as_bytes()]),
            _ => signal.by_content(&tokens),
        };
        let model = own.first(&MODEL);
        let provider = own.first(&PROVIDER);
        let mut call = self.call(signal, id, model.as_deref(), place)?;
        call.provider = Provider::from_label(self.labels.label(&provider.unwrap_or_default()));
        call.tokens = tokens;
        call.tier = own.first(&SERVICE_TIER).map_or(Tier::Standard, |word| Tier::parse(&word));
        Ok(call)
    }

    /// Reads Claude Code's event, whose prompt classes do not overlap.
    fn claude_code(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let own = &signal.own;
        let counted = (own.count(&["input_tokens"])?, own.count(&["output_tokens"])?);
        if counted == (None, None) {
            return Err(Left::Skip(Skip::NoUsage));
        }
        let tokens = TokenCount {
            input: Tokens::new(counted.0.unwrap_or(0)),
            cache_read: Tokens::new(own.count(&["cache_read_tokens"])?.unwrap_or(0)),
            cache_write_short: Tokens::new(own.count(&["cache_creation_tokens"])?.unwrap_or(0)),
            output: Tokens::new(counted.1.unwrap_or(0)),
            ..TokenCount::default()
        };
        let id = own.text("request_id").map_or_else(|| signal.by_content(&tokens), |id| response(&id));
        let model = own.text("model");
        let mut call = self.call(signal, id, model.as_deref(), place)?;
        call.provider = Provider::from_label(self.labels.label("anthropic"));
        call.tokens = tokens;
        call.tier = own.text("speed").map_or(Tier::Standard, |word| Tier::parse(&word));
        call.latency = own.duration();
        Ok(call)
    }

    /// Reads Codex' event: of the two it writes for a response, the one with counts.
    fn codex(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let own = &signal.own;
        let counted = (own.count(&["input_token_count"])?, own.count(&["output_token_count"])?);
        let completed = own.text("event.kind").is_none_or(|kind| kind == "response.completed");
        if !completed || counted == (None, None) {
            return Err(Left::Skip(Skip::NoUsage));
        }
        let read = own.count(&["cached_token_count"])?.unwrap_or(0);
        let written = own.count(&["cache_write_token_count"])?.unwrap_or(0);
        let (input, output) = (counted.0.unwrap_or(0), counted.1.unwrap_or(0));
        let tokens = TokenCount::from_inclusive(input, read, (written, 0), output)
            .with_reasoning(own.count(&["reasoning_token_count"])?.unwrap_or(0));
        let id = own.text("response.id").map_or_else(|| signal.by_content(&tokens), |id| response(&id));
        let model = own.text("model");
        let mut call = self.call(signal, id, model.as_deref(), place)?;
        call.provider = Provider::from_label(self.labels.label("openai"));
        call.tokens = tokens;
        Ok(call)
    }

    fn call(
        &mut self,
        signal: &Signal<'_, '_>,
        id: CallId,
        model: Option<&str>,
        place: Place,
    ) -> Result<Call, Left> {
        let at = signal.at().ok_or_else(|| Left::Bad("the record has no usable time".to_owned()))?;
        let tenant = self.tenant.unwrap_or_else(|| {
            let name =
                TENANT.iter().find_map(|key| signal.own.text(key).or_else(|| signal.resource.text(key)));
            TenantId::from_label(self.labels.label(name.as_deref().unwrap_or("unknown")))
        });
        let model = ModelId::from_label(self.labels.label(model.unwrap_or("unknown")));
        let mut call = Call::new(id, at, tenant, model);
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        call.reported = signal.own.dollars()?;
        Ok(call)
    }
}

impl Decoder for Otel {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let text = String::from_utf8_lossy(trim_line(line));
        let text = text.trim();
        if text.is_empty() {
            return out.tally.skip(Skip::Blank);
        }
        match serde_json::from_str::<Raw<'_>>(text) {
            Err(error) => out.bad(bad_line(line, place, not_json(&error))),
            Ok(_) if text.starts_with('[') => {
                let values: Vec<Raw<'_>> = serde_json::from_str(text).unwrap_or_default();
                if values.is_empty() {
                    out.tally.skip(Skip::OtherRecord);
                }
                out.more_records(values.len() as u64);
                for value in values {
                    self.data(&Object::of(value), place, out);
                }
            }
            Ok(value) => self.data(&Object::of(value), place, out),
        }
    }
}

fn response(id: &str) -> CallId {
    CallId::of("otlp", &[b"response", id.as_bytes()])
}

/// Reads the counts of the conventions, in which the prompt includes cache reads and writes; `None`
/// where there are none.
///
/// A prompt smaller than what was cached of it cannot include it: that emitter counts apart.
fn inclusive(own: &Attributes<'_>) -> Result<Option<TokenCount>, String> {
    let (input, output) = match (own.count(&INPUT)?, own.count(&OUTPUT)?) {
        (None, None) => return Ok(None),
        (input, output) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let read = own.count(&CACHE_READ)?.unwrap_or(0);
    let written = own.count(&CACHE_WRITE)?.unwrap_or(0);
    let cached = read.saturating_add(written);
    let prompt = if cached > input { input.saturating_add(cached) } else { input };
    let count = TokenCount::from_inclusive(prompt, read, (written, 0), output);
    Ok(Some(count.with_reasoning(own.count(&REASONING)?.unwrap_or(0))))
}

/// Reads nanoseconds since 1970; 0 stands for none.
fn nanos(record: &Object<'_>, key: &str) -> Option<Timestamp> {
    let text = record.text(key).filter(|text| text != "0")?;
    time::parse_number(&text, Unit::Nanos)
}

impl<'a> Attributes<'a> {
    fn of(holder: &Object<'a>) -> Attributes<'a> {
        let pairs = holder.objects("attributes");
        Attributes(
            pairs
                .iter()
                .filter_map(|pair| Some((pair.text("key")?, scalar(&pair.object("value")))))
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Raw<'a> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value).unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).text().filter(|text| !text.trim().is_empty())
    }

    fn first(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.text(key))
    }

    fn count(&self, keys: &[&str]) -> Result<Option<u64>, String> {
        for key in keys {
            let count = self.get(key).count().map_err(|reason| format!("{key}: {reason}"))?;
            if count.is_some() {
                return Ok(count);
            }
        }
        Ok(None)
    }

    fn dollars(&self) -> Result<Option<crate::domain::money::Money>, String> {
        for key in COST {
            let cost = self.get(key).dollars().map_err(|reason| format!("{key}: {reason}"))?;
            if cost.is_some() {
                return Ok(cost);
            }
        }
        Ok(None)
    }

    fn duration(&self) -> Option<Millis> {
        self.get("duration_ms").count().ok().flatten().map(Millis::new)
    }
}

/// Takes a value out of its envelope. Counts come in every one of them.
fn scalar<'a>(value: &Object<'a>) -> Raw<'a> {
    let kinds = ["intValue", "stringValue", "doubleValue", "boolValue"];
    kinds.iter().map(|kind| value.get(kind)).find(|inner| !inner.is_missing()).unwrap_or_default()
}

impl Signal<'_, '_> {
    /// Returns the end of a span or the time of a log. Codex writes a time of 0.
    fn at(&self) -> Option<Timestamp> {
        ["endTimeUnixNano", "timeUnixNano", "observedTimeUnixNano", "startTimeUnixNano"]
            .iter()
            .find_map(|key| nanos(self.record, key))
            .or_else(|| self.own.get("event.timestamp").time())
    }

    /// Identifies a record without an id: by conversation, instants and counts.
    fn by_content(&self, tokens: &TokenCount) -> CallId {
        let keys =
            ["conversation.id", "session.id", "gen_ai.conversation.id", "event.sequence", "event.timestamp"];
        let mut parts: Vec<Cow<'_, str>> =
            keys.iter().map(|key| self.own.text(key).unwrap_or_default()).collect();
        for key in ["timeUnixNano", "observedTimeUnixNano", "endTimeUnixNano"] {
            parts.push(self.record.text(key).unwrap_or_default());
        }
        parts.push(format!("{}/{}", tokens.prompt().count(), tokens.output.count()).into());
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        CallId::of("otlp-record", &parts)
    }
}

impl Family {
    fn of(spans: &[Object<'_>]) -> Family {
        let mut family = Family::default();
        let mut with_usage = Vec::new();
        for span in spans {
            let attributes = Attributes::of(span);
            let id = span.text("spanId").unwrap_or_default().into_owned();
            let parent = span.text("parentSpanId").unwrap_or_default().into_owned();
            let model = attributes.first(&MODEL).or_else(|| attributes.text("model")).map(Cow::into_owned);
            if attributes.first(&INPUT).or_else(|| attributes.first(&OUTPUT)).is_some() {
                with_usage.push(parent.clone());
            }
            family.spans.insert(id, (parent, model));
        }
        for mut id in with_usage {
            while !id.is_empty() && family.above_usage.insert(id.clone()) {
                let Some((parent, _)) = family.spans.get(&id) else { break };
                id.clone_from(parent);
            }
        }
        family
    }

    /// Returns the model that the nearest span above names; spans that are their own ancestors end
    /// the search.
    fn model_above(&self, id: &str) -> Option<&str> {
        let mut at = id;
        for _ in 0..64 {
            let (parent, model) = self.spans.get(at)?;
            if let Some(model) = model {
                return Some(model);
            }
            at = parent;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::format::Format;
    use super::super::usage::testing::{classes, comes_out, counted, json, one, read};
    use super::*;
    use crate::domain::money::Money;

    /// Writes attributes; the values stand as they are to be written.
    fn attributes(pairs: &[(&str, &str)]) -> String {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!(r#"{{"key":"{key}","value":{{{value}}}}}"#)).collect();
        format!("[{}]", pairs.join(","))
    }

    fn span(id: &str, parent: &str, pairs: &[(&str, &str)]) -> String {
        format!(
            r#"{{"traceId":"t1","spanId":"{id}","parentSpanId":"{parent}","name":"x","startTimeUnixNano":"1781906399822000000","endTimeUnixNano":"1781906400822000000","attributes":{}}}"#,
            attributes(pairs)
        )
    }

    fn traces(spans: &[String]) -> String {
        let resource = attributes(&[
            ("service.name", r#""stringValue":"svc""#),
            ("tenant.id", r#""stringValue":"acme""#),
        ]);
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":{resource}}},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            spans.join(",")
        )
    }

    fn log(times: &str, pairs: &[(&str, &str)]) -> String {
        format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":{}}},"scopeLogs":[{{"logRecords":[{{{times},"attributes":{}}}]}}]}}]}}"#,
            attributes(&[("service.name", r#""stringValue":"svc""#)]),
            attributes(pairs)
        )
    }

    const CHAT: (&str, &str) = ("gen_ai.operation.name", r#""stringValue":"chat""#);
    const MODEL_M: (&str, &str) = ("gen_ai.response.model", r#""stringValue":"m""#);
    const IN: (&str, &str) = ("gen_ai.usage.input_tokens", r#""intValue":"3543""#);
    const OUT: (&str, &str) = ("gen_ai.usage.output_tokens", r#""stringValue":"368""#);

    #[test]
    fn counts_come_in_every_envelope_and_include_what_was_cached() {
        let call = one(
            &Format::Otel,
            &traces(&[span(
                "s1",
                "",
                &[
                    CHAT,
                    MODEL_M,
                    IN,
                    OUT,
                    ("gen_ai.request.model", r#""stringValue":"alias""#),
                    ("gen_ai.usage.cache_read.input_tokens", r#""doubleValue":1181.0"#),
                    ("gen_ai.usage.reasoning.output_tokens", r#""intValue":92"#),
                ],
            )]),
        );
        assert_eq!(classes(&call), [2362, 1181, 0, 0, 368, 92]);
        assert_eq!((call.tenant.as_str(), call.model.as_str()), ("acme", "m"));
        assert_eq!((call.at.millis(), call.latency), (1_781_906_400_822, Some(Millis::new(1000))));
    }

    #[test]
    fn older_names_are_read_and_agents_never_count() {
        let old = [
            ("gen_ai.system", r#""stringValue":"openai""#),
            ("gen_ai.request.model", r#""stringValue":"gpt""#),
            ("gen_ai.usage.prompt_tokens", r#""intValue":"10""#),
            ("gen_ai.usage.completion_tokens", r#""intValue":"2""#),
        ];
        let agent = [("gen_ai.operation.name", r#""stringValue":"invoke_agent""#), IN, OUT];
        let call = one(&Format::Otel, &traces(&[span("s1", "s2", &old), span("s2", "", &agent)]));
        assert_eq!((classes(&call), call.provider.as_str()), ([10, 0, 0, 0, 2, 0], "openai"));
        let out = read(&Format::Otel, &traces(&[span("s2", "", &agent)]));
        assert_eq!((out.calls.len(), out.tally.skipped[Skip::OtherRecord as usize]), (0, 1));
    }

    #[test]
    fn a_nameless_span_above_another_with_usage_repeats_it() {
        let line =
            traces(&[span("s1", "mid", &[MODEL_M, IN]), span("mid", "top", &[]), span("top", "", &[IN])]);
        assert_eq!(one(&Format::Otel, &line).model.as_str(), "m");
    }

    #[test]
    fn the_model_is_taken_from_a_span_above() {
        let model = [("model", r#""stringValue":"gpt-5.2-codex""#)];
        let line = traces(&[span("s1", "mid", &[IN]), span("mid", "top", &[]), span("top", "", &model)]);
        assert_eq!(one(&Format::Otel, &line).model.as_str(), "gpt-5.2-codex");
        let circle = traces(&[span("s1", "s2", &[CHAT, IN]), span("s2", "s1", &[])]);
        assert_eq!(one(&Format::Otel, &circle).model.as_str(), "unknown");
    }

    #[test]
    fn an_emitter_that_counts_cached_tokens_apart_is_recognised() {
        let cached = ("gen_ai.usage.cache_read_input_tokens", r#""intValue":"9000""#);
        let call = one(&Format::Otel, &traces(&[span("s1", "", &[CHAT, IN, OUT, cached])]));
        assert_eq!(classes(&call), [3543, 9000, 0, 0, 368, 0]);
    }

    #[test]
    fn one_response_in_two_signals_or_two_deliveries_counts_once() {
        let response = ("gen_ai.response.id", r#""stringValue":"resp_1""#);
        let line = traces(&[span("s1", "", &[CHAT, IN, OUT, response]), span("s9", "", &[CHAT, IN])]);
        let event = log(r#""timeUnixNano":"1781906400822000000""#, &[CHAT, IN, OUT, response]);
        let out = read(&Format::Otel, &format!("{line}\n{line}\n{event}\n"));
        assert_eq!((out.calls.len(), counted(out.calls).len()), (5, 2));
    }

    #[test]
    fn codex_logs_carry_no_time_and_only_one_of_two_has_counts() {
        let kind = [
            ("event.name", r#""stringValue":"codex.sse_event""#),
            ("event.kind", r#""stringValue":"response.completed""#),
            ("model", r#""stringValue":"gpt-5.2-codex""#),
            ("event.timestamp", r#""stringValue":"2026-11-22T03:12:01.011Z""#),
        ];
        let counts = [
            ("input_token_count", r#""stringValue":"6571""#),
            ("output_token_count", r#""stringValue":"78""#),
            ("cached_token_count", r#""intValue":"2816""#),
            ("cache_write_token_count", r#""intValue":"128""#),
            ("reasoning_token_count", r#""intValue":"12""#),
        ];
        let times = r#""timeUnixNano":"0","observedTimeUnixNano":"1795317121011617209""#;
        let call = one(&Format::Otel, &log(times, &[&kind[..], &counts[..]].concat()));
        assert_eq!((classes(&call), call.at.millis()), ([3627, 2816, 128, 0, 78, 12], 1_795_317_121_011));
        let timeless = one(&Format::Otel, &log(r#""timeUnixNano":"0""#, &[&kind[..], &counts[..]].concat()));
        assert_eq!(timeless.at, call.at);
        let out = read(&Format::Otel, &log(times, &kind));
        assert_eq!(out.tally.skipped[Skip::NoUsage as usize], 1);
    }

    #[test]
    fn claude_code_counts_apart_and_names_the_person() {
        let call = one(
            &Format::Otel,
            &log(
                r#""timeUnixNano":"1781906400000000000","body":{"stringValue":"claude_code.api_request"}"#,
                &[
                    ("event.name", r#""stringValue":"api_request""#),
                    ("user.email", r#""stringValue":"dev@example.com""#),
                    ("model", r#""stringValue":"claude-opus-4-6""#),
                    ("cost_usd", r#""stringValue":"0.038959""#),
                    ("input_tokens", r#""intValue":"292""#),
                    ("output_tokens", r#""intValue":"191""#),
                    ("cache_read_tokens", r#""intValue":"34935""#),
                    ("cache_creation_tokens", r#""intValue":"314""#),
                    ("request_id", r#""stringValue":"req_110""#),
                    ("speed", r#""stringValue":"fast""#),
                ],
            ),
        );
        assert_eq!((classes(&call), call.tier), ([292, 34935, 314, 0, 191, 0], Tier::Fast));
        assert_eq!(
            (call.tenant.as_str(), call.reported),
            ("dev@example.com", Some(Money::from_nanos(38_959_000)))
        );
    }

    #[test]
    fn metrics_and_spans_without_usage_are_skipped_and_bad_counts_say_why() {
        let bad = span("s1", "", &[CHAT, ("gen_ai.usage.input_tokens", r#""stringValue":"many""#)]);
        let text = [
            r#"{"resourceMetrics":[]}"#.to_owned(),
            traces(&[span("s0", "", &[CHAT])]),
            traces(&[bad, span("s2", "", &[CHAT, IN])]),
        ];
        let out = read(&Format::Otel, &text.join("\n"));
        assert_eq!((out.calls.len(), out.tally.bad), (1, 1));
        assert_eq!(out.tally.skipped, [0, 0, 1, 1, 0, 0]);
        assert!(out.bad[0].reason.starts_with("gen_ai.usage.input_tokens: "), "{:?}", out.bad);
    }

    const KEYS: &[&str] = &[
        "resourceSpans",
        "scopeSpans",
        "spans",
        "resourceLogs",
        "scopeLogs",
        "logRecords",
        "resource",
        "attributes",
        "key",
        "value",
        "intValue",
        "stringValue",
        "spanId",
        "parentSpanId",
        "endTimeUnixNano",
        "timeUnixNano",
    ];

    proptest! {
        #[test]
        fn any_bytes_come_out_as_something(line in prop::collection::vec(any::<u8>(), 0..80)) {
            comes_out(&Format::Otel, &line);
        }

        #[test]
        fn any_json_comes_out_as_something(line in json(KEYS)) {
            comes_out(&Format::Otel, line.as_bytes());
        }

        #[test]
        fn any_count_comes_out_as_something(value in json(KEYS), time in any::<u64>()) {
            let inner = format!("\"intValue\":{value}");
            let own = [CHAT, ("gen_ai.usage.input_tokens", inner.as_str())];
            comes_out(&Format::Otel, log(&format!("\"timeUnixNano\":{time}"), &own).as_bytes());
        }
    }
}
