//! What a forecast says of made-up pasts.

use super::*;
use proptest::prelude::*;

/// Midnight of a day, 10:30 that day, and the day's end.
const MIDNIGHT: Timestamp = Timestamp::from_seconds(1_795_305_600);
const NOW: Timestamp = Timestamp::from_seconds(1_795_305_600 + 37_800);
const NIGHT: Timestamp = Timestamp::from_seconds(1_795_305_600 + 86_400);

fn usd(cents: i64) -> Money {
    Money::from_nanos(cents * 10_000_000)
}

fn hours(hours: u64) -> Millis {
    Millis::from_minutes(60 * hours)
}

/// A past of `count` hours before the running one, each with what `cents` says of its hour of day.
fn habit(count: u64, cents: fn(i64) -> i64) -> Habit {
    let spent = (1..=count).map(|back| {
        let at = NOW.before(hours(back));
        (at, usd(cents(hour_of(at).rem_euclid(24))))
    });
    Habit::of(Past::new(spent, NOW))
}

fn present(running: i64, burn: i64) -> Present {
    Present { now: NOW, running: usd(running), burn: usd(burn) }
}

#[test]
fn an_even_pace_goes_on() {
    let habit = habit(300, |_| 100);
    let forecast = Forecast::new(&habit, present(50, 100));
    assert!(forecast.is_by_hours());
    let at = NOW.after(hours(5));
    assert_eq!(forecast.reach(usd(500), Some(NIGHT)), Reach::At { at, range: Some((at, Some(at))) });
    let likely = forecast.until(NIGHT);
    assert_eq!((likely.middle, likely.range), (usd(1_350), Some((usd(1_350), usd(1_350)))));
    assert_eq!(forecast.reach(usd(1_350), Some(NIGHT)), Reach::Never);
}

#[test]
fn a_night_is_quiet_because_nights_were() {
    let habit = habit(300, |hour| if (8..20).contains(&hour) { 200 } else { 0 });
    let forecast = Forecast::new(&habit, present(100, 200));
    let day = forecast.until(MIDNIGHT.after(hours(20))).middle;
    let night = forecast.until(NIGHT).middle;
    assert!(night.nanos() - day.nanos() < usd(40).nanos(), "{day:?} by the evening, {night:?} by midnight");
    assert!(matches!(forecast.reach(usd(3_000), Some(NIGHT)), Reach::Never));
    let Reach::At { at, .. } = forecast.reach(usd(3_000), None) else { panic!("reached tomorrow") };
    assert!(at > NIGHT.after(hours(8)) && at < NIGHT.after(hours(20)), "{at:?}");
}

#[test]
fn a_runaway_is_seen_within_the_hour() {
    let habit = habit(300, |_| 100);
    let calm = Forecast::new(&habit, present(50, 100)).reach(usd(1_000), Some(NIGHT));
    let Reach::At { at, .. } = calm else { panic!("{calm:?}") };
    assert_eq!(at, NOW.after(hours(10)));
    let Reach::At { at, .. } = Forecast::new(&habit, present(1_000, 2_000)).reach(usd(1_000), Some(NIGHT))
    else {
        panic!("it is reached")
    };
    assert!(at < NOW.after(hours(2)), "{at:?}");
}

#[test]
fn with_less_than_a_day_the_burn_goes_on_and_no_range_is_told() {
    let habit = habit(23, |_| 100);
    let forecast = Forecast::new(&habit, present(0, 200));
    assert!(!forecast.is_by_hours());
    assert_eq!(forecast.reach(usd(600), Some(NIGHT)), Reach::At { at: NOW.after(hours(3)), range: None });
    assert_eq!(forecast.until(NOW.after(hours(2))), Likely { middle: usd(400), range: None });
    assert_eq!(Forecast::new(&habit, present(0, 0)).reach(usd(600), Some(NIGHT)), Reach::Unknown);
}

#[test]
fn what_is_used_up_is_reached_and_what_lies_behind_is_nothing() {
    let habit = habit(100, |_| 100);
    let forecast = Forecast::new(&habit, present(0, 0));
    assert_eq!(forecast.reach(Money::ZERO, None), Reach::Now);
    assert_eq!(forecast.until(MIDNIGHT).middle, Money::ZERO);
    assert_eq!(Forecast::new(&Habit::default(), present(0, 100)).reach(usd(-1), None), Reach::Now);
}

#[test]
fn a_range_is_not_carried_further_than_it_can_be_known() {
    let habit = habit(30, |hour| hour * 10);
    let forecast = Forecast::new(&habit, present(0, 0));
    assert!(forecast.until(NOW.after(hours(4))).range.is_some());
    assert_eq!(forecast.until(NOW.after(hours(500))).range, None);
}

