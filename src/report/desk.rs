//! One report that several threads read for.
//!
//! All go through one builder as long as calls may meet others of their identity in its memory. From then on
//! each thread has a lane of its own, and waits for no other.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Report;
use super::build::Builder;
use super::lane::Lane;
use super::query::Query;
use super::resolve::Way;
use crate::domain::observation::Batch;
use crate::domain::price::{PriceBook, Pricer};

/// A report in the making, for several threads.
pub struct Desk<'a> {
    query: &'a Query,
    book: &'a PriceBook,
    common: Mutex<Common<'a>>,
    lanes: Vec<Mutex<Option<Lane<'a>>>>,
}

struct Common<'a> {
    builder: Builder<'a>,
    pricer: Pricer<'a>,
    failure: Option<io::Error>,
}

impl<'a> Desk<'a> {
    /// Starts without figures, for so many threads.
    pub fn new(query: &'a Query, book: &'a PriceBook, way: Way, threads: usize) -> Desk<'a> {
        Desk::of(Builder::new(query, way), (query, book), threads)
    }

    /// Starts with a builder of one's own.
    pub fn of(builder: Builder<'a>, (query, book): (&'a Query, &'a PriceBook), threads: usize) -> Desk<'a> {
        let common = Mutex::new(Common { builder, pricer: book.pricer(), failure: None });
        let lanes = (0..threads).map(|_| Mutex::default()).collect();
        Desk { query, book, common, lanes }
    }

    /// Returns how many threads count by themselves.
    #[cfg(test)]
    pub fn lanes_in_use(&self) -> usize {
        self.lanes.iter().filter(|lane| lock(lane).is_some()).count()
    }

    /// Takes what a thread has read from a ledger. Says whether there is room for more: if not,
    /// [`Desk::finish`] says why.
    pub fn read(&self, thread: usize, batch: Batch) -> bool {
        match self.try_read(thread, batch) {
            Ok(()) => true,
            Err(error) => {
                lock(&self.common).failure = Some(error);
                false
            }
        }
    }

    fn try_read(&self, thread: usize, batch: Batch) -> io::Result<()> {
        let mut lane = self.lanes.get(thread).map(lock);
        if let Some(Some(lane)) = lane.as_deref_mut() {
            return lane.read(batch);
        }
        let mut common = lock(&self.common);
        let Common { builder, pricer, .. } = &mut *common;
        match lane {
            Some(mut place) if builder.takes_lanes() => {
                drop(common);
                place.insert(Lane::new(self.query, self.book.pricer())?).read(batch)
            }
            _ => builder.read(batch, pricer),
        }
    }

    /// Returns the finished report, as [`Builder::finish`] does.
    ///
    /// # Errors
    /// Where a temporary file of a large report could not be written or read.
    pub fn finish(self) -> io::Result<Option<Report>> {
        let Common { mut builder, failure, .. } =
            self.common.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)?;
        for lane in self.lanes {
            if let Some(lane) = lane.into_inner().unwrap_or_else(PoisonError::into_inner) {
                builder.join(lane);
            }
        }
        builder.finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
