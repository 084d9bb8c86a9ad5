//! What the simulated provider answers: how many tokens of what, settled before the first byte goes out.

use std::fmt::Write;

use super::ask::{Ask, Tool};
use super::price::Price;
use super::route::{Api, Framing};
use super::script::{Lie, Script};
use super::{anthropic, chat, gemini, responses};
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};

/// An answer, ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub api: Api,
    pub framing: Framing,
    /// Makes the ids.
    pub number: u64,
    pub model: String,
    pub created: Timestamp,
    /// The prompt's classes; the output is counted as it goes.
    prompt: TokenCount,
    /// Tokens of reasoning, over all choices.
    pub reasoning: u64,
    /// Tokens that are shown, of each choice; the largest number there is for an answer without end.
    pub shown: u64,
    pub choices: u64,
    pub finish: Finish,
    pub tool: Option<Call>,
    /// Tokens in a chunk.
    pub chunk: u64,
    pub wants_usage: bool,
    pub lie: Lie,
    hash: u64,
}

/// Why an answer stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Length,
    Tool,
}

/// A tool that is called, its arguments in pieces of a token each.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub name: String,
    pub arguments: String,
    pieces: Vec<String>,
}

/// One chunk of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub choice: u64,
    /// First token, of its choice.
    pub from: u64,
    /// One past the last token.
    pub to: u64,
    /// How many chunks came before, over all choices.
    pub before: u64,
    /// Tokens shown up to its end, over all choices.
    pub shown: u64,
}

/// Words of which each is one token.
const WORDS: [&str; 16] = [
    " the", " of", " and", " to", " in", " is", " that", " for", " it", " as", " was", " with", " on", " by",
    " be", " at",
];

/// What a reply is made from.
pub(super) struct Making<'m> {
    pub api: Api,
    pub framing: Framing,
    pub number: u64,
    pub created: Timestamp,
    pub seed: u64,
    pub body: &'m [u8],
}

impl Reply {
    /// Settles the answer to a request.
    pub fn new(ask: &Ask<'_>, script: &Script, price: &Price, making: &Making<'_>) -> Reply {
        let hash = xxhash_rust::xxh3::xxh3_64_with_seed(making.body, making.seed);
        let tool = ask.tool().filter(|_| making.api != Api::Completions).map(Call::new);
        let limit = ask.limit().unwrap_or(price.longest).min(price.longest);
        let wished = match (&tool, script.output) {
            (_, Some(count)) => count,
            (Some(call), None) => call.tokens() + script.reasoning,
            (None, None) => 16 + hash % 240 + script.reasoning,
        };
        let (total, mut finish) = match script.overrun {
            Some(times) => (limit.saturating_mul(times), Finish::Length),
            None if wished > limit => (limit, Finish::Length),
            None => (wished, Finish::Stop),
        };
        let reasoning = script.reasoning.min(total);
        let mut shown = total - reasoning;
        if let Some(call) = &tool {
            shown = shown.min(call.tokens());
            finish = if shown == call.tokens() { Finish::Tool } else { Finish::Length };
        }
        let embeds = making.api == Api::Embeddings;
        let choices = if embeds { 1 } else { ask.choices() };
        Reply {
            api: making.api,
            framing: making.framing,
            number: making.number,
            model: ask.model.as_deref().unwrap_or_default().to_owned(),
            created: making.created,
            prompt: prompt(ask, script),
            reasoning: if embeds { 0 } else { reasoning * choices },
            shown: match (embeds, script.endless) {
                (true, _) => 0,
                (false, true) => u64::MAX,
                (false, false) => shown,
            },
            choices,
            finish,
            tool: tool.filter(|_| !script.endless),
            chunk: script.chunk.unwrap_or(1).max(1),
            wants_usage: ask.wants_usage(),
            lie: script.lie,
            hash,
        }
    }

