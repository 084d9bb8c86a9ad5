//! Cutting a span of time into whole days, whole slots, and the calls at its edges.

use super::rollup::{SLOT, SLOTS_PER_DAY};
use crate::domain::calendar::Span;

/// A stretch of a span and the coarsest table that knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Milliseconds, less than a slot at each edge: read from the calls.
    Calls(i64, i64),
    /// Whole slots, by their numbers.
    Slots(i64, i64),
    /// Whole UTC days, by their numbers.
    Days(i64, i64),
}

/// Cuts a span into pieces down to slots, in order of time. `extent` is where there are calls at all,
/// in slots.
pub(super) fn by_slot(span: Span, extent: (i64, i64)) -> Vec<Piece> {
    let start = span.start.millis().max(extent.0.saturating_mul(SLOT));
    let end = span.end.millis().min(extent.1.saturating_mul(SLOT));
    if start >= end {
        return Vec::new();
    }
    let (first, last) = (ceil(start, SLOT), end.div_euclid(SLOT));
    if first > last {
        return vec![Piece::Calls(start, end)];
    }
    let pieces =
        [Piece::Calls(start, first * SLOT), Piece::Slots(first, last), Piece::Calls(last * SLOT, end)];
    pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
}

/// Cuts a span like [`by_slot`], with whole UTC days for the slots inside.
pub(super) fn by_day(span: Span, extent: (i64, i64)) -> Vec<Piece> {
    // Before the first slot and after the last there is nothing: their days can be taken whole.
    let extent = (
        extent.0.div_euclid(SLOTS_PER_DAY) * SLOTS_PER_DAY,
        ceil(extent.1, SLOTS_PER_DAY).saturating_mul(SLOTS_PER_DAY),
    );
    let mut pieces = Vec::new();
    for piece in by_slot(span, extent) {
        match piece {
            Piece::Slots(start, end) => pieces.extend(days(start, end)),
            other => pieces.push(other),
        }
    }
    pieces
}

fn days(start: i64, end: i64) -> Vec<Piece> {
    let (first, last) = (ceil(start, SLOTS_PER_DAY), end.div_euclid(SLOTS_PER_DAY));
    if first >= last {
        return vec![Piece::Slots(start, end)];
    }
    let pieces = [
        Piece::Slots(start, first * SLOTS_PER_DAY),
        Piece::Days(first, last),
        Piece::Slots(last * SLOTS_PER_DAY, end),
    ];
    pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
}

fn ceil(value: i64, step: i64) -> i64 {
    value.div_euclid(step) + i64::from(value.rem_euclid(step) != 0)
}

impl Piece {
    fn is_empty(&self) -> bool {
        let (Piece::Calls(start, end) | Piece::Slots(start, end) | Piece::Days(start, end)) = *self;
        start >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_lie_end_to_end_and_cover_the_span(start in 0_i64..9_000_000_000, length in 1_i64..900_000_000) {
            let span = Span { start: Timestamp::from_millis(start), end: Timestamp::from_millis(start + length) };
            let extent = (0, i64::MAX);
            for pieces in [by_slot(span, extent), by_day(span, extent)] {
                let mut reached = start;
                for piece in pieces {
                    let (from, to) = match piece {
                        Piece::Calls(from, to) => (from, to),
                        Piece::Slots(from, to) => (from * SLOT, to * SLOT),
                        Piece::Days(from, to) => (from * SLOT * SLOTS_PER_DAY, to * SLOT * SLOTS_PER_DAY),
                    };
                    prop_assert_eq!(from, reached);
                    prop_assert!(to > from);
                    reached = to;
                }
                prop_assert_eq!(reached, start + length);
            }
        }
    }
}
