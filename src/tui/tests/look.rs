//! How a page is looked at: columns, order, folding, alerts; and what leaves the screen: copies and files.

use super::*;
use crate::tui::app::{Dialog, Fold};
use crate::tui::export::Form;
use crate::tui::layout::{Layout, PageLayout};
use crate::tui::list::Shown;
use crate::tui::mouse::Mouse;

/// The dialogs of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let pressed = |keys: &str| {
        let mut app = caps::capped(Some(4));
        screen(&mut app, 120, 40, &UNICODE);
        press(&mut app, keys);
        app
    };
    vec![
        ("sort", pressed("sj")),
        ("columns", pressed("ojj ")),
        ("folded", pressed("z")),
        ("alerts", pressed("a")),
        ("alerts_mute", pressed("axdeploy")),
        ("alerts_muted", pressed("axdeploy<enter>")),
        ("export", pressed("Ej")),
        ("panned", pressed("ll")),
    ]
}

fn shows(app: &mut App, text: &str) {
    let screen = screen(app, 80, 24, &UNICODE);
    assert!(screen.contains(text), "no `{text}` in\n{screen}");
}

fn heading(app: &mut App, width: u16) -> String {
    let screen = screen(app, width, 40, &UNICODE);
    screen.lines().find(|line| line.starts_with(" TENANT")).expect("a heading").to_owned()
}

/// Returns which of these words stand in the heading, in its order.
fn order_of(heading: &str, words: &[&str]) -> Vec<String> {
    let known = |word: &&str| words.contains(&word.trim_end_matches('▾'));
    heading.split_whitespace().filter(known).map(|word| word.trim_end_matches('▾').to_owned()).collect()
}

#[test]
fn columns_leave_in_their_order_when_it_gets_narrow() {
    let order =
        ["P95", "REQ/H", "ERR%", "PROJ", "60-MIN", "MONTH", "CAP", "$/H", "STATE", "REACH", "USED", "TODAY"];
    let mut app = caps::capped(Some(4));
    // With bars the same columns need more room, in some sizes and not in others.
    press(&mut app, "b");
    let mut shown: Vec<String> = order_of(&heading(&mut app, 180), &order);
    assert_eq!(shown.len(), order.len(), "{shown:?}");
    let mut left = Vec::new();
    for width in (20..180).rev() {
        let now = order_of(&heading(&mut app, width), &order);
        let mut gone: Vec<String> = shown.iter().filter(|word| !now.contains(word)).cloned().collect();
        gone.sort_by_key(|word| order.iter().position(|it| it == word));
        left.extend(gone);
        shown = now;
    }
    assert_eq!(left, order[..left.len()], "{shown:?}");
    assert!(left.len() >= 8, "{left:?}");
}

#[test]
fn reach_and_the_last_hour_are_told_as_far_as_they_are_known() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "b");
    let screen = screen(&mut app, 160, 40, &UNICODE);
    let is_of =
        |line: &&str, tenant: &str| line.trim_start_matches([' ', '▸']).starts_with(&format!("{tenant} "));
    let line = |tenant: &str| screen.lines().find(|line| is_of(line, tenant)).expect("a row").to_owned();
    // 13.60 left at 5.40 an hour.
    assert!(line("docs-rag").contains("16:36"), "{screen}");
    assert!(line("acme-search").contains(" now "), "{screen}");
    assert!(line("docs-rag").contains(" 120   0.0 "), "{screen}");
    assert!(line("growth-bot").contains("none    -  -"), "{screen}");
}

#[test]
fn columns_are_chosen_moved_and_put_back() {
    let words = ["TODAY", "MONTH", "$/H", "CAP", "USED"];
    let mut app = caps::capped(Some(4));
    assert_eq!(order_of(&heading(&mut app, 120), &words), words);
    press(&mut app, "oj JJ<enter>");
    assert_eq!(order_of(&heading(&mut app, 120), &words), ["TODAY", "$/H", "CAP", "USED"]);
    press(&mut app, "ojjj <enter>");
    assert_eq!(order_of(&heading(&mut app, 120), &words), ["TODAY", "$/H", "CAP", "MONTH", "USED"]);
    press(&mut app, "o d<esc>");
    assert_eq!(order_of(&heading(&mut app, 120), &words), ["TODAY", "$/H", "CAP", "MONTH", "USED"]);
    press(&mut app, "od<enter>");
    assert_eq!(order_of(&heading(&mut app, 120), &words), words);
}

