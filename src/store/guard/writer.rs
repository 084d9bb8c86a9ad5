//! The writing thread of a guard: takes orders in groups, commits each group as one, answers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::cap;
use super::commit::Failure;
use super::group::{Done, Office, Outcome};
use super::hold;
use super::key::KeyRing;
use super::life::{self, Life};
use super::order::{Close, Order, Setup, View};
use super::queue::Queue;
use super::rows::Rows;
use super::session::{Patience, Session, checkpoint_beside};
use crate::domain::closing::Closing;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Orders committed together at most.
const GROUP: usize = 1_024;
/// How long the thread sleeps where nothing is asked: so old may a view be.
const NAP: Duration = Duration::from_millis(50);
/// So many may ask at a time for one of them to write for all: more are better left to the writing thread, beside
/// which they can go on.
const FEW: usize = 8;
/// Commits after which the log is moved into the store: a few pages each.
const COMMITS: u32 = 600;
/// Closings that are kept while the store cannot be used.
const BACKLOG: usize = 65_536;
/// How often a guard that starts tries a store that another process holds, each time for most of a second.
const STARTS: usize = 12;

/// What the thread shows to all handles.
pub(super) type Shown = Arc<RwLock<Arc<View>>>;

/// A writer at work.
pub(super) struct AtWork {
    /// What it shows.
    pub(super) shown: Shown,
    /// The writer.
    pub(super) writer: Arc<Mutex<Writer>>,
    /// Its thread.
    pub(super) thread: JoinHandle<()>,
}

/// Opens the store, closes what dead guards left open, and starts the thread.
pub(super) fn start(setup: Setup, queue: Arc<Queue<Order>>) -> Result<AtWork, StoreError> {
    let path = setup.path.clone();
    let session = Session::open(&path)?;
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|error| StoreError::unusable(&path, &std::io::Error::other(error.to_string())))?;
    let boot = i64::from_ne_bytes(random) & i64::MAX;
    let life = Life::take(&path, boot)?;
    let shown: Shown = Arc::new(RwLock::new(Arc::new(View {
        book: Arc::default(),
        keys: Arc::default(),
        fault: None,
        doubt: None,
    })));
    let now = setup.now.wall;
    // The wall clock may be wrong; what is over by the store's time is found with the first reading of the clocks.
    let caps = cap::high(&session.conn).and_then(|high| cap::load(&session.conn, &setup.base, high));
    let caps = caps.map_err(|error| StoreError::of(&path, &error))?;
    let office = Office {
        setup,
        boot,
        caps,
        unsure: false,
        clock: None,
        high: None,
        rows: Rows::default(),
        next: 1,
        told: None,
        doubt: None,
        note: None,
    };
    let identity = session.identity().to_vec();
    let mut writer = Writer {
        office,
        life: Some(life),
        identity,
        session: Some(session),
        keys: (-1, Arc::default()),
        backlog: Vec::new(),
        fault: None,
        shown: Arc::clone(&shown),
        queue: Arc::clone(&queue),
        commits: 0,
    };
    writer.begin(now)?;
    let writer = Arc::new(Mutex::new(writer));
    let thread = spawn(Arc::clone(&writer), queue, path.clone());
    let thread = thread.map_err(|error| StoreError::unusable(&path, &error))?;
    Ok(AtWork { shown, writer, thread })
}

/// Starts the thread that takes what is in line, for as long as it is open.
fn spawn(
    writer: Arc<Mutex<Writer>>,
    queue: Arc<Queue<Order>>,
    store: PathBuf,
) -> std::io::Result<JoinHandle<()>> {
    let run = move || {
        let open = Line(queue);
        // A writer that someone's panic left half-way writes no more: the line is closed.
        let Ok(linger) = writer.lock().map(|writer| writer.office.setup.linger) else { return };
        while let Some(orders) = open.0.take(GROUP, NAP, linger) {
            let Ok(mut writing) = writer.lock() else { return };
            writing.turn(orders);
            if writing.commits >= COMMITS {
                drop(writing);
                checkpoint_beside(&store);
                let Ok(mut writing) = writer.lock() else { return };
                writing.checkpoint();
            }
        }
        if let Ok(mut writer) = writer.lock() {
            writer.end();
        }
    };
    thread::Builder::new().name("vault".to_owned()).spawn(run)
}

