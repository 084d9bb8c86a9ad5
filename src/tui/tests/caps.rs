//! Caps on the screen: the form, its confirmation, what is told of the guards, undo and audit.

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::domain::amount::Amount;
use crate::domain::budget::Budget;
use crate::domain::cap::{Cap, CapRev, Revision};
use crate::domain::cap_book::{CapBook, Touch};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::cap_trial::{Asking, Used};
use crate::domain::enforcement::Heartbeat;
use crate::domain::gate::Standing;
use crate::domain::plan::Plans;
use crate::domain::price::{Class, Price};
use crate::domain::scope::{Account, Scope};
use crate::domain::window::Window as CapWindow;
use crate::tui::app::Dialog;
use crate::tui::cap_form::{CapForm, CapWish, NotSaved, Stage, Theirs};
use crate::tui::caps::CapsNow;

const CAPS: [&str; 4] = [
    "tenant:docs-rag 200.00/day --on-breach downgrade:gpt-4o-mini",
    "tenant:acme-search 90.00/day",
    "tenant:chat-web 2500.00/month --soft",
    "tenant:docs-rag+model:gpt-5.4 40.00/day",
];

fn cap(text: &str) -> Cap {
    Cap::parse(text).expect("a cap")
}

fn change_of(rev: u64, old: Option<&str>, new: &str) -> CapChange {
    CapChange {
        rev: CapRev(rev),
        at: NOW.before(Millis::from_minutes(100 - rev)),
        by: Label::new("mira"),
        why: Label::new("docs launch"),
        what: Changed::Cap { old: old.map(cap), new: cap(new) },
    }
}

fn budget(dollars: &str) -> Budget {
    let settled = Amount::new(usd(dollars), 40, Tokens::new(9_000)).expect("an amount");
    Budget { settled, ..Budget::default() }
}

fn standing(text: &str, dollars: &str) -> ((crate::domain::cap::CapKey, Account), Standing) {
    let cap = Arc::new(cap(text));
    let account = match cap.scope {
        Scope::Tenant(tenant) => Account::Tenant(tenant),
        Scope::TenantModel(tenant, model) => Account::TenantModel(tenant, model),
        _ => Account::Everything,
    };
    let resets_at = Some(Calendar::utc().day(NOW).end);
    ((cap.key(), account), Standing { touch: Touch { cap, account }, budget: budget(dollars), resets_at })
}

/// The caps above, one change each, and one guard that holds this revision.
pub(super) fn caps(guard: Option<u64>) -> CapsNow {
    let mut log: Vec<CapChange> = (1..).zip(CAPS).map(|(rev, text)| change_of(rev, None, text)).collect();
    log.reverse();
    caps_of(log, guard)
}

fn caps_of(log: Vec<CapChange>, guard: Option<u64>) -> CapsNow {
    let revisions = log.iter().filter_map(|change| match &change.what {
        Changed::Cap { new, .. } => {
            Some(Revision { rev: change.rev, cap: new.clone(), by: change.by, at: change.at })
        }
        _ => None,
    });
    let spent = [(CAPS[0], "186.40"), (CAPS[1], "92.18"), (CAPS[2], "1402.60"), (CAPS[3], "31.15")];
    let standings: HashMap<_, _> = spent.into_iter().map(|(text, dollars)| standing(text, dollars)).collect();
    CapsNow {
        known: true,
        guards: guard.map(|rev| beat(rev, NOW)).into_iter().collect(),
        book: Arc::new(CapBook::new(revisions, Plans::default())),
        standings: Arc::new(standings),
        log: Arc::new(log),
    }
}

pub(super) fn beat(rev: u64, seen: Timestamp) -> Heartbeat {
    Heartbeat { name: Label::new("ops-1"), rev: CapRev(rev), seen }
}

pub(super) fn capped(guard: Option<u64>) -> App {
    let mut app = app(Some(snapshot(0)));
    app.update(Event::Caps(Box::new(caps(guard))), NOW);
    app
}

fn used(dollars: &str) -> Used {
    Used {
        budget: budget(dollars),
        ledger: sums(1_104, dollars, 0),
        quarter: sums(276, "2.23", 0),
        resets_at: Some(Calendar::utc().day(NOW).end),
    }
}

