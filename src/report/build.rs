//! Builds a report: from ledgers as they are read, or from the sums of the store.

use std::collections::HashMap;
use std::io;

use foldhash::fast::RandomState;

use super::query::{Keys, Query};
use super::resolve::{Ended, Outcome, Record, Resolver, Way, only_failures};
use super::{Report, Row, SourceLine};
use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::observation::{BadLine, Batch, Tally};
use crate::domain::price::Pricer;
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::tokens::TokenCount;

/// Bad lines a report keeps with their text.
const BAD_KEPT: usize = 100;

/// A call further ahead than this counts when it is read, as it does in the store.
const AHEAD: Millis = Millis::from_minutes(5);

/// Sources by the number of their name.
type Sources = HashMap<u64, SourceLine, RandomState>;

/// A report in the making.
pub struct Builder<'a> {
    query: &'a Query,
    keys: Keys<'a>,
    sums: Rows,
    resolver: Resolver,
    sources: Sources,
    bad: Vec<(Label, BadLine)>,
    /// Of the batch at hand, kept for their room.
    rows: Vec<u32>,
    records: Vec<Record>,
}

impl<'a> Builder<'a> {
    /// Starts without figures.
    pub fn new(query: &'a Query, way: Way) -> Builder<'a> {
        Builder {
            query,
            keys: Keys::new(query),
            sums: Rows::default(),
            resolver: Resolver::new(way),
            sources: HashMap::default(),
            bad: Vec::new(),
            rows: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Keeps at most this many calls in memory, and more of them in temporary files.
    #[must_use]
    pub fn keeping(mut self, calls: usize, way: Way) -> Builder<'a> {
        self.resolver = Resolver::keeping(calls, way);
        self
    }

    /// Takes what was read from a ledger.
    ///
    /// # Errors
    /// Where the temporary files of a large report cannot be written.
    pub fn read(&mut self, mut batch: Batch, pricer: &mut Pricer<'_>) -> io::Result<()> {
        let number = batch.source.fingerprint();
        let source = self.sources.entry(number).or_insert_with(|| line(batch.source, batch.format));
        source.tally.add(&batch.decoded.tally);
        source.note = batch.note.or(source.note.take());
        let room = BAD_KEPT.saturating_sub(self.bad.len());
        self.bad.extend(batch.decoded.bad.into_iter().take(room).map(|line| (batch.source, line)));
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
        // Step by step for all: in a short loop the processor waits for several rows at once.
        self.rows.clear();
        self.rows.extend(calls.iter().map(|call| self.keys.row(call.at, &Slice::of(call, batch.source))));
        self.records.clear();
        self.records.extend(calls.iter().zip(&self.rows).map(|(call, &row)| {
            let sums = Sums::of(call, pricer.cost(call));
            Record { id: call.id, claim: call.claim, row, source: number, sums }
        }));
        let (sums, sources) = (&mut self.sums, &mut self.sources);
        self.resolver.add_all(&self.records, &mut |outcome| settle(sums, sources, outcome))?;
        self.sources.entry(number).and_modify(|source| source.outside += outside);
        Ok(())
    }

    /// Takes a sum that is already free of copies.
    pub fn add(&mut self, at: Timestamp, slice: &Slice, sums: Sums) {
        if self.query.wants(at) {
            let row = self.keys.row(at, slice);
            self.sums.add(row, &sums);
        }
    }

    /// Takes what the store knows about a source.
    pub fn source(&mut self, line: SourceLine) {
        self.sources.insert(line.source.fingerprint(), line);
    }

    /// Takes lines that could not be read.
    pub fn bad(&mut self, lines: Vec<(Label, BadLine)>) {
        self.bad.extend(lines);
    }

    /// Returns the finished report; `None` where calls came twice late, so that all has to be read again,
    /// [`Way::Careful`].
    ///
    /// # Errors
    /// Where the temporary files of a large report cannot be read back.
    pub fn finish(self) -> io::Result<Option<Report>> {
        let Builder { query, keys, mut sums, resolver, mut sources, bad, .. } = self;
        if resolver.finish(&mut |outcome| settle(&mut sums, &mut sources, outcome))? == Ended::Again {
            return Ok(None);
        }
        let mut total = Sums::default();
        let mut rows = Vec::with_capacity(sums.usual.len());
        for (row, sums) in (0_u32..).zip(sums.into_sums()) {
            total += sums;
            if !sums.is_empty() && (query.shows_failures() || !only_failures(&sums)) {
                rows.extend(keys.key(row).map(|key| Row { key: key.clone(), sums }));
            }
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut sources: Vec<SourceLine> = sources.into_values().collect();
        sources.sort_by_key(|source| source.source);
        let zone = query.calendar.name().to_owned();
        Ok(Some(Report { zone, by: query.by.clone(), rows, total, sources, bad }))
    }
}

fn line(source: Label, format: Label) -> SourceLine {
    let (tally, copies) = (Tally::default(), [0; Copy::ALL.len()]);
    SourceLine { source, format, calls: 0, failed: 0, outside: 0, tally, copies, note: None }
}

/// The sums of all rows, in two parts: what every call adds to fits one line of the processor's cache.
#[derive(Default)]
struct Rows {
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
    fn add(&mut self, row: u32, sums: &Sums) {
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

    fn into_sums(self) -> impl Iterator<Item = Sums> {
        self.usual.into_iter().zip(self.rare).map(|(usual, rare)| {
            let Usual { calls, cost, tokens } = usual;
            let Rare { failed, reported, unpriced } = rare;
            Sums { calls, failed, tokens, cost, reported, unpriced }
        })
    }
}

fn settle(sums: &mut Rows, sources: &mut Sources, outcome: Outcome) {
    match outcome {
        Outcome::Counts(record) => {
            sums.add(record.row, &record.sums);
            if let Some(source) = sources.get_mut(&record.source) {
                source.calls += record.sums.calls;
                source.failed += record.sums.failed;
            }
        }
        Outcome::Dropped(source, why) => {
            if let Some(source) = sources.get_mut(&source) {
                source.copies[why as usize] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::query::By;
    use super::*;
    use crate::domain::calendar::Calendar;
    use crate::domain::call::{Call, CallId, ModelId, Status, TenantId};
    use crate::domain::claim::{Claim, Contest, Nearness};
    use crate::domain::observation::{Decoded, Skip};
    use crate::domain::price::PriceBook;
    use crate::domain::tokens::Tokens;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_763_812_800);

    #[derive(Clone, Debug)]
    enum Line {
        Call { id: u8, order: u64, output: u64, nearness: usize, failed: bool },
        Skipped,
        Bad,
    }

    fn any_line() -> impl Strategy<Value = Line> {
        let call = (0_u8..12, 0_u64..9, 0_u64..4, 0_usize..3, any::<bool>());
        let call = call.prop_map(|(id, order, output, nearness, failed)| Line::Call {
            id,
            order,
            output,
            nearness,
            failed,
        });
        prop_oneof![6 => call, 1 => Just(Line::Skipped), 1 => Just(Line::Bad)]
    }

    /// Gives every record of a source its own place; those of different sources may have equal ones.
    fn spread(mut lines: Vec<(Line, usize)>) -> Vec<(Line, usize)> {
        let mut next = [0; 3];
        for (line, source) in &mut lines {
            next[*source] += 1;
            if let Line::Call { order, .. } = line {
                *order = *order % 3 * 100 + next[*source];
            }
        }
        lines
    }

    fn decode(line: &Line) -> Decoded {
        let mut out = Decoded::default();
        out.tally.lines = 1;
        match *line {
            Line::Skipped => out.tally.skip(Skip::Blank),
            Line::Bad => out.tally.bad = 1,
            Line::Call { id, order, output, nearness, failed } => {
                let at = Timestamp::from_seconds(1_763_800_000 + i64::from(id));
                let mut call =
                    Call::new(CallId::of("t", &[&[id]]), at, TenantId::new("t"), ModelId::new("m"));
                // One identity has one way to decide, as one ledger has.
                let contest = Contest::ALL[usize::from(id) % 3];
                call.claim = Claim { contest, nearness: Nearness::ALL[nearness], request: None, order };
                call.tokens.output = Tokens::new(output);
                call.status = if failed { Status::Failed } else { Status::Settled };
                out.calls.push(call);
            }
        }
        out
    }

    fn report(lines: &[(Line, usize)], kept: usize) -> Report {
        let quick = report_by(lines, kept, Way::Quick);
        quick.or_else(|| report_by(lines, kept, Way::Careful)).expect("the careful way ends")
    }

    fn report_by(lines: &[(Line, usize)], kept: usize, way: Way) -> Option<Report> {
        let query =
            Query { by: vec![By::Source], since: None, until: None, calendar: Calendar::utc(), now: NOW };
        let book = PriceBook::default();
        let mut builder = Builder::new(&query, way).keeping(kept, way);
        let mut pricer = book.pricer();
        for (line, source) in lines {
            let source = Label::new(["a", "b", "c"][*source]);
            let batch =
                Batch { source, format: Label::new("t"), decoded: decode(line), mark: None, note: None };
            builder.read(batch, &mut pricer).expect("temporary files");
        }
        builder.finish().expect("temporary files")
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn every_line_is_accounted_for_whatever_the_order_and_the_memory(
            lines in proptest::collection::vec((any_line(), 0_usize..3), 0..60).prop_map(spread),
            kept in 1_usize..20,
        ) {
            let whole = report(&lines, usize::MAX);
            let mut turned = lines.clone();
            turned.reverse();
            for other in [report(&turned, usize::MAX), report(&lines, kept), report(&turned, kept)] {
                prop_assert_eq!(&whole.sources, &other.sources);
                prop_assert_eq!(whole.total, other.total);
            }
            for source in &whole.sources {
                let tally = &source.tally;
                let counted = u64::try_from(source.calls + source.failed).expect("no fewer than none");
                let skipped: u64 = tally.skipped.iter().sum();
                prop_assert_eq!(tally.lines, counted + source.duplicates() + skipped + tally.bad);
            }
            let read: u64 = whole.sources.iter().map(|source| source.tally.lines).sum();
            prop_assert_eq!(read, lines.len() as u64);
        }
    }
}
