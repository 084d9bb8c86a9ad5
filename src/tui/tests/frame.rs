//! The frame of the screen: nine pages in fixed places, and how they ask for what they show.

use super::*;
use std::sync::Arc;

use crate::domain::call::{Cost, Status};
use crate::domain::cap::{CapRev, Fraction};
use crate::domain::failure::FailureClass;
use crate::domain::health::Health;
use crate::domain::hour::Answers;
use crate::domain::limits::{Dimension, Limit, Limits, Per, Pool};
use crate::domain::price::{Class, Price};
use crate::domain::sketch::Sketch;
use crate::tui::page::{Ask, Page, errors, events, guard, limits};

fn answer(app: &mut App, ask: Ask, page: Page) {
    app.update(Event::Page(ask, Box::new(page)), app.now);
}

fn limits_now() -> limits::Now {
    let group = |key: &str, model: &str, remaining| Limits {
        provider: Label::new("anthropic"),
        key: Label::new(key),
        model: Label::new(model),
        observed_at: NOW,
        told: vec![Limit {
            dimension: Dimension::Requests,
            pool: Pool::Default,
            per: Per::MINUTE,
            limit: Some(4_000),
            remaining,
            resets_at: None,
        }],
    };
    let groups = vec![
        group("main", "claude-sonnet-4-6", Some(812)),
        group("batch", "claude-haiku-4-5", Some(3_960)),
        group("vllm", "llama-70b", None),
    ];
    let sonnet = [Label::new("anthropic"), Label::new("claude-sonnet-4-6")];
    let users = vec![(TenantId::new("docs-rag"), 7_802), (TenantId::new("한빛-번역"), 12)];
    let failed = events_now().calls.into_iter().find(|made| made.0.status == Status::Failed);
    let refusals = failed.map(|made| {
        let mut made = made.as_ref().clone();
        (made.0.provider, made.0.model) = (Provider::new("anthropic"), ModelId::new("claude-sonnet-4-6"));
        std::sync::Arc::new(made)
    });
    limits::Now {
        groups,
        refused: [(sonnet, 37)].into(),
        refusals: refusals.into_iter().collect(),
        users: [(sonnet, users)].into(),
        users_since: None,
    }
}

fn errors_now() -> errors::Now {
    let class = |class, count: u64| errors::ClassRow {
        count,
        lost: usd("0.42"),
        trend: (0..errors::PARTS).map(|part| i64::try_from(part).unwrap_or(0)).collect(),
        most: Some((TenantId::new("docs-rag"), Provider::new("openai"), ModelId::new("gpt-5.4"))),
        ..errors::ClassRow::empty(class)
    };
    let classes = vec![
        class(FailureClass::Timeout, 61),
        class(FailureClass::RateLimit, 214),
        class(FailureClass::Billing, 1),
    ];
    let recent = events_now().calls.into_iter().filter(|made| made.0.status == Status::Failed).collect();
    let provider = |name: &str, calls: u64, blamed: u64| {
        let mut hour = Answers { blamed, ..Answers::default() };
        (hour.service.calls, hour.service.failed) = (calls, blamed + 2);
        (0..calls.min(60)).for_each(|index| hour.service.took.add(Millis::new(200 + index * 130)));
        let health = Health::of(calls, blamed);
        errors::ProviderRow { provider: Provider::new(name), health, hour }
    };
    let providers = vec![provider("anthropic", 800, 240), provider("openai", 7_000, 31), provider("", 9, 0)];
    let took = providers.iter().fold(Sketch::default(), |mut all, row| {
        all += &row.hour.service.took;
        all
    });
    errors::Now { classes, calls: 7_935, usual: Fraction::from_basis(110), recent, providers, took }
}

