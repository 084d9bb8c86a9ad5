//! Gemini CLI sessions: lines of messages and settings, or (in older releases) one document; and the file
//! that its telemetry is written to.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::Documents;
use super::json::{self, Raw};
use super::otel::Otel;
use super::{Decoder, Origin, Place, bad_line};
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId};
use crate::domain::claim::{Claim, Contest, Nearness};
use crate::domain::label::Labels;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::tokens::{TokenCount, Tokens};

const KIND: &str = "gemini-cli";

/// Reads a session.
pub struct GeminiCli {
    rank: u32,
    tenant: TenantId,
    provider: Provider,
    labels: Labels,
    session: Box<str>,
    /// Messages that came out, to keep quiet when the whole list is written again.
    seen: HashMap<CallId, TokenCount>,
    documents: Documents,
    telemetry: Otel,
}

/// Why a record is not read at the first attempt.
enum Trouble {
    /// Not of the expected shape: worth a second attempt after rewriting.
    Shape(String),
    /// A value that makes no sense.
    Value(String),
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Trouble {
        Trouble::Shape(json::not_json(&error))
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Trouble {
        Trouble::Value(reason)
    }
}

/// A line or a whole document: a header, a message, a change of settings, or all of them.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default, rename = "sessionId")]
    session: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, default)]
    model: Raw<'a>,
    #[serde(borrow, default)]
    tokens: Raw<'a>,
    #[serde(borrow, default)]
    messages: Raw<'a>,
    #[serde(borrow, default, rename = "$set")]
    set: Raw<'a>,
    #[serde(borrow, default)]
    attributes: Raw<'a>,
}

#[derive(Deserialize)]
struct Counts<'a> {
    #[serde(borrow, default)]
    input: Raw<'a>,
    #[serde(borrow, default)]
    output: Raw<'a>,
    #[serde(borrow, default)]
    cached: Raw<'a>,
    #[serde(borrow, default)]
    thoughts: Raw<'a>,
    #[serde(borrow, default)]
    tool: Raw<'a>,
}

impl GeminiCli {
    /// Starts on one file.
    pub fn new(origin: &Origin<'_>) -> GeminiCli {
        let stem = origin.path.file_stem().unwrap_or_default().to_string_lossy();
        GeminiCli {
            rank: origin.rank,
            tenant: origin.tenant.unwrap_or_else(|| TenantId::new(&project(origin.path))),
            provider: Provider::new("gemini"),
            labels: Labels::default(),
            session: stem.into(),
            seen: HashMap::new(),
            documents: Documents::default(),
            telemetry: Otel::new(origin),
        }
    }

