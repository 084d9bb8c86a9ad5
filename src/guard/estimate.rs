//! What a request may cost at most: the limit that will be sent, and the amount that is held for it.

use crate::config::{GuardSetting, ModelSetting, UpstreamSetting};
use crate::domain::amount::{Amount, Unit};
use crate::domain::call::{ModelId, Region, Tier};
use crate::domain::estimate::{CacheWrite, NoBound, Request};
use crate::domain::gate::Pricing;
use crate::domain::money::Money;
use crate::domain::price::{Class, PriceBook, Source};
use crate::domain::time::Timestamp;
use crate::domain::tokens::Tokens;
use crate::wire::dialect::request::{CacheLife, ExtraKind, MediaKind, Peek};
use crate::wire::dialect::route::Operation;

/// Tokens of framing that every prompt has.
const FRAME: u64 = 16;
/// Tokens of framing of each message or tool.
const FRAME_OF_EACH: u64 = 16;
/// Tokens of what providers put before a prompt that has tools.
const FRAME_OF_TOOLS: u64 = 1_024;

/// All that a bound hangs on beside the request.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// The guard's settings.
    pub guard: &'a GuardSetting,
    /// Where the request goes.
    pub upstream: &'a UpstreamSetting,
    /// The prices.
    pub prices: &'a PriceBook,
    /// When it is made.
    pub at: Timestamp,
}

/// A request's bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The output limit to send, for each answer; `None` where there is no output to limit.
    pub limit: Option<Tokens>,
    /// Whether that is the client's own.
    pub chosen: Chosen,
    /// The most tokens that all answers may have together: the fuse.
    pub output: Tokens,
    /// The most that it can cost.
    pub amount: Amount,
    /// Whether its money is known.
    pub pricing: Pricing,
    /// What is not known, in plain words; empty where all is.
    pub unknown: String,
    /// What it is expected to cost; for people to read.
    pub predicted: Option<Money>,
}

/// Who chose the output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The client.
    ByClient,
    /// The guard: the client named none.
    ByGuard,
}

/// Returns the largest output limit, from `least` on and below the bound's own, with which a request costs at
/// most `room` of `unit`; `None` where even the least costs more, or the client chose its limit itself.
///
/// `again` bounds the request anew with another limit. The cost grows with the limit.
pub fn afford(
    bound: &Bound,
    least: Tokens,
    (unit, room): (Unit, u64),
    again: impl Fn(Tokens) -> Option<Amount>,
) -> Option<Tokens> {
    let fits = |limit: u64| again(Tokens::new(limit)).is_some_and(|amount| amount.of(unit) <= room);
    let (mut good, mut bad) = (least.count(), bound.limit?.count());
    if bound.chosen == Chosen::ByClient || good >= bad || !fits(good) {
        return None;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fits(middle) { good = middle } else { bad = middle }
    }
    Some(Tokens::new(good))
}

/// Bounds a request that would go to `model`. `counted` are the tokens of its texts, where they were
/// counted; `passes` says that the model has been seen to pass its limits. `lowered` stands in the place of a
/// limit that the client did not choose.
pub fn bound(
    terms: Terms<'_>,
    operation: Operation,
    peek: &Peek,
    (model, counted): (ModelId, Option<Tokens>),
    (passes, lowered): (Heeds, Option<Tokens>),
) -> Result<Bound, NoBound> {
    let known = terms.guard.models.iter().find(|known| known.name == model);
    let ignores = passes == Heeds::Limits && known.is_some_and(|known| known.ignores_limits);
    let heeds = if ignores { Heeds::Not } else { passes };
    let limit = (operation != Operation::Embeddings).then(|| limit(terms.guard, known, peek, lowered));
    let most = most(limit, known, heeds).map_or(0, Tokens::count);
    let request = Request {
        answers: u32::try_from(peek.choices.max(1)).map_err(|_| NoBound::TooLarge)?,
        cache_write: cache_write(peek.cache_write),
        searches: searches(peek),
        tiers: tiers(terms.upstream, peek),
        regions: vec![region(terms.upstream, peek)],
        ..Request::new(
            terms.upstream.provider,
            model,
            terms.at,
            input(terms.guard, (known, heeds), peek, counted),
            Tokens::new(most.checked_add(peek.predicted).ok_or(NoBound::TooLarge)?),
        )
    };
    let mut unknown = unknown(terms, peek, model, (known, heeds));
    let amount = match request.bound(terms.prices) {
        Ok(amount) => {
            if amount.money() == Money::ZERO && amount.tokens() > Tokens::ZERO && is_listed(terms, model) {
                unknown.push(format!(
                    "the price of `{model}` is nothing in the price list, and in no [[price]]"
                ));
            }
            amount
        }
        Err(NoBound::Unpriced) => {
            unknown.push(format!("there is no price for `{model}`"));
            request.unpriced_bound()?
        }
        Err(NoBound::TooLarge) => return Err(NoBound::TooLarge),
    };
    let answers = peek.choices.max(1);
    let sent = limit.map_or(0, Tokens::count);
    Ok(Bound {
        limit,
        chosen: if peek.output_limit.is_some() { Chosen::ByClient } else { Chosen::ByGuard },
        output: Tokens::new(sent.saturating_add(peek.predicted).saturating_mul(answers)),
        amount,
        pricing: if unknown.is_empty() { Pricing::Known } else { Pricing::Unknown },
        unknown: unknown.join("; "),
        predicted: predicted(terms, &request, peek, counted),
    })
}

