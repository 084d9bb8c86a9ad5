//! What was looked up in a book: read once, whoever asks, and from whatever thread.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::fast::RandomState;

use super::{Found, Key};

/// So many models are remembered; callers choose their names.
const MOST: usize = 4_096;

/// The prices of models that were asked for; none for those that have none.
#[derive(Debug, Default)]
pub(super) struct Memo(RwLock<HashMap<Key, Arc<Found>, RandomState>>);

impl Memo {
    /// Returns what is known of a model, after `look` where it was never asked for.
    pub(super) fn get(&self, key: Key, look: impl FnOnce() -> Found) -> Arc<Found> {
        if let Some(found) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(found);
        }
        let found = Arc::new(look());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, Arc::clone(&found));
        found
    }
}

impl Clone for Memo {
    /// A copy of a book may become another one: it remembers nothing.
    fn clone(&self) -> Memo {
        Memo::default()
    }
}
