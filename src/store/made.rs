//! Single calls for people to look at: the latest of them, and one with its source.

use super::call::{self, Calls};
use super::{Reader, StoreError};
use crate::domain::call::{Call, CallId, Cost};
use crate::domain::label::Label;
use crate::domain::time::Timestamp;

/// The most calls that are read at once, the latest of them.
const MOST: i64 = 200_000;

impl Reader {
    /// Shows the calls since an instant, the latest first, and returns the number of the row that came last:
    /// with it, [`Reader::calls_after`] goes on. Of more than 200,000 the older ones are left out.
    pub fn latest_calls(
        &self,
        since: Timestamp,
        visit: &mut dyn FnMut(&Call, Cost),
    ) -> Result<i64, StoreError> {
        self.read(|conn, names| {
            let last = call::last_row(conn)?;
            call::latest_since(conn, (since.millis(), MOST), &mut |entry| {
                visit(&entry.call(conn, names)?.0, entry.cost);
                Ok(())
            })?;
            Ok(last)
        })
    }

    /// Shows the calls that came after row `row`, and returns the number of the last one shown: where it is
    /// another than `row`, there may be more. A better record of an older call is not among them.
    pub fn calls_after(&self, row: i64, visit: &mut dyn FnMut(&Call, Cost)) -> Result<i64, StoreError> {
        self.read(|conn, names| {
            call::after(conn, (row, MOST), &mut |entry| {
                visit(&entry.call(conn, names)?.0, entry.cost);
                Ok(())
            })
        })
    }

    /// Returns one call, what it cost, and where it was read; the first of several that share an identity.
    pub fn call(&self, id: CallId) -> Result<Option<(Call, Cost, Label)>, StoreError> {
        self.read(|conn, names| {
            let Some(held) = Calls::new(conn)?.of_identity(id)?.into_iter().next() else { return Ok(None) };
            let (call, source) = held.entry.call(conn, names)?;
            Ok(Some((call, held.entry.cost, source)))
        })
    }
}