/// Whether a model keeps to its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heeds {
    /// As far as is known.
    Limits,
    /// It is known to write more than it is allowed.
    Not,
    /// It was seen to be billed for more than its bound: neither the limit nor the count of its prompt is
    /// believed.
    Nothing,
}

fn limit(guard: &GuardSetting, known: Option<&ModelSetting>, peek: &Peek, lowered: Option<Tokens>) -> Tokens {
    let own = known.and_then(|known| known.max_output);
    let own = if mutant!("default-16384") { Some(Tokens::new(16_384)) } else { own };
    peek.output_limit.or(lowered).or(own).unwrap_or(guard.default_output)
}

/// Returns the most that is written: of a model that ignores limits, all that it can.
fn most(limit: Option<Tokens>, known: Option<&ModelSetting>, heeds: Heeds) -> Option<Tokens> {
    let own = known.and_then(|known| known.max_output);
    match heeds {
        Heeds::Limits => limit,
        Heeds::Not | Heeds::Nothing => limit.map(|limit| own.unwrap_or(limit).max(limit)),
    }
}

/// Returns the most tokens of the prompt.
fn input(
    guard: &GuardSetting,
    (known, heeds): (Option<&ModelSetting>, Heeds),
    peek: &Peek,
    counted: Option<Tokens>,
) -> Tokens {
    let window = known.and_then(|known| known.context_window);
    let open = !peek.input.open.is_empty();
    let unbounded =
        peek.input.media.iter().any(|media| matches!(media.kind, MediaKind::Video | MediaKind::Document));
    if open || unbounded || heeds == Heeds::Nothing {
        return window.unwrap_or(guard.context_window);
    }
    let bytes = peek.input.bytes;
    // Two hundredths more than was counted: names and marks between the texts.
    let text = counted.map_or(bytes, |counted| counted.count().saturating_mul(102).div_ceil(100).min(bytes));
    let media = peek.input.media.iter().map(|media| match (media.kind, media.bytes) {
        (MediaKind::Audio, Some(bytes)) => bytes,
        _ => guard.image_tokens.count(),
    });
    let tools = if peek.input.tools == 0 { 0 } else { FRAME_OF_TOOLS };
    let each = peek.input.messages.saturating_add(peek.input.tools).saturating_mul(FRAME_OF_EACH);
    let all = media.fold(text, u64::saturating_add).saturating_add(FRAME + tools).saturating_add(each);
    Tokens::new(all.min(window.map_or(u64::MAX, Tokens::count)))
}

/// Says what the request may bill that has no price here.
fn unknown(
    terms: Terms<'_>,
    peek: &Peek,
    model: ModelId,
    (known, heeds): (Option<&ModelSetting>, Heeds),
) -> Vec<String> {
    let mut unknown: Vec<String> = Vec::new();
    if !peek.unknown.is_empty() {
        unknown.push(format!("not known here: {}", peek.unknown.join(", ")));
    }
    for extra in &peek.extras {
        match (extra.kind, extra.at_most) {
            (ExtraKind::WebSearch, Some(_)) => {}
            (ExtraKind::WebSearch, None) => unknown.push("searches without an upper limit".to_owned()),
            (kind, _) => unknown.push(format!("{} is billed apart", word(kind))),
        }
    }
    if peek.input.media.iter().any(|media| matches!(media.kind, MediaKind::Audio | MediaKind::Video)) {
        unknown.push("sound in the prompt has a price of its own".to_owned());
    }
    if peek.input.media.iter().any(|media| media.kind == MediaKind::Image) && dearer_pictures(terms, model) {
        unknown.push("pictures in the prompt have a price of their own".to_owned());
    }
    if heeds != Heeds::Limits && known.and_then(|known| known.max_output).is_none() {
        unknown.push(format!("`{model}` ignores output limits, and no max_output is set for it"));
    }
    unknown
}

