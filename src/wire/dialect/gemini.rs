//! Requests in Gemini's own language. The model stands in the path.

use super::field::{Fields, Spelling, Unfit, unfit};
use super::prompt::{Open, either};
use super::request::{Delivery, ExtraKind, Peek};
use super::rewrite::{Edits, Sending, UsageAsk};
use super::route::{Operation, Route};
use super::tape::{Kind, Value};
use crate::domain::call::Tier;
use crate::domain::tokens::Tokens;

const KNOWN: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "safetySettings",
    "generationConfig",
    "cachedContent",
    "serviceTier",
    "labels",
    "store",
    "model",
];
const CONFIG: &[&str] = &[
    "maxOutputTokens",
    "candidateCount",
    "temperature",
    "topP",
    "topK",
    "stopSequences",
    "responseLogprobs",
    "logprobs",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "mediaResolution",
    "speechConfig",
    "thinkingConfig",
    "imageConfig",
    "enableEnhancedCivicAnswers",
];
/// Tools, by the member that names them, and what they bill beside the tokens.
const TOOLS: &[(&str, &str, Option<ExtraKind>)] = &[
    ("functionDeclarations", "function_declarations", None),
    ("computerUse", "computer_use", None),
    ("googleSearch", "google_search", Some(ExtraKind::WebSearch)),
    ("googleSearchRetrieval", "google_search_retrieval", Some(ExtraKind::WebSearch)),
    ("enterpriseWebSearch", "enterprise_web_search", Some(ExtraKind::WebSearch)),
    ("googleMaps", "google_maps", Some(ExtraKind::Maps)),
    ("urlContext", "url_context", Some(ExtraKind::WebFetch)),
    ("codeExecution", "code_execution", Some(ExtraKind::Container)),
    ("fileSearch", "file_search", Some(ExtraKind::FileSearch)),
    ("retrieval", "retrieval", Some(ExtraKind::FileSearch)),
    ("mcpServers", "mcp_servers", Some(ExtraKind::RemoteTool)),
];

fn fields<'t>(root: Value<'t>, unknown: &mut Vec<String>) -> Result<Fields<'t>, Unfit> {
    Fields::read(root, "", (&[KNOWN], Spelling::CamelOrSnake), unknown)
}

fn config<'t>(fields: &Fields<'t>, unknown: &mut Vec<String>) -> Result<Option<Fields<'t>>, Unfit> {
    let Some(config) = fields.get("generationConfig") else { return Ok(None) };
    Fields::read(config, "generationConfig", (&[CONFIG], Spelling::CamelOrSnake), unknown).map(Some)
}

/// Reads a request.
pub(super) fn read(route: &Route, root: Value<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    let fields = fields(root, &mut peek.unknown)?;
    peek.model = route.model.clone().ok_or(Unfit::Missing("model"))?;
    same_model(&fields, &peek.model)?;
    if route.operation == Operation::StreamGenerate {
        peek.delivery = Delivery::Stream;
    }
    if let Some(config) = config(&fields, &mut peek.unknown)? {
        peek.limit(config.count("maxOutputTokens")?);
        peek.choices = config.count("candidateCount")?.unwrap_or(1);
        thinking(&config, peek);
        for word in config.get("responseModalities").into_iter().flat_map(|list| list.elements()) {
            match word.string().map(|word| word.to_ascii_uppercase()).as_deref() {
                Some("IMAGE") => peek.extra(ExtraKind::ImageOutput, None),
                Some("AUDIO") => peek.extra(ExtraKind::AudioOutput, None),
                _ => {}
            }
        }
    }
    peek.tier = fields.word("serviceTier")?.and_then(|word| tier(&word, &mut peek.unknown));
    for content in fields.get("contents").into_iter().flat_map(|list| list.elements()) {
        peek.input.messages += 1;
        let parts = content.get("parts").into_iter().flat_map(|parts| parts.elements());
        parts.for_each(|part| peek.input.gemini_part(part));
    }
    if fields.get("cachedContent").is_some() {
        peek.input.open(Open::Cached);
    }
    tools(&fields, peek);
    Ok(())
}

/// A model in the body must be the one in the path, which is the one that is priced.
fn same_model(fields: &Fields<'_>, model: &str) -> Result<(), Unfit> {
    let Some(value) = fields.get("model") else { return Ok(()) };
    let same = value.string().is_some_and(|name| name.strip_prefix("models/").unwrap_or(&name) == model);
    if same { Ok(()) } else { Err(unfit("model", value, "the model of the path")) }
}

fn thinking(config: &Fields<'_>, peek: &mut Peek) {
    let Some(thinking) = config.get("thinkingConfig") else { return };
    let budget = either(thinking, "thinkingBudget", "thinking_budget");
    // Minus one leaves it to the model.
    peek.thinking = budget.and_then(|value| value.written().parse().ok()).map(Tokens::new);
    let level = either(thinking, "thinkingLevel", "thinking_level").and_then(|word| word.string());
    peek.effort = level.map(|word| word.to_ascii_lowercase());
}

fn tier(word: &str, unknown: &mut Vec<String>) -> Option<Tier> {
    match word.to_ascii_lowercase().as_str() {
        "standard" => Some(Tier::Standard),
        "flex" => Some(Tier::Flex),
        "priority" => Some(Tier::Priority),
        "unspecified" | "service_tier_unspecified" => None,
        other => {
            unknown.push(format!("serviceTier={}", super::super::json::short(other)));
            None
        }
    }
}

fn tools(fields: &Fields<'_>, peek: &mut Peek) {
    for member in
        fields.get("tools").into_iter().flat_map(|tools| tools.elements()).flat_map(|tool| tool.inside())
    {
        let key = member.key();
        match TOOLS.iter().find(|(camel, snake, _)| *camel == key || *snake == key) {
            None => peek.unknown.push(format!("tools.{}", super::super::json::short(&key))),
            Some((_, _, None)) => peek.input.tools += member.elements().count() as u64,
            Some((_, _, Some(kind))) => {
                peek.extra(*kind, None);
                peek.input.open(Open::Tool);
            }
        }
    }
}

/// Writes what is sent. Another model goes into the path, not here.
pub(super) fn rewrite(
    root: Value<'_>,
    sending: &Sending<'_>,
    edits: &mut Edits<'_>,
) -> Result<UsageAsk, Unfit> {
    let fields = fields(root, &mut Vec::new())?;
    edits.model(fields.get("model"), sending.model.map(|model| format!("models/{model}")).as_deref());
    let Some(limit) = sending.limit else { return Ok(UsageAsk::ByClient) };
    let number = limit.count().to_string();
    let whole = format!("{{\"maxOutputTokens\":{number}}}");
    match (fields.written("generationConfig"), config(&fields, &mut Vec::new())?) {
        (None, _) => edits.insert(root, "generationConfig", &whole),
        (Some(value), _) if value.kind() == Kind::Null => edits.replace(value, whole),
        (Some(value), config) => match config.and_then(|config| config.written("maxOutputTokens")) {
            Some(given) => edits.limit(given, limit),
            None => edits.insert(value, "maxOutputTokens", &number),
        },
    }
    Ok(UsageAsk::ByClient)
}
