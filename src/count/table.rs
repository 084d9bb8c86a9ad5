//! The tokens of a vocabulary in little memory, and how a piece of text falls into them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use xxhash_rust::xxh3::xxh3_64;

/// Where no token is.
const EMPTY: u32 = u32::MAX;

/// Tokens by their ranks: the lower, the earlier two neighbours become one.
#[derive(Clone)]
pub struct Table {
    /// All tokens, one behind the other.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
    /// Ranks, found by the hashes of their tokens; as many as a power of two, half of them empty.
    slots: Vec<u32>,
}

impl Table {
    /// Takes tokens in the order of their ranks.
    pub fn new(tokens: impl Iterator<Item = Vec<u8>>) -> Table {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for token in tokens {
            bytes.extend_from_slice(&token);
            ends.push(u32::try_from(bytes.len()).unwrap_or(EMPTY));
        }
        bytes.shrink_to_fit();
        ends.shrink_to_fit();
        let slots = vec![EMPTY; (ends.len() * 2).next_power_of_two()];
        let mut table = Table { bytes, ends, slots };
        for rank in 0..table.ends.len() {
            let token = table.token(rank).unwrap_or_default();
            let free = table.probe(token).find(|slot| table.slots.get(*slot) == Some(&EMPTY));
            if let Some(slot) = free.and_then(|slot| table.slots.get_mut(slot)) {
                *slot = u32::try_from(rank).unwrap_or(EMPTY);
            }
        }
        table
    }

    /// Counts the tokens of a piece.
    pub fn count(&self, piece: &[u8]) -> u64 {
        match piece.len() {
            0 => 0,
            _ if self.rank(piece).is_some() => 1,
            _ => self.merged(piece),
        }
    }

    /// Merges neighbours, those of the lowest rank first, until none make a token.
    fn merged(&self, piece: &[u8]) -> u64 {
        // Where the part that begins here ends, or nothing where none does; and where the part before begins.
        let mut ends: Vec<usize> = (1..=piece.len()).collect();
        let mut before: Vec<usize> = (0..=piece.len()).map(|at| at.saturating_sub(1)).collect();
        let mut parts = piece.len() as u64;
        let pair = |ends: &[usize], start: usize| {
            let end = *ends.get(*ends.get(start)?)?;
            Some(Reverse((self.rank(piece.get(start..end)?)?, start, end)))
        };
        let mut pairs: BinaryHeap<_> = (0..piece.len()).filter_map(|start| pair(&ends, start)).collect();
        while let Some(Reverse((_, start, end))) = pairs.pop() {
            let middle = ends.get(start).copied().unwrap_or(0);
            // Of a pair that was split up by another one nothing is left.
            if middle == 0 || ends.get(middle) != Some(&end) {
                continue;
            }
            (ends[start], ends[middle], before[end]) = (end, 0, start);
            parts -= 1;
            pairs.extend(pair(&ends, start));
            if start > 0 {
                pairs.extend(pair(&ends, before[start]));
            }
        }
        parts
    }

    fn rank(&self, token: &[u8]) -> Option<u32> {
        let ranks = self.probe(token).map_while(|slot| self.slots.get(slot).filter(|rank| **rank != EMPTY));
        ranks.copied().find(|rank| self.token(*rank as usize) == Some(token))
    }

    fn token(&self, rank: usize) -> Option<&[u8]> {
        let start = rank.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(start as usize..*self.ends.get(rank)? as usize)
    }

    /// Returns the slots in which a token may stand, in their order.
    fn probe(&self, token: &[u8]) -> impl Iterator<Item = usize> + use<> {
        let mask = self.slots.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the mask takes what is left")]
        let first = xxh3_64(token) as usize;
        (0..=mask).map(move |step| first.wrapping_add(step) & mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(tokens: &[&str], piece: &str) -> u64 {
        Table::new(tokens.iter().map(|token| token.as_bytes().to_vec())).count(piece.as_bytes())
    }

    #[test]
    fn the_lowest_rank_is_merged_first_and_of_two_the_first() {
        let tokens = ["a", "b", "c", "bc", "ab", "abc"];
        assert_eq!(count(&tokens, ""), 0);
        assert_eq!(count(&tokens, "abc"), 1, "a whole token");
        assert_eq!(count(&tokens, "abcabc"), 2, "a+bc is abc, twice");
        assert_eq!(count(&["a", "b", "c", "bc", "ab"], "abc"), 2);
        assert_eq!(count(&["a", "aa", "aaa"], "aaaaa"), 2, "aa aa a, and then aa aaa");
        assert_eq!(count(&["a"], "xyz"), 3, "what is no token is as many as its bytes");
    }
}
