//! The tables `cap_rev` and `plan_rev`: every change of the caps, numbered. The audit trail is the table.

use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, params};

use super::change::{Author, ChangeError};
use super::order::Base;
use crate::domain::call::TenantId;
use crate::domain::cap::{Cap, CapKey, CapRev, Limit, Mode, OnBreach, Revision};
use crate::domain::cap_book::CapBook;
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::label::Label;
use crate::domain::scope::{PlanId, Scope};
use crate::domain::time::Timestamp;
use crate::store::{Reader, Store, StoreError};

/// The caps of one revision.
#[derive(Clone, Default)]
pub(super) struct Caps {
    /// The caps in force.
    pub(super) book: Arc<CapBook>,
    /// Every cap that ever was, and those of all plans on all tenants: sums are kept for them all, so that
    /// a cap that comes back, or a tenant that changes its plan, finds what has been spent.
    pub(super) kept: Arc<CapBook>,
}

/// Returns the number of the newest change.
pub(super) fn revision(conn: &Connection) -> rusqlite::Result<CapRev> {
    let mut statement = conn.prepare_cached(
        "SELECT max(coalesce((SELECT max(rev) FROM cap_rev), 0), coalesce((SELECT max(rev) FROM plan_rev), 0))",
    )?;
    statement.query_row([], |row| row.get(0).map(|rev: i64| CapRev(rev.cast_unsigned())))
}

/// Reads the caps in force. A row that this program cannot read is an error: a cap is never left out.
pub(super) fn load(conn: &Connection, base: &Base) -> rusqlite::Result<Caps> {
    let stated = base.plans.plans().flat_map(|plan| &plan.caps).chain(&base.caps);
    let stated = stated.map(|cap| Revision {
        rev: CapRev(0),
        cap: cap.clone(),
        by: Label::new("configuration"),
        at: Timestamp::EPOCH,
    });
    let mut revisions: Vec<Revision> = stated.collect();
    let mut plans = base.plans.clone();
    let mut newest = CapRev(0);
    for change in log(conn)? {
        newest = change.rev;
        match change.what {
            Changed::Cap { new, .. } => {
                revisions.push(Revision { rev: change.rev, cap: new, by: change.by, at: change.at });
            }
            Changed::Plan { tenant, plan: Some(plan) } => plans.assign(tenant, plan),
            Changed::Plan { tenant, plan: None } => plans.unassign(tenant),
        }
    }
    let kept = CapBook::new(revisions.iter().cloned().map(as_kept), plans.clone());
    Ok(Caps { book: Arc::new(CapBook::new(revisions, plans).at(newest)), kept: Arc::new(kept) })
}

/// Returns a cap that only says that its sums are kept.
fn as_kept(mut revision: Revision) -> Revision {
    let cap = &mut revision.cap;
    (cap.mode, cap.on_breach, cap.limit) = (Mode::Soft, OnBreach::Reject, Limit::Calls(u64::MAX));
    if matches!(cap.scope, Scope::Plan(_)) {
        cap.scope = Scope::EachTenant;
    }
    revision
}

/// Returns every change, oldest first.
pub(super) fn log(conn: &Connection) -> rusqlite::Result<Vec<CapChange>> {
    let mut statement = conn.prepare_cached(
        "SELECT rev, at, by, why, old, cap, NULL, NULL FROM cap_rev UNION ALL
         SELECT rev, at, by, why, NULL, NULL, tenant, plan FROM plan_rev ORDER BY rev",
    )?;
    let rows = statement.query_map([], |row| {
        let text = |index: usize| row.get::<_, Option<String>>(index);
        let cap = |index: usize| text(index)?.map(|text| parse(index, &text)).transpose();
        let what = match cap(5)? {
            Some(new) => Changed::Cap { old: cap(4)?, new },
            None => Changed::Plan {
                tenant: TenantId::new(&text(6)?.unwrap_or_default()),
                plan: text(7)?.map(|plan| PlanId::new(&plan)),
            },
        };
        Ok(CapChange {
            rev: CapRev(row.get::<_, i64>(0)?.cast_unsigned()),
            at: Timestamp::from_millis(row.get(1)?),
            by: Label::new(&row.get::<_, String>(2)?),
            why: Label::new(&row.get::<_, String>(3)?),
            what,
        })
    })?;
    rows.collect()
}

fn parse(index: usize, text: &str) -> rusqlite::Result<Cap> {
    Cap::parse(text).map_err(|why| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, why.into()))
}

/// Returns the changes of one cap, oldest first.
fn of_key(conn: &Connection, key: CapKey) -> rusqlite::Result<Vec<(CapRev, Option<Cap>, Cap)>> {
    let caps = log(conn)?.into_iter().filter_map(|change| match change.what {
        Changed::Cap { old, new } if new.key() == key => Some((change.rev, old, new)),
        Changed::Cap { .. } | Changed::Plan { .. } => None,
    });
    Ok(caps.collect())
}