/// What a few models cost.
fn price_of(model: ModelId) -> Option<Arc<Price>> {
    let dollars = match model.as_str() {
        "gpt-4o-mini" => ("0.15", "0.60"),
        "gpt-5.4" => ("2.50", "15"),
        "claude-opus-4-7" => ("15000", "75000"),
        _ => return None,
    };
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    let price = Price::new("", model.as_str()).with(Class::Input, rate(dollars.0));
    Some(Arc::new(price.with(Class::Output, rate(dollars.1))))
}

/// Presses keys as a hand does, answers what is asked of the sums, and returns the other wishes.
pub(super) fn slowly(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut wishes = Vec::new();
    for key in keys_of(keys) {
        let later = app.now.after(Millis::new(100));
        for effect in but_words(app.update(Event::Key(key), later)) {
            match effect {
                Effect::LoadUsed(scope, window) => {
                    app.update(Event::Used(scope, window, Box::new(used("186.40"))), later);
                }
                Effect::LoadPrice(model) => {
                    app.update(Event::Price(model, price_of(model)), later);
                }
                other => wishes.push(other),
            }
        }
    }
    wishes
}

pub(super) fn form(app: &App) -> &CapForm {
    match &app.dialog {
        Some(Dialog::Cap(form)) => form,
        other => panic!("no form but {other:?}"),
    }
}

#[track_caller]
pub(super) fn saved(effects: &[Effect]) -> CapWish {
    match effects {
        [Effect::SaveCap(wish)] => CapWish::clone(wish),
        other => panic!("no change but {other:?}"),
    }
}

pub(super) fn shows(app: &mut App, text: &str) {
    let screen = screen(app, 80, 24, &UNICODE);
    assert!(screen.contains(text), "no `{text}` in\n{screen}");
}

#[test]
fn a_raise_takes_a_limit_a_reason_and_one_word() {
    let mut app = capped(Some(4));
    assert_eq!(slowly(&mut app, "c250/day<tab><tab><tab><tab><tab><tab>docs launch"), []);
    shows(&mut app, "186.40 of 250.00, 74.6%, left 63.60");
    shows(&mut app, "Reached    21:12 at 8.92/h (was 15:36)");
    let wish = saved(&slowly(&mut app, "<ctrl-s>"));
    let note = "tenant:docs-rag 250.00/day --hard --on-breach downgrade:gpt-4o-mini --note \"docs launch\"";
    assert_eq!((wish.cap.to_string().as_str(), wish.seen, wish.asked), (note, CapRev(4), Asking::Once));
}

#[test]
fn what_is_stricter_is_said_twice_and_not_by_the_same_key() {
    let mut app = capped(Some(4));
    assert_eq!(slowly(&mut app, "c190/day<tab><tab><tab><tab><tab><tab>too much<ctrl-s>"), []);
    assert_eq!(form(&app).stage, Stage::Sure);
    shows(&mut app, "y applies it");
    assert_eq!(slowly(&mut app, "<ctrl-s><enter>n"), []);
    assert_eq!(saved(&slowly(&mut app, "y")).asked, Asking::Twice);
}

#[test]
fn what_stops_calls_at_once_needs_the_name() {
    let mut app = capped(Some(4));
    let keys = "c150/day<tab><tab><left><tab><tab><tab>stop the bleeding";
    assert_eq!(slowly(&mut app, keys), []);
    shows(&mut app, "already passed, by 36.40");
    shows(&mut app, "calls are REJECTED at once until 2026-11-23 00:00");
    assert_eq!(slowly(&mut app, "<ctrl-s>y<enter><ctrl-u>docs-r<ctrl-s>"), []);
    shows(&mut app, "that is not the name: docs-rag");
    let wish = saved(&slowly(&mut app, "ag<ctrl-s>"));
    assert_eq!((wish.asked, wish.why), (Asking::ByName, Label::new("stop the bleeding")));
}

