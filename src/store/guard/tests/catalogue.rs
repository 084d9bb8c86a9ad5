//! The vault in motion: days and months that end, clocks that jump, caps that change, sweepers that meet,
//! with a thousand calls in flight.

use super::*;

/// The thousand calls in flight.
const FLIGHT: usize = 1_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn waited<T>(waiting: &[Waiting<T>]) -> Vec<T> {
    waiting.iter().map(|waiting| wait(waiting).unwrap()).collect()
}

fn holds(answers: &[Answer]) -> Vec<HoldId> {
    let hold = |answer: &Answer| match answer {
        Answer::Admitted(admission) => Some(admission.hold),
        _ => None,
    };
    answers.iter().filter_map(hold).collect()
}

/// Asks for so many holds at once, a cent each.
fn fly(vault: &Vault, calls: std::ops::Range<u128>) -> Vec<HoldId> {
    let waiting: Vec<_> =
        calls.map(|call| later(|reply| vault.reserve(ask(call, nanos(CENT), 0), reply))).collect();
    holds(&waited(&waiting))
}

/// Closes holds at once.
fn land(vault: &Vault, holds: &[HoldId], closing: Closing) -> Vec<Closed> {
    let close = |hold: &HoldId| {
        let order = Close { hold: *hold, closing, call: None, now: clocks(DAY).wall };
        later(|reply| vault.close(order, reply))
    };
    waited(&holds.iter().map(close).collect::<Vec<_>>())
}

/// Settled and reserved calls of each period of a window, oldest first.
fn periods_of(path: &Path, window: &str) -> Vec<[i64; 2]> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn
        .prepare("SELECT settled_calls, reserved_calls FROM budget WHERE window = ?1 ORDER BY start")
        .unwrap();
    let code = Window::parse(window).unwrap().code();
    let rows = statement.query_map([code], |row| Ok([row.get(0)?, row.get(1)?])).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Both clocks, `after` milliseconds from an instant.
fn both(from: Timestamp, after: i64) -> Clocks {
    Clocks {
        wall: Timestamp::from_millis(from.millis() + after),
        steady: Millis::new(after.unsigned_abs() + 1_000_000),
    }
}

/// Lets a thousand calls fly over the end of a day; half belong to each side, wherever they land.
#[track_caller]
fn over_midnight(zone: &str, morning: &str, ends_a_month: bool) {
    let place = quick_place();
    set(&place.path, &["all 500 calls/day", "each-tenant 100000 calls/month"]);
    let calendar = Calendar::named(zone).unwrap();
    let seconds = crate::wire::time::parse_calendar(morning.as_bytes()).unwrap();
    let end = calendar.day(seconds).end;
    let half = i64::try_from(FLIGHT / 2).unwrap();
    let start = Timestamp::from_millis(end.millis() - half);
    let vault = Vault::open(Setup { now: both(start, 0), ..setup(&place.path, zone, 0) }).unwrap();
    let ask_at = |at: usize| {
        let after = i64::try_from(at).unwrap();
        later(|reply| {
            vault.reserve(Reserve { now: both(start, after), ..ask(at as u128, nanos(1), 0) }, reply);
        })
    };
    let open = holds(&waited(&(0..FLIGHT).map(ask_at).collect::<Vec<_>>()));
    assert_eq!(open.len(), FLIGHT, "{zone} {morning}");
    let more = Reserve { now: both(start, 2 * half - 1), ..ask(9_999, nanos(1), 0) };
    assert!(matches!(verdict(&vault, more), Some(Verdict::Wait { .. })), "{zone} {morning}");
    assert!(land(&vault, &open, Closing::Settled(nanos(1))).iter().all(|closed| *closed == Closed::Done));
    assert_eq!(periods_of(&place.path, "day"), [[half, 0], [half, 0]], "{zone} {morning}");
    let months = if ends_a_month { vec![[half, 0]; 2] } else { vec![[2 * half, 0]] };
    assert_eq!(periods_of(&place.path, "month"), months, "{zone} {morning}");
    balanced(&place.path);
}