#[test]
fn the_columns_can_be_panned() {
    let words = ["TODAY", "MONTH", "$/H"];
    let mut app = caps::capped(Some(4));
    screen(&mut app, 80, 24, &UNICODE);
    press(&mut app, "l");
    assert_eq!(order_of(&heading(&mut app, 80), &words), ["MONTH", "$/H"]);
    press(&mut app, "<right>h<left><left>");
    assert_eq!(order_of(&heading(&mut app, 80), &words), words);
}

#[test]
fn the_order_is_chosen_from_a_list_that_shows_it_at_once() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "sjjjjj");
    assert_eq!(app.tenants.order[0], TenantId::new("acme-search"), "by name");
    press(&mut app, "<esc>");
    assert_eq!((app.tenants.order[0], app.tenants.view.sort), (TenantId::new("docs-rag"), 0));
    press(&mut app, "sjjjjjjj<enter>");
    assert_eq!(app.tenants.order[0], TenantId::new("acme-search"), "the most urgent state first");
}

#[test]
fn idle_tenants_are_one_row_that_says_what_they_come_to() {
    let mut app = app_of(vec![(TenantId::new("a"), sums(1, "5", 0)), (TenantId::new("b"), sums(1, "7", 0))]);
    app.update(Event::Changed(vec![change("c", "m", sums(1, "1", 0), Sign::Adds)], Vec::new()), NOW);
    press(&mut app, "z");
    assert_eq!(app.tenants.order, [TenantId::new("c")]);
    let text = screen(&mut app, 80, 24, &UNICODE);
    let row = text.lines().find(|line| line.contains("2 idle")).expect("a row of the idle");
    assert!(row.contains("12.00") && text.contains("13.00"), "{text}");
    press(&mut app, "z");
    assert_eq!(app.tenants.order.len(), 3);
}

#[test]
fn row_4_counts_what_else_is_urgent_and_a_lists_it() {
    let mut app = caps::capped(Some(4));
    shows(&mut app, "! acme-search: cap 90.00/day is reached, calls are refused");
    shows(&mut app, "1 more: a");
    press(&mut app, "a");
    shows(&mut app, "logs/ledger.jsonl: 2 lines could not be read (7)");
}

#[test]
fn an_alert_is_muted_for_an_hour_with_a_reason() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "axok<enter>");
    shows(&mut app, "say why, in at least 3 letters");
    press(&mut app, " by mira<enter>");
    shows(&mut app, "15:05: ok by mira)");
    press(&mut app, "<esc>");
    shows(&mut app, " ! logs/ledger.jsonl");
    app.update(
        Event::Guards(vec![caps::beat(4, NOW.after(Millis::from_minutes(61)))]),
        NOW.after(Millis::from_minutes(61)),
    );
    shows(&mut app, "! acme-search: cap 90.00/day is reached");
}

#[test]
fn what_is_kept_comes_back_and_what_is_not_known_any_more_is_left_aside() {
    let mut app = caps::capped(Some(4));
    screen(&mut app, 120, 40, &UNICODE);
    press(&mut app, "sj<enter>Soj <enter>zw:sort name<enter>9S");
    let layout = app.layout();
    let again = App::new(Setup { layout: layout.clone(), ..setup() }, NOW);
    assert_eq!(again.layout(), layout);
    assert_eq!((again.tab, again.window, again.fold), (Tab::Overview, Window::Week, Fold::Idle));
    let view = &again.tenants.view;
    assert_eq!((view.sort, view.reverse, view.columns[1].1), (5, true, Shown::No));
    assert!(again.audit.view.reverse);
    assert_eq!(layout.commands, ["sort name"]);
    let strange =
        PageLayout { page: "overview".to_owned(), sort: "colour".to_owned(), ..PageLayout::default() };
    let nowhere = PageLayout { page: "moon".to_owned(), ..PageLayout::default() };
    let layout = Layout { window: "3d".to_owned(), pages: vec![strange, nowhere], ..Layout::default() };
    let app = App::new(Setup { layout, ..setup() }, NOW);
    assert_eq!((app.window, app.tenants.view.sort), (Window::Today, 0));
}

