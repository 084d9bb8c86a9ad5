//! The pages of one tenant: their rows, the keys that lead to them, and the call that is opened on them.

use super::*;
use crate::domain::call::{Cost, Status};
use crate::domain::failure::FailureClass;
use crate::domain::guess::{Guess, by_model, worst};
use crate::domain::hour::Made;
use crate::domain::price::{Class, Price};
use crate::domain::sheet::Sheet;
use crate::tui::page::events::Record;
use crate::tui::page::tenant::{Counted, Held, Now, Part};

/// Returns the pages of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    vec![
        ("tenant_models", opened("")),
        ("tenant_hours", opened("<tab>")),
        ("tenant_requests", opened("<tab><tab>j")),
        ("tenant_errors", opened("<tab><tab><tab>")),
        ("tenant_estimate", opened("<shift-tab>")),
        ("tenant_estimate_none", without_guard("<shift-tab>")),
        ("tenant_record", recorded()),
        ("tenant_waits", waits("<enter>")),
    ]
}

/// Returns a screen on which the first tenant was opened and read, with these keys pressed.
fn opened(keys: &str) -> App {
    let mut app = caps::capped(Some(4));
    press(&mut app, "<enter>");
    app.update(Event::Detail(Box::new(detail())), NOW);
    answer_with(&mut app, NOW, now_of);
    press(&mut app, keys);
    app
}

fn without_guard(keys: &str) -> App {
    let mut app = opened("");
    answer_with(&mut app, NOW.after(Millis::new(5_000)), |tenant, window| Now {
        held: Held::default(),
        keys: Vec::new(),
        faults: Vec::new(),
        ..now_of(tenant, window)
    });
    press(&mut app, keys);
    app
}

fn waits(keys: &str) -> App {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, keys);
    app
}

/// Returns a screen on which a call of the tenant was opened.
fn recorded() -> App {
    let mut app = opened("<tab><tab>j<enter>");
    answer(&mut app, NOW);
    app
}

/// Answers what the screen asks of the tenant that is open, and of its call.
pub(super) fn answer(app: &mut App, now: Timestamp) {
    answer_with(app, now, now_of);
    if let Mode::Record(id, _) = app.mode {
        let (call, cost) = call(0, "gpt-5.4", "");
        let (source, from) = (Label::new("logs/ledger.jsonl"), "file 11-20".to_owned());
        let record = Record { call: Call { id, ..call }, cost, source, bill: None, from };
        app.update(Event::Page(Ask::Record(id), Box::new(Page::Record(Some(Box::new(record))))), now);
    }
}

fn answer_with(app: &mut App, now: Timestamp, make: fn(TenantId, Window) -> Now) {
    let Some(tenant) = app.tenants.picked() else { return };
    let window = app.window;
    let page = Page::Tenant(Box::new(make(tenant, window)));
    app.update(Event::Page(Ask::Tenant(tenant, window), Box::new(page)), now);
}

fn call(index: u64, model: &str, failure: &str) -> Made {
    let at = NOW.before(Millis::new(index * 7_000));
    let id = CallId::from_bits(u128::from(index) + 1);
    let mut call = Call::new(id, at, TenantId::new("docs-rag"), ModelId::new(model));
    call.provider = Provider::new("anthropic");
    call.tokens = TokenCount { input: Tokens::new(4_010), output: Tokens::new(512), ..TokenCount::default() };
    call.tokens.cache_read = Tokens::new(if model.starts_with("claude") { 2_800 } else { 0 });
    call.latency = Some(Millis::new(700 + index * 97 % 6_000));
    call.first_byte = Some(Millis::new(200 + index * 13 % 400));
    if !failure.is_empty() {
        (call.status, call.failure) = (Status::Failed, Label::new(failure));
    }
    (call, Cost::Priced(usd("0.0122")))
}

fn now_of(tenant: TenantId, window: Window) -> Now {
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    let price = Price::new("anthropic", "claude-sonnet-4-6")
        .with(Class::Input, rate("3"))
        .with(Class::CacheRead, rate("0.3"))
        .with(Class::Output, rate("15"));
    let mut sheet = Sheet::default();
    for index in 0..60 {
        let failure = if index % 9 == 4 { "rate_limit" } else { "" };
        let model = if index % 3 == 2 { "gpt-5.4" } else { "claude-sonnet-4-6" };
        let (call, cost) = call(index, model, failure);
        sheet.add(&call, cost, Some(&price));
    }
    let model = |index: i64| ModelId::new(if index % 2 == 0 { "claude-sonnet-4-6" } else { "gpt-5.4" });
    let guesses: Vec<Guess> = (0_i64..40)
        .map(|index| Guess {
            id: CallId::from_bits(u128::from(index.unsigned_abs()) + 1),
            at: NOW.before(Millis::new(index.unsigned_abs() * 7_000)),
            model: model(index),
            predicted: Money::from_nanos(12_000_000 + index * 400_000),
            actual: Money::from_nanos(12_200_000 + index % 7 * 900_000),
        })
        .collect();
    let (models, all) = by_model(&guesses);
    let counted = |model: ModelId| {
        if model.as_str().starts_with("gpt") { Counted::Published } else { Counted::Bytes }
    };
    let held = Held {
        settled: 40,
        uncertain: 1,
        voided: 3,
        open: 2,
        since: None,
        models: models.into_iter().map(|(model, guessed)| (model, guessed, counted(model))).collect(),
        all,
        worst: worst(&guesses, 10),
    };
    Now {
        tenant,
        window,
        sheet,
        since: Some(NOW.before(Millis::from_minutes(90))),
        faults: vec![
            (FailureClass::RateLimit, 88),
            (FailureClass::Timeout, 31),
            (FailureClass::ServerError, 17),
            (FailureClass::ContentFilter, 5),
            (FailureClass::ContextLength, 2),
        ],
        sources: vec![Label::new("guard:ops-1"), Label::new("logs/ledger.jsonl")],
        held,
        keys: vec![Label::new("wgjdqp9wh3")],
    }
}

