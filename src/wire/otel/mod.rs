//! OTLP/JSON lines: GenAI spans and logs.

mod names;
pub mod signal;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use self::names::Operation;
use self::signal::{Attributes, Signal, parent_id, resources, span_id};
use super::json::{Raw, not_json};
use super::usage::{Apart, Left, Object, thoughts_apart};
use super::{Decoder, Origin, Place, bad_line, trim_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, Status, TenantId, Tier};
use crate::domain::claim::{Claim, Contest, Nearness};
use crate::domain::label::Labels;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::tokens::{TokenCount, Tokens};

/// Spans above usage that are remembered from earlier lines, at most.
const REMEMBERED: usize = 1 << 16;
/// Calls that wait for a span to name their model, at most.
const WAITING: usize = 1 << 12;

/// Reads spans and logs of the GenAI conventions and their relatives, and the events of Claude Code,
/// Codex and Gemini CLI.
///
/// One source is one signal. Where a program reports every response twice all the same, the two are
/// brought together: by the response's id, Codex' (which names none) by its counts and their second.
/// The log counts then, because it names the model. Metrics repeat both and are never read.
pub struct Otel {
    tenant: Option<TenantId>,
    rank: u32,
    labels: Labels,
    /// Spans of earlier lines with a descendant that has usage: a span is written after those in it.
    above_usage: HashSet<String>,
    /// Calls without a model, by the span above them that has not been read: it may name it.
    waiting: HashMap<String, Vec<Call>>,
}

/// The spans of one line by their ids.
#[derive(Default)]
struct Family {
    /// A span's parent and the model it names.
    spans: HashMap<String, (String, Option<String>)>,
}

impl Otel {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> Otel {
        Otel {
            tenant: origin.tenant,
            rank: origin.rank,
            labels: Labels::default(),
            above_usage: HashSet::new(),
            waiting: HashMap::new(),
        }
    }

