//! The writing thread of a guard: takes orders in groups, commits each group as one, answers.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::cap;
use super::group::{self, Done, Office, Outcome};
use super::hold;
use super::key::{self, KeyRing};
use super::life::{self, Life, Person};
use super::order::{Answer, Beat, Close, Closed, Reserve, Setup, Started, Swept, View};
use super::queue::Queue;
use super::session::{Patience, Session};
use super::vault::Reply;
use crate::domain::cap::Mode;
use crate::domain::closing::Closing;
use crate::domain::hold::HoldId;
use crate::domain::limits::Limits;
use crate::domain::period_clock::Clocks;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::name::Names;

/// Orders committed together at most.
const GROUP: usize = 256;
/// How long the thread sleeps where nothing is asked: so old may a view be.
const NAP: Duration = Duration::from_millis(50);
/// Closings that are kept while the store cannot be used.
const BACKLOG: usize = 65_536;
/// How often a guard that starts tries a store that another process holds, each time for most of a second.
const STARTS: usize = 12;
/// How often the caps may change under one group before it gives up.
const CHANGES: usize = 16;

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

    /// Answers with what came of it.
    fn answer(self, outcome: Outcome) {
        match (self, outcome) {
            (Order::Reserve(_, reply), Outcome::Reserve(answer)) => reply(Ok(answer)),
            (Order::Dispatch(_, reply), Outcome::Dispatch(started)) => reply(Ok(started)),
            (Order::Close(_, reply), Outcome::Close(closed)) => reply(Ok(closed)),
            (Order::Sweep(_, reply), Outcome::Sweep(swept)) => reply(Ok(swept)),
            (Order::Witness(_, _, reply), Outcome::Witness(agrees)) => reply(Ok(agrees)),
            _ => {}
        }
    }
}

/// What the thread shows to all handles.
pub(super) type Shown = Arc<RwLock<Arc<View>>>;

/// Opens the store, closes what dead guards left open, and starts the thread.
pub(super) fn start(setup: Setup, queue: Arc<Queue<Order>>) -> Result<(Shown, JoinHandle<()>), StoreError> {
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
    let caps = cap::load(&session.conn, &setup.base).map_err(|error| StoreError::of(&path, &error))?;
    let office = Office { setup, boot, caps, clock: None, next: 1, told: None, doubt: None, note: None };
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
    };
    writer.begin(now)?;
    let linger = writer.office.setup.linger;
    let run = move || {
        let open = Line(queue);
        while let Some(orders) = open.0.take(GROUP, NAP, linger) {
            writer.turn(orders);
        }
        writer.end();
    };
    let thread = thread::Builder::new().name("vault".to_owned()).spawn(run);
    Ok((shown, thread.map_err(|error| StoreError::unusable(&path, &error))?))
}

/// Closes the line when the thread ends, however it ends: whoever waits then is answered.
struct Line(Arc<Queue<Order>>);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.close();
        let why = StoreError::Overrun { path: std::path::PathBuf::new() };
        while let Some(orders) = self.0.take(GROUP, Duration::ZERO, Duration::ZERO) {
            for order in orders {
                order.refuse(&why);
            }
        }
    }
}

struct Writer {
    office: Office,
    life: Option<Life>,
    identity: Vec<u8>,
    session: Option<Session>,
    /// The keys, and at which of their revisions.
    keys: (i64, Arc<KeyRing>),
    /// Closings that could not be committed yet.
    backlog: Vec<Order>,
    fault: Option<StoreError>,
    shown: Shown,
    /// Whoever waits for the next turn.
    queue: Arc<Queue<Order>>,
}

/// How an attempt at a group failed.
enum Failure {
    /// The store could not be got ready: no order is at fault.
    Ready(StoreError),
    /// Nothing was written.
    Before(StoreError),
    /// It may have been written: the commit itself failed. With the number of its first hold.
    Commit(i64, StoreError),
}

impl Writer {
    /// Closes what dead guards left open. Nobody waits for an answer yet, so that a store which another
    /// process holds is tried for longer than a caller would wait.
    fn begin(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for again in (0..STARTS).rev() {
            let (tell, told) = std::sync::mpsc::sync_channel(1);
            self.serve(vec![Order::Sweep(now, Box::new(move |swept| drop(tell.send(swept))))]);
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
        if idle && self.look_idly() {
            return;
        }
        self.serve(orders);
    }

    /// Looks whether there is news; says whether there is nothing to write about it.
    fn look_idly(&mut self) -> bool {
        let before = self.office.caps.book.rev();
        match self.ready() {
            Ok(()) => self.office.caps.book.rev() == before,
            Err(_) => false,
        }
    }

    /// Commits orders, the backlog first, and answers them.
    fn serve(&mut self, orders: Vec<Order>) {
        let mut all = std::mem::take(&mut self.backlog);
        all.extend(orders);
        match self.attempt(&all) {
            Ok(done) => self.finish(all, done),
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
                self.session
                    .iter_mut()
                    .for_each(|session| session.names = crate::store::name::Names::default());
            }
            Err(failure) => self.fail(failure, all),
        }
    }

