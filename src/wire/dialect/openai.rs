//! Requests in `OpenAI`'s language, to itself and to servers that speak like it.

use super::Dialect;
use super::field::{Fields, Spelling, Switch, Unfit, unfit};
use super::prompt::Open;
use super::request::{CacheLife, Delivery, ExtraKind, Peek, model};
use super::rewrite::{Edits, Sending, UsageAsk};
use super::route::Operation;
use super::tape::{Kind, Value};
use crate::domain::call::Tier;
use crate::domain::tokens::Tokens;

/// Which of the APIs is spoken, and how strictly.
#[derive(Clone, Copy)]
pub(super) struct Api {
    pub operation: Operation,
    pub dialect: Dialect,
}

/// Output limits, by whatever name one of the servers gives them. All are read everywhere.
const LIMITS: &[&str] = &["max_tokens", "max_completion_tokens", "max_output_tokens"];
/// Output limits that only other servers know.
const OTHER_LIMITS: &[&str] = &["max_new_tokens", "n_predict", "num_predict"];
/// What decides money beside the limits; read everywhere.
const MONEY: &[&str] = &["model", "stream", "stream_options", "n", "best_of", "service_tier", "background"];

const CHAT: &[&str] = &[
    "messages",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
const RESPONSES: &[&str] = &[
    "background_options",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
const COMPLETIONS: &[&str] = &[
    "prompt",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "presence_penalty",
    "seed",
    "stop",
    "suffix",
    "temperature",
    "top_p",
    "user",
];
const EMBEDDINGS: &[&str] = &["input", "dimensions", "encoding_format", "user"];
/// Sampling fields of other servers that change no price.
const OTHERS: &[&str] = &[
    "top_k",
    "min_p",
    "top_a",
    "typical_p",
    "repetition_penalty",
    "repeat_penalty",
    "length_penalty",
    "min_tokens",
    "ignore_eos",
    "stop_token_ids",
    "skip_special_tokens",
    "chat_template_kwargs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "random_seed",
    "safe_prompt",
    "include_reasoning",
    "reasoning_format",
    "reasoning",
    "thinking",
    "enable_thinking",
    "usage",
    "models",
    "input_type",
    "truncate",
    "mirostat",
    "tfs_z",
];

/// Tools that the client runs itself.
const OWN_TOOLS: &[&str] = &[
    "function",
    "custom",
    "namespace",
    "computer",
    "computer_use",
    "computer_use_preview",
    "local_shell",
    "apply_patch",
    "tool_search",
    "programmatic_tool_calling",
];

impl Api {
    fn table(self) -> [&'static [&'static str]; 5] {
        let (limits, others): (&[&str], &[&str]) = match self.dialect {
            Dialect::Compatible => (OTHER_LIMITS, OTHERS),
            _ => (&[], &[]),
        };
        let own = match self.operation {
            Operation::Responses => RESPONSES,
            Operation::Completions => COMPLETIONS,
            Operation::Embeddings => EMBEDDINGS,
            _ => CHAT,
        };
        [LIMITS, MONEY, own, limits, others]
    }

    /// The limit that is written where the client gives none.
    fn own_limit(self) -> Option<&'static str> {
        match (self.operation, self.dialect) {
            (Operation::Responses, _) => Some("max_output_tokens"),
            (Operation::Chat, Dialect::OpenAi) => Some("max_completion_tokens"),
            (Operation::Embeddings | Operation::Models, _) => None,
            _ => Some("max_tokens"),
        }
    }

    fn fields<'t>(self, root: Value<'t>, unknown: &mut Vec<String>) -> Result<Fields<'t>, Unfit> {
        Fields::read(root, "", (&self.table(), Spelling::One), unknown)
    }
}

