//! The threads behind the screen: who reads the ledgers, who writes the store, who answers the screen's questions.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::super::context::{Context, now};
use super::super::import;
use super::book::SharedBook;
use super::caps::{CapClerk, Order};
use super::librarian::{Librarian, Question};
use super::recorder::Recorder;
use super::{BATCHES, EVENTS, onlooker, sources};
use crate::domain::price::PriceBook;
use crate::feed::Databases;
use crate::feed::follow::{self, Follow};
use crate::feed::ledger::Ledger;
use crate::feed::mark::Marks;
use crate::store::{Reader, Stir, Store, StoreError};
use crate::tui::{Event, Feed};

/// Where the screen's wishes go.
pub(super) struct Desk {
    pub(super) questions: SyncSender<Question>,
    pub(super) orders: SyncSender<Order>,
    /// Why no cap can be changed.
    pub(super) read_only: Option<String>,
    /// Whether how the pages were looked at is kept.
    pub(super) keeps: bool,
}

/// Who brings what is new; dropped, it ends.
pub(super) enum Bringer {
    /// The ledgers are read, and what is in them is recorded.
    Follower(Follow),
    /// The store cannot be written: what others write is looked at.
    Onlooker(#[expect(dead_code, reason = "dropping it ends the thread")] SyncSender<()>),
}

impl Bringer {
    /// Ends the reading of ledgers.
    pub(super) fn stop(self) {
        if let Bringer::Follower(follower) = self {
            follower.stop();
        }
    }
}

/// The threads, and where to reach them.
pub(super) struct Office {
    pub(super) questions: SyncSender<Question>,
    pub(super) orders: SyncSender<Order>,
    pub(super) bringer: Bringer,
    /// Why the store cannot be written; `None` where it can.
    pub(super) only_read: Option<String>,
}

/// Opens a store, and starts everyone who works for the screen.
pub(super) fn open(
    context: &Context,
    path: &Path,
    ledgers: Vec<Ledger>,
    events: &SyncSender<Event>,
) -> anyhow::Result<Office> {
    let book = SharedBook::new(context.prices()?);
    let (store, only_read) = writable(path, &book.get())?;
    let (questions, asked) = sync_channel(EVENTS);
    let (orders, ordered) = sync_channel(EVENTS);
    let (reader, calendar) = (Reader::open(path)?, context.calendar.clone());
    let librarian = Librarian::new(reader, calendar, book.clone(), context.base(), now);
    let known = sources::rows(&librarian.reader)?;
    let _ = events.send(Event::Loaded(Box::new(librarian.snapshot()?)));
    let nothing = ledgers.is_empty() && known.is_empty();
    let bringer = if let Some(store) = store {
        let (batches, read) = sync_channel(BATCHES);
        let marks = Marks::new(store.marks()?);
        let follower = follow::follow(ledgers, marks, Arc::new(Databases), batches)?;
        let recorder = Recorder {
            store,
            stir: Stir::new(path),
            book: book.clone(),
            sources: known,
            problems: follower.problems(),
            told: Vec::new(),
            events: events.clone(),
            questions: questions.clone(),
        };
        std::thread::spawn(move || recorder.run(&read));
        Bringer::Follower(follower)
    } else {
        // What is in the ledgers cannot be recorded: without them the sums are whole all the same.
        let why = only_read.clone().filter(|_| !ledgers.is_empty());
        let _ = events.send(Event::FeedState(why.map_or(Feed::Live, Feed::Failed)));
        Bringer::Onlooker(onlooker::start(Reader::open(path)?, Stir::new(path), questions.clone())?)
    };
    let clerk = CapClerk {
        path: path.to_owned(),
        reader: Reader::open(path)?,
        base: context.base(),
        calendar: context.calendar.clone(),
        book,
        events: events.clone(),
        person: context.person(),
    };
    let answering = events.clone();
    std::thread::spawn(move || librarian.answer(&asked, &answering));
    std::thread::spawn(move || clerk.run(&ordered));
    if nothing {
        let nothing = "no ledger found: add a [[feed]] (`outlay config init`), or use --ledger GLOB";
        let _ = events.send(Event::FeedState(Feed::Failed(nothing.to_owned())));
    }
    Ok(Office { questions, orders, bringer, only_read })
}

/// Opens a store for writing; where that cannot be, says why it is only looked at.
fn writable(path: &Path, book: &PriceBook) -> anyhow::Result<(Option<Store>, Option<String>)> {
    match import::open(path, book) {
        Ok((store, _)) => Ok((Some(store), None)),
        Err(error) => match error.downcast_ref::<StoreError>() {
            Some(why) if why.leaves_reading() && path.exists() => Ok((None, Some(why.to_string()))),
            _ => Err(error),
        },
    }
}