    /// Returns what has been used when so many tokens have been shown, over all choices.
    pub fn used(&self, shown: u64) -> TokenCount {
        let mut used = self.prompt;
        used.output = Tokens::new(self.reasoning.saturating_add(shown));
        used.reasoning = Tokens::new(self.reasoning);
        used
    }

    /// Returns all the tokens that are shown.
    pub fn all_shown(&self) -> u64 {
        self.shown.saturating_mul(self.choices)
    }

    /// Says whether it never stops.
    pub fn is_endless(&self) -> bool {
        self.shown == u64::MAX
    }

    /// Says whether a usage is told that is no truth, or left out although it is asked for.
    pub fn lies(&self) -> bool {
        let asked = self.wants_usage || !matches!(self.api, Api::Chat | Api::Completions);
        self.lie == Lie::Growing || (self.lie != Lie::Truth && asked)
    }

    /// Returns the next chunk after `last`; `None` after the end.
    pub fn next(&self, last: Option<Chunk>) -> Option<Chunk> {
        let (choice, from, before, shown) = match last {
            None => (0, 0, 0, 0),
            Some(last) if last.to < self.shown => (last.choice, last.to, last.before + 1, last.shown),
            Some(last) => (last.choice + 1, 0, last.before + 1, last.shown),
        };
        if choice >= self.choices || self.shown == 0 {
            return None;
        }
        let to = from.saturating_add(self.chunk).min(self.shown);
        Some(Chunk { choice, from, to, before, shown: shown + (to - from) })
    }

