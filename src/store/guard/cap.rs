//! The tables `cap_rev` and `plan_rev`: every change of the caps, numbered. The audit trail is the table.

use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::change::{Author, ChangeError};
use super::order::Base;
use super::pass;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::{Cap, CapKey, CapRev, Limit, Mode, OnBreach, Revision};
use crate::domain::cap_book::CapBook;
use crate::domain::cap_end::{self, Ended};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::label::Label;
use crate::domain::price::Price;
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
    /// When a temporary cap is over next, as far as the caps were looked at.
    pub(super) ends: Option<Timestamp>,
}

/// Returns the number of the newest change.
pub(super) fn revision(conn: &Connection) -> rusqlite::Result<CapRev> {
    let mut statement = conn.prepare_cached(
        "SELECT max(coalesce((SELECT max(rev) FROM cap_rev), 0), coalesce((SELECT max(rev) FROM plan_rev), 0),
                    coalesce((SELECT max(rev) FROM price_rev), 0), coalesce((SELECT max(rev) FROM pass_rev), 0))",
    )?;
    statement.query_row([], |row| row.get(0).map(|rev: i64| CapRev(rev.cast_unsigned())))
}

/// Returns the caps that the configuration states.
fn stated(base: &Base) -> impl Iterator<Item = &Cap> {
    base.plans.plans().flat_map(|plan| &plan.caps).chain(&base.caps)
}

/// Reads the caps in force at an instant. A row that this program cannot read is an error: a cap is never left out.
pub(super) fn load(conn: &Connection, base: &Base, now: Timestamp) -> rusqlite::Result<Caps> {
    let stated = stated(base).map(|cap| Revision {
        rev: CapRev(0),
        cap: cap.clone(),
        by: Label::new("configuration"),
        at: Timestamp::EPOCH,
    });
    let mut revisions: Vec<Revision> = stated.collect();
    let mut plans = base.plans.clone();
    let (mut newest, mut passes) = (CapRev(0), None);
    for change in log(conn)? {
        newest = change.rev;
        match change.what {
            Changed::Cap { new, .. } => {
                revisions.push(Revision { rev: change.rev, cap: new, by: change.by, at: change.at });
            }
            // A record of what was so by then anyway.
            Changed::Ended { .. } | Changed::Price { .. } => {}
            Changed::Plan { tenant, plan: Some(plan) } => plans.assign(tenant, plan),
            Changed::Plan { tenant, plan: None } => plans.unassign(tenant),
            Changed::PassThrough { until } => passes = until,
        }
    }
    let kept = CapBook::new(revisions.iter().cloned().map(as_kept), plans.clone());
    revisions.retain(|revision| !revision.cap.is_over(now));
    let ends = revisions.iter().filter_map(|revision| revision.cap.until).min();
    let book = CapBook::new(revisions, plans).at(newest).passing(passes);
    Ok(Caps { book: Arc::new(book), kept: Arc::new(kept), ends })
}

/// Returns the period time that the store knows of; the epoch where it knows of none.
pub(super) fn high(conn: &Connection) -> rusqlite::Result<Timestamp> {
    let high: Option<i64> = conn.query_row("SELECT high FROM vault", [], |row| row.get(0))?;
    Ok(high.map_or(Timestamp::EPOCH, Timestamp::from_millis))
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
        "SELECT rev, at, by, why, old, cap, NULL, NULL, ended, NULL FROM cap_rev UNION ALL
         SELECT rev, at, by, why, NULL, NULL, tenant, plan, NULL, NULL FROM plan_rev UNION ALL
         SELECT rev, at, by, why, old, new, model, NULL, NULL, provider FROM price_rev ORDER BY rev",
    )?;
    let rows = statement.query_map([], |row| {
        let text = |index: usize| row.get::<_, Option<String>>(index);
        let cap = |index: usize| text(index)?.map(|text| parse(index, &text)).transpose();
        let ended: Option<i64> = row.get(8)?;
        let rev = |rev: i64| CapRev(rev.cast_unsigned());
        if let Some(provider) = text(9)? {
            return price_change(row, Provider::new(&provider));
        }
        let what = match (cap(5)?, ended.zip(cap(4)?)) {
            (Some(new), Some((ended, old))) => Changed::Ended { rev: rev(ended), old, new },
            (Some(new), None) => Changed::Cap { old: cap(4)?, new },
            (None, _) => Changed::Plan {
                tenant: TenantId::new(&text(6)?.unwrap_or_default()),
                plan: text(7)?.map(|plan| PlanId::new(&plan)),
            },
        };
        change_of(row, what)
    })?;
    let mut changes = rows.collect::<rusqlite::Result<Vec<CapChange>>>()?;
    changes.extend(pass::log(conn)?);
    changes.sort_by_key(|change| change.rev);
    Ok(changes)
}

fn change_of(row: &Row<'_>, what: Changed) -> rusqlite::Result<CapChange> {
    Ok(CapChange {
        rev: CapRev(row.get::<_, i64>(0)?.cast_unsigned()),
        at: Timestamp::from_millis(row.get(1)?),
        by: Label::new(&row.get::<_, String>(2)?),
        why: Label::new(&row.get::<_, String>(3)?),
        what,
    })
}

