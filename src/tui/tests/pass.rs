//! Letting calls pass from the screen: never by one key, always with an end, and said as long as it lasts.

use std::sync::Arc;

use super::caps::{capped, shows, slowly};
use super::keyboard::at_once;
use super::*;
use crate::domain::cap_book::CapBook;
use crate::tui::pass::PassWish;

/// The page of the guards, where calls pass until then.
fn guards(until: Option<Timestamp>) -> App {
    let mut app = capped(Some(4));
    let caps = app.live.caps.clone();
    let book = Arc::new(CapBook::clone(&caps.book).passing(until));
    app.update(Event::Caps(Box::new(crate::tui::CapsNow { book, ..caps })), NOW);
    press(&mut app, "8");
    app
}

#[track_caller]
fn wish(effects: &[Effect]) -> PassWish {
    match effects {
        [Effect::SavePass(wish)] => **wish,
        other => panic!("no wish but {other:?}"),
    }
}

#[test]
fn calls_are_let_pass_by_an_end_a_reason_and_the_word_for_all() {
    let mut app = guards(None);
    assert_eq!(slowly(&mut app, "p"), []);
    shows(&mut app, "Pass-through: every call passes, caps only warn");
    shows(&mut app, "will stop no call until then");
    assert_eq!(slowly(&mut app, "<ctrl-s>"), []);
    shows(&mut app, "say why");
    assert_eq!(slowly(&mut app, "2h<tab>the caps are wrong<ctrl-s>"), []);
    shows(&mut app, "type all in the last field");
    assert_eq!(slowly(&mut app, "<tab>acme<ctrl-s>"), [], "another word will not do");
    let wish = wish(&slowly(&mut app, "<ctrl-u>all<ctrl-s>"));
    assert_eq!((wish.why.as_str(), wish.seen), ("the caps are wrong", app.live.caps.book.rev()));
    let until = wish.until.expect("an end").since(NOW);
    assert!(until >= Millis::from_minutes(120) && until < Millis::from_minutes(121), "{until:?}");
    assert_eq!(slowly(&mut app, "<ctrl-s>"), [], "it is being saved");
    app.update(Event::PassSaved(Err("the caps have changed in the meantime".to_owned())), app.now);
    shows(&mut app, "the caps have changed in the meantime");
    slowly(&mut app, "<ctrl-s>");
    app.update(Event::PassSaved(Ok(())), app.now);
    assert!(app.dialog.is_none());
}

#[test]
fn no_more_than_a_day_and_not_by_keys_that_come_in_a_burst() {
    let mut app = guards(None);
    slowly(&mut app, "p<ctrl-u>25h<tab>too long<tab>all<ctrl-s>");
    shows(&mut app, "a day at most");
    let mut app = guards(None);
    assert_eq!(at_once(&mut app, "p<tab>why not<tab>all<ctrl-s>"), [], "typed into the wrong window");
    assert!(app.dialog.is_none());
}

#[test]
fn it_is_said_in_the_title_and_on_the_page_while_it_lasts_and_p_ends_it() {
    let mut app = guards(Some(NOW.after(Millis::from_minutes(55))));
    shows(&mut app, "PASS-THROUGH until 15:00");
    shows(&mut app, "every call passes until 2026-11-22 15:00: no cap stops one");
    slowly(&mut app, "p");
    shows(&mut app, "Enforce caps again");
    assert_eq!(slowly(&mut app, "<ctrl-s>"), []);
    assert_eq!(wish(&slowly(&mut app, "it is mended<ctrl-s>")).until, None);
    slowly(&mut app, "<esc>");
    app.update(Event::Guards(app.live.caps.guards.clone()), NOW.after(Millis::from_minutes(56)));
    let shown = screen(&mut app, 80, 24, &UNICODE);
    assert!(!shown.contains("PASS-THROUGH"), "{shown}");
}

#[test]
fn who_may_only_read_cannot_let_calls_pass() {
    let mut app = guards(None);
    app.setup.read_only = Some("read-only: the store cannot be written".to_owned());
    slowly(&mut app, "p");
    assert!(app.dialog.is_none());
    shows(&mut app, "read-only");
    let footer = screen(&mut app, 120, 40, &UNICODE);
    assert!(!footer.contains("p pass-through"), "{footer}");
}
