//! Watches an answer as it passes: usage by the rules of each API, output seen, how it ended.
//!
//! Usage objects of one answer are cumulative everywhere: the last one counts, none is ever added to
//! another (`providers.md` C). One that cannot be read makes the usage unknown until a readable one comes.

use super::super::usage::{Answer, Left, Object, answer};
use super::failure;
use super::route::{Framing, Operation};
use super::sse::{Elements, Event, Events};
use crate::domain::failure::Failure;

/// What an answer says it used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// All of it: the answer came to its end.
    Final(Answer),
    /// At least this: the stream broke off, or its last word is missing.
    Floor(Answer),
    /// Something that cannot be read: negative, absurdly large, no number.
    Unreadable,
    /// Nothing.
    Missing,
}

/// What has been seen of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// What it used.
    pub usage: Usage,
    /// The answer's id.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Why it stopped, in the provider's word.
    pub finish: Option<String>,
    /// What went wrong inside an answer that began well.
    pub failure: Option<Failure>,
    /// What was seen on the way.
    pub seen: Seen,
}

/// Counts of what passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events or elements.
    pub events: u64,
    /// Pieces of output.
    pub deltas: u64,
    /// Bytes of output text: answers, reasoning that is shown, arguments of tools.
    pub bytes: u64,
    /// Events that could not be read, or were too long to be.
    pub unread: u64,
    /// Usage objects that were read.
    pub usages: u64,
    /// A later usage was smaller than an earlier one; the later one counts.
    pub shrank: bool,
}

/// The meter of one stream.
pub struct Meter {
    reader: Reader,
    watch: Watch,
}

enum Reader {
    Events(Box<Events>),
    Elements(Elements),
}

impl Meter {
    /// Starts on the stream of an operation.
    pub fn new(operation: Operation, framing: Framing) -> Meter {
        let reader = match framing {
            Framing::Events => Reader::Events(Box::default()),
            Framing::Array => Reader::Elements(Elements::default()),
        };
        Meter { reader, watch: Watch::new(operation) }
    }

    /// Takes bytes as they pass. Each piece of output text goes to `on_text`, for a live count.
    pub fn feed(&mut self, bytes: &[u8], on_text: &mut dyn FnMut(&str)) {
        let watch = &mut self.watch;
        match &mut self.reader {
            Reader::Events(events) => events.feed(bytes, &mut |event| watch.event(&event, on_text)),
            Reader::Elements(elements) => elements.feed(bytes, &mut |text| watch.data(text, on_text)),
        }
    }

    /// Returns what has been seen so far.
    pub fn seen(&self) -> Seen {
        let mut seen = self.watch.seen;
        seen.unread += match &self.reader {
            Reader::Events(events) => events.lost(),
            Reader::Elements(elements) => elements.lost(),
        };
        seen
    }

    /// Returns the last usage told so far, which a stream may tell before its end.
    pub fn usage_so_far(&self) -> Option<&Answer> {
        self.watch.answer.as_ref()
    }

    /// Says whether the answer has come to its own end.
    pub fn has_ended(&self) -> bool {
        self.watch.ended
    }

    /// Ends the watch: the upstream closed, or broke off.
    pub fn finish(mut self) -> Metered {
        let watch = &mut self.watch;
        if let Reader::Events(events) = &mut self.reader {
            events.finish(&mut |event| watch.event(&event, &mut |_| {}));
        }
        let seen = self.seen();
        self.watch.metered(seen)
    }
}

/// Reads an answer that came as one whole body.
pub fn body(operation: Operation, bytes: &[u8]) -> Metered {
    let mut watch = Watch::new(operation);
    match std::str::from_utf8(bytes).ok().and_then(|text| Object::parse(text).ok()) {
        Some(object) => watch.whole(&object),
        None => watch.seen.unread += 1,
    }
    let seen = watch.seen;
    watch.metered(seen)
}

struct Watch {
    operation: Operation,
    answer: Option<Answer>,
    unreadable: bool,
    ended: bool,
    /// Anthropic's usage so far, member by member as written.
    merged: Vec<(String, String)>,
    id: Option<String>,
    model: Option<String>,
    finish: Option<String>,
    failure: Option<Failure>,
    seen: Seen,
}

