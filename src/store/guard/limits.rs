//! The tables `limits` and `estimate`: what providers last told of their limits, and how well the cost of
//! calls was foreseen.

use rusqlite::{Connection, Row, params};

use crate::domain::call::{ModelId, Provider};
use crate::domain::limits::{Dimension, Limit, Limits, Per, Pool};
use crate::domain::money::Money;
use crate::domain::time::{Millis, Timestamp};
use crate::store::name::Names;
use crate::store::{Reader, StoreError};

const DIMENSIONS: [Dimension; 5] = [
    Dimension::Requests,
    Dimension::Tokens,
    Dimension::InputTokens,
    Dimension::OutputTokens,
    Dimension::PlanShare,
];
const POOLS: [Pool; 4] = [Pool::Default, Pool::Project, Pool::Priority, Pool::Fast];
/// How a calendar month is written where a length stands.
const MONTH: i64 = -1;

/// What calls of one model were expected to cost, and what they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EstimateRow {
    /// Who bills.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// Settled calls with a prediction.
    pub calls: u64,
    /// What they were expected to cost.
    pub predicted: Money,
    /// What they cost.
    pub actual: Money,
    /// What was held for them.
    pub held: Money,
}

/// Puts what one answer told in the place of what was known for the same key and model. What is older
/// changes nothing.
pub(super) fn observe(conn: &Connection, names: &mut Names, limits: &Limits) -> rusqlite::Result<()> {
    let mut id = |text| names.id(conn, text);
    let (provider, key, model) =
        (id(limits.provider.as_str())?, id(limits.key.as_str())?, id(limits.model.as_str())?);
    let at = limits.observed_at.millis();
    let newer: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM limits WHERE provider = ?1 AND key = ?2 AND model = ?3 AND observed > ?4",
        )?
        .query_row([provider, key, model, at], |row| row.get(0))?;
    if newer > 0 {
        return Ok(());
    }
    conn.prepare_cached("DELETE FROM limits WHERE provider = ?1 AND key = ?2 AND model = ?3")?
        .execute([provider, key, model])?;
    let mut insert = conn
        .prepare_cached("INSERT OR REPLACE INTO limits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    for told in &limits.told {
        let per = match told.per {
            Per::Span(length) => count(length.count()),
            Per::Month => MONTH,
            Per::Unknown => 0,
        };
        let dimension = DIMENSIONS.iter().position(|dimension| *dimension == told.dimension).unwrap_or(0);
        let pool = POOLS.iter().position(|pool| *pool == told.pool).unwrap_or(0);
        insert.execute(params![
            provider,
            key,
            model,
            count(dimension as u64),
            count(pool as u64),
            per,
            told.limit.map(count),
            told.remaining.map(count),
            told.resets_at.map(Timestamp::millis),
            at
        ])?;
    }
    Ok(())
}

/// Adds a settled call to what is known of its model.
pub(super) fn foreseen(
    conn: &Connection,
    [provider, model]: [i64; 2],
    [predicted, actual, held]: [Money; 3],
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO estimate VALUES (?1, ?2, 1, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET calls = calls + 1, predicted = predicted + excluded.predicted,
           actual = actual + excluded.actual, held = held + excluded.held",
    )?
    .execute([provider, model, predicted.nanos(), actual.nanos(), held.nanos()])
    .map(drop)
}

fn limit(row: &Row<'_>) -> rusqlite::Result<Limit> {
    let of =
        |index: usize| row.get::<_, i64>(index).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let count = |index: usize| row.get::<_, Option<i64>>(index).map(|count| count.map(i64::cast_unsigned));
    Ok(Limit {
        dimension: DIMENSIONS.get(of(3)?).copied().unwrap_or(Dimension::Requests),
        pool: POOLS.get(of(4)?).copied().unwrap_or_default(),
        per: match row.get::<_, i64>(5)? {
            MONTH => Per::Month,
            length if length > 0 => Per::Span(Millis::new(length.cast_unsigned())),
            _ => Per::Unknown,
        },
        limit: count(6)?,
        remaining: count(7)?,
        resets_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
    })
}

impl Reader {
    /// Returns the limits as last told, by provider, key and model.
    pub fn limits(&self) -> Result<Vec<Limits>, StoreError> {
        self.read(|conn, names| {
            let mut statement = conn.prepare_cached("SELECT * FROM limits")?;
            let mut rows = statement.query([])?;
            let mut all: Vec<Limits> = Vec::new();
            while let Some(row) = rows.next()? {
                let mut label = |index: usize| names.label(conn, row.get(index)?);
                let (provider, key, model) = (label(0)?, label(1)?, label(2)?);
                let told = limit(row)?;
                match all.last_mut() {
                    Some(last) if (last.provider, last.key, last.model) == (provider, key, model) => {
                        last.told.push(told);
                    }
                    _ => {
                        let observed_at = Timestamp::from_millis(row.get(9)?);
                        all.push(Limits { provider, key, model, observed_at, told: vec![told] });
                    }
                }
            }
            all.sort_by_key(|limits| (limits.provider, limits.key, limits.model));
            Ok(all)
        })
    }

    /// Returns how well the cost of calls was foreseen, by provider and model.
    pub fn estimates(&self) -> Result<Vec<EstimateRow>, StoreError> {
        self.read(|conn, names| {
            let mut statement = conn.prepare_cached("SELECT * FROM estimate")?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let money = |index: usize| row.get(index).map(Money::from_nanos);
                all.push(EstimateRow {
                    provider: Provider::from_label(names.label(conn, row.get(0)?)?),
                    model: ModelId::from_label(names.label(conn, row.get(1)?)?),
                    calls: row.get::<_, i64>(2)?.cast_unsigned(),
                    predicted: money(3)?,
                    actual: money(4)?,
                    held: money(5)?,
                });
            }
            all.sort_by_key(|row| (row.provider, row.model));
            Ok(all)
        })
    }
}
