//! The vault against the rules in memory, against others on the same file, and against stores that fail.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::domain::amount::Amount;
use crate::domain::budget::{Budget, Movement};
use crate::domain::calendar::Calendar;
use crate::domain::call::{CallId, ModelId, Provider, TenantId};
use crate::domain::cap::{Cap, CapRev, Revision};
use crate::domain::cap_book::{Caller, CapBook, Touch};
use crate::domain::cap_log::Changed;
use crate::domain::closing::Closing;
use crate::domain::gate::{Ask, Pricing, Standing, Verdict, judge};
use crate::domain::hold::{Attempt, GuardId, Hold, HoldId, PriceRev, State};
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::period::{Place as BudgetPlace, periods};
use crate::domain::period_clock::Clocks;
use crate::domain::plan::{Plan, Plans};
use crate::domain::scope::{Account, KeyId, PlanId};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::Tokens;
use crate::domain::window::Window;
use crate::store::{Reader, Store, StoreError};

mod catalogue;
mod pass;
mod until;

/// 2026-11-20 00:00 UTC.
const START: i64 = 1_795_132_800_000;
const CENT: i64 = 10_000_000;
/// Longer than anything here takes: a test that waits so long has failed.
const LONG: Duration = Duration::from_mins(1);

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/outlay.db");
    Place { _dir: dir, path }
}

/// A place in memory where there is one: histories are about sums, not about the disk.
fn quick_place() -> Place {
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return place() };
    let path = dir.path().join("state/outlay.db");
    Place { _dir: dir, path }
}

/// Both clocks, `after` milliseconds from the start.
fn clocks(after: i64) -> Clocks {
    Clocks { wall: Timestamp::from_millis(START + after), steady: Millis::new(after.unsigned_abs()) }
}

fn setup(path: &Path, zone: &str, after: i64) -> Setup {
    Setup {
        path: path.to_owned(),
        name: Label::new("g"),
        pid: 1,
        listen: Label::new("127.0.0.1:4180"),
        calendar: Calendar::named(zone).unwrap(),
        base: Base::default(),
        linger: Duration::ZERO,
        now: clocks(after),
    }
}

fn vault(path: &Path) -> Vault {
    Vault::open(setup(path, "UTC", 0)).unwrap()
}

fn author() -> Author {
    Author { by: Label::new("ann"), at: clocks(0).wall, why: Label::new("a test") }
}

/// Sets caps, one after the other.
fn set(path: &Path, caps: &[&str]) -> CapRev {
    let mut store = Store::open(path).unwrap();
    let mut rev = store.cap_revision().unwrap();
    for cap in caps {
        rev = store.set_cap(&Cap::parse(cap).unwrap(), rev, &author()).unwrap();
    }
    rev
}

fn nanos(nanos: i64) -> Amount {
    Amount::new(Money::from_nanos(nanos), 1, Tokens::new(nanos.unsigned_abs())).unwrap()
}

fn caller(tenant: &str) -> Caller {
    Caller {
        tenant: TenantId::new(tenant),
        model: ModelId::new("m"),
        provider: Provider::new("p"),
        key: None,
    }
}

fn ask(call: u128, amount: Amount, after: i64) -> Reserve {
    Reserve {
        caller: caller("acme"),
        amount,
        pricing: Pricing::Known,
        call: CallId::from_bits(call),
        attempt: Attempt(1),
        price_rev: PriceRev(1),
        predicted: Some(Money::from_nanos(7)),
        dispatch: Dispatch::Now,
        once: None,
        now: clocks(after),
    }
}

type Waiting<T> = Receiver<Result<T, StoreError>>;

fn later<T: Send + 'static>(order: impl FnOnce(Box<dyn FnOnce(Result<T, StoreError>) + Send>)) -> Waiting<T> {
    let (tell, told) = sync_channel(1);
    order(Box::new(move |answer| drop(tell.send(answer))));
    told
}

fn wait<T>(waiting: &Waiting<T>) -> Result<T, StoreError> {
    waiting.recv_timeout(LONG).expect("an answer")
}

fn reserve(vault: &Vault, order: Reserve) -> Result<Answer, StoreError> {
    wait(&later(|reply| vault.reserve(order, reply)))
}

#[track_caller]
fn admitted(vault: &Vault, order: Reserve) -> HoldId {
    match reserve(vault, order) {
        Ok(Answer::Admitted(admission)) => admission.hold,
        other => panic!("not admitted: {other:?}"),
    }
}

fn verdict(vault: &Vault, order: Reserve) -> Option<Verdict> {
    match reserve(vault, order).unwrap() {
        Answer::Stopped(stop) => Some(stop.verdict),
        _ => None,
    }
}

fn close(vault: &Vault, hold: HoldId, closing: Closing) -> Result<Closed, StoreError> {
    let order = Close { hold, closing, call: None, now: clocks(0).wall };
    wait(&later(|reply| vault.close(order, reply)))
}

