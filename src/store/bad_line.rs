//! The tables `bad_line` and `bad_seen`: the newest lines that could not be read, and who counts each.

use rusqlite::{Connection, OptionalExtension, params};

use super::name::Names;
use crate::domain::label::Label;
use crate::domain::observation::BadLine;

/// How many are kept; the source's counter counts them all.
const KEPT: i64 = 10_000;

/// Returns the source that counts a bad line.
pub(super) fn holder(conn: &Connection, fingerprint: u64) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT source FROM bad_seen WHERE fingerprint = ?1")?
        .query_row([fingerprint.cast_signed()], |row| row.get(0))
        .optional()
}

/// Lets a source count a bad line, in place of the one that did.
pub(super) fn hold(conn: &Connection, fingerprint: u64, source: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO bad_seen (fingerprint, source) VALUES (?1, ?2)")?
        .execute([fingerprint.cast_signed(), source])
        .map(drop)
}

/// Lets go of a source's line.
pub(super) fn remove(conn: &Connection, source: i64, line: &BadLine) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM bad_line WHERE source = ?1 AND offset = ?2")?
        .execute([source, line.offset.cast_signed()])
        .map(drop)
}

/// Keeps a source's bad lines; one that is known is not kept twice.
pub(super) fn keep<'a>(
    conn: &Connection,
    source: i64,
    lines: impl Iterator<Item = &'a BadLine>,
) -> rusqlite::Result<()> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    let mut statement = conn.prepare_cached(
        "INSERT INTO bad_line (source, offset, line, length, reason, excerpt) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET line = excluded.line, length = excluded.length,
           reason = excluded.reason, excerpt = excluded.excerpt",
    )?;
    for line in lines {
        statement.execute(params![
            source,
            line.offset.cast_signed(),
            line.line.cast_signed(),
            line.length.cast_signed(),
            line.reason,
            line.excerpt
        ])?;
    }
    conn.prepare_cached("DELETE FROM bad_line WHERE row <= (SELECT max(row) FROM bad_line) - ?1")?
        .execute([KEPT])
        .map(drop)
}

/// Returns the newest `limit` bad lines with their sources, newest first.
pub(super) fn newest(
    conn: &Connection,
    names: &mut Names,
    limit: usize,
) -> rusqlite::Result<Vec<(Label, BadLine)>> {
    let mut statement = conn.prepare_cached(
        "SELECT source, offset, line, length, reason, excerpt FROM bad_line ORDER BY row DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let number = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
        let line = BadLine {
            offset: number(1)?,
            line: number(2)?,
            length: number(3)?,
            reason: row.get(4)?,
            excerpt: row.get(5)?,
        };
        lines.push((names.label(conn, row.get(0)?)?, line));
    }
    Ok(lines)
}
