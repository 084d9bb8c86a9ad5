//! The tables of sums: `rollup` and `rollup_day` by slice, `tenant_slot` and `tenant_day` by tenant.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use rusqlite::Connection;

use super::figures::{self, Figures};
use super::slice::{COLUMNS as SLICE, COUNT as SLICE_COUNT, Key};
use super::source::Turnover;
use crate::domain::time::Timestamp;

/// Milliseconds in a slot.
pub(super) const SLOT: i64 = 15 * 60_000;
/// Slots in a day.
pub(super) const SLOTS_PER_DAY: i64 = 96;

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

    /// Returns the column of its steps.
    pub(super) fn column(self) -> &'static str {
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

    /// Returns its table of sums by tenant.
    pub(super) fn tenants(self) -> &'static str {
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

/// The changes of one transaction, summed before they are written: by slot and slice.
#[derive(Default)]
pub(super) struct Sheet(Cells);

/// Sums by a step of time and a slice.
type Cells = HashMap<(i64, i64), Cell, RandomState>;

/// The sum of one slice in one step, and what else it is summed under.
#[derive(Clone, Copy)]
struct Cell {
    tenant: i64,
    source: i64,
    figures: Figures,
}

impl Sheet {
    /// Adds to a slot.
    pub(super) fn add(&mut self, at: Timestamp, (slice, key): (i64, &Key), figures: &Figures) {
        self.cell(at, slice, key).add(figures);
    }

    /// Takes back from a slot.
    pub(super) fn take_back(&mut self, at: Timestamp, (slice, key): (i64, &Key), figures: &Figures) {
        self.cell(at, slice, key).take_back(figures);
    }

    fn cell(&mut self, at: Timestamp, slice: i64, key: &Key) -> &mut Figures {
        let empty = || Cell { tenant: key.tenant, source: key.source, figures: Figures::default() };
        &mut self.0.entry((slot_of(at), slice)).or_insert_with(empty).figures
    }

    /// Writes the changes to the four tables, and adds the change of calls to the turnover of each source.
    pub(super) fn write(
        self,
        conn: &Connection,
        sources: &mut HashMap<i64, Turnover>,
    ) -> rusqlite::Result<()> {
        let mut slots = self.0;
        slots.retain(|_, cell| !cell.figures.is_zero());
        let mut days = Cells::default();
        let mut tenant_slots: HashMap<(i64, i64), Figures, RandomState> = HashMap::default();
        let mut tenant_days: HashMap<(i64, i64), Figures, RandomState> = HashMap::default();
        for ((slot, slice), cell) in &slots {
            let day = slot.div_euclid(SLOTS_PER_DAY);
            let empty = Cell { figures: Figures::default(), ..*cell };
            days.entry((day, *slice)).or_insert(empty).figures.add(&cell.figures);
            tenant_slots.entry((*slot, cell.tenant)).or_default().add(&cell.figures);
            tenant_days.entry((day, cell.tenant)).or_default().add(&cell.figures);
            let source = sources.entry(cell.source).or_default();
            source.calls += cell.figures.0[0];
            source.failed += cell.figures.0[1];
        }
        let figures = |cells: Cells| cells.into_iter().map(|(key, cell)| (key, cell.figures));
        upsert(conn, Grain::Slot, By::Slice, figures(slots))?;
        upsert(conn, Grain::Day, By::Slice, figures(days))?;
        upsert(conn, Grain::Slot, By::Tenant, tenant_slots)?;
        upsert(conn, Grain::Day, By::Tenant, tenant_days)
    }
}

/// What a table is summed by.
#[derive(Clone, Copy)]
enum By {
    Slice,
    Tenant,
}

impl By {
    /// Returns the statement that adds to the table of a grain.
    fn adding(self, grain: Grain) -> &'static str {
        static STATEMENTS: LazyLock<[[String; 2]; 2]> = LazyLock::new(|| {
            [Grain::Slot, Grain::Day].map(|grain| {
                let when = grain.column();
                [
                    adding(grain.slices(), &format!("{when}, slice")),
                    adding(grain.tenants(), &format!("{when}, tenant")),
                ]
            })
        });
        &STATEMENTS[grain as usize][self as usize]
    }
}

/// Adds sums to the table of a grain that is summed by slice or tenant, in the order of its key.
fn upsert(
    conn: &Connection,
    grain: Grain,
    by: By,
    rows: impl IntoIterator<Item = ((i64, i64), Figures)>,
) -> rusqlite::Result<()> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let mut statement = conn.prepare_cached(by.adding(grain))?;
    for ((when, what), figures) in rows {
        for (place, value) in (1..).zip([when, what].into_iter().chain(figures.0)) {
            statement.raw_bind_parameter(place, value)?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// Returns the statement that adds figures to a row. A sum past the end of the range becomes a real
/// number in SQLite; the cast holds it at the end, as [`Figures::add`] does.
fn adding(table: &str, key: &str) -> String {
    let columns = figures::COLUMNS;
    let places = (1..=2 + columns.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let sums = columns.map(|column| format!("{column} = CAST({column} + excluded.{column} AS INTEGER)"));
    format!(
        "INSERT INTO {table} ({key}, {}) VALUES ({places}) ON CONFLICT DO UPDATE SET {}",
        columns.join(", "),
        sums.join(", ")
    )
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
        "SELECT {when}, {SLICE}, {} FROM {table} CROSS JOIN slice ON slice.id = {table}.slice
         WHERE {when} >= ?1 AND {when} < ?2 ORDER BY {when}",
        figures::COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        visit(row.get(0)?, &Key::read(row, 1)?, &Figures::read(row, 1 + SLICE_COUNT)?);
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
    // The key begins with the time: a seek a step and slice is far cheaper than passing by the others.
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {SLICE}, {} FROM slice CROSS JOIN {table} ON {table}.slice = slice.id
         WHERE {when} = ?1 AND slice.tenant = ?2",
        figures::COLUMNS.join(", ")
    ))?;
    for step in start..end {
        let mut rows = statement.query([step, tenant])?;
        while let Some(row) = rows.next()? {
            visit(&Key::read(row, 0)?, &Figures::read(row, SLICE_COUNT)?);
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

/// Shows one tenant's sums by step, from step `start` up to `end`.
pub(super) fn steps_of_tenant(
    conn: &Connection,
    grain: Grain,
    (start, end, tenant): (i64, i64, i64),
    visit: &mut dyn FnMut(i64, &Figures),
) -> rusqlite::Result<()> {
    let (when, table) = (grain.column(), grain.tenants());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {} FROM {table} WHERE {when} = ?1 AND tenant = ?2",
        figures::COLUMNS.join(", ")
    ))?;
    for step in start..end {
        let mut rows = statement.query([step, tenant])?;
        while let Some(row) = rows.next()? {
            visit(step, &Figures::read(row, 0)?);
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
