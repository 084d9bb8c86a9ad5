//! What calls cost, by the built-in catalogue and by prices made up here.

use super::*;
use crate::domain::call::{CallId, Media, TenantId};
use crate::domain::money::{Exact, Factor, Rate};
use crate::domain::tokens::{TokenCount, Tokens};
use proptest::prelude::*;

/// 2026-11-20T09:00:00Z, a Friday.
const NOW: Timestamp = Timestamp::from_seconds(1_795_165_200);
const MILLION: u64 = 1_000_000;

fn call(provider: &str, model: &str, tokens: TokenCount) -> Call {
    let id = CallId::of("test", &[]);
    let call = Call::new(id, NOW, TenantId::new("acme"), ModelId::new(model));
    Call { provider: Provider::new(provider), tokens, ..call }
}

fn tokens(input: u64, read: u64, writes: (u64, u64), output: u64) -> TokenCount {
    TokenCount::from_inclusive(input + read + writes.0 + writes.1, read, writes, output)
}

#[track_caller]
fn check(call: &Call, dollars: Option<&str>) {
    let want = dollars.map(|dollars| Money::parse_dollars(dollars).expect("dollars"));
    let book = PriceBook::builtin();
    let cost = book.pricer().cost(call);
    assert_eq!(cost.money(), want, "{} {}", call.provider, call.model);
}

/// Checks the rates per million: input, cache read, short write, long write, output.
#[track_caller]
fn rates(provider: &str, model: &str, want: [&str; 5]) {
    // A hundred thousand each: below every size that has another price.
    let part = MILLION / 10;
    let counts = [
        tokens(part, 0, (0, 0), 0),
        tokens(0, part, (0, 0), 0),
        tokens(0, 0, (part, 0), 0),
        tokens(0, 0, (0, part), 0),
        tokens(0, 0, (0, 0), part),
    ];
    let book = PriceBook::builtin();
    let mut pricer = book.pricer();
    for (tokens, want) in counts.into_iter().zip(want) {
        let cost = pricer.cost(&call(provider, model, tokens)).money().map(|money| money.nanos() * 10);
        let want = Money::parse_dollars(want).map(Money::nanos);
        assert_eq!(cost, want, "{provider} {model} {tokens:?}");
    }
}

#[test]
fn list_prices_are_those_of_the_table() {
    rates("anthropic", "claude-sonnet-4-5-20250929", ["3", "0.30", "3.75", "6", "15"]);
    rates("anthropic", "claude-haiku-4-5", ["1", "0.10", "1.25", "2", "5"]);
    rates("anthropic", "claude-sonnet-4-6", ["3", "0.30", "3.75", "6", "15"]);
    rates("anthropic", "claude-opus-4-5", ["5", "0.50", "6.25", "10", "25"]);
    rates("anthropic", "claude-opus-5", ["5", "0.50", "6.25", "10", "25"]);
    rates("anthropic", "claude-opus-5-5", ["4", "0.20", "5", "8", "20"]);
    rates("anthropic", "claude-haiku-5-5", ["0.10", "0.01", "0.125", "0.20", "0.50"]);
    rates("anthropic", "claude-fable-5-1", ["10", "0.25", "12.5", "20", "50"]);
    rates("openai", "gpt-4.1", ["2", "0.50", "2", "2", "8"]);
    rates("openai", "gpt-4o-mini", ["0.15", "0.075", "0.15", "0.15", "0.60"]);
    rates("openai", "gpt-5.4", ["2.5", "0.25", "2.5", "2.5", "15"]);
    rates("openai", "gpt-5.5", ["5", "0.50", "5", "5", "30"]);
    rates("openai", "gpt-6-sol", ["2", "0.20", "2.5", "5", "10"]);
    rates("openai", "gpt-6-luna", ["0.10", "0.01", "0.125", "0.25", "0.50"]);
    rates("openai", "gpt-6-astra", ["10", "1", "12.5", "25", "50"]);
    rates("google", "gemini-2.5-flash", ["0.30", "0.03", "0.30", "0.30", "2.50"]);
    rates("deepseek", "deepseek-chat", ["0.28", "0.028", "0", "0", "0.42"]);
    rates("openai", "text-embedding-3-small", ["0.02", "0.02", "0.02", "0.02", "0"]);
}