#[test]
fn nothing_is_saved_without_a_reason_or_with_a_fault() {
    let mut app = capped(Some(4));
    assert_eq!(slowly(&mut app, "c250/day<ctrl-s>"), []);
    shows(&mut app, "say why");
    assert_eq!(slowly(&mut app, "<ctrl-u>250/year<ctrl-s>"), []);
    shows(&mut app, "window `year` is not known");
    assert_eq!(slowly(&mut app, "<ctrl-u>250 --soft/day<ctrl-s>"), []);
    shows(&mut app, "is not known");
    slowly(&mut app, "<esc>");
    assert_eq!(app.dialog, None);
}

#[test]
fn more_spent_meanwhile_is_asked_for_again() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c190/day<tab><tab><tab><tab><tab><tab>too much<ctrl-s>");
    app.update(Event::Used(form(&app).scope, CapWindow::Day, Box::new(used("191"))), app.now);
    assert_eq!(slowly(&mut app, "y"), []);
    shows(&mut app, "spent meanwhile");
    assert!(matches!(form(&app).stage, Stage::Naming(_)));
    let mut app = capped(Some(4));
    slowly(&mut app, "c250/day<tab><tab><tab><tab><tab><tab>launch<ctrl-s>");
    app.update(Event::CapSaved(Err(NotSaved::Graver)), app.now);
    shows(&mut app, "needs the name");
}

#[test]
fn pasted_and_late_input_sets_no_cap() {
    let mut app = capped(Some(4));
    for page in ["", "2", "3", "4", "5", "6", "7", "8", "9", "1<enter>"] {
        slowly(&mut app, page);
        app.update(Event::Paste("c9999/day\n\u{13}y".to_owned()), app.now);
        let later = app.now.after(Millis::new(1_000));
        let keys = keys_of("c9999/day<enter><ctrl-s>y<ctrl-s>");
        let effects: Vec<Effect> =
            keys.into_iter().flat_map(|key| app.update(Event::Key(key), later)).collect();
        assert!(!effects.iter().any(|it| matches!(it, Effect::SaveCap(_))), "{effects:?}");
        app.update(Event::Tick, later.after(Millis::new(1_000)));
        slowly(&mut app, "<esc><esc>");
    }
    slowly(&mut app, "1c250/day<tab><tab><tab><tab><tab><tab>launch");
    let burst: Vec<Effect> =
        keys_of("x<ctrl-s>").into_iter().flat_map(|key| app.update(Event::Key(key), app.now)).collect();
    assert_eq!(burst, []);
    shows(&mut app, "too fast");
}

#[test]
fn a_paste_goes_into_the_field_and_no_further() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c");
    app.update(Event::Paste("300/day\nrest".to_owned()), app.now);
    assert_eq!(form(&app).cap().map(|cap| cap.limit.to_string()), Ok("300.00".to_owned()));
    slowly(&mut app, "<tab>");
    app.update(Event::Paste("reject".to_owned()), app.now);
    shows(&mut app, "paste ignored");
}

#[test]
fn the_screen_says_what_holds_the_caps() {
    for (guard, says) in
        [(None, "not enforced"), (Some(4), "enforced · rev 4 · 0s"), (Some(3), "guard rev 3<4")]
    {
        let mut app = capped(guard);
        shows(&mut app, says);
    }
    let mut app = capped(Some(4));
    assert!(app.due().is_some_and(|due| due <= NOW.after(Millis::new(1_000))));
    app.update(Event::Tick, NOW.after(Millis::new(12_000)));
    shows(&mut app, "guard STALE 10s");
    shows(&mut app, "ops-1 has told nothing for 10s");
    app.update(Event::Guards(Vec::new()), app.now);
    shows(&mut app, "not enforced");
    assert!(!screen(&mut self::app(Some(snapshot(0))), 80, 24, &UNICODE).contains("enforced"));
}

