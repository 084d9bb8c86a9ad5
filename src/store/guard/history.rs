//! The calls of the past, one after the other: what a cap is tried against.

use crate::domain::calendar::Span;
use crate::domain::call::{Call, Cost};
use crate::store::{Reader, StoreError, call};

impl Reader {
    /// Shows every call of a span with its cost, in order of time. They are read as they are shown.
    pub fn calls(&self, span: Span, visit: &mut dyn FnMut(&Call, Cost)) -> Result<(), StoreError> {
        self.read(|conn, names| {
            call::each(conn, (span.start.millis(), span.end.millis()), &mut |entry| {
                let (call, _) = entry.call(conn, names)?;
                visit(&call, entry.cost);
                Ok(())
            })
        })
    }
}
