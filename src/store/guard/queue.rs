//! The line of what is to be written: bounded, taken in groups, closed once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be admitted. Past this a guard is refused at once.
const ASKS: usize = 4_096;
/// What may wait in all: closings are let in where asks are not.
const ALL: usize = 65_536;
/// So many are company enough.
const CROWD: usize = 64;

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
    /// How many of those that wait ask for money.
    asks: usize,
    open: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        let line = Line { waiting: VecDeque::new(), asks: 0, open: true };
        Queue { line: Mutex::new(line), bell: Condvar::new() }
    }

    /// Puts an order at the end, or hands it back where the line is full or closed.
    pub(super) fn push(&self, rank: Rank, order: T) -> Result<(), T> {
        let most = if rank == Rank::Ask { ASKS } else { ALL };
        let mut line = self.lock();
        if !line.open || line.waiting.len() >= most {
            return Err(order);
        }
        line.waiting.push_back(order);
        line.asks += usize::from(rank == Rank::Ask);
        // Whoever lingers is not woken for what can wait.
        let rings = rank == Rank::Ask || line.waiting.len() == 1 || line.waiting.len() == CROWD;
        drop(line);
        if rings {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Takes up to `most` orders; waits up to `patience` for the first, and where nobody asks for money up to
    /// `linger` for company: one commit is dearer than what is in it. `None`: closed, and all taken.
    pub(super) fn take(&self, most: usize, patience: Duration, linger: Duration) -> Option<Vec<T>> {
        let mut line = self.lock();
        if line.waiting.is_empty() && line.open {
            let waited =
                self.bell.wait_timeout_while(line, patience, |line| line.waiting.is_empty() && line.open);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let lonely = |line: &mut Line<T>| {
            line.asks == 0 && !line.waiting.is_empty() && line.waiting.len() < CROWD && line.open
        };
        if !linger.is_zero() && lonely(&mut line) {
            let waited = self.bell.wait_timeout_while(line, linger, lonely);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if line.waiting.is_empty() && !line.open {
            return None;
        }
        let count = line.waiting.len().min(most);
        // Those that stay are few, and all are taken next: that some of them ask is enough to know.
        line.asks = if count == line.waiting.len() { 0 } else { line.asks.max(1) };
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
        let taken = [2, 9, 9].map(|most| queue.take(most, NOW, NOW));
        assert_eq!(taken, [Some(vec![0, 1]), Some(vec![2, 3, 4]), None]);
    }

    #[test]
    fn what_gives_back_waits_for_company_and_what_asks_does_not() {
        const LONG: Duration = Duration::from_mins(1);
        let queue = Queue::new();
        assert_eq!(queue.push(Rank::Tell, 1), Ok(()));
        assert_eq!(queue.take(9, LONG, Duration::from_millis(1)), Some(vec![1]), "nobody came");
        assert!(queue.push(Rank::Tell, 1).is_ok() && queue.push(Rank::Ask, 2).is_ok());
        assert_eq!(queue.take(1, LONG, LONG), Some(vec![1]));
        assert_eq!(queue.take(9, LONG, LONG), Some(vec![2]));
        assert!((0..CROWD).all(|order| queue.push(Rank::Tell, order).is_ok()));
        assert_eq!(queue.take(CROWD, LONG, LONG).map(|taken| taken.len()), Some(CROWD));
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
