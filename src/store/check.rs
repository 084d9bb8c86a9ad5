//! The proof of the books: every sum is the sum of its calls.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use rusqlite::Connection;

use super::call;
use super::figures::{COLUMNS, Figures};
use super::rollup::{self, Grain, SLOTS_PER_DAY, slot_of};
use super::slice::Key;
use super::source;

/// Findings that are spelled out; the rest is counted.
const SPELLED_OUT: usize = 100;

/// The sums of one day, from one side.
#[derive(Default)]
struct Day {
    slots: BTreeMap<(i64, Key), Figures>,
    days: BTreeMap<Key, Figures>,
    tenant_slots: BTreeMap<(i64, i64), Figures>,
    tenant_days: BTreeMap<i64, Figures>,
}

/// Compares all sums with the calls, a day at a time, and returns what differs.
pub(super) fn books(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let tx = conn.unchecked_transaction()?;
    let mut findings = Vec::new();
    let mut calls_by_source: HashMap<i64, [i64; 2]> = HashMap::new();
    let mut from = i64::MIN;
    while let Some(day) = next_day(&tx, from)? {
        let counted = counted(&tx, day)?;
        let kept = kept(&tx, day)?;
        compare("rollup", day, &counted.slots, &kept.slots, &mut findings);
        compare("rollup_day", day, &counted.days, &kept.days, &mut findings);
        compare("tenant_slot", day, &counted.tenant_slots, &kept.tenant_slots, &mut findings);
        compare("tenant_day", day, &counted.tenant_days, &kept.tenant_days, &mut findings);
        for (key, figures) in &counted.days {
            let [calls, failed] = calls_by_source.entry(key.source).or_default();
            *calls += figures.0[0];
            *failed += figures.0[1];
        }
        from = day + 1;
    }
    for (source, calls) in source::calls(&tx)? {
        let counted = calls_by_source.get(&source).copied().unwrap_or_default();
        if counted != calls {
            findings.push(format!(
                "source {source}: its counters say {calls:?} answered and failed calls, its rows say {counted:?}"
            ));
        }
    }
    if findings.len() > SPELLED_OUT {
        let more = findings.len() - SPELLED_OUT;
        findings.truncate(SPELLED_OUT);
        findings.push(format!("and {more} more differences"));
    }
    Ok(findings)
}

/// Returns the first day not before `from` of which any table knows something.
fn next_day(conn: &Connection, from: i64) -> rusqlite::Result<Option<i64>> {
    let step = Grain::Day.step();
    let first = |sql: &str, unit: i64| -> rusqlite::Result<Option<i64>> {
        let least = from.saturating_mul(unit);
        let found: Option<i64> = conn.prepare_cached(sql)?.query_row([least], |row| row.get(0))?;
        Ok(found.map(|found| found.div_euclid(unit)))
    };
    let firsts = [
        first("SELECT min(at) FROM call WHERE at >= ?1", step)?,
        first("SELECT min(slot) FROM rollup WHERE slot >= ?1", SLOTS_PER_DAY)?,
        first("SELECT min(slot) FROM tenant_slot WHERE slot >= ?1", SLOTS_PER_DAY)?,
        first("SELECT min(day) FROM rollup_day WHERE day >= ?1", 1)?,
        first("SELECT min(day) FROM tenant_day WHERE day >= ?1", 1)?,
    ];
    Ok(firsts.into_iter().flatten().min())
}

/// Sums the calls of a day.
fn counted(conn: &Connection, day: i64) -> rusqlite::Result<Day> {
    let mut sums = Day::default();
    let step = Grain::Day.step();
    call::between(conn, (day * step, (day + 1) * step), &mut |at, key, figures| {
        let slot = slot_of(at);
        sums.slots.entry((slot, *key)).or_default().add(figures);
        sums.days.entry(*key).or_default().add(figures);
        sums.tenant_slots.entry((slot, key.tenant)).or_default().add(figures);
        sums.tenant_days.entry(key.tenant).or_default().add(figures);
    })?;
    Ok(sums)
}

/// Reads the sums that are kept of a day.
fn kept(conn: &Connection, day: i64) -> rusqlite::Result<Day> {
    let mut sums = Day::default();
    let slots = (day * SLOTS_PER_DAY, (day + 1) * SLOTS_PER_DAY);
    rollup::slices_between(conn, Grain::Slot, slots, &mut |slot, key, figures| {
        sums.slots.insert((slot, *key), *figures);
    })?;
    rollup::slices_between(conn, Grain::Day, (day, day + 1), &mut |_, key, figures| {
        sums.days.insert(*key, *figures);
    })?;
    rollup::tenants_between(conn, Grain::Slot, slots, &mut |slot, tenant, figures| {
        sums.tenant_slots.insert((slot, tenant), *figures);
    })?;
    rollup::tenants_between(conn, Grain::Day, (day, day + 1), &mut |_, tenant, figures| {
        sums.tenant_days.insert(tenant, *figures);
    })?;
    Ok(sums)
}

fn compare<K: Ord + Debug>(
    table: &str,
    day: i64,
    counted: &BTreeMap<K, Figures>,
    kept: &BTreeMap<K, Figures>,
    findings: &mut Vec<String>,
) {
    let only_kept = kept.keys().filter(|key| !counted.contains_key(key));
    for key in counted.keys().chain(only_kept) {
        let counted = counted.get(key).copied().unwrap_or_default();
        let kept = kept.get(key).copied().unwrap_or_default();
        for (index, column) in COLUMNS.iter().enumerate() {
            let (counted, kept) = (counted.0[index], kept.0[index]);
            if counted != kept {
                findings.push(format!(
                    "{table}, day {day} of the epoch, {key:?}: {column} is {kept}, the calls come to {counted}"
                ));
            }
        }
    }
}
