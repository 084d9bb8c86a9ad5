//! The line of what is to be written: bounded, taken in groups, closed once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be admitted. Past this a guard is refused at once.
const ASKS: usize = 4_096;
/// What may wait in all: closings are let in where asks are not.
const ALL: usize = 65_536;

/// How an order may be turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// It asks for money: the first to be refused.
    Ask,
    /// It gives money back or tells something.
    Tell,
}

/// A bounded line between many askers and one writer.
pub(super) struct Queue<T> {
    line: Mutex<Line<T>>,
    bell: Condvar,
}

struct Line<T> {
    waiting: VecDeque<T>,
    open: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        Queue { line: Mutex::new(Line { waiting: VecDeque::new(), open: true }), bell: Condvar::new() }
    }

    /// Puts an order at the end, or hands it back where the line is full or closed.
    pub(super) fn push(&self, rank: Rank, order: T) -> Result<(), T> {
        let most = if rank == Rank::Ask { ASKS } else { ALL };
        let mut line = self.lock();
        if !line.open || line.waiting.len() >= most {
            return Err(order);
        }
        line.waiting.push_back(order);
        drop(line);
        self.bell.notify_one();
        Ok(())
    }

    /// Takes up to `most` orders; waits up to `patience` for the first. `None`: closed, and all taken.
    pub(super) fn take(&self, most: usize, patience: Duration) -> Option<Vec<T>> {
        let mut line = self.lock();
        if line.waiting.is_empty() && line.open {
            let waited =
                self.bell.wait_timeout_while(line, patience, |line| line.waiting.is_empty() && line.open);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if line.waiting.is_empty() && !line.open {
            return None;
        }
        let count = line.waiting.len().min(most);
        Some(line.waiting.drain(..count).collect())
    }

    /// Lets nothing in any more. What waits is still taken.
    pub(super) fn close(&self) {
        self.lock().open = false;
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Line<T>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn orders_come_out_as_they_went_in_and_all_before_the_end() {
        let queue = Queue::new();
        assert!((0..5).all(|order| queue.push(Rank::Ask, order).is_ok()));
        queue.close();
        assert_eq!(queue.push(Rank::Tell, 9), Err(9));
        let taken = [queue.take(2, NOW), queue.take(9, NOW), queue.take(9, NOW)];
        assert_eq!(taken, [Some(vec![0, 1]), Some(vec![2, 3, 4]), None]);
    }

    #[test]
    fn a_full_line_turns_askers_away_first() {
        let queue = Queue::new();
        assert!((0..ASKS).all(|order| queue.push(Rank::Ask, order).is_ok()));
        assert_eq!(queue.push(Rank::Ask, 0), Err(0));
        assert!((ASKS..ALL).all(|order| queue.push(Rank::Tell, order).is_ok()));
        assert_eq!(queue.push(Rank::Tell, 0), Err(0));
    }
}
