//! The table `bad_line`: the newest lines that could not be read.

use rusqlite::{Connection, params};

use super::name::Names;
use crate::domain::label::Label;
use crate::domain::observation::BadLine;

/// How many are kept; the source's counter counts them all.
const KEPT: i64 = 10_000;

/// Keeps a source's bad lines; one that is known is not kept twice.
pub(super) fn keep(conn: &Connection, source: i64, lines: &[BadLine]) -> rusqlite::Result<()> {
    if lines.is_empty() {
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
