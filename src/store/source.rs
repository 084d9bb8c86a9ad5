//! The table `source`: what was read from each ledger, and what became of it.

use rusqlite::{Connection, Row, params_from_iter};

use super::name::Names;
use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::observation::{Batch, Skip, Tally};
use crate::domain::time::Timestamp;

/// The counters, in order: lines, bad, lost, then [`Skip::ALL`], then [`Copy::ALL`].
const COUNTERS: [&str; 3 + Skip::ALL.len() + Copy::ALL.len()] = [
    "lines",
    "bad",
    "lost",
    "skip_other",
    "skip_synthetic",
    "skip_repeat",
    "skip_no_usage",
    "skip_filtered",
    "skip_blank",
    "copy_repeated",
    "copy_sidechain",
    "copy_echo",
    "copy_replaced",
];

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
    /// When it last gave something.
    pub last_read_at: Timestamp,
    /// What the reader last noticed about it.
    pub note: Option<String>,
}

/// Adds a batch's counts to its source.
pub(super) fn tally(
    conn: &Connection,
    source: i64,
    batch: &Batch,
    copies: &[u64; Copy::ALL.len()],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let places = (5..5 + COUNTERS.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let sums = COUNTERS.map(|column| format!("{column} = {column} + excluded.{column}"));
    let mut statement = conn.prepare_cached(&format!(
        "INSERT INTO source (name, format, last_read_at, note, {}) VALUES (?1, ?2, ?3, ?4, {places})
         ON CONFLICT DO UPDATE SET format = excluded.format, last_read_at = excluded.last_read_at,
           note = excluded.note, {}",
        COUNTERS.join(", "),
        sums.join(", ")
    ))?;
    let tally = &batch.decoded.tally;
    let counts = [tally.lines, tally.bad, tally.lost].into_iter().chain(tally.skipped).chain(*copies);
    statement.raw_bind_parameter(1, source)?;
    statement.raw_bind_parameter(2, batch.format.as_str())?;
    statement.raw_bind_parameter(3, now.millis())?;
    statement.raw_bind_parameter(4, batch.note.as_deref())?;
    for (place, count) in (5..).zip(counts) {
        statement.raw_bind_parameter(place, i64::try_from(count).unwrap_or(i64::MAX))?;
    }
    statement.raw_execute().map(drop)
}

/// Adds to the calls that count and were read from a source.
pub(super) fn add_calls(conn: &Connection, source: i64, calls: i64) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached("UPDATE source SET calls = calls + ?1 WHERE name = ?2")?;
    statement.execute(params_from_iter([calls, source])).map(drop)
}

/// Returns all sources, by name.
pub(super) fn all(conn: &Connection, names: &mut Names) -> rusqlite::Result<Vec<SourceRow>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT name, format, calls, last_read_at, note, {} FROM source",
        COUNTERS.join(", ")
    ))?;
    let mut rows = statement.query([])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        sources.push(read(row, names.label(conn, row.get(0)?)?)?);
    }
    sources.sort_by_key(|row| row.source);
    Ok(sources)
}

/// Returns the calls by source, as its counter says.
pub(super) fn calls(conn: &Connection) -> rusqlite::Result<Vec<(i64, i64)>> {
    let mut statement = conn.prepare_cached("SELECT name, calls FROM source ORDER BY name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn read(row: &Row<'_>, source: Label) -> rusqlite::Result<SourceRow> {
    let counter = |index: usize| row.get::<_, i64>(5 + index).map(|count| u64::try_from(count).unwrap_or(0));
    let mut tally = Tally { lines: counter(0)?, bad: counter(1)?, lost: counter(2)?, ..Tally::default() };
    for (index, count) in tally.skipped.iter_mut().enumerate() {
        *count = counter(3 + index)?;
    }
    let mut copies = [0; Copy::ALL.len()];
    for (index, count) in copies.iter_mut().enumerate() {
        *count = counter(3 + Skip::ALL.len() + index)?;
    }
    Ok(SourceRow {
        source,
        format: Label::new(&row.get::<_, String>(1)?),
        tally,
        copies,
        calls: row.get(2)?,
        last_read_at: Timestamp::from_millis(row.get(3)?),
        note: row.get(4)?,
    })
}
