//! One request as the guard reads it before it judges: what bounds its price, and what it would send.

use std::borrow::Cow;

use super::Dialect;
use super::field::{Fields, Unfit, unfit};
use super::rewrite::Edits;
use super::route::{Operation, Route};
use super::tape::{Kind, Tape};
use super::{anthropic, gemini, openai};
use crate::domain::call::{Region, Tier};
use crate::domain::tokens::Tokens;

pub use super::prompt::{Detail, Input, Media, MediaKind, Open};
pub use super::rewrite::{Sending, Sent, UsageAsk};

/// The longest model name that is read.
const MAX_MODEL: usize = 256;

/// How the answer comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// As one body.
    #[default]
    Whole,
    /// As a stream that ends in its usage, or has it in an event of its own accord.
    Stream,
    /// As a stream that leaves its usage out unless asked.
    StreamWithoutUsage,
}

/// The longest life that a request may give to what it writes to the provider's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheLife {
    /// It writes nothing.
    #[default]
    None,
    /// Five minutes, or thirty.
    Short,
    /// An hour, twelve hours, or a word that nobody knows.
    Long,
}

/// What is billed beside the tokens of one answer, or priced unlike them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtraKind {
    /// Searches of the web, billed each.
    WebSearch,
    /// Pages that are fetched; their text is input.
    WebFetch,
    /// Searches of the provider's file stores.
    FileSearch,
    /// Maps, billed each.
    Maps,
    /// A container that runs code, billed by time.
    Container,
    /// Pictures that are made.
    ImageOutput,
    /// Speech that is made.
    AudioOutput,
    /// Servers of others that the provider calls.
    RemoteTool,
    /// Other models that may answer or advise, at their own prices.
    OtherModel,
    /// A summary of the conversation, billed beside the answer.
    Compaction,
}

/// One thing billed beside the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// What it is.
    pub kind: ExtraKind,
    /// How many times at most, where the request says.
    pub at_most: Option<u64>,
}

/// What a request says that its price hangs on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peek {
    /// The model, as named in the body or, for Gemini, in the path.
    pub model: String,
    /// How the answer comes.
    pub delivery: Delivery,
    /// The largest of the output limits given, tokens per choice.
    pub output_limit: Option<Tokens>,
    /// Answers that are generated and billed, 1 or more.
    pub choices: u64,
    /// Bytes of a predicted output: where it is not used its tokens are billed as output, past any limit.
    pub predicted: u64,
    /// The service tier asked for; `None` leaves it to the provider's own settings.
    pub tier: Option<Tier>,
    /// Where it is to be processed.
    pub region: Region,
    /// What it may write to the provider's cache.
    pub cache_write: CacheLife,
    /// What is billed beside the tokens.
    pub extras: Vec<Extra>,
    /// What it brings in.
    pub input: Input,
    /// Tokens set aside for thinking; inside the output.
    pub thinking: Option<Tokens>,
    /// The reasoning effort asked for.
    pub effort: Option<String>,
    /// Fields and tools that are not known here, so that their price is not either (`reliability.md` M4).
    pub unknown: Vec<String>,
}

impl Peek {
    /// Notes something billed beside the tokens.
    pub(super) fn extra(&mut self, kind: ExtraKind, at_most: Option<u64>) {
        self.extras.push(Extra { kind, at_most });
    }

    /// Takes one more output limit: the largest counts.
    pub(super) fn limit(&mut self, limit: Option<u64>) {
        let limit = limit.map(Tokens::new);
        let first = if mutant!("first-limit-field-wins") { self.output_limit } else { None };
        self.output_limit = first.or(self.output_limit.max(limit));
    }
}

/// A request whose body was read. It has no `Debug`: prompts are not to be printed.
pub struct Request<'a> {
    operation: Operation,
    dialect: Dialect,
    tape: Tape<'a>,
    peek: Peek,
}

impl<'a> Request<'a> {
    /// Reads a body that is to be sent to an upstream of `dialect`.
    pub fn read(route: &Route, dialect: Dialect, body: &'a [u8]) -> Result<Request<'a>, Unfit> {
        let tape = Tape::read(body)?;
        let mut peek = Peek { choices: 1, ..Peek::default() };
        peek.input.bytes = body.len() as u64;
        let root = tape.root();
        match route.operation.dialect() {
            Dialect::Anthropic => anthropic::read(root, &mut peek)?,
            Dialect::Gemini => gemini::read(route, root, &mut peek)?,
            Dialect::OpenAi | Dialect::Compatible => {
                openai::read(openai::Api { operation: route.operation, dialect }, root, &mut peek)?;
            }
        }
        Ok(Request { operation: route.operation, dialect, tape, peek })
    }

    /// Returns what its price hangs on.
    pub fn peek(&self) -> &Peek {
        &self.peek
    }

    /// Returns the pieces of text of the prompt and of all that may be counted with it, in order: keys,
    /// texts, numbers and words, each as its characters are. What is taken for media is among them.
    pub fn texts(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.tape.values().flat_map(|value| {
            let content = match value.kind() {
                Kind::Array | Kind::Object => None,
                Kind::Text => value.string(),
                _ => Some(Cow::Borrowed(value.written())),
            };
            [Some(value.key()).filter(|key| !key.is_empty()), content].into_iter().flatten()
        })
    }

    /// Returns the body to send: the one that was read, with the output limit made explicit and no byte
    /// changed but those of the fields that `sending` names.
    pub fn rewrite(&self, sending: &Sending<'_>) -> Result<Sent, Unfit> {
        let root = self.tape.root();
        let mut edits = Edits::new(self.tape.text());
        let usage = match self.operation.dialect() {
            Dialect::Anthropic => anthropic::rewrite(root, sending, &mut edits)?,
            Dialect::Gemini => gemini::rewrite(root, sending, &mut edits)?,
            Dialect::OpenAi | Dialect::Compatible => {
                let api = openai::Api { operation: self.operation, dialect: self.dialect };
                openai::rewrite(api, root, sending, &mut edits)?
            }
        };
        Ok(Sent { body: edits.apply(), usage })
    }
}

/// Reads the model of a body.
pub(super) fn model(fields: &Fields<'_>) -> Result<String, Unfit> {
    let name = fields.word("model")?.ok_or(Unfit::Missing("model"))?;
    let plain = !name.is_empty() && name.len() <= MAX_MODEL && !name.chars().any(char::is_control);
    match (plain, fields.get("model")) {
        (false, Some(value)) => Err(unfit("model", value, "the name of a model")),
        _ => Ok(name),
    }
}
