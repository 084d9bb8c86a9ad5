//! Money that is held for an attempt. Whatever happens to the task that has it, it is closed, once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::house::{House, Landing};
use crate::domain::amount::Amount;
use crate::domain::call::Call;
use crate::domain::cap::CapRev;
use crate::domain::closing::Closing;
use crate::domain::hold::HoldId;
use crate::domain::scope::Account;
use crate::store::guard::{Admission, Answer, Close, Repeat, Reserve, Stop};

/// An open hold.
pub struct Held {
    house: Arc<House>,
    /// What the store said when it let it through.
    pub admission: Admission,
    /// What is held.
    pub amount: Amount,
    accounts: Vec<Account>,
    sent: bool,
    open: bool,
}

/// What became of an attempt that asked.
pub enum Asked {
    /// Its money is held.
    Held(Held),
    /// It does not pass.
    Stopped(Stop),
    /// It was asked before.
    Repeated(Repeat),
    /// The books are closed: nothing may be spent.
    Closed,
}

/// Asks the store for the money of one attempt. Where nobody waits for the answer any more, what was
/// admitted is given back.
pub async fn reserve(house: &Arc<House>, order: Reserve) -> Asked {
    let (reply, answer) = oneshot::channel();
    let accounts =
        house.vault.view().book.caps_for(&order.caller).iter().map(|touch| touch.account).collect();
    let (amount, at, keeper) = (order.amount, order.now.wall, Arc::clone(house));
    house.vault.line_up(order, move |answer| {
        let asked = match answer {
            Ok(Answer::Admitted(admission)) => Asked::Held(Held::new(keeper, admission, amount, accounts)),
            Ok(Answer::Stopped(stop)) => Asked::Stopped(stop),
            Ok(Answer::Repeated(repeat)) => Asked::Repeated(repeat),
            Err(_) if mutant!("fail-open-on-store-error") => {
                let (hold, rev) = (HoldId::from_bits(0), CapRev(0));
                let admission = Admission { hold, warnings: Vec::new(), rev, at, doubt: None };
                Asked::Held(Held::new(keeper, admission, amount, accounts))
            }
            Err(_) => Asked::Closed,
        };
        // A hold that nobody takes is dropped here, and closes.
        drop(reply.send(asked));
    });
    // Whoever else is about to ask does so first; then one writes for all.
    tokio::task::yield_now().await;
    house.vault.press();
    answer.await.unwrap_or(Asked::Closed)
}

impl Held {
    fn new(house: Arc<House>, admission: Admission, amount: Amount, accounts: Vec<Account>) -> Held {
        house.metrics.holds.inc();
        house.metrics.held.inc_by(amount.money().nanos());
        house.tally.admitted.fetch_add(1, Ordering::Relaxed);
        Held { house, admission, amount, accounts, sent: false, open: true }
    }

    /// Notes that bytes may go upstream from now on.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// Closes it. `landing` is dropped once that is written, or is with the vault, which goes on trying.
    pub fn close(mut self, closing: Closing, call: Call, landing: Landing) {
        self.put(closing, Some(call), Some(landing));
    }

    fn put(&mut self, closing: Closing, call: Option<Call>, landing: Option<Landing>) {
        self.open = false;
        let close = Close { hold: self.admission.hold, closing, call, now: self.house.clock.now() };
        let (house, accounts) = (Arc::clone(&self.house), std::mem::take(&mut self.accounts));
        let money = self.amount.money().nanos();
        self.house.vault.close(close, move |_| {
            house.metrics.holds.dec();
            house.metrics.held.dec_by(money);
            house.turns.free(accounts);
            drop(landing);
        });
    }
}

impl Drop for Held {
    /// The safety net: a task that ends early, or panics, is charged in full where it may have sent.
    fn drop(&mut self) {
        if self.open {
            let closing = if self.sent { Closing::Uncertain(self.amount) } else { Closing::Voided };
            self.put(closing, None, None);
        }
    }
}