/// Adds a change of a cap.
fn append(conn: &Connection, cap: &Cap, old: Option<&Cap>, author: &Author) -> rusqlite::Result<CapRev> {
    let rev = CapRev(revision(conn)?.0 + 1);
    if mutant!("lowering-the-cap-voids") {
        conn.execute_batch(
            "UPDATE hold SET state = 4 WHERE state < 2;
             UPDATE budget SET reserved_money = 0, reserved_calls = 0, reserved_tokens = 0;",
        )?;
    }
    conn.execute(
        "INSERT INTO cap_rev (rev, at, by, old, cap, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            rev.0.cast_signed(),
            author.at.millis(),
            author.by.as_str(),
            old.map(Cap::to_string),
            cap.to_string(),
            author.why.as_str()
        ],
    )?;
    Ok(rev)
}

impl Store {
    /// Returns the number of the newest change of the caps.
    pub fn cap_revision(&mut self) -> Result<CapRev, StoreError> {
        self.write(|conn, _| revision(conn))
    }

    /// Sets a cap, if the caps still are at revision `expected`. The next reserve is judged by it.
    pub fn set_cap(&mut self, cap: &Cap, expected: CapRev, author: &Author) -> Result<CapRev, ChangeError> {
        self.change(expected, |conn| {
            let old = of_key(conn, cap.key())?.pop().map(|(_, _, cap)| cap);
            append(conn, cap, old.as_ref(), author).map(Ok)
        })
    }

    /// Takes a cap away: from then on there is explicitly none, also where the configuration states one.
    pub fn remove_cap(
        &mut self,
        key: CapKey,
        expected: CapRev,
        author: &Author,
    ) -> Result<CapRev, ChangeError> {
        let (scope, window, unit) = key;
        self.set_cap(&Cap::new(scope, Limit::Uncapped(unit), window), expected, author)
    }

    /// Takes the newest change of a cap back: what was before is set again, as a change of its own.
    pub fn undo_cap(
        &mut self,
        rev: CapRev,
        expected: CapRev,
        author: &Author,
    ) -> Result<CapRev, ChangeError> {
        self.change(expected, |conn| {
            let change = log(conn)?.into_iter().find(|change| change.rev == rev).map(|change| change.what);
            let Some(Changed::Cap { old, new }) = change else {
                return Ok(Err(ChangeError::NoSuchChange { rev }));
            };
            let newest = of_key(conn, new.key())?.pop().map_or(rev, |(newest, ..)| newest);
            if newest != rev {
                return Ok(Err(ChangeError::Buried { rev, newest }));
            }
            let before =
                old.unwrap_or_else(|| Cap::new(new.scope, Limit::Uncapped(new.limit.unit()), new.window));
            append(conn, &before, Some(&new), author).map(Ok)
        })
    }

    /// Puts a tenant on a plan, or with `None` back on the default one.
    pub fn assign_plan(
        &mut self,
        (tenant, plan): (TenantId, Option<PlanId>),
        expected: CapRev,
        author: &Author,
    ) -> Result<CapRev, ChangeError> {
        self.change(expected, |conn| {
            let rev = CapRev(revision(conn)?.0 + 1);
            conn.execute(
                "INSERT INTO plan_rev (rev, at, by, tenant, plan, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    rev.0.cast_signed(),
                    author.at.millis(),
                    author.by.as_str(),
                    tenant.as_str(),
                    plan.map(PlanId::as_str),
                    author.why.as_str()
                ],
            )?;
            Ok(Ok(rev))
        })
    }

    /// Makes a change if the revision is the one it was made for.
    fn change(
        &mut self,
        expected: CapRev,
        work: impl FnOnce(&Connection) -> rusqlite::Result<Result<CapRev, ChangeError>>,
    ) -> Result<CapRev, ChangeError> {
        self.write(|conn, _| {
            let found = revision(conn)?;
            if found != expected {
                return Ok(Err(ChangeError::Stale { expected, found }));
            }
            work(conn)
        })?
    }
}

impl Reader {
    /// Returns the caps in force and who is on which plan.
    pub fn cap_book(&self, base: &Base) -> Result<CapBook, StoreError> {
        self.read(|conn, _| load(conn, base).map(|caps| CapBook::clone(&caps.book)))
    }

    /// Returns the number of the newest change of the caps.
    pub fn cap_revision(&self) -> Result<CapRev, StoreError> {
        self.read(|conn, _| revision(conn))
    }

    /// Returns every change of the caps and plans, oldest first.
    pub fn cap_log(&self) -> Result<Vec<CapChange>, StoreError> {
        self.read(|conn, _| log(conn))
    }
}