fn events_now() -> events::Now {
    let call = |bits, tenant, failure: &str, cost| {
        let at = NOW.before(Millis::new(u64::try_from(bits).unwrap_or(0) * 900));
        let mut call = Call::new(CallId::from_bits(bits), at, TenantId::new(tenant), ModelId::new("gpt-5.4"));
        call.tokens.input = Tokens::new(1_204);
        call.tokens.output = Tokens::new(318);
        call.latency = Some(Millis::new(2_040));
        if !failure.is_empty() {
            (call.status, call.failure) = (Status::Failed, Label::new(failure));
        }
        Arc::new((call, cost))
    };
    let calls = vec![
        call(1, "acme-search", "", Cost::Priced(usd("0.0078"))),
        call(2, "docs-rag", "rate_limit", Cost::Priced(Money::ZERO)),
        call(3, "한빛-번역", "", Cost::Unpriced),
    ];
    events::Now { calls, last_minute: 132 }
}

/// A call of three lines, one of them read from the cache.
fn record_now() -> events::Record {
    let (mut call, _) = (*events_now().calls[0]).clone();
    call.tokens.cache_read = Tokens::new(2_800);
    call.first_byte = Some(Millis::new(700));
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    let price = Price::new("openai", "gpt-5.4").with(Class::Input, rate("2.50"));
    let price = price.with(Class::CacheRead, rate("0.25")).with(Class::Output, rate("15"));
    let cost = Cost::Priced(price.cost(&call).expect("a price"));
    let (source, from) = (Label::new("guard:ops-1"), "file 11-20".to_owned());
    events::Record { cost, source, bill: price.bill(&call), from, call }
}

fn guard_now() -> guard::Now {
    let line = |name: &str, alive| guard::GuardLine {
        name: Label::new(name),
        listen: Label::new("127.0.0.1:8787"),
        started: NOW.before(Millis::from_minutes(90)),
        seen: NOW.before(Millis::new(900)),
        rev: CapRev(4),
        in_flight: 21,
        admitted: 40_102,
        refused: 342,
        alive,
    };
    let through = |tenant, answered, failed, cost| {
        (TenantId::new(tenant), guard::Through { answered, failed, cost: usd(cost) })
    };
    guard::Now {
        guards: vec![line("ops-1", true), line("ops-2", false)],
        today: vec![through("docs-rag", 12_418, 143, "186.40"), through("한빛-번역", 441, 0, "2.37")],
        uncertain: (2, usd("0.12")),
    }
}

/// The new pages, each with nothing and with something in it.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let shown = |keys: &str, ask: Ask, page: Page| {
        let mut app = app(Some(snapshot(0)));
        press(&mut app, keys);
        answer(&mut app, ask, page);
        app
    };
    let mut unread = app(Some(snapshot(0)));
    press(&mut unread, "2");
    let mut no_caps = app(Some(snapshot(0)));
    press(&mut no_caps, "3");
    let mut one_class = shown("5", Ask::Errors, Page::Errors(errors_now()));
    press(&mut one_class, "<enter>");
    let mut one_group = shown("2", Ask::Limits, Page::Limits(limits_now()));
    press(&mut one_group, "<enter>");
    let mut record = shown("6", Ask::Events, Page::Events(events_now()));
    press(&mut record, "<enter>");
    answer(&mut record, Ask::Record(CallId::from_bits(1)), Page::Record(Some(Box::new(record_now()))));
    let mut old = shown("2", Ask::Limits, Page::Limits(limits_now()));
    old.update(Event::Tick, NOW.after(Millis::from_minutes(2)));
    vec![
        ("errors_one", one_class),
        ("limits_one", one_group),
        ("record", record),
        ("limits_old", old),
        ("page_unread", unread),
        ("budgets_empty", no_caps),
        ("limits_empty", shown("2", Ask::Limits, Page::Limits(limits::Now::default()))),
        ("limits", shown("2", Ask::Limits, Page::Limits(limits_now()))),
        ("errors_empty", shown("5", Ask::Errors, Page::Errors(errors::Now::default()))),
        ("errors", shown("5", Ask::Errors, Page::Errors(errors_now()))),
        ("events_empty", shown("6", Ask::Events, Page::Events(events::Now::default()))),
        ("events", shown("6", Ask::Events, Page::Events(events_now()))),
        ("guard_empty", shown("8", Ask::Guard, Page::Guard(guard::Now::default()))),
        ("guard", shown("8", Ask::Guard, Page::Guard(guard_now()))),
    ]
}

