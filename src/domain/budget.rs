//! The sums of one account in one period, and the movements that change them.

use super::amount::{Amount, Unit};

/// What is settled, what is charged without proof, and what is held by calls in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Charged, with the provider's own count.
    pub settled: Amount,
    /// Charged in full, because nobody can say what was billed. Counts against the cap.
    pub uncertain: Amount,
    /// Set aside for calls in flight.
    pub reserved: Amount,
}

/// A change of one budget: every part that is not named is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "a movement that is not applied leaves the books out of balance"]
pub struct Movement {
    /// Added to `reserved`.
    pub reserve: Amount,
    /// Taken from `reserved`.
    pub release: Amount,
    /// Added to `settled`.
    pub settle: Amount,
    /// Added to `uncertain`.
    pub doubt: Amount,
    /// Taken from `uncertain`.
    pub clear: Amount,
}

/// Why a movement cannot be: the books would show less than nothing, or more than they can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// More would be taken than is there: something was taken twice.
    #[error("the books do not balance: more would be taken than is held")]
    BelowZero,
    /// The sum does not fit.
    #[error("the sum is larger than the books can hold")]
    TooLarge,
}

impl Budget {
    /// Returns the budget after a movement. An error leaves everything as it was: the caller refuses,
    /// counts it and shows it.
    pub fn apply(self, movement: Movement) -> Result<Budget, Imbalance> {
        let change = |sum: Amount, more: Amount, less: Amount| {
            sum.plus(more).ok_or(Imbalance::TooLarge)?.minus(less).ok_or(Imbalance::BelowZero)
        };
        Ok(Budget {
            settled: change(self.settled, movement.settle, Amount::ZERO)?,
            uncertain: change(self.uncertain, movement.doubt, movement.clear)?,
            reserved: change(self.reserved, movement.reserve, movement.release)?,
        })
    }

    /// Returns the sum of two budgets, or `None` where it does not fit.
    pub fn plus(self, other: Budget) -> Option<Budget> {
        Some(Budget {
            settled: self.settled.plus(other.settled)?,
            uncertain: self.uncertain.plus(other.uncertain)?,
            reserved: self.reserved.plus(other.reserved)?,
        })
    }

    /// Returns what is charged, proven or not.
    pub fn spent(&self, unit: Unit) -> u128 {
        let uncertain = if mutant!("uncertain-is-free") { 0 } else { self.uncertain.of(unit) };
        u128::from(self.settled.of(unit)) + u128::from(uncertain)
    }

    /// Returns the exposure: charged plus held.
    pub fn exposure(&self, unit: Unit) -> u128 {
        self.spent(unit) + u128::from(self.reserved.of(unit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;
    use crate::domain::tokens::Tokens;

    fn nanos(nanos: i64) -> Amount {
        Amount::new(Money::from_nanos(nanos), 1, Tokens::ZERO).expect("fits")
    }

    #[test]
    fn a_release_that_was_never_reserved_is_an_error_and_not_zero() {
        let movement = Movement { release: nanos(1), ..Movement::default() };
        assert_eq!(Budget::default().apply(movement), Err(Imbalance::BelowZero));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let full = Budget { settled: nanos(i64::MAX), ..Budget::default() };
        let movement = Movement { settle: nanos(1), ..Movement::default() };
        assert_eq!(full.apply(movement), Err(Imbalance::TooLarge));
        assert_eq!(full.plus(full), None);
    }

    #[test]
    fn held_and_doubtful_money_counts() {
        let budget = Budget { settled: nanos(1), uncertain: nanos(20), reserved: nanos(300) };
        assert_eq!((budget.spent(Unit::Money), budget.exposure(Unit::Money)), (21, 321));
        assert_eq!(budget.exposure(Unit::Calls), 3);
    }
}
