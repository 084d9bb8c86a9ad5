//! The Overview with what is read beside its sums: what is foreseen, what is usual, rows of other things than tenants.

use std::sync::Arc;

use super::*;
use crate::domain::forecast::{Habit, Past};
use crate::domain::sketch::Sketch;
use crate::tui::page::group::{GroupRow, Grouping, Now as Groups};
use crate::tui::page::overview::{Now, Usual};

/// Returns the pages of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    vec![
        ("overview_read", read(caps::capped(Some(4)))),
        ("overview_numbers", pressed(read(caps::capped(Some(4))), "b")),
        ("groups", grouped("B")),
        ("groups_numbers", grouped("Bb")),
        ("groups_waits", pressed(app(Some(snapshot(0))), "BB")),
    ]
}

fn pressed(mut app: App, keys: &str) -> App {
    press(&mut app, keys);
    app
}

/// Answers what the screen asks of the tenants together.
pub(super) fn answer(app: &mut App, now: Timestamp) {
    let Some(Effect::Load(ask)) = app.ask().map(Effect::Load) else { return };
    let page = match ask {
        Ask::Overview(picked, window) => Page::Overview(Box::new(now_of(picked, window))),
        Ask::Group(by, window) => Page::Group(groups_of(by, window)),
        _ => return,
    };
    app.update(Event::Page(ask, Box::new(page)), now);
}

fn read(mut app: App) -> App {
    let later = NOW.after(Millis::new(600));
    app.update(Event::Tick, later);
    answer(&mut app, later);
    app.update(Event::Tick, later.after(Millis::new(300)));
    app
}

fn grouped(keys: &str) -> App {
    let mut app = pressed(app(Some(snapshot(0))), keys);
    let now = app.now;
    answer(&mut app, now);
    app
}

/// Returns what a tenant is used to that spends so many dollars each hour.
fn habit(dollars: i64) -> Habit {
    let hours = (1..=72_u64)
        .map(|ago| (NOW.before(Millis::from_minutes(60 * ago)), Money::from_nanos(dollars * 1_000_000_000)));
    Habit::of(Past::new(hours, NOW))
}

fn now_of(picked: Option<TenantId>, window: Window) -> Now {
    let midnight = Calendar::utc().day(NOW).start;
    let mut took = Sketch::default();
    (0..40).for_each(|index| took.add(Millis::new(500 + index * 100)));
    let mut few = Sketch::default();
    few.add(Millis::new(900));
    let hour = |hour: u64| midnight.after(Millis::from_minutes(60 * hour));
    Now {
        habits: Arc::new(
            [("docs-rag", 9), ("acme-search", 6), ("chat-web", 4)]
                .map(|(name, dollars)| (TenantId::new(name), habit(dollars)))
                .into_iter()
                .collect(),
        ),
        all: Some(Arc::new(habit(20))),
        took: [(TenantId::new("docs-rag"), took), (TenantId::new("chat-web"), few)].into_iter().collect(),
        usual: Some(Usual {
            until: midnight.after(Millis::from_minutes(14 * 60)),
            today: usd("118"),
            median: usd("100"),
        }),
        hours: Arc::new((0..14).map(|at| (hour(at), usd(&format!("{}", 10 + at)))).collect()),
        picked: picked.map(|tenant| {
            let models = ["claude-sonnet-4-6", "gpt-5.4", "gpt-4o-mini"];
            let cost = |index: usize| ["151.47", "31.15", "2.99"][index];
            let rows = models.iter().enumerate();
            (tenant, window, rows.map(|(at, name)| (ModelId::new(name), sums(700, cost(at), 0))).collect())
        }),
    }
}

fn groups_of(by: Grouping, window: Window) -> Groups {
    let row = |name: &str, day: &str, month: &str, unpriced: i64| GroupRow {
        name: Label::new(name),
        sums: sums(1_200, day, unpriced),
        month: sums(41_007, month, unpriced),
        burn: Some(crate::domain::burn::Live::of(&sums(9, "4.25", 0))),
    };
    let rows = vec![
        row("gpt-5.4", "97.40", "1840.22", 0),
        row("claude-sonnet-4-6", "201.13", "3112.75", 0),
        row("llama-70b", "0", "0", 1_200),
        row("", "0.5", "1.25", 0),
    ];
    Groups { by, window, rows }
}

#[track_caller]
fn line_of(app: &mut App, width: u16, name: &str) -> String {
    let text = screen(app, width, 40, &UNICODE);
    let found = text.lines().find(|line| line.trim_start_matches(['▸', ' ']).starts_with(name));
    found.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_owned()
}