#[test]
fn a_change_waits_for_the_guard_and_then_is_enforced() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c250/day<tab><tab><tab><tab><tab><tab>launch<ctrl-s>");
    let text = "tenant:docs-rag 250.00/day --on-breach downgrade:gpt-4o-mini";
    let change = change_of(5, Some(CAPS[0]), text);
    app.update(Event::CapSaved(Ok(Box::new(change.clone()))), app.now);
    shows(&mut app, "saved, waiting for the guard: docs-rag 200.00/day > 250.00/day");
    shows(&mut app, "guard rev 4<5");
    let mut log = CapsNow::clone(&caps(Some(4))).log.to_vec();
    log.insert(0, change);
    app.update(Event::Caps(Box::new(caps_of(log, Some(4)))), app.now);
    shows(&mut app, "guard rev 4<5");
    let later = app.now.after(Millis::new(300));
    app.update(Event::Guards(vec![beat(5, later)]), later);
    shows(&mut app, "enforced after 0.3s: docs-rag 200.00/day > 250.00/day   u undo");
    shows(&mut app, "enforced · rev 5 · 0s");
    app.update(Event::Guards(Vec::new()), later);
    shows(&mut app, "saved, NOT enforced, no guard is running");
    app.update(Event::Tick, later.after(Millis::new(10_000)));
    shows(&mut app, "filter: none");
}

#[test]
fn a_change_that_nobody_enforces_says_so() {
    let mut app = capped(None);
    app.update(Event::CapSaved(Ok(Box::new(change_of(5, None, CAPS[1])))), NOW);
    shows(&mut app, "saved, NOT enforced, no guard is running");
}

#[test]
fn a_guard_that_does_not_follow_becomes_an_alert() {
    let mut app = capped(Some(4));
    let mut log = caps(None).log.to_vec();
    log.insert(0, change_of(5, Some(CAPS[1]), CAPS[1]));
    app.update(Event::CapSaved(Ok(Box::new(log[0].clone()))), NOW);
    let later = NOW.after(Millis::new(5_000));
    let late = CapsNow { guards: vec![beat(4, later)], ..caps_of(log, None) };
    app.update(Event::Caps(Box::new(late)), later);
    shows(&mut app, "ops-1 has not applied rev 5: it holds rev 4");
}

#[test]
fn the_last_change_is_taken_back_as_a_change_of_its_own() {
    let mut app = capped(Some(4));
    slowly(&mut app, "u");
    shows(&mut app, "no cap was changed from here yet");
    let change = change_of(5, Some(CAPS[0]), "tenant:docs-rag 250.00/day");
    let mut log = caps(None).log.to_vec();
    log.insert(0, change.clone());
    app.update(Event::Caps(Box::new(caps_of(log.clone(), Some(5)))), app.now);
    app.update(Event::CapSaved(Ok(Box::new(change))), app.now);
    slowly(&mut app, "u");
    let wish = slowly(&mut app, "<ctrl-s>y");
    let wish = saved(&wish);
    assert_eq!((wish.cap, wish.why), (cap(CAPS[0]), Label::new("undo rev 5")));
    log.insert(0, change_of(6, Some("tenant:docs-rag 250.00/day"), "tenant:docs-rag 300.00/day"));
    slowly(&mut app, "<esc>");
    app.update(Event::Caps(Box::new(caps_of(log, Some(6)))), app.now);
    slowly(&mut app, "u");
    shows(&mut app, "mira changed this cap");
    shows(&mut app, "mira (rev 6)");
    assert_eq!(slowly(&mut app, "<ctrl-s>y"), []);
}

#[test]
fn what_others_changed_meanwhile_is_shown_and_not_buried() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c250/day<tab><tab><tab><tab><tab><tab>launch<ctrl-s>");
    let theirs = Theirs {
        rev: CapRev(5),
        by: Label::new("jun"),
        at: app.now,
        old: Some(cap(CAPS[0])),
        new: cap("tenant:docs-rag 220.00/day"),
    };
    app.update(Event::CapSaved(Err(NotSaved::Conflict(Box::new(theirs)))), app.now);
    shows(&mut app, "Changed meanwhile: docs-rag");
    shows(&mut app, "jun changed this cap 0s ago");
    shows(&mut app, "was                 jun (rev 5)         you");
    shows(&mut app, "Amount     200.00/day          220.00/day          250.00/day");
    let wish = saved(&slowly(&mut app, "k<ctrl-s>"));
    assert_eq!((wish.seen, wish.cap.limit.to_string().as_str()), (CapRev(5), "250.00"));
    app.update(Event::CapSaved(Err(NotSaved::Failed("the disk is full".to_owned()))), app.now);
    shows(&mut app, "the disk is full");
}

