//! Pass-through: no cap stops a call until its instant, and every one does from then on, whoever writes or does not.

use super::*;

const HOUR: i64 = 3_600_000;

fn at(after: i64) -> Timestamp {
    clocks(after).wall
}

/// Orders that calls pass until an instant, or that caps hold again.
fn order(path: &Path, made: i64, until: Option<i64>) -> Result<CapRev, ChangeError> {
    let mut store = Store::open(path).unwrap();
    let rev = store.cap_revision().unwrap();
    store.pass_through(until.map(at), rev, &Author { at: at(made), ..author() })
}

fn balanced_books(path: &Path) {
    assert_eq!(Reader::open(path).unwrap().check_books().unwrap(), Vec::<String>::new());
}

#[test]
fn every_call_passes_until_the_instant_and_none_from_then_on() {
    let place = place();
    set(&place.path, &["all 0.10/day", "tenant:acme 1 calls/day"]);
    let vault = vault(&place.path);
    admitted(&vault, ask(1, nanos(5 * CENT), 0));
    assert!(verdict(&vault, ask(2, nanos(CENT), 1)).is_some());
    order(&place.path, 2, Some(HOUR)).unwrap();
    let hold = admitted(&vault, ask(3, nanos(90 * CENT), HOUR - 1));
    close(&vault, hold, Closing::Settled(nanos(80 * CENT))).unwrap();
    assert!(verdict(&vault, ask(4, nanos(1), HOUR)).is_some(), "it needs nobody to end it");
    // What was spent meanwhile counts.
    assert_eq!(sums(&place.path), [80 * CENT, 0, 5 * CENT]);
    drop(vault);
    balanced_books(&place.path);
}

#[test]
fn a_model_without_a_price_passes_too_and_is_not_taken_for_free() {
    let place = place();
    set(&place.path, &["all 0.10/day"]);
    let vault = vault(&place.path);
    let unpriced = |call, after| Reserve { pricing: Pricing::Unknown, ..ask(call, nanos(0), after) };
    assert!(verdict(&vault, unpriced(1, 0)).is_some());
    order(&place.path, 0, Some(HOUR)).unwrap();
    admitted(&vault, unpriced(2, 1));
    assert!(verdict(&vault, unpriced(3, HOUR)).is_some());
}

#[test]
fn it_is_ended_early_and_every_order_is_on_record() {
    let place = place();
    set(&place.path, &["all 0/day"]);
    let vault = vault(&place.path);
    order(&place.path, 0, Some(HOUR)).unwrap();
    admitted(&vault, ask(1, nanos(CENT), 1));
    let rev = order(&place.path, 2, None).unwrap();
    assert!(verdict(&vault, ask(2, nanos(1), 3)).is_some());
    assert_eq!(vault.revision(), rev);
    let log = Reader::open(&place.path).unwrap().cap_log().unwrap();
    let orders: Vec<_> = log
        .into_iter()
        .filter_map(|change| match change.what {
            Changed::PassThrough { until } => {
                Some((change.rev.0, until, change.by.to_string(), change.why.to_string()))
            }
            _ => None,
        })
        .collect();
    let made = |rev, until| (rev, until, "ann".to_owned(), "a test".to_owned());
    assert_eq!(orders, [made(2, Some(at(HOUR))), made(3, None)]);
    drop(vault);
    balanced_books(&place.path);
}

#[test]
fn an_order_of_old_caps_of_more_than_a_day_or_of_the_past_is_not_taken() {
    let place = place();
    let rev = set(&place.path, &["all 0/day"]);
    assert!(matches!(order(&place.path, 0, Some(24 * HOUR + 1)), Err(ChangeError::NoPassing(_))));
    assert!(matches!(order(&place.path, 5, Some(5)), Err(ChangeError::NoPassing(_))));
    set(&place.path, &["all 1/day"]);
    let mut store = Store::open(&place.path).unwrap();
    assert!(matches!(store.pass_through(Some(at(HOUR)), rev, &author()), Err(ChangeError::Stale { .. })));
    assert!(store.undo_cap(CapRev(9), CapRev(2), &author()).is_err());
}

#[test]
fn a_clock_that_goes_back_does_not_open_it_again() {
    let place = place();
    set(&place.path, &["all 0/day"]);
    let vault = vault(&place.path);
    order(&place.path, 0, Some(HOUR)).unwrap();
    assert!(verdict(&vault, ask(1, nanos(1), 2 * HOUR)).is_some());
    let back = Clocks { wall: at(1), steady: clocks(2 * HOUR + 1).steady };
    assert!(verdict(&vault, Reserve { now: back, ..ask(2, nanos(1), 0) }).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_call_passes_a_cap_of_nothing_just_while_it_is_said(
        orders in prop::collection::vec((0_i64..100, prop::option::of(1_i64..60)), 0..6),
        calls in prop::collection::vec(0_i64..200, 1..12),
    ) {
        let (mut orders, mut calls) = (orders, calls);
        orders.sort_unstable();
        calls.sort_unstable();
        let place = place();
        set(&place.path, &["all 0/day"]);
        let vault = vault(&place.path);
        let mut waiting = orders.into_iter().peekable();
        let mut passes: Option<i64> = None;
        for (number, minute) in calls.into_iter().enumerate() {
            while let Some((made, length)) = waiting.next_if(|(made, _)| *made <= minute) {
                passes = length.map(|length| made + length);
                order(&place.path, made * 60_000, passes.map(|until| until * 60_000)).unwrap();
            }
            let asked = ask(u128::try_from(number).unwrap(), nanos(CENT), minute * 60_000);
            let through = matches!(reserve(&vault, asked), Ok(Answer::Admitted(_)));
            prop_assert_eq!(through, passes.is_some_and(|until| minute < until));
        }
        drop(vault);
        balanced_books(&place.path);
    }
}