    /// Reads one text and settles what became of it: calls, a reason to leave it out, or a bad line.
    fn record(&mut self, text: &[u8], place: Place, out: &mut Decoded) {
        if text.trim_ascii().is_empty() {
            return out.tally.skip(Skip::Blank);
        }
        if serde_json::from_slice::<Entry<'_>>(text).is_ok_and(|entry| !entry.attributes.is_missing()) {
            return self.telemetry.line(text, place, out);
        }
        let mut found = Found::default();
        let mut read = self.entry(text, place, &mut found);
        if let Err(Trouble::Shape(_)) = read {
            found = Found::default();
            read = json::canonical(text)
                .map_err(Trouble::Shape)
                .and_then(|text| self.entry(&text, place, &mut found));
        }
        if let Err(Trouble::Shape(reason) | Trouble::Value(reason)) = read {
            found.fault = Some(reason);
        }
        let (stated, before) = (found.calls.len(), out.calls.len());
        for call in found.calls {
            if self.seen.insert(call.id, call.tokens) != Some(call.tokens) {
                out.calls.push(call);
            }
        }
        let faults = u64::from(found.fault.is_some());
        out.more_records((out.calls.len() - before) as u64 + faults);
        match found.fault {
            Some(reason) => out.bad(bad_line(text, place, reason)),
            None if out.calls.len() > before => {}
            None if stated > 0 => out.tally.skip(Skip::Repeat),
            None => out.tally.skip(found.skip),
        }
    }

    /// Reads a header, a message, or a list of messages.
    fn entry(&mut self, text: &[u8], place: Place, found: &mut Found) -> Result<(), Trouble> {
        if text.trim_ascii().starts_with(b"[") {
            return self.list(serde_json::from_slice(text)?, place, found);
        }
        let entry: Entry<'_> = serde_json::from_slice(text)?;
        if let Some(session) = entry.session.text().filter(|session| !session.is_empty()) {
            self.session = (&*session).into();
        }
        self.message(&entry, place, found)?;
        let set: Option<Entry<'_>> = match entry.set.as_written() {
            set if set.starts_with('{') => Some(serde_json::from_str(set)?),
            _ => None,
        };
        for list in [Some(entry.messages), set.map(|set| set.messages)].into_iter().flatten() {
            if list.as_written().starts_with('[') {
                self.list(serde_json::from_str(list.as_written())?, place, found)?;
            }
        }
        Ok(())
    }

    fn list(&mut self, list: Vec<&RawValue>, place: Place, found: &mut Found) -> Result<(), Trouble> {
        for message in list.into_iter().map(RawValue::get).filter(|message| message.starts_with('{')) {
            match self.message(&serde_json::from_str(message)?, place, found) {
                Err(Trouble::Value(reason)) => found.fault = Some(reason),
                read => read?,
            }
        }
        Ok(())
    }

    fn message(&mut self, entry: &Entry<'_>, place: Place, found: &mut Found) -> Result<(), Trouble> {
        if entry.kind.text().unwrap_or_default() != "gemini" {
            return Ok(());
        }
        if !entry.tokens.as_written().starts_with('{') {
            found.skip = Skip::NoUsage;
            return Ok(());
        }
        let tokens = tokens(&serde_json::from_str(entry.tokens.as_written())?)?;
        let Some(at) = entry.timestamp.time() else {
            let written = json::short(entry.timestamp.as_written());
            return Err(Trouble::Value(format!("time is {written}: expected one like 2026-06-20T10:00:00Z")));
        };
        let model = entry.model.text().filter(|model| !model.is_empty());
        let model = ModelId::from_label(self.labels.label(model.as_deref().unwrap_or("unknown")));
        let mut call = Call::new(self.id(entry), at, self.tenant, model);
        call.claim = Claim {
            contest: Contest::Fullest,
            nearness: Nearness::Main,
            request: None,
            order: Origin::order(self.rank, place.offset),
        };
        call.provider = self.provider;
        call.tokens = tokens;
        found.calls.push(call);
        Ok(())
    }

    /// A message is named by a UUID; a shorter name is only taken to be its own within the session.
    fn id(&self, entry: &Entry<'_>) -> CallId {
        let id = entry.id.text().unwrap_or_default();
        if id.len() >= 16 {
            return CallId::of(KIND, &[id.as_bytes()]);
        }
        let moment = entry.timestamp.as_written();
        CallId::of(KIND, &[self.session.as_bytes(), id.as_bytes(), moment.as_bytes()])
    }
}

/// What a text holds.
struct Found {
    calls: Vec<Call>,
    skip: Skip,
    fault: Option<String>,
}

impl Default for Found {
    fn default() -> Found {
        Found { calls: Vec::new(), skip: Skip::OtherRecord, fault: None }
    }
}

impl Decoder for GeminiCli {
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded) {
        let mut documents = std::mem::take(&mut self.documents);
        documents.line(line, place, out, &mut |text, place, out| self.record(text, place, out));
        self.documents = documents;
    }

    fn pause(&mut self, out: &mut Decoded) {
        let mut documents = std::mem::take(&mut self.documents);
        documents.pause(out, &mut |text, place, out| self.record(text, place, out));
        self.documents = documents;
    }
}

/// Brings the counts to normal form: cached ones are inside the input, thoughts and tool use are not inside
/// the output and the input.
fn tokens(counts: &Counts<'_>) -> Result<TokenCount, String> {
    let thoughts = counts.thoughts.count_or_zero()?;
    let output = counts.output.count_or_zero()?.saturating_add(thoughts);
    let cached = counts.cached.count_or_zero()?;
    let mut tokens = TokenCount::from_inclusive(counts.input.count_or_zero()?, cached, (0, 0), output);
    tokens.input += Tokens::new(counts.tool.count_or_zero()?);
    Ok(tokens.with_reasoning(thoughts))
}

