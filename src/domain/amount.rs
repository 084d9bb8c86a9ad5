//! What a call takes from its caps, in all three units at once: money, calls, tokens.

use super::money::Money;
use super::tokens::Tokens;

/// What a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Nanodollars.
    Money,
    /// Calls sent upstream.
    Calls,
    /// Tokens of all classes, read and written.
    Tokens,
}

/// Money, calls and tokens together. None of them is ever negative, and each fits a signed 64-bit
/// column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amount {
    money: Money,
    calls: u64,
    tokens: Tokens,
}

/// The largest count that is kept.
const MOST: u64 = i64::MAX.unsigned_abs();

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount { money: Money::ZERO, calls: 0, tokens: Tokens::ZERO };

    /// Returns an amount, or `None` where the money is negative or a count past 2^63.
    ///
    /// A negative amount would hand money back that was never taken.
    pub fn new(money: Money, calls: u64, tokens: Tokens) -> Option<Amount> {
        let negative = money.nanos() < 0 && !mutant!("negative-hold");
        if negative || calls > MOST || tokens.count() > MOST {
            return None;
        }
        Some(Amount { money, calls, tokens })
    }

    /// Returns the money.
    pub const fn money(self) -> Money {
        self.money
    }

    /// Returns the calls.
    pub const fn calls(self) -> u64 {
        self.calls
    }

    /// Returns the tokens.
    pub const fn tokens(self) -> Tokens {
        self.tokens
    }

    /// Returns the size in one unit: nanodollars, calls or tokens.
    pub const fn of(self, unit: Unit) -> u64 {
        match unit {
            Unit::Money => self.money.nanos().unsigned_abs(),
            Unit::Calls => self.calls,
            Unit::Tokens => self.tokens.count(),
        }
    }

    /// Returns the sum, or `None` where it does not fit.
    pub fn plus(self, other: Amount) -> Option<Amount> {
        let money = Money::from_nanos(self.money.nanos().checked_add(other.money.nanos())?);
        let tokens = Tokens::new(self.tokens.count().checked_add(other.tokens.count())?);
        Amount::new(money, self.calls.checked_add(other.calls)?, tokens)
    }

    /// Returns the rest, or `None` where `other` is larger in any unit. There is no clamp at zero: it
    /// would hide that something was taken twice.
    pub fn minus(self, other: Amount) -> Option<Amount> {
        if mutant!("double-release-with-clamp") {
            let money = (self.money - other.money).max(Money::ZERO);
            return Amount::new(money, self.calls.saturating_sub(other.calls), self.tokens - other.tokens);
        }
        let money = Money::from_nanos(self.money.nanos().checked_sub(other.money.nanos())?);
        let tokens = Tokens::new(self.tokens.count().checked_sub(other.tokens.count())?);
        Amount::new(money, self.calls.checked_sub(other.calls)?, tokens)
    }

    /// Returns the larger of the two, unit by unit.
    #[must_use]
    pub fn or_more(self, other: Amount) -> Amount {
        Amount {
            money: self.money.max(other.money),
            calls: self.calls.max(other.calls),
            tokens: self.tokens.max(other.tokens),
        }
    }

    /// Says whether this is larger than `bound` in any unit.
    pub fn passes(self, bound: Amount) -> bool {
        self.or_more(bound) != bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(nanos: i64, calls: u64, tokens: u64) -> Option<Amount> {
        Amount::new(Money::from_nanos(nanos), calls, Tokens::new(tokens))
    }

    #[test]
    fn a_negative_amount_does_not_exist() {
        assert_eq!(amount(-1, 1, 1), None);
        assert_eq!(amount(1, u64::MAX, 1), None);
        assert_eq!(amount(1, 1, u64::MAX), None);
    }

    #[test]
    fn more_cannot_be_taken_than_is_there() {
        let (one, two) = (amount(1, 1, 1).expect("fits"), amount(2, 1, 1).expect("fits"));
        assert_eq!(one.minus(two), None);
        assert_eq!(two.minus(one), amount(1, 0, 0));
        assert_eq!(amount(i64::MAX, 0, 0).expect("fits").plus(one), None);
    }

    proptest! {
        #[test]
        fn what_is_added_can_be_taken_back(
            a in (0..i64::MAX, 0..MOST, 0..MOST), b in (0..i64::MAX, 0..MOST, 0..MOST),
        ) {
            let (a, b) = (amount(a.0, a.1, a.2).expect("fits"), amount(b.0, b.1, b.2).expect("fits"));
            if let Some(sum) = a.plus(b) {
                prop_assert_eq!(sum.minus(b), Some(a));
                prop_assert_eq!(sum.minus(a), Some(b));
            }
            prop_assert!(!a.passes(a.or_more(b)));
            prop_assert_eq!(a.passes(b), [Unit::Money, Unit::Calls, Unit::Tokens].iter().any(|&u| a.of(u) > b.of(u)));
        }
    }
}
