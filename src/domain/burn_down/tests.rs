//! Tests of the chart of a cap: what is left at every instant.

use super::*;
use crate::domain::forecast::{Habit, Present};
use proptest::prelude::*;

/// Sunday, 2026-11-22, 14:00 UTC.
const NOW: Timestamp = Timestamp::from_seconds(1_795_356_000);
const QUARTER: u64 = 15;

fn minutes(count: u64) -> Millis {
    Millis::from_minutes(count)
}

/// Returns steps of a quarter of an hour that end with now, the latest last.
fn steps(amounts: &[u128]) -> Vec<Spent> {
    let count = u64::try_from(amounts.len()).expect("few");
    let step = |(place, amount): (u64, &u128)| {
        let start = NOW.before(minutes((count - place) * QUARTER));
        Spent { span: Span { start, end: start.after(minutes(QUARTER)) }, amount: *amount }
    };
    (0..).zip(amounts).map(step).collect()
}

fn axis_of(window: &str) -> (Window, Span, Option<Span>) {
    let window = Window::parse(window).expect("a window");
    let (axis, even) = axis(window, &Calendar::utc(), NOW, NOW.before(minutes(600)));
    (window, axis, even)
}

#[track_caller]
fn check_axis(window: &str, before: u64, after: u64, is_even: bool) {
    let (_, axis, even) = axis_of(window);
    assert_eq!(axis, Span { start: NOW.before(minutes(before)), end: NOW.after(minutes(after)) }, "{window}");
    assert_eq!(even.is_some(), is_even, "{window}");
}

#[test]
fn a_window_is_shown_whole_and_one_that_moves_with_a_quarter_more() {
    check_axis("day", 14 * 60, 10 * 60, true);
    check_axis("hour", 0, 60, true);
    check_axis("month", (21 * 24 + 14) * 60, (8 * 24 + 10) * 60, true);
    check_axis("rolling:24h", 24 * 60, 6 * 60, false);
    check_axis("total", 24 * 60, 6 * 60, false);
}

#[test]
fn a_day_burns_down_step_by_step_and_ends_with_what_is_left_now() {
    let (window, axis, _) = axis_of("day");
    let points = actual((100, window), &steps(&[10, 0, 20]), axis, (NOW, 37));
    let left: Vec<i128> = points.iter().map(|point| point.left).collect();
    assert_eq!(
        left,
        [100, 100, 90, 90, 63],
        "the last step is the one that counts now, calls in flight included"
    );
    assert_eq!(points.last().map(|point| point.at), Some(NOW));
}

#[test]
fn a_rolling_window_gives_back_what_leaves_it() {
    let (window, axis, _) = axis_of("rolling:1h");
    let points = actual((100, window), &steps(&[40, 0, 0, 0, 0, 8]), axis, (NOW, 8));
    let at = |ago: u64| points.iter().rfind(|point| point.at <= NOW.before(minutes(ago))).map(|p| p.left);
    assert_eq!((at(60), at(30), at(15), at(0)), (Some(60), Some(60), Some(100), Some(92)));
}

#[test]
fn an_even_pace_is_a_share_of_the_window() {
    let (_, axis, _) = axis_of("day");
    assert_eq!(even_by(2_400, axis, NOW), 1_400);
    assert_eq!(even_by(2_400, axis, axis.end.after(minutes(60))), 2_400);
    assert_eq!(even_by(2_400, axis, axis.start.before(minutes(60))), 0);
    assert_eq!(even_by(5, Span { start: NOW, end: NOW }, NOW), 5);
}

fn steady(per_hour: i64) -> Present {
    Present { now: NOW, running: Money::ZERO, burn: Money::from_nanos(per_hour) }
}

#[test]
fn without_anything_to_tell_by_nothing_is_foretold() {
    let (_, axis, _) = axis_of("day");
    let habit = Habit::default();
    let forecast = Forecast::new(&habit, Present { now: NOW, ..Present::default() });
    assert_eq!(ahead(Money::from_nanos(5), &forecast, axis, NOW), []);
}

#[test]
fn a_cheaper_model_goes_on_below_nothing_with_a_flatter_slope() {
    let (_, axis, _) = axis_of("day");
    let habit = Habit::default();
    let forecast = Forecast::new(&habit, steady(100));
    let points = ahead(Money::from_nanos(250), &forecast, axis, NOW);
    assert_eq!(points.last().map(|point| point.middle), Some(250 - 1_000));
    let after = downgraded(&points, (Money::from_nanos(10), Money::from_nanos(100)));
    assert_eq!(after.first(), Some(&Left { at: NOW.after(minutes(150)), left: 0 }));
    assert_eq!(after.last(), Some(&Left { at: axis.end, left: -75 }));
    assert_eq!(downgraded(&points, (Money::from_nanos(10), Money::ZERO)), []);
}

fn amounts() -> impl Strategy<Value = Vec<u128>> {
    proptest::collection::vec(0_u128..1_000_000, 0..200)
}

proptest! {
    #[test]
    fn what_is_left_never_grows_within_a_calendar_window(
        amounts in amounts(), window in proptest::sample::select(vec!["hour", "day", "week", "month", "total"]),
    ) {
        let (window, axis, _) = axis_of(window);
        let steps = steps(&amounts);
        let inside = steps.iter().filter(|step| step.span.end > axis.start).map(|step| step.amount).sum::<u128>();
        let points = actual((1_000, window), &steps, axis, (NOW, inside));
        prop_assert!(points.is_sorted_by(|one, next| one.at < next.at && one.left >= next.left));
        prop_assert_eq!(points.last().map(|last| last.left), Some(1_000 - i128::try_from(inside).expect("small")));
    }

    #[test]
    fn what_does_not_count_is_left_out_to_the_last(amounts in amounts(), beside in 0_u128..20_000_000) {
        let (_, axis, _) = axis_of("total");
        let sum = |steps: &[Spent]| {
            steps.iter().filter(|step| step.span.end > axis.start).map(|step| step.amount).sum::<u128>()
        };
        let whole = sum(&steps(&amounts));
        prop_assert_eq!(sum(&without_first(steps(&amounts), axis, beside)), whole.saturating_sub(beside));
    }

    #[test]
    fn a_rolling_sum_is_the_sum_of_its_parts(amounts in amounts(), cut in 0_u64..3_000, back in 1_u64..3_000) {
        let steps = steps(&amounts);
        let (from, middle) = (NOW.before(minutes(back + cut)), NOW.before(minutes(cut)));
        let whole = rolling(&steps, from, NOW);
        let parts = rolling(&steps, from, middle) + rolling(&steps, middle, NOW);
        // Of a step that is cut, both halves are rounded down.
        prop_assert!(parts <= whole && whole - parts <= 1, "{parts} {whole}");
    }

    #[test]
    fn a_price_like_the_present_one_changes_no_slope(
        left in 0_i64..5_000, burn in 1_i64..900, price in 1_i64..1_000_000,
    ) {
        let (_, axis, _) = axis_of("day");
        let habit = Habit::default();
        let forecast = Forecast::new(&habit, steady(burn));
        let points = ahead(Money::from_nanos(left), &forecast, axis, NOW);
        let price = Money::from_nanos(price);
        for point in downgraded(&points, (price, price)).iter().skip(1) {
            prop_assert!(points.iter().any(|ahead| (ahead.at, ahead.middle) == (point.at, point.left)));
        }
        for point in downgraded(&points, (Money::ZERO, price)) {
            prop_assert_eq!(point.left, 0);
        }
    }
}