#[test]
fn a_call_settles_in_the_day_and_month_in_which_it_was_reserved() {
    for (zone, morning, ends_a_month) in [
        ("UTC", "2027-02-28T10:00:00Z", true),
        ("UTC", "2028-02-29T10:00:00Z", true),
        ("Asia/Kolkata", "2026-04-30T10:00:00Z", true),
        ("Asia/Kolkata", "2026-12-31T10:00:00Z", true),
        ("America/New_York", "2027-02-28T10:00:00Z", true),
        ("America/New_York", "2026-03-08T10:00:00Z", false),
        ("America/New_York", "2026-11-01T10:00:00Z", false),
        ("Australia/Lord_Howe", "2026-04-05T10:00:00Z", false),
        ("Australia/Lord_Howe", "2026-10-04T10:00:00Z", false),
        ("Australia/Lord_Howe", "2026-05-31T10:00:00Z", true),
        ("Pacific/Apia", "2028-02-29T10:00:00Z", true),
        ("Pacific/Apia", "2026-06-30T10:00:00Z", true),
    ] {
        over_midnight(zone, morning, ends_a_month);
    }
}

#[test]
fn a_lowered_cap_voids_nothing_and_admits_nothing_until_what_is_in_flight_fits() {
    let place = quick_place();
    set(&place.path, &["all 20/day"]);
    let vault = vault(&place.path);
    let open = fly(&vault, 0..FLIGHT as u128);
    assert_eq!((open.len(), sums(&place.path)), (FLIGHT, [0, 0, 1_000 * CENT]));
    set(&place.path, &["all 5/day"]);
    assert_eq!(fly(&vault, 2_000..2_010), []);
    assert_eq!(sums(&place.path), [0, 0, 1_000 * CENT], "what flies goes on");
    let (first, rest) = open.split_at(400);
    assert!(land(&vault, first, Closing::Settled(nanos(CENT))).iter().all(|closed| *closed == Closed::Done));
    assert_eq!(fly(&vault, 2_010..2_020), [], "half of it spent, and more than the cap held");
    let (second, rest) = rest.split_at(501);
    assert!(land(&vault, second, Closing::Voided).iter().all(|closed| *closed == Closed::Done));
    assert_eq!(fly(&vault, 2_020..2_030).len(), 1, "four dollars are spent and 99 cents held");
    set(&place.path, &["all 0/day"]);
    assert_eq!(fly(&vault, 2_030..2_040), []);
    set(&place.path, &["all 6/day"]);
    assert_eq!(fly(&vault, 2_040..2_200).len(), 100);
    assert!(land(&vault, rest, Closing::Settled(nanos(CENT))).iter().all(|closed| *closed == Closed::Done));
    balanced(&place.path);
}