fn sweep(vault: &Vault) -> Swept {
    wait(&later(|reply| vault.sweep(clocks(0).wall, reply))).unwrap()
}

#[track_caller]
fn balanced(path: &Path) {
    assert_eq!(Reader::open(path).unwrap().check_books().unwrap(), Vec::<String>::new());
}

/// Settled, uncertain and reserved money of the first budget.
fn sums(path: &Path) -> [i64; 3] {
    let conn = Connection::open(path).unwrap();
    conn.query_row("SELECT settled_money, uncertain_money, reserved_money FROM budget", [], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?])
    })
    .unwrap()
}

#[test]
fn of_a_thousand_callers_at_once_exactly_as_many_pass_as_fit() {
    let place = place();
    let vault = vault(&place.path);
    set(&place.path, &["all 1/day"]);
    let threads: Vec<_> = (0..1_000)
        .map(|call| {
            let vault = vault.clone();
            std::thread::spawn(move || {
                let answer = reserve(&vault, ask(call, nanos(4 * CENT), 0)).unwrap();
                let Answer::Admitted(admission) = answer else { return 0 };
                assert_eq!(
                    close(&vault, admission.hold, Closing::Settled(nanos(4 * CENT))),
                    Ok(Closed::Done)
                );
                1
            })
        })
        .collect();
    let admitted: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((admitted, sums(&place.path)), (25, [100 * CENT, 0, 0]));
    balanced(&place.path);
}

#[test]
fn two_guards_on_one_file_share_one_cap() {
    let place = place();
    set(&place.path, &["all 1/day", "each-tenant 0.60/day"]);
    let vaults = [vault(&place.path), vault(&place.path)];
    let waiting: Vec<_> = (0..400_usize)
        .map(|call| {
            let mut order = ask(call as u128, nanos(4 * CENT), 0);
            order.caller.tenant = TenantId::new(&format!("t{}", call / 2 % 2));
            later(|reply| vaults[call % 2].reserve(order, reply))
        })
        .collect();
    let answers = waiting.iter().map(|waiting| wait(waiting).unwrap());
    assert_eq!(answers.filter(|answer| matches!(answer, Answer::Admitted(_))).count(), 25);
    balanced(&place.path);
}

#[test]
fn of_two_guards_in_turn_each_knows_what_the_other_has_just_held() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vaults = [vault(&place.path), vault(&place.path)];
    let mut holds = Vec::new();
    for call in 0..30_usize {
        let answer = reserve(&vaults[call % 2], ask(call as u128, nanos(4 * CENT), 0)).unwrap();
        let Answer::Admitted(admission) = answer else { continue };
        assert!(call < 25, "call {call} passes the cap");
        holds.push(admission.hold);
    }
    assert_eq!(holds.len(), 25);
    // What one gives back the other can hold at once.
    assert_eq!(close(&vaults[0], holds[0], Closing::Voided), Ok(Closed::Done));
    admitted(&vaults[1], ask(99, nanos(4 * CENT), 0));
    balanced(&place.path);
}

#[test]
fn a_hold_closes_once_whoever_comes_and_however_often() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    let hold = admitted(&vault, ask(1, nanos(30), 0));
    let closings = [Closing::Settled(nanos(10)), Closing::Settled(nanos(10)), Closing::Voided];
    let waiting = closings.map(|closing| {
        let order = Close { hold, closing, call: None, now: clocks(0).wall };
        later(|reply| vault.close(order, reply))
    });
    let closed = waiting.map(|waiting| wait(&waiting).unwrap());
    let already = Closed::Already(State::Settled(nanos(10)));
    assert_eq!((closed, sums(&place.path)), ([Closed::Done, already, already], [10, 0, 0]));
    assert_eq!(close(&vault, HoldId::from_bits(5), Closing::Voided), Ok(Closed::Unknown));
    balanced(&place.path);
}

#[test]
fn what_a_dead_guard_sent_is_charged_and_what_it_did_not_send_is_given_back() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let dead = vault(&place.path);
    let sent = admitted(&dead, ask(1, nanos(30), 0));
    let kept = admitted(&dead, Reserve { dispatch: Dispatch::Later, ..ask(2, nanos(40), 0) });
    drop(dead);
    let sweepers = [vault(&place.path), vault(&place.path)];
    assert_eq!(sums(&place.path), [0, 30, 0]);
    assert_eq!(sweepers.each_ref().map(sweep), [Swept::default(); 2]);
    assert_eq!(close(&sweepers[0], sent, Closing::Voided), Ok(Closed::Already(State::Uncertain(nanos(30)))));
    let no = wait(&later(|reply| sweepers[0].dispatch(kept, reply)));
    assert_eq!(no, Ok(Started::No(Some(State::Voided))));
    balanced(&place.path);
    let reader = Reader::open(&place.path).unwrap();
    assert_eq!((reader.guards().unwrap().len(), reader.uncertain().unwrap().len()), (2, 1));
}

