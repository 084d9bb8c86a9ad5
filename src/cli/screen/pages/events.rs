//! The latest calls.

use std::collections::VecDeque;

use crate::cli::context::now;
use crate::cli::screen::librarian::{AHEAD, Librarian};
use crate::domain::calendar::Span;
use crate::domain::time::Millis;
use crate::store::StoreError;
use crate::tui::page::events::Now;

/// Calls that are kept.
const KEPT: usize = 1_000;

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = now();
    let span = Span { start: now.before(Millis::from_minutes(15)), end: now.after(AHEAD) };
    let mut latest = VecDeque::new();
    librarian.reader.calls(span, &mut |call, cost| {
        if latest.len() == KEPT {
            latest.pop_front();
        }
        latest.push_back((call.clone(), cost));
    })?;
    Ok(Now { calls: latest.into_iter().rev().collect() })
}
