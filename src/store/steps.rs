//! What was spent step by step: the sums behind a line over time.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::figures::Figures;
use super::name;
use super::pieces::{self, Piece};
use super::rollup::{self, Grain, SLOT};
use super::{Reader, StoreError, call};
use crate::domain::calendar::Span;
use crate::domain::call::{ModelId, TenantId};
use crate::domain::rollup::Sums;
use crate::domain::time::{Millis, Timestamp};

/// The longest span that is read by the quarter of an hour: 200 steps.
const BY_QUARTER: Millis = Millis::from_minutes(50 * 60);

/// Whose spend is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All calls together.
    All,
    /// One tenant's.
    Tenant(TenantId),
    /// One tenant's calls of one model.
    TenantModel(TenantId, ModelId),
}

/// The same by number; `None` where no call has such a name.
#[derive(Clone, Copy)]
struct Who {
    tenant: Option<i64>,
    model: Option<i64>,
}

impl Who {
    fn find(conn: &Connection, whose: Whose) -> rusqlite::Result<Option<Who>> {
        let number = |text: &str| name::number(conn, text);
        Ok(match whose {
            Whose::All => Some(Who { tenant: None, model: None }),
            Whose::Tenant(tenant) => {
                number(tenant.as_str())?.map(|tenant| Who { tenant: Some(tenant), model: None })
            }
            Whose::TenantModel(tenant, model) => {
                let both = number(tenant.as_str())?.zip(number(model.as_str())?);
                both.map(|(tenant, model)| Who { tenant: Some(tenant), model: Some(model) })
            }
        })
    }
}

impl Reader {
    /// Returns what was spent in a span, step by step in order of time: by the quarter of an hour, and where the
    /// span is longer than two days, by the UTC day as far as one lies inside. Steps without a call are left out.
    pub fn steps(&self, whose: Whose, span: Span) -> Result<Vec<(Span, Sums)>, StoreError> {
        self.read(|conn, _| {
            let Some(who) = Who::find(conn, whose)? else { return Ok(Vec::new()) };
            let extent = rollup::extent(conn)?;
            let pieces = if span.end.since(span.start) <= BY_QUARTER {
                pieces::by_slot(span, extent)
            } else {
                pieces::by_day(span, extent)
            };
            let mut steps: BTreeMap<(i64, i64), Figures> = BTreeMap::new();
            for piece in pieces {
                read(conn, who, piece, &mut |step, figures| {
                    steps.entry(step).or_default().add(figures);
                })?;
            }
            let span_of = |(start, end)| Span {
                start: Timestamp::from_millis(start),
                end: Timestamp::from_millis(end),
            };
            let used = steps.into_iter().filter(|(_, figures)| !figures.is_zero());
            Ok(used.map(|(step, figures)| (span_of(step), figures.sums())).collect())
        })
    }

    /// Returns when the first sum begins; nothing where there is none.
    pub fn first_call(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|conn, _| {
            let (first, end) = rollup::extent(conn)?;
            Ok((first < end).then(|| Timestamp::from_millis(first.saturating_mul(SLOT))))
        })
    }

    /// Says whether a call of a tenant was ever recorded.
    pub fn has_called(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.read(|conn, _| {
            let Some(tenant) = name::number(conn, tenant.as_str())? else { return Ok(false) };
            let mut statement = conn.prepare_cached("SELECT 1 FROM slice WHERE tenant = ?1 LIMIT 1")?;
            statement.exists([tenant])
        })
    }
}

/// Shows the sums of a piece under the milliseconds of their steps.
fn read(
    conn: &Connection,
    who: Who,
    piece: Piece,
    visit: &mut dyn FnMut((i64, i64), &Figures),
) -> rusqlite::Result<()> {
    match piece {
        Piece::Days(start, end) => steps_of(conn, who, Grain::Day, (start, end), visit),
        Piece::Slots(start, end) => steps_of(conn, who, Grain::Slot, (start, end), visit),
        Piece::Calls(start, end) => call::between(conn, (start, end), &mut |_, key, figures| {
            let mine = who.tenant.is_none_or(|tenant| key.tenant == tenant);
            if mine && who.model.is_none_or(|model| key.model == model) {
                visit((start, end), figures);
            }
        }),
    }
}

fn steps_of(
    conn: &Connection,
    who: Who,
    grain: Grain,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut((i64, i64), &Figures),
) -> rusqlite::Result<()> {
    let span = |step: i64| (step * grain.step(), (step + 1) * grain.step());
    match who {
        Who { tenant: None, .. } => {
            rollup::tenants_between(conn, grain, (start, end), &mut |step, _, figures| {
                visit(span(step), figures);
            })
        }
        Who { tenant: Some(tenant), model: None } => {
            rollup::steps_of_tenant(conn, grain, (start, end, tenant), &mut |step, figures| {
                visit(span(step), figures);
            })
        }
        Who { tenant: Some(tenant), model: Some(model) } => {
            for step in start..end {
                rollup::slices_of_tenant(conn, grain, (step, step + 1, tenant), &mut |key, figures| {
                    if key.model == model {
                        visit(span(step), figures);
                    }
                })?;
            }
            Ok(())
        }
    }
}
