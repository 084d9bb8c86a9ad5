//! Any size, any data, any keys: nothing panics, nothing leaves its place, money is whole.

use proptest::prelude::*;
use ratatui::layout::Rect;

use super::*;

const KEYS: [&str; 75] = [
    "B",
    "b",
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
    " ",
    "w",
    "t",
    "v",
    "<backspace>",
    "한",
    "[",
    "]",
    "x",
    "7",
    "5",
    "6",
    "8",
    "9",
    "o",
    "J",
    "K",
    "z",
    "+",
    "-",
    "m",
    "Y",
    "E",
    "a",
    "h",
    "l",
    "d",
    "<left>",
    "<right>",
    "why not",
    ":",
    "n",
    "r",
    "<up>",
    "<down>",
    "<pgdn>",
    "<pgup>",
    "cap ",
    "used>",
    "-\"",
    "go docs",
    "<ctrl-l>",
    "<F1>",
    "c",
    "u",
    "A",
    "y",
    "<ctrl-s>",
    "<ctrl-r>",
    "4",
    "W",
    "e",
    "H",
    "<ctrl-y>",
    "<ctrl-e>",
];

fn names() -> impl Strategy<Value = Vec<String>> {
    let hostile = "[a-z\u{1b}\u{7}\n\u{202e}\u{200b}\u{301}]{0,40}";
    let name = prop_oneof![any::<String>(), "[a-z]{0,200}", "[가-힣]{1,20}", hostile];
    proptest::collection::vec(name, 0..6)
}

fn any_sums() -> impl Strategy<Value = Sums> {
    let amount = prop_oneof![Just(0_i64), -1_000_000_000_i64..1_000_000_000_000, any::<i64>()];
    (amount, 0_i64..1 << 40, 0_i64..3).prop_map(|(nanos, calls, unpriced)| Sums {
        calls,
        unpriced,
        cost: Money::from_nanos(nanos),
        tokens: TokenCount { input: Tokens::new(calls.unsigned_abs() * 7), ..TokenCount::default() },
        ..Sums::default()
    })
}

/// Mostly small sizes, where room is short.
fn sizes() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![15 => (1_u16..130, 1_u16..45), 1 => (1_u16..501, 1_u16..201)]
}

