//! Tests of the screen as a whole: keys in, cells out.

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::app::{App, Mode, Setup, Tab};
use super::event::{BadRow, Detail, Effect, Event, Feed, PriceRow, Snapshot, SourceRow, SourceState, Window};
use super::keys;
use super::theme::{ASCII, Depth, Glyphs, Themes, UNICODE};
use crate::domain::books::Books;
use crate::domain::calendar::Calendar;
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId};
use crate::domain::label::Label;
use crate::domain::money::{Money, Rate};
use crate::domain::rollup::{Change, Sign, Slice, Sums};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};

/// Sunday, 2026-11-22, 14:05 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

fn usd(dollars: &str) -> Money {
    Money::parse_dollars(dollars).expect("dollars")
}

fn sums(calls: i64, dollars: &str, unpriced: i64) -> Sums {
    let input = Tokens::new(u64::try_from(calls).unwrap_or(0) * 1_240);
    let tokens = TokenCount { input, output: Tokens::new(812), ..TokenCount::default() };
    Sums { calls, tokens, cost: usd(dollars), unpriced, ..Sums::default() }
}

fn setup() -> Setup {
    Setup {
        calendar: Calendar::utc(),
        version: "0.1.0".to_owned(),
        host: "ops-1".to_owned(),
        themes: vec!["dusk".to_owned(), "paper".to_owned(), "signal".to_owned()],
        theme: "dusk".to_owned(),
    }
}

const TENANTS: [(&str, &str, &str, u64); 6] = [
    ("docs-rag", "186.40", "3112.75", 7),
    ("acme-search", "92.18", "1840.22", 3),
    ("chat-web", "61.07", "1402.60", 1),
    ("한빛-번역", "2.37", "27.64", 11),
    ("growth-bot", "0.004", "247.91", 0),
    ("unknown", "0", "9.02", 0),
];

fn snapshot(unpriced: i64) -> Snapshot {
    let (mut today, mut month, mut minutes) = (Vec::new(), Vec::new(), Vec::new());
    for (index, (name, day, so_far, step)) in TENANTS.into_iter().enumerate() {
        let tenant = TenantId::new(name);
        let mine = if index == 1 || day == "0" { unpriced } else { 0 };
        today.push((tenant, sums(1_200, day, mine)));
        month.push((tenant, sums(41_007, so_far, mine)));
        for minute in 0..60_u64 {
            let cents = (minute * step) % 20;
            let cost = format!("0.{cents:02}");
            minutes.push((NOW.before(Millis::from_minutes(minute)), tenant, sums(2, &cost, 0)));
        }
    }
    let books = Books::load(Calendar::utc(), NOW, today, month, minutes);
    Snapshot { books, sources: source_rows(), prices: price_rows(unpriced) }
}

fn source_rows() -> Vec<SourceRow> {
    let row = |source: &str, format: &str, bad: u64, state, note: &str| SourceRow {
        source: Label::new(source),
        format: Label::new(format),
        state,
        calls: 41_007,
        bad,
        copies: 12,
        note: note.to_owned(),
        bad_lines: (0..bad)
            .map(|line| BadRow {
                file: Label::new(source),
                line: 100 + line,
                reason: "is no JSON: expected `,` at column 14".to_owned(),
                excerpt: "{\"model\":\"gpt".to_owned(),
            })
            .collect(),
    };
    vec![
        row("ledger.db (calls)", "litellm", 0, SourceState::Ok, "wal, read-only"),
        row("logs/ledger.jsonl", "native", 2, SourceState::Ok, ""),
    ]
}

fn price_rows(unpriced: i64) -> Vec<PriceRow> {
    let row = |model: &str, input: Option<&str>, output: Option<&str>, today: Sums| PriceRow {
        model: ModelId::new(model),
        provider: Provider::new("anthropic"),
        input: input.and_then(Rate::per_million),
        cached: None,
        output: output.and_then(Rate::per_million),
        today,
        from: if input.is_some() { "file 11-20" } else { "none" }.to_owned(),
    };
    vec![
        row("claude-sonnet-4-6", Some("3"), Some("15"), sums(7_000, "201.13", 0)),
        row("gpt-4o-mini", Some("0.15"), Some("0.6"), sums(900, "31.12", 0)),
        row("llama-70b", None, None, sums(unpriced, "0", unpriced)),
    ]
}

fn detail() -> Detail {
    let hours = [(0_i64, "8"), (1, "9.5"), (4, "30"), (13, "22.4"), (14, "7")];
    let midnight = Calendar::utc().day(NOW).start;
    Detail {
        tenant: TenantId::new("docs-rag"),
        models: vec![
            (ModelId::new("gpt-5.4"), sums(1_214, "31.15", 0)),
            (ModelId::new("claude-sonnet-4-6"), sums(7_802, "151.47", 0)),
            (ModelId::new("llama-70b"), sums(3, "0", 3)),
        ],
        hours: hours
            .iter()
            .map(|(hour, cost)| {
                (
                    midnight.after(Millis::from_minutes(u64::try_from(hour * 60).unwrap_or(0))),
                    sums(9, cost, 0),
                )
            })
            .collect(),
    }
}