#[test]
fn the_holds_of_a_living_guard_are_never_swept_however_old() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let (one, other) = (vault(&place.path), vault(&place.path));
    let hold = admitted(&one, ask(1, nanos(30), 0));
    let year = Timestamp::from_millis(START + 400 * 86_400_000);
    assert_eq!(wait(&later(|reply| other.sweep(year, reply))), Ok(Swept::default()));
    assert_eq!(close(&one, hold, Closing::Settled(nanos(3))), Ok(Closed::Done));
}

#[test]
fn a_cap_that_is_lowered_admits_nothing_from_the_commit_on() {
    let place = place();
    let rev = set(&place.path, &["all 10/day"]);
    let vault = vault(&place.path);
    let waiting: Vec<_> =
        (0..1_000).map(|call| later(|reply| vault.reserve(ask(call, nanos(CENT), 0), reply))).collect();
    let low = set(&place.path, &["all 0/day"]);
    assert_eq!(low.0, rev.0 + 1);
    for waiting in &waiting {
        match wait(waiting).unwrap() {
            Answer::Admitted(admission) => assert_eq!(admission.rev, rev),
            Answer::Stopped(stop) => assert_eq!(stop.rev, low),
            Answer::Repeated(_) => panic!("nothing was asked twice"),
        }
    }
    assert!(matches!(verdict(&vault, ask(2_000, nanos(1), 0)), Some(Verdict::Reject { .. })));
    assert_eq!(vault.revision(), low);
    set(&place.path, &["all 20/day"]);
    admitted(&vault, ask(2_001, nanos(1), 0));
    balanced(&place.path);
}

#[test]
fn of_two_who_change_the_caps_at_once_one_is_told_to_look_again() {
    let place = place();
    let rev = set(&place.path, &["all 10/day"]);
    let changes: Vec<_> = (0..8)
        .map(|dollars| {
            let path = place.path.clone();
            std::thread::spawn(move || {
                let cap = Cap::parse(&format!("all {dollars}/day")).unwrap();
                Store::open(&path).unwrap().set_cap(&cap, rev, &author())
            })
        })
        .collect();
    let (done, stale): (Vec<_>, Vec<_>) =
        changes.into_iter().map(|thread| thread.join().unwrap()).partition(Result::is_ok);
    assert_eq!((done.len(), stale.len()), (1, 7));
    assert!(stale.into_iter().all(|error| matches!(error, Err(ChangeError::Stale { .. }))));
    let log = Reader::open(&place.path).unwrap().cap_log().unwrap();
    assert_eq!(log.len(), 2);
    let Changed::Cap { old, .. } = &log[1].what else { panic!("a cap") };
    assert_eq!(old.as_ref().map(Cap::to_string), Some("all 10.00/day --hard".to_owned()));
    assert_eq!((log[1].by, log[1].why), (author().by, author().why));
}

#[test]
fn a_change_is_undone_by_another_and_only_the_newest_of_its_cap() {
    let place = place();
    let rev = set(&place.path, &["all 10/day", "all 5/day", "model:m 1/day"]);
    let mut store = Store::open(&place.path).unwrap();
    let buried = store.undo_cap(CapRev(1), rev, &author());
    assert!(matches!(buried, Err(ChangeError::Buried { newest: CapRev(2), .. })));
    let rev = store.undo_cap(CapRev(2), rev, &author()).unwrap();
    let rev = store.undo_cap(CapRev(3), rev, &author()).unwrap();
    let book = Reader::open(&place.path).unwrap().cap_book(&Base::default(), clocks(0).wall).unwrap();
    let caps: Vec<String> = book.caps().map(ToString::to_string).collect();
    assert_eq!((caps, book.rev()), (vec!["all 10.00/day --hard".to_owned()], rev));
    assert!(matches!(store.undo_cap(CapRev(99), rev, &author()), Err(ChangeError::NoSuchChange { .. })));
}

#[test]
fn a_cap_of_the_configuration_holds_until_one_is_set() {
    let place = place();
    let free = Plan::parse("free", &["2 calls/day"], None).unwrap();
    let base = Base {
        caps: vec![Cap::parse("all 1/day").unwrap()],
        plans: Plans::new([free], Some(PlanId::new("free"))),
    };
    let vault = Vault::open(Setup { base, ..setup(&place.path, "UTC", 0) }).unwrap();
    assert!(matches!(verdict(&vault, ask(1, nanos(101 * CENT), 0)), Some(Verdict::Reject { .. })));
    let rev = set(&place.path, &["all 2/day"]);
    admitted(&vault, ask(1, nanos(101 * CENT), 0));
    admitted(&vault, ask(2, nanos(1), 0));
    assert!(matches!(verdict(&vault, ask(3, nanos(1), 0)), Some(Verdict::Wait { .. })));
    let mut store = Store::open(&place.path).unwrap();
    let team = Some(PlanId::new("team"));
    store.assign_plan((TenantId::new("acme"), team), rev, &author()).unwrap();
    admitted(&vault, ask(3, nanos(1), 0));
}

