//! What each page shows, read from the store: a file and a function a page.
//!
//! These run on the librarian's thread, so none of them may take long: bounded queries only.

mod limits;
mod errors;
mod events;
mod guard;

use super::librarian::Librarian;
use crate::store::StoreError;
use crate::tui::{Ask, Page};

/// Answers the question of a page.
pub(super) fn read(librarian: &Librarian, ask: &Ask) -> Result<Page, StoreError> {
    Ok(match ask {
        Ask::Limits => Page::Limits(limits::read(librarian)?),
        Ask::Errors => Page::Errors(errors::read(librarian)?),
        Ask::Events => Page::Events(events::read(librarian)?),
        Ask::Guard => Page::Guard(guard::read(librarian)?),
    })
}