/// Writes what is asked on the asker's own thread, where the writer is free, few ask, and nothing has to be waited
/// for: neither the disk nor other processes. Else it is left to the writing thread.
pub(super) fn press(writer: &Mutex<Writer>, queue: &Queue<Order>) {
    if let Ok(mut writer) = writer.try_lock()
        && writer.is_quick()
        && let Some(orders) = queue.take_asks(FEW)
    {
        if !orders.is_empty() {
            writer.serve(orders, Patience::None);
        }
        return;
    }
    queue.ring();
}

/// Closes the line when the thread ends, however it ends: whoever waits then is answered.
struct Line(Arc<Queue<Order>>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.close();
        let why = StoreError::Overrun { path: PathBuf::new() };
        while let Some(orders) = self.0.take(GROUP, Duration::ZERO, Duration::ZERO) {
            for order in orders {
                order.refuse(&why);
            }
        }
    }
}

/// Whoever has it writes: the thread, or an asker who found it free.
pub(super) struct Writer {
    pub(super) office: Office,
    pub(super) life: Option<Life>,
    pub(super) identity: Vec<u8>,
    pub(super) session: Option<Session>,
    /// The keys, and at which of their revisions.
    pub(super) keys: (i64, Arc<KeyRing>),
    /// Closings that could not be committed yet.
    backlog: Vec<Order>,
    pub(super) fault: Option<StoreError>,
    shown: Shown,
    /// Whoever waits for the next turn.
    queue: Arc<Queue<Order>>,
    /// Commits since the log was last moved into the store.
    pub(super) commits: u32,
}

