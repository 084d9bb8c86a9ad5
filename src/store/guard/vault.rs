//! The handle of a guard on its store. Every operation is put in line for the one writing thread and
//! answered when it is committed; the answer may come on any thread.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use super::key::Authenticated;
use super::order::{Answer, Beat, Close, Closed, Order, Reserve, Setup, Started, Swept, View};
use super::queue::{Queue, Rank};
use super::writer::{self, Writer};
use crate::domain::cap::CapRev;
use crate::domain::hold::HoldId;
use crate::domain::label::Label;
use crate::domain::limits::Limits;
use crate::domain::period_clock::Clocks;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// A guard's store: cheap to clone, usable from any thread.
///
/// One thread writes. It takes what is waiting, up to 1,024 orders, and commits it as one; so the wait for
/// the disk is shared. Where nothing is to be waited for, whoever asks may write in its place
/// ([`Vault::press`]): waking a thread takes longer than a commit. When the last handle goes, what waits is
/// still written, and the thread ends; holds that are open then are found by the next sweep.
///
/// A store that is locked, full, gone, replaced or damaged answers every order with that error within a
/// second, and nothing is admitted; as soon as it can be used again, it is.
#[derive(Clone)]
pub struct Vault {
    desk: Arc<Desk>,
}

/// What all handles share.
struct Desk {
    queue: Arc<Queue<Order>>,
    view: Arc<RwLock<Arc<View>>>,
    name: Label,
    path: std::path::PathBuf,
    writer: Arc<Mutex<Writer>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Vault {
    /// Opens the store, makes it where there is none, and takes the guard's lock beside it. The holds of
    /// guards that have died are closed before this returns.
    pub fn open(setup: Setup) -> Result<Vault, StoreError> {
        let queue = Arc::new(Queue::new());
        let (name, path) = (setup.name, setup.path.clone());
        let started = writer::start(setup, Arc::clone(&queue))?;
        let (view, writer, thread) = (started.shown, started.writer, Mutex::new(Some(started.thread)));
        Ok(Vault { desk: Arc::new(Desk { queue, view, name, path, writer, thread }) })
    }

    /// Asks for the money of one attempt: caps and sums are read, judged and written in one transaction.
    ///
    /// Nothing may be sent before the answer is [`Answer::Admitted`]; an error admits nothing.
    pub fn reserve(&self, order: Reserve, reply: impl FnOnce(Result<Answer, StoreError>) + Send + 'static) {
        self.line_up(order, reply);
        self.desk.queue.ring();
    }

    /// Asks like [`Vault::reserve`], but wakes nobody: [`Vault::press`] must follow soon.
    pub fn line_up(&self, order: Reserve, reply: impl FnOnce(Result<Answer, StoreError>) + Send + 'static) {
        self.put(Rank::Ask, Order::Reserve(Box::new(order), Box::new(reply)));
    }

    /// Writes what is asked on this thread where that takes no wait, for the disk or for other processes, and few
    /// ask; else wakes the writing thread. What others have asked is written with it.
    pub fn press(&self) {
        writer::press(&self.desk.writer, &self.desk.queue);
    }

    /// Marks a hold as dispatched, where [`super::Dispatch::Later`] was asked for.
    ///
    /// Nothing may be sent before the answer is [`Started::Yes`].
    pub fn dispatch(&self, hold: HoldId, reply: impl FnOnce(Result<Started, StoreError>) + Send + 'static) {
        self.put(Rank::Ask, Order::Dispatch(hold, Box::new(reply)));
        self.desk.queue.ring();
    }

    /// Closes a hold and writes the call, in one transaction. A second closing moves nothing.
    ///
    /// With an error it is not closed yet: the vault keeps the closing and tries again until the store
    /// can be used. Where the guard ends first, the hold is charged in full by the next sweep.
    pub fn close(&self, order: Close, reply: impl FnOnce(Result<Closed, StoreError>) + Send + 'static) {
        self.put(Rank::Tell, Order::Close(Box::new(order), Box::new(reply)));
    }

    /// Closes the holds of guards that have died: what was not sent is given back, what may have been
    /// sent is charged in full. There is no age at which a hold of a living guard is touched.
    pub fn sweep(&self, now: Timestamp, reply: impl FnOnce(Result<Swept, StoreError>) + Send + 'static) {
        self.put(Rank::Tell, Order::Sweep(now, Box::new(reply)));
    }

    /// Tells how the guard is. It is written about once a second, and at once where its note or the revision
    /// in force, which is added, has changed; call it a few times a second.
    pub fn beat(&self, beat: Beat) {
        self.put(Rank::Tell, Order::Beat(beat));
    }

    /// Keeps what a provider told of its limits.
    pub fn observe(&self, limits: Limits) {
        self.put(Rank::Tell, Order::Observe(Box::new(limits)));
    }

    /// Hands on a time from outside: a provider's `Date`. Where it agrees with the wall clock, that is
    /// believed again, and the answer is `true`.
    pub fn witness(
        &self,
        date: Timestamp,
        now: Clocks,
        reply: impl FnOnce(Result<bool, StoreError>) + Send + 'static,
    ) {
        self.put(Rank::Tell, Order::Witness(date, now, Box::new(reply)));
    }

    /// Returns caps, keys and the store's state as last seen, at most about 50 ms ago. It costs nothing.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.desk.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the revision of the caps as last seen.
    pub fn revision(&self) -> CapRev {
        self.view().book.rev()
    }

    /// Checks a tenant's key.
    pub fn verify(&self, shown: &str, now: Timestamp) -> Option<Authenticated> {
        self.view().keys.verify(shown, now)
    }

    /// Returns the guard's name.
    pub fn name(&self) -> Label {
        self.desk.name
    }

    fn put(&self, rank: Rank, order: Order) {
        if let Err(order) = self.desk.queue.push(rank, order) {
            order.refuse(&StoreError::Overrun { path: self.desk.path.clone() });
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The last handle may go in an answer, on the thread itself.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}