#[track_caller]
fn shows(app: &mut App, words: &[&str]) {
    let text = screen(app, 80, 24, &UNICODE);
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

#[test]
fn tab_goes_through_the_pages_and_brackets_through_tenants() {
    let mut app = opened("");
    shows(&mut app, &["[Models]", "TODAY", "claude-sonn~", "p95", "rate_limit 88"]);
    for part in [Part::Hours, Part::Requests, Part::Errors, Part::Estimate, Part::Models] {
        press(&mut app, "<tab>");
        assert_eq!((app.part, app.tab), (part, Tab::Overview));
    }
    press(&mut app, "<shift-tab>");
    assert_eq!(app.part, Part::Estimate);
    let asked = press(&mut app, "]");
    let tenant = TenantId::new("acme-search");
    assert_eq!(asked[0], Effect::LoadDetail(tenant, Window::Today), "{asked:?}");
    assert_eq!((app.part, app.tenants.picked()), (Part::Estimate, Some(tenant)));
    press(&mut app, "<esc><enter>");
    assert_eq!(app.part, Part::Models, "opened anew it begins at the first page");
}

#[test]
fn the_sums_are_those_of_the_window_and_say_where_they_come_from() {
    let mut app = opened("");
    shows(&mut app, &["182.62+? = 9,019 calls from 2 sources; no provider bill is read"]);
    shows(&mut app, &["saved $0.30"]);
    let wide = screen(&mut app, 120, 40, &UNICODE);
    assert!(wide.contains("~ of calls since 2026-11-22 12:35"), "{wide}");
}

#[test]
fn a_call_is_opened_from_the_list_and_closed_again() {
    let mut app = opened("<tab><tab>jj");
    let asked = press(&mut app, "<enter>");
    assert_eq!(asked, [Effect::Load(Ask::Record(CallId::from_bits(3)))]);
    answer(&mut app, NOW);
    shows(&mut app, &["record ", "gpt-5.4", "logs/ledger.jsonl"]);
    assert_eq!(press(&mut app, "]"), [Effect::Load(Ask::Record(CallId::from_bits(4)))]);
    press(&mut app, "<esc>");
    assert_eq!((app.mode.clone(), app.inner.picked()), (Mode::Opened(0), Some(CallId::from_bits(4))));
    press(&mut app, "<esc>");
    assert_eq!(app.mode, Mode::List);
}

#[test]
fn the_cursor_stays_on_its_call_as_newer_ones_come() {
    let mut app = opened("<tab><tab>jj");
    let picked = app.inner.picked();
    answer_with(&mut app, NOW.after(Millis::new(5_000)), |tenant, window| {
        let mut now = now_of(tenant, window);
        let (mut call, cost) = call(900, "gpt-5.4", "");
        call.at = NOW.after(Millis::new(1_000));
        now.sheet.add(&call, cost, None);
        now
    });
    app.update(Event::Tick, NOW.after(Millis::new(9_000)));
    assert_eq!((app.inner.picked(), app.inner.index()), (picked, 3));
}

#[test]
fn what_is_not_known_is_said_and_never_nothing() {
    let mut app = without_guard("");
    shows(&mut app, &["no call of the window passed a guard", "no call was foreseen and billed"]);
    let mut app = waits("<enter>");
    app.update(Event::Detail(Box::new(detail())), NOW);
    shows(&mut app, &["reading its calls..."]);
}

#[test]
fn another_window_is_read_anew() {
    let mut app = opened("<tab><tab>");
    let asked = press(&mut app, "w");
    let tenant = TenantId::new("docs-rag");
    assert!(asked.contains(&Effect::Load(Ask::Tenant(tenant, Window::Week))), "{asked:?}");
    assert_eq!(app.inner.picked(), None, "calls of the other window are gone");
    shows(&mut app, &["reading docs-rag..."]);
}

#[test]
fn few_calls_have_no_slowest_hundredth() {
    let mut app = opened("");
    answer_with(&mut app, NOW, |tenant, window| {
        let mut sheet = Sheet::default();
        for index in 0..7 {
            let (call, cost) = call(index, "gpt-5.4", "");
            sheet.add(&call, cost, None);
        }
        Now { sheet, ..now_of(tenant, window) }
    });
    shows(&mut app, &["p50 975ms   p90 n=7   p95 n=7   p99 n=7"]);
}

#[test]
fn c_on_a_page_without_models_is_the_cap_of_the_tenant() {
    let mut app = opened("<tab>c");
    shows(&mut app, &["Cap: docs-rag"]);
}
