//! What was spent, and nothing else: quick sums for forecasts and for a line in a status bar.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, Row};

use super::name::{self, Names};
use super::pieces::{self, Piece};
use super::rollup::{self, Grain, SLOT};
use super::{Reader, StoreError, call};
use crate::domain::burn::Live;
use crate::domain::calendar::Span;
use crate::domain::call::TenantId;
use crate::domain::forecast::{HOURS_KEPT, Past};
use crate::domain::money::Money;
use crate::domain::time::Timestamp;

const HOUR: i64 = 3_600_000;
const SLOTS_PER_HOUR: i64 = HOUR / SLOT;
/// The columns of a [`Live`] but for its tokens, which nobody asks for here.
const LIVE: &str = "calls, failed, cost, unpriced";

/// What a tenant spent lately, as far as sums of 15 minutes tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lately {
    /// Since the UTC hour began.
    pub running: Live,
    /// In the running quarter of an hour.
    pub quarter: Live,
    /// In the quarter before.
    pub before: Live,
}

impl Lately {
    /// Returns about what the last 15 minutes came to, times four: of the quarter before counts the part that
    /// is not longer ago.
    pub fn burn(&self, now: Timestamp) -> Money {
        let gone = i128::from(now.millis().rem_euclid(SLOT));
        let part = i128::from(self.before.cost.nanos()) * (i128::from(SLOT) - gone) / i128::from(SLOT);
        let quarter = i128::from(self.quarter.cost.nanos()) + part;
        Money::from_nanos(i64::try_from(quarter.saturating_mul(4)).unwrap_or(i64::MAX))
    }
}

impl Reader {
    /// Returns what each tenant spent in a span, in no order. Tokens are left out.
    pub fn spent(&self, span: Span) -> Result<Vec<(TenantId, Live)>, StoreError> {
        self.read(|conn, names| {
            let mut sums: HashMap<i64, Live> = HashMap::new();
            for piece in pieces::by_day(span, rollup::extent(conn)?) {
                let mut add = |_, tenant, live| *sums.entry(tenant).or_default() += live;
                match piece {
                    Piece::Days(start, end) => between(conn, Grain::Day, (start, end), &mut add)?,
                    Piece::Slots(start, end) => between(conn, Grain::Slot, (start, end), &mut add)?,
                    Piece::Calls(start, end) => call::between(conn, (start, end), &mut |_, key, figures| {
                        add(0, key.tenant, Live::of(&figures.sums()));
                    })?,
                }
            }
            named(conn, names, sums)
        })
    }

    /// Returns what each tenant spent in the running UTC hour and the last quarters, in no order.
    pub fn lately(&self, now: Timestamp) -> Result<Vec<(TenantId, Lately)>, StoreError> {
        self.read(|conn, names| {
            let mut sums: HashMap<i64, Lately> = HashMap::new();
            let (slot, hour) = (rollup::slot_of(now), now.millis().div_euclid(HOUR) * SLOTS_PER_HOUR);
            between(conn, Grain::Slot, (hour.min(slot - 1), slot + 1), &mut |at, tenant, live| {
                let lately = sums.entry(tenant).or_default();
                if at >= hour {
                    lately.running += live;
                }
                if at == slot {
                    lately.quarter += live;
                } else if at == slot - 1 {
                    lately.before += live;
                }
            })?;
            named(conn, names, sums)
        })
    }

    /// Returns what one tenant spent in each hour of the past that a forecast looks at.
    pub fn past(&self, tenant: TenantId, now: Timestamp) -> Result<Past, StoreError> {
        self.read(|conn, _| {
            let Some(tenant) = name::number(conn, tenant.as_str())? else { return Ok(Past::default()) };
            let mut statement =
                conn.prepare_cached("SELECT cost FROM tenant_slot WHERE slot = ?1 AND tenant = ?2")?;
            let mut hours = Vec::new();
            for slot in slots_of_past(now, rollup::extent(conn)?) {
                let mut rows = statement.query([slot, tenant])?;
                if let Some(row) = rows.next()? {
                    hours.push((Timestamp::from_millis(slot * SLOT), Money::from_nanos(row.get(0)?)));
                }
            }
            Ok(Past::new(hours, now))
        })
    }

    /// Returns the same of each tenant, and of all together.
    pub fn pasts(&self, now: Timestamp) -> Result<(BTreeMap<TenantId, Past>, Past), StoreError> {
        self.read(|conn, names| {
            let mut hours: HashMap<i64, Vec<(Timestamp, Money)>> = HashMap::new();
            let mut all: BTreeMap<i64, Money> = BTreeMap::new();
            let slots = slots_of_past(now, rollup::extent(conn)?);
            between(conn, Grain::Slot, (slots.start, slots.end), &mut |slot, tenant, live| {
                hours.entry(tenant).or_default().push((Timestamp::from_millis(slot * SLOT), live.cost));
                *all.entry(slot).or_default() += live.cost;
            })?;
            let all = all.into_iter().map(|(slot, cost)| (Timestamp::from_millis(slot * SLOT), cost));
            let all = Past::new(all, now);
            let mut pasts = BTreeMap::new();
            for (tenant, hours) in hours {
                pasts.insert(TenantId::from_label(names.label(conn, tenant)?), Past::new(hours, now));
            }
            Ok((pasts, all))
        })
    }
}

/// Returns the slots of the past that a forecast looks at, as far as anything is in them.
fn slots_of_past(now: Timestamp, extent: (i64, i64)) -> std::ops::Range<i64> {
    let end = now.millis().div_euclid(HOUR) * SLOTS_PER_HOUR;
    (end - HOURS_KEPT * SLOTS_PER_HOUR).max(extent.0)..end.min(extent.1)
}

fn named<T>(
    conn: &Connection,
    names: &mut Names,
    sums: HashMap<i64, T>,
) -> rusqlite::Result<Vec<(TenantId, T)>> {
    let name = |(tenant, sum)| Ok((TenantId::from_label(names.label(conn, tenant)?), sum));
    sums.into_iter().map(name).collect()
}

/// Shows what each tenant spent from step `start` up to `end`, in order of time.
fn between(
    conn: &Connection,
    grain: Grain,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut(i64, i64, Live),
) -> rusqlite::Result<()> {
    let (when, table) = (grain.column(), grain.tenants());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {when}, tenant, {LIVE} FROM {table} WHERE {when} >= ?1 AND {when} < ?2 ORDER BY {when}"
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        visit(row.get(0)?, row.get(1)?, live(row, 2)?);
    }
    Ok(())
}

/// Reads the columns of [`LIVE`] that begin at `first`.
fn live(row: &Row<'_>, first: usize) -> rusqlite::Result<Live> {
    Ok(Live {
        calls: row.get(first)?,
        failed: row.get(first + 1)?,
        cost: Money::from_nanos(row.get(first + 2)?),
        unpriced: row.get(first + 3)?,
        tokens: 0,
    })
}
