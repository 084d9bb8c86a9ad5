//! Edits of a body that leave every other byte as it was: numbers keep their spelling, members their order.

use std::ops::Range;

use super::tape::{Kind, Value};
use crate::domain::tokens::Tokens;

/// What is decided about a request before it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sending<'a> {
    /// The output limit that was priced, tokens per choice. `None` only where there is no output to limit.
    pub limit: Option<Tokens>,
    /// The model in place of the one asked for.
    pub model: Option<&'a str>,
    /// Whether a stream that would leave its usage out is asked for it.
    pub usage: UsageAsk,
}

/// Who asks for the usage of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageAsk {
    /// Nobody more than the client did.
    #[default]
    ByClient,
    /// The guard does, and takes the event out again.
    ByGuard,
}

/// The body to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its bytes.
    pub body: Vec<u8>,
    /// Whether the event with the usage is to be taken out of the answer.
    pub usage: UsageAsk,
}

/// Replacements and insertions, put together from the end of the text to its start.
pub(super) struct Edits<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Edits<'a> {
    pub fn new(text: &'a str) -> Edits<'a> {
        Edits { text, edits: Vec::new() }
    }

    /// Writes `new` in the place of a value.
    pub fn replace(&mut self, value: Value<'_>, new: impl Into<String>) {
        self.edits.push((value.span(), new.into()));
    }

    /// Puts a member into an object, before its others.
    pub fn insert(&mut self, object: Value<'_>, key: &str, value: &str) {
        let at = object.span().start + 1;
        let comma = if object.inside().next().is_some() { "," } else { "" };
        self.edits.push((at..at, format!("\"{key}\":{value}{comma}")));
    }

    /// Brings a limit down to what was priced; where it is smaller it stays, where it is null it is given.
    pub fn limit(&mut self, value: Value<'_>, limit: Tokens) {
        let written = value.written().parse::<u64>().ok();
        if value.kind() == Kind::Null || written.is_none_or(|written| written > limit.count()) {
            self.replace(value, limit.count().to_string());
        }
    }

    /// Writes another model's name.
    pub fn model(&mut self, value: Option<Value<'_>>, model: Option<&str>) {
        if let (Some(value), Some(model)) = (value, model) {
            self.replace(value, serde_json::Value::from(model).to_string());
        }
    }

    /// Returns the edited text. Of two insertions at one place the earlier one stands first.
    pub fn apply(mut self) -> Vec<u8> {
        self.edits.sort_by_key(|(range, _)| range.start);
        let mut text = self.text.to_owned();
        for (range, new) in self.edits.into_iter().rev() {
            text.replace_range(range, &new);
        }
        text.into_bytes()
    }
}
