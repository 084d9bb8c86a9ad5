//! What providers last told of their limits, and how often they refused.

use std::collections::BTreeMap;

use crate::cli::context::now;
use crate::cli::screen::librarian::Librarian;
use crate::domain::failure::FailureClass;
use crate::domain::label::Label;
use crate::store::StoreError;
use crate::tui::page::limits::Now;

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = now();
    let mut desk = librarian.hour.borrow_mut();
    let mut refused: BTreeMap<[Label; 2], u64> = BTreeMap::new();
    for (fault, (toll, _)) in desk.look(&librarian.reader, now)?.faults(1, now) {
        if fault.class == FailureClass::RateLimit {
            *refused.entry([fault.provider.label(), fault.model.label()]).or_default() += toll.count;
        }
    }
    Ok(Now { groups: librarian.reader.limits()?, refused })
}
