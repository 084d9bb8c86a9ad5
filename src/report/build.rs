//! Builds a report: from ledgers as they are read, or from the sums of the store.

use std::collections::HashMap;
use std::io;

use super::query::{Keys, Query};
use super::resolve::{Outcome, Record, Resolver, only_failures};
use super::{Report, Row, SourceLine};
use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::observation::{BadLine, Batch, Tally};
use crate::domain::price::Pricer;
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::{Millis, Timestamp};

/// Bad lines a report keeps with their text.
const BAD_KEPT: usize = 100;

/// A call further ahead than this counts when it is read, as it does in the store.
const AHEAD: Millis = Millis::from_minutes(5);

/// A report in the making.
pub struct Builder<'a> {
    query: &'a Query,
    keys: Keys<'a>,
    sums: Vec<Sums>,
    resolver: Resolver,
    places: HashMap<Label, u32>,
    sources: Vec<SourceLine>,
    bad: Vec<(Label, BadLine)>,
}

impl<'a> Builder<'a> {
    /// Starts without figures.
    pub fn new(query: &'a Query) -> Builder<'a> {
        Builder {
            query,
            keys: Keys::new(query),
            sums: Vec::new(),
            resolver: Resolver::default(),
            places: HashMap::new(),
            sources: Vec::new(),
            bad: Vec::new(),
        }
    }

    /// Takes what was read from a ledger.
    ///
    /// # Errors
    /// Where the temporary files of a large report cannot be written.
    pub fn read(&mut self, mut batch: Batch, pricer: &mut Pricer<'_>) -> io::Result<()> {
        let place = self.place(batch.source, batch.format);
        self.note(place, &batch.decoded.tally, batch.note);
        let room = BAD_KEPT.saturating_sub(self.bad.len());
        self.bad.extend(batch.decoded.bad.into_iter().take(room).map(|line| (batch.source, line)));
        let ahead = self.query.now.after(AHEAD);
        for call in &mut batch.decoded.calls {
            if call.at > ahead {
                call.at = self.query.now;
            }
            if !self.query.wants(call.at) {
                continue;
            }
            let row = self.keys.row(call.at, &Slice::of(call, batch.source));
            let sums = Sums::of(call, pricer.cost(call));
            let record = Record { id: call.id, claim: call.claim, row, source: place, sums };
            let sources = &mut self.sources;
            self.resolver.add(record, &mut |outcome| drop_copy(sources, outcome))?;
        }
        Ok(())
    }

    /// Takes a sum that is already free of copies.
    pub fn add(&mut self, at: Timestamp, slice: &Slice, sums: Sums) {
        if self.query.wants(at) {
            let row = self.keys.row(at, slice);
            count(&mut self.sums, row, sums);
        }
    }

    /// Takes what the store knows about a source.
    pub fn source(&mut self, line: SourceLine) {
        self.sources.push(line);
    }

    /// Takes lines that could not be read.
    pub fn bad(&mut self, lines: Vec<(Label, BadLine)>) {
        self.bad.extend(lines);
    }

    /// Returns the finished report.
    ///
    /// # Errors
    /// Where the temporary files of a large report cannot be read back.
    pub fn finish(self) -> io::Result<Report> {
        let Builder { query, keys, mut sums, resolver, mut sources, bad, .. } = self;
        resolver.finish(&mut |outcome| match outcome {
            Outcome::Counts(record) => {
                count(&mut sums, record.row, record.sums);
                if let Some(source) = sources.get_mut(record.source as usize) {
                    source.calls += record.sums.calls;
                }
            }
            dropped @ Outcome::Dropped(..) => drop_copy(&mut sources, dropped),
        })?;
        let mut total = Sums::default();
        let mut rows = Vec::with_capacity(sums.len());
        for (row, sums) in (0_u32..).zip(sums) {
            total += sums;
            if !sums.is_empty() && (query.shows_failures() || !only_failures(&sums)) {
                rows.extend(keys.key(row).map(|key| Row { key: key.clone(), sums }));
            }
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        sources.sort_by_key(|source| source.source);
        let zone = query.calendar.name().to_owned();
        Ok(Report { zone, by: query.by.clone(), rows, total, sources, bad })
    }

    fn place(&mut self, source: Label, format: Label) -> u32 {
        let next = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(source).or_insert(next);
        if place == next {
            let (tally, copies) = (Tally::default(), [0; Copy::ALL.len()]);
            self.sources.push(SourceLine { source, format, calls: 0, tally, copies, note: None });
        }
        place
    }

    fn note(&mut self, place: u32, tally: &Tally, note: Option<String>) {
        if let Some(source) = self.sources.get_mut(place as usize) {
            source.tally.add(tally);
            source.note = note.or(source.note.take());
        }
    }
}

fn count(rows: &mut Vec<Sums>, row: u32, sums: Sums) {
    let row = row as usize;
    if rows.len() <= row {
        rows.resize(row + 1, Sums::default());
    }
    rows[row] += sums;
}

fn drop_copy(sources: &mut [SourceLine], outcome: Outcome) {
    if let Outcome::Dropped(place, why) = outcome
        && let Some(source) = sources.get_mut(place as usize)
    {
        source.copies[why as usize] += 1;
    }
}
