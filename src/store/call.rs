//! The table `call`: one row for each call that counts.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params, params_from_iter};

use super::figures::Figures;
use super::name::Names;
use super::slice::{COLUMNS as SLICE, Key, variant};
use crate::domain::call::{Call, CallId, Cost, Media, ModelId, Provider, Status, TenantId};
use crate::domain::claim::{Claim, Contest, Nearness};
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::rollup::Sums;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::{TokenCount, Tokens};

/// The columns of a row but for its number, in the order of [`Entry::columns`].
const COLUMNS: [&str; 22] = [
    "id_high",
    "id_low",
    "contest",
    "nearness",
    "request",
    "place",
    "at",
    "stated",
    "slice",
    "input",
    "cache_read",
    "cache_write_short",
    "cache_write_long",
    "output",
    "reasoning",
    "calls",
    "searches",
    "reported",
    "latency",
    "first_byte",
    "cost_kind",
    "cost",
];
/// Rows with their slices.
const ROWS: &str = "call CROSS JOIN slice ON slice.id = call.slice";
/// What a row is summed by, in the order that [`between`] reads it.
const SUMMED: &str = "at, calls, input, cache_read, cache_write_short, cache_write_long, output, reasoning, \
                      cost_kind, cost";
const SUMMED_COUNT: usize = 10;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) id: CallId,
    pub(super) claim: Claim,
    /// When it counts.
    pub(super) at: Timestamp,
    /// The time it claims, where that lies in the future.
    pub(super) stated: Option<Timestamp>,
    /// The number of `key`.
    pub(super) slice: i64,
    pub(super) key: Key,
    pub(super) tokens: TokenCount,
    pub(super) calls: u32,
    pub(super) searches: u32,
    pub(super) reported: Option<Money>,
    pub(super) latency: Option<Millis>,
    pub(super) first_byte: Option<Millis>,
    pub(super) cost: Cost,
    /// Whether the row keeps all that the price depends on.
    pub(super) keeps: Keeps,
}

/// Whether a row keeps all that the price of its call depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    /// All of it.
    All,
    /// Not how many of its tokens are sound or pictures: without a cost, it stays without one.
    NoMedia,
}

/// A row with its number.
pub(super) struct Held {
    pub(super) row: i64,
    pub(super) entry: Entry,
}

impl Entry {
    /// Returns the row of a call.
    pub(super) fn of(call: &Call, slice: i64, key: Key) -> Entry {
        Entry {
            id: call.id,
            claim: call.claim,
            at: call.at,
            stated: None,
            slice,
            key,
            tokens: call.tokens,
            calls: call.calls,
            searches: call.searches,
            reported: call.reported,
            latency: call.latency,
            first_byte: call.first_byte,
            cost: Cost::Unpriced,
            keeps: if call.media == Media::default() { Keeps::All } else { Keeps::NoMedia },
        }
    }

    /// Says whether the other row says the same about the call, wherever it was read.
    pub(super) fn says_the_same(&self, other: &Entry) -> bool {
        let key = Key { source: other.key.source, ..self.key };
        let at = |entry: &Entry| entry.stated.unwrap_or(entry.at);
        key == other.key
            && at(self) == at(other)
            && self.tokens == other.tokens
            && self.calls == other.calls
            && self.searches == other.searches
            && self.reported == other.reported
    }

    /// Returns the call as it was recorded, and its source.
    pub(super) fn call(&self, conn: &Connection, names: &mut Names) -> rusqlite::Result<(Call, Label)> {
        let call = Call {
            id: self.id,
            claim: self.claim,
            at: self.at,
            tenant: TenantId::from_label(names.label(conn, self.key.tenant)?),
            provider: Provider::from_label(names.label(conn, self.key.provider)?),
            model: ModelId::from_label(names.label(conn, self.key.model)?),
            tier: self.key.tier,
            region: self.key.region,
            tokens: self.tokens,
            media: Media::default(),
            calls: self.calls,
            searches: self.searches,
            reported: self.reported,
            status: self.key.status,
            failure: names.label(conn, self.key.failure)?,
            latency: self.latency,
            first_byte: self.first_byte,
        };
        Ok((call, names.label(conn, self.key.source)?))
    }

