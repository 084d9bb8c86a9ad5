//! Requests in Anthropic's language.

use super::super::json::short;
use super::field::{Fields, Spelling, Switch, Unfit, unfit};
use super::prompt::Open;
use super::request::{CacheLife, Delivery, ExtraKind, Peek, model};
use super::rewrite::{Edits, Sending, UsageAsk};
use super::tape::{Kind, Value};
use crate::domain::call::{Region, Tier};
use crate::domain::tokens::Tokens;

const KNOWN: &[&str] = &[
    "model",
    "messages",
    "max_tokens",
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "mcp_servers",
    "metadata",
    "output_config",
    "output_format",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "thread",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "compaction",
];

/// Tools that the client runs itself, by the start of their type.
const OWN_TOOLS: &[&str] =
    &["bash_", "text_editor_", "computer_", "memory_", "browser_", "tool_search_tool_", "tool_search_"];

fn fields<'t>(root: Value<'t>, unknown: &mut Vec<String>) -> Result<Fields<'t>, Unfit> {
    Fields::read(root, "", (&[KNOWN], Spelling::One), unknown)
}

/// Reads a request.
pub(super) fn read(root: Value<'_>, peek: &mut Peek) -> Result<(), Unfit> {
    let fields = fields(root, &mut peek.unknown)?;
    peek.model = model(&fields)?;
    // Unlike elsewhere null is no way to leave the limit out.
    if let Some(value) = fields.written("max_tokens").filter(|value| value.kind() == Kind::Null) {
        return Err(unfit("max_tokens", value, "a whole number"));
    }
    peek.limit(fields.count("max_tokens")?);
    if fields.switch("stream")? == Switch::On {
        peek.delivery = Delivery::Stream;
    }
    peek.tier = tier(&fields, &mut peek.unknown)?;
    peek.region = fields.word("inference_geo")?.map_or(Region::Global, |word| Region::parse(&word));
    peek.effort = words(&fields, "output_config", "effort");
    if let Some(budget) = fields.get("thinking").and_then(|thinking| thinking.get("budget_tokens")) {
        peek.thinking = Some(Tokens::new(super::field::count("thinking.budget_tokens", budget)?));
    }
    for message in fields.get("messages").into_iter().flat_map(|messages| messages.elements()) {
        peek.input.messages += 1;
        message.get("content").into_iter().for_each(|content| peek.input.parts(content));
    }
    fields.get("system").into_iter().for_each(|system| peek.input.parts(system));
    peek.cache_write = cache(root);
    extras(&fields, peek);
    Ok(())
}

fn words(fields: &Fields<'_>, object: &str, key: &str) -> Option<String> {
    fields.get(object)?.get(key)?.string().map(std::borrow::Cow::into_owned)
}

/// Reads tier and speed. `auto`, and nothing, use what capacity was bought; `speed` wins.
fn tier(fields: &Fields<'_>, unknown: &mut Vec<String>) -> Result<Option<Tier>, Unfit> {
    let tier = match fields.word("service_tier")?.as_deref() {
        None | Some("auto") => None,
        Some("standard_only") => Some(Tier::Standard),
        Some(other) => {
            unknown.push(format!("service_tier={}", short(other)));
            None
        }
    };
    match fields.word("speed")?.as_deref() {
        None | Some("standard") => Ok(tier),
        Some("fast") => Ok(Some(Tier::Fast)),
        Some(other) => {
            unknown.push(format!("speed={}", short(other)));
            Ok(Some(Tier::Fast))
        }
    }
}

/// Looks for marks of the cache anywhere: one in a tool's own schema only makes the bound larger.
fn cache(root: Value<'_>) -> CacheLife {
    let life = |mark: Value<'_>| match mark.get("ttl") {
        Some(life) if life.kind() != Kind::Null && !life.is("5m") => CacheLife::Long,
        _ => CacheLife::Short,
    };
    let marks = root.below().filter(|value| value.kind() == Kind::Object && value.key() == "cache_control");
    marks.map(life).max().unwrap_or_default()
}

fn extras(fields: &Fields<'_>, peek: &mut Peek) {
    for tool in fields.get("tools").into_iter().flat_map(|tools| tools.elements()) {
        peek.input.tools += 1;
        let word = tool.get("type").and_then(|word| word.string()).unwrap_or_default();
        let at_most = tool.get("max_uses").and_then(|count| count.written().parse().ok());
        if let Some(kind) = hosted(&word) {
            peek.extra(kind, at_most);
            peek.input.open(Open::Tool);
        } else if !(matches!(word.as_ref(), "" | "custom")
            || OWN_TOOLS.iter().any(|own| word.starts_with(own)))
        {
            peek.unknown.push(format!("tools.type={}", short(&word)));
        }
    }
    let beside = [
        ("mcp_servers", ExtraKind::RemoteTool, Open::Tool),
        ("container", ExtraKind::Container, Open::Tool),
        ("fallbacks", ExtraKind::OtherModel, Open::Tool),
        ("compaction", ExtraKind::Compaction, Open::Tool),
    ];
    for (name, kind, why) in beside {
        if fields.get(name).is_some() {
            peek.extra(kind, None);
            peek.input.open(why);
        }
    }
    let edits = fields.get("context_management").into_iter().flat_map(|value| value.below());
    if edits.into_iter().any(|value| value.string().is_some_and(|word| word.starts_with("compact"))) {
        peek.extra(ExtraKind::Compaction, None);
    }
    if fields.get("thread").is_some() {
        peek.input.open(Open::Earlier);
    }
}

fn hosted(word: &str) -> Option<ExtraKind> {
    let table = [
        ("web_search_", ExtraKind::WebSearch),
        ("web_fetch_", ExtraKind::WebFetch),
        ("code_execution_", ExtraKind::Container),
        ("mcp_toolset", ExtraKind::RemoteTool),
        ("advisor_", ExtraKind::OtherModel),
    ];
    table.into_iter().find(|(start, _)| word.starts_with(start)).map(|(_, kind)| kind)
}

/// Writes what is sent.
pub(super) fn rewrite(
    root: Value<'_>,
    sending: &Sending<'_>,
    edits: &mut Edits<'_>,
) -> Result<UsageAsk, Unfit> {
    let fields = fields(root, &mut Vec::new())?;
    edits.model(fields.get("model"), sending.model);
    if let Some(limit) = sending.limit {
        match fields.written("max_tokens") {
            Some(value) => edits.limit(value, limit),
            None => edits.insert(root, "max_tokens", &limit.count().to_string()),
        }
    }
    Ok(UsageAsk::ByClient)
}
