//! What is typed: other keys, help that is searched, filters, commands; and what was not typed by hand.

use super::*;
use crate::domain::call::TenantId;
use crate::domain::cap::Limit;
use crate::tui::app::Dialog;
use crate::tui::cap_form::{AtCap, Slot};

/// The dialogs of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |keys: &str| {
        let mut app = caps::capped(Some(4));
        press(&mut app, keys);
        app
    };
    vec![
        ("help_search", pressed("?/cap")),
        ("command", pressed(":")),
        ("command_cap", pressed(":cap do")),
        ("command_fault", pressed(":theme nope<enter>")),
        ("filter_fault", pressed("/state:warn used>ma")),
        ("filter_hides", pressed("/-docs<enter>")),
    ]
}

fn shows(app: &mut App, text: &str) {
    let screen = screen(app, 80, 24, &UNICODE);
    assert!(screen.contains(text), "no `{text}` in\n{screen}");
}

pub(super) fn at_once(app: &mut App, keys: &str) -> Vec<Effect> {
    let later = app.now.after(Millis::new(1_000));
    keys_of(keys).into_iter().flat_map(|key| but_words(app.update(Event::Key(key), later))).collect()
}

fn names(app: &App) -> Vec<&str> {
    app.tenants.order.iter().map(|tenant| tenant.as_str()).collect()
}

#[test]
fn other_keys_work_and_are_told_everywhere() {
    let choices = [("sort", vec!["F5".to_owned()]), ("pause", Vec::new())];
    let keys = Keys::with(choices.iter().map(|(name, keys)| (*name, keys.as_slice()))).expect("keys");
    let mut app = App::new(Setup { keys, ..setup() }, NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    press(&mut app, "s");
    assert_eq!(app.tenants.view.sort, 0);
    press(&mut app, "<F5>j<enter>");
    assert_eq!(app.tenants.view.sort, 1);
    shows(&mut app, "F5 sort");
    press(&mut app, "?/sort");
    shows(&mut app, "F5           sort");
    press(&mut app, "<esc><esc>:sor");
    shows(&mut app, "F5");
    press(&mut app, "<esc> ");
    assert!(app.frozen.is_none(), "space is the key of nothing now");
}

#[test]
fn the_help_is_searched_and_comes_back() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "?/undo");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("undo a cap") && !text.contains("half a page"), "{text}");
    press(&mut app, "<enter><esc>");
    shows(&mut app, "columns left");
    press(&mut app, "/zzz");
    shows(&mut app, "no key does that");
    press(&mut app, "<esc><esc>");
    assert_eq!(app.dialog, None);
}

#[test]
fn the_facts_of_a_row_are_filtered_by() {
    for (filter, want) in [
        ("state:warn,block", vec!["docs-rag", "acme-search"]),
        ("used>95%", vec!["acme-search"]),
        ("cap:none today>1", vec!["한빛-번역"]),
        ("-tenant:*-* today=0", vec!["unknown"]),
        ("month>3k", vec!["docs-rag"]),
    ] {
        let mut app = caps::capped(Some(4));
        press(&mut app, &format!("/{filter}<enter>"));
        assert_eq!(names(&app), want, "{filter}");
    }
}

#[test]
fn a_half_typed_filter_keeps_the_last_good_one_and_says_what_is_wrong() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "/state:warn");
    assert_eq!(names(&app), ["docs-rag"]);
    press(&mut app, " -");
    assert_eq!(names(&app), ["docs-rag"]);
    shows(&mut app, "! `-` leaves rows out: say which");
    press(&mut app, "<backspace>used>");
    shows(&mut app, "filter: state:warn used>");
    shows(&mut app, "! used of what? expected per cent like 80%");
    press(&mut app, "95");
    assert_eq!(names(&app), Vec::<&str>::new());
    press(&mut app, "<backspace><backspace><enter>");
    shows(&mut app, "the filter before stays");
}

#[test]
fn each_page_has_its_own_filter_and_up_brings_earlier_ones_back() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "/rag<enter>3/chat<enter>1");
    assert_eq!((app.filter(), names(&app)), ("rag", vec!["docs-rag"]));
    press(&mut app, "3");
    assert_eq!((app.filter(), app.budgets.order.len()), ("chat", 1));
    press(&mut app, "1/<up><up><up>");
    assert_eq!(app.filter(), "rag");
    press(&mut app, "<down><enter>");
    assert_eq!(app.filter(), "chat");
}

#[test]
fn a_filter_that_hides_most_of_the_spend_says_so() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "/-docs<enter>");
    shows(&mut app, "hides 54.5% of today's spend");
    press(&mut app, "/-acme<enter>");
    assert!(!screen(&mut app, 80, 24, &UNICODE).contains("hides"));
}

