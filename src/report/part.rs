//! What some batches come to: the rows of their calls, their sources, their bad lines.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::SourceLine;
use super::query::{Keys, Query};
use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::observation::{BadLine, Batch, Tally};
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::TokenCount;

/// Bad lines a report keeps with their text.
const BAD_KEPT: usize = 100;

/// Bad lines that are remembered, so that those of a copy of a file count once.
const BAD_SEEN: usize = 1 << 18;

/// A call further ahead than this counts when it is read, as it does in the store.
const AHEAD: Millis = Millis::from_minutes(5);

/// Sums, and where they are from.
pub struct Part<'a> {
    /// What is asked for.
    pub query: &'a Query,
    /// The numbers of its rows.
    pub keys: Keys<'a>,
    /// The sums of its rows, by their numbers.
    pub sums: Rows,
    /// Its sources, by the fingerprints of their names.
    pub sources: HashMap<u64, SourceLine, RandomState>,
    /// Lines that could not be read, some of them.
    pub bad: Vec<(Label, BadLine)>,
    /// The sources that count a bad line, by the fingerprint of the line.
    bad_seen: HashMap<u64, u64, RandomState>,
    /// The rows of the batch at hand.
    pub rows: Vec<u32>,
}

impl<'a> Part<'a> {
    /// Starts without figures.
    pub fn new(query: &'a Query) -> Part<'a> {
        Part {
            query,
            keys: Keys::new(query),
            sums: Rows::default(),
            sources: HashMap::default(),
            bad: Vec::new(),
            bad_seen: HashMap::default(),
            rows: Vec::new(),
        }
    }

    /// Takes note of what a batch says beside its calls, and leaves in it those that are asked for. Returns
    /// the number of its source.
    pub fn open(&mut self, batch: &mut Batch) -> u64 {
        let number = batch.source.fingerprint();
        let source = self.sources.entry(number).or_insert_with(|| line(batch.source, batch.format));
        source.tally.add(&batch.decoded.tally);
        source.note = batch.note.take().or(source.note.take());
        for &fingerprint in &batch.decoded.fingerprints {
            self.bad_once(fingerprint, number);
        }
        let room = BAD_KEPT.saturating_sub(self.bad.len());
        self.bad.extend(batch.decoded.bad.drain(..).take(room).map(|line| (batch.source, line)));
        let ahead = self.query.now.after(AHEAD);
        let calls = &mut batch.decoded.calls;
        let all = calls.len();
        calls.retain_mut(|call| {
            if call.at > ahead {
                call.at = self.query.now;
            }
            self.query.wants(call.at)
        });
        let outside = (all - calls.len()) as u64;
        self.sources.entry(number).and_modify(|source| source.outside += outside);
        number
    }

    /// Counts a bad line in one source, the one of the least fingerprint; in every other it is a copy.
    fn bad_once(&mut self, fingerprint: u64, source: u64) {
        let Some(&holder) = self.bad_seen.get(&fingerprint) else {
            if self.bad_seen.len() < BAD_SEEN {
                self.bad_seen.insert(fingerprint, source);
            }
            return;
        };
        self.bad_seen.insert(fingerprint, holder.min(source));
        if let Some(line) = self.sources.get_mut(&holder.max(source)) {
            line.tally.bad = line.tally.bad.saturating_sub(1);
            line.copies[Copy::Repeated as usize] += 1;
        }
    }

    /// Returns the numbers of the rows of a batch's calls. Step by step for all: in a short loop the processor
    /// waits for several rows at once.
    pub fn rows_of(&mut self, batch: &Batch) -> &[u32] {
        self.rows.clear();
        let slices = batch.decoded.calls.iter().map(|call| (call.at, Slice::of(call, batch.source)));
        self.rows.extend(slices.map(|(at, slice)| self.keys.row(at, &slice)));
        &self.rows
    }

    /// Adds what belongs to no batch.
    pub fn add(&mut self, at: Timestamp, slice: &Slice, sums: &Sums) {
        if self.query.wants(at) {
            let row = self.keys.row(at, slice);
            self.sums.add(row, sums);
        }
    }

    /// Notes that calls of a source count: how many were answered, and how many failed.
    pub fn counted(&mut self, source: u64, (calls, failed): (i64, i64)) {
        if let Some(source) = self.sources.get_mut(&source) {
            source.calls += calls;
            source.failed += failed;
        }
    }

    /// Adds all of another part.
    pub fn join(&mut self, other: Part<'_>) {
        for (key, sums) in other.keys.iter().zip(other.sums.into_sums()) {
            let row = self.keys.number(key);
            self.sums.add(row, &sums);
        }
        for (number, theirs) in other.sources {
            let mine = self.sources.entry(number).or_insert_with(|| line(theirs.source, theirs.format));
            mine.calls += theirs.calls;
            mine.failed += theirs.failed;
            mine.outside += theirs.outside;
            mine.tally.add(&theirs.tally);
            mine.copies.iter_mut().zip(theirs.copies).for_each(|(mine, theirs)| *mine += theirs);
            mine.note = theirs.note.or(mine.note.take());
        }
        for (fingerprint, source) in other.bad_seen {
            self.bad_once(fingerprint, source);
        }
        let room = BAD_KEPT.saturating_sub(self.bad.len());
        self.bad.extend(other.bad.into_iter().take(room));
    }
}

fn line(source: Label, format: Label) -> SourceLine {
    let (tally, copies) = (Tally::default(), [0; Copy::ALL.len()]);
    SourceLine { source, format, calls: 0, failed: 0, outside: 0, tally, copies, note: None }
}

/// The sums of all rows, in two parts: what every call adds to fits one line of the processor's cache.
#[derive(Default)]
pub struct Rows {
    usual: Vec<Usual>,
    rare: Vec<Rare>,
}

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Usual {
    calls: i64,
    cost: Money,
    tokens: TokenCount,
}

#[derive(Clone, Copy, Default)]
struct Rare {
    failed: i64,
    reported: Money,
    unpriced: i64,
}

impl Rows {
    /// Adds to a row.
    pub fn add(&mut self, row: u32, sums: &Sums) {
        let row = row as usize;
        if self.usual.len() <= row {
            self.usual.resize(row + 1, Usual::default());
            self.rare.resize(row + 1, Rare::default());
        }
        let usual = &mut self.usual[row];
        usual.calls += sums.calls;
        usual.cost += sums.cost;
        usual.tokens += sums.tokens;
        if (sums.failed, sums.reported, sums.unpriced) != (0, Money::ZERO, 0) {
            let rare = &mut self.rare[row];
            rare.failed += sums.failed;
            rare.reported += sums.reported;
            rare.unpriced += sums.unpriced;
        }
    }

    /// Returns the sums of all rows that were added to, and of those before them, by their numbers.
    pub fn into_sums(self) -> impl Iterator<Item = Sums> {
        self.usual.into_iter().zip(self.rare).map(|(usual, rare)| {
            let Usual { calls, cost, tokens } = usual;
            let Rare { failed, reported, unpriced } = rare;
            Sums { calls, failed, tokens, cost, reported, unpriced }
        })
    }
}