fn app(snapshot: Option<Snapshot>) -> App {
    let mut app = App::new(setup(), NOW);
    if let Some(snapshot) = snapshot {
        app.update(Event::Loaded(Box::new(snapshot)), NOW);
        app.update(Event::FeedState(Feed::Live), NOW);
    }
    app
}

/// Presses keys: `jj<enter>`.
fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut rest = keys;
    while let Some(letter) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (name, after) = match named {
            Some((name, after)) => (name.to_owned(), after),
            None => (letter.to_string(), &rest[letter.len_utf8()..]),
        };
        rest = after;
        let key = keys::parse(&name).unwrap_or_else(|| panic!("no key {name}"));
        effects.extend(app.update(Event::Key(key), NOW));
    }
    effects
}

fn screen(app: &mut App, width: u16, height: u16, glyphs: &Glyphs) -> String {
    let (themes, _) = Themes::new(Depth::True, *glyphs, &[]);
    let theme = themes.get(app.theme()).expect("a theme");
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut seen = super::app::Seen::default();
    terminal.draw(|frame| seen = super::draw::draw(frame, app, theme)).expect("a frame");
    app.seen(seen);
    terminal.backend().to_string()
}

fn snap(name: &str, app: &mut App) {
    for (width, height) in [(80, 24), (120, 40), (40, 12)] {
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), screen(app, width, height, &UNICODE));
    }
}

fn change(tenant: &str, model: &str, sums: Sums, sign: Sign) -> Change {
    let call = Call::new(CallId::from_bits(0), NOW, TenantId::new(tenant), ModelId::new(model));
    Change { at: NOW, slice: Slice::of(&call, Label::new("s")), sums, sign }
}

#[test]
fn pages_look_as_before() {
    snap("overview", &mut app(Some(snapshot(0))));
    snap("unpriced", &mut app(Some(snapshot(3))));
    let books = Books::new(Calendar::utc(), NOW);
    snap(
        "empty",
        &mut app(Some(Snapshot { books, sources: source_rows()[..1].to_vec(), prices: Vec::new() })),
    );
    let mut opened = app(Some(snapshot(3)));
    assert_eq!(press(&mut opened, "<enter>"), [Effect::LoadDetail(TenantId::new("docs-rag"))]);
    opened.update(Event::Detail(Box::new(detail())), NOW);
    snap("detail", &mut opened);
    for (name, keys) in [("prices", "2"), ("sources", "3"), ("bad_lines", "3j<enter>"), ("help", "?")] {
        let mut app = app(Some(snapshot(3)));
        press(&mut app, keys);
        snap(name, &mut app);
    }
}

#[test]
fn a_terminal_without_unicode_gets_ascii_only() {
    let mut snapshot = snapshot(3);
    snapshot.books = Books::load(
        Calendar::utc(),
        NOW,
        vec![(TenantId::new("acme"), sums(2, "1", 1))],
        Vec::new(),
        Vec::new(),
    );
    let mut app = app(Some(snapshot));
    for keys in ["", "2", "3", "?", "x1/a"] {
        press(&mut app, keys);
        let screen = screen(&mut app, 120, 40, &ASCII);
        assert!(screen.is_ascii(), "{screen}");
    }
}

#[test]
fn the_filter_narrows_and_esc_takes_it_back() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "/docs<enter>");
    assert_eq!(app.tenants.order, [TenantId::new("docs-rag")]);
    press(&mut app, "<esc>");
    assert_eq!(app.tenants.order.len(), TENANTS.len());
    press(&mut app, "/zz");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("nothing matches  zz  (6 rows without it)"), "{text}");
    press(&mut app, "<esc>q");
    assert_eq!(app.mode, Mode::List);
}

#[test]
fn letters_in_a_filter_are_letters() {
    let mut app = app(Some(snapshot(0)));
    assert_eq!(press(&mut app, "/q"), []);
    app.update(Event::Paste("uick\nrm -rf".to_owned()), NOW);
    assert_eq!(app.filter(), "quick");
    assert_eq!(press(&mut app, "<ctrl-c>"), [Effect::Quit]);
}

#[test]
fn pasted_text_outside_a_field_does_nothing() {
    let mut app = app(Some(snapshot(0)));
    assert_eq!(app.update(Event::Paste("q".to_owned()), NOW), []);
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("paste ignored"));
}