#[test]
fn what_is_foreseen_stands_in_the_rows_and_in_the_headline() {
    let mut app = read(caps::capped(Some(4)));
    // 186.40 so far, and 9 an hour with what is spent now for ten hours: about 270 at midnight.
    let line = line_of(&mut app, 179, "docs-rag");
    let projected: Vec<&str> = line.split_whitespace().collect();
    assert!(
        line.contains("4.2s")
            && projected.iter().any(|cell| cell.starts_with("26") || cell.starts_with("27")),
        "{line}"
    );
    assert!(line_of(&mut app, 179, "chat-web").contains("n=1"), "one call has no slowest twentieth");
    assert!(line_of(&mut app, 179, "한빛-번역").contains(" ? "), "nothing was read of it");
    let text = screen(&mut app, 179, 40, &UNICODE);
    assert!(text.contains("+18% vs usual by 14:00") && text.contains("EOM $"), "{text}");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("TODAY $342.02  +18%") && !text.contains("vs usual"), "{text}");
}

#[test]
fn without_enough_past_nothing_is_foreseen() {
    let mut app = caps::capped(Some(4));
    let text = screen(&mut app, 179, 40, &UNICODE);
    assert!(!text.contains("EOM") && !text.contains("usual"), "{text}");
    assert!(line_of(&mut app, 179, "docs-rag").contains(" ? "), "PROJ is not known");
}

#[test]
fn the_line_above_the_keys_says_what_the_selected_tenant_spends_on() {
    let mut app = read(caps::capped(Some(4)));
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(text.contains("docs-rag  claude-sonnet-4-6 151.47  gpt-5.4 31.15  gpt-4o-mini 2.99"), "{text}");
    press(&mut app, "j");
    let text = screen(&mut app, 80, 24, &UNICODE);
    assert!(!text.contains("151.47"), "that is of another tenant:\n{text}");
    let asked = app.update(Event::Tick, app.now.after(Millis::new(600)));
    assert_eq!(asked, [Effect::Load(Ask::Overview(Some(TenantId::new("acme-search")), Window::Today))]);
}

#[test]
fn a_cap_that_is_reached_soon_is_said_at_the_top() {
    let mut app = caps::capped(Some(4));
    let rich = change("docs-rag", "m", sums(1, "9", 0), Sign::Adds);
    app.update(Event::Changed(vec![rich], Vec::new()), NOW);
    press(&mut app, "a");
    let text = screen(&mut app, 120, 40, &UNICODE);
    assert!(text.contains("docs-rag reaches its cap 200.00/day at 14:"), "{text}");
}

#[test]
fn rows_become_models_providers_and_sources_and_tenants_again() {
    let mut app = grouped("B");
    assert_eq!(app.groups.order[0], Label::new("claude-sonnet-4-6"), "the dearest first");
    assert!(line_of(&mut app, 80, "claude-sonnet-4-6").contains("201.13"));
    assert!(line_of(&mut app, 80, "llama-70b").contains(" ? "));
    assert!(line_of(&mut app, 80, "(not said)").contains("0.50"));
    assert!(line_of(&mut app, 80, "4 models").contains("299.03+?"));
    let asked = press(&mut app, "B");
    assert_eq!(asked, [Effect::Load(Ask::Group(Grouping::Provider, Window::Today))]);
    press(&mut app, "B<esc>");
    assert_eq!(app.grouping, Grouping::Tenant);
    assert!(line_of(&mut app, 80, "docs-rag").contains("186.40"));
}

#[test]
fn rows_of_other_things_are_filtered_and_sorted_too() {
    let mut app = grouped("B");
    press(&mut app, "/gpt<enter>");
    assert_eq!(app.groups.order, [Label::new("gpt-5.4")]);
    press(&mut app, "<esc>sjjjjj<enter>");
    assert_eq!((app.grouping, app.groups.order[0]), (Grouping::Model, Label::new("")), "by name");
}

#[test]
fn bars_and_plain_numbers_show_the_same() {
    let mut app = read(caps::capped(Some(4)));
    let with = line_of(&mut app, 120, "docs-rag");
    press(&mut app, "b");
    let without = line_of(&mut app, 120, "docs-rag");
    assert!(with.contains("███████·  93%!") && without.contains(" 93%!"), "{with}\n{without}");
    assert!(!without.contains("███████"), "{without}");
}
