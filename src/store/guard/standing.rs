//! How each cap in force stands, for people to read.

use rusqlite::Connection;

use super::budget::{self, TENANT};
use super::order::Base;
use super::rows::Rows;
use super::{cap, hold};
use crate::domain::budget::{Budget, Imbalance};
use crate::domain::calendar::Calendar;
use crate::domain::cap::Cap;
use crate::domain::cap_book::{CapBook, Touch};
use crate::domain::gate::Standing;
use crate::domain::period::{Periods, periods};
use crate::domain::scope::{Account, Scope};
use crate::domain::time::Timestamp;
use crate::domain::window::Window;
use crate::store::name::Names;
use crate::store::{Reader, StoreError};

impl Reader {
    /// Returns how each cap stands: one line for a cap on one thing, and one for each tenant that has
    /// spent in the window for a cap on each tenant or on a plan. In the order of the caps' scopes.
    ///
    /// The time is that of the guards, where that is later than `now`.
    pub fn standings(
        &self,
        base: &Base,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Vec<Standing>, StoreError> {
        self.read(|conn, names| {
            let at = period_time(conn, now)?;
            let book = cap::load(conn, base, at)?.book;
            let mut standings = Vec::new();
            for cap in book.caps() {
                let found = periods(cap.window, calendar, at);
                for account in accounts(conn, names, &book, cap, &found)? {
                    let key = budget::key_known(account, conn)?;
                    let sums = key.map(|key| budget::since(conn, key, found.write.window, found.since));
                    standings.push(Standing {
                        touch: Touch { cap: std::sync::Arc::clone(cap), account },
                        budget: sums.transpose()?.unwrap_or_default(),
                        resets_at: found.resets_at,
                    });
                }
            }
            Ok(standings)
        })
    }
}

impl Reader {
    /// Returns what a guard would find used of an account in a window, were it capped now, and when the
    /// window empties. Where no such cap ever was, the sums are made from the holds, as a guard makes them.
    pub fn used(
        &self,
        account: Account,
        window: Window,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(Budget, Option<Timestamp>), StoreError> {
        self.read(|conn, _| {
            let found = periods(window, calendar, period_time(conn, now)?);
            let Some(key) = budget::key_known(account, conn)? else {
                return Ok((Budget::default(), found.resets_at));
            };
            if Rows::default().is_kept(conn, key, window.code())? {
                return Ok((budget::since(conn, key, window.code(), found.since)?, found.resets_at));
            }
            let kept = hold::of_account(conn, key, found.since)?;
            let sum = kept.iter().try_fold(Budget::default(), |sum, kept| sum.plus(kept.part()));
            Ok((sum.ok_or_else(|| budget::broken(Imbalance::TooLarge))?, found.resets_at))
        })
    }
}

/// Returns the time by which periods are told: that of the guards, where it is later than `now`.
fn period_time(conn: &Connection, now: Timestamp) -> rusqlite::Result<Timestamp> {
    let high: Option<i64> = conn.query_row("SELECT high FROM vault", [], |row| row.get(0))?;
    Ok(now.max(high.map_or(now, Timestamp::from_millis)))
}

/// Returns whose sums a cap is held against.
fn accounts(
    conn: &Connection,
    names: &mut Names,
    book: &CapBook,
    cap: &Cap,
    found: &Periods,
) -> rusqlite::Result<Vec<Account>> {
    let one = |account| Ok(vec![account]);
    match cap.scope {
        Scope::Everything => one(Account::Everything),
        Scope::Provider(name) => one(Account::Provider(name)),
        Scope::Key(name) => one(Account::Key(name)),
        Scope::Model(name) => one(Account::Model(name)),
        Scope::Tenant(name) => one(Account::Tenant(name)),
        Scope::TenantModel(tenant, model) => one(Account::TenantModel(tenant, model)),
        Scope::EachTenant => tenants(conn, names, found),
        Scope::Plan(plan) => {
            let mut tenants = tenants(conn, names, found)?;
            tenants.retain(|account| {
                matches!(account, Account::Tenant(name) if book.plans().plan_of(*name) == Some(plan))
            });
            Ok(tenants)
        }
    }
}

/// Returns the tenants that have spent in a window, by name.
fn tenants(conn: &Connection, names: &mut Names, found: &Periods) -> rusqlite::Result<Vec<Account>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT first FROM budget WHERE kind = ?1 AND window = ?2 AND start >= ?3",
    )?;
    let ids = statement.query_map([TENANT, found.write.window, found.since], |row| row.get::<_, i64>(0))?;
    let mut tenants = Vec::new();
    for id in ids {
        tenants.push(budget::account([TENANT, id?, 0], conn, names)?);
    }
    tenants.sort_unstable();
    Ok(tenants)
}
