//! Counts each call once in bounded memory, whatever the ledgers repeat.
//!
//! Records are kept by identity while they fit. Past a bound, all are written to temporary
//! partitions by identity, so that copies of one call always meet in one partition; at the end each
//! partition is resolved on its own.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use foldhash::fast::RandomState;

use crate::domain::call::CallId;
use crate::domain::claim::{Claim, Contest, Copy, Nearness};
use crate::domain::money::Money;
use crate::domain::rollup::Sums;
use crate::domain::tokens::{TokenCount, Tokens};

/// Records kept in memory before they are written out.
const KEPT: usize = 150_000;
/// Temporary partitions.
const PARTITIONS: usize = 128;
/// Bytes of one written record.
const RECORD: usize = 144;

/// One record of a call, with what it adds to which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Identity.
    pub id: CallId,
    /// Claim among records of the same call.
    pub claim: Claim,
    /// The row it is summed in.
    pub row: u32,
    /// The source it was read from, by [`crate::domain::label::Label::number`].
    pub source: u64,
    /// What it adds.
    pub sums: Sums,
}

/// Resolves copies.
pub struct Resolver {
    held: HashMap<CallId, Held, RandomState>,
    spill: Option<Vec<BufWriter<File>>>,
    kept: usize,
}

/// The calls of one identity: nearly always one.
enum Held {
    One(Record),
    Several(Vec<Record>),
}

/// A resolved outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A call that counts.
    Counts(Record),
    /// A record of this source that was dropped.
    Dropped(u64, Copy),
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver::keeping(KEPT)
    }
}

impl Resolver {
    /// Keeps at most `kept` records in memory.
    pub fn keeping(kept: usize) -> Resolver {
        Resolver { held: HashMap::default(), spill: None, kept: kept.max(1) }
    }

    /// Takes one record; hands what is dropped at once to `outcome`.
    pub fn add(&mut self, record: Record, outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        join(&mut self.held, record, outcome);
        if self.held.len() >= self.kept { self.write_out() } else { Ok(()) }
    }

    /// Hands on every call that counts, and every record dropped since.
    pub fn finish(mut self, outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        if self.spill.is_none() {
            settle(self.held, outcome);
            return Ok(());
        }
        self.write_out()?;
        for writer in self.spill.into_iter().flatten() {
            let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            let mut reader = BufReader::with_capacity(1 << 16, file);
            let mut held = HashMap::default();
            let mut bytes = [0; RECORD];
            while fill(&mut reader, &mut bytes)? {
                join(&mut held, decode(&bytes), outcome);
            }
            settle(held, outcome);
        }
        Ok(())
    }

    fn write_out(&mut self) -> io::Result<()> {
        if self.spill.is_none() {
            let files = (0..PARTITIONS).map(|_| Ok(BufWriter::with_capacity(1 << 13, tempfile::tempfile()?)));
            self.spill = Some(files.collect::<io::Result<_>>()?);
        }
        let Some(files) = self.spill.as_mut() else { return Ok(()) };
        for (_, held) in self.held.drain() {
            for record in held.records() {
                let partition = (record.id.bits() % PARTITIONS as u128) as usize;
                files[partition].write_all(&encode(record))?;
            }
        }
        Ok(())
    }
}

impl Held {
    fn records(&self) -> &[Record] {
        match self {
            Held::One(record) => std::slice::from_ref(record),
            Held::Several(records) => records,
        }
    }
}

fn join(held: &mut HashMap<CallId, Held, RandomState>, record: Record, outcome: &mut dyn FnMut(Outcome)) {
    match held.entry(record.id) {
        std::collections::hash_map::Entry::Vacant(place) => {
            place.insert(Held::One(record));
        }
        std::collections::hash_map::Entry::Occupied(mut place) => match place.get_mut() {
            Held::One(known) if known.claim.same_call(&record.claim) => contest(known, record, outcome),
            Held::One(known) => {
                let both = vec![*known, record];
                place.insert(Held::Several(both));
            }
            Held::Several(known) => {
                let exact = known.iter().position(|one| one.claim.request == record.claim.request);
                let like = exact.or_else(|| known.iter().position(|one| one.claim.same_call(&record.claim)));
                match like.and_then(|index| known.get_mut(index)) {
                    Some(one) => contest(one, record, outcome),
                    None => known.push(record),
                }
            }
        },
    }
}

/// Lets a record compete with the one that counts so far. The request identity, once known, is kept.
fn contest(held: &mut Record, record: Record, outcome: &mut dyn FnMut(Outcome)) {
    let request =
        if held.claim.nearness == Nearness::Main { held.claim.request } else { record.claim.request };
    let request = request.or(record.claim.request).or(held.claim.request);
    let mine = (&record.sums.tokens, record.source);
    let loser = if record.claim.wins(mine, &held.claim, (&held.sums.tokens, held.source)) {
        std::mem::replace(held, record)
    } else {
        record
    };
    outcome(Outcome::Dropped(loser.source, loser.claim.loss()));
    held.claim.request = request;
}

fn settle(held: HashMap<CallId, Held, RandomState>, outcome: &mut dyn FnMut(Outcome)) {
    for (_, held) in held {
        for &record in held.records() {
            outcome(Outcome::Counts(record));
        }
    }
}

fn fill(reader: &mut impl Read, bytes: &mut [u8; RECORD]) -> io::Result<bool> {
    let mut read = 0;
    while read < RECORD {
        match reader.read(&mut bytes[read..])? {
            0 if read == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read += count,
        }
    }
    Ok(true)
}

