//! Price files of other projects, read into our price book.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{not_json, short};
use super::time;
use crate::domain::call::Tier;
use crate::domain::money::{Factor, Rate};
use crate::domain::price::{
    Class, Factors, MAGIC, OffPeak, Price, Rates, Source, Window, canonical, parse_catalogue, parse_clock,
};
use crate::domain::time::Timestamp;

/// An object whose values are read later, each as its text: no number goes through a float.
type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Members of LiteLLM's file that describe it and price nothing.
const NOT_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];
/// What Anthropic asks for one web search, in dollars.
const ANTHROPIC_SEARCH: &str = "0.01";

/// Reads a price file of any known kind: LiteLLM's, models.dev's `api.json`, a dated history of it, or
/// our own catalogue.
pub fn read(bytes: &[u8]) -> Result<Vec<Price>, String> {
    if bytes.starts_with(MAGIC.as_bytes()) {
        return parse_catalogue(&String::from_utf8_lossy(bytes));
    }
    let members: Members<'_> = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
    let is_litellm = |value: &&RawValue| value.get().contains("\"litellm_provider\"");
    let prices = if members.contains_key("prices") || !members.values().any(is_litellm) {
        models_dev(bytes)?
    } else {
        litellm(bytes)?
    };
    if prices.is_empty() {
        return Err("no prices in it: expected LiteLLM's or models.dev's price file".to_owned());
    }
    Ok(prices)
}

/// Reads LiteLLM's `model_prices_and_context_window.json`. Models without a price per token or request
/// are left out.
pub fn litellm(bytes: &[u8]) -> Result<Vec<Price>, String> {
    let file: BTreeMap<Cow<'_, str>, &RawValue> = parse(bytes)?;
    let mut prices: BTreeMap<(String, String), Price> = BTreeMap::new();
    // Bare names come first, so that of two spellings of one model the prefixed one is kept.
    let (bare, prefixed): (Vec<_>, Vec<_>) = file.into_iter().partition(|(name, _)| !name.contains('/'));
    for (name, value) in bare.into_iter().chain(prefixed) {
        if NOT_MODELS.contains(&name.as_ref()) {
            continue;
        }
        let entry: Members<'_> =
            serde_json::from_str(value.get()).map_err(|error| format!("{}: {error}", short(&name)))?;
        if let Some(price) = litellm_price(&name, &entry)
            && price.is_priced()
        {
            prices.insert((price.provider().to_owned(), price.model().to_owned()), price);
        }
    }
    Ok(prices.into_values().collect())
}

fn litellm_price(name: &str, entry: &Members<'_>) -> Option<Price> {
    let provider = text(entry.get("litellm_provider")?)?;
    let mut price = Price::new(&provider, strip_provider(name, &provider)).from_source(Source::LiteLlm);
    for (field, value) in entry {
        if let Some((tier, above, class)) = token_field(field)
            && let Some(rate) = Rate::per_unit(value.get())
        {
            let above = if price.provider() == "xai" && above > 0 { above - 1 } else { above };
            price.state(tier, above, class, rate);
        }
    }
    if let Some(tiers) = entry.get("tiered_pricing") {
        tiered(&mut price, tiers);
    }
    if let Some(hours) = entry.get("off_peak_pricing").and_then(|value| off_peak(value)) {
        price.set_off_peak(hours);
    }
    price.set_factors(factors(entry));
    fees(&mut price, entry);
    if price.provider() == "anthropic" {
        halve_batch(&mut price);
    }
    Some(price)
}

/// Takes the provider off the front of a name, where it stands there in any of its spellings.
fn strip_provider<'a>(name: &'a str, provider: &str) -> &'a str {
    match name.split_once('/') {
        Some((prefix, rest)) if prefix == provider || canonical(prefix) == canonical(provider) => rest,
        _ => name,
    }
}