#[test]
fn a_tenant_that_changes_its_plan_and_a_cap_that_comes_back_find_what_was_spent() {
    let place = place();
    let rev = set(&place.path, &["plan:free 2 calls/day", "all 2 calls/day"]);
    let vault = vault(&place.path);
    let mut store = Store::open(&place.path).unwrap();
    let rev = store.remove_cap(Cap::parse("all 2 calls/day").unwrap().key(), rev, &author()).unwrap();
    admitted(&vault, ask(1, nanos(1), 0));
    admitted(&vault, ask(2, nanos(1), 0));
    let free = Some(PlanId::new("free"));
    let rev = store.assign_plan((TenantId::new("acme"), free), rev, &author()).unwrap();
    assert!(matches!(verdict(&vault, ask(3, nanos(1), 0)), Some(Verdict::Wait { .. })));
    let rev = store.assign_plan((TenantId::new("acme"), None), rev, &author()).unwrap();
    store.set_cap(&Cap::parse("all 2 calls/day").unwrap(), rev, &author()).unwrap();
    assert!(matches!(verdict(&vault, ask(3, nanos(1), 0)), Some(Verdict::Wait { .. })));
    balanced(&place.path);
}

#[test]
fn a_cap_set_at_noon_knows_the_morning() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    let spent = admitted(&vault, ask(1, nanos(30), 0));
    close(&vault, spent, Closing::Settled(nanos(20))).unwrap();
    let flying = admitted(&vault, ask(2, nanos(40), 1));
    let mut other = ask(3, nanos(50), 2);
    other.caller.tenant = TenantId::new("other");
    admitted(&vault, other.clone());
    set(&place.path, &["tenant:acme 0.0000001/rolling:1d", "model:m 0.00000011/total"]);
    let why = |order| match verdict(&vault, order) {
        Some(Verdict::Wait { why }) => Some((why.touch.account.to_string(), why.spent, why.held)),
        _ => None,
    };
    assert_eq!(why(ask(4, nanos(41), 3)), Some(("model:m".to_owned(), 20, 90)));
    assert_eq!(verdict(&vault, Reserve { amount: nanos(0), ..other }), None);
    close(&vault, flying, Closing::Voided).unwrap();
    admitted(&vault, ask(5, nanos(40), 4));
    assert_eq!(why(ask(6, nanos(41), 5)), Some(("model:m".to_owned(), 20, 90)));
    balanced(&place.path);
}

#[test]
fn what_a_cap_would_find_used_is_what_it_finds() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    let spent = admitted(&vault, ask(1, nanos(30), 0));
    close(&vault, spent, Closing::Settled(nanos(20))).unwrap();
    admitted(&vault, ask(2, nanos(40), 1));
    let (calendar, now) = (Calendar::utc(), clocks(2).wall);
    let account = Account::Tenant(TenantId::new("acme"));
    let used = |window: &str| {
        let window = Window::parse(window).unwrap();
        Reader::open(&place.path).unwrap().used(account, window, &calendar, now).unwrap().0
    };
    let want = Budget { settled: nanos(20), uncertain: Amount::ZERO, reserved: nanos(40) };
    assert_eq!([used("day"), used("rolling:6h"), used("total")], [want; 3]);
    set(&place.path, &["tenant:acme 1/total"]);
    admitted(&vault, ask(3, nanos(1), 3));
    let want = Budget { reserved: nanos(40).plus(nanos(1)).unwrap(), ..want };
    assert_eq!([used("day"), used("total")], [want; 2], "kept since, and summed from the holds");
}

#[test]
fn a_repeated_request_is_charged_once() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let dead = vault(&place.path);
    let once = |body: u8| Some(Once { key: [1; 16], body: [body; 16] });
    let first = Reserve { once: once(1), ..ask(1, nanos(30), 0) };
    let hold = admitted(&dead, first.clone());
    let again =
        |vault: &Vault, body| match reserve(vault, Reserve { once: once(body), ..ask(2, nanos(30), 0) }) {
            Ok(Answer::Repeated(repeat)) => Some((repeat.call.bits(), repeat.state, repeat.same)),
            _ => None,
        };
    assert_eq!(again(&dead, 1), Some((1, State::Dispatched, true)));
    assert_eq!(again(&dead, 2), Some((1, State::Dispatched, false)));
    drop(dead);
    let vault = vault(&place.path);
    assert_eq!(again(&vault, 1), Some((1, State::Uncertain(nanos(30)), true)));
    // The next attempt of the same call is none of these, and a voided one does not count.
    let retry = admitted(&vault, Reserve { attempt: Attempt(2), ..first });
    assert_ne!(retry, hold);
    close(&vault, retry, Closing::Voided).unwrap();
    assert_eq!(again(&vault, 1), Some((1, State::Uncertain(nanos(30)), true)));
    balanced(&place.path);
}

