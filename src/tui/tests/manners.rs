//! How the screen behaves: settings, labels, what is told beside the cells, states, the first start, clicks.

use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::domain::filter::Filter;
use crate::domain::switch::Switch;
use crate::tui::app::{Dialog, Spot};
use crate::tui::first::{Agreed, First, Offer};
use crate::tui::manners::{Manners, Notice};
use crate::tui::mouse::Mouse;
use crate::tui::theme::NARROW;

/// A screen that was set up so, with caps that a guard holds.
fn with(manners: Manners, read_only: Option<&str>) -> App {
    let mut app = App::new(Setup { manners, read_only: read_only.map(str::to_owned), ..setup() }, NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    app.update(Event::FeedState(Feed::Live), NOW);
    app.update(Event::Caps(Box::new(caps::caps(Some(4)))), NOW);
    app
}

fn labelled(label: &str) -> Manners {
    Manners { label: Some(label.to_owned()), ..Manners::default() }
}

/// A screen whose store could not be read any more 4 minutes ago.
fn stale() -> App {
    let mut app = with(Manners::default(), None);
    let why = "the store /s/outlay.db is locked by another process: try again, or stop the other outlay";
    app.update(Event::FeedState(Feed::Failed(why.to_owned())), NOW);
    let later = NOW.after(Millis::from_minutes(4));
    app.update(Event::Guards(vec![caps::beat(4, later)]), later);
    app
}

fn first() -> App {
    let offer = |what: &str, place: &str, found: &str, lines: &[&str]| Offer {
        what: what.to_owned(),
        place: place.to_owned(),
        found: found.to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        chosen: Switch::from(!lines.is_empty()),
    };
    let offers = vec![
        offer(
            "claude-code",
            "~/.claude/projects/**/*.jsonl",
            "found, 31 files",
            &["[[feed]]", "ledger = \"~/.claude\""],
        ),
        offer(
            "codex",
            "~/.codex/sessions/**/*.jsonl",
            "found, 3 files",
            &["[[feed]]", "ledger = \"~/.codex\""],
        ),
        offer("demo data", "nine tenants, made up", "writes nothing", &[]),
    ];
    let mut app = App::new(setup(), NOW);
    app.offer(First::new(offers, "UTC", "/h/.config/outlay/config.toml", "/h/.local/state/outlay/outlay.db"));
    app
}

/// The states of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |mut app: App, keys: &str| {
        screen(&mut app, 120, 40, &UNICODE);
        press(&mut app, keys);
        app
    };
    let mut slow = with(labelled("PROD"), None);
    slow.take_link(true);
    let found = vec!["terminal    TERM=xterm".to_owned(), "colors      none: NO_COLOR is set".to_owned()];
    let env = Manners { found, ..labelled("PROD") };
    vec![
        ("stale", stale()),
        ("label", with(labelled("PROD"), None)),
        ("slow", slow),
        ("read_only", with(labelled("PROD"), Some("the store /s/outlay.db is read-only"))),
        ("environment", pressed(with(env, None), ":env<enter>")),
        (
            "configuration",
            pressed(with(labelled("PROD"), None), ":set max_fps 2<enter>:tz Asia/Seoul<enter>:w<enter>"),
        ),
        ("help_hit", pressed(with(Manners::default(), None), "?/page<enter>n")),
        ("first", first()),
        ("first_chosen", pressed(first(), "j <tab>12000")),
        ("first_fault", pressed(first(), "<tab>much<enter>")),
    ]
}

#[test]
fn what_is_not_current_is_marked_and_nothing_is_foretold_from_it() {
    let mut app = stale();
    let shown = screen(&mut app, 120, 40, &UNICODE);
    let row = shown.lines().find(|line| line.contains("docs-rag ")).expect("a row");
    assert!(row.contains(" 186.40? ") && row.contains(" 3112.75? "), "{row}");
    assert!(row.contains("  ?  ") && row.contains("stale"), "{row}");
    let blocked = shown.lines().find(|line| line.contains("acme-search ")).expect("a row");
    assert!(blocked.ends_with("BLOCK"), "{blocked}");
    assert!(shown.contains("STALE 4m") && shown.contains("locked by another process"), "{shown}");
    assert!(shown.contains("BURN ?") && !shown.contains("NO DATA"), "{shown}");
    // It heals by itself.
    app.update(Event::FeedState(Feed::Live), app.now);
    let shown = screen(&mut app, 120, 40, &UNICODE);
    assert!(shown.contains(" 186.40 ") && !shown.contains("STALE"), "{shown}");
}