#[test]
fn a_model_of_the_drill_down_has_a_cap_of_its_own() {
    let mut app = capped(Some(4));
    slowly(&mut app, "<enter>");
    app.update(Event::Detail(Box::new(detail())), app.now);
    shows(&mut app, "USED");
    slowly(&mut app, "jc");
    assert_eq!(form(&app).scope, Scope::TenantModel(TenantId::new("docs-rag"), ModelId::new("gpt-5.4")));
    shows(&mut app, "now 40.00");
    slowly(&mut app, "<esc>jc");
    shows(&mut app, "no such cap yet");
}

#[test]
fn the_audit_lists_the_changes_and_takes_them_back() {
    let mut app = capped(Some(4));
    slowly(&mut app, "A");
    assert_eq!((app.tab, app.filter()), (Tab::Audit, "docs-rag"));
    slowly(&mut app, "<esc>j<enter>");
    shows(&mut app, "tenant:chat-web");
    shows(&mut app, "2500.00/month, notify, warns at 80%");
    slowly(&mut app, "u");
    assert_eq!(
        form(&app).cap().map(|cap| cap.to_string()),
        Ok("tenant:chat-web none/month --hard".to_owned())
    );
    shows(&mut app, "undo rev 3");
}

#[test]
fn where_no_cap_can_be_changed_the_keys_are_not_offered_and_say_why() {
    let setup = Setup { read_only: Some("caps are kept in a store".to_owned()), ..setup() };
    let mut app = App::new(setup, NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    assert!(!screen(&mut app, 80, 24, &UNICODE).contains("c cap"));
    assert_eq!(slowly(&mut app, "c"), []);
    shows(&mut app, "caps are kept in a store");
}

/// Returns the pages of caps, and a word for each.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |keys: &str| {
        let mut app = capped(Some(4));
        slowly(&mut app, keys);
        app
    };
    let mut drill = pressed("<enter>");
    drill.update(Event::Detail(Box::new(detail())), drill.now);
    let mut saved = pressed("c250/day<tab><tab><tab><tab><tab><tab>launch<ctrl-s>");
    let change = change_of(5, Some(CAPS[0]), "tenant:docs-rag 250.00/day");
    saved.update(Event::CapSaved(Ok(Box::new(change))), saved.now);
    let mut conflict = pressed("c250/day<tab><tab><tab><tab><tab><tab>launch<ctrl-s>");
    let new = cap("tenant:docs-rag 220.00/day");
    let theirs = Theirs { rev: CapRev(5), by: Label::new("jun"), at: NOW, old: Some(cap(CAPS[0])), new };
    conflict.update(Event::CapSaved(Err(NotSaved::Conflict(Box::new(theirs)))), conflict.now);
    vec![
        ("caps", capped(Some(4))),
        ("caps_nobody", capped(None)),
        ("caps_detail", drill),
        ("cap_form", pressed("c250/day")),
        ("cap_form_new", pressed("Gc5")),
        ("cap_form_sure", pressed("c190/day<tab><tab><tab><tab><tab><tab>too much<ctrl-s>")),
        ("cap_form_name", pressed("c150/day<tab><tab><tab><tab><tab><tab>too much<ctrl-s>docs")),
        ("cap_form_conflict", conflict),
        ("cap_saved", saved),
        ("audit", pressed("9")),
        ("budgets", pressed("3")),
        ("audit_one", pressed("9<enter>")),
    ]
}

#[test]
fn a_form_that_was_opened_before_the_caps_came_goes_by_the_first_that_come_and_by_no_later_ones() {
    let mut app = app(Some(snapshot(0)));
    slowly(&mut app, "c");
    assert_eq!(form(&app).seen, CapRev(0));
    app.update(Event::Caps(Box::new(caps(Some(4)))), app.now);
    assert_eq!(form(&app).seen, CapRev(4));
    let later = caps_of(vec![change_of(9, None, CAPS[0])], Some(9));
    app.update(Event::Caps(Box::new(later)), app.now);
    assert_eq!(form(&app).seen, CapRev(4), "what came meanwhile is a conflict");
}
