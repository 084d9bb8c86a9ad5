//! The page of the budgets: the chart of a cap, how long it lasts, and the table of all.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::burn_down::{self, BurnDown, Left, Spent};
use crate::domain::calendar::Span;
use crate::domain::cap::{Cap, CapKey};
use crate::domain::forecast::{Forecast, Habit, Past, Present, Reach};
use crate::domain::scope::{Account, Scope};
use crate::tui::page::budgets::{CapNow, Counts, Known, Now};
use crate::tui::page::{Ask, Page};

fn hours(count: u64) -> Millis {
    Millis::from_minutes(count * 60)
}

/// What docs-rag spent in each hour of today: 186.40 in all.
fn spent() -> Vec<Spent> {
    let midnight = Calendar::utc().day(NOW).start;
    let cents = [620, 410, 380, 450, 700, 980, 1_240, 1_610, 1_900, 2_020, 2_110, 2_080, 1_960, 1_480, 700];
    let step = |(hour, cents): (u64, u128)| {
        let start = midnight.after(hours(hour));
        Spent { span: Span { start, end: start.after(hours(1)).min(NOW) }, amount: cents * 10_000_000 }
    };
    (0..).zip(cents).map(step).collect()
}

/// A tenant that spends alike by day and by night.
fn habit() -> Habit {
    let hour = |back: u64| {
        (
            NOW.before(hours(back)),
            Money::from_nanos(i64::try_from(back * 7_919 % 13).unwrap_or(0) * 1_500_000_000),
        )
    };
    Habit::of(Past::new((1..200).map(hour), NOW))
}

fn chart(cap: &Cap, reach: &mut Reach) -> BurnDown {
    let limit = cap.limit.size().expect("a limit");
    let (axis, even) = burn_down::axis(cap.window, &Calendar::utc(), NOW, NOW.before(hours(200)));
    let used: u128 = spent().iter().map(|step| step.amount).sum();
    let actual = burn_down::actual((limit, cap.window), &spent(), axis, (NOW, used));
    let left = usd("13.60");
    let habit = habit();
    let forecast = Forecast::new(&habit, Present { now: NOW, running: usd("0.74"), burn: usd("8.92") });
    *reach = forecast.reach(left, Some(axis.end));
    let ahead = burn_down::ahead(left, &forecast, axis, NOW);
    let downgraded = burn_down::downgraded(&ahead, (usd("0.74"), usd("8.92")));
    BurnDown { axis, limit, actual, even, ahead, downgraded }
}

fn now_of(app: &App, charted: bool) -> Now {
    let mut caps: HashMap<CapKey, CapNow> = HashMap::new();
    let mut found = Now::default();
    for (place, cap) in app.live.caps.book.caps().enumerate() {
        let account = match cap.scope {
            Scope::Tenant(tenant) => Account::Tenant(tenant),
            Scope::TenantModel(tenant, model) => Account::TenantModel(tenant, model),
            _ => Account::Everything,
        };
        let guards = app.live.caps.worst(cap.key()).map_or(0, crate::domain::gate::Standing::exposure);
        let mut reach = [Reach::Now, Reach::Never, Reach::Unknown][place % 3];
        if charted && Some(cap.key()) == app.budgets.picked() {
            found.chart = Some((cap.key(), Arc::new(chart(cap, &mut reach))));
        }
        let ledger = Some(sums(9, "90", 0));
        let known = if guards == 0 { Known::Never } else { Known::Seen };
        caps.insert(
            cap.key(),
            CapNow {
                account,
                counts: Counts::Ledgers,
                guards,
                ledger,
                per_hour: Some(8_920_000_000),
                reach,
                known,
            },
        );
    }
    Now { caps, ..found }
}

/// Returns the page with the cap of docs-rag selected.
fn budgets(charted: bool) -> App {
    let mut app = caps::capped(Some(4));
    press(&mut app, "3");
    let key = app
        .live
        .caps
        .book
        .caps()
        .map(|cap| cap.key())
        .find(|key| key.0 == Scope::Tenant(TenantId::new("docs-rag")));
    assert!(app.budgets.choose(key.expect("a cap")));
    app.update(Event::Tick, app.now);
    let now = now_of(&app, charted);
    let ask = app.asked.what().cloned().expect("a question");
    app.update(Event::Page(ask, Box::new(Page::Budgets(Box::new(now)))), app.now);
    app
}

/// The pages of this file, for the pictures.
pub(super) fn pages() -> Vec<(&'static str, App)> {
    let mut opened = budgets(true);
    press(&mut opened, "<enter>");
    vec![("burn_down", budgets(true)), ("burn_down_none", budgets(false)), ("burn_down_one", opened)]
}

fn shows(app: &mut App, text: &str) {
    let screen = screen(app, 120, 40, &UNICODE);
    assert!(screen.contains(text), "no `{text}` in\n{screen}");
}