#[test]
fn the_label_is_in_the_title_from_forty_columns_on() {
    for (_, mut app) in super::pages::pages() {
        app.setup.manners.label = Some("PROD".to_owned());
        if matches!(app.dialog, Some(Dialog::First(_))) {
            continue;
        }
        // On a small screen a dialog has all of it.
        let from = if app.dialog.is_some() { 60 } else { 40 };
        for width in [40, 41, 47, 59, 60, 61, 79, 80, 99, 119, 120, 200].into_iter().filter(|it| *it >= from)
        {
            let shown = screen(&mut app, width, 24, &UNICODE);
            let title = shown.lines().next().unwrap_or_default().to_owned();
            assert!(title.contains(" PROD "), "{width}: {title}");
        }
    }
}

#[test]
fn no_character_of_the_narrow_set_is_wide_on_any_terminal() {
    for (name, mut app) in super::pages::pages() {
        for (width, height) in [(40, 12), (80, 24), (120, 40)] {
            let theme = theme("dusk", Depth::True, &NARROW);
            for cell in &cells(&mut app, width, height, &theme).content {
                let symbol = cell.symbol();
                assert_eq!(symbol.width(), symbol.width_cjk(), "{symbol:?} on {name} at {width}x{height}");
            }
        }
    }
}

#[test]
fn a_read_only_screen_offers_no_change_and_says_why() {
    let mut app = with(Manners::default(), Some("the store is read-only"));
    let shown = screen(&mut app, 120, 40, &UNICODE);
    assert!(shown.lines().next().is_some_and(|title| title.ends_with("RO")), "{shown}");
    assert!(!shown.contains("c cap"), "{shown}");
    press(&mut app, "c");
    assert!(app.dialog.is_none());
    assert_eq!(app.toast(), Some("the store is read-only"));
}

#[test]
fn settings_of_this_run_work_at_once_and_are_shown_for_the_configuration() {
    let mut app = with(Manners::default(), None);
    assert_eq!(press(&mut app, ":set glyphs ascii<enter>"), [Effect::Glyphs(Box::new(ASCII))]);
    assert_eq!(press(&mut app, ":set mouse true<enter>"), [Effect::Mouse(true)]);
    press(&mut app, ":set max_fps 0.5<enter>");
    assert_eq!(app.pace(), Millis::new(2_000));
    assert_eq!(press(&mut app, ":tz Asia/Seoul<enter>"), [Effect::SetZone("Asia/Seoul".to_owned())]);
    let effects = press(&mut app, ":w<enter>");
    assert!(matches!(effects.as_slice(), [Effect::SaveLayout(_)]), "{effects:?}");
    let shown = screen(&mut app, 80, 24, &UNICODE);
    for line in ["zone = \"Asia/Seoul\"", "[ui]", "glyphs = \"ascii\"", "mouse = true", "max_fps = 0.5"] {
        assert!(shown.contains(line), "no `{line}` in\n{shown}");
    }
    let copied = press(&mut app, "y");
    assert!(matches!(copied.as_slice(), [Effect::Copy(text)] if text.contains("mouse = true")), "{copied:?}");
    press(&mut app, "<esc>:set notify loud<enter>");
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("none, bell, osc9"));
}

#[test]
fn the_title_and_notices_tell_of_what_is_new_and_no_more_than_once_a_minute() {
    let manners = Manners { title: Switch::On, notice: Notice::Osc9, ..labelled("PROD") };
    let mut app = App::new(Setup { manners, ..setup() }, NOW);
    let titles = app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    let title = |effects: &[Effect]| {
        effects.iter().find_map(|it| if let Effect::Title(text) = it { Some(text.clone()) } else { None })
    };
    assert_eq!(title(&titles).as_deref(), Some("outlay PROD $342.02"));
    let told = |effects: &[Effect]| effects.iter().filter(|it| matches!(it, Effect::Notify(_))).count();
    // What there is from the start is on the screen already.
    let at = NOW.after(Millis::new(2_000));
    let effects = app.update(Event::Caps(Box::new(caps::caps(Some(4)))), at);
    assert_eq!(told(&effects), 1, "a cap that is reached is new: {effects:?}");
    assert_eq!(title(&effects).as_deref(), Some("outlay PROD $342.02 docs-rag 16:36"));
    let effects =
        app.update(Event::FeedState(Feed::Failed("disk full".to_owned())), at.after(Millis::new(1_000)));
    assert_eq!(told(&effects), 0, "not twice within a minute");
    let effects = app.update(Event::Tick, at.after(Millis::from_minutes(1)));
    assert_eq!(told(&effects), 1, "what came meanwhile is told then: {effects:?}");
    let effects = app.update(Event::Tick, at.after(Millis::from_minutes(3)));
    assert_eq!(told(&effects), 0, "nothing is new");
}

