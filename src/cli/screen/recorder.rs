//! The thread that records what the feeds read: it owns the writing connection.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::BATCHES;
use super::book::SharedBook;
use super::librarian::Question;
use super::sources::{self, BAD_LINES};
use crate::cli::context::now;
use crate::domain::label::{Label, printable};
use crate::domain::observation::Batch;
use crate::domain::rollup::{Change, Sign};
use crate::feed::Problem;
use crate::feed::follow::Problems;
use crate::store::{self, Stir, Store};
use crate::tui::{Event, Feed, SourceRow, SourceState};

/// How often the recorder looks for other programs' commits.
const LOOK: Duration = Duration::from_millis(200);

/// Records what the feeds bring, and tells the screen what changed.
pub(super) struct Recorder {
    pub(super) store: Store,
    pub(super) stir: Stir,
    pub(super) book: SharedBook,
    pub(super) sources: HashMap<Label, SourceRow>,
    pub(super) problems: Problems,
    /// The problems that the screen knows of.
    pub(super) told: Vec<Problem>,
    pub(super) events: SyncSender<Event>,
    pub(super) questions: SyncSender<Question>,
}

impl Recorder {
    /// Records until nothing is brought any more, or nobody listens.
    pub(super) fn run(mut self, recorded: &Receiver<Batch>) {
        let mut version = self.store.data_version().ok();
        let (mut live, mut failing) = (false, false);
        loop {
            let first = match recorded.recv_timeout(LOOK) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    // The first quiet moment: all that was there has been read.
                    if !live && !self.sources.is_empty() {
                        live = self.events.send(Event::FeedState(Feed::Live)).is_ok();
                    }
                    self.tell_problems();
                    if !self.stir.felt() {
                        continue;
                    }
                    let seen = self.store.data_version().ok();
                    if seen != version {
                        version = seen;
                        let _ = self.questions.try_send(Question::Everything);
                    }
                    continue;
                }
            };
            let book = self.book.get();
            let mut pricer = book.pricer();
            let batches: Vec<Batch> =
                std::iter::once(first).chain(recorded.try_iter().take(BATCHES)).collect();
            let event = match self.store.record_all(&batches, &mut |call| pricer.cost(call), now()) {
                Ok(applied) => Event::Changed(applied.changes.clone(), self.rows(&batches, &applied)),
                Err(error) => Event::FeedState(Feed::Failed(error.to_string())),
            };
            let failed = matches!(event, Event::FeedState(_));
            let healed = (failing && !failed).then_some(Event::FeedState(Feed::Live));
            failing = failed;
            if std::iter::once(event).chain(healed).any(|event| self.events.send(event).is_err()) {
                return;
            }
        }
    }

    /// Tells the screen which sources cannot be read, when that has changed.
    fn tell_problems(&mut self) {
        let problems = self.problems.now();
        if problems == self.told {
            return;
        }
        let mut touched = Vec::new();
        for healed in self.told.iter().filter(|old| !problems.contains(old)) {
            if let Some(row) = self.sources.get_mut(&healed.source) {
                row.state = SourceState::Ok;
                row.note = String::new();
                touched.push(row.clone());
            }
        }
        for problem in &problems {
            let none = Label::new("");
            let row =
                self.sources.entry(problem.source).or_insert_with(|| sources::empty(problem.source, none));
            row.state = SourceState::Error;
            row.note = printable(&problem.trouble.to_string(), 200);
            touched.push(row.clone());
        }
        self.told = problems;
        let _ = self.events.send(Event::Changed(Vec::new(), touched));
    }

    /// Brings the lines of the sources table up to date, and returns those that changed.
    fn rows(&mut self, batches: &[Batch], applied: &store::Applied) -> Vec<SourceRow> {
        let mut touched = Vec::new();
        for batch in batches {
            let row = self
                .sources
                .entry(batch.source)
                .or_insert_with(|| sources::empty(batch.source, batch.format));
            row.last = Some(now());
            row.bad += batch.decoded.tally.bad;
            row.note = batch.note.clone().unwrap_or_default();
            let bad = batch.decoded.bad.iter().map(|line| sources::bad(batch.source, line));
            row.bad_lines.extend(bad);
            let over = row.bad_lines.len().saturating_sub(BAD_LINES);
            row.bad_lines.drain(..over);
            touched.push(batch.source);
        }
        for change in &applied.changes {
            self.count(change);
        }
        for (&source, copies) in &applied.copies {
            if let Some(row) = self.sources.get_mut(&source) {
                row.copies += copies;
                touched.push(source);
            }
        }
        for (&source, copies) in &applied.bad_copies {
            if let Some(row) = self.sources.get_mut(&source) {
                row.bad = row.bad.saturating_sub(*copies);
                touched.push(source);
            }
        }
        touched.sort();
        touched.dedup();
        touched.iter().filter_map(|source| self.sources.get(source).cloned()).collect()
    }

    fn count(&mut self, change: &Change) {
        if let Some(row) = self.sources.get_mut(&change.slice.source) {
            let calls = change.sums.calls.unsigned_abs();
            row.calls = match change.sign {
                Sign::Adds => row.calls.saturating_add(calls),
                Sign::TakesBack => row.calls.saturating_sub(calls),
            };
        }
    }
}
