//! The attempts of one tenant as its guards set money aside for them, for people to read.

use super::hold;
use crate::domain::calendar::Span;
use crate::domain::call::{CallId, ModelId, TenantId};
use crate::domain::hold::State;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::store::{Reader, StoreError, name};

/// One attempt that passed a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// Its row in the ledger, once it has one.
    pub call: CallId,
    /// When it was made.
    pub at: Timestamp,
    /// Which model was asked.
    pub model: ModelId,
    /// What it was expected to cost; `None` where nobody could say.
    pub predicted: Option<Money>,
    /// How far it has come.
    pub state: State,
}

impl Reader {
    /// Returns a tenant's attempts in a span, newest first, at most `most` of them.
    pub fn attempts(&self, tenant: TenantId, span: Span, most: usize) -> Result<Vec<Attempted>, StoreError> {
        self.read(|conn, names| {
            let Some(tenant) = name::number(conn, tenant.as_str())? else { return Ok(Vec::new()) };
            let between = (tenant, span.start.millis(), span.end.millis());
            let kept = hold::latest_of(conn, between, i64::try_from(most).unwrap_or(i64::MAX))?;
            let mut attempts = Vec::with_capacity(kept.len());
            for kept in kept {
                attempts.push(Attempted {
                    call: kept.ledger_id(),
                    at: kept.at,
                    model: ModelId::from_label(names.label(conn, kept.model)?),
                    predicted: kept.predicted,
                    state: kept.state,
                });
            }
            Ok(attempts)
        })
    }
}