/// Reads a request.
pub(super) fn read(api: Api, root: Value<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    let fields = api.fields(root, &mut peek.unknown)?;
    peek.model = model(&fields)?;
    for name in LIMITS.iter().chain(OTHER_LIMITS) {
        peek.limit(fields.count(name)?);
    }
    if fields.switch("background")? == Switch::On {
        return Err(Unfit::Unmetered("background"));
    }
    let streams = fields.switch("stream")? == Switch::On;
    peek.delivery = match (streams, api.operation) {
        (false, _) => Delivery::Whole,
        (true, Operation::Chat | Operation::Completions) if !asks_usage(&fields)? => {
            Delivery::StreamWithoutUsage
        }
        (true, _) => Delivery::Stream,
    };
    peek.tier = fields.word("service_tier")?.and_then(|word| tier(&word, &mut peek.unknown));
    let copies = fields.count("n")?.unwrap_or(1).max(fields.count("best_of")?.unwrap_or(1));
    peek.choices = copies.saturating_mul(prompts(&fields));
    prompt(&fields, &mut peek.input);
    cache(&fields, peek)?;
    effort(&fields, peek)?;
    extras(&fields, peek)
}

/// Returns how many prompts a completion answers; an array of numbers is one.
fn prompts(fields: &Fields<'_>) -> u64 {
    let Some(prompt) = fields.get("prompt") else { return 1 };
    match prompt.elements().next().map(|first| first.kind()) {
        Some(Kind::Text | Kind::Array) => prompt.elements().count() as u64,
        _ => 1,
    }
}

fn asks_usage(fields: &Fields<'_>) -> Result<bool, Unfit> {
    let Some(options) = fields.get("stream_options") else { return Ok(false) };
    if options.kind() != Kind::Object {
        return Err(unfit("stream_options", options, "an object"));
    }
    match options.get("include_usage").map(|value| (value.kind(), value)) {
        None | Some((Kind::Null | Kind::False, _)) => Ok(false),
        Some((Kind::True, _)) => Ok(true),
        Some((_, value)) => Err(unfit("stream_options.include_usage", value, "true or false")),
    }
}

/// Reads the tier. `auto` is what the project says, so not known here; `fast` is served as priority.
fn tier(word: &str, unknown: &mut Vec<String>) -> Option<Tier> {
    match word {
        "auto" => None,
        "default" | "standard" | "scale" => Some(Tier::Standard),
        "fast" => Some(Tier::Priority),
        "flex" | "priority" | "ultrafast" => Some(Tier::parse(word)),
        _ => {
            unknown.push(format!("service_tier={}", super::super::json::short(word)));
            None
        }
    }
}

fn prompt(fields: &Fields<'_>, input: &mut super::prompt::Input) {
    for message in fields.get("messages").into_iter().flat_map(|messages| messages.elements()) {
        input.messages += 1;
        message.get("content").into_iter().for_each(|content| input.parts(content));
    }
    for item in fields.get("input").into_iter().flat_map(|items| items.elements()) {
        input.messages += 1;
        input.part(item);
    }
    if fields.get("previous_response_id").or_else(|| fields.get("conversation")).is_some() {
        input.open(Open::Earlier);
    }
}

/// Newer models write to the cache of their own accord, so every request may.
fn cache(fields: &Fields<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    peek.cache_write = CacheLife::Short;
    let Some(options) = fields.get("prompt_cache_options") else { return Ok(()) };
    if options.kind() != Kind::Object {
        return Err(unfit("prompt_cache_options", options, "an object"));
    }
    if options.get("ttl").is_some_and(|life| life.kind() != Kind::Null && !life.is("30m")) {
        peek.cache_write = CacheLife::Long;
    }
    Ok(())
}

fn effort(fields: &Fields<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    let nested = fields.get("reasoning").and_then(|reasoning| reasoning.get("effort"));
    let nested = nested.and_then(|word| word.string()).map(std::borrow::Cow::into_owned);
    peek.effort = fields.word("reasoning_effort")?.or(nested);
    Ok(())
}

