//! The transactions of a guard's writer: the store is got ready, what is new is read, a group is done and committed.

use std::sync::Arc;

use rusqlite::Connection;

use super::group::{self, Done, Office};
use super::key::{self, KeyRing};
use super::life::{self, Life, Person};
use super::order::Order;
use super::queue::Rank;
use super::rows::Rows;
use super::session::{Patience, Session};
use super::writer::Writer;
use crate::domain::cap::Mode;
use crate::store::StoreError;

/// How an attempt at a group failed.
pub(super) enum Failure {
    /// The store could not be got ready: no order is at fault.
    Ready(StoreError),
    /// Nothing was written.
    Before(StoreError),
    /// It may have been written: the commit itself failed. With the number of its first hold.
    Commit(i64, StoreError),
}

impl Writer {
    /// Opens the store where it is not open, and checks that it is the one it was.
    pub(super) fn ready(&mut self) -> Result<(), StoreError> {
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
        if self.session.is_none() {
            self.session = Some(Session::reopen(&path, &self.identity)?);
        }
        if self.life.as_ref().is_none_or(|life| !life.is_visible()) {
            self.life = None;
            self.life = Some(Life::take(&path, self.office.boot)?);
        }
        Ok(())
    }

    /// Reads what others have written since the last look, and shows it. Within a transaction that is all that
    /// can be known until it ends.
    pub(super) fn read_news(&mut self) -> Result<(), StoreError> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let news = session.has_news().and_then(|news| {
            if !news || mutant!("cap-read-from-memory") {
                return Ok(false);
            }
            let caps = group::refresh(&session.conn, &mut self.office)?;
            let number = key::revision(&session.conn)?;
            let keys = number != self.keys.0;
            if keys {
                self.keys = (number, Arc::new(KeyRing::load(&session.conn)?));
            }
            Ok(caps || keys)
        });
        match news {
            Ok(false) => {}
            Ok(true) => self.show(self.fault.clone()),
            Err(error) => {
                session.forget();
                return Err(StoreError::of(&self.office.setup.path, &error));
            }
        }
        Ok(())
    }

    /// Does a group in one transaction.
    pub(super) fn commit(&mut self, orders: &[Order], patience: Patience) -> Result<Done, Failure> {
        self.ready().map_err(Failure::Ready)?;
        loop {
            let done = self.attempt(orders, patience);
            if !matches!(done, Ok(Some(_))) {
                // What was numbered in a transaction that did not happen is not to be used again, and caps that it
                // went back to are read again, whatever their number.
                self.office.rows = Rows::default();
                self.session.iter_mut().for_each(Session::undo);
            }
            if let Some(done) = done? {
                return Ok(done);
            }
        }
    }

    /// Does a group once; `None`: a hard cap is new, so that the commit has to wait for the disk after all.
    fn attempt(&mut self, orders: &[Order], patience: Patience) -> Result<Option<Done>, Failure> {
        let path = self.office.setup.path.clone();
        let before = |error: rusqlite::Error| Failure::Before(StoreError::of(&path, &error));
        let full = self.must_wait_for_the_disk(orders);
        let session = self.session()?;
        session.prepare(patience, full).map_err(before)?;
        session.begin().map_err(before)?;
        self.read_news().map_err(Failure::Before)?;
        if !full && self.must_wait_for_the_disk(orders) {
            return Ok(None);
        }
        let first = self.office.next;
        let done = self.run(orders).map_err(before)?;
        let ended = self.session()?.end();
        ended.map_err(|error| Failure::Commit(first, StoreError::of(&path, &error)))?;
        self.office.unsure = false;
        self.commits += 1;
        Ok(Some(done))
    }

    fn session(&mut self) -> Result<&mut Session, Failure> {
        let path = &self.office.setup.path;
        let gone = || Failure::Ready(StoreError::Missing { path: path.clone() });
        self.session.as_mut().ok_or_else(gone)
    }

    /// Does what is to be done between the beginning of a transaction and its end.
    fn run(&mut self, orders: &[Order]) -> rusqlite::Result<Done> {
        let Writer { session: Some(session), office, .. } = self else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        if !session.enlisted {
            enlist(&session.conn, office)?;
        }
        group::run(&session.conn, &mut session.names, office, orders)
    }

    /// Says whether a hard cap may be at stake: then the commit is on the disk before it is answered.
    fn must_wait_for_the_disk(&self, orders: &[Order]) -> bool {
        orders.iter().any(|order| order.rank() == Rank::Ask) && self.has_hard_caps()
    }

    /// Says whether any cap is hard, or may be within the transaction: what comes back after a temporary cap.
    pub(super) fn has_hard_caps(&self) -> bool {
        let caps = &self.office.caps;
        caps.ends.is_some() || caps.book.caps().any(|cap| cap.mode == Mode::Hard)
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
