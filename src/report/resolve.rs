//! Counts each call once in bounded memory, whatever the ledgers repeat.
//!
//! Records are kept by identity while they fit. Past a bound, all are written to partitions of a
//! temporary file by identity, so that copies of one call always meet in one partition; at the end each
//! partition is resolved on its own.
//!
//! Most calls of a large ledger have one record. In a partition each looks only for another of its
//! identity; the few that find one are brought together by the same rules as in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

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
/// Bytes of a partition that are collected before they are written: those of all fit the processor's cache.
const BLOCK: usize = 1 << 13;
/// Bytes of a written record of the usual kind, and of any other.
const SHORT: usize = 72;
const LONG: usize = 144;
/// Marks a short record, in the byte of its flags.
const IS_SHORT: u8 = 0x80;

/// One record of a call, with what it adds to which row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Identity.
    pub id: CallId,
    /// Claim among records of the same call.
    pub claim: Claim,
    /// The row it is summed in.
    pub row: u32,
    /// The source it was read from, by [`crate::domain::label::Label::fingerprint`].
    pub source: u64,
    /// What it adds.
    pub sums: Sums,
}

/// Resolves copies.
pub struct Resolver {
    held: HashMap<CallId, Held, RandomState>,
    spill: Option<Spill>,
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
        if let Some(spill) = &mut self.spill {
            return spill.write(&record);
        }
        join(&mut self.held, record, outcome);
        if self.held.len() >= self.kept { self.write_out() } else { Ok(()) }
    }

    /// Hands on every call that counts, and every record dropped since.
    pub fn finish(self, outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        settle(self.held, outcome);
        let Some(spill) = self.spill else { return Ok(()) };
        let (mut bytes, mut partition) = (Vec::new(), Partition::default());
        for number in 0..PARTITIONS {
            spill.read(number, &mut bytes)?;
            partition.resolve(&bytes, outcome)?;
        }
        Ok(())
    }

    /// Writes all that is kept to the partitions; what follows goes there at once.
    fn write_out(&mut self) -> io::Result<()> {
        let mut spill = Spill::new()?;
        for (_, held) in std::mem::take(&mut self.held) {
            held.records().iter().try_for_each(|record| spill.write(record))?;
        }
        self.spill = Some(spill);
        Ok(())
    }
}

/// One temporary file in which the blocks of all partitions lie as they came.
struct Spill {
    file: File,
    /// Blocks in the file.
    blocks: u64,
    partitions: Vec<Blocks>,
}

/// What was written of one partition, and what waits to be.
#[derive(Default)]
struct Blocks {
    /// The numbers of its blocks in the file.
    written: Vec<u64>,
    waiting: Vec<u8>,
}

impl Spill {
    fn new() -> io::Result<Spill> {
        let partitions = (0..PARTITIONS).map(|_| Blocks::default()).collect();
        Ok(Spill { file: tempfile::tempfile()?, blocks: 0, partitions })
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        let blocks = &mut self.partitions[(record.id.bits() % PARTITIONS as u128) as usize];
        match encode_short(record) {
            Some(short) => blocks.waiting.extend_from_slice(&short),
            None => blocks.waiting.extend_from_slice(&encode(record)),
        }
        if blocks.waiting.len() >= BLOCK {
            self.file.write_all_at(&blocks.waiting[..BLOCK], self.blocks * BLOCK as u64)?;
            blocks.waiting.drain(..BLOCK);
            blocks.written.push(self.blocks);
            self.blocks += 1;
        }
        Ok(())
    }

    /// Reads a whole partition.
    fn read(&self, number: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let blocks = &self.partitions[number];
        bytes.resize(blocks.written.len() * BLOCK, 0);
        for (place, block) in bytes.chunks_exact_mut(BLOCK).zip(&blocks.written) {
            self.file.read_exact_at(place, block * BLOCK as u64)?;
        }
        bytes.extend_from_slice(&blocks.waiting);
        Ok(())
    }
}

