//! Objects of foreign JSON looked up by key, and the usage objects that providers put into answers.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::json::{Raw, not_json, short};
use super::time;
use super::{Place, bad_line, trim_line};
use crate::domain::call::{Call, Media, Region, Tier};
use crate::domain::money::Money;
use crate::domain::observation::{Decoded, Skip};
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};

/// A JSON object as its keys and values stand in the text. Of repeated keys the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'de>, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    pairs.push((key, value));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl<'a> Object<'a> {
    /// Reads an object from text.
    pub fn parse(text: &'a str) -> Result<Object<'a>, String> {
        serde_json::from_str(text).map_err(|error| not_json(&error))
    }

    /// Takes a value for an object; anything else gives an empty one.
    pub fn of(value: Raw<'a>) -> Object<'a> {
        if is_object(&value) {
            Object::parse(value.as_written()).unwrap_or_default()
        } else {
            Object::default()
        }
    }

    /// Returns the value of a key; missing and `null` are alike.
    pub fn get(&self, key: &str) -> Raw<'a> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value).unwrap_or_default()
    }

    /// Says whether a key has a value other than `null`.
    pub fn has(&self, key: &str) -> bool {
        !self.get(key).is_missing()
    }

    /// Returns the object under a key, empty where there is none.
    #[must_use]
    pub fn object(&self, key: &str) -> Object<'a> {
        Object::of(self.get(key))
    }

    /// Returns the objects of the array under a key; what is no object in it is left out.
    pub fn objects(&self, key: &str) -> Vec<Object<'a>> {
        elements(self.get(key).as_written()).into_iter().filter(is_object).map(Object::of).collect()
    }

    /// Returns the text under a key, unless it is empty.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).text().filter(|text| !text.trim().is_empty())
    }

    /// Returns the first text that is not empty under one of the keys.
    pub fn first_text(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.text(key))
    }

    /// Reads the token count under a key; the error names the key.
    pub fn count(&self, key: &str) -> Result<Option<u64>, String> {
        self.get(key).count().map_err(|reason| format!("{key}: {reason}"))
    }

    /// Reads the first token count that is there under one of the keys.
    pub fn first_count(&self, keys: &[&str]) -> Result<Option<u64>, String> {
        for key in keys {
            if let Some(count) = self.count(key)? {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    /// Reads the dollars under a key; the error names the key.
    pub fn dollars(&self, key: &str) -> Result<Option<Money>, String> {
        self.get(key).dollars().map_err(|reason| format!("{key}: {reason}"))
    }

    /// Reads a boolean, also written as text in any case (`True`, `'false'`).
    pub fn is_true(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Returns every key with its value, in order.
    pub fn into_members(self) -> Vec<(Cow<'a, str>, Raw<'a>)> {
        self.0
    }

    /// Returns keys and values in the order in which they stand.
    pub fn members(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Says whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_object(value: &Raw<'_>) -> bool {
    value.as_written().starts_with('{')
}

fn elements(written: &str) -> Vec<Raw<'_>> {
    if written.starts_with('[') { serde_json::from_str(written).unwrap_or_default() } else { Vec::new() }
}

/// Why a record gives no call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It is readable, but no call.
    Skip(Skip),
    /// It cannot be read; the reason in plain words.
    Bad(String),
}

impl From<String> for Left {
    fn from(reason: String) -> Left {
        Left::Bad(reason)
    }
}

/// Reads a line that holds one object, or an array of objects, and puts what `read` makes of each
/// into `out`.
pub fn each_object(
    line: &[u8],
    place: Place,
    out: &mut Decoded,
    mut read: impl FnMut(&Object<'_>, &str) -> Result<Call, Left>,
) {
    let text = String::from_utf8_lossy(trim_line(line));
    let text = text.trim();
    if text.is_empty() {
        return out.tally.skip(Skip::Blank);
    }
    let values = match serde_json::from_str::<Raw<'_>>(text) {
        Err(error) => return out.bad(bad_line(line, place, not_json(&error))),
        Ok(_) if text.starts_with('[') => elements(text),
        Ok(value) => vec![value],
    };
    if values.is_empty() {
        out.tally.skip(Skip::OtherRecord);
    }
    out.more_records(values.len() as u64);
    for value in values {
        if !is_object(&value) {
            out.tally.skip(Skip::OtherRecord);
            continue;
        }
        let written = value.as_written();
        match Object::parse(written).map_err(Left::Bad).and_then(|object| read(&object, written)) {
            Ok(call) => out.calls.push(call),
            Err(Left::Skip(why)) => out.tally.skip(why),
            Err(Left::Bad(reason)) => out.bad(bad_line(written.as_bytes(), place, reason)),
        }
    }
}

/// What a provider's answer says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer's own id.
    pub id: Option<String>,
    /// When it was made, where the body says.
    pub at: Option<Timestamp>,
    /// The model that answered; empty where the body does not say.
    pub model: String,
    /// Who made it, told from the body's shape.
    pub provider: &'static str,
    /// The service tier served.
    pub tier: Tier,
    /// Where it was processed.
    pub region: Region,
    /// The tokens billed.
    pub tokens: TokenCount,
    /// Those of them that stand for no text.
    pub media: Media,
    /// Server-side web searches, billed each.
    pub searches: u32,
    /// Dollars the provider states.
    pub reported: Option<Money>,
}

/// Reads a provider's answer. An answer without counts is [`Skip::NoUsage`].
pub fn answer(body: &Object<'_>) -> Result<Answer, Left> {
    let gemini = body.object("usageMetadata");
    if !gemini.is_empty() {
        return gemini_answer(body, &gemini);
    }
    let usage = body.object("usage");
    if usage.is_empty() {
        // Groq ends a stream with the usage in a member of its own.
        let streamed = body.object("x_groq").object("usage");
        return if streamed.is_empty() {
            Err(Left::Skip(Skip::NoUsage))
        } else {
            openai_answer(body, &streamed)
        };
    }
    if usage.has("total_input_tokens") || usage.has("total_output_tokens") {
        return interaction(body, &usage);
    }
    if is_anthropic(body, &usage) { anthropic_answer(body, &usage) } else { openai_answer(body, &usage) }
}

fn is_anthropic(body: &Object<'_>, usage: &Object<'_>) -> bool {
    let cached = ["cache_creation", "cache_creation_input_tokens", "cache_read_input_tokens"];
    let counts = usage.has("input_tokens") && cached.iter().any(|key| usage.has(key));
    counts
        || body.text("type").is_some_and(|word| word == "message")
        || body.text("id").is_some_and(|id| id.starts_with("msg_"))
}

fn plain(body: &Object<'_>, provider: &'static str) -> Answer {
    let made = body.first_text(&["created", "created_at", "createTime"]);
    Answer {
        id: body.first_text(&["id", "responseId"]).map(Cow::into_owned),
        at: made.and_then(|text| time::parse(&text)),
        model: body.first_text(&["model", "modelVersion"]).unwrap_or_default().into_owned(),
        provider,
        tier: Tier::Standard,
        region: Region::Global,
        tokens: TokenCount::default(),
        media: Media::default(),
        searches: 0,
        reported: None,
    }
}

fn openai_answer(body: &Object<'_>, usage: &Object<'_>) -> Result<Answer, Left> {
    let known = ["prompt_tokens", "completion_tokens", "input_tokens", "output_tokens"];
    let ticks = xai_dollars(usage)?;
    let reported = match ticks {
        Some(money) => Some(money),
        None => openrouter_dollars(usage)?,
    };
    if usage.first_count(&known)?.is_none() && reported.is_none() {
        return Err(Left::Skip(Skip::NoUsage));
    }
    let mut answer = plain(body, openai_like(body, usage));
    let prompt = usage.first_count(&["prompt_tokens", "input_tokens"])?.unwrap_or(0);
    answer.tokens = inclusive(usage, prompt, generated(usage)?)?;
    answer.media = media(usage)?;
    let tier = body.text("service_tier").or_else(|| usage.text("service_tier"));
    answer.tier = tier.map_or(Tier::Standard, |word| Tier::parse(&word));
    answer.searches = openai_searches(body, usage)?;
    answer.reported = reported;
    Ok(answer)
}

/// Tells who stands behind an answer of `OpenAI`'s shape from the members only they write.
fn openai_like(body: &Object<'_>, usage: &Object<'_>) -> &'static str {
    let generation = body.text("id").is_some_and(|id| id.starts_with("gen-"));
    if usage.has("is_byok") || usage.has("cost_details") || usage.has("cost") || generation {
        "openrouter"
    } else if usage.has("cost_in_usd_ticks") {
        "xai"
    } else if usage.has("prompt_cache_miss_tokens") || usage.has("prompt_cache_hit_tokens") {
        "deepseek"
    } else if body.has("x_groq") {
        "groq"
    } else {
        "openai"
    }
}

/// Returns the generated tokens: a total above the sum of its parts means that reasoning was left
/// out of the completion (`providers.md` C10).
fn generated(usage: &Object<'_>) -> Result<u64, String> {
    let Some(completion) = usage.count("completion_tokens")? else {
        return Ok(usage.count("output_tokens")?.unwrap_or(0));
    };
    let prompt = usage.count("prompt_tokens")?.unwrap_or(0);
    let total = usage.count("total_tokens")?.unwrap_or(0);
    Ok(completion.max(total.saturating_sub(prompt)))
}

/// Brings a usage object whose prompt includes cache reads and writes to the normal form.
///
/// Reads the details of `OpenAI`'s two shapes and of `LiteLLM`, which writes Anthropic's counts in both
/// manners.
pub fn inclusive(usage: &Object<'_>, prompt: u64, output: u64) -> Result<TokenCount, String> {
    let mut details = usage.object("prompt_tokens_details");
    if details.is_empty() {
        details = usage.object("input_tokens_details");
    }
    let read = match details.count("cached_tokens")? {
        Some(count) => count,
        None => usage.first_count(&["cache_read_input_tokens", "prompt_cache_hit_tokens"])?.unwrap_or(0),
    };
    let written = match details.first_count(&["cache_creation_tokens", "cache_write_tokens"])? {
        Some(count) => count,
        None => usage.count("cache_creation_input_tokens")?.unwrap_or(0),
    };
    let mut lives = details.object("cache_creation_token_details");
    if lives.is_empty() {
        lives = details.object("cache_write_tokens_details");
    }
    let writes = by_life(&lives, written)?;
    let reasoning = reasoning(usage)?;
    Ok(TokenCount::from_inclusive(prompt, read, writes, output).with_reasoning(reasoning))
}

/// Reads how much of the prompt and of the answer is sound or pictures.
pub fn media(usage: &Object<'_>) -> Result<Media, String> {
    let count = |holders: [&str; 3], key: &str| -> Result<Tokens, String> {
        for holder in holders {
            if let Some(count) = usage.object(holder).count(key)? {
                return Ok(Tokens::new(count));
            }
        }
        Ok(Tokens::ZERO)
    };
    let input = ["prompt_tokens_details", "input_tokens_details", "input_token_details"];
    let output = ["completion_tokens_details", "output_tokens_details", "output_token_details"];
    Ok(Media {
        audio_input: count(input, "audio_tokens")?,
        audio_output: count(output, "audio_tokens")?,
        image_input: count(input, "image_tokens")?,
        image_output: count(output, "image_tokens")?,
    })
}

/// The same of Gemini, which lists its counts by modality.
fn modalities(usage: &Object<'_>) -> Result<Media, String> {
    let count = |list: &str, wanted: &str| -> Result<Tokens, String> {
        let mut sum = Tokens::ZERO;
        for entry in usage.objects(list) {
            if entry.text("modality").is_some_and(|word| word == wanted) {
                sum += Tokens::new(entry.count("tokenCount")?.unwrap_or(0));
            }
        }
        Ok(sum)
    };
    Ok(Media {
        audio_input: count("promptTokensDetails", "AUDIO")?,
        audio_output: count("candidatesTokensDetails", "AUDIO")?,
        image_input: count("promptTokensDetails", "IMAGE")?,
        image_output: count("candidatesTokensDetails", "IMAGE")?,
    })
}

fn reasoning(usage: &Object<'_>) -> Result<u64, String> {
    for key in ["completion_tokens_details", "output_tokens_details"] {
        let details = usage.object(key);
        if let Some(count) = details.first_count(&["reasoning_tokens", "thinking_tokens"])? {
            return Ok(count);
        }
    }
    Ok(0)
}

/// Splits cache writes into the short and the long life; what no life is given for is short.
fn by_life(lives: &Object<'_>, written: u64) -> Result<(u64, u64), String> {
    let short = lives.first_count(&["ephemeral_5m_input_tokens", "ttl_30m_tokens"])?.unwrap_or(0);
    let long = lives.first_count(&["ephemeral_1h_input_tokens", "ttl_12h_tokens"])?.unwrap_or(0);
    Ok((short.max(written.saturating_sub(long)), long))
}

fn openai_searches(body: &Object<'_>, usage: &Object<'_>) -> Result<u32, String> {
    let counted = body.object("tool_usage").object("web_search").count("num_requests")?;
    let counted = match counted {
        Some(count) => Some(count),
        None => usage.object("server_tool_use_details").count("web_search_requests")?,
    };
    Ok(small(counted.unwrap_or_else(|| {
        let items = body.objects("output");
        items.iter().filter(|item| item.text("type").is_some_and(|word| word == "web_search_call")).count()
            as u64
    })))
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Reads `OpenRouter`'s dollars: its own charge, and what the user's own key was charged upstream.
fn openrouter_dollars(usage: &Object<'_>) -> Result<Option<Money>, String> {
    let Some(charge) = usage.dollars("cost")? else { return Ok(None) };
    if !usage.is_true("is_byok") {
        return Ok(Some(charge));
    }
    let upstream = usage.object("cost_details").dollars("upstream_inference_cost")?;
    Ok(Some(charge + upstream.unwrap_or(Money::ZERO)))
}

/// Reads xAI's ticks, of which a dollar has 10^10.
fn xai_dollars(usage: &Object<'_>) -> Result<Option<Money>, String> {
    let Some(ticks) = usage.text("cost_in_usd_ticks") else { return Ok(None) };
    match Money::parse_scaled(&ticks, -1) {
        Some(money) if money >= Money::ZERO => Ok(Some(money)),
        _ => Err(format!("cost_in_usd_ticks is \"{}\": expected a whole number", short(&ticks))),
    }
}

fn anthropic_answer(body: &Object<'_>, usage: &Object<'_>) -> Result<Answer, Left> {
    let known = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    if usage.first_count(&known)?.is_none() {
        return Err(Left::Skip(Skip::NoUsage));
    }
    let mut answer = plain(body, "anthropic");
    answer.tokens = exclusive(usage, counted(usage)?)?;
    // A compaction is billed beside the answer; the other iterations are already in the counts above.
    for step in usage.objects("iterations") {
        if step.text("type").is_some_and(|word| word == "compaction") {
            answer.tokens += exclusive(&step, counted(&step)?)?;
        }
    }
    let fast = usage.text("speed").is_some_and(|word| word == "fast");
    let tier = usage.text("service_tier").map_or(Tier::Standard, |word| Tier::parse(&word));
    answer.tier = if fast { Tier::Fast } else { tier };
    answer.region = usage.text("inference_geo").map_or(Region::Global, |word| Region::parse(&word));
    answer.searches = small(usage.object("server_tool_use").count("web_search_requests")?.unwrap_or(0));
    Ok(answer)
}

/// Returns Anthropic's input and output.
fn counted(usage: &Object<'_>) -> Result<(u64, u64), String> {
    Ok((usage.count("input_tokens")?.unwrap_or(0), usage.count("output_tokens")?.unwrap_or(0)))
}

/// Brings Anthropic's usage object, whose prompt classes do not overlap, to the normal form.
pub fn exclusive(usage: &Object<'_>, (input, output): (u64, u64)) -> Result<TokenCount, String> {
    let written = usage.count("cache_creation_input_tokens")?.unwrap_or(0);
    let (short, long) = by_life(&usage.object("cache_creation"), written)?;
    let count = TokenCount {
        input: Tokens::new(input),
        cache_read: Tokens::new(usage.count("cache_read_input_tokens")?.unwrap_or(0)),
        cache_write_short: Tokens::new(short),
        cache_write_long: Tokens::new(long),
        output: Tokens::new(output),
        reasoning: Tokens::ZERO,
    };
    Ok(count.with_reasoning(reasoning(usage)?))
}

fn gemini_answer(body: &Object<'_>, usage: &Object<'_>) -> Result<Answer, Left> {
    let mut answer = gemini_plain(body);
    answer.tokens = thoughts_apart(&Apart {
        prompt: usage.count("promptTokenCount")?.unwrap_or(0),
        cached: usage.count("cachedContentTokenCount")?.unwrap_or(0),
        tool: usage.count("toolUsePromptTokenCount")?.unwrap_or(0),
        answer: usage.count("candidatesTokenCount")?.unwrap_or(0),
        thoughts: usage.count("thoughtsTokenCount")?.unwrap_or(0),
    });
    answer.media = modalities(usage)?;
    let tier = usage.first_text(&["serviceTier", "trafficType"]);
    answer.tier = tier.map_or(Tier::Standard, |word| Tier::parse(&word));
    Ok(answer)
}

/// Reads an answer of Gemini's interactions, which has the same relations under other names.
fn interaction(body: &Object<'_>, usage: &Object<'_>) -> Result<Answer, Left> {
    let mut answer = gemini_plain(body);
    answer.tokens = thoughts_apart(&Apart {
        prompt: usage.count("total_input_tokens")?.unwrap_or(0),
        cached: usage.count("total_cached_tokens")?.unwrap_or(0),
        tool: usage.count("total_tool_use_tokens")?.unwrap_or(0),
        answer: usage.count("total_output_tokens")?.unwrap_or(0),
        thoughts: usage.count("total_thought_tokens")?.unwrap_or(0),
    });
    Ok(answer)
}

fn gemini_plain(body: &Object<'_>) -> Answer {
    let mut answer = plain(body, "gemini");
    if let Some(bare) = answer.model.strip_prefix("models/") {
        answer.model = bare.to_owned();
    }
    answer
}

/// Gemini's counts: cached is inside the prompt; tool use and thoughts are addends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Apart {
    /// The whole prompt but for tool use.
    pub prompt: u64,
    /// Tokens of it that were read from the cache.
    pub cached: u64,
    /// Tokens of tool use put into the prompt.
    pub tool: u64,
    /// Generated tokens but for thoughts.
    pub answer: u64,
    /// Tokens generated while thinking.
    pub thoughts: u64,
}

/// Brings Gemini's counts to the normal form.
pub fn thoughts_apart(counts: &Apart) -> TokenCount {
    let output = counts.answer.saturating_add(counts.thoughts);
    let mut tokens = TokenCount::from_inclusive(counts.prompt, counts.cached, (0, 0), output);
    tokens.input += Tokens::new(counts.tool);
    tokens.with_reasoning(counts.thoughts)
}

#[cfg(test)]
pub(super) mod testing {
    //! What the tests of several decoders share.

    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::format::Format;
    use crate::wire::row::{Row, Value};
    use crate::wire::{Decoder, Origin};

    pub const SEEN: i64 = 1_800_000_000;

    pub fn origin() -> Origin<'static> {
        Origin {
            path: Path::new("/logs/file"),
            tenant: None,
            first_seen: Timestamp::from_seconds(SEEN),
            rank: 1,
        }
    }

    pub fn decoder(format: &Format) -> Box<dyn Decoder> {
        format.decoder(&origin()).expect("a format of lines")
    }

    pub fn read(format: &Format, text: &str) -> Decoded {
        let mut out = Decoded::default();
        decoder(format).block(text.as_bytes(), Place { offset: 0, line: 1 }, &mut out);
        out
    }

    /// Reads rows given as columns and values.
    pub fn read_rows(format: &Format, rows: &[&[(&str, &str)]]) -> Decoded {
        let mut out = Decoded::default();
        let mut decoder = format.row_decoder(&origin()).expect("a format of rows");
        for (number, row) in (1..).zip(rows) {
            let columns: Vec<String> = row.iter().map(|(column, _)| (*column).to_owned()).collect();
            let values: Vec<Value> = row.iter().map(|(_, value)| Value::Text((*value).to_owned())).collect();
            decoder.row(0, &Row { columns: &columns, values: &values }, number, &mut out);
        }
        out
    }

    /// Returns the single call of a line.
    pub fn one(format: &Format, text: &str) -> Call {
        let out = read(format, text);
        assert_eq!((out.calls.len(), out.tally.bad), (1, 0), "{:?}", out.bad);
        out.calls.into_iter().next().expect("one call")
    }

    /// Input, cache read, short and long cache write, output, reasoning.
    pub fn classes(call: &Call) -> [u64; 6] {
        let count = call.tokens;
        [
            count.input,
            count.cache_read,
            count.cache_write_short,
            count.cache_write_long,
            count.output,
            count.reasoning,
        ]
        .map(Tokens::count)
    }

    /// Returns the calls that count, by the claims' own rules.
    pub fn counted(calls: Vec<Call>) -> Vec<Call> {
        let mut held: Vec<Call> = Vec::new();
        for call in calls {
            match held.iter_mut().find(|other| other.id == call.id) {
                None => held.push(call),
                Some(other) if call.claim.beats(&call.tokens, &other.claim, &other.tokens) => *other = call,
                Some(_) => {}
            }
        }
        held
    }

    /// Says how many records a piece was taken for.
    pub fn outcomes(out: &Decoded) -> u64 {
        out.calls.len() as u64 + out.tally.bad + out.tally.skipped.iter().sum::<u64>()
    }

    /// Makes JSON out of the keys that a decoder looks for, with any value under each.
    pub fn json(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            (0_u32..5000).prop_map(|number| format!("\"{number}\"")),
            any::<f64>().prop_map(|number| format!("{number:e}")),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap_or_default()),
            prop::sample::select(vec![
                "message",
                "assistant",
                "succeeded",
                "failure",
                "1781906400",
                "{",
                "{}"
            ])
            .prop_map(|text| format!("\"{text}\"")),
        ];
        leaf.prop_recursive(5, 48, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((prop::sample::select(keys), inner), 0..6).prop_map(|pairs| {
                    let pairs: Vec<String> =
                        pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                    format!("{{{}}}", pairs.join(","))
                }),
            ]
        })
    }

    /// Reads a line that may hold anything; it must come out as something.
    #[track_caller]
    pub fn comes_out(format: &Format, line: &[u8]) {
        let mut out = Decoded::default();
        decoder(format).line(line, Place { offset: 0, line: 1 }, &mut out);
        assert!(outcomes(&out) >= 1, "{}", String::from_utf8_lossy(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_repeated_keys_the_last_one_counts() {
        let object = Object::parse(r#"{"a":1,"b":{"c":"\u00e9"},"a":"2"}"#).expect("an object");
        assert_eq!(object.count("a"), Ok(Some(2)));
        assert_eq!(object.object("b").text("c").as_deref(), Some("é"));
        assert_eq!(object.object("a").count("c"), Ok(None));
    }

    #[test]
    fn a_bad_count_names_its_key() {
        let object = Object::parse(r#"{"prompt_tokens":-4}"#).expect("an object");
        let reason = object.count("prompt_tokens").expect_err("refused");
        assert!(reason.starts_with("prompt_tokens: token count is \"-4\""), "{reason}");
    }
}