#[test]
fn sound_and_pictures_have_rates_of_their_own_or_none() {
    let count = Tokens::new;
    let sound = Media { audio_input: count(400), audio_output: count(50), ..Media::default() };
    let some = tokens(1000, 0, (0, 0), 100);
    check(&Call { media: sound, ..call("openai", "gpt-audio", some) }, Some("0.018"));
    check(&Call { media: sound, ..call("openai", "gpt-4o-mini", some) }, None);
    let heard = Media { audio_input: count(400), ..Media::default() };
    check(&Call { media: heard, ..call("gemini", "gemini-2.5-flash", some) }, Some("0.00083"));
    let batch = Call { tier: Tier::Batch, ..call("gemini", "gemini-2.5-flash", some) };
    check(&Call { media: heard, ..batch }, Some("0.000415"));
    let seen = Media { image_input: count(900), ..Media::default() };
    check(&Call { media: seen, ..call("openai", "gpt-4o-mini", some) }, Some("0.00021"));
    let drawn = Media { image_output: count(100), ..seen };
    check(&Call { media: drawn, ..call("openai", "gpt-image-1", some) }, Some("0.0135"));
    check(&Call { media: drawn, ..call("openai", "gpt-4o-mini", some) }, None);
    let more = Media { audio_input: count(5000), ..Media::default() };
    check(&Call { media: more, ..call("openai", "gpt-audio", some) }, Some("0.033"));
}

#[test]
fn a_large_prompt_reprices_the_whole_request() {
    check(&call("openai", "gpt-5.5", tokens(272_000, 0, (0, 0), 1000)), Some("1.39"));
    check(&call("openai", "gpt-5.5", tokens(272_001, 0, (0, 0), 1000)), Some("2.76501"));
    let batch =
        Call { tier: Tier::Batch, ..call("openai", "gpt-5.5", tokens(172_001, 100_000, (0, 0), 1000)) };
    check(&batch, Some("0.932505"));
    let rows = Call { calls: 7, ..call("openai", "gpt-5.5", tokens(272_001, 0, (0, 0), 1000)) };
    check(&rows, Some("1.390005"));
}

#[test]
fn tiers_and_regions_change_the_price() {
    let base = call("anthropic", "claude-opus-5-5", tokens(1000, 1000, (1000, 1000), 1000));
    check(&base, Some("0.0372"));
    check(&Call { tier: Tier::Batch, ..base.clone() }, Some("0.0186"));
    check(&Call { tier: Tier::Fast, ..base.clone() }, Some("0.0744"));
    check(&Call { region: Region::Us, ..base.clone() }, Some("0.04092"));
    check(&Call { region: Region::Us, tier: Tier::Fast, ..base.clone() }, Some("0.08184"));
    check(&Call { region: Region::Us, searches: 2, ..base.clone() }, Some("0.06092"));
    check(&Call { tier: Tier::CacheHit, ..base.clone() }, Some("0"));
    let older = Call { model: ModelId::new("claude-opus-4-6"), ..base.clone() };
    check(&Call { tier: Tier::Fast, ..older }, None);
    let openai = call("openai", "gpt-6-sol", tokens(1000, 0, (0, 0), 1000));
    check(&Call { tier: Tier::Fast, ..openai.clone() }, Some("0.024"));
    check(&Call { tier: Tier::Flex, ..openai.clone() }, Some("0.006"));
    check(&Call { tier: Tier::Ultrafast, ..openai.clone() }, None);
    check(&Call { region: Region::Eu, ..openai }, Some("0.0132"));
}

#[test]
fn a_tier_without_its_own_rate_keeps_the_plain_one() {
    let mut price = Price::new("acme", "m").with(Class::Input, rate("10")).with(Class::Output, rate("20"));
    price.state(Tier::Batch, 0, Class::Input, rate("5"));
    price.state(Tier::Standard, 100, Class::Output, rate("40"));
    let thousand = tokens(1000, 0, (0, 0), 1000);
    let batch = Call { tier: Tier::Batch, ..call("acme", "m", thousand) };
    assert_eq!(price.cost(&batch), Money::parse_dollars("0.045"));
    let small = Call { tokens: tokens(100, 0, (0, 0), 1000), ..batch };
    assert_eq!(price.cost(&small), Money::parse_dollars("0.0205"));
}

#[test]
fn tokens_of_a_class_without_a_rule_are_never_free() {
    let input_only = Price::new("acme", "m").with(Class::Input, rate("10"));
    assert_eq!(input_only.cost(&call("acme", "m", tokens(0, 0, (0, 0), 1))), None);
    let output_only = Price::new("acme", "m").with(Class::Output, rate("10"));
    assert_eq!(output_only.cost(&call("acme", "m", tokens(0, 1, (0, 0), 0))), None);
    let mut fee = Price::new("acme", "m");
    assert_eq!(fee.cost(&call("acme", "m", TokenCount::default())), None);
    fee.set_request(Rate::per_unit("0.002").expect("a fee"));
    assert_eq!(fee.cost(&call("acme", "m", TokenCount::default())), Money::parse_dollars("0.002"));
    assert_eq!(fee.cost(&call("acme", "m", tokens(1, 0, (0, 0), 0))), None);
}