#[test]
fn uncertain_money_is_lowered_everywhere_at_once_and_only_once() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    let hold = admitted(&vault, ask(1, nanos(30), 0));
    close(&vault, hold, Closing::Uncertain(nanos(30))).unwrap();
    let mut store = Store::open(&place.path).unwrap();
    assert!(matches!(store.resolve(hold, nanos(31), &author()), Err(ChangeError::Illegal(_))));
    store.resolve(hold, nanos(12), &author()).unwrap();
    assert!(matches!(store.resolve(hold, nanos(1), &author()), Err(ChangeError::Illegal(_))));
    assert_eq!(sums(&place.path), [12, 0, 0]);
    balanced(&place.path);
}

#[test]
fn keys_open_what_they_should_and_nothing_else() {
    let place = place();
    let vault = vault(&place.path);
    let mut store = Store::open(&place.path).unwrap();
    let now = clocks(0).wall;
    let wish = |tenant: &str, expires| KeyWish {
        tenant: TenantId::new(tenant),
        expires,
        by: Label::new("ann"),
        at: now,
    };
    let mine = store.create_key(&wish("acme", None)).unwrap();
    let soon = store.create_key(&wish("acme", Some(Timestamp::from_millis(START + 10)))).unwrap();
    assert!(matches!(store.create_key(&wish("acme", None)), Err(ChangeError::TooManyKeys { .. })));
    let theirs = store.create_key(&wish("other", None)).unwrap();
    // An order makes the vault look at the store.
    sweep(&vault);
    let opens = |shown: &str, after| vault.verify(shown, clocks(after).wall).map(Authenticated::tenant);
    assert_eq!(opens(mine.reveal(), 0), Some(TenantId::new("acme")));
    assert_eq!(opens(theirs.reveal(), 0), Some(TenantId::new("other")));
    assert_eq!((opens(soon.reveal(), 9), opens(soon.reveal(), 10)), (Some(TenantId::new("acme")), None));
    let (head, tail) = mine.reveal().split_at(15);
    let wrong = [
        "",
        "olk_",
        head,
        &format!("{head}{}", &theirs.reveal()[15..]),
        &mine.reveal().to_uppercase(),
        &format!("{}x", mine.reveal()),
        &format!("{head}é{}", &tail[2..]),
        &"olk_".repeat(250_000),
    ]
    .map(|shown| opens(shown, 0));
    assert_eq!(wrong, [None; 8]);
    store.revoke_key(mine.name(), now).unwrap();
    sweep(&vault);
    assert_eq!(opens(mine.reveal(), 0), None);
    assert!(matches!(store.revoke_key(KeyId::new("nope"), now), Err(ChangeError::UnknownKey { .. })));
    let bytes: Vec<u8> = ["", "-wal"]
        .iter()
        .flat_map(|end| fs::read(format!("{}{end}", place.path.display())).unwrap())
        .collect();
    let secret = &mine.reveal().as_bytes()[15..];
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn a_guard_tells_of_itself_every_second_and_at_once_of_new_caps() {
    let place = place();
    let vault = vault(&place.path);
    let beat = |after, in_flight| Beat { now: clocks(after), in_flight, admitted: 1, refused: 2, note: None };
    let seen = || {
        sweep(&vault);
        let guards = Reader::open(&place.path).unwrap().guards().unwrap();
        (guards[0].seen.millis() - START, guards[0].in_flight, guards[0].rev.0, guards[0].alive)
    };
    vault.beat(beat(5_000, 3));
    vault.beat(beat(5_600, 4));
    assert_eq!(seen(), (5_000, 3, 0, true));
    let rev = set(&place.path, &["all 1/day"]);
    assert_eq!(seen(), (5_000, 3, rev.0, true));
    vault.beat(beat(5_750, 5));
    assert_eq!(seen(), (5_750, 5, rev.0, true));
}

#[test]
fn guards_that_come_at_the_same_time_all_start() {
    for _ in 0..50 {
        let place = quick_place();
        let start = |_| {
            let path = place.path.clone();
            std::thread::spawn(move || Vault::open(setup(&path, "UTC", 0)).map(|vault| sweep(&vault)))
        };
        let threads: Vec<_> = (0..2).map(start).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap().is_ok()));
    }
}

