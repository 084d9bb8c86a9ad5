//! Tests of the screen as a whole: keys in, cells out.

mod any;
mod budgets;
mod caps;
mod cap_entry;
mod hostile;
mod frame;
mod keyboard;
mod look;
mod overview;
mod manners;
mod pages;
mod pass;
mod tenant;
mod prices;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::app::{App, Mode, Seen, Setup};
use super::event::{BadRow, Detail, Effect, Event, Feed, PriceRow, Snapshot, SourceRow, SourceState, Window};
use super::keys::{self, Keys};
use super::page::{Ask, Page};
use super::tab::Tab;
use super::theme::{ASCII, Depth, Glyphs, Theme, Themes, UNICODE};
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
        keys: Keys::default(),
        layout: crate::tui::Layout::default(),
        read_only: None,
        manners: crate::tui::Manners::default(),
        price_list: Some(("built-in prices".to_owned(), NOW.before(Millis::from_minutes(2 * 1440)))),
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
    Snapshot { books, sources: source_rows() }
}

fn source_rows() -> Vec<SourceRow> {
    let row = |source: &str, format: &str, bad: u64, state, note: &str| SourceRow {
        source: Label::new(source),
        format: Label::new(format),
        state,
        last: Some(NOW.before(Millis::new(1_000))),
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
    let row = |model: &str, input: Option<&str>, output: Option<&str>, used: Sums| PriceRow {
        model: ModelId::new(model),
        provider: Provider::new("anthropic"),
        input: input.and_then(Rate::per_million),
        cached: None,
        output: output.and_then(Rate::per_million),
        used,
        from: if input.is_some() { "file 11-20" } else { "none" }.to_owned(),
        changed: if input.is_some() { "2026-10-02 in 3.00 > 2.50" } else { "never priced" }.to_owned(),
    };
    vec![
        row("claude-sonnet-4-6", Some("3"), Some("15"), sums(7_000, "201.13", 0)),
        row("gpt-4o-mini", Some("0.15"), Some("0.6"), sums(900, "31.12", 0)),
        row("llama-70b", None, None, sums(unpriced, "0", unpriced)),
    ]
}

/// What docs-rag spent on today.
fn detail() -> Detail {
    let hours = [(0_u64, "8"), (1, "9.5"), (4, "30"), (13, "22.4"), (14, "7")];
    let midnight = Calendar::utc().day(NOW).start;
    let steps = hours.map(|(hour, cost)| (midnight.after(Millis::from_minutes(hour * 60)), sums(9, cost, 0)));
    detail_of(Window::Today, &steps)
}

fn detail_of(window: Window, steps: &[(Timestamp, Sums)]) -> Detail {
    Detail {
        tenant: TenantId::new("docs-rag"),
        window,
        models: vec![
            (ModelId::new("gpt-5.4"), sums(1_214, "31.15", 0)),
            (ModelId::new("claude-sonnet-4-6"), sums(7_802, "151.47", 0)),
            (ModelId::new("llama-70b"), sums(3, "0", 3)),
        ],
        steps: steps.to_vec(),
    }
}

/// Returns a screen over some data, or one that still waits for it.
fn app(snapshot: Option<Snapshot>) -> App {
    let mut app = App::new(setup(), NOW);
    if let Some(snapshot) = snapshot {
        let unpriced = snapshot.books.total().today.unpriced;
        app.update(Event::Loaded(Box::new(snapshot)), NOW);
        app.update(Event::Prices(Window::Today, price_rows(unpriced / 2)), NOW);
        app.update(Event::FeedState(Feed::Live), NOW);
    }
    app
}

/// Returns a screen over tenants that each spent this today and this month.
fn app_of(tenants: Vec<(TenantId, Sums)>) -> App {
    let books = Books::load(Calendar::utc(), NOW, tenants.clone(), tenants, Vec::new());
    app(Some(Snapshot { books, sources: source_rows() }))
}

/// Reads keys as they are written in tests: `jj<enter>`.
fn keys_of(text: &str) -> Vec<crossterm::event::KeyEvent> {
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (name, after) = match named {
            Some((name, after)) => (name.to_owned(), after),
            None => (letter.to_string(), &rest[letter.len_utf8()..]),
        };
        rest = after;
        keys.push(keys::parse(&name).unwrap_or_else(|| panic!("no key {name}")));
    }
    keys
}