#[test]
fn the_running_hour_old_hours_and_repeats_are_sorted_out() {
    let spent = [
        (NOW, usd(1)),
        (NOW.before(hours(2)), usd(2)),
        (NOW.before(hours(2)), usd(3)),
        (NOW.before(hours(400)), usd(4)),
    ];
    let past = Past::new(spent, NOW);
    assert_eq!((past.hours(), past.spent), (2, vec![usd(5).nanos(), 0]));
}

/// Any past, any present.
fn known() -> impl Strategy<Value = (Habit, Present)> {
    let nanos = prop_oneof![4 => 0..10_000_000_000_i64, 1 => Just(0), 1 => any::<i64>()];
    let spent = proptest::collection::vec((0..400_u64, nanos.clone()), 0..400);
    (spent, nanos.clone(), nanos, 0..3_600_000_u64).prop_map(|(spent, running, burn, late)| {
        let now = MIDNIGHT.after(Millis::new(late));
        let past = spent.into_iter().map(|(back, nanos)| (now.before(hours(back)), Money::from_nanos(nanos)));
        let present = Present { now, running: Money::from_nanos(running), burn: Money::from_nanos(burn) };
        (Habit::of(Past::new(past, now)), present)
    })
}

/// How late a reach is; what is never reached is the latest.
fn lateness(reach: Reach) -> i64 {
    match reach {
        Reach::Now => i64::MIN,
        Reach::At { at, .. } => at.millis(),
        Reach::Never | Reach::Unknown => i64::MAX,
    }
}

proptest! {
    #[test]
    fn the_more_is_left_the_later_it_is_reached((habit, present) in known(), left in 0..i64::MAX, more in 0..i64::MAX) {
        let forecast = Forecast::new(&habit, present);
        let reach = |left| lateness(forecast.reach(Money::from_nanos(left), Some(NIGHT)));
        prop_assert!(reach(left) <= reach(left.saturating_add(more)));
    }

    #[test]
    fn nothing_is_reached_in_the_past_and_the_range_holds_the_middle((habit, present) in known(), left in 1..i64::MAX) {
        let forecast = Forecast::new(&habit, present);
        for end in [Some(NIGHT), None] {
            if let Reach::At { at, range } = forecast.reach(Money::from_nanos(left), end) {
                prop_assert!(at >= present.now);
                prop_assert!(end.is_none_or(|end| at < end));
                if let Some((early, late)) = range {
                    prop_assert!(present.now <= early && early <= at);
                    prop_assert!(late.is_none_or(|late| at <= late));
                }
            }
        }
    }

    #[test]
    fn spend_never_falls_and_its_range_holds_the_middle((habit, present) in known(), ahead in 0..1_000_u64) {
        let forecast = Forecast::new(&habit, present);
        let end = present.now.after(hours(ahead));
        let (likely, later) = (forecast.until(end), forecast.until(end.after(Millis::from_minutes(20))));
        prop_assert!(likely.middle >= Money::ZERO && likely.middle <= later.middle);
        if let Some((low, high)) = likely.range {
            prop_assert!(Money::ZERO <= low && low <= likely.middle && likely.middle <= high);
        }
    }

    #[test]
    fn nothing_is_made_up_of_too_little(spent in proptest::collection::vec(1..i64::MAX, 0..23), left in 1..i64::MAX) {
        let past = (1..).zip(spent).map(|(back, nanos)| (NOW.before(hours(back)), Money::from_nanos(nanos)));
        let habit = Habit::of(Past::new(past, NOW));
        let forecast = Forecast::new(&habit, present(0, 0));
        prop_assert_eq!(forecast.reach(Money::from_nanos(left), None), Reach::Unknown);
        prop_assert_eq!(forecast.until(NIGHT), Likely { middle: Money::ZERO, range: None });
    }

    #[test]
    fn a_path_ends_with_what_is_foreseen_until_then((habit, present) in known(), minutes in 0..60_000_u64) {
        let forecast = Forecast::new(&habit, present);
        let end = present.now.after(Millis::from_minutes(minutes));
        let path = forecast.path(end);
        prop_assert!(path.is_sorted_by(|one, next| one.0 < next.0 && one.1.middle <= next.1.middle));
        prop_assert_eq!(path.last().copied(), (minutes > 0).then(|| (end, forecast.until(end))));
    }

    #[test]
    fn what_is_foreseen_is_when_it_is_reached((habit, present) in known(), left in 1..100_000_000_000_i64) {
        let forecast = Forecast::new(&habit, present);
        if let Reach::At { at, .. } = forecast.reach(Money::from_nanos(left), None) {
            prop_assert!(forecast.until(at).middle >= Money::from_nanos(left));
            let before = at.before(Millis::new(1));
            prop_assert!(before < present.now || forecast.until(before).middle <= Money::from_nanos(left));
        }
    }
}