/// Where the records of one partition stand in its bytes, and which is the first of each identity.
#[derive(Default)]
struct Partition {
    starts: Vec<usize>,
    /// Places in `starts`, from 1, found by identity; 0 where there is none.
    first: Vec<u32>,
}

impl Partition {
    fn resolve(&mut self, bytes: &[u8], outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        self.starts.clear();
        let mut at = 0;
        while let Some(length) = length(&bytes[at..])? {
            self.starts.push(at);
            at += length;
        }
        let repeated = self.repeated(bytes);
        let mut alone = vec![true; if repeated.is_empty() { 0 } else { self.starts.len() }];
        let mut held = HashMap::default();
        for (first, again) in repeated {
            if std::mem::replace(&mut alone[first], false) {
                join(&mut held, decode(&bytes[self.starts[first]..]), outcome);
            }
            alone[again] = false;
            join(&mut held, decode(&bytes[self.starts[again]..]), outcome);
        }
        for (index, &start) in self.starts.iter().enumerate() {
            if alone.get(index).copied().unwrap_or(true) {
                outcome(Outcome::Counts(decode(&bytes[start..])));
            }
        }
        settle(held, outcome);
        Ok(())
    }

    /// Returns the records that are not the first of their identity, each behind the first.
    fn repeated(&mut self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let mask = (self.starts.len() * 2).next_power_of_two() - 1;
        self.first.clear();
        self.first.resize(mask + 1, 0);
        let mut repeated = Vec::new();
        for (index, &start) in self.starts.iter().enumerate() {
            let id = identity(&bytes[start..]);
            // The low bits chose the partition.
            let mut at = (id >> 64) as usize & mask;
            loop {
                match self.first[at] as usize {
                    0 => {
                        self.first[at] = u32::try_from(index + 1).unwrap_or(u32::MAX);
                        break;
                    }
                    place if identity(&bytes[self.starts[place - 1]..]) == id => {
                        repeated.push((place - 1, index));
                        break;
                    }
                    _ => at = (at + 1) & mask,
                }
            }
        }
        repeated
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

/// Returns the length of the record that begins here; `None` at the end.
fn length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(flags) = bytes.first() else { return Ok(None) };
    let length = if flags & IS_SHORT == 0 { LONG } else { SHORT };
    if bytes.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Some(length)) }
}

/// Returns the identity of the record that begins here.
fn identity(bytes: &[u8]) -> u128 {
    bytes.get(8..24).and_then(<[u8]>::first_chunk).map_or(0, |id| u128::from_le_bytes(*id))
}

/// Reads the record that begins here, and is whole.
fn decode(bytes: &[u8]) -> Record {
    match (bytes.first_chunk(), bytes.first_chunk()) {
        (Some(short), _) if bytes[0] & IS_SHORT != 0 => decode_short(short),
        (_, Some(long)) => decode_long(long),
        _ => Record::default(),
    }
}

/// Writes a record of the usual kind: one answered call, of which the last record wins, not stated in
/// dollars by its ledger, with counts of at most 32 bits.
fn encode_short(record: &Record) -> Option<[u8; SHORT]> {
    let Record { id, claim, row, source, sums } = record;
    let Sums { calls: 1, failed: 0, tokens, cost, reported: Money::ZERO, unpriced: unpriced @ (0 | 1) } =
        sums
    else {
        return None;
    };
    let usual = Claim { order: claim.order, ..Claim::default() };
    if *claim != usual {
        return None;
    }
    let counts = [
        tokens.input,
        tokens.cache_read,
        tokens.cache_write_short,
        tokens.cache_write_long,
        tokens.output,
        tokens.reasoning,
    ];
    let mut bytes = [0; SHORT];
    bytes[0] = IS_SHORT | u8::from(*unpriced == 1);
    bytes[4..8].copy_from_slice(&row.to_le_bytes());
    bytes[8..24].copy_from_slice(&id.bits().to_le_bytes());
    bytes[24..32].copy_from_slice(&claim.order.to_le_bytes());
    bytes[32..40].copy_from_slice(&cost.nanos().to_le_bytes());
    bytes[40..48].copy_from_slice(&source.to_le_bytes());
    for (slot, tokens) in bytes[48..].as_chunks_mut().0.iter_mut().zip(counts) {
        *slot = u32::try_from(tokens.count()).ok()?.to_le_bytes();
    }
    Some(bytes)
}

