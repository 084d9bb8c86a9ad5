//! What is typed into the form of a cap: amounts, windows, until when, the model in its place, and leaving it.

use super::caps::{capped, form, saved, shows, slowly};
use super::*;
use crate::domain::cap::OnBreach;

#[test]
fn an_amount_is_typed_as_a_change_of_the_saved_one() {
    for (keys, limit) in [
        ("c+25%", "250.00"),
        ("c-10%", "180.00"),
        ("cx2", "400.00"),
        ("c1.5k", "1500.00"),
        ("c<up><up>", "220.50"),
        ("c<down>", "190.00"),
        ("c300<up>", "315.00"),
    ] {
        let mut app = capped(Some(4));
        slowly(&mut app, keys);
        let cap = form(&app).cap().expect("a cap");
        assert_eq!(
            (cap.limit.to_string().as_str(), cap.window.to_string().as_str()),
            (limit, "day"),
            "{keys}"
        );
    }
    let mut app = capped(Some(4));
    slowly(&mut app, "cx20<tab><tab><tab><tab><tab><tab>a launch<ctrl-s>");
    shows(&mut app, "type docs-rag to confirm");
}

#[test]
fn the_window_is_chosen_and_shows_its_own_sums_at_once() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c50<tab><right><right><right><right>");
    assert_eq!(form(&app).cap().map(|cap| cap.window.to_string()), Ok("rolling:1d".to_owned()));
    shows(&mut app, "186.40 of 50.00");
    slowly(&mut app, "<tab><ctrl-u>90m");
    assert_eq!(form(&app).cap().map(|cap| cap.window.to_string()), Ok("rolling:90m".to_owned()));
    shows(&mut app, "no such cap yet");
    let mut app = capped(Some(4));
    slowly(&mut app, "c7/hour<tab>");
    assert_eq!(
        form(&app).cap().map(|cap| format!("{}/{}", cap.limit, cap.window)),
        Ok("7.00/hour".to_owned())
    );
    shows(&mut app, "minute [hour] day");
}

#[test]
fn a_cap_may_last_until_an_instant() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c+25%<tab><tab><tab><tab><tab>Mon 09:00");
    shows(&mut app, "then back to 200.00");
    let wish = saved(&slowly(&mut app, "<tab>docs launch<ctrl-s>"));
    let text = "--until 2026-11-23T09:00:00Z --note \"docs launch\"";
    assert!(wish.cap.to_string().ends_with(text), "{}", wish.cap);
    let mut app = capped(Some(4));
    slowly(&mut app, "c+25%<tab><tab><tab><tab><tab>2026-11-01<tab>launch<ctrl-s>");
    shows(&mut app, "`2026-11-01` is past");
}

#[test]
fn a_downgrade_needs_a_cheaper_model_with_a_price_that_does_not_lead_back() {
    let typed = |model: &str| format!("c250<tab><tab><tab><ctrl-u>{model}<tab><tab><tab>launch<ctrl-s>");
    let mut app = capped(Some(4));
    assert_eq!(slowly(&mut app, &typed("gpt-none")), []);
    shows(&mut app, "no price is known for gpt-none");
    let mut app = capped(Some(4));
    assert_eq!(slowly(&mut app, &typed("claude-opus-4-7")), []);
    shows(&mut app, "claude-opus-4-7 costs more than what is used now");
    let mut app = capped(Some(4));
    let wish = saved(&slowly(&mut app, &typed("gpt-4o-mini")));
    assert_eq!(wish.cap.on_breach, OnBreach::Downgrade(ModelId::new("gpt-4o-mini")));
    // The model gpt-5.4 of docs-rag goes to gpt-4o-mini, which is to go to gpt-5.4.
    let mut app = capped(Some(4));
    slowly(&mut app, ":cap docs-rag+gpt-5.4 40/day --downgrade gpt-5.4 --why launch<enter><ctrl-s>");
    shows(&mut app, "needs another, cheaper model");
}

#[test]
fn the_form_says_what_comes_then_and_what_is_the_worst() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c+25%");
    // 276 calls of 342k tokens read and 812 written in 15 minutes cost 2.23.
    shows(&mut app, "Then       downgraded calls cost about 0.21/h in place of 8.92/h");
    shows(&mut app, "Worst      up to 63.60 more this day (13.60 with the present cap)");
    shows(&mut app, "Guard      ops-1 0s: in force within a tenth of a second");
    slowly(&mut app, "<tab><tab><left>");
    shows(&mut app, "calls are refused: 0.00/h in place of 8.92/h");
    slowly(&mut app, "<left>");
    shows(&mut app, "it warns, and 8.92/h go on");
    shows(&mut app, "no bound any more (13.60 with the present cap)");
    let mut app = capped(None);
    slowly(&mut app, "c");
    shows(&mut app, "none is running: nothing will enforce this");
}

#[test]
fn a_share_in_dollars_is_one_of_the_limit() {
    let mut app = capped(Some(4));
    slowly(&mut app, "c<tab><tab><tab><tab><ctrl-u>$160");
    shows(&mut app, "= 160.00, then it warns");
    slowly(&mut app, "<ctrl-u>$999");
    shows(&mut app, "$999 is more than the cap itself");
}

#[test]
fn leaving_asks_only_where_much_was_typed() {
    for keys in ["c250<esc>", "c<tab><tab><tab><tab><tab><tab>launch<esc>"] {
        let mut app = capped(Some(4));
        slowly(&mut app, keys);
        assert_eq!(app.dialog, None, "{keys}");
    }
    let mut app = capped(Some(4));
    slowly(&mut app, "c250<tab><tab><tab><tab><tab><tab>launch<esc>");
    shows(&mut app, "y drops it, esc goes back");
    slowly(&mut app, "<esc>");
    shows(&mut app, "docs-rag (rev 4)");
    slowly(&mut app, "<esc>y");
    assert_eq!(app.dialog, None);
    let mut app = capped(Some(4));
    slowly(&mut app, "c250<tab><tab><tab><tab><tab><tab>launch<ctrl-r><esc>");
    assert_eq!(app.dialog, None, "what was put back is not typed any more");
}

/// The form with all of its lines, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |keys: &str| {
        let mut app = capped(Some(4));
        slowly(&mut app, keys);
        app
    };
    vec![
        ("cap_form_until", pressed("c+25%<tab><tab><tab><tab><tab>Mon 09:00<tab>launch")),
        ("cap_form_rolling", pressed("c50<tab><right><right><right><right>")),
        ("cap_form_leaving", pressed("c250<tab><tab><tab><tab><tab><tab>launch<esc>")),
    ]
}