/// Leaves out questions for what is only a word beside the sums of the Overview.
fn but_words(mut effects: Vec<Effect>) -> Vec<Effect> {
    effects.retain(|effect| !matches!(effect, Effect::Load(Ask::Overview(..))));
    effects
}

/// Presses keys as a hand does: `jj<enter>`.
fn press(app: &mut App, keys: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys_of(keys) {
        let later = app.now.after(Millis::new(100));
        effects.extend(but_words(app.update(Event::Key(key), later)));
    }
    if let Some(at) = app.hand.quits {
        effects.extend(app.update(Event::Tick, at));
    }
    effects
}

fn theme(name: &str, depth: Depth, glyphs: &Glyphs) -> Theme {
    Themes::new(depth, *glyphs, &[]).0.get(name).expect("a theme").clone()
}

/// Draws a frame, and tells the state what of it was seen.
fn cells(app: &mut App, width: u16, height: u16, theme: &Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    let mut seen = Seen::default();
    terminal.draw(|frame| seen = super::draw::draw(frame, app, theme)).expect("a frame");
    app.seen(seen);
    terminal.backend().buffer().clone()
}

fn screen(app: &mut App, width: u16, height: u16, glyphs: &Glyphs) -> String {
    let theme = theme(app.theme(), Depth::True, glyphs);
    text_of(&cells(app, width, height, &theme))
}

/// Returns a frame as text, for tests of what lies under the screen.
pub(crate) fn picture_of(app: &mut App, width: u16, height: u16) -> String {
    screen(app, width, height, &UNICODE)
}

/// Returns the rows of a frame as text.
fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for line in buffer.area.rows() {
        let mut covered = 0;
        for position in line.positions() {
            let symbol = buffer[position].symbol();
            if covered == 0 {
                text.push_str(symbol);
                covered = super::text::width(symbol);
            }
            covered = covered.saturating_sub(1);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn change(tenant: &str, model: &str, sums: Sums, sign: Sign) -> Change {
    Change { sign, ..change_at(NOW, tenant, model, sums) }
}

fn change_at(at: Timestamp, tenant: &str, model: &str, sums: Sums) -> Change {
    let mut call = Call::new(CallId::from_bits(0), at, TenantId::new(tenant), ModelId::new(model));
    call.provider = Provider::new("anthropic");
    Change { at, slice: Slice::of(&call, Label::new("s")), sums, sign: Sign::Adds }
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
    for keys in ["", "2", "3", "4", "5", "6", "7", "8", "9", "?", "x1/a"] {
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
    let later = app.moved.after(Millis::new(3_000));
    assert!(app.due().is_some_and(|due| due <= later), "the hold ends");
    app.update(Event::Tick, later);
    assert_eq!(app.tenants.order[0], TenantId::new("chat-web"));
    assert_eq!(app.tenants.picked(), Some(TenantId::new("acme-search")));
}

#[test]
fn windows_that_are_not_in_the_books_are_asked_for() {
    let mut app = app(Some(snapshot(0)));
    let asked = [Effect::LoadWindow(Window::Week), Effect::LoadPrices(Window::Week)];
    assert_eq!(press(&mut app, "w"), asked);
    app.update(Event::Window(Window::Week, vec![(TenantId::new("old"), sums(1, "77", 0))]), NOW);
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("7D▾") && text.contains("77.00"), "{text}");
    let asked = press(&mut app, "www");
    assert!(asked.contains(&Effect::LoadWindow(Window::SixHours)), "{asked:?}");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("6H▾") && text.contains("..."), "{text}");
}

#[test]
fn what_is_open_follows_the_window() {
    let mut app = app(Some(snapshot(0)));
    let tenant = TenantId::new("docs-rag");
    press(&mut app, "<enter>");
    app.update(Event::Detail(Box::new(detail())), NOW);
    let asked = press(&mut app, "w");
    assert_eq!(asked[0], Effect::LoadDetail(tenant, Window::Week));
    app.update(Event::Detail(Box::new(detail())), NOW);
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("reading docs-rag"), "the answer for another window is not shown:\n{text}");
    let days = [(NOW.before(Millis::from_minutes(3 * 1440)), sums(4, "11", 0)), (NOW, sums(4, "12", 0))];
    app.update(Event::Detail(Box::new(detail_of(Window::Week, &days))), NOW);
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("cost per day in the last 7 days") && text.contains("  7D "), "{text}");
}

