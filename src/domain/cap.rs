//! A cap: how much may be spent on a scope in a window, and what happens past it.

use std::fmt;

use super::amount::{Amount, Unit};
use super::call::ModelId;
use super::label::Label;
use super::money::Money;
use super::scope::Scope;
use super::time::Timestamp;
use super::tokens::Tokens;
use super::window::Window;

/// The number of a change of the caps: it grows by one with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapRev(pub u64);

/// Hundredths of a per cent: 8,000 is 80 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fraction(u16);

impl Fraction {
    /// All of it.
    pub const WHOLE: Fraction = Fraction(10_000);

    /// Takes hundredths of a per cent, 1 to 10,000.
    pub const fn from_basis(basis: u16) -> Option<Fraction> {
        if basis >= 1 && basis <= Fraction::WHOLE.0 { Some(Fraction(basis)) } else { None }
    }

    /// Returns the hundredths of a per cent.
    pub const fn basis(self) -> u16 {
        self.0
    }

    /// Says whether `part` of `whole` is at least this fraction.
    pub fn reached(self, part: u128, whole: u64) -> bool {
        part.saturating_mul(u128::from(Fraction::WHOLE.0)) >= u128::from(whole) * u128::from(self.0)
    }
}

impl fmt::Display for Fraction {
    /// Writes the per cent without a sign: `80`, `99.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}"),
            rest if rest % 10 == 0 => write!(f, "{whole}.{}", rest / 10),
            rest => write!(f, "{whole}.{rest:02}"),
        }
    }
}

/// How much. Zero blocks; no limit at all is a statement too, and a row of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Money, not negative.
    Money(Money),
    /// Calls.
    Calls(u64),
    /// Tokens, read and written.
    Tokens(Tokens),
    /// No cap in this unit, said explicitly. It takes back an earlier cap of the same scope, window and
    /// unit; it lifts no other.
    Uncapped(Unit),
}

impl Limit {
    /// Returns what it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Limit::Money(_) => Unit::Money,
            Limit::Calls(_) => Unit::Calls,
            Limit::Tokens(_) => Unit::Tokens,
            Limit::Uncapped(unit) => unit,
        }
    }

    /// Returns the limit in its unit (nanodollars, calls, tokens); `None` where there is none.
    pub const fn size(self) -> Option<u64> {
        match self {
            Limit::Uncapped(_) => None,
            Limit::Money(money) if money.nanos() < 0 => Some(0),
            Limit::Money(money) => Some(money.nanos().unsigned_abs()),
            Limit::Calls(calls) => Some(calls),
            Limit::Tokens(tokens) => Some(tokens.count()),
        }
    }
}

/// Whether a cap refuses or only warns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nothing passes it.
    #[default]
    Hard,
    /// It warns and lets pass.
    Soft,
}

/// What a hard cap does with a call that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnBreach {
    /// Refuses it.
    #[default]
    Reject,
    /// Offers a cheaper model instead.
    Downgrade(ModelId),
}

/// The share at which a cap warns where nothing else is said: 80 %.
const WARN_AT: Fraction = Fraction(8_000);

/// A cap. [`Cap::parse`] and `Display` give its one text form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cap {
    /// What it is set on.
    pub scope: Scope,
    /// How much.
    pub limit: Limit,
    /// In which stretch of time.
    pub window: Window,
    /// Whether it refuses.
    pub mode: Mode,
    /// What happens to a call that does not fit; for hard caps.
    pub on_breach: OnBreach,
    /// The shares of the limit at which it warns, rising, each once.
    pub warn_at: Vec<Fraction>,
    /// When it is over: from this instant on the cap before it is back. `None`: it stays.
    pub until: Option<Timestamp>,
    /// Why it is as it is, in the words of whoever set it; may be empty.
    pub note: Label,
}

/// What tells caps apart: a new cap of the same key takes the place of the old one.
pub type CapKey = (Scope, Window, Unit);

impl Cap {
    /// Returns a hard cap that refuses and warns at 80 %.
    pub fn new(scope: Scope, limit: Limit, window: Window) -> Cap {
        Cap {
            scope,
            limit,
            window,
            mode: Mode::Hard,
            on_breach: OnBreach::Reject,
            warn_at: vec![WARN_AT],
            until: None,
            note: Label::new(""),
        }
    }

    /// Returns what tells it apart from other caps.
    pub const fn key(&self) -> CapKey {
        (self.scope, self.window, self.limit.unit())
    }

    /// Returns the size of an amount in this cap's unit.
    pub const fn measure(&self, amount: Amount) -> u64 {
        amount.of(self.limit.unit())
    }

    /// Says whether it warns where nothing is said about warnings.
    pub(super) fn warns_as_usual(&self) -> bool {
        self.warn_at == [WARN_AT]
    }
}

/// One change of the caps: a row of the audit trail. The newest of a key is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub rev: CapRev,
    /// The cap from then on.
    pub cap: Cap,
    /// Who changed it.
    pub by: Label,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_is_reached_exactly_at_its_part(basis in 1_u16..=10_000, whole in 1_u64..1 << 62) {
            let share = Fraction::from_basis(basis).expect("in range");
            let part = (u128::from(whole) * u128::from(basis)).div_ceil(10_000);
            prop_assert!(share.reached(part, whole));
            prop_assert!(part == 0 || !share.reached(part - 1, whole));
        }
    }

    #[test]
    fn a_share_lies_between_a_hundredth_of_a_per_cent_and_all() {
        assert_eq!((Fraction::from_basis(0), Fraction::from_basis(10_001)), (None, None));
        let shown = [5_000, 9_950, 9_955, 5].map(|basis| Fraction(basis).to_string());
        assert_eq!(shown, ["50", "99.5", "99.55", "0.05"]);
    }

    #[test]
    fn a_limit_below_zero_blocks() {
        assert_eq!(Limit::Money(Money::from_nanos(-5)).size(), Some(0));
    }
}
