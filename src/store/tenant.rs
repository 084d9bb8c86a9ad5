//! What one tenant's calls come to, and the latest of them.

use std::collections::BTreeMap;

use super::figures::Figures;
use super::pieces::{self, Piece};
use super::rollup::{self, Grain};
use super::slice::Key;
use super::{Reader, StoreError, call, name};
use crate::domain::calendar::Span;
use crate::domain::call::{Call, Cost, ModelId, Provider, TenantId};
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::Timestamp;

/// What of a span was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The row that came last of all: with it, [`Reader::calls_after`] goes on.
    pub row: i64,
    /// Since when every call was looked at, where those before were left out.
    pub since: Option<Timestamp>,
}

impl Reader {
    /// Returns one tenant's sums of each slice in a span, in the order of the slices.
    pub fn slices(&self, tenant: TenantId, span: Span) -> Result<Vec<(Slice, Sums)>, StoreError> {
        self.read(|conn, names| {
            let Some(tenant) = name::number(conn, tenant.as_str())? else { return Ok(Vec::new()) };
            let mut sums: BTreeMap<Key, Figures> = BTreeMap::new();
            let mut add = |key: &Key, figures: &Figures| sums.entry(*key).or_default().add(figures);
            for piece in pieces::by_day(span, rollup::extent(conn)?) {
                match piece {
                    Piece::Days(start, end) => {
                        rollup::slices_of_tenant(conn, Grain::Day, (start, end, tenant), &mut add)?;
                    }
                    Piece::Slots(start, end) => {
                        rollup::slices_of_tenant(conn, Grain::Slot, (start, end, tenant), &mut add)?;
                    }
                    Piece::Calls(start, end) => call::between(conn, (start, end), &mut |_, key, figures| {
                        if key.tenant == tenant {
                            add(key, figures);
                        }
                    })?,
                }
            }
            let mut slices = Vec::with_capacity(sums.len());
            for (key, figures) in sums.into_iter().filter(|(_, figures)| !figures.is_zero()) {
                slices.push((key.slice(conn, names)?, figures.sums()));
            }
            slices.sort_by_key(|(slice, _)| *slice);
            Ok(slices)
        })
    }

    /// Returns one tenant's sums of each model in a span, by name.
    pub fn models(&self, tenant: TenantId, span: Span) -> Result<Vec<(Provider, ModelId, Sums)>, StoreError> {
        let mut models: BTreeMap<(Provider, ModelId), Sums> = BTreeMap::new();
        for (slice, sums) in self.slices(tenant, span)? {
            *models.entry((slice.provider, slice.model)).or_default() += sums;
        }
        Ok(models.into_iter().map(|((provider, model), sums)| (provider, model, sums)).collect())
    }

    /// Shows the calls of one tenant in a span, the latest first, as far as they are among the `most` latest
    /// calls of all tenants in it: however large the store is, no more rows are looked at.
    pub fn calls_of(
        &self,
        (tenant, span): (TenantId, Span),
        most: u32,
        visit: &mut dyn FnMut(&Call, Cost),
    ) -> Result<Looked, StoreError> {
        self.read(|conn, names| {
            let row = call::last_row(conn)?;
            let Some(tenant) = name::number(conn, tenant.as_str())? else {
                return Ok(Looked { row, since: None });
            };
            let between = (tenant, span.start.millis(), span.end.millis());
            let oldest = call::latest_of(conn, between, i64::from(most.max(1)), &mut |entry| {
                visit(&entry.call(conn, names)?.0, entry.cost);
                Ok(())
            })?;
            Ok(Looked { row, since: oldest.map(Timestamp::from_millis) })
        })
    }
}
