//! Temporary caps: the cap before is back at the instant, and that is written down once, whoever writes and however
//! often it fails.

use super::*;
use crate::domain::cap_log::CapChange;
use crate::domain::until;

const HOUR: i64 = 3_600_000;

fn at(after: i64) -> Timestamp {
    clocks(after).wall
}

fn temporary(limit: &str, after: i64) -> String {
    format!("all {limit} --until {}", until::text(at(after)))
}

fn log(path: &Path) -> Vec<CapChange> {
    Reader::open(path).unwrap().cap_log().unwrap()
}

/// Returns the ends that are written down: of which change, when, and what was back.
fn ends(path: &Path) -> Vec<(u64, i64, String)> {
    let end = |change: CapChange| match change.what {
        Changed::Ended { rev, new, .. } => Some((rev.0, change.at.millis() - START, new.limit.to_string())),
        _ => None,
    };
    log(path).into_iter().filter_map(end).collect()
}

fn in_force(path: &Path, after: i64) -> Vec<String> {
    let book = Reader::open(path).unwrap().cap_book(&Base::default(), at(after)).unwrap();
    book.caps().map(|cap| cap.limit.to_string()).collect()
}

#[test]
fn a_raise_is_over_at_its_instant_and_a_call_of_that_instant_is_refused() {
    let place = place();
    set(&place.path, &["all 0.10/day", &temporary("1.00/day", HOUR)]);
    let vault = vault(&place.path);
    admitted(&vault, ask(1, nanos(20 * CENT), HOUR - 1));
    assert_eq!(ends(&place.path), []);
    assert!(verdict(&vault, ask(2, nanos(1), HOUR)).is_some());
    assert_eq!(ends(&place.path), [(2, HOUR, "0.10".to_owned())]);
    assert_eq!(vault.revision(), CapRev(3));
    assert!(verdict(&vault, ask(3, nanos(1), 2 * HOUR)).is_some());
    drop(vault);
    let vault = Vault::open(setup(&place.path, "UTC", 3 * HOUR)).unwrap();
    assert!(verdict(&vault, ask(4, nanos(1), 3 * HOUR)).is_some());
    assert_eq!(ends(&place.path).len(), 1, "a guard that starts anew does not write it again");
    drop(vault);
    assert_eq!(Reader::open(&place.path).unwrap().check_books().unwrap(), Vec::<String>::new());
}

#[test]
fn a_brake_is_taken_off_at_its_instant() {
    let place = place();
    set(&place.path, &["all 10/day", &temporary("0/day", HOUR)]);
    let vault = vault(&place.path);
    assert!(verdict(&vault, ask(1, nanos(1), HOUR - 1)).is_some());
    admitted(&vault, ask(2, nanos(CENT), HOUR));
    assert_eq!(ends(&place.path), [(2, HOUR, "10.00".to_owned())]);
    drop(vault);
    assert_eq!(Reader::open(&place.path).unwrap().check_books().unwrap(), Vec::<String>::new());
}

#[test]
fn a_guard_without_calls_writes_it_down_with_its_next_beat() {
    let place = place();
    set(&place.path, &["all 10/day", &temporary("20/day", HOUR)]);
    let vault = vault(&place.path);
    vault.beat(Beat { now: clocks(HOUR), in_flight: 0, admitted: 0, refused: 0, note: None });
    // An answer tells that what stood in line before it is done.
    wait(&later(|reply| vault.sweep(at(HOUR), reply))).unwrap();
    assert_eq!(ends(&place.path), [(2, HOUR, "10.00".to_owned())]);
}

#[test]
fn two_guards_and_a_screen_write_it_once() {
    let place = place();
    set(&place.path, &["all 10/day", &temporary("20/day", HOUR)]);
    let vaults = [vault(&place.path), vault(&place.path)];
    let waiting: Vec<_> = vaults
        .iter()
        .zip(1..)
        .map(|(vault, call)| later(|reply| vault.reserve(ask(call, nanos(CENT), HOUR), reply)))
        .collect();
    let mut store = Store::open(&place.path).unwrap();
    store.end_caps(&Base::default(), at(HOUR)).unwrap();
    for answer in &waiting {
        assert!(matches!(wait(answer), Ok(Answer::Admitted(_))));
    }
    assert!(!store.end_caps(&Base::default(), at(2 * HOUR)).unwrap());
    assert_eq!(ends(&place.path), [(2, HOUR, "10.00".to_owned())]);
    assert_eq!(log(&place.path).len(), 3);
}

