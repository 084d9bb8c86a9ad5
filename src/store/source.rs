//! The table `source`: what was read from each ledger, and what became of it.

use std::sync::LazyLock;

use rusqlite::{Connection, Row, params_from_iter};

use super::name::Names;
use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::observation::{Batch, Skip, Tally};
use crate::domain::time::Timestamp;

/// The counters of lines, in order: lines, bad, lost, then [`Skip::ALL`].
const LINES: [&str; 3 + Skip::ALL.len()] = [
    "lines",
    "bad",
    "lost",
    "skip_other",
    "skip_synthetic",
    "skip_repeat",
    "skip_no_usage",
    "skip_filtered",
    "skip_blank",
];

/// The counters of calls, in order: answered, failed, then [`Copy::ALL`].
const CALLS: [&str; 2 + Copy::ALL.len()] =
    ["calls", "failed", "copy_repeated", "copy_sidechain", "copy_echo"];

/// What was read from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    /// The source as the user sees it.
    pub source: Label,
    /// Its format, by its command-line name.
    pub format: Label,
    /// Lines read and left out.
    pub tally: Tally,
    /// Records dropped as copies, by [`Copy`](enum@Copy).
    pub copies: [u64; Copy::ALL.len()],
    /// Answered calls that count and were read here.
    pub calls: i64,
    /// Failed calls that count and were read here.
    pub failed: i64,
    /// When it last gave something.
    pub last_read_at: Timestamp,
    /// What the reader last noticed about it.
    pub note: Option<String>,
}

/// What the calls of one source came to in one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turnover {
    /// More answered calls that count, or fewer.
    pub(super) calls: i64,
    /// More failed calls that count, or fewer.
    pub(super) failed: i64,
    /// More bad lines that count, or fewer.
    pub(super) bad: i64,
    /// Records dropped as copies.
    pub(super) copies: [u64; Copy::ALL.len()],
}

/// Adds a batch's lines to its source.
pub(super) fn tally(conn: &Connection, source: i64, batch: &Batch, now: Timestamp) -> rusqlite::Result<()> {
    static STATEMENT: LazyLock<String> = LazyLock::new(|| {
        let places = (5..5 + LINES.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let sums = LINES.map(|column| format!("{column} = {column} + excluded.{column}"));
        format!(
            "INSERT INTO source (name, format, last_read_at, note, {}) VALUES (?1, ?2, ?3, ?4, {places})
             ON CONFLICT DO UPDATE SET format = excluded.format, last_read_at = excluded.last_read_at,
               note = excluded.note, {}",
            LINES.join(", "),
            sums.join(", ")
        )
    });
    let mut statement = conn.prepare_cached(&STATEMENT)?;
    let tally = &batch.decoded.tally;
    let counts = [tally.lines, tally.bad, tally.lost].into_iter().chain(tally.skipped);
    statement.raw_bind_parameter(1, source)?;
    statement.raw_bind_parameter(2, batch.format.as_str())?;
    statement.raw_bind_parameter(3, now.millis())?;
    statement.raw_bind_parameter(4, batch.note.as_deref())?;
    for (place, count) in (5..).zip(counts) {
        statement.raw_bind_parameter(place, i64::try_from(count).unwrap_or(i64::MAX))?;
    }
    statement.raw_execute().map(drop)
}

/// Adds what the calls of a source came to.
pub(super) fn turn_over(conn: &Connection, source: i64, turnover: &Turnover) -> rusqlite::Result<()> {
    static STATEMENT: LazyLock<String> = LazyLock::new(|| {
        let columns = CALLS.into_iter().chain(["bad"]);
        let sums = (2..).zip(columns).map(|(place, column)| format!("{column} = {column} + ?{place}"));
        format!("UPDATE source SET {} WHERE name = ?1", sums.collect::<Vec<_>>().join(", "))
    });
    let mut statement = conn.prepare_cached(&STATEMENT)?;
    let copies = turnover.copies.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let values = [source, turnover.calls, turnover.failed].into_iter().chain(copies).chain([turnover.bad]);
    statement.execute(params_from_iter(values)).map(drop)
}

/// Returns all sources, by name.
pub(super) fn all(conn: &Connection, names: &mut Names) -> rusqlite::Result<Vec<SourceRow>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT name, format, last_read_at, note, {}, {} FROM source",
        LINES.join(", "),
        CALLS.join(", ")
    ))?;
    let mut rows = statement.query([])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        sources.push(read(row, names.label(conn, row.get(0)?)?)?);
    }
    sources.sort_by_key(|row| row.source);
    Ok(sources)
}

/// Returns the answered and the failed calls by source, as its counters say.
pub(super) fn calls(conn: &Connection) -> rusqlite::Result<Vec<(i64, [i64; 2])>> {
    let mut statement = conn.prepare_cached("SELECT name, calls, failed FROM source ORDER BY name")?;
    statement.query_map([], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?])))?.collect()
}

fn read(row: &Row<'_>, source: Label) -> rusqlite::Result<SourceRow> {
    let counter = |index: usize| row.get::<_, i64>(4 + index).map(|count| u64::try_from(count).unwrap_or(0));
    let mut tally = Tally { lines: counter(0)?, bad: counter(1)?, lost: counter(2)?, ..Tally::default() };
    for (index, count) in tally.skipped.iter_mut().enumerate() {
        *count = counter(3 + index)?;
    }
    let mut copies = [0; Copy::ALL.len()];
    for (index, count) in copies.iter_mut().enumerate() {
        *count = counter(LINES.len() + 2 + index)?;
    }
    Ok(SourceRow {
        source,
        format: Label::new(&row.get::<_, String>(1)?),
        tally,
        copies,
        calls: row.get(4 + LINES.len())?,
        failed: row.get(5 + LINES.len())?,
        last_read_at: Timestamp::from_millis(row.get(2)?),
        note: row.get(3)?,
    })
}
