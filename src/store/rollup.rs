//! The tables of sums: `rollup` and `rollup_day` by slice, `tenant_slot` and `tenant_day` by tenant.

use std::collections::HashMap;

use rusqlite::{Connection, Row, params_from_iter};

use super::call::{Key, variant};
use super::figures::{self, Figures};
use super::name::Names;
use super::source::Turnover;
use crate::domain::call::{ModelId, Provider, Region, Status, TenantId, Tier};
use crate::domain::rollup::Slice;
use crate::domain::time::Timestamp;

/// Milliseconds in a slot.
pub(super) const SLOT: i64 = 15 * 60_000;
/// Slots in a day.
pub(super) const SLOTS_PER_DAY: i64 = 96;

/// The columns of a [`Key`], in order.
const KEY: &str = "tenant, provider, model, tier, region, status, failure, source";
const KEY_COUNT: usize = 8;

/// How coarse a table of sums is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// 15 minutes.
    Slot,
    /// A UTC day.
    Day,
}

impl Grain {
    /// Returns the milliseconds of one step.
    pub(super) fn step(self) -> i64 {
        match self {
            Grain::Slot => SLOT,
            Grain::Day => SLOT * SLOTS_PER_DAY,
        }
    }

    fn column(self) -> &'static str {
        match self {
            Grain::Slot => "slot",
            Grain::Day => "day",
        }
    }

    fn slices(self) -> &'static str {
        match self {
            Grain::Slot => "rollup",
            Grain::Day => "rollup_day",
        }
    }

    fn tenants(self) -> &'static str {
        match self {
            Grain::Slot => "tenant_slot",
            Grain::Day => "tenant_day",
        }
    }
}

/// Returns the slot of an instant.
pub(super) fn slot_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(SLOT)
}

/// The changes of one transaction, summed before they are written.
#[derive(Default)]
pub(super) struct Sheet(HashMap<(i64, Key), Figures>);

impl Sheet {
    /// Adds to a slot.
    pub(super) fn add(&mut self, at: Timestamp, key: Key, figures: &Figures) {
        self.0.entry((slot_of(at), key)).or_default().add(figures);
    }

    /// Takes back from a slot.
    pub(super) fn take_back(&mut self, at: Timestamp, key: Key, figures: &Figures) {
        self.0.entry((slot_of(at), key)).or_default().take_back(figures);
    }

    /// Writes the changes to the four tables, and adds the change of calls to the turnover of each source.
    pub(super) fn write(
        self,
        conn: &Connection,
        sources: &mut HashMap<i64, Turnover>,
    ) -> rusqlite::Result<()> {
        let mut slots: Vec<_> = self.0.into_iter().filter(|(_, figures)| !figures.is_zero()).collect();
        let mut days: HashMap<(i64, Key), Figures> = HashMap::new();
        let mut tenant_slots: HashMap<(i64, i64), Figures> = HashMap::new();
        let mut tenant_days: HashMap<(i64, i64), Figures> = HashMap::new();
        for ((slot, key), figures) in &slots {
            let day = slot.div_euclid(SLOTS_PER_DAY);
            days.entry((day, *key)).or_default().add(figures);
            tenant_slots.entry((*slot, key.tenant)).or_default().add(figures);
            tenant_days.entry((day, key.tenant)).or_default().add(figures);
            let source = sources.entry(key.source).or_default();
            source.calls += figures.0[0];
            source.failed += figures.0[1];
        }
        slots.sort_unstable_by_key(|(key, _)| *key);
        upsert_slices(conn, Grain::Slot, &slots)?;
        let mut days: Vec<_> = days.into_iter().collect();
        days.sort_unstable_by_key(|(key, _)| *key);
        upsert_slices(conn, Grain::Day, &days)?;
        upsert_tenants(conn, Grain::Slot, tenant_slots)?;
        upsert_tenants(conn, Grain::Day, tenant_days)
    }
}

fn upsert_slices(conn: &Connection, grain: Grain, rows: &[((i64, Key), Figures)]) -> rusqlite::Result<()> {
    let key = format!("{}, {KEY}", grain.column());
    let mut statement = conn.prepare_cached(&upsert(grain.slices(), &key, 1 + KEY_COUNT))?;
    for ((when, key), figures) in rows {
        let values = [*when].into_iter().chain(numbers(key)).chain(figures.0);
        statement.execute(params_from_iter(values))?;
    }
    Ok(())
}

fn upsert_tenants(
    conn: &Connection,
    grain: Grain,
    rows: HashMap<(i64, i64), Figures>,
) -> rusqlite::Result<()> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let key = format!("{}, tenant", grain.column());
    let mut statement = conn.prepare_cached(&upsert(grain.tenants(), &key, 2))?;
    for ((when, tenant), figures) in rows {
        statement.execute(params_from_iter([when, tenant].into_iter().chain(figures.0)))?;
    }
    Ok(())
}