#[test]
fn y_copies_the_name_and_the_page_can_be_written_to_a_file() {
    let mut app = caps::capped(Some(4));
    assert_eq!(press(&mut app, "jy"), [Effect::Copy("acme-search".to_owned())]);
    shows(&mut app, "sent to the terminal's clipboard");
    assert_eq!(press(&mut app, "Y"), [Effect::CopyRow]);
    assert_eq!(press(&mut app, "Ej<enter>"), [Effect::Export(Form::Json, None)]);
    assert_eq!(
        press(&mut app, ":export md out.md<enter>"),
        [Effect::Export(Form::Markdown, Some("out.md".to_owned()))]
    );
    assert_eq!(app.export_name(Form::Csv), "outlay-overview-202611221405.csv");
    app.update(Event::Exported(Ok("out.md".to_owned())), app.now);
    shows(&mut app, "written: out.md");
}

#[test]
fn the_text_of_a_page_has_all_its_rows_and_chosen_columns() {
    let tenants =
        (0..300).map(|index| (TenantId::new(&format!("tenant-{index:03}")), sums(1, "1", 0))).collect();
    let mut app = app_of(tenants);
    screen(&mut app, 80, 24, &UNICODE);
    press(&mut app, "oj <enter>j");
    let grid = crate::tui::draw::grid(&app, &theme("dusk", Depth::True, &UNICODE));
    assert_eq!(grid.rows.len(), 300);
    assert_eq!(&grid.titles[..3], ["tenant", "window", "$/h"], "the month is hidden");
    assert!(
        grid.row().is_some_and(|row| row.starts_with("tenant tenant-001, window 1.00")),
        "{:?}",
        grid.row()
    );
    for page in ["2", "3", "4", "5", "6", "7", "8", "9"] {
        press(&mut app, page);
        crate::tui::draw::grid(&app, &theme("dusk", Depth::True, &UNICODE));
    }
}

#[test]
fn the_mouse_is_taken_selects_and_shows_pages() {
    let mut app = caps::capped(Some(4));
    assert_eq!(press(&mut app, "m"), [Effect::Mouse(true)]);
    screen(&mut app, 80, 24, &UNICODE);
    app.update(Event::Mouse(Mouse::Click(9, 8)), app.now);
    assert_eq!(app.tenants.picked(), Some(TenantId::new("chat-web")));
    app.update(Event::Mouse(Mouse::WheelDown), app.now);
    assert_eq!(app.tenants.index(), 5);
    app.update(Event::Mouse(Mouse::Click(9, 20)), app.now);
    assert_eq!(app.tenants.index(), 5, "there is no row");
    app.update(Event::Mouse(Mouse::Click(21, 1)), app.now);
    assert_eq!(app.tab, Tab::Budgets);
    press(&mut app, "c");
    app.update(Event::Mouse(Mouse::Click(2, 1)), app.now);
    assert!(matches!(app.dialog, Some(Dialog::Cap(_))));
    assert_eq!(press(&mut app, "<esc>m"), [Effect::Mouse(false)]);
}

#[test]
fn plus_and_minus_change_how_often_is_drawn() {
    let mut app = caps::capped(Some(4));
    press(&mut app, "---");
    assert_eq!(app.pace(), Millis::new(1_000));
    shows(&mut app, "draws every 1 s at most");
    press(&mut app, "-----+");
    assert_eq!(app.pace(), Millis::new(2_000));
}
