//! The table `hold`: money set aside, until it is known what the attempt cost.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::budget::{self, AccountKey, amount, numbers};
use super::order::{Once, Repeat};
use super::rows::Rows;
use crate::domain::amount::Amount;
use crate::domain::budget::{Budget, Movement};
use crate::domain::call::{Call, CallId, Cost, ModelId, Provider, TenantId};
use crate::domain::gate::Pricing;
use crate::domain::hold::{Attempt, HoldId, State};
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::store::name::Names;

/// A hold as it is kept; names are numbers.
pub(super) struct Kept {
    pub(super) id: HoldId,
    pub(super) call: CallId,
    pub(super) attempt: Attempt,
    pub(super) tenant: i64,
    pub(super) provider: i64,
    pub(super) model: i64,
    pub(super) at: Timestamp,
    pub(super) pricing: Pricing,
    /// Rows of `budget`.
    pub(super) places: Vec<i64>,
    pub(super) amount: Amount,
    pub(super) predicted: Option<Money>,
    pub(super) state: State,
}

macro_rules! columns {
    () => {
        "boot, number, call_high, call_low, attempt, tenant, provider, model, at, priced, places, money, calls, \
         tokens, predicted, state, charged_money, charged_calls, charged_tokens"
    };
}

/// The columns that [`read`] takes, in order.
const COLUMNS: &str = columns!();

impl Kept {
    /// Returns what it adds to each of its places.
    pub(super) fn part(&self) -> Budget {
        let none = Budget::default();
        match self.state {
            State::Open | State::Dispatched => Budget { reserved: self.amount, ..none },
            State::Settled(amount) => Budget { settled: amount, ..none },
            State::Uncertain(amount) => Budget { uncertain: amount, ..none },
            State::Voided => none,
        }
    }

    /// Returns the identity of the attempt's row in the ledger.
    pub(super) fn ledger_id(&self) -> CallId {
        CallId::of("guard", &[&self.call.bits().to_le_bytes(), &self.attempt.0.to_le_bytes()])
    }

    /// Returns what the row in the ledger costs, once `charged` is charged.
    pub(super) fn cost(&self, charged: Amount) -> Cost {
        match self.pricing {
            Pricing::Known => Cost::Priced(charged.money()),
            Pricing::Unknown => Cost::Unpriced,
        }
    }

    /// Returns the row in the ledger for a hold of which nothing more is known.
    pub(super) fn bare_call(
        &self,
        conn: &Connection,
        names: &mut Names,
        why: &str,
    ) -> rusqlite::Result<Call> {
        let tenant = TenantId::from_label(names.label(conn, self.tenant)?);
        let model = ModelId::from_label(names.label(conn, self.model)?);
        let mut call = Call::new(self.ledger_id(), self.at, tenant, model);
        call.provider = Provider::from_label(names.label(conn, self.provider)?);
        call.failure = Label::new(why);
        Ok(call)
    }
}

/// Returns the two halves of a hold's identity: the guard's run, and the number in it.
pub(super) fn halves(id: HoldId) -> [i64; 2] {
    let bits = id.bits();
    [bits >> 64, bits & u128::from(u64::MAX)]
        .map(|half| u64::try_from(half).unwrap_or(u64::MAX).cast_signed())
}

/// Returns the identity of two halves.
pub(super) fn id(boot: i64, number: i64) -> HoldId {
    HoldId::from_bits(whole(boot, number))
}

fn whole(high: i64, low: i64) -> u128 {
    u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())
}

/// Finds a hold.
pub(super) fn find(conn: &Connection, id: HoldId) -> rusqlite::Result<Option<Kept>> {
    let mut statement =
        conn.prepare_cached(concat!("SELECT ", columns!(), " FROM hold WHERE boot = ?1 AND number = ?2"))?;
    statement.query_row(halves(id), read).optional()
}

/// Returns the open holds of a guard's run.
pub(super) fn open_of(conn: &Connection, boot: i64) -> rusqlite::Result<Vec<Kept>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM hold WHERE boot = ?1 AND state < 2 ORDER BY number"
    ))?;
    statement.query_map([boot], read)?.collect()
}

/// Returns the holds of an account since an instant, oldest first.
pub(super) fn of_account(conn: &Connection, key: AccountKey, since: i64) -> rusqlite::Result<Vec<Kept>> {
    let [kind, first, second] = key;
    let whose = match kind {
        0 => "?2 = ?3",
        1 => "provider = ?2 AND ?3 = 0",
        2 => "key = ?2 AND ?3 = 0",
        3 => "model = ?2 AND ?3 = 0",
        budget::TENANT => "tenant = ?2 AND ?3 = 0",
        _ => "tenant = ?2 AND model = ?3",
    };
    // The one index by time begins with the tenant: of all tenants, each is looked for in turn.
    let sql = match kind {
        budget::TENANT | budget::TENANT_MODEL => {
            format!("SELECT {COLUMNS} FROM hold WHERE at >= ?1 AND {whose} ORDER BY at")
        }
        _ => format!(
            "WITH RECURSIVE every(one) AS (
               SELECT min(tenant) FROM hold
               UNION ALL SELECT (SELECT min(tenant) FROM hold WHERE tenant > one) FROM every WHERE one IS NOT NULL)
             SELECT {COLUMNS} FROM every CROSS JOIN hold ON hold.tenant = one WHERE at >= ?1 AND {whose} ORDER BY at"
        ),
    };
    let mut statement = conn.prepare_cached(&sql)?;
    statement.query_map([since, first, second], read)?.collect()
}