/// Returns the statement that adds figures to a row. A sum past the end of the range becomes a real
/// number in SQLite; the cast holds it at the end, as [`Figures::add`] does.
fn upsert(table: &str, key: &str, keys: usize) -> String {
    let columns = figures::COLUMNS;
    let places = (1..=keys + columns.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let sums = columns.map(|column| format!("{column} = CAST({column} + excluded.{column} AS INTEGER)"));
    format!(
        "INSERT INTO {table} ({key}, {}) VALUES ({places}) ON CONFLICT DO UPDATE SET {}",
        columns.join(", "),
        sums.join(", ")
    )
}

fn numbers(key: &Key) -> [i64; KEY_COUNT] {
    [
        key.tenant,
        key.provider,
        key.model,
        key.tier as i64,
        key.region as i64,
        key.status as i64,
        key.failure,
        key.source,
    ]
}

fn read_key(row: &Row<'_>, first: usize) -> rusqlite::Result<Key> {
    let number = |index: usize| row.get::<_, i64>(first + index);
    Ok(Key {
        tenant: number(0)?,
        provider: number(1)?,
        model: number(2)?,
        tier: variant(&Tier::ALL, number(3)?),
        region: variant(&Region::ALL, number(4)?),
        status: variant(&Status::ALL, number(5)?),
        failure: number(6)?,
        source: number(7)?,
    })
}

/// Returns the slice of a key.
pub(super) fn slice_of(key: &Key, conn: &Connection, names: &mut Names) -> rusqlite::Result<Slice> {
    Ok(Slice {
        tenant: TenantId::from_label(names.label(conn, key.tenant)?),
        provider: Provider::from_label(names.label(conn, key.provider)?),
        model: ModelId::from_label(names.label(conn, key.model)?),
        tier: key.tier,
        region: key.region,
        status: key.status,
        failure: names.label(conn, key.failure)?,
        source: names.label(conn, key.source)?,
    })
}

/// Shows the sums by slice from step `start` up to `end`, in order of time.
pub(super) fn slices_between(
    conn: &Connection,
    grain: Grain,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut(i64, &Key, &Figures),
) -> rusqlite::Result<()> {
    let (when, table) = (grain.column(), grain.slices());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {when}, {KEY}, {} FROM {table} WHERE {when} >= ?1 AND {when} < ?2 ORDER BY {when}",
        figures::COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        visit(row.get(0)?, &read_key(row, 1)?, &Figures::read(row, 1 + KEY_COUNT)?);
    }
    Ok(())
}

/// Shows one tenant's sums by slice from step `start` up to `end`.
pub(super) fn slices_of_tenant(
    conn: &Connection,
    grain: Grain,
    (start, end, tenant): (i64, i64, i64),
    visit: &mut dyn FnMut(&Key, &Figures),
) -> rusqlite::Result<()> {
    let (when, table) = (grain.column(), grain.slices());
    // The key begins with the time: one seek a step is far cheaper than passing by the other tenants.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {KEY}, {} FROM {table} WHERE {when} = ?1 AND tenant = ?2",
        figures::COLUMNS.join(", ")
    ))?;
    for step in start..end {
        let mut rows = statement.query([step, tenant])?;
        while let Some(row) = rows.next()? {
            visit(&read_key(row, 0)?, &Figures::read(row, KEY_COUNT)?);
        }
    }
    Ok(())
}

/// Shows the sums by tenant from step `start` up to `end`, in order of time.
pub(super) fn tenants_between(
    conn: &Connection,
    grain: Grain,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut(i64, i64, &Figures),
) -> rusqlite::Result<()> {
    let (when, table) = (grain.column(), grain.tenants());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {when}, tenant, {} FROM {table} WHERE {when} >= ?1 AND {when} < ?2 ORDER BY {when}",
        figures::COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        visit(row.get(0)?, row.get(1)?, &Figures::read(row, 2)?);
    }
    Ok(())
}

/// Shows one tenant's sums by slot, from slot `start` up to `end`.
pub(super) fn slots_of_tenant(
    conn: &Connection,
    (start, end, tenant): (i64, i64, i64),
    visit: &mut dyn FnMut(i64, &Figures),
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {} FROM tenant_slot WHERE slot = ?1 AND tenant = ?2",
        figures::COLUMNS.join(", ")
    ))?;
    for slot in start..end {
        let mut rows = statement.query([slot, tenant])?;
        while let Some(row) = rows.next()? {
            visit(slot, &Figures::read(row, 0)?);
        }
    }
    Ok(())
}

/// Returns the first slot that has sums and the one after the last.
pub(super) fn extent(conn: &Connection) -> rusqlite::Result<(i64, i64)> {
    let first: Option<i64> = conn.query_row("SELECT min(slot) FROM tenant_slot", [], |row| row.get(0))?;
    let last: Option<i64> = conn.query_row("SELECT max(slot) FROM tenant_slot", [], |row| row.get(0))?;
    Ok(first.zip(last).map_or((0, 0), |(first, last)| (first, last.saturating_add(1))))
}
