//! Builds a report: from ledgers as they are read, or from the sums of the store.

use std::io;

use super::lane::Lane;
use super::part::Part;
use super::query::Query;
use super::resolve::{Ended, Outcome, Record, Resolver, Way, only_failures};
use super::{Report, Row, SourceLine};
use crate::domain::label::Label;
use crate::domain::observation::{BadLine, Batch};
use crate::domain::price::Pricer;
use crate::domain::rollup::{Slice, Sums};
use crate::domain::time::Timestamp;

/// A report in the making.
pub struct Builder<'a> {
    part: Part<'a>,
    resolver: Resolver,
    /// Of the batch at hand, kept for their room.
    records: Vec<Record>,
}

impl<'a> Builder<'a> {
    /// Starts without figures.
    pub fn new(query: &'a Query, way: Way) -> Builder<'a> {
        Builder { part: Part::new(query), resolver: Resolver::new(way), records: Vec::new() }
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
        let source = self.part.open(&mut batch);
        let rows = self.part.rows_of(&batch);
        self.records.clear();
        self.records.extend(batch.decoded.calls.iter().zip(rows).map(|(call, &row)| {
            let sums = Sums::of(call, pricer.cost(call));
            Record { id: call.id, claim: call.claim, row, source, sums }
        }));
        let part = &mut self.part;
        self.resolver.add_all(&self.records, &mut |outcome| settle(part, outcome))
    }

    /// Says whether what comes next may be counted in [`Lane`]s.
    pub fn takes_lanes(&self) -> bool {
        self.resolver.counts_at_once()
    }

    /// Takes what was counted in a lane.
    pub fn join(&mut self, lane: Lane<'a>) {
        let (part, seen) = lane.into_parts();
        self.part.join(part);
        self.resolver.join(seen);
    }

    /// Takes a sum that is already free of copies.
    pub fn add(&mut self, at: Timestamp, slice: &Slice, sums: Sums) {
        self.part.add(at, slice, &sums);
    }

    /// Takes what the store knows about a source.
    pub fn source(&mut self, line: SourceLine) {
        self.part.sources.insert(line.source.fingerprint(), line);
    }

    /// Takes lines that could not be read.
    pub fn bad(&mut self, lines: Vec<(Label, BadLine)>) {
        self.part.bad.extend(lines);
    }

    /// Returns the finished report; `None` where calls came twice late, so that all has to be read again,
    /// [`Way::Careful`].
    ///
    /// # Errors
    /// Where the temporary files of a large report cannot be read back.
    pub fn finish(self) -> io::Result<Option<Report>> {
        let Builder { mut part, resolver, .. } = self;
        if resolver.finish(&mut |outcome| settle(&mut part, outcome))? == Ended::Again {
            return Ok(None);
        }
        let Part { query, keys, sums, sources, bad, .. } = part;
        let (mut total, mut rows) = (Sums::default(), Vec::new());
        for (key, sums) in keys.iter().zip(sums.into_sums()) {
            total += sums;
            if !sums.is_empty() && (query.shows_failures() || !only_failures(&sums)) {
                rows.push(Row { key: key.clone(), sums });
            }
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut sources: Vec<SourceLine> = sources.into_values().collect();
        sources.sort_by_key(|source| source.source);
        let zone = query.calendar.name().to_owned();
        Ok(Some(Report { zone, by: query.by.clone(), rows, total, sources, bad }))
    }
}

fn settle(part: &mut Part<'_>, outcome: Outcome) {
    match outcome {
        Outcome::Counts(record) => {
            part.sums.add(record.row, &record.sums);
            part.counted(record.source, (record.sums.calls, record.sums.failed));
        }
        Outcome::Dropped(source, why) => {
            if let Some(source) = part.sources.get_mut(&source) {
                source.copies[why as usize] += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::Desk;
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
        Bad(u64),
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
        prop_oneof![6 => call, 1 => Just(Line::Skipped), 1 => (0_u64..3).prop_map(Line::Bad)]
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
            Line::Bad(offset) => {
                let (reason, excerpt) = ("odd".to_owned(), String::new());
                out.bad(BadLine { offset, line: 1, length: 1, reason, excerpt });
            }
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

    /// What threads read in turn.
    fn report_of_threads(lines: &[(Line, usize)], kept: usize, threads: usize) -> Report {
        let book = PriceBook::default();
        let query = query();
        let read = |way| {
            let builder = Builder::new(&query, way).keeping(kept, way);
            let desk = Desk::of(builder, (&query, &book), threads);
            for (index, line) in lines.iter().enumerate() {
                assert!(desk.read(index % threads, batch(line)));
            }
            desk.finish().expect("temporary files")
        };
        read(Way::Quick).or_else(|| read(Way::Careful)).expect("the careful way ends")
    }

    fn query() -> Query {
        Query {
            by: vec![By::Source, By::Status],
            since: None,
            until: None,
            calendar: Calendar::utc(),
            now: NOW,
        }
    }

    fn batch((line, source): &(Line, usize)) -> Batch {
        let source = Label::new(["a", "b", "c"][*source]);
        Batch { source, format: Label::new("t"), decoded: decode(line), mark: None, note: None }
    }

    fn report_by(lines: &[(Line, usize)], kept: usize, way: Way) -> Option<Report> {
        let (query, book) = (query(), PriceBook::default());
        let mut builder = Builder::new(&query, way).keeping(kept, way);
        let mut pricer = book.pricer();
        for line in lines {
            builder.read(batch(line), &mut pricer).expect("temporary files");
        }
        builder.finish().expect("temporary files")
    }

    #[test]
    fn calls_that_come_once_are_counted_in_lanes() {
        let (query, book) = (query(), PriceBook::default());
        let desk = Desk::of(Builder::new(&query, Way::Quick).keeping(1, Way::Quick), (&query, &book), 2);
        for id in 0..8 {
            let line = Line::Call { id, order: 1, output: 3, nearness: 0, failed: id == 5 };
            assert!(desk.read(usize::from(id % 2), batch(&(line, usize::from(id % 3)))));
        }
        assert_eq!(desk.lanes_in_use(), 2);
        let report = desk.finish().expect("temporary files").expect("no call came twice");
        assert_eq!((report.total.calls, report.total.failed, report.sources.len()), (7, 1, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn every_line_is_accounted_for_whatever_the_order_and_the_memory(
            lines in proptest::collection::vec((any_line(), 0_usize..3), 0..60).prop_map(spread),
            kept in 1_usize..20, threads in 1_usize..4,
        ) {
            let whole = report(&lines, usize::MAX);
            let mut turned = lines.clone();
            turned.reverse();
            let threads = report_of_threads(&lines, kept, threads);
            for other in [report(&turned, usize::MAX), report(&lines, kept), report(&turned, kept), threads] {
                prop_assert_eq!(&whole.rows, &other.rows);
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
