//! The price book that all threads of the screen share: a price that is set here counts from then on.

use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::price::PriceBook;

/// The book in force. Cheap to clone.
#[derive(Clone)]
pub(super) struct SharedBook(Arc<RwLock<Arc<PriceBook>>>);

impl SharedBook {
    /// Begins with a book.
    pub(super) fn new(book: PriceBook) -> SharedBook {
        SharedBook(Arc::new(RwLock::new(Arc::new(book))))
    }

    /// Returns the book in force.
    pub(super) fn get(&self) -> Arc<PriceBook> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub(super) fn set(&self, book: PriceBook) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
    }
}