    /// Returns what the row comes to.
    pub(super) fn sums(&self) -> Sums {
        sums(self.key.status, self.calls, self.tokens, self.cost)
    }

    fn columns(&self) -> [Option<i64>; COLUMNS.len()] {
        let [high, low] = halves(self.id);
        let tokens = |tokens: Tokens| Some(tokens.count().cast_signed());
        let millis = |length: Option<Millis>| length.map(|length| length.count().cast_signed());
        let (kind, cost) = match self.cost {
            Cost::Priced(money) => (0, Some(money.nanos())),
            Cost::Reported(money) => (1, Some(money.nanos())),
            Cost::Unpriced if self.keeps == Keeps::NoMedia => (3, None),
            Cost::Unpriced => (2, None),
        };
        [
            Some(high),
            Some(low),
            Some(self.claim.contest as i64),
            Some(self.claim.nearness as i64),
            self.claim.request.map(u64::cast_signed),
            Some(self.claim.order.cast_signed()),
            Some(self.at.millis()),
            self.stated.map(Timestamp::millis),
            Some(self.slice),
            tokens(self.tokens.input),
            tokens(self.tokens.cache_read),
            tokens(self.tokens.cache_write_short),
            tokens(self.tokens.cache_write_long),
            tokens(self.tokens.output),
            tokens(self.tokens.reasoning),
            Some(i64::from(self.calls)),
            Some(i64::from(self.searches)),
            self.reported.map(Money::nanos),
            millis(self.latency),
            millis(self.first_byte),
            Some(kind),
            cost,
        ]
    }

    /// Reads a row from the columns that begin at `first`, its slice after them.
    fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Entry> {
        let number = |index: usize| row.get::<_, i64>(first + index);
        let maybe = |index: usize| row.get::<_, Option<i64>>(first + index);
        let small = |index: usize| number(index).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let millis = |index: usize| {
            maybe(index).map(|length| length.map(|length| Millis::new(length.cast_unsigned())))
        };
        Ok(Entry {
            id: CallId::from_bits(
                u128::from(number(0)?.cast_unsigned()) << 64 | u128::from(number(1)?.cast_unsigned()),
            ),
            claim: Claim {
                contest: variant(&Contest::ALL, number(2)?),
                nearness: variant(&Nearness::ALL, number(3)?),
                request: maybe(4)?.map(i64::cast_unsigned),
                order: number(5)?.cast_unsigned(),
            },
            at: Timestamp::from_millis(number(6)?),
            stated: maybe(7)?.map(Timestamp::from_millis),
            slice: number(8)?,
            key: Key::read(row, first + COLUMNS.len())?,
            tokens: tokens(row, first + 9)?,
            calls: small(15)?,
            searches: small(16)?,
            reported: maybe(17)?.map(Money::from_nanos),
            latency: millis(18)?,
            first_byte: millis(19)?,
            cost: cost(row, first + 20)?,
            keeps: if number(20)? == 3 { Keeps::NoMedia } else { Keeps::All },
        })
    }
}

/// Returns what a call comes to: [`Sums::of`] without the names.
fn sums(status: Status, calls: u32, tokens: TokenCount, cost: Cost) -> Sums {
    let count = i64::from(calls);
    let (calls, failed) = match status {
        Status::Settled => (count, 0),
        Status::Failed => (0, count),
    };
    let (cost, reported, unpriced) = match cost {
        Cost::Priced(money) => (money, Money::ZERO, 0),
        Cost::Reported(money) => (money, money, 0),
        Cost::Unpriced => (Money::ZERO, Money::ZERO, calls),
    };
    Sums { calls, failed, tokens, cost, reported, unpriced }
}

/// Reads six counts of tokens.
fn tokens(row: &Row<'_>, first: usize) -> rusqlite::Result<TokenCount> {
    let tokens =
        |index: usize| row.get::<_, i64>(first + index).map(|count| Tokens::new(count.cast_unsigned()));
    Ok(TokenCount {
        input: tokens(0)?,
        cache_read: tokens(1)?,
        cache_write_short: tokens(2)?,
        cache_write_long: tokens(3)?,
        output: tokens(4)?,
        reasoning: tokens(5)?,
    })
}