/// Breaks the store under a running guard, says what was answered then, and mends it.
#[track_caller]
fn broken(does: &dyn Fn(&Path), mends: &dyn Fn(&Path)) -> StoreError {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let vault = vault(&place.path);
    let hold = admitted(&vault, ask(1, nanos(30), 0));
    does(&place.path);
    let fault = reserve(&vault, ask(2, nanos(30), 0)).unwrap_err();
    assert_eq!(close(&vault, hold, Closing::Settled(nanos(10))).as_ref(), Err(&fault));
    assert_eq!(vault.view().fault.as_ref(), Some(&fault));
    mends(&place.path);
    admitted(&vault, ask(3, nanos(40), 0));
    assert_eq!(sums(&place.path), [10, 0, 40], "the closing was kept");
    assert_eq!(vault.view().fault, None);
    balanced(&place.path);
    fault
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Moves the store and all beside it.
fn shift(path: &Path, from: &str, to: &str) {
    for end in ["", "-wal", "-shm"] {
        let (from, to) = (beside(path, &format!("{from}{end}")), beside(path, &format!("{to}{end}")));
        if from.exists() {
            fs::rename(from, to).unwrap();
        }
    }
}

#[test]
fn a_store_that_is_gone_admits_nothing_and_is_used_again_when_it_is_back() {
    let fault = broken(&|path| shift(path, "", ".aside"), &|path| shift(path, ".aside", ""));
    assert!(matches!(fault, StoreError::Missing { .. }), "{fault}");
}

#[test]
fn a_store_whose_folder_is_gone_admits_nothing() {
    let aside = |path: &Path| path.parent().unwrap().with_extension("aside");
    let fault = broken(&|path| fs::rename(path.parent().unwrap(), aside(path)).unwrap(), &|path| {
        fs::rename(aside(path), path.parent().unwrap()).unwrap();
    });
    assert!(matches!(fault, StoreError::Missing { .. }), "{fault}");
}

#[test]
fn a_store_that_was_replaced_is_not_mistaken_for_the_one_that_was() {
    let replace = |path: &Path| {
        shift(path, "", ".aside");
        set(path, &["all 100/day"]);
    };
    let mend = |path: &Path| {
        for end in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(path, end));
        }
        shift(path, ".aside", "");
    };
    let fault = broken(&replace, &mend);
    assert!(matches!(fault, StoreError::Replaced { .. }), "{fault}");
}

#[test]
fn a_store_that_may_not_be_written_admits_nothing() {
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let fault = broken(&|path| mode(path, 0o400), &|path| mode(path, 0o600));
    assert!(matches!(fault, StoreError::ReadOnly { .. }), "{fault}");
}

#[test]
fn a_store_whose_header_is_gone_admits_nothing() {
    use std::os::unix::fs::FileExt;
    let write = |path: &Path, bytes: &[u8]| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.write_all_at(bytes, 0).unwrap();
        // Closing it would give up the locks of this process on the store.
        std::mem::forget(file);
    };
    let fault = broken(&|path| write(path, &[0; 16]), &|path| write(path, b"SQLite format 3\0"));
    assert!(matches!(fault, StoreError::Corrupt { .. }), "{fault}");
}

#[test]
fn a_store_that_others_hold_answers_within_a_second_and_goes_on_afterwards() {
    let holder: std::cell::RefCell<Option<Connection>> = std::cell::RefCell::default();
    let lock = |path: &Path| {
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        holder.replace(Some(conn));
    };
    let fault = broken(&lock, &|_| drop(holder.take()));
    assert!(matches!(fault, StoreError::Locked { .. }), "{fault}");
}

