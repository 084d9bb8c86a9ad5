//! The guards, as they last told of themselves.

use crate::cli::screen::librarian::Librarian;
use crate::store::StoreError;
use crate::store::guard::GuardRow;
use crate::tui::page::guard::{GuardLine, Now};

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    Ok(Now { guards: librarian.reader.guards()?.iter().map(line).collect() })
}

fn line(row: &GuardRow) -> GuardLine {
    GuardLine {
        name: row.name,
        listen: row.listen,
        started: row.started,
        seen: row.seen,
        rev: row.rev,
        in_flight: row.in_flight,
        admitted: row.admitted,
        refused: row.refused,
        alive: row.alive,
    }
}
