//! Answers that are given again to a request that repeats its idempotency key: the newest, and not too many.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// The most bytes of answers that are kept.
const MOST_BYTES: usize = 16 << 20;
/// The longest answer that is kept, bytes.
const LONGEST: usize = 1 << 20;

/// What a client gave as its key, hashed together with its tenant.
type Key = [u8; 16];

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The answers that are kept.
#[derive(Default)]
pub struct Replays(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    kept: HashMap<Key, Kept>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Replays {
    /// Keeps an answer, and forgets the oldest for it.
    pub fn keep(&self, key: Key, answer: Kept) {
        if answer.body.len() > LONGEST {
            return;
        }
        let mut keeper = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.bytes += answer.body.len();
        match keeper.kept.insert(key, answer) {
            Some(old) => keeper.bytes -= old.body.len(),
            None => keeper.order.push_back(key),
        }
        while keeper.bytes > MOST_BYTES || keeper.order.len() > MOST_BYTES / LONGEST * 64 {
            let Some(oldest) = keeper.order.pop_front() else { break };
            let gone = keeper.kept.remove(&oldest);
            keeper.bytes -= gone.map_or(0, |gone| gone.body.len());
        }
    }

    /// Returns an answer that was kept.
    pub fn find(&self, key: &Key) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kept.get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: usize) -> Kept {
        Kept { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(vec![b'x'; length]) }
    }

    #[test]
    fn the_newest_answers_are_kept_and_no_more_than_fit() {
        let (replays, key) = (Replays::default(), |number: u8| [number; 16]);
        for number in 0..17 {
            replays.keep(key(number), answer(LONGEST));
        }
        assert_eq!(replays.find(&key(0)), None);
        assert_eq!(replays.find(&key(16)), Some(answer(LONGEST)));
        replays.keep(key(99), answer(LONGEST + 1));
        assert_eq!(replays.find(&key(99)), None);
        replays.keep(key(16), answer(3));
        assert_eq!(replays.find(&key(16)), Some(answer(3)));
    }
}
