//! The proof of the guard's books: what is reserved is what is held, what is charged is what was closed,
//! and the ledger says the same.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::budget::{self, AccountKey};
use super::cap;
use super::hold::{self, Kept};
use super::pass;
use crate::domain::budget::Budget;
use crate::domain::cap::{Cap, CapKey, Mode};
use crate::domain::cap_log::Changed;
use crate::domain::gate::Pricing;
use crate::domain::hold::State;
use crate::domain::scope::{Account, Scope};
use crate::domain::window::Window;
use crate::store::call::Calls;
use crate::store::name::Names;

/// A row of `budget` as it is kept.
struct Place {
    account: AccountKey,
    window: i64,
    start: i64,
    born: i64,
    budget: Budget,
}

/// Compares budgets, holds, ledger and caps, and returns what differs, in plain words.
pub(in crate::store) fn compare(conn: &Connection, findings: &mut Vec<String>) -> rusqlite::Result<()> {
    let places = places(conn)?;
    let mut counted: BTreeMap<i64, Budget> = BTreeMap::new();
    let mut passed: Vec<i64> = Vec::new();
    let mut calls = Calls::new(conn)?;
    hold::each(conn, &mut |kept| {
        for row in &kept.places {
            let sum = counted.entry(*row).or_default();
            match sum.plus(kept.part()) {
                Some(more) => *sum = more,
                None => findings.push(format!("budget {row}: its holds are more than can be counted")),
            }
        }
        if kept.state.charged().passes(kept.amount) {
            passed.extend(&kept.places);
        }
        ledger(&kept, &mut calls, findings)
    })?;
    for (row, place) in &places {
        let counted = counted.remove(row).unwrap_or_default();
        if counted != place.budget {
            findings.push(format!("budget {row} says {:?}, its holds come to {counted:?}", place.budget));
        }
    }
    findings.extend(counted.keys().map(|row| format!("budget {row} has holds and is not there")));
    strangers(conn, findings)?;
    exposure(conn, &places, &passed, findings)
}

/// Compares one hold with its row in the ledger.
fn ledger(kept: &Kept, calls: &mut Calls<'_>, findings: &mut Vec<String>) -> rusqlite::Result<()> {
    let rows = calls.of_identity(kept.ledger_id())?;
    let [boot, number] = hold::halves(kept.id);
    let name = format!("hold {boot:x}-{number}");
    let charged = matches!(kept.state, State::Settled(_) | State::Uncertain(_));
    match (rows.as_slice(), charged) {
        ([], true) => findings.push(format!("{name} is charged, and the ledger has no call of it")),
        ([_], false) if kept.state.is_open() => {
            findings.push(format!("{name} is open, and the ledger has a call of it"));
        }
        ([row], _) if kept.pricing == Pricing::Known => {
            let (cost, due) = (row.entry.cost.money(), kept.state.charged().money());
            if cost != Some(due) {
                findings.push(format!("{name} is charged {due:?}, its call costs {cost:?}"));
            }
        }
        ([], false) | ([_], _) => {}
        (rows, _) => findings.push(format!("{name} has {} calls in the ledger", rows.len())),
    }
    Ok(())
}

/// Finds calls of guards that belong to no hold, by number: each hold has been compared by identity.
fn strangers(conn: &Connection, findings: &mut Vec<String>) -> rusqlite::Result<()> {
    let charged: i64 =
        conn.query_row("SELECT count(*) FROM hold WHERE state IN (2, 3)", [], |row| row.get(0))?;
    let written: i64 = conn.query_row(
        "SELECT coalesce(sum(source.calls + source.failed), 0) FROM source JOIN name ON name.id = source.name
         WHERE source.format = 'guard'",
        [],
        |row| row.get(0),
    )?;
    let voided: i64 = conn.query_row("SELECT count(*) FROM hold WHERE state = 4", [], |row| row.get(0))?;
    if !(charged..=charged + voided).contains(&written) {
        findings.push(format!(
            "guards wrote {written} calls, {charged} holds are charged and {voided} were given back"
        ));
    }
    Ok(())
}

fn places(conn: &Connection) -> rusqlite::Result<BTreeMap<i64, Place>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT row, kind, first, second, window, start, born, {} FROM budget ORDER BY row",
        budget::COLUMNS
    ))?;
    let rows = statement.query_map([], |row| {
        let place = Place {
            account: [row.get(1)?, row.get(2)?, row.get(3)?],
            window: row.get(4)?,
            start: row.get(5)?,
            born: row.get(6)?,
            budget: budget::read(row, 7)?,
        };
        Ok((row.get(0)?, place))
    })?;
    rows.collect()
}

/// A cap that was never lowered, and the revision at which it was set.
struct Steady {
    cap: Cap,
    since: i64,
}

/// Finds places whose exposure is over a hard cap, though the cap was there from the beginning and was
/// never lowered, and no call passed the bound that was held for it.
fn exposure(
    conn: &Connection,
    places: &BTreeMap<i64, Place>,
    passed: &[i64],
    findings: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let steady = steady(conn)?;
    let passings = pass::times(conn)?;
    let mut names = Names::default();
    // Where calls were passed through until after a period began, its caps may not have held.
    let held = |place: &Place| passings.iter().all(|passing| passing.until.millis() <= place.start);
    for (row, place) in places.iter().filter(|(row, place)| !passed.contains(row) && held(place)) {
        let account = budget::account(place.account, conn, &mut names)?;
        let over = steady.iter().filter(|steady| steady.cap.window.code() == place.window).find(|steady| {
            let limit = steady.cap.limit.size().map_or(u128::MAX, u128::from);
            steady.since <= place.born
                && holds(steady.cap.scope, account)
                && place.budget.exposure(steady.cap.limit.unit()) > limit
        });
        if let Some(Steady { cap, .. }) = over {
            let exposure = place.budget.exposure(cap.limit.unit());
            let start = place.start;
            findings
                .push(format!("budget {row} of {account} from {start}: {exposure} is over its cap `{cap}`"));
        }
    }
    Ok(())
}

fn holds(scope: Scope, account: Account) -> bool {
    match scope {
        Scope::EachTenant => matches!(account, Account::Tenant(_)),
        // Who was on which plan when is not known any more.
        Scope::Plan(_) => false,
        scope => scope == Scope::from(account),
    }
}

fn steady(conn: &Connection) -> rusqlite::Result<Vec<Steady>> {
    let mut steady: BTreeMap<CapKey, Option<Steady>> = BTreeMap::new();
    for change in cap::log(conn)? {
        let (Changed::Cap { new, .. } | Changed::Ended { new, .. }) = change.what else { continue };
        let since = change.rev.0.cast_signed();
        let limit = |cap: &Cap| cap.limit.size().unwrap_or(u64::MAX);
        let hard = new.mode == Mode::Hard;
        let entry = match steady.remove(&new.key()) {
            None => hard.then(|| Steady { cap: new.clone(), since }),
            Some(Some(known)) if hard && limit(&new) >= limit(&known.cap) => {
                Some(Steady { cap: new.clone(), since: known.since })
            }
            Some(_) => None,
        };
        steady.insert(new.key(), entry);
    }
    let bounded = |steady: &Steady| !matches!(steady.cap.window, Window::Rolling(_));
    Ok(steady.into_values().flatten().filter(bounded).collect())
}