/// Returns the holds of a tenant from `start` up to `end`, newest first, at most `limit` of them.
pub(super) fn latest_of(
    conn: &Connection,
    (tenant, start, end): (i64, i64, i64),
    limit: i64,
) -> rusqlite::Result<Vec<Kept>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM hold WHERE tenant = ?1 AND at >= ?2 AND at < ?3 ORDER BY at DESC LIMIT ?4"
    ))?;
    statement.query_map([tenant, start, end, limit], read)?.collect()
}

/// Adds a row of `budget` to the places of a hold.
pub(super) fn add_place(conn: &Connection, kept: &Kept, row: i64) -> rusqlite::Result<()> {
    let mut places = kept.places.clone();
    places.push(row);
    places.sort_unstable();
    let [boot, number] = halves(kept.id);
    conn.prepare_cached("UPDATE hold SET places = ?3 WHERE boot = ?1 AND number = ?2")?
        .execute(params![boot, number, budget::list(&places)])
        .map(drop)
}

/// Returns the uncertain holds, oldest first.
pub(super) fn uncertain(conn: &Connection) -> rusqlite::Result<Vec<Kept>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM hold WHERE state = 3 ORDER BY at"))?;
    statement.query_map([], read)?.collect()
}

/// Shows every hold.
pub(super) fn each(
    conn: &Connection,
    visit: &mut dyn FnMut(Kept) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM hold"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        visit(read(row)?)?;
    }
    Ok(())
}

/// Returns what is known of an earlier request with the same idempotency key; voided attempts aside.
pub(super) fn seen(conn: &Connection, once: &Once, but: CallId) -> rusqlite::Result<Option<Repeat>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS}, body FROM hold WHERE once = ?1 AND state < 4
         AND NOT (call_high = ?2 AND call_low = ?3) ORDER BY at DESC, number DESC LIMIT 1"
    ))?;
    let [high, low] = halves(HoldId::from_bits(but.bits()));
    let repeat = |row: &Row<'_>| {
        let (kept, body) = (read(row)?, row.get::<_, [u8; 16]>(19)?);
        Ok(Repeat { call: kept.call, state: kept.state, same: body == once.body })
    };
    statement.query_row(params![once.key, high, low], repeat).optional()
}

/// What is written once and never read back into a [`Kept`].
pub(super) struct Extra {
    pub(super) key: Option<i64>,
    pub(super) price_rev: i64,
    pub(super) once: Option<Once>,
}

/// Adds a hold.
pub(super) fn insert(conn: &Connection, kept: &Kept, extra: &Extra) -> rusqlite::Result<()> {
    let [boot, number] = halves(kept.id);
    let [high, low] = halves(HoldId::from_bits(kept.call.bits()));
    let [money, calls, tokens] = numbers(kept.amount);
    conn.prepare_cached(
        "INSERT INTO hold (boot, number, call_high, call_low, attempt, tenant, provider, model, key, at, price_rev,
           priced, places, money, calls, tokens, predicted, once, body, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    )?
    .execute(params![
        boot,
        number,
        high,
        low,
        kept.attempt.0,
        kept.tenant,
        kept.provider,
        kept.model,
        extra.key,
        kept.at.millis(),
        extra.price_rev,
        kept.pricing == Pricing::Known,
        budget::list(&kept.places),
        money,
        calls,
        tokens,
        kept.predicted.map(Money::nanos),
        extra.once.map(|once| once.key),
        extra.once.map(|once| once.body),
        state_code(kept.state),
    ])
    .map(drop)
}

/// Marks an open hold as dispatched; says whether it was open.
pub(super) fn dispatch(conn: &Connection, id: HoldId) -> rusqlite::Result<bool> {
    let mut statement =
        conn.prepare_cached("UPDATE hold SET state = 1 WHERE boot = ?1 AND number = ?2 AND state = 0")?;
    statement.execute(halves(id)).map(|changed| changed == 1)
}

/// Brings a hold to a state it can only reach from where it stands, and moves its money; says whether
/// it did.
pub(super) fn advance(
    conn: &Connection,
    rows: &mut Rows,
    kept: &Kept,
    (to, movement): (State, Movement),
) -> rusqlite::Result<bool> {
    let [boot, number] = halves(kept.id);
    let [money, calls, tokens] = numbers(to.charged());
    let changed = conn
        .prepare_cached(
            "UPDATE hold SET state = ?3, charged_money = ?4, charged_calls = ?5, charged_tokens = ?6
             WHERE boot = ?1 AND number = ?2 AND state = ?7",
        )?
        .execute(params![boot, number, state_code(to), money, calls, tokens, state_code(kept.state)])?;
    if changed == 1 {
        rows.apply(conn, &kept.places, movement)?;
    }
    Ok(changed == 1)
}

fn state_code(state: State) -> i64 {
    match state {
        State::Open => 0,
        State::Dispatched => 1,
        State::Settled(_) => 2,
        State::Uncertain(_) => 3,
        State::Voided => 4,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let number = |index: usize| row.get::<_, i64>(index);
    let charged = amount(row, 16)?;
    Ok(Kept {
        id: id(number(0)?, number(1)?),
        call: CallId::from_bits(whole(number(2)?, number(3)?)),
        attempt: Attempt(row.get(4)?),
        tenant: number(5)?,
        provider: number(6)?,
        model: number(7)?,
        at: Timestamp::from_millis(number(8)?),
        pricing: if number(9)? == 0 { Pricing::Unknown } else { Pricing::Known },
        places: budget::rows(&row.get::<_, String>(10)?),
        amount: amount(row, 11)?,
        predicted: row.get::<_, Option<i64>>(14)?.map(Money::from_nanos),
        state: match number(15)? {
            0 => State::Open,
            1 => State::Dispatched,
            2 => State::Settled(charged),
            3 => State::Uncertain(charged),
            _ => State::Voided,
        },
    })
}