fn price_change(row: &Row<'_>, provider: Provider) -> rusqlite::Result<CapChange> {
    let (old, new): (Option<String>, String) = (row.get(4)?, row.get(5)?);
    let model = ModelId::new(&row.get::<_, String>(6)?);
    let old = old.map(|old| Label::new(&old));
    change_of(row, Changed::Price { provider, model, old, new: Label::new(&new) })
}

fn parse(index: usize, text: &str) -> rusqlite::Result<Cap> {
    Cap::parse(text).map_err(|why| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, why.into()))
}

/// Returns the changes of one cap, oldest first.
fn of_key(conn: &Connection, key: CapKey) -> rusqlite::Result<Vec<(CapRev, Option<Cap>, Cap)>> {
    let caps = log(conn)?.into_iter().filter_map(|change| match change.what {
        Changed::Cap { old, new } if new.key() == key => Some((change.rev, old, new)),
        _ => None,
    });
    Ok(caps.collect())
}

/// Returns the cap of a key that is in force, of those that were set.
fn in_force(conn: &Connection, key: CapKey, now: Timestamp) -> rusqlite::Result<Option<Cap>> {
    let sets = of_key(conn, key)?;
    Ok(cap_end::in_force(sets.iter().map(|(_, _, cap)| cap), now).cloned())
}

/// Writes down every end of a temporary cap that is past, and says whether there was one. Each is written once.
pub(super) fn write_ends(conn: &Connection, base: &Base, now: Timestamp) -> rusqlite::Result<bool> {
    let ends = cap_end::ended(stated(base), &log(conn)?, now);
    for Ended { rev, at, old, new } in &ends {
        let why = format!("rev {} was to last until then", rev.0);
        conn.execute(
            "INSERT INTO cap_rev (rev, at, by, old, cap, why, ended) VALUES (?1, ?2, 'outlay', ?3, ?4, ?5, ?6)",
            params![
                revision(conn)?.0.cast_signed() + 1,
                at.millis(),
                old.to_string(),
                new.to_string(),
                why,
                rev.0.cast_signed()
            ],
        )?;
    }
    Ok(!ends.is_empty())
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

    /// Writes down every end of a temporary cap that is past, each once, and says whether there was one. What is in
    /// force does not depend on it.
    pub fn end_caps(&mut self, base: &Base, now: Timestamp) -> Result<bool, StoreError> {
        self.write(|conn, _| write_ends(conn, base, now))
    }

    /// Sets a cap, if the caps still are at revision `expected`. The next reserve is judged by it.
    pub fn set_cap(&mut self, cap: &Cap, expected: CapRev, author: &Author) -> Result<CapRev, ChangeError> {
        self.change(expected, |conn| {
            if cap.is_over(author.at) {
                return Ok(Err(ChangeError::Over));
            }
            let old = in_force(conn, cap.key(), author.at)?;
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
            let (old, new) = match change {
                Some(Changed::Cap { old, new }) => (old, new),
                Some(Changed::Ended { rev: ended, .. }) => return Ok(Err(ChangeError::AnEnd { rev, ended })),
                Some(Changed::Plan { .. } | Changed::Price { .. } | Changed::PassThrough { .. }) | None => {
                    return Ok(Err(ChangeError::NoSuchChange { rev }));
                }
            };
            let sets = of_key(conn, new.key())?;
            let newest = sets.last().map_or(rev, |(newest, ..)| *newest);
            if newest != rev {
                return Ok(Err(ChangeError::Buried { rev, newest }));
            }
            // What was to last until an instant that is past is not brought back, but what came after it.
            let below = sets.iter().filter(|set| set.0 < rev).map(|(_, _, cap)| cap);
            let before = old.filter(|old| !old.is_over(author.at));
            let before = before.or_else(|| cap_end::in_force(below, author.at).cloned());
            let before =
                before.unwrap_or_else(|| Cap::new(new.scope, Limit::Uncapped(new.limit.unit()), new.window));
            let now = in_force(conn, new.key(), author.at)?;
            append(conn, &before, now.as_ref(), author).map(Ok)
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

    /// Records that the user set a price, once `apply` has put it where prices are kept; where that fails, with its
    /// words, there is no record.
    pub fn record_price(
        &mut self,
        price: &Price,
        old: Option<&Price>,
        author: &Author,
        apply: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<CapRev, ChangeError> {
        self.write(|conn, _| {
            if let Err(why) = apply() {
                return Ok(Err(ChangeError::NotKept(why)));
            }
            let rev = CapRev(revision(conn)?.0 + 1);
            conn.execute(
                "INSERT INTO price_rev (rev, at, by, why, provider, model, old, new)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    rev.0.cast_signed(),
                    author.at.millis(),
                    author.by.as_str(),
                    author.why.as_str(),
                    price.provider(),
                    price.model(),
                    old.map(Price::words),
                    price.words()
                ],
            )?;
            Ok(Ok(rev))
        })?
    }

    /// Makes a change if the revision is the one it was made for.
    pub(super) fn change(
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
    /// Returns the caps in force at an instant and who is on which plan.
    pub fn cap_book(&self, base: &Base, now: Timestamp) -> Result<CapBook, StoreError> {
        self.read(|conn, _| load(conn, base, now).map(|caps| CapBook::clone(&caps.book)))
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