/// Returns the project's directory: the one that holds `chats`, or else the file.
fn project(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let inner = parts.len().saturating_sub(1);
    let chats = parts[..inner].iter().rposition(|part| part == "chats").unwrap_or(inner);
    chats.checked_sub(1).map(|at| parts[at].clone().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::Timestamp;

    const FILE: &str = "/home/dev/.gemini/tmp/shop/chats/session-1.jsonl";
    const ID: &str = "c6a87bad-e8ad-44c6-be1b-505b33574234";

    fn decode(text: &[u8]) -> Decoded {
        let origin = Origin { path: Path::new(FILE), tenant: None, first_seen: Timestamp::EPOCH, rank: 0 };
        let mut out = Decoded::default();
        let mut gemini = GeminiCli::new(&origin);
        gemini.block(text, Place { offset: 0, line: 1 }, &mut out);
        gemini.pause(&mut out);
        out
    }

    fn message(id: &str, output: u64) -> String {
        format!(
            r#"{{"id":"{id}","timestamp":"2026-11-22T02:50:27.729Z","type":"gemini","model":"gemini-2.5-pro","tokens":{{"input":1217,"output":{output},"cached":256,"thoughts":12,"tool":3,"total":9999}}}}"#
        )
    }

    /// Checks the calls, lines left out and bad lines of a text.
    #[track_caller]
    fn check(text: &str, calls: usize, skipped: u64, bad: u64) {
        let out = decode(text.as_bytes());
        let sum: u64 = out.tally.skipped.iter().sum();
        assert_eq!((out.calls.len(), sum, out.tally.bad), (calls, skipped, bad), "{text}");
    }

    #[test]
    fn thoughts_and_tools_are_added_and_cached_tokens_taken_out() {
        let out = decode(message(ID, 41).as_bytes());
        let tokens = out.calls[0].tokens;
        assert_eq!((tokens.input.count(), tokens.cache_read.count()), (1217 - 256 + 3, 256));
        assert_eq!((tokens.output.count(), tokens.reasoning.count()), (53, 12));
        assert_eq!((out.calls[0].tenant.as_str(), out.calls[0].model.as_str()), ("shop", "gemini-2.5-pro"));
    }

    #[test]
    fn a_list_that_is_written_again_repeats_nothing() {
        let one = message(ID, 41);
        let list = format!(r#"{{"$set":{{"messages":[{{"id":"u","type":"user"}},{one}]}}}}"#);
        check(&format!("{{\"sessionId\":\"s\"}}\n{one}\n{list}\n"), 1, 2, 0);
        check(&format!("{{\"sessionId\":\"s\"}}\n{list}\n{one}\n{}\n", message(ID, 42)), 2, 2, 0);
    }

    #[test]
    fn a_document_over_many_lines_is_read_once_it_is_whole() {
        let document =
            format!("{{\n  \"messages\": [\n    {}\n  ],\n  \"sessionId\": \"s\"\n}}\n", message(ID, 41));
        check(&document, 1, 5, 0);
        check(&document[..document.len() - 3], 0, 4, 1);
        check(&format!("{{\"messages\":[{},{}]}}", message(ID, 41), message("a1", 4)), 2, 0, 0);
    }

    #[test]
    fn a_torn_first_line_does_not_hide_the_lines_after_it() {
        check(&format!("{{\"sessionId\":\"s\n{}\n", message(ID, 41)), 1, 0, 1);
    }

    #[test]
    fn noise_is_skipped_or_bad() {
        let bare = r#"{"id":"x","type":"gemini","timestamp":"2026-11-22T02:50:27Z","tokens":null}"#;
        check(&format!("\n{{\"kind\":\"main\"}}\n{bare}\nnot json\n"), 0, 3, 1);
        check(&message(ID, 4).replace("2026-11-22", "someday"), 0, 0, 1);
    }

    #[test]
    fn telemetry_is_a_row_of_documents() {
        let event = |name: &str, output: u64| {
            format!(
                "{{\n  \"hrTime\": [\n    1781906400,\n    822000000\n  ],\n  \"attributes\": {{\n    \"event.name\": \"{name}\",\n    \"model\": \"gemini-2.5-pro\",\n    \"input_token_count\": 20,\n    \"cached_content_token_count\": 5,\n    \"output_token_count\": {output},\n    \"thoughts_token_count\": 3\n  }}\n}}\n"
            )
        };
        let [config, first, second] = [
            event("gemini_cli.config", 0),
            event("gemini_cli.api_response", 7),
            event("gemini_cli.api_response", 8),
        ];
        let out = decode(format!("{config}{first}{second}").as_bytes());
        let outputs: Vec<u64> = out.calls.iter().map(|call| call.tokens.output.count()).collect();
        assert_eq!((outputs, out.tally.bad), (vec![10, 11], 0));
        assert_eq!(out.calls[0].tokens.input.count(), 15);
        assert_eq!(decode(first.replace('\n', "").as_bytes()).calls.len(), 1);
    }

    proptest! {
        #[test]
        fn every_line_of_a_session_is_accounted_for(
            lines in prop::collection::vec(
                prop_oneof![
                    r"[\{]?[ -~]{0,40}".prop_map(String::from),
                    (0_u64..3).prop_map(|output| message(ID, output)),
                    (0_usize..200).prop_map(|at| message(ID, 4).chars().take(at).collect()),
                ],
                0..12,
            )
        ) {
            let text = format!("{{\"sessionId\":\"s\"}}\n{}", lines.join("\n"));
            let out = decode(text.as_bytes());
            let accounted = out.tally.skipped.iter().sum::<u64>() + out.tally.bad + out.calls.len() as u64;
            prop_assert_eq!(out.tally.lines, accounted);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }
    }
}