/// Reads the kind of a cost and its money.
fn cost(row: &Row<'_>, first: usize) -> rusqlite::Result<Cost> {
    let money = row.get::<_, Option<i64>>(first + 1)?.map(Money::from_nanos);
    Ok(match (row.get::<_, i64>(first)?, money) {
        (0, Some(money)) => Cost::Priced(money),
        (1, Some(money)) => Cost::Reported(money),
        _ => Cost::Unpriced,
    })
}

/// The statements of one transaction.
pub(super) struct Calls<'a> {
    of_identity: CachedStatement<'a>,
    insert: CachedStatement<'a>,
    replace: CachedStatement<'a>,
    reclaim: CachedStatement<'a>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(conn: &'a Connection) -> rusqlite::Result<Calls<'a>> {
        /// Finding, adding, replacing.
        static STATEMENTS: LazyLock<[String; 3]> = LazyLock::new(|| {
            let columns = COLUMNS.join(", ");
            let places = (1..=COLUMNS.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
            let row = COLUMNS.len() + 1;
            [
                format!(
                    "SELECT row, {columns}, {SLICE} FROM {ROWS} WHERE id_high = ?1 AND id_low = ?2 ORDER BY row"
                ),
                format!("INSERT INTO call ({columns}) VALUES ({places})"),
                format!("UPDATE call SET ({columns}) = ({places}) WHERE row = ?{row}"),
            ]
        });
        let [of_identity, insert, replace] = &*STATEMENTS;
        Ok(Calls {
            of_identity: conn.prepare_cached(of_identity)?,
            insert: conn.prepare_cached(insert)?,
            replace: conn.prepare_cached(replace)?,
            reclaim: conn.prepare_cached(
                "UPDATE call SET contest = ?1, nearness = ?2, request = ?3, place = ?4 WHERE row = ?5",
            )?,
        })
    }

    /// Returns the calls of one identity: none or one, but where requests differ.
    pub(super) fn of_identity(&mut self, id: CallId) -> rusqlite::Result<Vec<Held>> {
        let [high, low] = halves(id);
        let mut rows = self.of_identity.query([high, low])?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            held.push(Held { row: row.get(0)?, entry: Entry::read(row, 1)? });
        }
        Ok(held)
    }

    /// Adds a call.
    pub(super) fn insert(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        self.insert.execute(params_from_iter(entry.columns())).map(drop)
    }

    /// Puts a better record of the same call in a row's place.
    pub(super) fn replace(&mut self, row: i64, entry: &Entry) -> rusqlite::Result<()> {
        let values = entry.columns().into_iter().chain([Some(row)]);
        self.replace.execute(params_from_iter(values)).map(drop)
    }

    /// Gives a row another claim; what it says about the call stays.
    pub(super) fn reclaim(&mut self, row: i64, claim: &Claim) -> rusqlite::Result<()> {
        let request = claim.request.map(u64::cast_signed);
        let (contest, nearness) = (claim.contest as i64, claim.nearness as i64);
        let values = params![contest, nearness, request, claim.order.cast_signed(), row];
        self.reclaim.execute(values).map(drop)
    }
}

/// Returns up to `limit` calls without a cost, after row `after`.
pub(super) fn unpriced_after(conn: &Connection, after: i64, limit: i64) -> rusqlite::Result<Vec<Held>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT row, {}, {SLICE} FROM {ROWS} WHERE cost_kind = 2 AND row > ?1 ORDER BY row LIMIT ?2",
        COLUMNS.join(", ")
    ))?;
    let rows = statement
        .query_map([after, limit], |row| Ok(Held { row: row.get(0)?, entry: Entry::read(row, 1)? }))?;
    rows.collect()
}

/// Shows what the calls from `start` up to `end` come to, in order of time.
pub(super) fn between(
    conn: &Connection,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut(Timestamp, &Key, &Figures),
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {SUMMED}, {SLICE} FROM {ROWS} WHERE at >= ?1 AND at < ?2 ORDER BY at"
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        let key = Key::read(row, SUMMED_COUNT)?;
        let calls = u32::try_from(row.get::<_, i64>(1)?).unwrap_or(u32::MAX);
        let sums = sums(key.status, calls, tokens(row, 2)?, cost(row, 8)?);
        visit(Timestamp::from_millis(row.get(0)?), &key, &Figures::of(&sums));
    }
    Ok(())
}

