//! The page of prices: what if, the calculator, the edit of a price and its history.

use std::sync::Arc;

use super::*;
use crate::domain::cap::Cap;
use crate::domain::forecast::Reach;
use crate::domain::price::{Class, Price};
use crate::domain::what_if::Moved;
use crate::tui::app::Dialog;
use crate::tui::page::prices::{Dated, History, Repriced, RepricedNow, WhatIf, WhatIfNow};
use crate::tui::page::{Ask, Page};

fn price(input: &str, output: &str) -> Price {
    let rate = |text| Rate::per_million(text).expect("a rate");
    Price::new("anthropic", "claude-sonnet-4-6")
        .with(Class::Input, rate(input))
        .with(Class::Output, rate(output))
}

/// What is answered to a what-if: 6.10M tokens that cost 31.15 would cost 1.55.
fn answer(asked: WhatIf) -> Page {
    let used = Sums {
        calls: 1_214,
        tokens: TokenCount {
            input: Tokens::new(6_100_000),
            output: Tokens::new(1_060_000),
            ..TokenCount::default()
        },
        cost: usd("31.15"),
        ..Sums::default()
    };
    let at = |minutes| Reach::At { at: NOW.after(Millis::from_minutes(minutes)), range: None };
    let cap = Cap::parse("tenant:docs-rag 200.00/day").expect("a cap");
    let now = WhatIfNow {
        used,
        moved: Some(Moved { was: usd("31.15"), would: usd("1.55") }),
        priced: true,
        length: Millis::from_minutes(845),
        cap: Some((cap, at(91), at(109))),
    };
    Page::WhatIf(asked, Box::new(now))
}

fn history() -> History {
    let since = |price: Price, date| price.since(Calendar::utc().parse_date(date));
    let dated = |price: Price, change: &str, month| Dated {
        price: Arc::new(price),
        change: change.to_owned(),
        month: Some(usd(month)),
    };
    History {
        provider: Provider::new("anthropic"),
        model: ModelId::new("claude-sonnet-4-6"),
        prices: vec![
            dated(since(price("2.50", "15"), "2026-11-12"), "in 3.00 > 2.50", "180.00"),
            dated(price("3", "15"), "", "201.13"),
        ],
        changes: vec![(
            NOW.before(Millis::from_minutes(600)),
            Label::new("jun"),
            Label::new("contract"),
            "in 3.00 out 15.00 > in 2.50 out 15.00 from 2026-11-12".to_owned(),
        )],
        used: sums(7_000, "201.13", 0),
    }
}

/// Presses keys on the page of prices, and answers what is asked of the store.
fn slowly(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut rest = Vec::new();
    for key in keys_of(keys) {
        let later = app.now.after(Millis::new(100));
        for effect in app.update(Event::Key(key), later) {
            let Effect::Load(ask) = effect else {
                rest.push(effect);
                continue;
            };
            let page = match ask {
                Ask::WhatIf(asked) => answer(asked),
                Ask::Repriced(asked) => {
                    Page::Repriced(asked, RepricedNow { month: usd("7813.97"), would: Some(usd("7951.20")) })
                }
                Ask::PriceHistory(..) => Page::PriceHistory(Box::new(history())),
                _ => continue,
            };
            app.update(Event::Page(ask, Box::new(page)), later);
        }
    }
    rest
}

fn prices(keys: &str) -> App {
    let mut app = caps::capped(Some(4));
    slowly(&mut app, "4");
    slowly(&mut app, keys);
    app
}

fn shows(app: &mut App, text: &str) {
    let screen = screen(app, 100, 24, &UNICODE);
    assert!(screen.contains(text), "no `{text}` in\n{screen}");
}

/// The pages of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    vec![
        ("what_if", prices("W")),
        ("calculator", prices("K")),
        ("price_edit", prices("e<tab><tab><tab><tab>contract")),
        ("price_edit_sure", prices("e<tab><tab><tab><tab>contract<ctrl-s>")),
        ("price_history", prices("H")),
    ]
}

#[test]
fn what_if_is_asked_of_the_store_and_told_to_the_last_cent() {
    let mut app = prices("W");
    shows(&mut app, "6.10M in, 1.06M out, 1,214 calls");
    shows(&mut app, "31.15 -> 1.55 today");
    // 29.60 in 845 minutes: 50.443 a day.
    shows(&mut app, "29.60 today, at this pace 50.44 a day, 1513.28 in 30 days");
    shows(&mut app, "200.00/day runs out 15:36 -> 15:54 if moved now");
    let asked = slowly(&mut app, "<ctrl-y>");
    let [Effect::Copy(text)] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(text.contains("31.15 -> 1.55") && text.contains("tenant docs-rag"), "{text}");
    let written = slowly(&mut app, "<ctrl-e>");
    assert!(
        matches!(written.as_slice(), [Effect::WriteExport(name, _)] if name.starts_with("outlay-what-if-"))
    );
}

#[test]
fn what_if_says_what_is_missing() {
    let mut app = prices("W");
    slowly(&mut app, "<tab><ctrl-u>yesterday");
    shows(&mut app, "no window `yesterday`");
    slowly(&mut app, "<ctrl-u>7d<tab><tab><tab><ctrl-u>200");
    shows(&mut app, "is no share");
    let mut app = caps::capped(Some(4));
    press(&mut app, "4W");
    let asked = app.asked.what().cloned();
    let Some(Ask::WhatIf(asked)) = asked else { panic!("{asked:?}") };
    let nothing =
        WhatIfNow { used: sums(3, "0", 3), moved: None, priced: false, length: Millis::new(0), cap: None };
    app.update(Event::Page(Ask::WhatIf(asked), Box::new(Page::WhatIf(asked, Box::new(nothing)))), app.now);
    shows(&mut app, "cannot be said: no price is known for");
}

