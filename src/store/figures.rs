//! The figures of a sum as the store keeps them: eleven whole numbers that can be taken back.

use rusqlite::Row;

use crate::domain::money::Money;
use crate::domain::rollup::Sums;
use crate::domain::tokens::{TokenCount, Tokens};

/// How many figures a sum has.
pub(super) const COUNT: usize = 11;

/// Their columns, in order.
pub(super) const COLUMNS: [&str; COUNT] = [
    "calls",
    "failed",
    "input",
    "cache_read",
    "cache_write_short",
    "cache_write_long",
    "output",
    "reasoning",
    "cost",
    "reported",
    "unpriced",
];

/// A sum, or the change of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures(pub(super) [i64; COUNT]);

impl Figures {
    /// Returns the figures of a sum.
    pub(super) fn of(sums: &Sums) -> Figures {
        let count = |tokens: Tokens| i64::try_from(tokens.count()).unwrap_or(i64::MAX);
        Figures([
            sums.calls,
            sums.failed,
            count(sums.tokens.input),
            count(sums.tokens.cache_read),
            count(sums.tokens.cache_write_short),
            count(sums.tokens.cache_write_long),
            count(sums.tokens.output),
            count(sums.tokens.reasoning),
            sums.cost.nanos(),
            sums.reported.nanos(),
            sums.unpriced,
        ])
    }

    /// Reads figures from the columns that begin at `first`.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Figures> {
        let mut figures = Figures::default();
        for (index, figure) in figures.0.iter_mut().enumerate() {
            *figure = row.get(first + index)?;
        }
        Ok(figures)
    }

    /// Returns them as a sum.
    pub(super) fn sums(&self) -> Sums {
        let [calls, failed, input, cache_read, short, long, output, reasoning, cost, reported, unpriced] =
            self.0;
        let tokens = |count: i64| Tokens::new(u64::try_from(count).unwrap_or(0));
        Sums {
            calls,
            failed,
            tokens: TokenCount {
                input: tokens(input),
                cache_read: tokens(cache_read),
                cache_write_short: tokens(short),
                cache_write_long: tokens(long),
                output: tokens(output),
                reasoning: tokens(reasoning),
            },
            cost: Money::from_nanos(cost),
            reported: Money::from_nanos(reported),
            unpriced,
        }
    }

    /// Adds; the ends of the range hold.
    pub(super) fn add(&mut self, other: &Figures) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// Takes back; the ends of the range hold.
    pub(super) fn take_back(&mut self, other: &Figures) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_sub(theirs);
        }
    }

    /// Says whether every figure is zero.
    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; COUNT]
    }
}