fn extras(fields: &Fields<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    let at_most = fields.count("max_tool_calls")?;
    for tool in fields.get("tools").into_iter().flat_map(|tools| tools.elements()) {
        peek.input.tools += 1;
        let word = tool.get("type").and_then(|word| word.string()).unwrap_or_default();
        if let Some(kind) = hosted(&word) {
            peek.extra(kind, at_most);
            peek.input.open(Open::Tool);
        } else if !OWN_TOOLS.contains(&word.as_ref()) {
            peek.unknown.push(format!("tools.type={}", super::super::json::short(&word)));
        }
    }
    let functions = fields.get("functions").into_iter().flat_map(|list| list.elements()).count();
    peek.input.tools += functions as u64;
    if fields.get("web_search_options").is_some() {
        peek.extra(ExtraKind::WebSearch, None);
        peek.input.open(Open::Tool);
    }
    if fields.get("context_management").is_some() {
        peek.extra(ExtraKind::Compaction, None);
    }
    if fields.get("models").is_some() {
        peek.extra(ExtraKind::OtherModel, None);
    }
    if fields.get("modalities").into_iter().flat_map(|list| list.elements()).any(|word| word.is("audio")) {
        peek.extra(ExtraKind::AudioOutput, None);
    }
    peek.predicted = fields.get("prediction").map_or(0, |value| value.written().len() as u64);
    // A template that the provider keeps may bring tools of its own.
    if fields.get("prompt").is_some_and(|prompt| prompt.kind() == Kind::Object) {
        peek.input.open(Open::Template);
        peek.unknown.push("prompt".to_owned());
    }
    Ok(())
}

fn hosted(word: &str) -> Option<ExtraKind> {
    match word {
        "file_search" => Some(ExtraKind::FileSearch),
        "mcp" => Some(ExtraKind::RemoteTool),
        "code_interpreter" | "shell" => Some(ExtraKind::Container),
        "image_generation" => Some(ExtraKind::ImageOutput),
        _ if word.starts_with("web_search") => Some(ExtraKind::WebSearch),
        _ => None,
    }
}

/// The option that makes a stream tell its usage.
const ASKED: &str = r#"{"include_usage":true}"#;

/// Writes what is sent.
pub(super) fn rewrite(
    api: Api,
    root: Value<'_>,
    sending: &Sending<'_>,
    edits: &mut Edits<'_>,
) -> Result<UsageAsk, Unfit> {
    let fields = api.fields(root, &mut Vec::new())?;
    edits.model(fields.get("model"), sending.model);
    if let Some(limit) = sending.limit {
        limits(api, &fields, limit, edits);
    }
    let streams = fields.switch("stream")? == Switch::On;
    let counted = matches!(api.operation, Operation::Chat | Operation::Completions);
    if sending.usage == UsageAsk::ByClient || !streams || !counted || asks_usage(&fields)? {
        return Ok(UsageAsk::ByClient);
    }
    let options = fields.written("stream_options");
    match (options, options.and_then(|options| options.get("include_usage"))) {
        (None, _) => edits.insert(root, "stream_options", ASKED),
        (Some(_), Some(value)) => edits.replace(value, "true"),
        (Some(options), None) if options.kind() == Kind::Null => edits.replace(options, ASKED),
        (Some(options), None) => edits.insert(options, "include_usage", "true"),
    }
    Ok(UsageAsk::ByGuard)
}

fn limits(api: Api, fields: &Fields<'_>, limit: Tokens, edits: &mut Edits<'_>) {
    let Some(own) = api.own_limit() else { return };
    let mut given = false;
    for value in LIMITS.iter().chain(OTHER_LIMITS).filter_map(|name| fields.written(name)) {
        given |= value.kind() != Kind::Null;
        if value.kind() != Kind::Null {
            edits.limit(value, limit);
        }
    }
    if !given {
        match fields.written(own) {
            Some(null) => edits.limit(null, limit),
            None => edits.insert(fields.object(), own, &limit.count().to_string()),
        }
    }
}
