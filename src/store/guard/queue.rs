//! The line of what is to be written: bounded, taken in groups, closed once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What may wait to be admitted. Past this a guard is refused at once.
const ASKS: usize = 4_096;
/// What may wait of the rest: closings are let in where asks are not.
const ALL: usize = 65_536;
/// So many are company enough.
const CROWD: usize = 64;

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// It asks for money: somebody waits for the answer. The first to be refused.
    Ask,
    /// It gives money back or tells something: it can wait for company.
    Tell,
}

/// A bounded line between many askers and one writer.
pub(super) struct Queue<T> {
    line: Mutex<Line<T>>,
    bell: Condvar,
}

struct Line<T> {
    asks: VecDeque<T>,
    tells: VecDeque<T>,
    /// When the oldest of `tells` was first seen.
    seen: Option<Instant>,
    open: bool,
}

impl<T> Line<T> {
    fn is_empty(&self) -> bool {
        self.asks.is_empty() && self.tells.is_empty()
    }

    fn of(&mut self, rank: Rank) -> &mut VecDeque<T> {
        match rank {
            Rank::Ask => &mut self.asks,
            Rank::Tell => &mut self.tells,
        }
    }

    /// Returns how long those that tell may still wait for company.
    fn rest(&mut self, linger: Duration) -> Duration {
        if self.tells.is_empty() || self.tells.len() >= CROWD || !self.open || linger.is_zero() {
            return Duration::ZERO;
        }
        linger.saturating_sub(self.seen.get_or_insert_with(now).elapsed())
    }

    fn take_tells(&mut self, most: usize) -> Vec<T> {
        let taken: Vec<T> = self.tells.drain(..self.tells.len().min(most)).collect();
        if self.tells.is_empty() {
            self.seen = None;
        }
        taken
    }
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        let line = Line { asks: VecDeque::new(), tells: VecDeque::new(), seen: None, open: true };
        Queue { line: Mutex::new(line), bell: Condvar::new() }
    }

    /// Puts an order at the end, or hands it back where the line is full or closed. Whoever asks must
    /// [`Queue::ring`], or take what is asked himself.
    pub(super) fn push(&self, rank: Rank, order: T) -> Result<(), T> {
        let mut line = self.lock();
        let most = if rank == Rank::Ask { ASKS } else { ALL };
        let closed = !line.open;
        let own = line.of(rank);
        if own.len() >= most || closed {
            return Err(order);
        }
        own.push_back(order);
        let waiting = own.len();
        // Whoever lingers is not woken for what can wait.
        if rank == Rank::Tell && (waiting == 1 || waiting == CROWD) {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Puts an order that was taken where it was.
    pub(super) fn put_back(&self, rank: Rank, order: T) {
        self.lock().of(rank).push_front(order);
    }

    /// Wakes whoever takes.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Takes all that ask, if they are not more than `most`.
    pub(super) fn take_asks(&self, most: usize) -> Option<Vec<T>> {
        let mut line = self.lock();
        (line.asks.len() <= most).then(|| line.asks.drain(..).collect())
    }

    /// Takes up to `most` orders. Waits up to `patience` for the first.
    ///
    /// What asks is taken at once. What tells is left up to `linger` for company, for one commit is dearer than
    /// what is in it; then it comes before what asks. `None`: closed, and all taken.
    pub(super) fn take(&self, most: usize, patience: Duration, linger: Duration) -> Option<Vec<T>> {
        let mut line = self.lock();
        if line.is_empty() && line.open {
            let waited = self.bell.wait_timeout_while(line, patience, |line| line.is_empty() && line.open);
            line = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut rest = line.rest(linger);
        while line.asks.is_empty() && !rest.is_zero() {
            line = self.bell.wait_timeout(line, rest).unwrap_or_else(PoisonError::into_inner).0;
            rest = line.rest(linger);
        }
        if line.is_empty() && !line.open {
            return None;
        }
        let mut taken = if rest.is_zero() { line.take_tells(most) } else { Vec::new() };
        let asks = line.asks.len().min(most - taken.len());
        taken.extend(line.asks.drain(..asks));
        Some(taken)
    }

    /// Takes what tells, however short it has waited.
    pub(super) fn take_tells(&self) -> Vec<T> {
        self.lock().take_tells(usize::MAX)
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

#[expect(
    clippy::disallowed_methods,
    reason = "the writing thread is a shell: how long it waits is its own clock's"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_mins(1);

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
        let queue = Queue::new();
        assert_eq!(queue.push(Rank::Tell, 1), Ok(()));
        assert_eq!(queue.take(9, LONG, Duration::from_millis(1)), Some(vec![1]), "nobody came");
        assert!(queue.push(Rank::Tell, 1).is_ok() && queue.push(Rank::Ask, 2).is_ok());
        assert_eq!(queue.take(9, LONG, LONG), Some(vec![2]), "what asks goes first");
        assert!(queue.push(Rank::Ask, 3).is_ok());
        assert_eq!(queue.take(9, LONG, NOW), Some(vec![1, 3]), "what has waited long enough goes first");
        assert!((0..CROWD).all(|order| queue.push(Rank::Tell, order).is_ok()));
        assert_eq!(queue.take(CROWD, LONG, LONG).map(|taken| taken.len()), Some(CROWD));
        assert!(queue.push(Rank::Tell, 1).is_ok());
        assert_eq!((queue.take_tells(), queue.take_tells()), (vec![1], vec![]));
    }

    #[test]
    fn those_that_ask_are_taken_apart_where_they_are_few() {
        let queue = Queue::new();
        assert_eq!(queue.take_asks(2), Some(vec![]));
        assert!([1, 2, 3].into_iter().all(|order| queue.push(Rank::Ask, order).is_ok()));
        assert_eq!((queue.take_asks(2), queue.take_asks(3)), (None, Some(vec![1, 2, 3])));
        for order in [3, 2, 1] {
            queue.put_back(Rank::Ask, order);
        }
        assert!(queue.push(Rank::Tell, 9).is_ok());
        assert_eq!(queue.take(9, NOW, NOW), Some(vec![9, 1, 2, 3]));
    }

    #[test]
    fn a_closed_line_is_emptied_without_waiting() {
        let queue = Queue::new();
        assert_eq!(queue.push(Rank::Tell, 1), Ok(()));
        queue.close();
        assert_eq!([queue.take(9, LONG, LONG), queue.take(9, LONG, LONG)], [Some(vec![1]), None]);
    }

    #[test]
    fn a_full_line_turns_askers_away_first() {
        let queue = Queue::new();
        assert!((0..ASKS).all(|order| queue.push(Rank::Ask, order).is_ok()));
        assert_eq!(queue.push(Rank::Ask, 0), Err(0));
        assert!((0..ALL).all(|order| queue.push(Rank::Tell, order).is_ok()));
        assert_eq!(queue.push(Rank::Tell, 0), Err(0));
    }
}