/// Reads a field's name: `<base>[_above_<ttl>][_above_<N>k_tokens][_<tier>]`.
fn token_field(field: &str) -> Option<(Tier, u64, Class)> {
    if field == "input_cost_per_token_cache_hit" {
        return Some((Tier::Standard, 0, Class::CacheRead));
    }
    let bases = [
        ("input_cost_per_token", Class::Input),
        ("output_cost_per_token", Class::Output),
        ("output_cost_per_reasoning_token", Class::Reasoning),
        ("input_cost_per_audio_token", Class::AudioInput),
        ("output_cost_per_audio_token", Class::AudioOutput),
        ("input_cost_per_image_token", Class::ImageInput),
        ("output_cost_per_image_token", Class::ImageOutput),
        ("cache_read_input_token_cost", Class::CacheRead),
        ("cache_creation_input_token_cost", Class::CacheWrite),
    ];
    let (mut rest, mut class) =
        bases.iter().find_map(|(base, class)| Some((field.strip_prefix(base)?, *class)))?;
    for life in ["_above_1hr", "_above_12hr"] {
        if let Some(after) = rest.strip_prefix(life) {
            (rest, class) = (after, Class::CacheWriteLong);
        }
    }
    let mut above = 0;
    if let Some(after) = rest.strip_prefix("_above_") {
        let (thousands, after) = after.split_once("k_tokens")?;
        above = thousands.parse::<u64>().ok()?.checked_mul(1000)?;
        rest = after;
    }
    let tier = match rest {
        "" => Tier::Standard,
        "_batches" => Tier::Batch,
        "_flex" => Tier::Flex,
        "_priority" => Tier::Priority,
        "_ultrafast" => Tier::Ultrafast,
        _ => return None,
    };
    Some((tier, above, class))
}

/// Reads ranges of prompt size, each with its own rates for the whole request.
fn tiered(price: &mut Price, value: &RawValue) {
    let ranges: Vec<Members<'_>> = serde_json::from_str(value.get()).unwrap_or_default();
    for range in ranges {
        let bounds =
            range.get("range").and_then(|value| serde_json::from_str::<Vec<&RawValue>>(value.get()).ok());
        let from = bounds.and_then(|bounds| super::json::count(bounds.first()?.get()).ok());
        let Some(from) = from else { continue };
        for (field, value) in &range {
            if let Some((tier, 0, class)) = token_field(field)
                && let Some(rate) = Rate::per_unit(value.get())
            {
                price.state(tier, from, class, rate);
            }
        }
    }
}

fn factors(entry: &Members<'_>) -> Factors {
    let factor = |field: &str| Factor::parse(entry.get(field)?.get());
    let own: Members<'_> = entry
        .get("provider_specific_entry")
        .and_then(|value| serde_json::from_str(value.get()).ok())
        .unwrap_or_default();
    let specific = |field: &str| Factor::parse(own.get(field)?.get());
    Factors {
        fast: specific("fast"),
        us: specific("us").or_else(|| factor("regional_processing_uplift_multiplier_us")),
        eu: factor("regional_processing_uplift_multiplier_eu"),
        pinned: factor("regional_endpoint_uplift_multiplier"),
    }
}

fn fees(price: &mut Price, entry: &Members<'_>) {
    let is_rerank = entry.get("mode").and_then(|mode| text(mode)).is_some_and(|mode| mode == "rerank");
    let query = entry.get("input_cost_per_query").filter(|_| is_rerank);
    if let Some(fee) = entry.get("input_cost_per_request").or(query)
        && let Some(fee) = Rate::per_unit(fee.get())
    {
        price.set_request(fee);
    }
    let sizes = entry.get("search_context_cost_per_query");
    let sizes = sizes.and_then(|value| serde_json::from_str::<Members<'_>>(value.get()).ok());
    let medium = sizes.as_ref().and_then(|sizes| sizes.get("search_context_size_medium"));
    let search = medium.and_then(|fee| Rate::per_unit(fee.get()));
    let anthropic = || Rate::per_unit(ANTHROPIC_SEARCH).filter(|_| price.provider() == "anthropic");
    if let Some(fee) = search.or_else(anthropic) {
        price.set_search(fee);
    }
}

/// States half of every rate for batches: Anthropic charges so for all classes, the file not for all.
fn halve_batch(price: &mut Price) {
    let standard: Vec<_> = price.terms().iter().filter(|term| term.tier == Tier::Standard).copied().collect();
    for term in standard {
        for class in Class::ALL {
            if let Some(rate) = term.rates.get(class) {
                price.state(Tier::Batch, term.above, class, rate.times(Factor::from_basis(5_000)));
            }
        }
    }
}

/// Reads cheaper hours. Hours are in UTC; the days may be those of China, eight hours ahead.
fn off_peak(value: &RawValue) -> Option<OffPeak> {
    let members: Members<'_> = serde_json::from_str(value.get()).ok()?;
    let zone = members.get("weekday_timezone").and_then(|zone| text(zone));
    let in_china = match zone.as_deref() {
        None | Some("UTC") => false,
        Some("Asia/Shanghai") => true,
        Some(_) => return None,
    };
    let mut off_peak = OffPeak { windows: Vec::new(), rates: Rates::default() };
    let windows: Vec<Hours<'_>> = serde_json::from_str(members.get("windows")?.get()).ok()?;
    for hours in windows {
        let days = hours.weekdays.iter().filter(|day| (1..=7).contains(*day));
        let days = days.fold(0_u8, |mask, day| mask | 1 << (day - 1));
        for span in hours.hours_utc.all() {
            let (from, to) = span.split_once('-')?;
            let window = Window { days, from: parse_clock(from)?, to: parse_clock(to)? };
            off_peak.windows.extend(if in_china { china(window) } else { vec![window] });
        }
    }
    for (field, value) in &members {
        if let Some((Tier::Standard, 0, class)) = token_field(field) {
            off_peak.rates.set(class, Rate::per_unit(value.get())?);
        }
    }
    Some(off_peak)
}

/// Turns a window on days of China into windows on days of UTC: from 16:00 on it is the next day there.
fn china(window: Window) -> Vec<Window> {
    const MIDNIGHT: u16 = 16 * 60;
    let Window { days, from, to } = window;
    let end = if to == 0 { 1440 } else { to };
    let before = (days >> 1) | (days & 1) << 6;
    let mut parts = Vec::new();
    if from < MIDNIGHT {
        parts.push(Window { days, from, to: end.min(MIDNIGHT) });
    }
    if end > MIDNIGHT {
        parts.push(Window { days: before, from: from.max(MIDNIGHT), to });
    }
    parts
}

#[derive(Deserialize)]
struct Hours<'a> {
    #[serde(borrow)]
    hours_utc: Spans<'a>,
    weekdays: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Spans<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Many(#[serde(borrow)] Vec<Cow<'a, str>>),
}

impl Spans<'_> {
    fn all(&self) -> &[Cow<'_, str>] {
        match self {
            Spans::One(span) => std::slice::from_ref(span),
            Spans::Many(spans) => spans,
        }
    }
}