#[test]
fn a_guard_that_starts_waits_for_a_store_that_others_hold_longer_than_a_call_does() {
    let place = place();
    set(&place.path, &["all 1/day"]);
    let one = vault(&place.path);
    let holder = Connection::open(&place.path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let starts = {
        let path = place.path.clone();
        std::thread::spawn(move || Vault::open(setup(&path, "UTC", 0)).map(|vault| sweep(&vault)))
    };
    // A call gives up after most of a second, and those behind it after a tenth: the lock is held for longer than that.
    for call in 0..12 {
        assert!(matches!(reserve(&one, ask(call, nanos(1), 0)), Err(StoreError::Locked { .. })));
    }
    drop(holder);
    assert_eq!(starts.join().unwrap(), Ok(Swept::default()));
}

#[test]
fn one_order_that_cannot_be_done_takes_no_other_with_it() {
    let place = place();
    set(&place.path, &["all 9000000000/day"]);
    let vault = vault(&place.path);
    let most = Amount::new(Money::ZERO, 1, Tokens::new(i64::MAX.unsigned_abs())).unwrap();
    let orders = [ask(1, nanos(1), 0), ask(2, most, 0), ask(3, nanos(1), 0)];
    let waiting = orders.map(|order| later(|reply| vault.reserve(order, reply)));
    let answers = waiting.map(|waiting| wait(&waiting).map(|answer| matches!(answer, Answer::Admitted(_))));
    assert_eq!((&answers[0], &answers[2]), (&Ok(true), &Ok(true)));
    assert!(matches!(answers[1], Err(StoreError::Statement { .. })), "{answers:?}");
    balanced(&place.path);
}

#[test]
fn books_that_were_tampered_with_are_noticed() {
    let tampered = |sql: &str| {
        let place = place();
        set(&place.path, &["all 1/day"]);
        let vault = vault(&place.path);
        let hold = admitted(&vault, ask(1, nanos(30), 0));
        close(&vault, hold, Closing::Settled(nanos(20))).unwrap();
        admitted(&vault, ask(2, nanos(40), 0));
        balanced(&place.path);
        Connection::open(&place.path).unwrap().execute_batch(sql).unwrap();
        Reader::open(&place.path).unwrap().check_books().unwrap().len()
    };
    for sql in [
        "UPDATE budget SET reserved_money = reserved_money - 1",
        "UPDATE budget SET settled_calls = 2",
        "UPDATE hold SET state = 4 WHERE number = 2",
        "UPDATE hold SET charged_money = 21 WHERE number = 1",
        "DELETE FROM call",
        "DELETE FROM hold WHERE number = 1",
        "UPDATE budget SET settled_money = 2000000000; UPDATE hold SET money = 2000000000, charged_money = 2000000000 WHERE number = 1; UPDATE call SET cost = 2000000000",
    ] {
        assert!(tampered(sql) > 0, "{sql}");
    }
}

/// The rules, with budgets and holds in memory.
struct Reference {
    revisions: Vec<Revision>,
    plans: Plans,
    calendar: Calendar,
    budgets: BTreeMap<BudgetPlace, Budget>,
    holds: Vec<Hold>,
}

impl Reference {
    fn book(&self) -> CapBook {
        CapBook::new(self.revisions.iter().cloned(), self.plans.clone())
    }

    fn standing(&self, touch: Touch, at: Timestamp) -> Standing {
        let found = periods(touch.cap.window, &self.calendar, at);
        let counted = self.budgets.iter().filter(|(other, _)| {
            other.account == touch.account
                && other.period.window == found.write.window
                && other.period.start >= found.since
        });
        let budget = counted.fold(Budget::default(), |sum, (_, budget)| sum.plus(*budget).unwrap());
        Standing { touch, budget, resets_at: found.resets_at }
    }

    fn reserve(&mut self, order: &Reserve, at: Timestamp) -> Verdict {
        let touches = self.book().caps_for(&order.caller);
        let standings: Vec<_> = touches.into_iter().map(|touch| self.standing(touch, at)).collect();
        let ask = Ask { model: order.caller.model, amount: order.amount, pricing: order.pricing };
        let verdict = judge(&ask, &standings);
        if verdict == Verdict::Allow {
            let mut places: Vec<BudgetPlace> = standings
                .iter()
                .map(|standing| BudgetPlace {
                    account: standing.touch.account,
                    period: periods(standing.touch.cap.window, &self.calendar, at).write,
                })
                .collect();
            places.sort_unstable();
            places.dedup();
            let state = if order.dispatch == Dispatch::Now { State::Dispatched } else { State::Open };
            let hold = Hold {
                id: HoldId::from_bits(self.holds.len() as u128),
                call: order.call,
                attempt: order.attempt,
                guard: GuardId(Label::new("g")),
                amount: order.amount,
                places: places.into(),
                price_rev: order.price_rev,
                at,
                state,
            };
            self.moves(&hold.places.clone(), hold.reserve());
            self.holds.push(hold);
        }
        verdict
    }

    fn close(&mut self, index: usize, closing: Closing) -> Closed {
        let before = self.holds[index].state;
        match self.holds[index].close(closing) {
            Ok(movement) => {
                let places = std::sync::Arc::clone(&self.holds[index].places);
                self.moves(&places, movement);
                Closed::Done
            }
            Err(_) => Closed::Already(before),
        }
    }

    fn moves(&mut self, places: &[BudgetPlace], movement: Movement) {
        for place in places {
            let budget = self.budgets.entry(*place).or_default();
            *budget = budget.apply(movement).unwrap();
        }
    }
}

const CAPS: [&str; 12] = [
    "all 20/day",
    "all 300 tokens/rolling:2h",
    "provider:p 6/minute",
    "key:abc 9/total",
    "model:m1 7/hour",
    "plan:free 40 calls/hour",
    "each-tenant 8/rolling:90m",
    "each-tenant 3/week --soft",
    "tenant:t1 15/month",
    "tenant:t2+model:m0 0/day",
    "tenant:t0+model:m1 4/hour",
    "all 12/day",
];

/// One step of a history: what, who, how much, how long after the last, which hold.
type Step = (u8, u8, i64, i64, usize);

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0_u8..16, 0_u8..12, 0_i64..40, 0_i64..400_000, 0_usize..8), 1..most)
}

