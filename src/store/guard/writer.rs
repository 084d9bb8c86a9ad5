//! The writing thread of a guard.

use std::sync::{Arc, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::order::{Answer, Beat, Close, Closed, Reserve, Setup, Started, Swept, View};
use super::queue::Queue;
use super::vault::Reply;
use crate::domain::hold::HoldId;
use crate::domain::limits::Limits;
use crate::domain::period_clock::Clocks;
use crate::domain::time::Timestamp;
use crate::store::{Store, StoreError};

/// One thing to do, with whom to tell.
pub(super) enum Order {
    Reserve(Box<Reserve>, Reply<Answer>),
    Dispatch(HoldId, Reply<Started>),
    Close(Box<Close>, Reply<Closed>),
    Sweep(Timestamp, Reply<Swept>),
    Witness(Timestamp, Clocks, Reply<bool>),
    Beat(Beat),
    Observe(Box<Limits>),
}

impl Order {
    /// Answers with an error.
    pub(super) fn refuse(self, why: &StoreError) {
        match self {
            Order::Reserve(_, reply) => reply(Err(why.clone())),
            Order::Dispatch(_, reply) => reply(Err(why.clone())),
            Order::Close(_, reply) => reply(Err(why.clone())),
            Order::Sweep(_, reply) => reply(Err(why.clone())),
            Order::Witness(_, _, reply) => reply(Err(why.clone())),
            Order::Beat(_) | Order::Observe(_) => {}
        }
    }
}

/// What the thread shows to all handles.
pub(super) type Shown = Arc<RwLock<Arc<View>>>;

/// Opens the store and starts the thread.
pub(super) fn start(setup: Setup, queue: Arc<Queue<Order>>) -> Result<(Shown, JoinHandle<()>), StoreError> {
    let store = Store::open(&setup.path)?;
    let view = View { book: Arc::default(), keys: Arc::default(), fault: None };
    let shown = Arc::new(RwLock::new(Arc::new(view)));
    let run = move || {
        let why = StoreError::Overrun { path: setup.path };
        while let Some(orders) = queue.take(256, Duration::from_millis(50)) {
            orders.into_iter().for_each(|order| order.refuse(&why));
        }
        drop(store);
    };
    let thread = thread::Builder::new().name("vault".to_owned()).spawn(run);
    Ok((shown, thread.map_err(|_| StoreError::Overrun { path: std::path::PathBuf::new() })?))
}