#[test]
fn tabs_never_change_their_places() {
    let tabs = |app: &mut App, width| screen(app, width, 40, &UNICODE).lines().nth(1).map(str::to_owned);
    for (width, want) in [
        (80, " 1 Overview 2 Limits 3 Budget 4 Price 5 Error 6 Event 7 Source 8 Guard 9 Audit"),
        (120, " 1 Overview  2 Limits  3 Budgets  4 Prices  5 Errors  6 Events  7 Sources  8 Guard  9 Audit"),
    ] {
        let mut app = app(Some(snapshot(0)));
        for number in 1..=9 {
            press(&mut app, &number.to_string());
            let shown = tabs(&mut app, width).expect("a row of tabs");
            let place = want.find(&number.to_string()).expect("a number");
            assert_eq!(&shown[place - 1..=place], format!("[{number}"));
            assert_eq!(shown.replace(['[', ']'], " ").trim_end(), want);
        }
    }
}

#[test]
fn a_narrow_screen_names_the_page_it_shows() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "3");
    assert!(screen(&mut app, 60, 24, &UNICODE).contains("\n 3 Budgets  (tab or 1-9: other screens)\n"));
}

#[test]
fn only_the_page_in_view_is_asked_for_and_again_after_a_change() {
    let mut app = app(Some(snapshot(0)));
    let later = |millis| NOW.after(Millis::new(millis));
    let changed = || Event::Changed(vec![change("docs-rag", "m", sums(1, "5", 0), Sign::Adds)], Vec::new());
    assert_eq!(app.update(changed(), NOW), [], "the overview needs little of the store");
    assert_eq!(app.update(Event::Key(keys_of("2")[0]), NOW), [Effect::Load(Ask::Limits)]);
    assert_eq!(app.update(changed(), later(600)), [], "the answer has not come");
    let came = || Event::Page(Ask::Limits, Box::new(Page::Limits(limits_now())));
    assert_eq!(app.update(came(), later(650)), [Effect::Load(Ask::Limits)]);
    app.update(came(), later(660));
    assert_eq!(app.update(changed(), later(700)), [], "at most twice a second");
    assert_eq!(app.ask_due(), Some(later(1_150)));
    assert_eq!(app.update(Event::Tick, later(1_150)), [Effect::Load(Ask::Limits)]);
    assert_eq!(press(&mut app, "1"), []);
    assert_eq!(but_words(app.update(changed(), later(9_000))), []);
}

#[test]
fn a_question_whose_answer_is_lost_is_asked_again() {
    let mut app = app(Some(snapshot(0)));
    app.update(Event::Key(keys_of("8")[0]), NOW);
    assert_eq!(app.update(Event::Tick, NOW.after(Millis::new(9_000))), []);
    assert_eq!(app.update(Event::Tick, NOW.after(Millis::new(10_000))), [Effect::Load(Ask::Guard)]);
}

#[test]
fn an_answer_that_is_no_longer_wanted_is_dropped() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "25");
    answer(&mut app, Ask::Limits, Page::Limits(limits_now()));
    assert!(app.live.pages.limits.is_none());
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    assert_eq!(app.errors.order[0], FailureClass::RateLimit);
}

#[test]
fn a_frozen_page_takes_its_first_answer_and_no_second() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, " 5");
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    answer(&mut app, Ask::Errors, Page::Errors(errors::Now::default()));
    assert_eq!(
        (app.errors.order.len(), app.live.pages.errors.as_ref().map(|now| now.classes.len())),
        (10, Some(0))
    );
}

