//! Claude Code transcripts: which lines are calls, and what each is recognised by.

mod record;

use std::path::Path;

use memchr::{memchr_iter, memmem};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use self::record::{Answer, Line, Object, Usage};
use super::{Decoder, Origin, Place, bad_line, json, trim_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, Region, TenantId, Tier};
use crate::domain::claim::{Claim, Contest};
use crate::domain::label::Labels;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::tokens::Tokens;

/// A record with usage holds this key. Inside a string the quotes are escaped, so that quoted usage does
/// not match; whether a line that matches is a call is decided by parsing it. (JSON would allow to write
/// the key's letters as escapes. No writer does, and looking for them would cost every line.)
const KEY: &[u8] = b"\"usage\"";
const KIND: &str = "claude-code";

/// Reads a transcript.
///
/// Copies of a call (streaming states, replays, echoes) all come out, with what the claims need to tell
/// which one counts.
pub struct ClaudeCode {
    path: Box<[u8]>,
    rank: u32,
    tenant: TenantId,
    session: Option<Box<str>>,
    labels: Labels,
    anthropic: Provider,
    bedrock: Provider,
    vertex: Provider,
    unsaid: Provider,
}

/// Why a line is not read at the first attempt.
enum Trouble {
    /// Not of the expected shape: worth a second attempt after rewriting.
    Shape(String),
    /// A value that makes no sense.
    Value(String),
}

impl From<String> for Trouble {
    fn from(reason: String) -> Trouble {
        Trouble::Value(reason)
    }
}

impl ClaudeCode {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> ClaudeCode {
        let below = below_projects(origin.path);
        let slug = below.first().filter(|_| below.len() > 1).map(String::as_str).unwrap_or_default();
        ClaudeCode {
            path: origin.path.as_os_str().as_encoded_bytes().into(),
            rank: origin.rank,
            tenant: origin.tenant.unwrap_or_else(|| TenantId::new(slug)),
            session: below.get(1).and_then(|name| session_of(name)),
            labels: Labels::default(),
            anthropic: Provider::new("anthropic"),
            bedrock: Provider::new("bedrock"),
            vertex: Provider::new("vertex_ai"),
            unsaid: Provider::unknown(),
        }
    }

    /// Reads a line that has the key somewhere: a record, or an array of records.
    fn candidate(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        if line.trim_ascii_start().first() != Some(&b'[') {
            return self.record(line, place, out);
        }
        match serde_json::from_slice::<Vec<&RawValue>>(line) {
            Ok(records) => {
                // Every record is counted as a line, so that lines are calls, skips and bad ones.
                out.tally.lines += (records.len() as u64).saturating_sub(1);
                for (index, record) in (0_u64..).zip(records) {
                    let place = Place { offset: place.offset + index, ..place };
                    self.record(record.get().as_bytes(), place, out);
                }
            }
            Err(error) => out.bad(bad_line(line, place, json::not_json(&error))),
        }
    }

    fn record(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let read = match self.read(line, place, out) {
            Err(Trouble::Shape(_)) => {
                json::canonical(line).map_err(Trouble::Shape).and_then(|line| self.read(&line, place, out))
            }
            read => read,
        };
        match read {
            Ok(None) => {}
            Ok(Some(why)) => out.tally.skip(why),
            Err(Trouble::Shape(reason) | Trouble::Value(reason)) => out.bad(bad_line(line, place, reason)),
        }
    }

    /// Reads the calls of a line; `Some` says why there are none.
    fn read(&mut self, line: &[u8], place: Place, out: &mut Decoded) -> Result<Option<Skip>, Trouble> {
        let line: Line<'_> =
            serde_json::from_slice(line).map_err(|error| Trouble::Shape(json::not_json(&error)))?;
        let Some(answer) = line.answer() else { return Ok(Some(Skip::OtherRecord)) };
        if answer.usage.output_tokens.is_missing() {
            return Ok(Some(Skip::NoUsage));
        }
        let call = self.call(&answer, place)?;
        let made_up = answer.error.as_written() == "true" && call.tokens.total() == Tokens::ZERO;
        if made_up || call.model.as_str() == "<synthetic>" {
            return Ok(Some(Skip::Synthetic));
        }
        let advice = self.advice(&answer, &call)?;
        out.more_records(1 + advice.len() as u64);
        out.calls.push(call);
        out.calls.extend(advice);
        Ok(None)
    }

    fn call(&mut self, answer: &Answer<'_>, place: Place) -> Result<Call, Trouble> {
        let model = answer.model.text().unwrap_or_default();
        let Some(at) = answer.timestamp.time() else {
            let written = json::short(answer.timestamp.as_written());
            return Err(Trouble::Value(format!("time is {written}: expected one like 2026-06-20T10:00:00Z")));
        };
        let mut call = Call::new(self.id(answer, &model, place), at, self.tenant, self.model(&model));
        call.claim = self.claim(answer, place);
        call.provider = self.provider(&model);
        call.tier = tier(&answer.usage);
        call.region = Region::parse(&answer.usage.inference_geo.text().unwrap_or_default());
        call.tokens = answer.usage.tokens()?;
        call.searches = answer.usage.searches()?;
        call.reported = answer.cost.dollars()?;
        Ok(call)
    }

    fn id(&self, answer: &Answer<'_>, model: &str, place: Place) -> CallId {
        let model = model.as_bytes();
        let id = answer.id.text().unwrap_or_default();
        if !id.is_empty() {
            return CallId::of(KIND, &[id.as_bytes(), model]);
        }
        let uuid = answer.uuid.text().unwrap_or_default();
        if !uuid.is_empty() {
            return CallId::of(KIND, &[b"uuid", uuid.as_bytes(), model]);
        }
        CallId::of(KIND, &[b"place", &self.path, &place.offset.to_le_bytes(), model])
    }