#[test]
fn the_summary_names_who_is_blocked_whose_cap_is_next_and_what_was_changed() {
    let mut app = with(Manners::default(), None);
    let text = app.farewell().expect("a summary");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("outlay: 14:05 UTC  today $342.02  month $6,640"), "{text}");
    assert!(text.ends_with("1 blocked: acme-search   next cap: docs-rag 16:36"), "{text}");
    app.setup.manners.exit_summary = Switch::Off;
    assert_eq!(app.farewell(), None);
}

#[test]
fn hostile_names_leave_no_trace_beside_the_cells() {
    let evil = "a\u{1b}]0;owned\u{7}\u{202e}b;c\nd";
    let manners = Manners { title: Switch::On, notice: Notice::Osc777, ..labelled("P") };
    let mut app = App::new(Setup { manners, ..setup() }, NOW);
    let today = vec![(TenantId::new(evil), sums(4, "12", 0))];
    let books = Books::load(Calendar::utc(), NOW, today.clone(), today, Vec::new());
    let mut effects = app.update(Event::Loaded(Box::new(Snapshot { books, sources: source_rows() })), NOW);
    effects
        .extend(app.update(Event::FeedState(Feed::Failed(evil.to_owned())), NOW.after(Millis::new(2_000))));
    for effect in effects {
        match effect {
            Effect::Notify(text) => assert_eq!(text.matches(['\u{7}', '\u{1b}']).count(), 2, "{text:?}"),
            Effect::Title(text) => assert!(!text.chars().any(char::is_control), "{text:?}"),
            _ => {}
        }
    }
    let text = app.farewell().expect("a summary");
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
}

/// Clicks at the middle of a spot.
fn click<T>(app: &mut App, spot: &Spot<T>) -> Vec<Effect> {
    app.update(
        Event::Mouse(Mouse::Click(spot.start + spot.width / 2, spot.row)),
        app.now.after(Millis::new(100)),
    )
}

#[test]
fn a_click_at_a_heading_sorts_and_at_a_key_does_what_the_key_does() {
    let mut app = with(Manners::default(), None);
    screen(&mut app, 120, 40, &UNICODE);
    let heading = |app: &App, id: &str| {
        app.spots.headings.iter().find(|spot| spot.what == id).cloned().expect("a heading")
    };
    let spot = heading(&app, "month");
    click(&mut app, &spot);
    assert_eq!((app.tenants.view.sort, app.tenants.view.reverse), (1, false));
    click(&mut app, &spot);
    assert!(app.tenants.view.reverse);
    let spot = heading(&app, "tenant");
    click(&mut app, &spot);
    assert_eq!(app.tab.sorts()[app.tenants.view.sort], "name");
    let help = app.spots.buttons.iter().find(|spot| spot.what == keys::Action::Help).copied().expect("a key");
    click(&mut app, &help);
    assert!(matches!(app.dialog, Some(Dialog::Help(_))));
    press(&mut app, "<esc>t");
    screen(&mut app, 120, 40, &UNICODE);
    let (area, _) = app.spots.choices.expect("a list");
    app.update(Event::Mouse(Mouse::Click(area.x + 3, area.y + 2)), app.now.after(Millis::new(100)));
    assert_eq!(app.theme(), "signal");
}