impl Watch {
    fn new(operation: Operation) -> Watch {
        Watch {
            operation,
            answer: None,
            unreadable: false,
            ended: false,
            merged: Vec::new(),
            id: None,
            model: None,
            finish: None,
            failure: None,
            seen: Seen::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>, on_text: &mut dyn FnMut(&str)) {
        if event.data.trim_ascii().starts_with(b"[DONE]") {
            self.ended = true;
            return;
        }
        self.data(&event.data, on_text);
    }

    fn data(&mut self, data: &[u8], on_text: &mut dyn FnMut(&str)) {
        self.seen.events += 1;
        let Some(object) = std::str::from_utf8(data).ok().and_then(|text| Object::parse(text).ok()) else {
            self.seen.unread += u64::from(!data.trim_ascii().is_empty());
            return;
        };
        match self.operation {
            Operation::Messages => self.anthropic(&object, on_text),
            Operation::Responses => self.responses(&object, on_text),
            Operation::Generate | Operation::StreamGenerate => self.gemini(&object, on_text),
            _ => self.chat(&object, on_text),
        }
    }

    fn chat(&mut self, chunk: &Object<'_>, on_text: &mut dyn FnMut(&str)) {
        self.name(chunk);
        self.fails(chunk);
        let choices = chunk.objects("choices");
        for choice in &choices {
            let delta = choice.object("delta");
            for key in ["content", "refusal", "reasoning", "reasoning_content"] {
                self.text(&delta, key, on_text);
            }
            self.text(choice, "text", on_text);
            self.text(&delta.object("audio"), "transcript", on_text);
            let calls = delta.objects("tool_calls").into_iter().map(|call| call.object("function"));
            for function in calls.chain([delta.object("function_call")]) {
                self.text(&function, "name", on_text);
                self.text(&function, "arguments", on_text);
            }
            self.stops(choice.text("finish_reason").as_deref());
        }
        let told = self.usage(chunk);
        self.ended |= told && choices.is_empty();
    }

    fn responses(&mut self, event: &Object<'_>, on_text: &mut dyn FnMut(&str)) {
        let kind = event.text("type").unwrap_or_default().into_owned();
        if kind.rsplit('.').next() == Some("delta") {
            self.text(event, "delta", on_text);
        }
        if kind == "error" {
            self.fails(event);
            self.fail(event);
        }
        let response = event.object("response");
        if response.is_empty() {
            return;
        }
        self.name(&response);
        match kind.as_str() {
            "response.completed" | "response.incomplete" | "response.failed" => self.response(&response),
            _ => {}
        }
    }

    /// Reads a response that has come to its end.
    fn response(&mut self, response: &Object<'_>) {
        self.fails(response);
        self.usage(response);
        self.ended = true;
        let why = response.object("incomplete_details").text("reason").map(std::borrow::Cow::into_owned);
        self.stops(why.or_else(|| response.text("status").map(std::borrow::Cow::into_owned)).as_deref());
    }

    fn anthropic(&mut self, event: &Object<'_>, on_text: &mut dyn FnMut(&str)) {
        match event.text("type").unwrap_or_default().as_ref() {
            "message_start" => {
                let message = event.object("message");
                self.name(&message);
                self.merge(&message);
            }
            "content_block_start" => self.block(&event.object("content_block"), on_text),
            "content_block_delta" => self.block(&event.object("delta"), on_text),
            "message_delta" => {
                self.merge(event);
                let why = event.object("delta").text("stop_reason").map(std::borrow::Cow::into_owned);
                self.ended |= why.is_some();
                self.stops(why.as_deref());
            }
            "message_stop" => self.ended = true,
            "error" => self.fails(event),
            _ => {}
        }
    }

    fn block(&mut self, block: &Object<'_>, on_text: &mut dyn FnMut(&str)) {
        for key in ["text", "partial_json", "thinking"] {
            self.text(block, key, on_text);
        }
    }

    /// Lays the usage of an event over what was known: members that are there replace, none is added.
    fn merge(&mut self, holder: &Object<'_>) {
        if is_odd(holder) {
            return self.unreadable();
        }
        for (key, value) in holder.object("usage").members().filter(|(_, value)| !value.is_missing()) {
            self.merged.retain(|(known, _)| known != key);
            self.merged.push((key.to_owned(), value.as_written().to_owned()));
        }
        let members: Vec<String> = self
            .merged
            .iter()
            .map(|(key, value)| format!("{}:{value}", serde_json::Value::from(key.as_str())))
            .collect();
        let whole = format!(r#"{{"type":"message","usage":{{{}}}}}"#, members.join(","));
        if let Ok(object) = Object::parse(&whole) {
            self.usage(&object);
        }
    }

    fn gemini(&mut self, chunk: &Object<'_>, on_text: &mut dyn FnMut(&str)) {
        self.name(chunk);
        self.fails(chunk);
        for candidate in chunk.objects("candidates") {
            for part in candidate.object("content").objects("parts") {
                for key in ["text", "functionCall", "executableCode"] {
                    self.text(&part, key, on_text);
                }
            }
            let why = candidate.text("finishReason");
            self.ended |= why.is_some();
            self.stops(why.as_deref());
        }
        let blocked = chunk.object("promptFeedback").text("blockReason").map(std::borrow::Cow::into_owned);
        self.ended |= blocked.is_some();
        if let Some(why) = blocked {
            self.stops(Some(&format!("blocked:{why}")));
        }
        self.usage(chunk);
    }

    fn whole(&mut self, body: &Object<'_>) {
        self.name(body);
        self.ended = true;
        match self.operation {
            Operation::Responses => {
                let status = body.text("status").unwrap_or_default().into_owned();
                self.response(body);
                self.ended = !matches!(status.as_str(), "queued" | "in_progress");
            }
            Operation::Generate | Operation::StreamGenerate => {
                self.gemini(body, &mut |_| {});
                self.ended = true;
            }
            _ => {
                self.fails(body);
                for choice in body.objects("choices") {
                    self.stops(choice.text("finish_reason").as_deref());
                }
                self.stops(body.text("stop_reason").as_deref());
                self.usage(body);
            }
        }
    }

    fn name(&mut self, body: &Object<'_>) {
        let text = |keys: &[&str]| body.first_text(keys).map(std::borrow::Cow::into_owned);
        self.id = self.id.take().or_else(|| text(&["id", "responseId"]));
        self.model = text(&["model", "modelVersion"]).or_else(|| self.model.take());
    }

    fn stops(&mut self, why: Option<&str>) {
        let Some(why) = why else { return };
        self.finish = Some(why.to_owned());
        self.failure = self.failure.or_else(|| failure::of_finish(why));
    }

    fn fails(&mut self, body: &Object<'_>) {
        if body.has("error") {
            self.fail(body);
        }
    }

    fn fail(&mut self, body: &Object<'_>) {
        self.failure = self.failure.or_else(|| Some(failure::in_stream(body)));
    }

    fn text(&mut self, object: &Object<'_>, key: &str, on_text: &mut dyn FnMut(&str)) {
        let value = object.get(key);
        let written = value.as_written();
        let text = value.text().unwrap_or(std::borrow::Cow::Borrowed(written));
        if !text.is_empty() {
            self.seen.deltas += 1;
            self.seen.bytes += text.len() as u64;
            on_text(&text);
        }
    }

    /// Reads the usage of a body or event, and says whether there was one.
    fn usage(&mut self, holder: &Object<'_>) -> bool {
        if is_odd(holder) {
            self.unreadable();
            return true;
        }
        match answer(holder) {
            Ok(told) => {
                let shrinks = |before: &Answer| {
                    told.tokens.output < before.tokens.output || told.tokens.prompt() < before.tokens.prompt()
                };
                self.seen.shrank |= self.answer.as_ref().is_some_and(shrinks);
                self.seen.usages += 1;
                self.unreadable = false;
                self.answer = Some(told);
                true
            }
            Err(Left::Skip(_)) => false,
            Err(Left::Bad(_)) => {
                self.unreadable();
                true
            }
        }
    }

    fn unreadable(&mut self) {
        self.unreadable = true;
        self.answer = None;
    }

    fn metered(self, seen: Seen) -> Metered {
        let usage = match self.answer {
            _ if self.unreadable => Usage::Unreadable,
            None => Usage::Missing,
            Some(answer) if self.ended => Usage::Final(answer),
            Some(answer) => Usage::Floor(answer),
        };
        Metered { usage, id: self.id, model: self.model, finish: self.finish, failure: self.failure, seen }
    }
}

/// Says whether the place of a usage holds something that is none.
fn is_odd(holder: &Object<'_>) -> bool {
    ["usage", "usageMetadata"].iter().any(|key| {
        let written = holder.get(key).as_written();
        !written.is_empty() && !written.starts_with('{')
    })
}

#[cfg(test)]
mod tests;