/// Reads models.dev's `api.json`, or the dated history of it.
pub fn models_dev(bytes: &[u8]) -> Result<Vec<Price>, String> {
    let file: Members<'_> = parse(bytes)?;
    match file.get("prices") {
        Some(prices) => history(prices),
        None => api(&file),
    }
}

fn api(file: &Members<'_>) -> Result<Vec<Price>, String> {
    #[derive(Deserialize)]
    struct Seller<'a> {
        #[serde(borrow, default)]
        models: BTreeMap<Cow<'a, str>, Model<'a>>,
    }
    #[derive(Deserialize)]
    struct Model<'a> {
        #[serde(borrow)]
        cost: Option<Members<'a>>,
    }
    let mut prices = Vec::new();
    for (provider, value) in file {
        let seller: Seller<'_> =
            serde_json::from_str(value.get()).map_err(|error| format!("{}: {error}", short(provider)))?;
        for (model, entry) in seller.models {
            let mut price = Price::new(provider, &model).from_source(Source::ModelsDev);
            if let Some(cost) = entry.cost {
                state_rates(&mut price, Tier::Standard, &cost);
            }
            prices.extend(Some(price).filter(Price::is_priced));
        }
    }
    Ok(prices)
}

/// One entry of the history.
#[derive(Deserialize)]
struct Dated<'a> {
    start: Option<Cow<'a, str>>,
    #[serde(borrow)]
    rates: Option<Members<'a>>,
}

impl Dated<'_> {
    /// Returns the moment from which the rates were recorded. A first entry that was recorded no sooner
    /// than the next one came into force was a mistake, never a price.
    fn recorded(&self) -> Option<Timestamp> {
        time::parse(&text(self.rates.as_ref()?.get("valid_from")?)?)
    }
}

/// Modes, each with its entries in order of time.
type Modes<'a> = BTreeMap<Cow<'a, str>, Vec<Dated<'a>>>;

/// A moment from which a tier has other rates.
type Change<'a> = (Option<Timestamp>, Tier, &'a Dated<'a>);

fn history(prices: &RawValue) -> Result<Vec<Price>, String> {
    let file: BTreeMap<Cow<'_, str>, BTreeMap<Cow<'_, str>, Modes<'_>>> =
        serde_json::from_str(prices.get()).map_err(|error| not_json(&error))?;
    let mut read = Vec::new();
    for (provider, models) in &file {
        for (model, modes) in models {
            read.extend(dated(provider, model, modes)?);
        }
    }
    Ok(read)
}