#[test]
fn the_nearest_cap_stands_first_on_the_budgets_and_c_changes_it() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "3");
    let text = screen(&mut app, 80, 24, &UNICODE);
    let places: Vec<_> = ["102%", "93%", "77%", "56%"].map(|used| text.find(used)).to_vec();
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    press(&mut app, "c");
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("acme-search"));
}

#[test]
fn a_record_explains_its_cost_as_a_sum() {
    let (_, mut record) = pages().into_iter().find(|page| page.0 == "record").expect("the page");
    let text = screen(&mut record, 120, 40, &UNICODE);
    let sum = "0.00848 = 1,204 x 2.50/M + 2,800 read x 0.25/M + 318 out x 15.00/M (file 11-20)";
    assert!(text.contains(sum), "{text}");
    assert!(text.contains("ledger   guard:ops-1"), "{text}");
    press(&mut record, "<esc>");
    assert!(screen(&mut record, 120, 40, &UNICODE).contains("IN/OUT"));
}

#[test]
fn the_list_of_calls_holds_still_and_counts_what_is_new() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "6");
    answer(&mut app, Ask::Events, Page::Events(events_now()));
    press(&mut app, "j");
    let order = app.events.order.clone();
    let newer = |bits: u128| {
        let (mut call, cost) = (*events_now().calls[0]).clone();
        (call.id, call.at) = (CallId::from_bits(bits), NOW.after(Millis::new(100)));
        Arc::new((call, cost))
    };
    let mut more = events_now();
    more.calls.splice(0..0, [newer(10), newer(11)]);
    app.update(Event::Tick, NOW.after(Millis::new(9_000)));
    app.asked.spoil();
    app.update(Event::Page(Ask::Events, Box::new(Page::Events(more))), app.now);
    app.update(Event::Tick, NOW.after(Millis::new(20_000)));
    assert_eq!((app.events.order.clone(), app.events_behind()), (order, 2));
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("2 new while you look   f to follow"));
    app.update(Event::Key(keys::parse("f").expect("a key")), app.now);
    assert_eq!((app.events.order.len(), app.events.index(), app.held), (5, 0, None));
}

#[test]
fn enter_shows_the_failures_of_one_class_alone() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "5");
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    press(&mut app, "<enter>");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("recent: rate_limit") && text.contains("docs-rag"), "{text}");
    press(&mut app, "]");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("No call has failed with timeout"), "{text}");
}

#[test]
fn a_limit_that_was_not_seen_for_a_minute_is_unknown() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "2");
    answer(&mut app, Ask::Limits, Page::Limits(limits_now()));
    let text = screen(&mut app, 120, 40, &UNICODE);
    assert!(text.contains("20%") && text.contains("429s in the last hour: 37"), "{text}");
    app.update(Event::Tick, NOW.after(Millis::from_minutes(2)));
    let text = screen(&mut app, 120, 40, &UNICODE);
    assert!(!text.contains("20%"), "an old figure is no figure:\n{text}");
}

#[test]
fn a_failed_call_is_opened_from_its_class() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "5");
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    press(&mut app, "<enter>");
    let calls = app.failed_calls();
    assert!(!calls.is_empty(), "the fixture has a failed call of the first class");
    assert_eq!(press(&mut app, "<enter>"), [Effect::Load(Ask::Record(calls[0]))]);
    let record = Page::Record(Some(Box::new(record_now())));
    answer(&mut app, Ask::Record(calls[0]), record);
    press(&mut app, "<esc>");
    assert_eq!(app.mode, Mode::Opened(0));
    press(&mut app, "<esc>");
    assert_eq!(app.mode, Mode::List);
}

#[test]
fn the_errors_say_how_each_provider_stands() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "5");
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("providers  anthropic failing   openai ok   (not said) ok"), "{text}");
    let text = screen(&mut app, 120, 40, &UNICODE);
    assert!(text.contains("how long calls took") && text.contains("failed calls per minute"), "{text}");
}