#[test]
fn names_are_offered_by_the_arrows() {
    let mut app = prices("W<tab><tab><tab><down>");
    let Some(Dialog::Paper(paper)) = &app.dialog else { panic!("no form") };
    let order: Vec<String> = app.prices.order.iter().map(|key| key.1.to_string()).collect();
    assert!(order.contains(&paper.text(3).to_owned()), "{order:?}");
    let before = paper.text(3).to_owned();
    slowly(&mut app, "<up>");
    let Some(Dialog::Paper(paper)) = &app.dialog else { panic!("no form") };
    assert!(paper.text(3) != before || order.first() == Some(&before));
}

#[test]
fn the_calculator_adds_up_a_day() {
    let mut app = prices("jK");
    // claude-sonnet-4-6: 3.00 and 15.00 a million; a thousand calls of 10,000 and 500.
    slowly(&mut app, "<shift-tab><ctrl-u>claude-sonnet-4-6<tab><tab><tab><tab><ctrl-u>12k");
    shows(&mut app, "A call     0.037500");
    shows(&mut app, "A day      450.00");
    shows(&mut app, "30 days    13500.00");
    shows(&mut app, "gpt-4o-mini 21.60 a day");
    slowly(&mut app, "<shift-tab><ctrl-u>ten");
    shows(&mut app, "`ten` is no number");
}

#[test]
fn a_price_is_kept_with_a_reason_and_two_different_keys() {
    let mut app = prices("jj");
    let key = app.prices.picked().expect("a model");
    slowly(&mut app, "e<ctrl-u>2.50<tab><tab><ctrl-u>12<tab><ctrl-u>2026-11-20<tab>contract");
    shows(&mut app, "this month would have been 7951.20 in place of 7813.97");
    assert_eq!(slowly(&mut app, "<ctrl-s><ctrl-s><enter>"), []);
    shows(&mut app, "y keeps the price");
    let effects = slowly(&mut app, "y");
    let [Effect::SavePrice(wish)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((wish.provider, wish.model), key);
    assert_eq!(wish.rates, [Rate::per_million("2.50"), None, Rate::per_million("12")]);
    assert_eq!(
        (Some(wish.since), wish.why),
        (Calendar::utc().parse_date("2026-11-20"), Label::new("contract"))
    );
    app.update(Event::PriceSaved(Err("the disk is full".to_owned())), app.now);
    shows(&mut app, "the disk is full");
    slowly(&mut app, "<ctrl-s>y");
    app.update(Event::PriceSaved(Ok("m in 2.50 out 12.00".to_owned())), app.now);
    assert_eq!(app.dialog, None);
    shows(&mut app, "kept: m in 2.50 out 12.00");
}

#[test]
fn no_price_is_kept_without_a_reason_or_with_a_fault() {
    let mut app = prices("e<ctrl-s>");
    shows(&mut app, "say why");
    slowly(&mut app, "<ctrl-u>2,50<ctrl-s>");
    shows(&mut app, "`2,50` is no price");
    slowly(&mut app, "<ctrl-u>2.50<tab><tab><tab><ctrl-u>soon<ctrl-s>");
    shows(&mut app, "`soon` is no date");
    let setup = Setup { read_only: Some("nothing is kept".to_owned()), ..setup() };
    let mut app = App::new(setup, NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    app.update(Event::Prices(Window::Today, price_rows(0)), NOW);
    press(&mut app, "4e");
    assert_eq!(app.dialog, None);
    shows(&mut app, "nothing is kept");
}

#[test]
fn the_history_says_who_changed_what_and_what_that_did() {
    let mut app = prices("H");
    shows(&mut app, "2026-11-12");
    shows(&mut app, "in 3.00 > 2.50");
    shows(&mut app, "180.00");
    shows(&mut app, "jun: in 3.00 out 15.00 > in 2.50");
}

#[test]
fn an_old_list_of_prices_is_an_alert() {
    let since = NOW.before(Millis::from_minutes(30 * 1440));
    let setup = Setup { price_list: Some(("built-in prices".to_owned(), since)), ..setup() };
    let mut app = App::new(setup, NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    shows(&mut app, "built-in prices are 30 days old");
    let mut app = prices("");
    shows(&mut app, "built-in prices of 2026-11-20 (2 days old)");
    shows(&mut app, "SHARE");
}

#[test]
fn a_burst_of_keys_opens_no_form_that_could_keep_a_price() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "4");
    let keys = keys_of("e9<ctrl-s>y<ctrl-s>y");
    let effects: Vec<Effect> =
        keys.into_iter().flat_map(|key| app.update(Event::Key(key), app.now)).collect();
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::SavePrice(_))), "{effects:?}");
}

#[test]
fn the_question_holds_all_that_its_answer_depends_on() {
    let mut app = prices("e");
    let Some(Ask::Repriced(Repriced { rates, .. })) = app.asked.what().cloned() else {
        panic!("no question")
    };
    slowly(&mut app, "<ctrl-u>9");
    let Some(Ask::Repriced(now)) = app.asked.what().cloned() else { panic!("no question") };
    assert_ne!(rates, now.rates);
}