/// Says whether a price is not the user's own word: lists have nothing where they know nothing.
fn is_listed(terms: Terms<'_>, model: ModelId) -> bool {
    let price = terms.prices.find(terms.upstream.provider, model, terms.at);
    price.is_some_and(|price| price.source() != Source::User)
}

fn dearer_pictures(terms: Terms<'_>, model: ModelId) -> bool {
    let price = terms.prices.find(terms.upstream.provider, model, terms.at);
    price.is_some_and(|price| price.rate(Class::ImageInput).is_some_and(|rate| Some(rate) > price.input()))
}

const fn word(kind: ExtraKind) -> &'static str {
    match kind {
        ExtraKind::WebSearch => "a web search",
        ExtraKind::WebFetch => "a page that is fetched",
        ExtraKind::FileSearch => "a search of files",
        ExtraKind::Maps => "a map",
        ExtraKind::Container => "a container",
        ExtraKind::ImageOutput => "a picture that is made",
        ExtraKind::AudioOutput => "speech that is made",
        ExtraKind::RemoteTool => "a remote tool",
        ExtraKind::OtherModel => "another model",
        ExtraKind::Compaction => "a summary of the conversation",
    }
}

fn cache_write(life: CacheLife) -> CacheWrite {
    match life {
        CacheLife::None => CacheWrite::No,
        CacheLife::Short => CacheWrite::Short,
        CacheLife::Long => CacheWrite::Long,
    }
}

