//! Counts each call once in bounded memory, whatever the ledgers repeat.
//!
//! Records are kept by identity while they fit. What comes after that bound is either *counted at once*, if
//! no call has come twice so far, with no more than a hash of each identity kept aside: nearly every large
//! ledger has each call once. Should a call come twice after all, the reader has to begin anew, *with care*:
//! then all records are kept aside in partitions by identity, so that copies of one call meet in one
//! partition, and are resolved there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use foldhash::fast::RandomState;

use super::spill::{PARTITIONS, Spill};
use crate::domain::call::CallId;
use crate::domain::claim::{Claim, Contest, Copy, Nearness};
use crate::domain::money::Money;
use crate::domain::rollup::Sums;
use crate::domain::tokens::{TokenCount, Tokens};

/// Records kept in memory.
const KEPT: usize = 150_000;
/// Bytes of a record that is kept aside.
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
    /// The source it was read from, by [`crate::domain::label::Label::fingerprint`].
    pub source: u64,
    /// What it adds.
    pub sums: Sums,
}

/// Resolves copies.
pub struct Resolver {
    held: Calls,
    repeats: bool,
    aside: Aside,
    kept: usize,
}

type Calls = HashMap<CallId, Held, RandomState>;

/// Where records go that do not fit in memory.
enum Aside {
    /// All fit so far. Says whether those that do not may be counted at once.
    Nowhere(Way),
    /// They have been counted: here, and in lanes.
    Counted(Seen, Vec<Seen>),
    /// They are here.
    Records(Spill),
}

/// Hashes of the identities of calls that were counted at once.
pub struct Seen(Spill);

impl Seen {
    /// Starts without any, in a temporary file.
    pub fn new() -> io::Result<Seen> {
        Spill::new().map(Seen)
    }

    /// Adds one.
    #[inline]
    pub fn note(&mut self, id: CallId) -> io::Result<()> {
        let hash = u64::try_from(id.bits() >> 64).unwrap_or(0);
        self.0.write(partition(id), &hash.to_le_bytes())
    }
}

/// How to go about calls that may come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Takes it that a call of a ledger that has not repeated any so far comes once.
    Quick,
    /// Takes nothing for granted.
    Careful,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the figures are right only if all is resolved"]
pub enum Ended {
    /// Each call was counted once.
    Resolved,
    /// Some may have been counted twice: all has to be read again, [`Way::Careful`].
    Again,
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

impl Resolver {
    /// Keeps some tens of megabytes in memory.
    pub fn new(way: Way) -> Resolver {
        Resolver::keeping(KEPT, way)
    }

    /// Keeps at most `kept` records in memory.
    pub fn keeping(kept: usize, way: Way) -> Resolver {
        Resolver { held: HashMap::default(), repeats: false, aside: Aside::Nowhere(way), kept: kept.max(1) }
    }

    /// Takes records; hands what is known about them, or earlier ones, to `outcome`.
    pub fn add_all(&mut self, records: &[Record], outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        let mut rest = records;
        while let (Aside::Nowhere(way), Some((record, after))) = (&self.aside, rest.split_first()) {
            let way = *way;
            rest = after;
            self.repeats |= join(&mut self.held, *record, outcome);
            if self.held.len() >= self.kept {
                self.put_aside(way, outcome)?;
            }
        }
        match &mut self.aside {
            Aside::Nowhere(_) => Ok(()),
            Aside::Counted(seen, _) => rest.iter().try_for_each(|record| {
                outcome(Outcome::Counts(*record));
                seen.note(record.id)
            }),
            Aside::Records(spill) => {
                rest.iter().try_for_each(|record| spill.write(partition(record.id), &encode(record)))
            }
        }
    }

    /// Hands on every call that counts, and every record dropped since.
    pub fn finish(self, outcome: &mut dyn FnMut(Outcome)) -> io::Result<Ended> {
        settle(self.held, outcome);
        let mut bytes = Vec::new();
        match self.aside {
            Aside::Nowhere(_) => {}
            Aside::Counted(seen, others) => {
                for number in 0..PARTITIONS {
                    bytes.clear();
                    seen.0.read(number, &mut bytes)?;
                    others.iter().try_for_each(|seen| seen.0.read(number, &mut bytes))?;
                    if repeats(&bytes) {
                        return Ok(Ended::Again);
                    }
                }
            }
            Aside::Records(spill) => {
                for number in 0..PARTITIONS {
                    bytes.clear();
                    spill.read(number, &mut bytes)?;
                    let mut held = HashMap::default();
                    for record in bytes.as_chunks().0 {
                        join(&mut held, decode(record), outcome);
                    }
                    settle(held, outcome);
                }
            }
        }
        Ok(Ended::Resolved)
    }

    /// Says whether calls are counted at once: whoever sees to it that [`Resolver::join`] is told of them may
    /// then count some without this.
    pub fn counts_at_once(&self) -> bool {
        matches!(self.aside, Aside::Counted(..))
    }

    /// Takes note of calls that were counted elsewhere.
    pub fn join(&mut self, seen: Seen) {
        if let Aside::Counted(_, others) = &mut self.aside {
            others.push(seen);
        }
    }