#[test]
fn prices_follow_the_window() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "4");
    assert_eq!(
        press(&mut app, "ww"),
        [
            Effect::LoadWindow(Window::Week),
            Effect::LoadPrices(Window::Week),
            Effect::LoadPrices(Window::Month)
        ]
    );
    let text = screen(&mut app, 120, 24, &UNICODE);
    assert!(text.contains("MONTH▾") && !text.contains("201.13"), "sums of today are gone:\n{text}");
    let mut rows = price_rows(0);
    rows[0].used = sums(9, "999.5", 0);
    app.update(Event::Prices(Window::Today, price_rows(0)), NOW);
    app.update(Event::Prices(Window::Month, rows), NOW);
    let text = screen(&mut app, 120, 24, &UNICODE);
    assert!(text.contains("999.50") && text.contains("window: month"), "{text}");
}

#[test]
fn a_change_counts_in_the_table_of_its_window_only() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "4w");
    app.update(Event::Prices(Window::Week, price_rows(0)), NOW);
    let old =
        change_at(NOW.before(Millis::from_minutes(8 * 1440)), "docs-rag", "gpt-4o-mini", sums(1, "5", 0));
    let new =
        change_at(NOW.before(Millis::from_minutes(2 * 1440)), "docs-rag", "gpt-4o-mini", sums(1, "7", 0));
    app.update(Event::Changed(vec![old, new], Vec::new()), NOW);
    let text = screen(&mut app, 120, 24, &UNICODE);
    assert!(text.contains(" 38.12"), "31.12 and 7, not 5:\n{text}");
}

#[test]
fn rolling_windows_are_read_again_each_minute() {
    let mut app = app(Some(snapshot(0)));
    let minute = |minutes| NOW.after(Millis::from_minutes(minutes));
    assert_eq!(but_words(app.update(Event::Tick, minute(1))), []);
    press(&mut app, "www");
    assert_eq!(app.window, Window::Hour);
    assert_eq!(but_words(app.update(Event::Tick, minute(2))), [Effect::LoadPrices(Window::Hour)]);
}

#[test]
fn an_answer_reaches_the_frozen_picture_that_waits_for_it() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, " w");
    let of_week = |dollars| vec![(TenantId::new("docs-rag"), sums(1, dollars, 0))];
    app.update(Event::Window(Window::Week, of_week("77")), NOW);
    app.update(Event::Window(Window::Week, of_week("88")), NOW);
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("77.00") && !text.contains("88.00"), "{text}");
}

#[test]
fn brackets_open_the_neighbours() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "<enter>");
    let asked = press(&mut app, "]]");
    let (tenant, window) = (TenantId::new("chat-web"), Window::Today);
    assert!(
        asked.ends_with(&[Effect::LoadDetail(tenant, window), Effect::Load(Ask::Tenant(tenant, window))])
    );
    press(&mut app, "[<esc>");
    assert_eq!(app.tenants.picked(), Some(TenantId::new("acme-search")));
}

#[test]
fn a_scrolled_page_comes_back_from_its_end_at_once() {
    let mut app = app(Some(snapshot(3)));
    press(&mut app, "<enter>");
    app.update(Event::Detail(Box::new(detail())), NOW);
    press(&mut app, "G");
    screen(&mut app, 40, 7, &UNICODE);
    assert_eq!(app.mode, Mode::Opened(2));
    press(&mut app, "k");
    assert!(screen(&mut app, 40, 7, &UNICODE).contains("gpt-5.4"));
}

#[test]
fn all_help_can_be_read_on_a_small_screen() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "?");
    let mut seen = screen(&mut app, 40, 12, &UNICODE);
    for _ in 0..60 {
        press(&mut app, "j");
        seen += &screen(&mut app, 40, 12, &UNICODE);
    }
    let keys = Keys::default();
    for action in app.page_contexts().iter().flat_map(|context| keys.help(*context)) {
        assert!(seen.contains(action.0.says()), "{:?} is never shown", action.0);
    }
    assert!(seen.contains("plus calls without a price"));
    press(&mut app, "x");
    assert_eq!(app.dialog, None);
}