fn searches(peek: &Peek) -> u32 {
    let searches = peek.extras.iter().filter(|extra| extra.kind == ExtraKind::WebSearch);
    let sum = searches.filter_map(|extra| extra.at_most).fold(0, u64::saturating_add);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Returns the tiers that may be served: the one asked for and the plain one, or the account's own.
fn tiers(upstream: &UpstreamSetting, peek: &Peek) -> Vec<Tier> {
    match peek.tier {
        Some(tier) => vec![tier, Tier::Standard],
        None => upstream.tiers.clone(),
    }
}

fn region(upstream: &UpstreamSetting, peek: &Peek) -> Region {
    if peek.region == Region::Global { upstream.region } else { peek.region }
}

/// Guesses the cost: what was counted, or a quarter of the bytes, and half of the limit.
fn predicted(terms: Terms<'_>, request: &Request, peek: &Peek, counted: Option<Tokens>) -> Option<Money> {
    let input = counted.unwrap_or(Tokens::new(peek.input.bytes / 4)).min(request.input);
    let output = Tokens::new(request.output.count() / 2 * u64::from(request.answers));
    request.prediction(input, output, terms.prices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BaseUrl, InputBound, KeySource, OnAbort};
    use crate::domain::call::Provider;
    use crate::wire::dialect::Dialect;
    use crate::wire::dialect::request::Request as Read;
    use crate::wire::dialect::route;

    fn upstream() -> UpstreamSetting {
        UpstreamSetting {
            name: "openai".to_owned(),
            dialect: Dialect::OpenAi,
            provider: Provider::new("openai"),
            base_url: BaseUrl {
                scheme: "https",
                authority: "api.example".to_owned(),
                path: "/v1".to_owned(),
            },
            key: KeySource::None,
            region: Region::Global,
            tiers: Vec::new(),
            on_abort: OnAbort::Drain,
            input_bound: InputBound::Tokens,
            timeout: std::time::Duration::from_mins(1),
            line: 1,
        }
    }

    fn bounded(body: &str, guard: &GuardSetting, counted: Option<u64>, heeds: Heeds) -> Bound {
        let route = route::find("POST", "/v1/chat/completions", None).expect("a route");
        let read = Read::read(&route, Dialect::OpenAi, body.as_bytes()).expect("a body");
        let (prices, upstream) = (PriceBook::builtin(), upstream());
        let at = Timestamp::from_seconds(1_795_219_200);
        let terms = Terms { guard, upstream: &upstream, prices: &prices, at };
        let model = ModelId::new(&read.peek().model);
        let counted = counted.map(Tokens::new);
        bound(terms, Operation::Chat, read.peek(), (model, counted), (heeds, None)).expect("a bound")
    }

    const HI: &str =
        r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"max_tokens":100,"n":3}"#;

    #[test]
    fn the_bytes_bound_the_prompt_and_the_limit_times_the_answers_the_output() {
        let guard = GuardSetting::default();
        let bound = bounded(HI, &guard, None, Heeds::Limits);
        let input = HI.len() as u64 + FRAME + FRAME_OF_EACH;
        assert_eq!((bound.limit, bound.output), (Some(Tokens::new(100)), Tokens::new(300)));
        assert_eq!(bound.amount.tokens().count(), input + 300);
        // gpt-4o: $2.50 and $10 per million.
        let nanos = i64::try_from(input * 2_500 + 300 * 10_000).expect("small");
        assert_eq!((bound.amount.money(), bound.pricing), (Money::from_nanos(nanos), Pricing::Known));
        assert!(bound.predicted.is_some_and(|money| money < bound.amount.money()));
        let counted = bounded(HI, &guard, Some(10), Heeds::Limits);
        assert_eq!(counted.amount.tokens().count(), 11 + FRAME + FRAME_OF_EACH + 300);
    }

    #[test]
    fn a_limit_that_is_not_given_is_the_models_or_the_usual_one() {
        let mut guard = GuardSetting::default();
        let body = r#"{"model":"gpt-4o","messages":[]}"#;
        assert_eq!(bounded(body, &guard, None, Heeds::Limits).limit, Some(guard.default_output));
        let model = ModelSetting {
            name: ModelId::new("gpt-4o"),
            context_window: Some(Tokens::new(20)),
            max_output: Some(Tokens::new(16_384)),
            ignores_limits: false,
        };
        guard.models.push(model);
        let bound = bounded(body, &guard, None, Heeds::Limits);
        assert_eq!(bound.limit, Some(Tokens::new(16_384)));
        assert_eq!(bound.amount.tokens().count(), 20 + 16_384);
        // A model that passes limits is held for all that it can write.
        let held = bounded(HI, &guard, None, Heeds::Not);
        assert_eq!((held.limit, held.pricing), (Some(Tokens::new(100)), Pricing::Known));
        assert_eq!(held.amount.tokens().count(), 20 + 3 * 16_384);
        // Of one that was billed for more than its bound the prompt is not believed either.
        guard.models[0].context_window = Some(Tokens::new(128_000));
        let held = bounded(HI, &guard, Some(1), Heeds::Nothing);
        assert_eq!(held.amount.tokens().count(), 128_000 + 3 * 16_384);
    }

    #[test]
    fn what_can_be_afforded_is_the_largest_limit_that_fits_and_only_where_the_client_chose_none() {
        let guard = GuardSetting::default();
        let open = bounded(r#"{"model":"gpt-4o","messages":[]}"#, &guard, Some(0), Heeds::Limits);
        assert_eq!(open.chosen, Chosen::ByGuard);
        let cost = |limit: Tokens| {
            Amount::new(Money::from_nanos(7 + 10 * i64::try_from(limit.count()).ok()?), 1, limit)
        };
        let afford = |bound: &Bound, room| afford(bound, Tokens::new(1_024), (Unit::Money, room), cost);
        assert_eq!(afford(&open, 20_016), Some(Tokens::new(2_000)));
        assert_eq!(afford(&open, 20_017), Some(Tokens::new(2_001)));
        assert_eq!(afford(&open, 10_247), Some(Tokens::new(1_024)));
        assert_eq!(afford(&open, 10_246), None);
        assert_eq!(afford(&bounded(HI, &guard, None, Heeds::Limits), 20_016), None);
    }

    #[test]
    fn what_has_no_price_is_named_and_never_free_of_doubt() {
        let guard = GuardSetting::default();
        let unknown = |body: &str, word: &str| {
            let bound = bounded(body, &guard, None, Heeds::Limits);
            assert_eq!(bound.pricing, Pricing::Unknown, "{body}");
            assert!(bound.unknown.contains(word), "{}", bound.unknown);
        };
        unknown(r#"{"model":"nobodys-model","messages":[]}"#, "no price for `nobodys-model`");
        unknown(r#"{"model":"gpt-4o","messages":[],"new_billable":1}"#, "new_billable");
        unknown(r#"{"model":"omni-moderation-latest","messages":[]}"#, "is nothing in the price list");
        unknown(r#"{"model":"gpt-4o","messages":[],"web_search_options":{}}"#, "searches");
        let sound = r#"{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}"#;
        unknown(sound, "sound");
        assert!(bounded(HI, &guard, None, Heeds::Not).unknown.contains("ignores output limits"));
    }

    #[test]
    fn a_prompt_that_the_body_does_not_bound_is_as_large_as_the_window() {
        let guard = GuardSetting::default();
        let body = r#"{"model":"gpt-4o","max_tokens":1,"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}"#;
        let bound = bounded(body, &guard, Some(5), Heeds::Limits);
        assert_eq!(bound.amount.tokens().count(), guard.context_window.count() + 1);
    }
}
