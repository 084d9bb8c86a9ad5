//! What one thread counts by itself, where each call is taken to come once.

use std::io;

use super::part::Part;
use super::query::Query;
use super::resolve::Seen;
use crate::domain::observation::Batch;
use crate::domain::price::Pricer;
use crate::domain::rollup::Sums;

/// A part of a report that no other thread touches.
pub struct Lane<'a> {
    part: Part<'a>,
    pricer: Pricer<'a>,
    seen: Seen,
}

impl<'a> Lane<'a> {
    /// Starts without figures.
    ///
    /// # Errors
    /// Where its temporary file cannot be made.
    pub fn new(query: &'a Query, pricer: Pricer<'a>) -> io::Result<Lane<'a>> {
        Ok(Lane { part: Part::new(query), pricer, seen: Seen::new()? })
    }

    /// Takes what was read from a ledger, and counts all of it.
    ///
    /// # Errors
    /// Where its temporary file cannot be written.
    pub fn read(&mut self, mut batch: Batch) -> io::Result<()> {
        let source = self.part.open(&mut batch);
        let mut counted = (0, 0);
        self.part.rows_of(&batch);
        let Part { sums, rows, .. } = &mut self.part;
        for (call, &row) in batch.decoded.calls.iter().zip(rows.iter()) {
            let adds = Sums::of(call, self.pricer.cost(call));
            counted.0 += adds.calls;
            counted.1 += adds.failed;
            sums.add(row, &adds);
        }
        batch.decoded.calls.iter().try_for_each(|call| self.seen.note(call.id))?;
        self.part.counted(source, counted);
        Ok(())
    }

    /// Returns what was counted, and of which calls.
    pub fn into_parts(self) -> (Part<'a>, Seen) {
        (self.part, self.seen)
    }
}