#[test]
fn what_is_not_known_is_unpriced() {
    let some = tokens(10, 0, (0, 0), 10);
    check(&call("openai", "gpt-nonesuch", some), None);
    check(&call("openai", "claude-sonnet-4-5-20250929", some), None);
    check(&call("azure", "claude-sonnet-4-5-20250929", some), None);
    check(&call("nobody", "gpt-4o", some), None);
    check(&call("", "my-own-model", some), None);
    check(&Call { searches: 1, ..call("openai", "gpt-5.4", some) }, None);
    let reported = Call { reported: Some(Money::from_nanos(7)), ..call("nobody", "nothing", some) };
    assert_eq!(PriceBook::builtin().pricer().cost(&reported), Cost::Reported(Money::from_nanos(7)));
}

#[test]
fn names_are_found_in_every_spelling() {
    let some = tokens(1000, 0, (0, 0), 0);
    for (provider, model) in [
        ("", "gpt-4o-mini"),
        ("OpenAI", "gpt-4o-mini-latest"),
        ("openai", "openai/gpt-4o-mini"),
        ("", "openai/gpt-4o-mini-2031-01-02"),
        ("openai", "GPT-4o-mini"),
    ] {
        check(&call(provider, model, some), Some("0.00015"));
    }
    for (provider, model) in [
        ("", "claude-sonnet-4-5"),
        ("anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("anthropic", "claude-sonnet-4-5@20310102"),
        ("aws.bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ] {
        check(&call(provider, model, some), Some("0.003"));
    }
    check(&call("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", some), Some("0.0003"));
    check(&call("gcp.gemini", "models/gemini-2.5-flash", some), Some("0.0003"));
    check(&call("", "gemini/gemini-2.5-flash", some), Some("0.0003"));
}

#[test]
fn old_calls_are_charged_at_old_prices() {
    let at = |text: &str| {
        let at = text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
        let call = call("deepseek", "deepseek-chat", tokens(1000, 0, (0, 0), 1000));
        Call { at: Timestamp::from_millis(at), ..call }
    };
    check(&at("2025-07-01T00:00:00Z"), Some("0.00137"));
    check(&at("2025-10-01T00:00:00Z"), Some("0.00225"));
    check(&at("2026-10-01T00:00:00Z"), Some("0.0007"));
}

#[test]
fn deepseek_is_half_price_off_peak() {
    let at = |text: &str| {
        let at = text.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
        let call = call("deepseek", "deepseek-v4-pro", tokens(MILLION, 0, (0, 0), MILLION));
        Call { at: Timestamp::from_millis(at), ..call }
    };
    check(&at("2026-11-20T03:59:59Z"), Some("5.28"));
    check(&at("2026-11-20T04:00:00Z"), Some("2.64"));
    check(&at("2026-11-21T03:00:00Z"), Some("2.64"));
    check(&at("2026-11-20T23:59:59Z"), Some("2.64"));
    // The first working day after the national holidays, and the last of these, by China's clocks.
    check(&at("2026-10-08T01:00:00Z"), Some("5.28"));
    check(&at("2026-10-07T09:59:59Z"), Some("2.64"));
    check(&at("2026-09-30T09:59:59Z"), Some("5.28"));
}

fn rate(text: &str) -> Rate {
    Rate::per_million(text).expect("a rate")
}

#[test]
fn a_window_may_pass_midnight() {
    let window = Window { days: 0b0001_0000, from: 16 * 60 + 30, to: 30 };
    let at = |text: &str| {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond())
    };
    assert!(!window.contains(at("2026-11-20T16:29:59Z")));
    assert!(window.contains(at("2026-11-20T16:30:00Z")));
    assert!(window.contains(at("2026-11-21T00:29:59Z")));
    assert!(!window.contains(at("2026-11-21T00:30:00Z")));
    assert!(!window.contains(at("2026-11-21T16:30:00Z")));
}

#[test]
fn the_user_wins_from_his_date_on() {
    let mine = Price::new("OpenAI", "gpt-4o-mini").with(Class::Input, rate("1")).since(Some(NOW));
    let everywhere = Price::new("", "My-Model").with(Class::Input, rate("2")).with(Class::Output, rate("0"));
    let mut book = PriceBook::builtin().with_overrides(vec![mine, everywhere]);
    book.add_alias("house", "openai/gpt-4o-mini");
    let mut pricer = book.pricer();
    let some = tokens(1000, 0, (0, 0), 0);
    let mut cost = |call: &Call| pricer.cost(call).money().map(Money::nanos);
    assert_eq!(cost(&call("openai", "gpt-4o-mini", some)), Some(1_000_000));
    assert_eq!(cost(&call("", "house", some)), Some(1_000_000));
    let before = NOW.before(crate::domain::time::Millis::new(1));
    assert_eq!(cost(&Call { at: before, ..call("openai", "gpt-4o-mini", some) }), Some(150_000));
    assert_eq!(cost(&call("nobody", "my-model", some)), Some(2_000_000));
    assert_eq!(cost(&call("", "my-model", tokens(0, 0, (0, 0), 9))), Some(0));
    assert_eq!(book.diff(&PriceBook::builtin()).len(), 2);
}

#[test]
fn the_built_in_catalogue_is_whole() {
    let prices = PriceBook::builtin().list();
    let models: std::collections::HashSet<_> = prices
        .iter()
        .filter(|price| price.is_priced())
        .map(|price| (price.provider(), price.model()))
        .collect();
    assert!(models.len() > 3000, "{}", models.len());
    assert_eq!(PriceBook::from_prices(&prices).list(), prices);
    for price in &prices {
        let found = text::find(BUILTIN, price.provider(), price.model());
        assert!(found.contains(price), "{price:?}");
    }
    assert!(PriceBook::builtin().remarks().any(|line| line.contains("MIT")));
}

fn any_price() -> impl Strategy<Value = Price> {
    let term = (0_usize..6, prop_oneof![Just(0_u64), 1_u64..1000], 0_usize..6, 0_u64..1 << 40);
    (prop::collection::vec(term, 1..12), "[A-Za-z0-9./:-]{1,12}", 0_u32..30_000, any::<i32>()).prop_map(
        |(terms, model, factor, since)| {
            let since = Timestamp::from_seconds(i64::from(since));
            let mut price = Price::new("acme", &model).since(Some(since));
            for (tier, above, class, picos) in terms {
                price.state(Tier::ALL[tier], above, Class::ALL[class], Rate::from_picos(picos));
            }
            price.set_factors(Factors { us: Some(Factor::from_basis(factor)), ..Factors::default() });
            price.set_search(Rate::from_picos(u64::from(factor)));
            let windows = vec![Window { days: 0b101, from: 30, to: 0 }];
            let mut rates = Rates::default();
            rates.set(Class::Output, Rate::from_picos(1));
            price.set_off_peak(OffPeak { windows, rates });
            price
        },
    )
}

fn any_tokens() -> impl Strategy<Value = TokenCount> {
    (0_u64..1 << 30, 0_u64..1 << 30, (0_u64..1 << 20, 0_u64..1 << 20), 0_u64..1 << 30, 0_u64..1 << 30)
        .prop_map(|(input, read, writes, output, reasoning)| {
            tokens(input, read, writes, output).with_reasoning(reasoning)
        })
}

proptest! {
    #[test]
    fn a_catalogue_is_read_as_it_was_written(price in any_price()) {
        let text = write_catalogue(std::slice::from_ref(&price));
        prop_assert_eq!(parse_catalogue(&text), Ok(vec![price]));
    }

    #[test]
    fn the_parts_cost_what_the_whole_costs(first in any_tokens(), second in any_tokens()) {
        let mut price = Price::new("acme", "m");
        for (class, picos) in Class::ALL.into_iter().zip(3..) {
            price = price.with(class, Rate::from_picos(picos));
        }
        let exact = |tokens| price.exact(&call("acme", "m", tokens));
        let sum: Option<Exact> = exact(first).zip(exact(second)).map(|(first, second)| first + second);
        prop_assert_eq!(sum, exact(first + second));
    }

    #[test]
    fn a_bill_adds_up_to_what_the_call_costs(price in any_price(), tokens in any_tokens(), searches in 0_u32..3, place in 0_usize..4) {
        let call = Call { searches, region: Region::ALL[place], ..call("acme", "m", tokens) };
        prop_assert_eq!(price.bill(&call).map(|bill| bill.exact()), price.exact(&call));
    }

    #[test]
    fn any_name_is_found_or_not(provider in ".{0,8}", model in "\\PC{0,24}") {
        let tokens = TokenCount { input: Tokens::new(1), ..TokenCount::default() };
        let _ = PriceBook::builtin().pricer().cost(&call(&provider, &model, tokens));
    }
}
