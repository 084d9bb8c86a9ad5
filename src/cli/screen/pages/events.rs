//! The latest calls, and all of one.

use crate::cli::screen::librarian::Librarian;
use crate::domain::burn::minute_of;
use crate::domain::call::CallId;
use crate::store::StoreError;
use crate::tui::page::events::{Now, Record};

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = librarian.now();
    let mut desk = librarian.hour.borrow_mut();
    let calls = desk.look(&librarian.reader, now)?.latest();
    let since = minute_of(now) * 60_000 - 60_000;
    let whole = calls.iter().filter(|made| (since..since + 60_000).contains(&made.0.at.millis()));
    let last_minute = whole.map(|made| u64::from(made.0.calls)).sum();
    Ok(Now { calls, last_minute })
}

/// Reads one call, and how the price book makes its cost.
pub(super) fn read_one(librarian: &Librarian, id: CallId) -> Result<Option<Box<Record>>, StoreError> {
    let Some((call, cost, source)) = librarian.reader.call(id)? else { return Ok(None) };
    let price = librarian.book().find(call.provider, call.model, call.at);
    let bill = price.as_ref().and_then(|price| price.bill(&call));
    let from = price.map_or_else(|| "none".to_owned(), |price| price.source().as_str().to_owned());
    Ok(Some(Box::new(Record { call, cost, source, bill, from })))
}
