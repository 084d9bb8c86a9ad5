//! Turns: calls that wait for money held by others go in the order in which they came, account by account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedMutexGuard};

use crate::domain::scope::Account;

/// The most calls that wait at a time; more are told at once to come back.
const MOST: usize = 1_024;

/// The lines before all accounts.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<Account, Arc<Line>>>);

/// The line before one account. Whoever holds its lock is first.
#[derive(Default)]
struct Line {
    first: Arc<tokio::sync::Mutex<()>>,
    freed: Arc<Notify>,
}

/// A place in a line; leaving it lets the next one come first.
pub struct Turn<'t> {
    turns: &'t Turns,
    account: Account,
    freed: Arc<Notify>,
    first: Option<OwnedMutexGuard<()>>,
    line: Option<Arc<Line>>,
}

impl Turns {
    /// Says whether anyone waits before one of these accounts, and returns the first such.
    pub fn waits(&self, accounts: impl IntoIterator<Item = Account>) -> Option<Account> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return None;
        }
        accounts.into_iter().find(|account| lines.contains_key(account))
    }

    /// Stands in line and returns once first; `None` where too many wait.
    pub async fn stand(&self, account: Account) -> Option<Turn<'_>> {
        let line = {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting: usize = lines.values().map(|line| Arc::strong_count(line) - 1).sum();
            if waiting >= MOST {
                return None;
            }
            Arc::clone(lines.entry(account).or_default())
        };
        let (first, freed) = (Arc::clone(&line.first), Arc::clone(&line.freed));
        // The place is taken before the wait, so that giving up on the wait gives the place back.
        let mut turn = Turn { turns: self, account, freed, first: None, line: Some(line) };
        turn.first = Some(first.lock_owned().await);
        Some(turn)
    }

    /// Tells whoever is first before these accounts that money has come free.
    pub fn free(&self, accounts: impl IntoIterator<Item = Account>) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for account in accounts {
            if let Some(line) = lines.get(&account) {
                line.freed.notify_one();
            }
        }
    }
}

impl Turn<'_> {
    /// Waits until money may have come free. What came free since the last wait counts.
    pub async fn freed(&self) {
        self.freed.notified().await;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.first = None;
        let mut lines = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.line = None;
        if lines.get(&self.account).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.account);
        } else if let Some(line) = lines.get(&self.account) {
            line.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::TenantId;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn calls_go_in_their_order_and_a_line_that_is_left_is_gone() {
        let (turns, acme) = (Turns::default(), Account::Tenant(TenantId::new("acme")));
        let (mut one, mut two, mut three) =
            (Box::pin(turns.stand(acme)), Box::pin(turns.stand(acme)), Box::pin(turns.stand(acme)));
        let Poll::Ready(Some(first)) = poll(one.as_mut()) else { panic!("nobody is before it") };
        assert!(poll(two.as_mut()).is_pending() && poll(three.as_mut()).is_pending());
        assert_eq!(turns.waits([Account::Everything, acme]), Some(acme));
        assert!(poll(pin!(first.freed())).is_pending());
        turns.free([acme]);
        assert!(poll(pin!(first.freed())).is_ready());
        drop(two);
        drop(first);
        let Poll::Ready(Some(last)) = poll(three.as_mut()) else { panic!("it is its turn") };
        assert!(poll(pin!(last.freed())).is_ready(), "whoever comes first looks at once");
        drop(last);
        drop((one, three));
        assert_eq!(turns.waits([acme]), None);
    }
}
