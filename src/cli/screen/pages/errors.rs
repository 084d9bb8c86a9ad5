//! Which calls of the last hour failed.

use std::collections::HashMap;

use crate::cli::context::now;
use crate::cli::screen::librarian::{AHEAD, Librarian};
use crate::domain::calendar::Span;
use crate::domain::call::Status;
use crate::domain::label::Label;
use crate::domain::time::Millis;
use crate::store::StoreError;
use crate::tui::page::errors::{ClassRow, Now};

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = now();
    let span = Span { start: now.before(Millis::from_minutes(60)), end: now.after(AHEAD) };
    let mut classes: HashMap<Label, ClassRow> = HashMap::new();
    let mut calls = 0;
    librarian.reader.calls(span, &mut |call, _| {
        calls += u64::from(call.calls);
        if call.status == Status::Failed {
            let class = call.failure;
            let row = classes.entry(class).or_insert(ClassRow { class, count: 0, last: call.at });
            row.count += u64::from(call.calls);
            row.last = row.last.max(call.at);
        }
    })?;
    Ok(Now { classes: classes.into_values().collect(), calls })
}