    fn serve_alone(&mut self, order: Order) {
        let one = vec![order];
        match self.attempt(&one) {
            Ok(done) => self.finish(one, done),
            Err(Failure::Before(fault @ StoreError::Statement { .. })) => {
                for order in one {
                    order.refuse(&fault);
                }
            }
            Err(failure) => self.fail(failure, one),
        }
    }

    fn finish(&mut self, orders: Vec<Order>, done: Done) {
        self.office.told = done.told;
        done.dead.into_iter().for_each(Life::bury);
        self.show(None);
        for (order, outcome) in orders.into_iter().zip(done.outcomes) {
            order.answer(outcome);
        }
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

    /// Does a group in one transaction.
    fn attempt(&mut self, orders: &[Order]) -> Result<Done, Failure> {
        for _ in 0..CHANGES {
            self.ready().map_err(Failure::Ready)?;
            if let Some(done) = self.commit(orders)? {
                return Ok(done);
            }
        }
        Err(Failure::Ready(StoreError::Locked { path: self.office.setup.path.clone() }))
    }

    /// Opens the store where it is not open, checks that it is the one it was, and reads what is new.
    fn ready(&mut self) -> Result<(), StoreError> {
        let done = self.try_ready();
        if let Err(error) = &done {
            self.session = None;
            self.show(Some(error.clone()));
        }
        done
    }

    fn try_ready(&mut self) -> Result<(), StoreError> {
        let path = self.office.setup.path.clone();
        if let Some(session) = &self.session
            && session.check().is_err()
        {
            self.session = None;
        }
        let session = match &mut self.session {
            Some(session) => session,
            empty => empty.insert(Session::reopen(&path, &self.identity)?),
        };
        if self.life.as_ref().is_none_or(|life| !life.is_visible()) {
            self.life = None;
            self.life = Some(Life::take(&path, self.office.boot)?);
        }
        let fault = |error: rusqlite::Error| StoreError::of(&path, &error);
        if !session.has_news().map_err(fault)? || mutant!("cap-read-from-memory") {
            return Ok(());
        }
        let changed = group::refresh(&session.conn, &mut self.office).map_err(fault);
        let keys = key::revision(&session.conn).map_err(fault);
        let news = changed.and_then(|caps| Ok((caps, keys? != self.keys.0)));
        match news {
            Ok((false, false)) => Ok(()),
            Ok((_, keys)) => {
                if keys {
                    let number = key::revision(&session.conn).map_err(fault)?;
                    self.keys = (number, Arc::new(KeyRing::load(&session.conn).map_err(fault)?));
                }
                self.show(self.fault.clone());
                Ok(())
            }
            Err(error) => {
                session.forget();
                Err(error)
            }
        }
    }

    /// Does a group once; `None`: the caps changed before the lock was taken.
    fn commit(&mut self, orders: &[Order]) -> Result<Option<Done>, Failure> {
        let path = self.office.setup.path.clone();
        let gone = || Failure::Ready(StoreError::Missing { path: path.clone() });
        let before = |error: rusqlite::Error| Failure::Before(StoreError::of(&path, &error));
        let full = self.must_wait_for_the_disk(orders);
        let patience = if self.fault.is_none() { Patience::Usual } else { Patience::Short };
        let Writer { session, office, .. } = self;
        let session = session.as_mut().ok_or_else(gone)?;
        session.prepare(patience, full).map_err(before)?;
        let Session { conn, names, enlisted, .. } = session;
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(before)?;
        let newest = cap::revision(&tx).map_err(before)?;
        if newest != office.caps.book.rev() && !mutant!("cap-read-from-memory") {
            drop(tx);
            session.forget();
            return Ok(None);
        }
        if !*enlisted {
            enlist(&tx, office).map_err(before)?;
        }
        let first = office.next;
        let failure = match group::run(&tx, names, office, orders) {
            Ok(done) => match tx.commit() {
                Ok(()) => {
                    *enlisted = true;
                    return Ok(Some(done));
                }
                Err(error) => Failure::Commit(first, StoreError::of(&path, &error)),
            },
            Err(error) => before(error),
        };
        // Numbers given to names in a transaction that did not happen are not to be used again.
        *names = Names::default();
        Err(failure)
    }

    /// Says whether a hard cap may be at stake: then the commit is on the disk before it is answered.
    fn must_wait_for_the_disk(&self, orders: &[Order]) -> bool {
        let asks = orders.iter().any(|order| matches!(order, Order::Reserve(..) | Order::Dispatch(..)));
        asks && self.office.caps.book.caps().any(|cap| cap.mode == Mode::Hard)
    }

    /// Shows caps, keys, the fault and the doubt to all handles.
    fn show(&mut self, fault: Option<StoreError>) {
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
    fn end(mut self) {
        self.serve(Vec::new());
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

fn enlist(conn: &Connection, office: &Office) -> rusqlite::Result<()> {
    let setup = &office.setup;
    let person = Person {
        boot: office.boot,
        name: setup.name,
        pid: setup.pid,
        listen: setup.listen,
        started: setup.now.wall,
    };
    life::enlist(conn, &person, office.caps.book.rev())
}