    /// A replay (a record of another session, copied by resume) is as near as its original but comes before
    /// it in order, so that at equal counts the original and its tenant stand.
    fn claim(&self, answer: &Answer<'_>, place: Place) -> Claim {
        let session = answer.session.text().unwrap_or_default();
        let replay = !session.is_empty() && self.session.as_deref().is_some_and(|own| own != session);
        let request = answer.request.text().filter(|request| !request.is_empty());
        Claim {
            contest: Contest::Fullest,
            nearness: answer.nearness,
            request: request.map(|request| xxh3_64(request.as_bytes())),
            order: if replay { 0 } else { Origin::order(self.rank, place.offset).max(1) },
        }
    }

    /// Returns an advisor's share of an answer: tokens of another model that are not in the totals. It is
    /// not a call of its own in the count of calls.
    fn advice(&mut self, answer: &Answer<'_>, call: &Call) -> Result<Vec<Call>, Trouble> {
        let written = answer.usage.iterations.as_written();
        if memmem::find(written.as_bytes(), b"advisor_message").is_none() {
            return Ok(Vec::new());
        }
        let iterations: Vec<Object<Usage<'_>>> =
            serde_json::from_str(written).map_err(|error| Trouble::Shape(json::not_json(&error)))?;
        let mut advice = Vec::new();
        for (index, iteration) in (0_u64..).zip(iterations) {
            let Some(usage) = iteration.0 else { continue };
            if usage.kind.text().unwrap_or_default() != "advisor_message" {
                continue;
            }
            let model = usage.model.text().unwrap_or_default();
            let id =
                [call.id.bits().to_le_bytes().as_slice(), &index.to_le_bytes(), model.as_bytes()].concat();
            let mut extra =
                Call::new(CallId::of(KIND, &[b"advisor", &id]), call.at, call.tenant, self.model(&model));
            extra.claim = call.claim;
            extra.provider = self.provider(&model);
            extra.tier = tier(&usage);
            extra.region = call.region;
            extra.tokens = usage.tokens()?;
            extra.calls = 0;
            advice.push(extra);
        }
        Ok(advice)
    }

    fn model(&mut self, name: &str) -> ModelId {
        ModelId::from_label(self.labels.label(if name.is_empty() { "unknown" } else { name }))
    }

    /// Tells who bills from the form of the model's name; nothing is said for models of other makers, which
    /// a gateway serves.
    fn provider(&self, model: &str) -> Provider {
        let region_less = model.split_once('.').map_or(model, |(_, rest)| rest);
        if model.starts_with("anthropic.")
            || region_less.starts_with("anthropic.")
            || model.starts_with("arn:aws")
        {
            self.bedrock
        } else if model.starts_with("claude") {
            if model.contains('@') { self.vertex } else { self.anthropic }
        } else {
            self.unsaid
        }
    }
}

impl Decoder for ClaudeCode {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        if memmem::find(line, KEY).is_some() {
            self.candidate(line, place, out);
        } else {
            other(line, place, out);
        }
    }

    fn block(&mut self, block: &[u8], start: Place, out: &mut Decoded) {
        let mut hits = memmem::find_iter(block, KEY).peekable();
        let rest = (block.last() != Some(&b'\n') && !block.is_empty()).then_some(block.len());
        let mut place = start;
        let mut from = 0;
        for end in memchr_iter(b'\n', block).map(|at| at + 1).chain(rest) {
            let line = trim_line(&block[from..end]);
            if hits.peek().is_some_and(|&hit| hit < end) {
                while hits.next_if(|&hit| hit < end).is_some() {}
                self.candidate(line, place, out);
            } else {
                other(line, place, out);
            }
            out.tally.lines += 1;
            place.offset += (end - from) as u64;
            place.line += 1;
            from = end;
        }
    }
}

/// Counts a line without the key. Only its ends are looked at: what has the ends of an object is taken for
/// one.
fn other(line: &[u8], place: Place, out: &mut Decoded) {
    match (line.first(), line.last()) {
        (Some(b'{'), Some(b'}')) => return out.tally.skip(Skip::OtherRecord),
        (None, _) | (_, None) => return out.tally.skip(Skip::Blank),
        _ => {}
    }
    let text = line.trim_ascii();
    if text.is_empty() {
        return out.tally.skip(Skip::Blank);
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(text) {
        Ok(_) => out.tally.skip(Skip::OtherRecord),
        Err(error) => out.bad(bad_line(line, place, json::not_json(&error))),
    }
}

fn tier(usage: &Usage<'_>) -> Tier {
    match Tier::parse(&usage.speed.text().unwrap_or_default()) {
        Tier::Fast => Tier::Fast,
        _ => Tier::parse(&usage.service_tier.text().unwrap_or_default()),
    }
}

/// Returns the parts of the path below the last `projects` directory: the project, then what is in it.
/// Without one it is the file and the directory it lies in.
fn below_projects(path: &Path) -> Vec<String> {
    let parts: Vec<String> =
        path.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let inner = parts.len().saturating_sub(1);
    let from = match parts[..inner].iter().rposition(|part| part == "projects") {
        Some(at) if at + 1 < inner => at + 1,
        _ => inner.saturating_sub(1),
    };
    parts[from..].to_vec()
}

/// Returns the session that a file's or directory's name in a project stands for; `None` where the name is
/// no session's.
fn session_of(name: &str) -> Option<Box<str>> {
    let stem = name.strip_suffix(".jsonl").unwrap_or(name);
    let dashes = stem.len() == 36 && [8, 13, 18, 23].iter().all(|&at| stem.as_bytes()[at] == b'-');
    dashes.then(|| stem.into())
}

#[cfg(test)]
mod tests;