#[test]
fn a_command_opens_the_form_of_a_cap_filled_in_and_saves_nothing() {
    let mut app = caps::capped(Some(4));
    let effects =
        press(&mut app, ":cap docs-rag 250/day --downgrade gpt-4o-mini --why \"docs launch\"<enter>");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::SaveCap(_))), "{effects:?}");
    let Some(Dialog::Cap(form)) = &app.dialog else { panic!("no form but {:?}", app.dialog) };
    let cap = form.cap().expect("a cap");
    assert_eq!((cap.limit, form.at_cap), (Limit::Money(usd("250")), AtCap::Downgrade));
    assert_eq!(form.field(Slot::Why).map(|field| field.text().to_owned()), Some("docs launch".to_owned()));
    press(&mut app, "<esc>:<up>");
    let Some(Dialog::Command(line)) = &app.dialog else { panic!("no command line") };
    assert_eq!(line.field.text(), "cap docs-rag 250/day --downgrade gpt-4o-mini", "reasons are not kept");
}

#[test]
fn half_a_command_says_what_is_missing() {
    for (line, words) in [
        ("cap", "whose cap?"),
        ("cap a 1/day 2/day", "one word too many"),
        ("cap a --soon 2h", "cap has no --soon"),
        ("go nowhere", "neither a page nor a tenant: `nowhere`"),
        ("window 3h", "no window `3h`"),
        ("since today", "no window `today`"),
        ("sort colour", "no column `colour` here"),
        ("filter used>", "used of what?"),
        ("xyzzy", "there is no command `xyzzy`"),
    ] {
        let mut app = caps::capped(Some(4));
        press(&mut app, &format!(":{line}<enter>"));
        shows(&mut app, words);
    }
}

#[test]
fn commands_go_to_pages_tenants_windows_and_themes() {
    let mut app = caps::capped(Some(4));
    press(&mut app, ":go events<enter>");
    assert_eq!(app.tab, Tab::Events);
    press(&mut app, ":go ch<tab><enter>");
    assert_eq!((app.tab, app.tenants.picked()), (Tab::Overview, Some(TenantId::new("chat-web"))));
    press(&mut app, "<esc>:since 7d<enter>");
    assert_eq!(app.window, Window::Week);
    assert_eq!(press(&mut app, ":theme paper<enter>"), [Effect::SaveTheme("paper".to_owned())]);
    press(&mut app, ":sort name<enter>:filter -docs<enter>");
    assert_eq!((app.tenants.view.sort, app.filter()), (5, "-docs"));
    assert!(press(&mut app, ":q<enter>").contains(&Effect::Quit));
}

#[test]
fn an_action_is_found_by_its_words_and_done() {
    let mut app = caps::capped(Some(4));
    press(&mut app, ":rever<enter>");
    assert!(app.tenants.view.reverse);
    press(&mut app, ":tok<enter>");
    assert_eq!(app.measure.says(), "tokens");
}

#[test]
fn n_begins_a_cap_and_x_takes_one_away_in_the_form() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "3n");
    let Some(Dialog::Command(line)) = &app.dialog else { panic!("no command line") };
    assert_eq!(line.field.text(), "cap ");
    press(&mut app, "<esc>x");
    shows(&mut app, "acme-search");
    let Some(Dialog::Cap(form)) = &app.dialog else { panic!("no form") };
    assert!(matches!(form.cap().map(|cap| cap.limit), Ok(Limit::Uncapped(_))));
    assert_eq!(press(&mut app, "no longer needed<ctrl-s>"), []);
    shows(&mut app, "acme-search");
}

#[test]
fn a_pasted_q_does_not_quit_and_a_typed_one_does() {
    let mut app = caps::capped(Some(4));
    assert!(!at_once(&mut app, "quick brown fox").contains(&Effect::Quit));
    let later = app.now.after(Millis::new(2_000));
    assert_eq!(app.update(Event::Tick, later), []);
    assert_eq!((app.tab, &app.dialog, &app.mode), (Tab::Overview, &None, &Mode::List));
    assert_eq!(press(&mut app, "q"), [Effect::Quit]);
}

#[test]
fn a_burst_is_put_back_whole() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "3");
    at_once(&mut app, "7 tests pass, w/o errors<enter>yes");
    assert_eq!((app.tab, &app.dialog, &app.mode), (Tab::Budgets, &None, &Mode::List));
    assert_eq!((app.window, app.filter(), app.frozen.is_some()), (Window::Today, "", false));
    shows(&mut app, "typed into the wrong window? ignored");
}

#[test]
fn keys_that_move_may_come_in_bunches() {
    let mut app = caps::capped(Some(4));
    at_once(&mut app, "jjjjjjjjjjk");
    assert_eq!(app.tenants.index(), 4);
    assert_eq!(at_once(&mut app, "jjq"), []);
    let later = app.now.after(Millis::new(40));
    assert_eq!(app.update(Event::Tick, later), [Effect::Quit]);
}

#[test]
fn a_fast_word_in_a_text_field_is_text() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "/");
    at_once(&mut app, "docs-rag");
    assert_eq!(app.filter(), "docs-rag");
}

#[test]
fn what_lasts_is_not_done_in_a_burst() {
    let mut app = caps::capped(Some(4));
    assert_eq!(at_once(&mut app, "tj<enter>"), []);
    shows(&mut app, "press it again");
    assert_eq!(press(&mut app, "<enter>"), [Effect::SaveTheme("paper".to_owned())]);
    at_once(&mut app, "v ");
    assert!(app.frozen.is_none());
}