    /// Makes room in memory; what follows takes the same way at once.
    fn put_aside(&mut self, way: Way, outcome: &mut dyn FnMut(Outcome)) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut records = held.values().flat_map(Held::records);
        self.aside = if way == Way::Quick && !self.repeats {
            let mut seen = Seen::new()?;
            records.try_for_each(|record| {
                outcome(Outcome::Counts(*record));
                seen.note(record.id)
            })?;
            Aside::Counted(seen, Vec::new())
        } else {
            let mut spill = Spill::new()?;
            records.try_for_each(|record| spill.write(partition(record.id), &encode(record)))?;
            Aside::Records(spill)
        };
        Ok(())
    }
}

/// The part of an identity that chooses its partition; [`Seen`] keeps the rest of it.
fn partition(id: CallId) -> usize {
    usize::try_from(id.bits() % PARTITIONS as u128).unwrap_or(0)
}

/// Says whether a hash comes twice. Where two identities share one by chance, this says so too: that
/// costs a second reading, and no figure.
fn repeats(hashes: &[u8]) -> bool {
    let hashes = hashes.as_chunks().0;
    let mask = (hashes.len() * 2).next_power_of_two() - 1;
    let mut seen = vec![0_u64; mask + 1];
    for hash in hashes {
        // 0 marks a free place.
        let hash = u64::from_le_bytes(*hash).max(1);
        let mut at = usize::try_from(hash & mask as u64).unwrap_or(0);
        while seen[at] != 0 {
            if seen[at] == hash {
                return true;
            }
            at = (at + 1) & mask;
        }
        seen[at] = hash;
    }
    false
}

impl Held {
    fn records(&self) -> &[Record] {
        match self {
            Held::One(record) => std::slice::from_ref(record),
            Held::Several(records) => records,
        }
    }
}

/// Brings a record together with those of its identity. Says whether there were any.
fn join(held: &mut Calls, record: Record, outcome: &mut dyn FnMut(Outcome)) -> bool {
    let mut place = match held.entry(record.id) {
        Entry::Vacant(place) => {
            place.insert(Held::One(record));
            return false;
        }
        Entry::Occupied(place) => place,
    };
    match place.get_mut() {
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
    }
    true
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

fn settle(held: Calls, outcome: &mut dyn FnMut(Outcome)) {
    for (_, held) in held {
        for &record in held.records() {
            outcome(Outcome::Counts(record));
        }
    }
}

fn encode(record: &Record) -> [u8; RECORD] {
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
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(&flags.to_le_bytes());
    bytes[8..24].copy_from_slice(&id.bits().to_le_bytes());
    for (slot, word) in bytes[24..].as_chunks_mut().0.iter_mut().zip(words) {
        *slot = word.to_le_bytes();
    }
    bytes
}

fn decode(bytes: &[u8; RECORD]) -> Record {
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
    let id = CallId::from_bits(u128::from(word(2)) << 64 | u128::from(word(1)));
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
        let quick = resolve_by(records, kept, Way::Quick);
        quick.or_else(|| resolve_by(records, kept, Way::Careful)).expect("the careful way ends")
    }

    fn resolve_by(records: &[Record], kept: usize, way: Way) -> Option<(Vec<Record>, usize)> {
        let (mut counts, mut dropped) = (Vec::new(), 0);
        let mut outcome = |outcome| match outcome {
            Outcome::Counts(record) => counts.push(record),
            Outcome::Dropped(..) => dropped += 1,
        };
        let mut resolver = Resolver::keeping(kept, way);
        for records in records.chunks(7) {
            resolver.add_all(records, &mut outcome).expect("temporary files");
        }
        let ended = resolver.finish(&mut outcome).expect("temporary files");
        counts.sort_by_key(|record| (record.row, record.claim.order));
        (ended == Ended::Resolved).then_some((counts, dropped))
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
            request in any::<Option<u64>>(), unpriced in 0_i64..3, source in any::<u64>(),
        ) {
            let mut record = record(id, output, order);
            record.source = source;
            record.sums.calls = calls;
            record.sums.unpriced = unpriced;
            record.claim.request = request;
            prop_assert_eq!(decode(&encode(&record)), record);
        }

        #[test]
        fn calls_that_come_once_are_counted_the_quick_way(ids in proptest::collection::hash_set(any::<u8>(), 0..60)) {
            let records: Vec<_> = ids.iter().map(|&id| record(id, 1, u64::from(id))).collect();
            let quick = resolve_by(&records, 5, Way::Quick);
            prop_assert_eq!(quick, resolve_by(&records, 5, Way::Careful));
        }

        #[test]
        fn a_call_that_comes_twice_never_passes_the_quick_way(
            calls in proptest::collection::vec(0_u8..60, 1..80), kept in 1_usize..40,
        ) {
            let records: Vec<_> = (0..).zip(&calls).map(|(order, &id)| record(id, 1, order)).collect();
            let once = calls.iter().collect::<std::collections::HashSet<_>>().len();
            if let Some((counts, dropped)) = resolve_by(&records, kept, Way::Quick) {
                prop_assert_eq!((counts.len(), dropped), (once, calls.len() - once));
            }
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