#[test]
fn no_click_applies_what_needs_a_name() {
    let mut app = with(Manners { confirm: Switch::On, ..labelled("PROD") }, None);
    press(&mut app, "jc");
    press(&mut app, "500/day");
    press(&mut app, "<tab><tab><tab><tab><tab>more room");
    press(&mut app, "<ctrl-s>");
    let shown = screen(&mut app, 80, 24, &UNICODE);
    assert!(shown.contains("type acme-search"), "every change needs the name here:\n{shown}");
    press(&mut app, "acme-search");
    screen(&mut app, 80, 24, &UNICODE);
    let apply =
        app.spots.buttons.iter().find(|spot| spot.what == keys::Action::Apply).copied().expect("a key");
    assert_eq!(click(&mut app, &apply), []);
    assert!(app.toast().is_some_and(|toast| toast.contains("a click does not apply")));
    let saved = press(&mut app, "<ctrl-s>");
    assert!(saved.iter().any(|effect| matches!(effect, Effect::SaveCap(_))), "{saved:?}");
}

#[test]
fn hits_are_gone_through_among_the_calls_and_in_the_help() {
    let mut app = frame::pages().into_iter().find(|page| page.0 == "events").expect("a page").1;
    press(&mut app, "g/acme<enter><esc>");
    assert_eq!(app.filter(), "", "the list is whole again");
    let first = app.events.picked();
    press(&mut app, "G");
    assert_ne!(app.events.picked(), first);
    press(&mut app, "n");
    let hit = app.events.index();
    press(&mut app, "nN");
    assert_eq!(app.events.index(), hit, "there is one hit");
    let mut app = with(Manners::default(), None);
    press(&mut app, "?n");
    assert_eq!(app.toast(), Some("nothing was searched for yet"));
    press(&mut app, "/page<enter>");
    let marked = |app: &mut App| screen(app, 80, 24, &UNICODE).lines().nth(5).unwrap_or_default().to_owned();
    assert!(marked(&mut app).contains("hit 1 of"), "{}", marked(&mut app));
    press(&mut app, "n");
    assert!(marked(&mut app).contains("hit 2 of"));
    press(&mut app, "NN");
    let last = marked(&mut app);
    let numbers: Vec<&str> = last.split_whitespace().filter(|word| word.parse::<u8>().is_ok()).collect();
    assert_eq!(numbers[0], numbers[1], "before the first comes the last: {last}");
}

#[test]
fn a_page_and_a_filter_to_begin_with() {
    let mut app = with(Manners::default(), None);
    let filter = Filter::parse("docs", Tab::Overview.keys()).expect("a filter");
    app.begin(Tab::Overview, &filter);
    assert_eq!(app.tenants.order, [TenantId::new("docs-rag")]);
    app.begin(Tab::Events, &Filter::default());
    assert_eq!((app.tab, app.filter()), (Tab::Events, ""));
}

#[test]
fn filters_are_kept_only_where_that_was_said() {
    for (keep, want) in [(Switch::Off, ""), (Switch::On, "docs")] {
        let mut app = with(Manners { keep_filters: keep, ..Manners::default() }, None);
        press(&mut app, "/docs<enter>");
        let layout = app.layout();
        let kept = layout.pages.first().map_or("", |page| page.filter.as_str());
        assert_eq!(kept, want);
        let again = App::new(Setup { layout: layout.clone(), ..setup() }, NOW);
        assert_eq!(again.filter(), want);
    }
}

#[test]
fn nothing_is_agreed_to_but_by_enter() {
    let mut app = first();
    assert_eq!(press(&mut app, "j k<tab><tab><tab>"), []);
    assert_eq!(press(&mut app, "q"), [Effect::Quit]);
    let mut app = first();
    press(&mut app, "j <tab>12000.00<tab><backspace><backspace><backspace>Asia/Seoul");
    let config = "zone = \"Asia/Seoul\"\n[[feed]]\nledger = \"~/.claude\"\n".to_owned();
    let agreed = Agreed::Begin { config, limit: Some("12000.00".to_owned()) };
    assert_eq!(press(&mut app, "<enter>"), [Effect::Begin(Box::new(agreed))]);
    let mut app = first();
    assert_eq!(press(&mut app, "G<enter>"), [Effect::Begin(Box::new(Agreed::Demo))]);
    for (keys, words) in [("<tab>much<enter>", "the limit is dollars"), ("<tab><tab>Mars<enter>", "Mars")] {
        let mut app = first();
        assert_eq!(press(&mut app, keys), []);
        let shown = screen(&mut app, 80, 24, &UNICODE);
        assert!(shown.contains(words), "{shown}");
    }
}