    fn data(&mut self, data: &Object<'_>, place: Place, out: &mut Decoded) {
        let before = out.calls.len() as u64 + out.tally.bad;
        let metrics = data.has("resourceMetrics") || data.has("resource_metrics");
        let mut why = if metrics { Skip::Repeat } else { Skip::OtherRecord };
        let mut found = Vec::new();
        let mut take = |read: Result<Call, Left>, record: &Object<'_>| match read {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(reason)) => why = reason,
            Err(Left::Bad(reason)) => {
                let name = record.text("name").unwrap_or_default();
                out.bad(bad_line(name.as_bytes(), place, reason));
            }
        };
        for resource in resources(data) {
            let family = self.family(&resource.spans);
            found.extend(self.named_late(&family, place));
            for record in &resource.spans {
                let signal = Signal { record, own: Attributes::of(record), resource: &resource.about };
                take(self.span(&signal, &family, place), record);
            }
            for record in &resource.logs {
                let signal = Signal { record, own: Attributes::of(record), resource: &resource.about };
                take(self.log(&signal, place), record);
            }
        }
        out.calls.extend(found);
        match out.calls.len() as u64 + out.tally.bad - before {
            0 => out.tally.skip(why),
            records => out.more_records(records),
        }
    }

    /// Returns the calls of earlier lines whose model a span of this line names, to be counted in place of
    /// their nameless state. Spans come after those in them, and Codex names the model far above.
    fn named_late(&mut self, family: &Family, place: Place) -> Vec<Call> {
        let met: Vec<String> =
            self.waiting.keys().filter(|id| family.spans.contains_key(*id)).cloned().collect();
        let mut named = Vec::new();
        for id in met {
            let mut calls = self.waiting.remove(&id).unwrap_or_default();
            if let Some(model) = family.model_above(&id) {
                let model = ModelId::from_label(self.labels.label(model));
                for call in &mut calls {
                    call.model = model;
                    call.claim.order = Origin::order(self.rank, place.offset);
                }
                named.extend(calls);
            } else if let Some(above) = family.unread_above(&id) {
                self.waiting.entry(above.to_owned()).or_default().extend(calls);
            }
        }
        named
    }

    fn span(&mut self, signal: &Signal<'_, '_>, family: &Family, place: Place) -> Result<Call, Left> {
        if signal.record.text("name").is_some_and(|name| name == "claude_code.llm_request") {
            return self.claude_code(signal, place);
        }
        let id = span_id(signal.record).unwrap_or_default();
        match asked(&signal.own) {
            Operation::Around => return Err(Left::Skip(Skip::OtherRecord)),
            Operation::Unsaid if self.above_usage.contains(id.as_ref()) => {
                return Err(Left::Skip(Skip::Repeat));
            }
            _ => {}
        }
        let mut call = self.conventional(signal, place)?;
        let model = family.model_above(&id).filter(|_| call.model == ModelId::unknown());
        if let Some(model) = model {
            call.model = ModelId::from_label(self.labels.label(model));
        }
        if is_codex(signal) && signal.own.first(&names::RESPONSE).is_none() {
            call.id = twin(&call);
            call.claim = Claim { contest: Contest::Fullest, nearness: Nearness::Echo, ..call.claim };
        }
        call.latency = signal.start().filter(|start| call.at >= *start).map(|start| call.at.since(start));
        if signal.has_failed() {
            call.status = Status::Failed;
            call.failure = self.labels.label(&signal.own.text("error.type").unwrap_or_default());
        }
        if call.model == ModelId::unknown()
            && self.waiting.len() < WAITING
            && let Some(above) = family.unread_above(&id)
        {
            self.waiting.entry(above.to_owned()).or_default().push(call.clone());
        }
        Ok(call)
    }

    fn log(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let name = signal.event();
        let claude = name == "api_request" && signal.own.text("cost_usd").is_some();
        if claude || name == "claude_code.api_request" {
            return self.claude_code(signal, place);
        }
        if name == "codex.sse_event" {
            return self.codex(signal, place);
        }
        if name.ends_with(".api_response") && signal.own.text("input_token_count").is_some() {
            return self.gemini_cli(signal, place);
        }
        let service = signal.text("service.name").unwrap_or_default();
        if matches!(service.as_ref(), "gemini-cli" | "qwen-code") && name.starts_with("gen_ai.client.") {
            return Err(Left::Skip(Skip::Repeat));
        }
        if asked(&signal.own) == Operation::Around {
            return Err(Left::Skip(Skip::OtherRecord));
        }
        self.conventional(signal, place)
    }

    /// Reads what the conventions name, of a span or a log.
    fn conventional(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let own = &signal.own;
        let tokens = counts(own)?.ok_or(Left::Skip(Skip::NoUsage))?;
        let id = match (own.first(&names::RESPONSE), signal.ids()) {
            (Some(id), _) => response(&id),
            (None, (Some(trace), Some(span))) => CallId::of("otlp", &[trace.as_bytes(), span.as_bytes()]),
            _ => by_content(signal, &tokens),
        };
        let model = own.first(&names::MODEL);
        let provider = own.first(&names::PROVIDER).unwrap_or_default();
        let mut call = self.call(signal, id, model.as_deref(), place)?;
        call.provider = Provider::from_label(self.labels.label(names::biller(&provider)));
        call.tokens = tokens;
        call.tier = own.first(&names::SERVICE_TIER).map_or(Tier::Standard, |word| Tier::parse(&word));
        Ok(call)
    }

    /// Reads Claude Code's event (or span), whose prompt classes do not overlap.
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
        let id = own.text("request_id").map_or_else(|| by_content(signal, &tokens), |id| response(&id));
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
        let model = own.text("model");
        let mut call = self.call(signal, CallId::from_bits(0), model.as_deref(), place)?;
        call.provider = Provider::from_label(self.labels.label("openai"));
        call.tokens = TokenCount::from_inclusive(input, read, (written, 0), output)
            .with_reasoning(own.count(&["reasoning_token_count"])?.unwrap_or(0));
        call.claim.contest = Contest::Fullest;
        call.id = own.text("response.id").map_or_else(|| twin(&call), |id| response(&id));
        Ok(call)
    }

    /// Reads Gemini CLI's event, or that of a program made from it.
    fn gemini_cli(&mut self, signal: &Signal<'_, '_>, place: Place) -> Result<Call, Left> {
        let own = &signal.own;
        let count = |key: &str| own.count(&[key]).map(|count| count.unwrap_or(0));
        let tokens = thoughts_apart(&Apart {
            prompt: count("input_token_count")?,
            cached: count("cached_content_token_count")?,
            tool: count("tool_token_count")?,
            answer: count("output_token_count")?,
            thoughts: count("thoughts_token_count")?,
        });
        let model = own.text("model");
        let mut call = self.call(signal, by_content(signal, &tokens), model.as_deref(), place)?;
        let gemini = signal.event().starts_with("gemini_cli.");
        call.provider = Provider::from_label(self.labels.label(if gemini { "gemini" } else { "" }));
        call.tokens = tokens;
        call.latency = own.duration();
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
            let name = names::TENANT.iter().find_map(|key| signal.text(key));
            TenantId::from_label(self.labels.label(name.as_deref().unwrap_or("unknown")))
        });
        let model = ModelId::from_label(self.labels.label(model.unwrap_or("unknown")));
        let mut call = Call::new(id, at, tenant, model);
        call.claim = Claim { order: Origin::order(self.rank, place.offset), ..Claim::default() };
        call.reported = signal.own.dollars()?;
        Ok(call)
    }

    /// Takes note of the spans of one resource, and of those that stand above usage.
    fn family(&mut self, spans: &[Object<'_>]) -> Family {
        let mut family = Family::default();
        let mut with_usage = Vec::new();
        for span in spans {
            let attributes = Attributes::of(span);
            let id = span_id(span).unwrap_or_default().into_owned();
            let parent = parent_id(span).unwrap_or_default().into_owned();
            let model = attributes.first(&names::MODEL).or_else(|| attributes.text("model"));
            let counted = attributes.first(&names::INPUT).or_else(|| attributes.first(&names::OUTPUT));
            if counted.is_some() || self.above_usage.contains(&id) {
                with_usage.push(parent.clone());
            }
            family.spans.insert(id, (parent, model.map(Cow::into_owned)));
        }
        if self.above_usage.len() > REMEMBERED {
            self.above_usage.clear();
        }
        for mut id in with_usage {
            while !id.is_empty() && self.above_usage.insert(id.clone()) {
                let Some((parent, _)) = family.spans.get(&id) else { break };
                id.clone_from(parent);
            }
        }
        family
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

/// Tells what a record stands for, by whichever convention names it.
///
/// The Vercel SDK wraps each question in a span of its own, whose operation does not end in `do…`.
fn asked(own: &Attributes<'_>) -> Operation {
    if let Some(word) = own.text("gen_ai.operation.name") {
        return names::operation(&word);
    }
    if let Some(word) = own.first(&["openinference.span.kind", "traceloop.span.kind"]) {
        return names::kind(&word);
    }
    if let Some(word) = own.text("ai.operationId") {
        return if word.contains(".do") { Operation::Inference } else { Operation::Around };
    }
    if own.text("agent_name").is_some() { Operation::Around } else { Operation::Unsaid }
}

fn is_codex(signal: &Signal<'_, '_>) -> bool {
    signal.text("service.name").is_some_and(|name| name.starts_with("codex"))
}

fn response(id: &str) -> CallId {
    CallId::of("otlp", &[b"response", id.as_bytes()])
}

/// Recognises a response of Codex by what its log and its span both say: the counts and the second.
fn twin(call: &Call) -> CallId {
    let counts = [
        call.tokens.input,
        call.tokens.cache_read,
        call.tokens.cache_write_short,
        call.tokens.output,
        call.tokens.reasoning,
    ];
    let counts = counts.map(|count| count.count().to_le_bytes());
    CallId::of("otlp-codex", &[&call.at.seconds().to_le_bytes(), counts.as_flattened()])
}

/// Identifies a record without an id: by conversation, instants and counts.
fn by_content(signal: &Signal<'_, '_>, tokens: &TokenCount) -> CallId {
    const KEYS: [&str; 6] = [
        "conversation.id",
        "session.id",
        "gen_ai.conversation.id",
        "event.sequence",
        "event.timestamp",
        "prompt_id",
    ];
    const TIMES: [&str; 5] =
        ["timeUnixNano", "observedTimeUnixNano", "endTimeUnixNano", "time_unix_nano", "end_time_unix_nano"];
    let mut parts: Vec<Cow<'_, str>> =
        KEYS.iter().map(|key| signal.own.text(key).unwrap_or_default()).collect();
    parts.extend(TIMES.iter().map(|key| signal.record.text(key).unwrap_or_default()));
    parts.push(signal.record.get("hrTime").as_written().into());
    parts.push(format!("{}/{}", tokens.prompt().count(), tokens.output.count()).into());
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    CallId::of("otlp-record", &parts)
}

/// Reads the counts of the conventions, in which the prompt includes cache reads and writes; `None`
/// where there are none.
///
/// A prompt smaller than what was cached of it cannot include it, and a total that is larger by just that
/// says so too: such an emitter counts apart.
fn counts(own: &Attributes<'_>) -> Result<Option<TokenCount>, String> {
    let (input, output) = match (own.count(&names::INPUT)?, own.count(&names::OUTPUT)?) {
        (None, None) => return Ok(None),
        (input, output) => (input.unwrap_or(0), output.unwrap_or(0)),
    };
    let read = own.count(&names::CACHE_READ)?.unwrap_or(0);
    let written = own.count(&names::CACHE_WRITE)?.unwrap_or(0);
    let cached = read.saturating_add(written);
    let whole = input.saturating_add(cached);
    let total = own.count(&names::TOTAL).ok().flatten();
    let apart = cached > input || (cached > 0 && total == Some(whole.saturating_add(output)));
    let prompt = if apart { whole } else { input };
    let count = TokenCount::from_inclusive(prompt, read, (written, 0), output);
    Ok(Some(count.with_reasoning(own.count(&names::REASONING)?.unwrap_or(0))))
}

impl Family {
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

    /// Returns the nearest span above that is not among these.
    fn unread_above(&self, id: &str) -> Option<&str> {
        let mut at = id;
        for _ in 0..64 {
            let (parent, _) = self.spans.get(at)?;
            if !self.spans.contains_key(parent) {
                return Some(parent).filter(|parent| !parent.is_empty()).map(String::as_str);
            }
            at = parent;
        }
        None
    }
}

#[cfg(test)]
mod tests;