    /// Writes tokens of the answer as they stand inside a JSON string.
    pub fn write(&self, from: u64, to: u64, out: &mut String) {
        if let Some(call) = &self.tool {
            let range = index(from)..index(to);
            for piece in call.pieces.get(range).unwrap_or_default() {
                let quoted = quoted(piece);
                out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            return;
        }
        for at in from..to {
            let word = WORDS[index(self.hash.wrapping_add(at.wrapping_mul(7)) % 16)];
            out.push_str(if at == 0 { word.trim_start() } else { word });
        }
    }

    /// Returns the whole text, as it stands inside a JSON string.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if self.tool.is_none() {
            self.write(0, self.shown, &mut out);
        }
        out
    }

    /// Returns the arguments of the tool, as far as the limit lets them, inside a JSON string.
    pub fn arguments(&self) -> String {
        let mut out = String::new();
        if self.tool.is_some() {
            self.write(0, self.shown, &mut out);
        }
        out
    }

    /// Returns the arguments as an object; an empty one where the limit cut them off.
    pub fn arguments_object(&self) -> &str {
        match &self.tool {
            Some(call) if self.finish == Finish::Tool => &call.arguments,
            _ => "{}",
        }
    }

    /// Returns a number as the script has it told.
    pub fn told(count: u64, lie: Lie) -> i64 {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        match lie {
            Lie::Negative => -count.max(1),
            Lie::Zero => 0,
            Lie::Huge => 1 << 60,
            Lie::Smaller => count / 2,
            _ => count,
        }
    }

    /// Returns the usages that are told at the end, in their order.
    pub fn usages(&self) -> &'static [Lie] {
        match self.lie {
            Lie::None => &[],
            Lie::Truth | Lie::Growing => &[Lie::Truth],
            Lie::Twice => &[Lie::Truth, Lie::Truth],
            Lie::Smaller => &[Lie::Truth, Lie::Smaller],
            Lie::Null => &[Lie::Null],
            Lie::Text => &[Lie::Text],
            Lie::Negative => &[Lie::Negative],
            Lie::Zero => &[Lie::Zero],
            Lie::Huge => &[Lie::Huge],
            Lie::Elsewhere => &[Lie::Elsewhere],
        }
    }

    /// Returns the member that tells the usage, with a comma before it; empty where nothing is told.
    /// `name` is its name and `usage` writes its value.
    pub fn member(name: &str, lie: Lie, usage: impl Fn(Lie) -> String) -> String {
        match lie {
            Lie::None => String::new(),
            Lie::Null => format!(r#","{name}":null"#),
            Lie::Text => format!(r#","{name}":"many""#),
            Lie::Elsewhere => format!(r#","{name}_of_tokens":{}"#, usage(Lie::Truth)),
            lie => format!(r#","{name}":{}"#, usage(lie)),
        }
    }

    /// Returns the whole body. The last usage that the script wants told is the one in it.
    pub fn whole(&self) -> String {
        let lie = self.usages().last().copied().unwrap_or(Lie::None);
        match self.api {
            Api::Responses => responses::whole(self, lie),
            Api::Messages => anthropic::whole(self, lie),
            Api::Gemini => gemini::whole(self, lie),
            _ => chat::whole(self, lie),
        }
    }

    /// Writes what comes before the first chunk.
    pub fn open(&self, out: &mut String) {
        match self.api {
            Api::Responses => responses::open(self, out),
            Api::Messages => anthropic::open(self, out),
            Api::Gemini => {}
            _ => chat::open(self, out),
        }
    }

    /// Writes one chunk.
    pub fn chunk(&self, chunk: &Chunk, out: &mut String) {
        match self.api {
            Api::Responses => responses::chunk(self, chunk, out),
            Api::Messages => anthropic::chunk(self, chunk, out),
            Api::Gemini => gemini::chunk(self, chunk, out),
            _ => chat::chunk(self, chunk, out),
        }
    }

    /// Writes what comes between the last chunk and the usage.
    pub fn finish(&self, chunks: u64, out: &mut String) {
        match self.api {
            Api::Responses => responses::finish(self, chunks, out),
            Api::Messages => anthropic::finish(self, out),
            Api::Gemini => {}
            _ => chat::finish(self, out),
        }
    }

    /// Writes the usage, as often as the script wants.
    pub fn usage(&self, chunks: u64, out: &mut String) {
        match self.api {
            Api::Responses => responses::usage(self, chunks, out),
            Api::Messages => anthropic::usage(self, out),
            Api::Gemini => gemini::usage(self, out),
            _ => chat::usage(self, out),
        }
    }

    /// Writes the end.
    pub fn done(&self, out: &mut String) {
        match self.api {
            Api::Responses => {}
            Api::Messages => anthropic::done(out),
            Api::Gemini => gemini::done(self, out),
            _ => chat::done(out),
        }
    }

    /// Writes an event that tells an error.
    pub fn error(&self, code: &str, out: &mut String) {
        match self.api {
            Api::Responses => responses::error(code, out),
            Api::Messages => anthropic::error(code, out),
            Api::Gemini => gemini::error(self, code, out),
            _ => chat::error(code, out),
        }
    }
}

impl Call {
    fn new(tool: Tool) -> Call {
        let letters: Vec<char> = tool.arguments.chars().collect();
        let pieces = letters.chunks(4).map(|piece| piece.iter().collect()).collect();
        Call { name: tool.name, arguments: tool.arguments, pieces }
    }

    fn tokens(&self) -> u64 {
        self.pieces.len() as u64
    }
}

/// Splits the prompt into its classes, none of which runs over the whole.
fn prompt(ask: &Ask<'_>, script: &Script) -> TokenCount {
    let all = script.input.unwrap_or_else(|| ask.prompt());
    let cached = script.cached.min(all);
    let short = script.write.min(all - cached);
    let long = script.write_long.min(all - cached - short);
    TokenCount {
        input: Tokens::new(all - cached - short - long),
        cache_read: Tokens::new(cached),
        cache_write_short: Tokens::new(short),
        cache_write_long: Tokens::new(long),
        ..TokenCount::default()
    }
}

/// Writes a JSON string with its quotes.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes an id: the API's own beginning, and the number of the request.
pub(super) fn id(before: &str, number: u64) -> String {
    let mut out = String::with_capacity(before.len() + 16);
    let _ = write!(out, "{before}{number:016x}");
    out
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