#[test]
fn a_frozen_picture_stays_while_calls_are_counted() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, " ");
    let before = app.picture().books.total().clone();
    app.update(Event::Changed(vec![change("docs-rag", "m", sums(1, "5", 0), Sign::Adds)], Vec::new()), NOW);
    assert_eq!((app.picture().books.total(), app.behind), (&before, 1));
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("PAUSED 0s, 1 behind"));
    press(&mut app, " ");
    assert_eq!(app.picture().books.total().today.cost, before.today.cost + usd("5"));
}

#[test]
fn rows_do_not_run_away_from_under_the_cursor() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "j");
    let order = app.tenants.order.clone();
    let rich = change("chat-web", "m", sums(1, "500", 0), Sign::Adds);
    app.update(Event::Changed(vec![rich], Vec::new()), NOW);
    assert_eq!(app.tenants.order, order);
    let later = app.due().expect("the hold ends");
    app.update(Event::Tick, later);
    assert_eq!(app.tenants.order[0], TenantId::new("chat-web"));
    assert_eq!(app.tenants.picked(), Some(TenantId::new("acme-search")));
}

#[test]
fn windows_that_are_not_in_the_books_are_asked_for() {
    let mut app = app(Some(snapshot(0)));
    assert_eq!(press(&mut app, "w"), [Effect::LoadWindow(Window::Week)]);
    app.update(Event::Window(Window::Week, vec![(TenantId::new("old"), sums(1, "77", 0))]), NOW);
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("7D▾") && text.contains("77.00"), "{text}");
    assert_eq!(press(&mut app, "www"), [Effect::LoadWindow(Window::SixHours)]);
}

#[test]
fn a_new_day_asks_for_a_load() {
    let mut app = app(Some(snapshot(0)));
    let tomorrow = NOW.after(Millis::from_minutes(600));
    assert_eq!(app.update(Event::Tick, tomorrow), [Effect::Reload]);
}

#[test]
fn tabs_themes_and_measures_go_round() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "<tab><tab>");
    assert_eq!(app.tab, Tab::Sources);
    press(&mut app, "<tab>v");
    assert_eq!(app.measure.says(), "tokens");
    assert_eq!(press(&mut app, "t"), [Effect::SaveTheme("paper".to_owned())]);
    assert_eq!(press(&mut app, "<ctrl-z>"), [Effect::Suspend]);
    assert_eq!(press(&mut app, "?jq"), [Effect::Quit]);
}

#[test]
fn ten_thousand_tenants_are_one_page() {
    let tenant = |index: i64| (TenantId::new(&format!("tenant-{index}")), sums(1, "1", 0));
    let today: Vec<_> = (0..10_000).map(tenant).collect();
    let books = Books::load(Calendar::utc(), NOW, today.clone(), today, Vec::new());
    let mut app = app(Some(Snapshot { books, sources: Vec::new(), prices: Vec::new() }));
    press(&mut app, "G");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("of 10000") && text.contains("10,000 tenants"), "{text}");
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(prop_oneof![any::<String>(), "[a-z]{0,200}", "[가-힣]{1,20}"], 0..6)
}

const KEYS: [&str; 24] = [
    "q",
    "?",
    "1",
    "2",
    "3",
    "<tab>",
    "<shift-tab>",
    "j",
    "k",
    "g",
    "G",
    "<ctrl-d>",
    "<ctrl-u>",
    "<enter>",
    "<esc>",
    "/",
    "s",
    "S",
    "<space>",
    "w",
    "t",
    "v",
    "<backspace>",
    "한",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_size_names_and_keys_are_drawn(
        width in 1_u16..300, height in 1_u16..100, names in names(),
        keys in proptest::collection::vec(0..KEYS.len(), 0..12),
    ) {
        let list: Vec<_> = names.iter().map(|name| (TenantId::new(name), sums(3, "12.5", 1))).collect();
        let books = Books::load(Calendar::utc(), NOW, list.clone(), list, Vec::new());
        let mut app = app(Some(Snapshot { books, sources: source_rows(), prices: price_rows(3) }));
        for key in keys {
            press(&mut app, KEYS[key]);
            if let Some(tenant) = app.tenants.picked() {
                app.update(Event::Detail(Box::new(Detail { tenant, ..detail() })), NOW);
            }
            screen(&mut app, width, height, &UNICODE);
        }
    }

    #[test]
    fn money_is_whole_or_absent(width in 1_u16..200, height in 1_u16..40) {
        let list = vec![(TenantId::new("a"), sums(3, "77777.77", 0))];
        let books = Books::load(Calendar::utc(), NOW, list.clone(), list, Vec::new());
        let mut app = app(Some(Snapshot { books, sources: Vec::new(), prices: Vec::new() }));
        let text = screen(&mut app, width, height, &UNICODE);
        let words = text.split(|c: char| !(c.is_ascii_digit() || ".,$".contains(c)));
        for word in words.filter(|word| word.contains('7') && !word.starts_with(',')) {
            prop_assert!(["77777.77", "$77,778"].contains(&word), "{} in\n{}", word, text);
        }
    }
}