/// Plays one history on the store and in memory; every answer and every sum must be the same.
#[expect(clippy::too_many_lines, reason = "one match over what can happen; split, it would be read twice")]
fn play(steps: &[Step]) {
    let place = quick_place();
    let calendar = Calendar::named("America/New_York").unwrap();
    let revisions = (1..).zip(CAPS).map(|(rev, cap)| Revision {
        rev: CapRev(rev),
        cap: Cap::parse(cap).unwrap(),
        by: author().by,
        at: author().at,
    });
    let plans = Plans::new([], Some(PlanId::new("free")));
    let mut reference = Reference {
        revisions: revisions.collect(),
        plans: plans.clone(),
        calendar,
        budgets: BTreeMap::new(),
        holds: Vec::new(),
    };
    let mut rev = set(&place.path, &CAPS);
    let start = |after| {
        let base = Base { caps: Vec::new(), plans: plans.clone() };
        Vault::open(Setup { base, ..setup(&place.path, "America/New_York", after) }).unwrap()
    };
    let mut vault = start(0);
    let (mut ids, mut now): (Vec<HoldId>, i64) = (Vec::new(), 0);
    for (index, &(what, who, size, passed, back)) in steps.iter().enumerate() {
        now += passed;
        let which = ids.len().saturating_sub(back + 1);
        match what {
            0..8 => {
                let mut order = ask(index as u128, nanos(size * 25 * CENT), now);
                order.amount =
                    Amount::new(order.amount.money(), 1, Tokens::new(size.unsigned_abs())).unwrap();
                order.caller.tenant = TenantId::new(&format!("t{}", who % 4));
                order.caller.model = ModelId::new(&format!("m{}", who % 3));
                order.caller.key = (who % 4 == 3).then(|| KeyId::new("abc"));
                order.dispatch = if who % 2 == 0 { Dispatch::Now } else { Dispatch::Later };
                let want = reference.reserve(&order, clocks(now).wall);
                match reserve(&vault, order).unwrap() {
                    Answer::Admitted(admission) => {
                        assert_eq!(want, Verdict::Allow);
                        ids.push(admission.hold);
                    }
                    Answer::Stopped(stop) => assert_eq!(stop.verdict, want),
                    Answer::Repeated(_) => panic!("nothing is asked twice"),
                }
            }
            8 if !ids.is_empty() => {
                let done = reference.holds[which].dispatch().is_ok();
                let started = wait(&later(|reply| vault.dispatch(ids[which], reply))).unwrap();
                assert_eq!(started == Started::Yes, done);
            }
            9..14 if !ids.is_empty() => {
                let held = reference.holds[which].amount;
                let closing = match what {
                    9 => Closing::Voided,
                    10 => Closing::Uncertain(held),
                    _ => Closing::Settled(nanos(size * CENT)),
                };
                assert_eq!(close(&vault, ids[which], closing).unwrap(), reference.close(which, closing));
            }
            14 => {
                let mut cap = Cap::parse(CAPS[usize::from(who)]).unwrap();
                cap.limit = Cap::parse(&format!("all {size}/day")).unwrap().limit;
                rev = Store::open(&place.path).unwrap().set_cap(&cap, rev, &author()).unwrap();
                reference.revisions.push(Revision { rev, cap, by: author().by, at: author().at });
            }
            15 if who == 0 => {
                drop(vault);
                vault = start(now);
                // After a pause the wall clock needs a witness.
                let date = clocks(now).wall;
                assert_eq!(wait(&later(|reply| vault.witness(date, clocks(now), reply))), Ok(true));
                for index in 0..reference.holds.len() {
                    let hold = &reference.holds[index];
                    if let Some(closing) = crate::domain::closing::recover(hold.amount, hold.state) {
                        reference.close(index, closing);
                    }
                }
            }
            _ => {}
        }
    }
    drop(vault);
    same_books(&place.path, &reference);
    balanced(&place.path);
}

/// Compares every budget that the rules know with its row. The store keeps more: sums of caps that are gone.
#[track_caller]
fn same_books(path: &Path, reference: &Reference) {
    let conn = Connection::open(path).unwrap();
    for (place, budget) in &reference.budgets {
        let key = super::budget::key_known(place.account, &conn).unwrap().unwrap();
        let window = place.period.window;
        let from = |start| super::budget::since(&conn, key, window, start).unwrap();
        let next = from(place.period.start + 1);
        assert_eq!(from(place.period.start), budget.plus(next).unwrap(), "{place:?}");
    }
    let conn_holds: i64 = conn.query_row("SELECT count(*) FROM hold", [], |row| row.get(0)).unwrap();
    assert_eq!(conn_holds, i64::try_from(reference.holds.len()).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_history_of_the_store_is_that_of_the_rules(steps in steps(60)) {
        play(&steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    #[ignore = "takes minutes"]
    fn twenty_thousand_histories_of_the_store_are_those_of_the_rules(steps in steps(60)) {
        play(&steps);
    }
}