fn decode_short(bytes: &[u8; SHORT]) -> Record {
    let (words, _) = bytes.as_chunks::<4>();
    let word = |at: usize| u32::from_le_bytes(words[at]);
    let long = |at: usize| u64::from(word(at + 1)) << 32 | u64::from(word(at));
    let count = |at: usize| Tokens::new(u64::from(word(at)));
    let tokens = TokenCount {
        input: count(12),
        cache_read: count(13),
        cache_write_short: count(14),
        cache_write_long: count(15),
        output: count(16),
        reasoning: count(17),
    };
    let cost = Money::from_nanos(long(8).cast_signed());
    let unpriced = i64::from(word(0) & 1);
    Record {
        id: CallId::from_bits(identity(bytes)),
        claim: Claim { order: long(6), ..Claim::default() },
        row: word(1),
        source: long(10),
        sums: Sums { calls: 1, failed: 0, tokens, cost, reported: Money::ZERO, unpriced },
    }
}

fn encode(record: &Record) -> [u8; LONG] {
    let Record { id, claim, row, source, sums } = record;
    let tokens = &sums.tokens;
    let flags = u64::from(claim.contest as u8) << 16
        | u64::from(claim.nearness as u8) << 8
        | u64::from(claim.request.is_some());
    let words = [
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
    let mut bytes = [0; LONG];
    bytes[..8].copy_from_slice(&flags.to_le_bytes());
    bytes[8..24].copy_from_slice(&id.bits().to_le_bytes());
    for (slot, word) in bytes[24..].as_chunks_mut().0.iter_mut().zip(words) {
        *slot = word.to_le_bytes();
    }
    bytes
}

fn decode_long(bytes: &[u8; LONG]) -> Record {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |at: usize| u64::from_le_bytes(words[at]);
    let money = |at: usize| Money::from_nanos(word(at).cast_signed());
    let pick = |shift: u32| (word(0) >> shift & 0xff) as usize;
    let claim = Claim {
        contest: Contest::ALL.get(pick(16)).copied().unwrap_or_default(),
        nearness: Nearness::ALL.get(pick(8)).copied().unwrap_or_default(),
        request: (pick(0) == 1).then_some(word(3)),
        order: word(4),
    };
    let tokens = TokenCount {
        input: Tokens::new(word(12)),
        cache_read: Tokens::new(word(13)),
        cache_write_short: Tokens::new(word(14)),
        cache_write_long: Tokens::new(word(15)),
        output: Tokens::new(word(16)),
        reasoning: Tokens::new(word(17)),
    };
    let sums = Sums {
        calls: word(7).cast_signed(),
        failed: word(8).cast_signed(),
        tokens,
        cost: money(9),
        reported: money(10),
        unpriced: word(11).cast_signed(),
    };
    let id = CallId::from_bits(identity(bytes));
    Record { id, claim, row: u32::try_from(word(5)).unwrap_or(0), source: word(6), sums }
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
        fn written_records_come_back_the_same(
            id in any::<u8>(), output in any::<u64>(), order in any::<u64>(), calls in 0_i64..3,
            usual in any::<bool>(), request in any::<Option<u64>>(), unpriced in 0_i64..3, source in any::<u64>(),
        ) {
            let mut record = record(id, output, order);
            record.source = source;
            record.sums.calls = calls;
            record.sums.unpriced = unpriced;
            if usual {
                record.claim = Claim { order, ..Claim::default() };
            } else {
                record.claim.request = request;
            }
            let mut bytes = encode(&record).to_vec();
            bytes.extend(encode_short(&record).into_iter().flatten());
            let mut at = 0;
            while let Some(length) = length(&bytes[at..]).expect("whole records") {
                prop_assert_eq!(decode(&bytes[at..]), record);
                at += length;
            }
            prop_assert!(at == bytes.len() && length(&bytes[..LONG - 1]).is_err());
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