fn encode(record: &Record) -> [u8; RECORD] {
    let Record { id, claim, row, source, sums } = record;
    let tokens = &sums.tokens;
    let flags = u64::from(claim.contest as u8) << 16
        | u64::from(claim.nearness as u8) << 8
        | u64::from(claim.request.is_some());
    let mut bytes = [0; RECORD];
    bytes[..16].copy_from_slice(&id.bits().to_le_bytes());
    let words = [
        flags,
        claim.request.unwrap_or(0),
        claim.order,
        u64::from(*row),
        *source,
        sums.calls.cast_unsigned(),
        sums.failed.cast_unsigned(),
        sums.cost.nanos().cast_unsigned(),
        sums.reported.nanos().cast_unsigned(),
        sums.unpriced.cast_unsigned(),
        tokens.input.count(),
        tokens.cache_read.count(),
        tokens.cache_write_short.count(),
        tokens.cache_write_long.count(),
        tokens.output.count(),
        tokens.reasoning.count(),
    ];
    for (slot, word) in bytes[16..].chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn decode(bytes: &[u8; RECORD]) -> Record {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[..16]);
    let mut words = [0_u64; 16];
    for (word, slot) in words.iter_mut().zip(bytes[16..].chunks_exact(8)) {
        *word = slot.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    let pick = |shift: u32| (words[0] >> shift & 0xff) as usize;
    let claim = Claim {
        contest: Contest::ALL.get(pick(16)).copied().unwrap_or_default(),
        nearness: Nearness::ALL.get(pick(8)).copied().unwrap_or_default(),
        request: (pick(0) == 1).then_some(words[1]),
        order: words[2],
    };
    let tokens = TokenCount {
        input: Tokens::new(words[10]),
        cache_read: Tokens::new(words[11]),
        cache_write_short: Tokens::new(words[12]),
        cache_write_long: Tokens::new(words[13]),
        output: Tokens::new(words[14]),
        reasoning: Tokens::new(words[15]),
    };
    let sums = Sums {
        calls: words[5].cast_signed(),
        failed: words[6].cast_signed(),
        tokens,
        cost: Money::from_nanos(words[7].cast_signed()),
        reported: Money::from_nanos(words[8].cast_signed()),
        unpriced: words[9].cast_signed(),
    };
    let (row, source) = (u32::try_from(words[3]).unwrap_or(0), words[4]);
    Record { id: CallId::from_bits(u128::from_le_bytes(id)), claim, row, source, sums }
}

/// Says whether sums hold nothing but failed calls without tokens.
pub fn only_failures(sums: &Sums) -> bool {
    sums.calls == 0 && sums.tokens == TokenCount::default() && sums.cost == Money::ZERO && sums.failed > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(id: u8, output: u64, order: u64) -> Record {
        let tokens = TokenCount { output: Tokens::new(output), ..TokenCount::default() };
        let claim = Claim { contest: Contest::Fullest, order, ..Claim::default() };
        let sums = Sums { calls: 1, tokens, cost: Money::from_nanos(-5), ..Sums::default() };
        Record { id: CallId::of("t", &[&[id]]), claim, row: u32::from(id), source: 3, sums }
    }

    fn resolve(records: &[Record], kept: usize) -> (Vec<Record>, usize) {
        let (mut counts, mut dropped) = (Vec::new(), 0);
        let mut outcome = |outcome| match outcome {
            Outcome::Counts(record) => counts.push(record),
            Outcome::Dropped(..) => dropped += 1,
        };
        let mut resolver = Resolver::keeping(kept);
        for &record in records {
            resolver.add(record, &mut outcome).expect("temporary files");
        }
        resolver.finish(&mut outcome).expect("temporary files");
        counts.sort_by_key(|record| (record.row, record.claim.order));
        (counts, dropped)
    }

    #[test]
    fn two_originals_of_one_identity_with_two_requests_are_two_calls() {
        let mut first = record(1, 10, 1);
        let mut second = record(1, 20, 2);
        let copy = record(1, 5, 3);
        first.claim.request = Some(1);
        second.claim.request = Some(2);
        let (counts, dropped) = resolve(&[first, second, copy], 100);
        assert_eq!((counts.len(), dropped), (2, 1));
    }

    #[test]
    fn a_copy_in_a_side_conversation_never_wins() {
        let mut copy = record(1, 99, 2);
        copy.claim.nearness = Nearness::Sidechain;
        copy.claim.request = Some(9);
        let mut main = record(1, 10, 1);
        main.claim.request = Some(1);
        for order in [[copy, main], [main, copy]] {
            let (counts, dropped) = resolve(&order, 100);
            assert_eq!((counts.len(), dropped), (1, 1));
            assert_eq!(counts[0].sums.tokens.output, Tokens::new(10));
        }
    }

    proptest! {
        #[test]
        fn written_records_come_back_the_same(id in any::<u8>(), output in any::<u32>(), order in any::<u64>()) {
            let record = record(id, u64::from(output), order);
            prop_assert_eq!(decode(&encode(&record)), record);
        }

        #[test]
        fn memory_does_not_change_the_outcome(
            calls in proptest::collection::vec((0_u8..20, 0_u64..50), 0..200), kept in 1_usize..40,
        ) {
            let records: Vec<_> = calls.iter().enumerate()
                .map(|(index, &(id, output))| record(id, output, index as u64)).collect();
            prop_assert_eq!(resolve(&records, kept), resolve(&records, usize::MAX));
        }

        #[test]
        fn order_does_not_matter(
            calls in proptest::collection::vec((0_u8..20, 0_u64..50), 0..100),
        ) {
            let records: Vec<_> = calls.iter().enumerate()
                .map(|(index, &(id, output))| record(id, output, index as u64)).collect();
            let mut turned = records.clone();
            turned.reverse();
            prop_assert_eq!(resolve(&records, 1000), resolve(&turned, 1000));
        }
    }
}