#[test]
fn two_who_change_a_cap_in_turn_lose_no_change_and_no_call_passes_the_one_that_is_committed() {
    const CHANGES: usize = 40;
    let place = quick_place();
    set(&place.path, &["all 1000/day"]);
    let vault = vault(&place.path);
    let writers: Vec<_> = ["all 0/day", "all 1000/day"]
        .into_iter()
        .map(|text| {
            let path = place.path.clone();
            std::thread::spawn(move || {
                let (cap, mut store) = (Cap::parse(text).unwrap(), Store::open(&path).unwrap());
                let mut done = 0;
                while done < CHANGES {
                    let rev = store.cap_revision().unwrap();
                    match store.set_cap(&cap, rev, &author()) {
                        Ok(_) => done += 1,
                        Err(ChangeError::Stale { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    while !writers.iter().all(std::thread::JoinHandle::is_finished) {
        let call = answers.len() as u128;
        answers.push(reserve(&vault, ask(call, nanos(1), 0)).unwrap());
    }
    for writer in writers {
        writer.join().unwrap();
    }
    let log = Reader::open(&place.path).unwrap().cap_log().unwrap();
    assert_eq!(log.len(), 2 * CHANGES + 1);
    let mut before = None;
    let mut blocked = BTreeMap::new();
    for (number, change) in (1..).zip(log) {
        let Changed::Cap { old, new } = change.what else { panic!("a cap") };
        assert_eq!((change.rev, &old), (CapRev(number), &before));
        blocked.insert(change.rev, new.limit.size() == Some(0));
        before = Some(new);
    }
    for answer in &answers {
        match answer {
            Answer::Admitted(admission) => assert!(!blocked[&admission.rev]),
            Answer::Stopped(stop) => assert!(blocked[&stop.rev]),
            Answer::Repeated(_) => panic!("nothing was asked twice"),
        }
    }
    balanced(&place.path);
}

#[test]
fn no_clock_that_jumps_or_stands_gives_a_cent_more() {
    for jump in [HOUR, -HOUR, DAY, -DAY, 366 * DAY, -366 * DAY] {
        for again in [false, true] {
            let place = quick_place();
            set(&place.path, &["all 1 calls/hour", "all 1 calls/day", "all 1 calls/month"]);
            let mut vault = vault(&place.path);
            admitted(&vault, ask(1, nanos(1), 0));
            // A second later by the clock that nobody sets.
            let jumped = Clocks { steady: clocks(1_000).steady, ..clocks(jump) };
            if again {
                drop(vault);
                vault = Vault::open(Setup { now: jumped, ..setup(&place.path, "UTC", 0) }).unwrap();
            }
            let refused = verdict(&vault, Reserve { now: jumped, ..ask(2, nanos(1), 0) });
            assert!(refused.is_some(), "a jump by {jump} ms, started again: {again}");
            assert_eq!(vault.view().doubt.is_some(), jump.abs() > 600_000, "people are told");
        }
    }
}

#[test]
fn a_clock_that_stands_or_goes_back_over_midnight_gives_nothing_twice() {
    let place = quick_place();
    set(&place.path, &["all 1 calls/day"]);
    let vault = vault(&place.path);
    admitted(&vault, ask(1, nanos(1), 0));
    let at = |wall, steady| Clocks { steady: clocks(steady).steady, ..clocks(wall) };
    let stopped = |now, call| verdict(&vault, Reserve { now, ..ask(call, nanos(1), 0) }).is_some();
    assert!(stopped(at(0, 3 * DAY), 2), "frozen for three days");
    assert!(!stopped(at(4 * DAY, 4 * DAY), 3), "the next day has its own call");
    assert!(stopped(at(0, 4 * DAY + 1_000), 4) && stopped(at(4 * DAY - 1, 4 * DAY + 2_000), 5));
    assert_eq!(periods_of(&place.path, "day").len(), 2);
}

#[test]
fn sweepers_that_meet_close_each_hold_once() {
    let place = quick_place();
    set(&place.path, &["all 100/day"]);
    let dead = vault(&place.path);
    let sent = fly(&dead, 0..200);
    for call in 1_000..1_100 {
        admitted(&dead, Reserve { dispatch: Dispatch::Later, ..ask(call, nanos(CENT), 0) });
    }
    drop(dead);
    let open = || {
        let path = place.path.clone();
        std::thread::spawn(move || Vault::open(setup(&path, "UTC", 0)).map(|vault| sweep(&vault)))
    };
    let sweepers: Vec<_> = (0..4).map(|_| open()).collect();
    for sweeper in sweepers {
        assert_eq!(sweeper.join().unwrap(), Ok(Swept::default()), "it was done at the start, by one");
    }
    assert_eq!(sums(&place.path), [0, i64::try_from(sent.len()).unwrap() * CENT, 0]);
    balanced(&place.path);
}

#[test]
fn a_sweep_that_races_with_closings_has_one_effect_on_each_hold() {
    let place = quick_place();
    set(&place.path, &["all 100/day"]);
    let (one, other) = (vault(&place.path), vault(&place.path));
    let open = fly(&one, 0..300);
    let locks = || {
        let all = fs::read_dir(place.path.parent().unwrap()).unwrap();
        all.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().contains(".guard-"))
    };
    let sweeper = {
        let other = other.clone();
        std::thread::spawn(move || sweep(&other))
    };
    // Whoever finds no lock takes a guard for dead.
    locks().for_each(|lock| drop(fs::remove_file(lock)));
    let closed = land(&one, &open, Closing::Settled(nanos(CENT / 2)));
    sweeper.join().unwrap();
    locks().for_each(|lock| drop(fs::remove_file(lock)));
    sweep(&other);
    let done = closed.iter().filter(|closed| **closed == Closed::Done).count();
    let swept =
        closed.iter().filter(|closed| **closed == Closed::Already(State::Uncertain(nanos(CENT)))).count();
    assert_eq!(done + swept, open.len(), "{closed:?}");
    let cents = |count: usize| i64::try_from(count).unwrap() * CENT;
    assert_eq!(sums(&place.path), [cents(done) / 2, cents(swept), 0]);
    balanced(&place.path);
}

#[test]
fn a_hold_is_all_that_a_call_may_cost_and_never_what_is_left() {
    let place = quick_place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    admitted(&vault, ask(1, nanos(70 * CENT), 0));
    assert!(matches!(verdict(&vault, ask(2, nanos(40 * CENT), 0)), Some(Verdict::Wait { .. })));
    assert_eq!(sums(&place.path), [0, 0, 70 * CENT]);
}