#[test]
fn it_is_back_for_readers_before_anyone_has_written() {
    let place = place();
    set(&place.path, &["all 10/day", &temporary("20/day", HOUR)]);
    assert_eq!(
        (in_force(&place.path, HOUR - 1), in_force(&place.path, HOUR)),
        (vec!["20.00".to_owned()], vec!["10.00".to_owned()])
    );
    let reader = Reader::open(&place.path).unwrap();
    let standings = reader.standings(&Base::default(), &Calendar::utc(), at(HOUR)).unwrap();
    assert_eq!(standings.iter().map(|it| it.touch.cap.limit.to_string()).collect::<Vec<_>>(), ["10.00"]);
    assert_eq!(ends(&place.path), []);
}

#[test]
fn what_broke_off_before_the_commit_is_written_by_the_next() {
    let place = place();
    set(&place.path, &["all 10/day", &temporary("20/day", HOUR)]);
    let conn = Connection::open(&place.path).unwrap();
    {
        let broken = conn.unchecked_transaction().unwrap();
        assert!(super::super::cap::write_ends(&broken, &Base::default(), at(HOUR)).unwrap());
    }
    assert_eq!(ends(&place.path), []);
    let mut store = Store::open(&place.path).unwrap();
    assert!(store.end_caps(&Base::default(), at(HOUR)).unwrap());
    assert_eq!(ends(&place.path).len(), 1);
    let twice = conn.execute(
        "INSERT INTO cap_rev (rev, at, by, old, cap, why, ended) SELECT 99, at, by, old, cap, why, ended FROM cap_rev
         WHERE ended IS NOT NULL",
        [],
    );
    assert!(twice.is_err(), "the store itself keeps a second one out");
}

#[test]
fn a_temporary_cap_is_changed_and_undone_like_any_other() {
    let place = place();
    let rev = set(&place.path, &["all 10/day", &temporary("20/day", HOUR)]);
    let mut store = Store::open(&place.path).unwrap();
    let past = Cap::parse(&temporary("20/day", 0)).unwrap();
    assert!(matches!(store.set_cap(&past, rev, &author()), Err(ChangeError::Over)));
    store.end_caps(&Base::default(), at(HOUR)).unwrap();
    let late = Author { at: at(2 * HOUR), ..author() };
    assert!(matches!(
        store.undo_cap(CapRev(3), CapRev(3), &late),
        Err(ChangeError::AnEnd { ended: CapRev(2), .. })
    ));
    let rev = store.set_cap(&Cap::parse("all 30/day").unwrap(), CapRev(3), &late).unwrap();
    let newest = log(&place.path).pop().unwrap();
    let Changed::Cap { old, .. } = newest.what else { panic!("a cap") };
    assert_eq!(old.map(|old| old.limit.to_string()), Some("10.00".to_owned()), "the one that was in force");
    store.undo_cap(rev, rev, &late).unwrap();
    assert_eq!(in_force(&place.path, 2 * HOUR), ["10.00"]);
}

#[test]
fn a_cap_of_the_configuration_is_back_too() {
    let place = place();
    let stated = vec![Cap::parse("all 0.05/day").unwrap()];
    let base = Base { caps: stated, ..Base::default() };
    set(&place.path, &[&temporary("1.00/day", HOUR)]);
    let vault = Vault::open(Setup { base: base.clone(), ..setup(&place.path, "UTC", 0) }).unwrap();
    admitted(&vault, ask(1, nanos(20 * CENT), 0));
    assert!(verdict(&vault, ask(2, nanos(1), HOUR)).is_some());
    assert_eq!(ends(&place.path), [(1, HOUR, "0.05".to_owned())]);
    // The record sets nothing: another configuration counts as before.
    let other = Base { caps: vec![Cap::parse("all 7/day").unwrap()], ..Base::default() };
    let book = Reader::open(&place.path).unwrap().cap_book(&other, at(HOUR)).unwrap();
    assert_eq!(book.caps().map(|cap| cap.limit.to_string()).collect::<Vec<_>>(), ["7.00"]);
}
