//! Uncertain money: what is charged without proof, and what an operator has it lowered to.

use rusqlite::{Connection, params};

use super::change::{Author, ChangeError};
use super::rows::Rows;
use super::{group, hold};
use crate::domain::amount::Amount;
use crate::domain::call::{Call, CallId, ModelId, Provider, TenantId};
use crate::domain::hold::HoldId;
use crate::domain::label::Label;
use crate::domain::time::Timestamp;
use crate::store::call::Calls;
use crate::store::name::Names;
use crate::store::{Reader, Store, StoreError};

/// An attempt that is charged in full, because nobody can say what was billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UncertainRow {
    /// Its hold.
    pub hold: HoldId,
    /// The call.
    pub call: CallId,
    /// Who it was made for.
    pub tenant: TenantId,
    /// Who bills.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// When.
    pub at: Timestamp,
    /// What is charged.
    pub charged: Amount,
}

impl Store {
    /// Lowers uncertain money to what was billed: the provider's word, or an operator's. Hold, sums and
    /// ledger move together; who, when and why are kept.
    pub fn resolve(&mut self, id: HoldId, actual: Amount, author: &Author) -> Result<(), ChangeError> {
        self.write(|conn, names| {
            let Some(kept) = hold::find(conn, id)? else { return Ok(Err(ChangeError::NoSuchHold)) };
            let mut rule = group::rule(&kept, author.by);
            let movement = match rule.resolve(actual) {
                Ok(movement) => movement,
                Err(illegal) => return Ok(Err(illegal.into())),
            };
            let mut rows = Rows::default();
            if !hold::advance(conn, &mut rows, &kept, (rule.state, movement))? {
                return Ok(Err(ChangeError::NoSuchHold));
            }
            rows.flush(conn)?;
            let (old, new) = (kept.state.charged().money(), actual.money());
            let [boot, number] = hold::halves(id);
            conn.execute(
                "INSERT INTO resolution (boot, number, at, by, old, new, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    boot,
                    number,
                    author.at.millis(),
                    author.by.as_str(),
                    old.nanos(),
                    new.nanos(),
                    author.why.as_str()
                ],
            )?;
            if let Some((mut call, source)) = written(conn, names, kept.ledger_id())? {
                // A later record of the same call, and one that says something else.
                call.claim.order = call.claim.order.saturating_add(1);
                call.reported = Some(new);
                call.failure = Label::new("resolved");
                group::record(conn, names, source, vec![(call, kept.cost(actual))], author.at)?;
            }
            Ok(Ok(()))
        })?
    }
}

fn written(conn: &Connection, names: &mut Names, id: CallId) -> rusqlite::Result<Option<(Call, Label)>> {
    let rows = Calls::new(conn)?.of_identity(id)?;
    rows.first().map(|held| held.entry.call(conn, names)).transpose()
}

impl Reader {
    /// Returns what is charged without proof, oldest first.
    pub fn uncertain(&self) -> Result<Vec<UncertainRow>, StoreError> {
        self.read(|conn, names| {
            let mut rows = Vec::new();
            for kept in hold::uncertain(conn)? {
                rows.push(UncertainRow {
                    hold: kept.id,
                    call: kept.call,
                    tenant: TenantId::from_label(names.label(conn, kept.tenant)?),
                    provider: Provider::from_label(names.label(conn, kept.provider)?),
                    model: ModelId::from_label(names.label(conn, kept.model)?),
                    at: kept.at,
                    charged: kept.state.charged(),
                });
            }
            Ok(rows)
        })
    }
}
