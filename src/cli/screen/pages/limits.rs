//! What providers last told of their limits.

use crate::cli::screen::librarian::Librarian;
use crate::store::StoreError;
use crate::tui::page::limits::Now;

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    Ok(Now { groups: librarian.reader.limits()? })
}
