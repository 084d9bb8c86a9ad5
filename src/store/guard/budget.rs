//! The table `budget`: the sums of one account in one period.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::domain::amount::Amount;
use crate::domain::budget::{Budget, Imbalance, Movement};
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::money::Money;
use crate::domain::period::PeriodId;
use crate::domain::scope::{Account, KeyId};
use crate::domain::tokens::Tokens;
use crate::store::name::{self, Names};

macro_rules! columns {
    () => {
        "settled_money, settled_calls, settled_tokens, uncertain_money, uncertain_calls, uncertain_tokens, \
         reserved_money, reserved_calls, reserved_tokens"
    };
}

/// The columns of a [`Budget`], in order.
pub(super) const COLUMNS: &str = columns!();

/// An account as numbers: its kind and up to two names.
pub(super) type AccountKey = [i64; 3];

/// The kind of [`Account::Tenant`].
pub(super) const TENANT: i64 = 4;

/// Returns the numbers of an account; its names get numbers at first sight.
pub(super) fn key(account: Account, conn: &Connection, names: &mut Names) -> rusqlite::Result<AccountKey> {
    let key = numbered(account, &mut |text| names.id(conn, text).map(Some))?;
    key.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// Returns the numbers of an account whose names have numbers.
pub(super) fn key_known(account: Account, conn: &Connection) -> rusqlite::Result<Option<AccountKey>> {
    numbered(account, &mut |text| name::number(conn, text))
}

fn numbered(
    account: Account,
    id: &mut dyn FnMut(&'static str) -> rusqlite::Result<Option<i64>>,
) -> rusqlite::Result<Option<AccountKey>> {
    let (kind, first, second) = match account {
        Account::Everything => return Ok(Some([0, 0, 0])),
        Account::Provider(name) => (1, name.as_str(), None),
        Account::Key(name) => (2, name.as_str(), None),
        Account::Model(name) => (3, name.as_str(), None),
        Account::Tenant(name) => (TENANT, name.as_str(), None),
        Account::TenantModel(tenant, model) => (5, tenant.as_str(), Some(model.as_str())),
    };
    let first = id(first)?;
    let second = second.map_or(Ok(Some(0)), id)?;
    Ok(first.zip(second).map(|(first, second)| [kind, first, second]))
}

/// Returns the account of these numbers.
pub(super) fn account(key: AccountKey, conn: &Connection, names: &mut Names) -> rusqlite::Result<Account> {
    let [kind, first, second] = key;
    if kind == 0 {
        return Ok(Account::Everything);
    }
    let label = names.label(conn, first)?;
    Ok(match kind {
        1 => Account::Provider(Provider::from_label(label)),
        2 => Account::Key(KeyId::from_label(label)),
        3 => Account::Model(ModelId::from_label(label)),
        TENANT => Account::Tenant(TenantId::from_label(label)),
        _ => {
            Account::TenantModel(TenantId::from_label(label), ModelId::from_label(names.label(conn, second)?))
        }
    })
}

/// Returns the sum of an account's periods that start at `since` or later.
pub(super) fn since(
    conn: &Connection,
    [kind, first, second]: AccountKey,
    window: i64,
    since: i64,
) -> rusqlite::Result<Budget> {
    let mut statement = conn.prepare_cached(concat!(
        "SELECT ",
        columns!(),
        " FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3 AND window = ?4 AND start >= ?5"
    ))?;
    let mut rows = statement.query([kind, first, second, window, since])?;
    let mut sum = Budget::default();
    while let Some(row) = rows.next()? {
        sum = sum.plus(read(row, 0)?).ok_or_else(|| broken(Imbalance::TooLarge))?;
    }
    Ok(sum)
}

/// Rows that are known to be there: none is ever taken away. Forgotten with a transaction that did not happen.
#[derive(Default)]
pub(super) struct Rows {
    of_period: HashMap<(AccountKey, PeriodId), i64, RandomState>,
    kept: HashSet<(AccountKey, i64), RandomState>,
}

/// So many rows are remembered at most.
const REMEMBERED: usize = 1 << 16;

impl Rows {
    /// Returns the row of an account's period; begins it where there is none.
    pub(super) fn row(
        &mut self,
        conn: &Connection,
        account: AccountKey,
        period: PeriodId,
        born: i64,
    ) -> rusqlite::Result<i64> {
        if let Some(row) = self.of_period.get(&(account, period)) {
            return Ok(*row);
        }
        let [kind, first, second] = account;
        let place = [kind, first, second, period.window, period.start];
        let known = conn
            .prepare_cached(
                "SELECT row FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3 AND window = ?4
                 AND start = ?5",
            )?
            .query_row(place, |row| row.get(0))
            .optional()?;
        let row = match known {
            Some(row) => row,
            None => conn
                .prepare_cached(
                    "INSERT INTO budget (kind, first, second, window, start, born)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .insert(params![kind, first, second, period.window, period.start, born])?,
        };
        if self.of_period.len() >= REMEMBERED {
            *self = Rows::default();
        }
        self.of_period.insert((account, period), row);
        Ok(row)
    }

    /// Says whether sums of an account have ever been kept for a window.
    pub(super) fn is_kept(
        &mut self,
        conn: &Connection,
        account: AccountKey,
        window: i64,
    ) -> rusqlite::Result<bool> {
        if self.kept.contains(&(account, window)) {
            return Ok(true);
        }
        let [kind, first, second] = account;
        let kept = conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3
                 AND window = ?4)",
            )?
            .query_row([kind, first, second, window], |row| row.get(0))?;
        if kept && self.kept.len() < REMEMBERED {
            self.kept.insert((account, window));
        }
        Ok(kept)
    }
}

/// Writes the sums of a row.
pub(super) fn put(conn: &Connection, row: i64, budget: Budget) -> rusqlite::Result<()> {
    let values = [budget.settled, budget.uncertain, budget.reserved].into_iter().flat_map(numbers);
    conn.prepare_cached(concat!(
        "UPDATE budget SET (",
        columns!(),
        ") = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) WHERE row = ?10"
    ))?
    .execute(params_from_iter(values.chain([row])))
    .map(drop)
}

/// Moves money in each of these rows.
pub(super) fn apply(conn: &Connection, rows: &[i64], movement: Movement) -> rusqlite::Result<()> {
    for &row in rows {
        let mut statement =
            conn.prepare_cached(concat!("SELECT ", columns!(), " FROM budget WHERE row = ?1"))?;
        let before = statement.query_row([row], |row| read(row, 0))?;
        let after = before.apply(movement).map_err(broken)?;
        put(conn, row, after)?;
    }
    Ok(())
}

/// Reads the sums from the columns that begin at `first`.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Budget> {
    Ok(Budget {
        settled: amount(row, first)?,
        uncertain: amount(row, first + 3)?,
        reserved: amount(row, first + 6)?,
    })
}

/// Reads an amount from three columns: money, calls, tokens.
pub(super) fn amount(row: &Row<'_>, first: usize) -> rusqlite::Result<Amount> {
    let count = |index: usize| row.get::<_, i64>(first + index).map(i64::cast_unsigned);
    let money = Money::from_nanos(row.get(first)?);
    Amount::new(money, count(1)?, Tokens::new(count(2)?)).ok_or_else(|| broken(Imbalance::BelowZero))
}

/// Returns an amount as its three columns.
pub(super) fn numbers(amount: Amount) -> [i64; 3] {
    [amount.money().nanos(), amount.calls().cast_signed(), amount.tokens().count().cast_signed()]
}

/// The books cannot take it: the transaction fails, and says so.
pub(super) fn broken(why: Imbalance) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(why))
}

/// Returns rows as they are kept in a hold.
pub(super) fn list(rows: &[i64]) -> String {
    rows.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads rows as they are kept in a hold.
pub(super) fn rows(list: &str) -> Vec<i64> {
    list.split(' ').filter_map(|row| row.parse().ok()).collect()
}
