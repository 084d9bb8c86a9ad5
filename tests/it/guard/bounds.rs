//! What a call is bounded by: the limit that was sent, the room that is left, the price at its hold.

use std::io::Read;
use std::time::Duration;

use outlay::config::{GuardSetting, ModelSetting};
use outlay::domain::call::ModelId;
use outlay::domain::money::Rate;
use outlay::domain::price::{Class, Price, PriceBook, Source};
use outlay::domain::time::Millis;
use outlay::domain::tokens::Tokens;

use super::world::{APIS, Api, Build, NOW, World, read_all};

const CHAT: Api = APIS[0];
const CHAT_STREAM: Api = APIS[1];

/// All models as ones that are known, and can write much.
fn known_models(guard: &mut GuardSetting) {
    guard.models.extend(APIS.iter().map(|api| ModelSetting {
        name: ModelId::new(api.model()),
        context_window: Some(Tokens::new(128_000)),
        max_output: Some(Tokens::new(1_000_000)),
        ignores_limits: false,
    }));
}

#[test]
fn a_stream_that_passes_its_limit_is_cut_within_a_chunk_and_the_next_is_held_for_all_that_it_can_write() {
    const CHUNK: usize = 20;
    for api in APIS.iter().filter(|api| api.streams) {
        let caps = vec!["tenant:acme 0.30/day"];
        let world = World::build(Build { guard: known_models, caps, ..Build::default() });
        let reply = world.post(api.path, &api.with(100, &format!("overrun=10x chunk={CHUNK} slow=2ms")));
        assert!(!reply.whole, "{} is cut", api.name);
        world.quiet();
        // Each token of the answer is a word behind a blank; so is what stands behind the marks of events.
        let text = reply.text();
        let marks = text.lines().filter(|line| line.starts_with("data: ") || line.starts_with("event: "));
        let passed = text.matches(' ').count() - marks.count();
        let most = if api.model().starts_with("gpt") { 100 } else { 125 };
        assert!((most / 2..=most + CHUNK).contains(&passed), "{}: {passed} tokens passed", api.name);
        assert_eq!(world.metric(r#"outlay_oddities_total{kind="bound_passed"}"#), 1, "{}", api.name);
        assert_eq!(world.post(api.path, &api.with(10, "")).status, 402, "{}", api.name);
    }
}

#[test]
fn of_a_thousand_calls_as_many_pass_as_the_cap_can_pay() {
    // gpt-4.1 at $8 per million: each is billed a little less than four cents, and held for a little more.
    let world = World::build(Build {
        caps: vec!["tenant:acme 1/day"],
        guard: |guard| guard.bounds.max_wait = Duration::ZERO,
        ..Build::default()
    });
    let body = CHAT.with(4_985, "output=4985").replace("gpt-4o-mini", "gpt-4.1");
    let passed: usize = std::thread::scope(|scope| {
        let ask = || (0..4).filter(|_| world.post(CHAT.path, &body).status == 200).count();
        let threads: Vec<_> = (0..250).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).sum()
    });
    assert_eq!(passed, 25);
    world.exact(25);
    assert!((970_000_000..=1_000_000_000).contains(&world.billed(25)));
}

/// The prices, with gpt-4o-mini a hundred times as dear from an hour later on.
fn dearer_later(prices: PriceBook) -> PriceBook {
    let later = Some(NOW.after(Millis::from_minutes(60)));
    let mut price = Price::new("openai", "gpt-4o-mini").since(later);
    for (class, rate) in [(Class::Input, "15"), (Class::Output, "60"), (Class::CacheRead, "7.5")] {
        price = price.with(class, Rate::per_million(rate).expect("a rate"));
    }
    prices.with_overrides(vec![price])
}

#[test]
fn a_price_that_changes_while_a_call_is_made_is_the_one_of_its_hold() {
    let world = World::build(Build { prices: dearer_later, ..Build::default() });
    let mut open = world.open(CHAT_STREAM.path, &CHAT_STREAM.with(40, "output=20 stall=300ms@chunk:2"));
    open.read_exact(&mut [0; 1]).expect("the answer begins");
    world.wall.forward(Millis::from_minutes(61));
    read_all(&mut open);
    world.exact(1);
    let before = world.books().settled;
    let reply = world.post(CHAT.path, &CHAT.with(40, "output=20"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let after = world.books().settled - before;
    assert!(after > before * 50, "{before} before, {after} after");
}

#[test]
fn a_price_of_nothing_that_only_a_list_says_is_none() {
    let listed = |prices: PriceBook| {
        let mut all = prices.list();
        let free = |name: &str| {
            let nothing = Rate::per_million("0").expect("a rate");
            Price::new("openai", name).with(Class::Input, nothing).with(Class::Output, nothing)
        };
        all.push(free("listed-for-nothing").from_source(Source::LiteLlm));
        PriceBook::from_prices(&all).with_overrides(vec![free("my-own")])
    };
    let world = World::build(Build { prices: listed, ..Build::default() });
    let ask = |model: &str| world.post(CHAT.path, &CHAT.with(10, "").replace("gpt-4o-mini", model));
    let reply = ask("listed-for-nothing");
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (400, Some("unpriced_request")));
    assert!(reply.text().contains("the price of `listed-for-nothing` is nothing"), "{}", reply.text());
    assert_eq!(world.provider.requests(), 0);
    assert_ne!(ask("my-own").json()["error"]["code"].as_str(), Some("unpriced_request"));
}