#[test]
fn a_theme_is_tried_before_it_is_kept() {
    let mut app = app(Some(snapshot(0)));
    assert_eq!(press(&mut app, "tj"), []);
    assert_eq!(app.theme(), "paper");
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("▸ paper"));
    press(&mut app, "<esc>");
    assert_eq!((app.theme(), &app.dialog), ("dusk", &None));
    assert_eq!(press(&mut app, "tjx<enter>"), [Effect::SaveTheme("paper".to_owned())]);
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("theme: paper"));
}

#[test]
fn a_clock_that_is_set_back_holds_nothing() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "j");
    let earlier = NOW.before(Millis::from_minutes(120));
    let rich = change_at(earlier, "chat-web", "m", sums(1, "500", 0));
    app.update(Event::Changed(vec![rich], Vec::new()), earlier);
    app.update(Event::Tick, earlier.after(Millis::new(3_000)));
    assert_eq!(app.tenants.order[0], TenantId::new("chat-web"));
}

#[test]
fn rows_are_sorted_a_few_times_a_second_at_most() {
    let mut app = app(Some(snapshot(0)));
    let later = |millis| NOW.after(Millis::new(millis));
    let grow = || Event::Changed(vec![change("chat-web", "m", sums(1, "500", 0), Sign::Adds)], Vec::new());
    let new = || Event::Changed(vec![change("new", "m", sums(1, "9000", 0), Sign::Adds)], Vec::new());
    app.update(grow(), later(5_000));
    app.update(new(), later(5_050));
    assert_eq!(app.tenants.order[0], TenantId::new("chat-web"));
    assert_eq!(app.due(), Some(later(5_200)));
    app.update(Event::Tick, later(5_200));
    assert_eq!(app.tenants.order[0], TenantId::new("new"));
}

#[test]
fn a_reload_keeps_what_is_wrong_with_a_source() {
    let mut app = app(Some(snapshot(0)));
    let mut broken = source_rows().remove(0);
    (broken.state, broken.note) = (SourceState::Error, "permission denied".to_owned());
    app.update(Event::Changed(Vec::new(), vec![broken]), NOW);
    app.update(Event::Loaded(Box::new(snapshot(0))), NOW);
    assert!(screen(&mut app, 80, 24, &UNICODE).contains("permission denied"));
}

#[test]
fn signals_stop_and_continue_it() {
    let mut app = app(Some(snapshot(0)));
    assert_eq!(app.update(Event::Suspend, NOW), [Effect::Suspend]);
    assert_eq!(app.update(Event::Continued, NOW), [Effect::Resume]);
}

#[test]
fn the_last_line_sums_up() {
    let unpriced = app(Some(snapshot(3))).farewell();
    let want = "outlay: 14:05 UTC  today $342.02+?  month $6,640+?  burn $20.40/h";
    assert_eq!(unpriced.as_deref(), Some(want));
    assert_eq!(app(None).farewell(), None);
}

#[test]
fn a_new_day_asks_for_a_load() {
    let mut app = app(Some(snapshot(0)));
    let tomorrow = NOW.after(Millis::from_minutes(600));
    assert_eq!(but_words(app.update(Event::Tick, tomorrow)), [Effect::Reload]);
}

#[test]
fn tabs_themes_and_measures_go_round() {
    let mut app = app(Some(snapshot(0)));
    press(&mut app, "<tab><tab><shift-tab><shift-tab><shift-tab>");
    assert_eq!(app.tab, Tab::Audit);
    press(&mut app, "<tab>v");
    assert_eq!(app.measure.says(), "tokens");
    assert_eq!(press(&mut app, "<ctrl-z>"), [Effect::Suspend]);
    assert_eq!(press(&mut app, "?jqq"), [Effect::Quit]);
}

#[test]
fn ten_thousand_tenants_are_one_page() {
    let tenant = |index: i64| (TenantId::new(&format!("tenant-{index}")), sums(1, "1", 0));
    let mut app = app_of((0..10_000).map(tenant).collect());
    press(&mut app, "G");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("of 10000") && text.contains("10,000 tenants"), "{text}");
}