/// Returns one price per moment at which any mode of the model changes.
fn dated(provider: &str, model: &str, by_mode: &Modes<'_>) -> Result<Vec<Price>, String> {
    let timeline = timeline(model, by_mode)?;
    let mut moments: Vec<Option<Timestamp>> = timeline.iter().map(|(since, ..)| *since).collect();
    moments.sort_unstable();
    moments.dedup();
    let at = |moment: Option<Timestamp>| {
        let mut price = Price::new(provider, model).since(moment).from_source(Source::ModelsDev);
        for tier in Tier::ALL {
            let mine = timeline.iter().filter(|(since, mode, _)| *mode == tier && *since <= moment);
            let entry = mine.max_by_key(|(since, ..)| *since);
            if let Some(rates) = entry.and_then(|(_, _, entry)| entry.rates.as_ref()) {
                state_rates(&mut price, tier, rates);
            }
        }
        fees(&mut price, &Members::new());
        price
    };
    Ok(moments.into_iter().map(at).collect())
}

/// Returns when which tier gets which rates.
fn timeline<'a>(model: &str, by_mode: &'a Modes<'a>) -> Result<Vec<Change<'a>>, String> {
    let start = |entry: &Dated<'_>| match &entry.start {
        None => Ok(None),
        Some(text) => time::parse(text).map(Some).ok_or_else(|| format!("{model}: no date: {}", short(text))),
    };
    let mut timeline = Vec::new();
    for (mode, entries) in by_mode {
        let Some(tier) = mode_tier(mode) else { continue };
        let mut corrected = false;
        for (index, entry) in entries.iter().enumerate() {
            let next = entries.get(index + 1).map(start).transpose()?.flatten();
            let since = if corrected { None } else { start(entry)? };
            corrected = since.is_none() && next.is_some() && entry.recorded() >= next;
            if !corrected {
                timeline.push((since, tier, entry));
            }
        }
    }
    Ok(timeline)
}

fn mode_tier(mode: &str) -> Option<Tier> {
    match mode {
        "standard" => Some(Tier::Standard),
        "batch" => Some(Tier::Batch),
        "flex" => Some(Tier::Flex),
        "priority" => Some(Tier::Priority),
        "fast" => Some(Tier::Fast),
        "ultrafast" => Some(Tier::Ultrafast),
        _ => None,
    }
}

/// States rates given in dollars per million tokens, with their sizes.
fn state_rates(price: &mut Price, tier: Tier, rates: &Members<'_>) {
    state_classes(price, (tier, 0), rates);
    if let Some(value) = rates.get("context_over_200k") {
        let over: Members<'_> = serde_json::from_str(value.get()).unwrap_or_default();
        state_classes(price, (tier, above(price, 200_000)), &over);
    }
    let sizes =
        rates.get("tiers").and_then(|value| serde_json::from_str::<Vec<Members<'_>>>(value.get()).ok());
    for size in sizes.unwrap_or_default() {
        let nested = size.get("tier").and_then(|value| serde_json::from_str::<Members<'_>>(value.get()).ok());
        let bound = size.get("above").or_else(|| nested.as_ref()?.get("size"));
        if let Some(bound) = bound.and_then(|bound| super::json::count(bound.get()).ok()) {
            state_classes(price, (tier, above(price, bound)), &size);
        }
    }
}

/// Returns the size that a prompt must exceed: xAI's bound itself is already charged by the larger size.
fn above(price: &Price, bound: u64) -> u64 {
    if price.provider() == "xai" { bound.saturating_sub(1) } else { bound }
}

fn state_classes(price: &mut Price, (tier, above): (Tier, u64), rates: &Members<'_>) {
    let fields = [
        ("input", Class::Input),
        ("output", Class::Output),
        ("cache_read", Class::CacheRead),
        ("cache_write", Class::CacheWrite),
        ("reasoning", Class::Reasoning),
        ("input_audio", Class::AudioInput),
        ("output_audio", Class::AudioOutput),
    ];
    let rate = |field: &str| per_million(rates.get(field)?.get());
    for (field, class) in fields {
        if let Some(rate) = rate(field) {
            price.state(tier, above, class, rate);
        }
    }
    let long = rates.get("cache_write_1h_multiple").and_then(|value| Factor::parse(value.get()));
    if let (Some(factor), Some(input), Some(_)) = (long, rate("input"), rate("cache_write")) {
        price.state(tier, above, Class::CacheWriteLong, input.times(factor));
    }
}

/// Reads dollars per million tokens; digits below a picodollar per token are noise and are rounded.
fn per_million(text: &str) -> Option<Rate> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    Rate::per_unit(&format!("{mantissa}e{}", exponent.checked_sub(6)?))
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| not_json(&error))
}

fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::merge;

    const LITELLM: &str = r#"{
        "sample_spec": {"litellm_provider": "one of these", "input_cost_per_token": 0},
        "fallback_generalizations": {"rules": []},
        "small": {"litellm_provider": "openai", "mode": "chat",
            "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
            "input_cost_per_token_above_272k_tokens_priority": 0.0000006,
            "cache_creation_input_token_cost_above_12hr_flex": 1e-6,
            "regional_processing_uplift_multiplier_us": 1.1,
            "search_context_cost_per_query": {"search_context_size_medium": 0.01}},
        "xai/long": {"litellm_provider": "xai", "input_cost_per_token": 1e-6,
            "input_cost_per_token_above_200k_tokens": 2e-6},
        "picture": {"litellm_provider": "openai", "output_cost_per_image": 0.04},
        "dashscope/ranges": {"litellm_provider": "dashscope", "tiered_pricing": [
            {"input_cost_per_token": 3e-7, "range": [0, 32000.0]},
            {"input_cost_per_token": 5e-7, "range": [32000.0, 128000.0]}]},
        "tencent/night": {"litellm_provider": "tencent", "input_cost_per_token": 2e-6, "off_peak_pricing": {
            "input_cost_per_token": 1e-6, "weekday_timezone": "Asia/Shanghai",
            "windows": [{"hours_utc": "10:00-00:00", "weekdays": [1]}]}}
    }"#;

    const HISTORY: &str = r#"{"schema": 1, "prices": {"openai": {"small": {
        "standard": [
            {"start": null, "rates": {"input": 9, "output": 9, "valid_from": "2025-01-01T00:00:00Z"}},
            {"start": "2025-01-01T00:00:00Z", "rates": {"input": 0.30, "output": 0.60,
                "tiers": [{"above": 272000, "input": 0.5}], "valid_from": "2025-01-01T00:00:00Z"}},
            {"start": "2025-02-01T00:00:00Z", "rates": {"input": 0.15, "output": 0.60}},
            {"start": "2025-03-01T00:00:00Z", "rates": null}],
        "batch": [{"start": null, "rates": {"input": 0.15, "cache_write": 0.2, "cache_write_1h_multiple": 2.0}}]
    }}}}"#;

    #[track_caller]
    fn check(prices: &[Price], want: &[&str]) {
        let text = crate::domain::price::write_catalogue(prices);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, want);
    }

    #[test]
    fn litellm_files_are_read_to_the_last_digit() {
        check(
            &read(LITELLM.as_bytes()).expect("prices"),
            &[
                "dashscope\tranges\t\tlitellm\tflat in=0.3;>32000 in=0.5",
                "openai\tsmall\t\tlitellm\tflat in=0.15 out=0.6;flex long=1;priority>272000 in=0.6;us 1.1;search 0.01",
                "tencent\tnight\t\tlitellm\tflat in=2;off 1@10:00-16:00+7@16:00-00:00 in=1",
                "xai\tlong\t\tlitellm\tflat in=1;>199999 in=2",
            ],
        );
    }

    #[test]
    fn a_history_is_read_with_its_dates_and_without_its_mistakes() {
        check(
            &read(HISTORY.as_bytes()).expect("prices"),
            &[
                "openai\tsmall\t\tmodels.dev\tflat in=0.3 out=0.6;>272000 in=0.5;batch in=0.15 write=0.2 long=0.3",
                "openai\tsmall\t2025-02-01T00:00:00Z\tmodels.dev\tflat in=0.15 out=0.6;batch in=0.15 write=0.2 long=0.3",
                "openai\tsmall\t2025-03-01T00:00:00Z\tmodels.dev\tbatch in=0.15 write=0.2 long=0.3",
            ],
        );
    }

    #[test]
    fn history_comes_before_what_is_current() {
        let current = litellm(LITELLM.as_bytes()).expect("prices");
        let current = current.into_iter().filter(|price| price.model() == "small").collect();
        let merged = merge(current, models_dev(HISTORY.as_bytes()).expect("prices"));
        let since: Vec<_> = merged.iter().map(|price| (price.source(), price.in_force_since())).collect();
        let february = time::parse("2025-02-01T00:00:00Z");
        assert_eq!(since, [(Source::ModelsDev, None), (Source::LiteLlm, february)]);
    }

    #[test]
    fn the_api_of_models_dev_is_read() {
        let text = r#"{"xai": {"id": "xai", "models": {"g": {"cost": {"input": 3, "output": 15,
            "context_over_200k": {"input": 6.000000000000001}}}, "free": {"name": "no cost"}}}}"#;
        check(
            &read(text.as_bytes()).expect("prices"),
            &["xai\tg\t\tmodels.dev\tflat in=3 out=15;>199999 in=6"],
        );
    }

    #[test]
    fn what_is_no_price_file_is_refused() {
        for text in ["", "[]", "{}", "{\"a\": 1}", "not json", "# outlay prices 1\nnonsense"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
