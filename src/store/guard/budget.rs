//! The table `budget`: the sums of one account in one period.

use rusqlite::{Connection, Row, params_from_iter};

use crate::domain::amount::Amount;
use crate::domain::budget::{Budget, Imbalance};
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::money::Money;
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
/// The kind of [`Account::TenantModel`].
pub(super) const TENANT_MODEL: i64 = 5;

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
        Account::TenantModel(tenant, model) => (TENANT_MODEL, tenant.as_str(), Some(model.as_str())),
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
    account: AccountKey,
    window: i64,
    since: i64,
) -> rusqlite::Result<Budget> {
    sum(periods_since(conn, account, window, since)?.into_iter().map(|(_, budget)| budget))
}

/// Returns the rows of an account's periods that start at `since` or later, with their sums.
pub(super) fn periods_since(
    conn: &Connection,
    [kind, first, second]: AccountKey,
    window: i64,
    since: i64,
) -> rusqlite::Result<Vec<(i64, Budget)>> {
    let mut statement = conn.prepare_cached(concat!(
        "SELECT row, ",
        columns!(),
        " FROM budget WHERE kind = ?1 AND first = ?2 AND second = ?3 AND window = ?4 AND start >= ?5"
    ))?;
    let rows =
        statement.query_map([kind, first, second, window, since], |row| Ok((row.get(0)?, read(row, 1)?)))?;
    rows.collect()
}

/// Adds sums up.
pub(super) fn sum(mut budgets: impl Iterator<Item = Budget>) -> rusqlite::Result<Budget> {
    let added = budgets.try_fold(Budget::default(), Budget::plus);
    added.ok_or_else(|| broken(Imbalance::TooLarge))
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

/// Reads the sums of a row.
pub(super) fn of(conn: &Connection, row: i64) -> rusqlite::Result<Budget> {
    let mut statement = conn.prepare_cached(concat!("SELECT ", columns!(), " FROM budget WHERE row = ?1"))?;
    statement.query_row([row], |row| read(row, 0))
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