/// A change of the outside or a key.
#[derive(Clone, Debug)]
enum Step {
    Key(usize),
    Burst(Vec<usize>),
    Answer,
    Call(i64),
    Minutes(u64),
    Size(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..KEYS.len()).prop_map(Step::Key),
        1 => proptest::collection::vec(0..KEYS.len(), 2..12).prop_map(Step::Burst),
        2 => Just(Step::Answer),
        1 => any::<i64>().prop_map(Step::Call),
        1 => (0_u64..3_000).prop_map(Step::Minutes),
        1 => sizes().prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

/// Answers every question that the screen may have asked.
fn answer(app: &mut App, now: Timestamp) {
    let window = app.window;
    let tenants: Vec<_> = app.tenants.order.iter().map(|tenant| (*tenant, sums(2, "3.25", 1))).collect();
    app.update(Event::Window(window, tenants), now);
    app.update(Event::Prices(window, price_rows(3)), now);
    if let Some(tenant) = app.tenants.picked() {
        let steps = [(now.before(Millis::from_minutes(600)), sums(9, "8", 0)), (now, sums(9, "7", 0))];
        app.update(Event::Detail(Box::new(Detail { tenant, ..detail_of(window, &steps) })), now);
        tenant::answer(app, now);
        overview::answer(app, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_size_data_and_keys_are_drawn(
        size in sizes(), names in names(), amount in any_sums(),
        steps in proptest::collection::vec(step(), 0..24),
    ) {
        let mut app = app_of(names.iter().map(|name| (TenantId::new(name), amount)).collect());
        let (mut size, mut now) = (size, NOW);
        let theme = theme("signal", Depth::True, &UNICODE);
        for step in steps {
            match step {
                Step::Key(key) => {
                    for key in keys_of(KEYS[key]) {
                        now = now.after(Millis::new(100));
                        app.update(Event::Key(key), now);
                    }
                }
                Step::Burst(keys) => {
                    now = now.after(Millis::new(100));
                    for key in keys.into_iter().flat_map(|key| keys_of(KEYS[key])) {
                        app.update(Event::Key(key), now);
                    }
                }
                Step::Answer => answer(&mut app, now),
                Step::Call(nanos) => {
                    let cost = Sums { cost: Money::from_nanos(nanos), ..sums(1, "0", 0) };
                    app.update(Event::Changed(vec![change("new", "m", cost, Sign::Adds)], Vec::new()), now);
                }
                Step::Minutes(minutes) => {
                    now = now.after(Millis::from_minutes(minutes));
                    app.update(Event::Tick, now);
                }
                Step::Size(width, height) => size = (width, height),
            }
            let frame = cells(&mut app, size.0, size.1, &theme);
            for line in text_of(&frame).lines() {
                prop_assert!(super::super::text::width(line) <= usize::from(size.0), "too wide: {}", line);
            }
        }
    }

    #[test]
    fn no_burst_of_keys_changes_a_cap_or_ends_the_program(
        keys in proptest::collection::vec(0..KEYS.len(), 2..40),
    ) {
        let mut app = caps::capped(Some(4));
        let later = NOW.after(Millis::new(5_000));
        // What follows the burst at once is no key that was thought of either.
        let keys: Vec<_> = keys.into_iter().flat_map(|key| keys_of(KEYS[key])).collect();
        let mut last = None;
        for key in keys {
            let effects = app.update(Event::Key(key), later);
            let lasting = |effect: &Effect| matches!(effect, Effect::SaveCap(_) | Effect::SavePrice(_) | Effect::Quit | Effect::SaveTheme(_));
            prop_assert!(!effects.iter().any(lasting), "{:?} after {:?}", effects, key);
            last = Some(key);
        }
        let quits = app.update(Event::Tick, later.after(Millis::new(40))).contains(&Effect::Quit);
        prop_assert!(!quits || last == Some(keys_of("q")[0]));
    }

    #[test]
    fn keys_without_a_word_to_save_change_no_cap(
        keys in proptest::collection::vec(0..KEYS.len(), 0..200),
    ) {
        let mut app = caps::capped(Some(4));
        for key in keys.into_iter().filter(|key| KEYS[*key] != "<ctrl-s>") {
            let effects = press(&mut app, KEYS[key]);
            prop_assert!(!effects.iter().any(|effect| matches!(effect, Effect::SaveCap(_) | Effect::SavePrice(_))), "{:?}", effects);
        }
    }

    #[test]
    fn money_is_whole_or_absent(
        (width, height) in sizes(), keys in proptest::collection::vec(0..KEYS.len(), 0..6),
    ) {
        let mut app = app_of(vec![(TenantId::new("a"), sums(1, "77777.77", 0))]);
        let theme = theme("dusk", Depth::True, &UNICODE);
        let priced = PriceRow { used: sums(1, "77777.77", 0), ..price_rows(0).remove(0) };
        app.update(Event::Prices(Window::Today, vec![priced]), NOW);
        for key in keys.into_iter().filter(|key| !["x", "7", "한", "/"].contains(&KEYS[*key])) {
            press(&mut app, KEYS[key]);
            let models = vec![(ModelId::new("m"), sums(1, "77777.77", 0))];
            let tenant = TenantId::new("a");
            let detail = Detail { tenant, models, ..detail_of(app.window, &[(NOW, sums(1, "77777.77", 0))]) };
            app.update(Event::Detail(Box::new(detail)), NOW);
            let text = text_of(&cells(&mut app, width, height, &theme));
            for word in text.split(|c: char| !(c.is_ascii_digit() || ".,$".contains(c))) {
                // Other numbers may hold one seven, parts of these amounts hold two or a sign.
                let suspicious = word.contains("77") || word.starts_with("$7");
                let whole = ["77777.77", "$77,778", "77777.7700"].contains(&word);
                prop_assert!(whole || !suspicious, "{} in\n{}", word, text);
            }
        }
    }
}

/// Every place that keys can lead to.
const PLACES: [&str; 33] = [
    "",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "<enter>",
    "7<enter>",
    "9<enter>",
    "t",
    "?",
    "?/",
    "c",
    ":",
    "/",
    "3c",
    "s",
    "E",
    "o",
    "a",
    "ax",
    "3<enter>",
    "4W",
    "4K",
    "4e",
    "4H",
    "5<enter>",
    "B",
    "<enter><tab>",
    "<enter><tab><tab>",
];

#[test]
fn the_table_of_keys_knows_which_places_keys_work_in() {
    for keys in PLACES {
        let mut app = caps::capped(Some(4));
        screen(&mut app, 80, 24, &UNICODE);
        press(&mut app, keys);
        let here = app.contexts();
        let same =
            |set: &&&[keys::Context]| set.len() == here.len() && here.iter().all(|it| set.contains(it));
        assert!(keys::TOGETHER.iter().any(|set| same(&set)), "{here:?} after {keys:?} is in no set");
    }
}

#[test]
fn the_ends_of_all_sizes_are_drawn() {
    let mut app = app(Some(snapshot(3)));
    let theme = theme("dusk", Depth::True, &UNICODE);
    for (width, height) in [(1, 1), (500, 1), (1, 200), (500, 200)] {
        let frame = cells(&mut app, width, height, &theme);
        assert_eq!(frame.area, Rect::new(0, 0, width, height));
    }
}
