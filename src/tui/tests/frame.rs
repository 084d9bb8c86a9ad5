//! The frame of the screen: nine pages in fixed places, and how they ask for what they show.

use super::*;
use crate::domain::call::{Cost, Status};
use crate::domain::cap::CapRev;
use crate::domain::limits::{Dimension, Limit, Limits, Per, Pool};
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
    limits::Now { groups }
}

fn errors_now() -> errors::Now {
    let class = |class: &str, count| errors::ClassRow { class: Label::new(class), count, last: NOW };
    errors::Now { classes: vec![class("timeout", 61), class("rate_limit", 214), class("", 1)], calls: 7_935 }
}

fn events_now() -> events::Now {
    let call = |bits, tenant, failure: &str, cost| {
        let at = NOW.before(Millis::new(u64::try_from(bits).unwrap_or(0) * 900));
        let mut call = Call::new(CallId::from_bits(bits), at, TenantId::new(tenant), ModelId::new("gpt-5.4"));
        call.tokens.input = Tokens::new(1_204);
        if !failure.is_empty() {
            (call.status, call.failure) = (Status::Failed, Label::new(failure));
        }
        (call, cost)
    };
    let calls = vec![
        call(1, "acme-search", "", Cost::Priced(usd("0.0078"))),
        call(2, "docs-rag", "rate_limit", Cost::Priced(Money::ZERO)),
        call(3, "한빛-번역", "", Cost::Unpriced),
    ];
    events::Now { calls }
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
    guard::Now { guards: vec![line("ops-1", true), line("ops-2", false)] }
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
    vec![
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
    assert_eq!(app.update(changed(), NOW), [], "the overview needs nothing of the store");
    assert_eq!(app.update(Event::Key(keys_of("2")[0]), NOW), [Effect::Load(Ask::Limits)]);
    assert_eq!(app.update(changed(), later(600)), [], "the answer has not come");
    let came = || Event::Page(Ask::Limits, Box::new(Page::Limits(limits_now())));
    assert_eq!(app.update(came(), later(650)), [Effect::Load(Ask::Limits)]);
    app.update(came(), later(660));
    assert_eq!(app.update(changed(), later(700)), [], "at most twice a second");
    assert_eq!(app.ask_due(), Some(later(1_150)));
    assert_eq!(app.update(Event::Tick, later(1_150)), [Effect::Load(Ask::Limits)]);
    assert_eq!(press(&mut app, "1"), []);
    assert_eq!(app.update(changed(), later(9_000)), []);
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
    assert_eq!(app.errors.order[0], Label::new("rate_limit"));
}

#[test]
fn a_frozen_page_takes_its_first_answer_and_no_second() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, " 5");
    answer(&mut app, Ask::Errors, Page::Errors(errors_now()));
    answer(&mut app, Ask::Errors, Page::Errors(errors::Now::default()));
    assert_eq!(
        (app.errors.order.len(), app.live.pages.errors.as_ref().map(|now| now.classes.len())),
        (3, Some(0))
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
