//! The table `slice`: what calls are summed under but for their time, as one small number.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Row};

use super::name::Names;
use crate::domain::call::{Call, ModelId, Provider, Region, Status, TenantId, Tier};
use crate::domain::rollup::Slice;

/// The columns of a [`Key`], in order.
pub(super) const COLUMNS: &str = "tenant, provider, model, tier, region, status, failure, source";
pub(super) const COUNT: usize = 8;

/// A slice with its names as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) tenant: i64,
    pub(super) provider: i64,
    pub(super) model: i64,
    pub(super) tier: Tier,
    pub(super) region: Region,
    pub(super) status: Status,
    pub(super) failure: i64,
    pub(super) source: i64,
}

impl Key {
    /// Returns the numbers of a call's slice.
    pub(super) fn of(
        call: &Call,
        source: i64,
        conn: &Connection,
        names: &mut Names,
    ) -> rusqlite::Result<Key> {
        Ok(Key {
            tenant: names.id(conn, call.tenant.as_str())?,
            provider: names.id(conn, call.provider.as_str())?,
            model: names.id(conn, call.model.as_str())?,
            tier: call.tier,
            region: call.region,
            status: call.status,
            failure: names.id(conn, call.failure.as_str())?,
            source,
        })
    }

    /// Reads a key from the columns that begin at `first`.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Key> {
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

    /// Returns the slice with its names.
    pub(super) fn slice(&self, conn: &Connection, names: &mut Names) -> rusqlite::Result<Slice> {
        Ok(Slice {
            tenant: TenantId::from_label(names.label(conn, self.tenant)?),
            provider: Provider::from_label(names.label(conn, self.provider)?),
            model: ModelId::from_label(names.label(conn, self.model)?),
            tier: self.tier,
            region: self.region,
            status: self.status,
            failure: names.label(conn, self.failure)?,
            source: names.label(conn, self.source)?,
        })
    }

    fn numbers(&self) -> [i64; COUNT] {
        [
            self.tenant,
            self.provider,
            self.model,
            self.tier as i64,
            self.region as i64,
            self.status as i64,
            self.failure,
            self.source,
        ]
    }
}

/// The slices met so far.
#[derive(Default)]
pub(super) struct Slices(HashMap<Key, i64, RandomState>);

impl Slices {
    /// Returns the number of a slice, and gives it one at first sight.
    pub(super) fn id(&mut self, conn: &Connection, key: &Key) -> rusqlite::Result<i64> {
        if let Some(&id) = self.0.get(key) {
            return Ok(id);
        }
        let known = conn
            .prepare_cached(
                "SELECT id FROM slice WHERE tenant = ?1 AND provider = ?2 AND model = ?3 AND tier = ?4
                 AND region = ?5 AND status = ?6 AND failure = ?7 AND source = ?8",
            )?
            .query_row(key.numbers(), |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => conn
                .prepare_cached(&format!(
                    "INSERT INTO slice ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                ))?
                .insert(key.numbers())?,
        };
        self.0.insert(*key, id);
        Ok(id)
    }
}

/// Returns the enum's value of a stored number; the plain one for a number that is none.
pub(super) fn variant<T: Copy + Default>(all: &[T], number: i64) -> T {
    usize::try_from(number).ok().and_then(|index| all.get(index)).copied().unwrap_or_default()
}