/// Shows the calls from `start` up to `end`, in order of time.
pub(super) fn each(
    conn: &Connection,
    (start, end): (i64, i64),
    visit: &mut dyn FnMut(&Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {}, {SLICE} FROM {ROWS} WHERE at >= ?1 AND at < ?2 ORDER BY at, row",
        COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([start, end])?;
    while let Some(row) = rows.next()? {
        visit(&Entry::read(row, 0)?)?;
    }
    Ok(())
}

/// Shows the rows after row `after`, at most `limit` of them, in the order in which they came; returns the
/// last one's number.
pub(super) fn after(
    conn: &Connection,
    (after, limit): (i64, i64),
    visit: &mut dyn FnMut(&Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<i64> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT row, {}, {SLICE} FROM {ROWS} WHERE row > ?1 ORDER BY row LIMIT ?2",
        COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([after, limit])?;
    let mut last = after;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        visit(&Entry::read(row, 1)?)?;
    }
    Ok(last)
}

/// Shows the calls from `start` on, the latest first, at most `limit` of them.
pub(super) fn latest_since(
    conn: &Connection,
    (start, limit): (i64, i64),
    visit: &mut dyn FnMut(&Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {}, {SLICE} FROM {ROWS} WHERE at >= ?1 ORDER BY at DESC LIMIT ?2",
        COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([start, limit])?;
    while let Some(row) = rows.next()? {
        visit(&Entry::read(row, 0)?)?;
    }
    Ok(())
}

/// Shows the calls of one tenant from `start` up to `end`, the latest first, as far as they are among the `limit`
/// latest calls of all. Returns when the oldest of those was made, where they may not be all.
pub(super) fn latest_of(
    conn: &Connection,
    (tenant, start, end): (i64, i64, i64),
    limit: i64,
    visit: &mut dyn FnMut(&Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<i64>> {
    let mut oldest = conn.prepare_cached(
        "SELECT at FROM call WHERE at >= ?1 AND at < ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3",
    )?;
    let oldest: Option<i64> = oldest.query_row([start, end, limit - 1], |row| row.get(0)).optional()?;
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {}, {SLICE} FROM {ROWS} WHERE at >= ?1 AND at < ?2 AND tenant = ?3 ORDER BY at DESC",
        COLUMNS.join(", ")
    ))?;
    let mut rows = statement.query([oldest.unwrap_or(start), end, tenant])?;
    while let Some(row) = rows.next()? {
        visit(&Entry::read(row, 0)?)?;
    }
    Ok(oldest)
}

/// Returns the number of the row that came last.
pub(super) fn last_row(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT coalesce(max(row), 0) FROM call", [], |row| row.get(0))
}

/// Shows the time, tenant and sums of each call from `start` on.
pub(super) fn since(
    conn: &Connection,
    start: i64,
    visit: &mut dyn FnMut(i64, i64, &Figures),
) -> rusqlite::Result<()> {
    let mut statement = conn
        .prepare_cached(&format!("SELECT {SUMMED}, slice.tenant, slice.status FROM {ROWS} WHERE at >= ?1"))?;
    let mut rows = statement.query([start])?;
    while let Some(row) = rows.next()? {
        let (tenant, status) = (row.get(SUMMED_COUNT)?, row.get(SUMMED_COUNT + 1)?);
        let calls = u32::try_from(row.get::<_, i64>(1)?).unwrap_or(u32::MAX);
        let sums = sums(variant(&Status::ALL, status), calls, tokens(row, 2)?, cost(row, 8)?);
        visit(row.get(0)?, tenant, &Figures::of(&sums));
    }
    Ok(())
}

/// Returns the time of the latest call.
pub(super) fn latest(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.query_row("SELECT max(at) FROM call", [], |row| row.get(0))
}

/// Returns how many rows there are.
pub(super) fn count(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("SELECT count(*) FROM call", [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

fn halves(id: CallId) -> [i64; 2] {
    let bits = id.bits();
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)];
    [high, low].map(|half| u64::try_from(half).unwrap_or(u64::MAX).cast_signed())
}