impl Writer {
    /// Closes what dead guards left open. Nobody waits for an answer yet, so that a store which another
    /// process holds is tried for longer than a caller would wait.
    fn begin(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for again in (0..STARTS).rev() {
            let (tell, told) = std::sync::mpsc::sync_channel(1);
            self.serve(
                vec![Order::Sweep(now, Box::new(move |swept| drop(tell.send(swept))))],
                Patience::Usual,
            );
            match told.recv() {
                Ok(Err(StoreError::Locked { .. })) if again > 0 => self.show(None),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(_)) | Err(_) => break,
            }
        }
        Ok(())
    }

    /// Does one turn: looks at the file, and commits what is asked.
    fn turn(&mut self, orders: Vec<Order>) {
        let idle = orders.is_empty() && self.backlog.is_empty() && self.fault.is_none();
        if !idle || !self.look_idly() {
            let patience = if self.fault.is_none() { Patience::Usual } else { Patience::Short };
            self.serve(orders, patience);
        }
    }

    /// Moves the rest of the log into the store: what came while most of it was moved.
    fn checkpoint(&mut self) {
        self.commits = 0;
        self.session.iter().for_each(Session::checkpoint);
    }

    /// Says whether a commit takes only as long as its own work.
    fn is_quick(&self) -> bool {
        let ready = self.session.is_some() && self.fault.is_none() && self.backlog.is_empty();
        ready && !self.has_hard_caps()
    }

    /// Looks whether there is news; says whether there is nothing to write about it.
    fn look_idly(&mut self) -> bool {
        let before = self.office.caps.book.rev();
        match self.ready().and_then(|()| self.read_news()) {
            Ok(()) => self.office.caps.book.rev() == before,
            Err(_) => false,
        }
    }

    /// Commits orders, the backlog first, and answers them. Whoever would have to wait for money is judged
    /// again behind the closings that stand in line.
    fn serve(&mut self, orders: Vec<Order>, patience: Patience) {
        let waiting = self.serve_once(orders, patience);
        if waiting.is_empty() {
            return;
        }
        let mut again = self.queue.take_tells();
        if !again.is_empty() {
            let (orders, _): (Vec<Order>, Vec<Outcome>) = waiting.into_iter().unzip();
            again.extend(orders);
            let waiting = self.serve_once(again, patience);
            return answer(waiting);
        }
        answer(waiting);
    }

    /// Commits orders, the backlog first, and answers them, but for those that would have to wait.
    fn serve_once(&mut self, orders: Vec<Order>, patience: Patience) -> Vec<(Order, Outcome)> {
        let mut all = std::mem::take(&mut self.backlog);
        all.extend(orders);
        match self.commit(&all, patience) {
            Ok(done) => return self.finish(all, done),
            Err(Failure::Before(StoreError::Locked { .. })) if patience == Patience::None => {
                for order in all.into_iter().rev() {
                    self.queue.put_back(order.rank(), order);
                }
                self.queue.ring();
            }
            Err(Failure::Before(StoreError::Statement { .. })) if all.len() > 1 => {
                // One of them cannot be done. The others do not suffer from it.
                for order in all {
                    self.serve_alone(order);
                }
            }
            Err(Failure::Before(StoreError::Statement { path, why })) => {
                let fault = StoreError::Statement { path, why };
                for order in all {
                    order.refuse(&fault);
                }
            }
            Err(failure) => self.fail(failure, all),
        }
        Vec::new()
    }

    fn serve_alone(&mut self, order: Order) {
        let one = vec![order];
        match self.commit(&one, Patience::Usual) {
            Ok(done) => answer(self.finish(one, done)),
            Err(Failure::Before(fault @ StoreError::Statement { .. })) => {
                for order in one {
                    order.refuse(&fault);
                }
            }
            Err(failure) => self.fail(failure, one),
        }
    }

    /// Answers the orders of a group that was committed; hands back those that would have to wait.
    fn finish(&mut self, orders: Vec<Order>, done: Done) -> Vec<(Order, Outcome)> {
        (self.office.told, self.office.high) = (done.told, done.high);
        done.dead.into_iter().for_each(Life::bury);
        self.show(None);
        let (waiting, rest) = orders.into_iter().zip(done.outcomes).partition(|(_, outcome)| outcome.waits());
        answer(rest);
        waiting
    }

    fn fail(&mut self, failure: Failure, mut orders: Vec<Order>) {
        let fault = match failure {
            Failure::Ready(fault) | Failure::Before(fault) => fault,
            Failure::Commit(first, fault) => {
                self.void_ghosts(first);
                fault
            }
        };
        if !matches!(fault, StoreError::Locked { .. } | StoreError::Full { .. }) {
            self.session = None;
        }
        if matches!(fault, StoreError::Locked { .. }) {
            // Whoever came while these waited has waited as well. Who comes after the answer has not.
            orders.extend(self.queue.take(usize::MAX, Duration::ZERO, Duration::ZERO).unwrap_or_default());
        }
        self.show(Some(fault));
        self.refuse(orders);
    }

    /// Answers with the fault, and keeps the closings.
    fn refuse(&mut self, orders: Vec<Order>) {
        let Some(fault) = self.fault.clone() else { return };
        for order in orders {
            match order {
                Order::Close(close, reply) => {
                    reply(Err(fault.clone()));
                    if self.backlog.len() < BACKLOG {
                        self.backlog.push(Order::Close(close, Box::new(drop)));
                    }
                }
                other => other.refuse(&fault),
            }
        }
    }

    /// Gives back what a commit may have set aside that nobody was told of: nothing is sent for it.
    fn void_ghosts(&mut self, first: i64) {
        let boot = self.office.boot;
        for number in first..self.office.next {
            let close = Close {
                hold: hold::id(boot, number),
                closing: Closing::Voided,
                call: None,
                now: self.office.setup.now.wall,
            };
            self.backlog.push(Order::Close(Box::new(close), Box::new(drop)));
        }
    }

    /// Shows caps, keys, the fault and the doubt to all handles.
    pub(super) fn show(&mut self, fault: Option<StoreError>) {
        let unchanged = {
            let view = self.shown.read().unwrap_or_else(PoisonError::into_inner);
            Arc::ptr_eq(&view.book, &self.office.caps.book)
                && Arc::ptr_eq(&view.keys, &self.keys.1)
                && view.fault == fault
                && view.doubt == self.office.doubt
        };
        self.fault = fault;
        if unchanged {
            return;
        }
        let view = View {
            book: Arc::clone(&self.office.caps.book),
            keys: Arc::clone(&self.keys.1),
            fault: self.fault.clone(),
            doubt: self.office.doubt,
        };
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    /// Ends the run: a guard that leaves nothing open is not missed.
    fn end(&mut self) {
        self.serve(Vec::new(), Patience::Usual);
        let Some(session) = &self.session else { return };
        let (boot, at) = (self.office.boot, self.office.told.map_or(Timestamp::EPOCH, |(at, _)| at));
        let at = at.max(self.office.setup.now.wall);
        let left = hold::open_of(&session.conn, boot).map(|open| open.len());
        if matches!(left, Ok(0))
            && life::end(&session.conn, boot, at).is_ok()
            && let Some(life) = self.life.take()
        {
            life.bury();
        }
    }
}

fn answer(orders: Vec<(Order, Outcome)>) {
    for (order, outcome) in orders {
        order.answer(outcome);
    }
}
