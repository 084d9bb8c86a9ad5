//! The table `mark`: how far each file has been read.

use rusqlite::{Connection, Row, params};

use crate::domain::label::Label;
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::time::Timestamp;

/// Sets the mark of a file.
pub(super) fn set(conn: &Connection, mark: &Mark, now: Timestamp) -> rusqlite::Result<()> {
    let FileId { device, inode } = mark.sight.file;
    let format = mark.format.as_str();
    let file = match mark.sight.file {
        id if id == FileId::default() => format!("{format} {}", mark.path),
        _ => format!("{format} {device}:{inode}"),
    };
    let mut statement = conn.prepare_cached(
        "INSERT OR REPLACE INTO mark (file, path, format, device, inode, size, modified, changed, offset,
           head, tail, seen_at, cursor, half)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    statement
        .execute(params![
            file,
            mark.path,
            format,
            device.cast_signed(),
            inode.cast_signed(),
            mark.sight.size.cast_signed(),
            mark.sight.modified.to_string(),
            mark.sight.changed.to_string(),
            mark.offset.cast_signed(),
            mark.head.cast_signed(),
            mark.tail.cast_signed(),
            now.millis(),
            mark.cursor,
            mark.half.map(u64::cast_signed),
        ])
        .map(drop)
}

/// Returns all marks, the last one set last.
pub(super) fn all(conn: &Connection) -> rusqlite::Result<Vec<Mark>> {
    let mut statement = conn.prepare_cached(
        "SELECT path, format, device, inode, size, modified, changed, offset, head, tail, cursor, half
         FROM mark
         ORDER BY seen_at, rowid",
    )?;
    statement.query_map([], read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let number = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
    let nanos = |index: usize| row.get::<_, String>(index).map(|text| text.parse().unwrap_or(0));
    Ok(Mark {
        path: row.get::<_, String>(0)?.into_boxed_str(),
        format: Label::new(&row.get::<_, String>(1)?),
        sight: Sight {
            file: FileId { device: number(2)?, inode: number(3)? },
            size: number(4)?,
            modified: nanos(5)?,
            changed: nanos(6)?,
        },
        offset: number(7)?,
        head: number(8)?,
        tail: number(9)?,
        half: row.get::<_, Option<i64>>(11)?.map(i64::cast_unsigned),
        cursor: row.get::<_, Option<String>>(10)?.map(String::into_boxed_str),
    })
}