#[test]
fn the_page_asks_for_the_cap_that_is_selected() {
    let mut app = caps::capped(Some(4));
    let asked = press(&mut app, "3");
    let first = app.budgets.picked();
    assert!(first.is_some() && asked.contains(&Effect::Load(Ask::Budgets(first))), "{asked:?}");
    let asked = press(&mut app, "j");
    assert_eq!(asked, [Effect::Load(Ask::Budgets(app.budgets.picked()))]);
    assert_ne!(app.budgets.picked(), first);
}

#[test]
fn a_cap_is_told_of_with_what_is_left_and_how_long_that_lasts() {
    let mut app = budgets(true);
    shows(&mut app, "spent 186.40  left 13.60");
    shows(&mut app, " runs out 16:13 (14:35-18:14)");
    shows(&mut app, "even pace would be 117.36 by now");
    assert!(screen(&mut app, 200, 40, &UNICODE).contains("warns at 80% (passed 13:"));
    shows(&mut app, "solid = left   dots = even pace   dashes = forecast   thin = 80% range");
    shows(&mut app, "short = downgraded");
    let mut app = budgets(false);
    shows(&mut app, "Reading what was spent...");
}

#[test]
fn the_larger_of_what_guards_and_ledgers_say_is_spent() {
    let mut app = budgets(true);
    // chat-web's guards counted 1402.60, its ledgers 90; gpt-5.4 of docs-rag 31.15 and 90.
    let screen = screen(&mut app, 120, 40, &UNICODE);
    let line = |name: &str| screen.lines().rfind(|line| line.contains(name)).expect("a row").to_owned();
    assert!(line("chat-web").contains("1402.60   1097.40"), "{screen}");
    assert!(line("model:gpt-5.4").contains("90.00    -50.00"), "{screen}");
    press(&mut app, "g");
    shows(&mut app, "this is what the ledgers say, guards counted 31.15");
    // While a guard lives its count is what holds the cap.
    let pages = app.live.pages.budgets.as_mut().expect("a page");
    Arc::make_mut(pages).caps.values_mut().for_each(|now| now.counts = Counts::Guards);
    shows(&mut app, "spent 31.15  left 8.85");
    shows(&mut app, "the ledgers say 90.00, guards count 31.15: what passed no guard does not count");
}

#[test]
fn without_unicode_the_lines_differ_by_their_characters() {
    let mut app = budgets(true);
    let pages = app.live.pages.budgets.as_mut().expect("a page");
    let (key, chart) = pages.chart.clone().expect("a chart");
    let mut chart = BurnDown::clone(&chart);
    let dollars = |dollars: i128| dollars * 1_000_000_000;
    let point = |hour: u64, middle, low, high| burn_down::Ahead {
        at: NOW.after(hours(hour)),
        middle: dollars(middle),
        range: Some((dollars(low), dollars(high))),
    };
    chart.ahead = vec![point(0, 140, 140, 140), point(5, 60, 10, 110), point(9, -20, -90, 80)];
    chart.downgraded = burn_down::downgraded(&chart.ahead, (usd("0.50"), usd("1")));
    Arc::make_mut(pages).chart = Some((key, Arc::new(chart)));
    let text = screen(&mut app, 120, 40, &ASCII);
    let plot: Vec<&str> = text.lines().skip(5).take_while(|line| !line.contains("solid")).collect();
    assert!(plot.iter().all(|line| line.is_ascii()), "{text}");
    for stroke in ["*", ".", "-", ",", "="] {
        assert!(
            plot.iter().any(|line| line.get(6..).is_some_and(|line| line.contains(stroke))),
            "no {stroke} in\n{text}"
        );
    }
}

fn amounts() -> impl Strategy<Value = i128> {
    prop_oneof![any::<i64>().prop_map(i128::from), any::<i128>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_chart_is_drawn_inside(
        limit in any::<u64>(), points in proptest::collection::vec((any::<i32>(), amounts()), 0..20),
        (start, length) in (any::<i32>(), any::<u32>()), (width, height) in (1_u16..200, 1_u16..60),
    ) {
        let mut app = budgets(true);
        let at = |seconds: i32| Timestamp::from_seconds(i64::from(seconds));
        let mut actual: Vec<Left> = points.iter().map(|(seconds, left)| Left { at: at(*seconds), left: *left }).collect();
        actual.sort_by_key(|point| point.at);
        let ahead = actual.iter().map(|point| burn_down::Ahead {
            at: point.at, middle: point.left, range: Some((point.left, point.left)),
        });
        let axis = Span { start: at(start), end: at(start).after(Millis::new(u64::from(length) * 1_000)) };
        let chart = BurnDown { axis, limit, even: Some(axis), ahead: ahead.collect(), downgraded: actual.clone(), actual };
        let pages = app.live.pages.budgets.as_mut().expect("a page");
        let (key, _) = pages.chart.clone().expect("a chart");
        Arc::make_mut(pages).chart = Some((key, Arc::new(chart)));
        for glyphs in [&UNICODE, &ASCII] {
            let text = screen(&mut app, width, height, glyphs);
            prop_assert_eq!(text.lines().count(), usize::from(height));
        }
    }
}
