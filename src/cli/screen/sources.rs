//! The lines of the sources table, as the store knows them.

use std::collections::HashMap;

use crate::domain::label::Label;
use crate::domain::observation::BadLine;
use crate::domain::time::Timestamp;
use crate::store::{Reader, StoreError};
use crate::tui::{BadRow, SourceRow, SourceState};

/// Bad lines kept for the screen, in all.
pub(super) const BAD_LINES: usize = 500;

/// Returns the line of each source.
pub(super) fn rows(reader: &Reader) -> Result<HashMap<Label, SourceRow>, StoreError> {
    let mut rows = HashMap::new();
    for source in reader.sources()? {
        let mut row = empty(source.source, source.format);
        row.last = Some(source.last_read_at).filter(|at| *at > Timestamp::EPOCH);
        row.calls = source.calls.unsigned_abs();
        row.bad = source.tally.bad;
        row.copies = source.copies.iter().sum();
        row.note = source.note.unwrap_or_default();
        rows.insert(source.source, row);
    }
    for (source, line) in reader.bad_lines(BAD_LINES)? {
        if let Some(row) = rows.get_mut(&source) {
            row.bad_lines.push(bad(source, &line));
        }
    }
    Ok(rows)
}

/// Returns the line of a source that nothing is known of yet.
pub(super) fn empty(source: Label, format: Label) -> SourceRow {
    SourceRow {
        source,
        format,
        state: SourceState::Ok,
        last: None,
        calls: 0,
        bad: 0,
        copies: 0,
        note: String::new(),
        bad_lines: Vec::new(),
    }
}

/// Returns a line that could not be read as the screen shows it.
pub(super) fn bad(file: Label, line: &BadLine) -> BadRow {
    BadRow { file, line: line.line, reason: line.reason.clone(), excerpt: line.excerpt.clone() }
}
