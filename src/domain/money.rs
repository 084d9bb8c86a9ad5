//! Money in whole numbers: nanodollars, picodollars per token, and the exact sum between them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use super::tokens::Tokens;

/// Picodollars in one nanodollar.
const PICOS_PER_NANO: u64 = 1_000;
/// Nanodollars in one dollar.
const NANOS_PER_DOLLAR: i64 = 1_000_000_000;

/// Nanodollars. 1 USD = 1,000,000,000. Sums stop at the ends of the range instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Picodollars per token (or per unit). $1 per million tokens = 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

/// Picodollars, not yet rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(u128);

impl Money {
    /// No money.
    pub const ZERO: Money = Money(0);

    /// Takes nanodollars.
    pub const fn from_nanos(nanos: i64) -> Money {
        Money(nanos)
    }

    /// Returns the nanodollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Parses a decimal number of dollars such as `12.5`, `-0.3`, `1.25e-05` or `0E-6176`.
    ///
    /// Digits past the ninth place are rounded to the nearest nanodollar, halves away from zero:
    /// such digits are the float noise of the program that wrote them. `None` where it is no
    /// number or does not fit.
    pub fn parse_dollars(text: &str) -> Option<Money> {
        Money::parse_scaled(text, 9)
    }

    /// Parses a decimal number whose unit is `10^-places` nanodollar-digits: 9 for dollars, 7 for
    /// cents, 3 for micro-dollars, 0 for nanodollars.
    pub fn parse_scaled(text: &str, places: i32) -> Option<Money> {
        let (negative, value) = decimal(text, places, Rounding::Nearest)?;
        let value = i64::try_from(value).ok()?;
        Some(Money(if negative { -value } else { value }))
    }

    /// Returns the sum, held at the ends of the range.
    #[must_use]
    pub const fn saturating_add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }

    /// Returns the dollars with all nine places, as in `0.006400000`.
    pub fn to_dollars(self) -> String {
        self.to_string()
    }

    /// Returns the dollars rounded half away from zero to `places` (0 to 9) decimals.
    pub fn rounded(self, places: u32) -> String {
        let places = places.min(9);
        let step = 10_i64.pow(9 - places);
        let units = i128::from(self.0);
        let half = i128::from(step / 2) * units.signum();
        let rounded = (units + half) / i128::from(step);
        let scale = 10_i128.pow(places);
        let sign = if rounded < 0 { "-" } else { "" };
        let (whole, rest) = (rounded.abs() / scale, rounded.abs() % scale);
        if places == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{rest:0width$}", width = places as usize)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let dollar = NANOS_PER_DOLLAR.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:09}", magnitude / dollar, magnitude % dollar)
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        self.saturating_add(other)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(self.0.saturating_neg())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(iter: I) -> Money {
        iter.fold(Money::ZERO, Add::add)
    }
}

impl Rate {
    /// A price of nothing, stated as such.
    pub const FREE: Rate = Rate(0);

    /// Takes picodollars per token.
    pub const fn from_picos(picos: u64) -> Rate {
        Rate(picos)
    }

    /// Returns picodollars per token.
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// Parses `"2.50"`, in dollars per million tokens. Never goes through a float.
    ///
    /// `None` where it is no number, negative, or finer than a picodollar per token.
    pub fn per_million(dollars: &str) -> Option<Rate> {
        Rate::parse(dollars, 6)
    }

    /// Parses dollars per single unit, as in `1.25e-05`. Digits past the picodollar are rounded to
    /// the nearest: price files carry float noise there.
    pub fn per_unit(dollars: &str) -> Option<Rate> {
        let (negative, value) = decimal(dollars, 12, Rounding::Nearest)?;
        let value = u64::try_from(value).ok()?;
        (!negative || value == 0).then_some(Rate(value))
    }

    fn parse(text: &str, places: i32) -> Option<Rate> {
        let (negative, value) = decimal(text, places, Rounding::Refuse)?;
        let value = u64::try_from(value).ok()?;
        (!negative || value == 0).then_some(Rate(value))
    }

    /// Returns what `tokens` cost at this rate.
    pub fn of(self, tokens: Tokens) -> Exact {
        Exact(u128::from(self.0) * u128::from(tokens.count()))
    }

    /// Returns this rate times `factor`, rounded up to the picodollar.
    #[must_use]
    pub fn times(self, factor: Factor) -> Rate {
        let product = u128::from(self.0) * u128::from(factor.0);
        let rate = product.div_ceil(u128::from(Factor::ONE.0));
        Rate(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// Returns dollars per million tokens without trailing zeros, at least two decimals: `0.075`.
    pub fn to_per_million(self) -> String {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{rest:06}");
        let kept = digits.trim_end_matches('0').len().max(2);
        format!("{whole}.{}", &digits[..kept])
    }
}

/// A multiplier in ten-thousandths: 11,000 is 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u32);

impl Factor {
    /// Times one.
    pub const ONE: Factor = Factor(10_000);

    /// Takes ten-thousandths.
    pub const fn from_basis(basis: u32) -> Factor {
        Factor(basis)
    }

    /// Returns the ten-thousandths.
    pub const fn basis(self) -> u32 {
        self.0
    }

    /// Parses a decimal factor such as `1.1`; `None` where it is no number, negative or finer
    /// than four places.
    pub fn parse(text: &str) -> Option<Factor> {
        let (negative, value) = decimal(text, 4, Rounding::Refuse)?;
        let value = u32::try_from(value).ok()?;
        (!negative || value == 0).then_some(Factor(value))
    }
}

impl Exact {
    /// Nothing.
    pub const ZERO: Exact = Exact(0);

    /// Returns the picodollars.
    pub const fn picos(self) -> u128 {
        self.0
    }

    /// Returns this amount times `factor`, rounded up to the picodollar.
    #[must_use]
    pub fn times(self, factor: Factor) -> Exact {
        if factor == Factor::ONE {
            return self;
        }
        Exact(self.0.saturating_mul(u128::from(factor.0)).div_ceil(u128::from(Factor::ONE.0)))
    }

    /// Rounds up to nanodollars, once, at the end of a call.
    pub fn round_up(self) -> Money {
        // Nearly every call fits 64 bits, which divide several times faster than 128.
        let nanos = match u64::try_from(self.0) {
            Ok(picos) => u128::from(picos.div_ceil(PICOS_PER_NANO)),
            Err(_) => self.0.div_ceil(u128::from(PICOS_PER_NANO)),
        };
        Money(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

impl Add for Exact {
    type Output = Exact;
    fn add(self, other: Exact) -> Exact {
        Exact(self.0.saturating_add(other.0))
    }
}

impl Sum for Exact {
    fn sum<I: Iterator<Item = Exact>>(iter: I) -> Exact {
        iter.fold(Exact::ZERO, Add::add)
    }
}

/// What to do with digits below the last place kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// Nearest, halves away from zero.
    Nearest,
    /// No such digits may stand there.
    Refuse,
}

/// Parses a JSON-like decimal into its sign and its value in units of `10^-places`.
fn decimal(text: &str, places: i32, rounding: Rounding) -> Option<(bool, u128)> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let digits = || whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0');
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(places);
    let mut value = 0_u128;
    let mut seen = 0_i64;
    for digit in digits() {
        if seen < point {
            value = value.checked_mul(10)?.checked_add(u128::from(digit))?;
        } else if rounding == Rounding::Refuse && digit != 0 {
            return None;
        } else if seen == point && digit >= 5 && point >= 0 {
            value = value.checked_add(1)?;
        }
        seen += 1;
    }
    while value != 0 && seen < point {
        value = value.checked_mul(10)?;
        seen += 1;
    }
    Some((negative, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, nanos: Option<i64>) {
        assert_eq!(Money::parse_dollars(text).map(Money::nanos), nanos, "{text}");
    }

    #[test]
    fn dollars_are_read_exactly_in_every_spelling() {
        check("12.5", Some(12_500_000_000));
        check("-0.3", Some(-300_000_000));
        check("1.25e-05", Some(12_500));
        check("0E-6176", Some(0));
        check("1E2", Some(100_000_000_000));
        check(".5", Some(500_000_000));
        check("0.0002962500000000000003", Some(296_250));
        check("0.00029624999999999999", Some(296_250));
        check("0.0000000005", Some(1));
        check("0.00000000049", Some(0));
        check("5e-12", Some(0));
        check("9e-11", Some(0));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "NaN", "1,5", "1.2.3", "0x1", "1e", "1e400", "99999999999"] {
            check(text, None);
        }
    }

    #[test]
    fn lines_of_one_call_are_rounded_up_once() {
        let rate = Rate::per_million("0.0001").expect("a rate");
        let sum: Exact = [rate.of(Tokens::new(3)), rate.of(Tokens::new(4))].into_iter().sum();
        assert_eq!(sum.round_up(), Money::from_nanos(1));
    }

    #[test]
    fn rates_keep_their_digits() {
        assert_eq!(Rate::per_unit("1.25e-05"), Rate::per_million("12.5"));
        assert_eq!(Rate::per_million("0.075").map(Rate::to_per_million).as_deref(), Some("0.075"));
        assert_eq!(Rate::per_million("15").map(Rate::to_per_million).as_deref(), Some("15.00"));
        assert_eq!(Rate::per_million("0.0000001"), None);
        assert_eq!(Rate::per_million("-1"), None);
    }

    #[test]
    fn display_rounds_half_away_from_zero() {
        assert_eq!(Money::from_nanos(5_000_000).rounded(2), "0.01");
        assert_eq!(Money::from_nanos(-5_000_000).rounded(2), "-0.01");
        assert_eq!(Money::from_nanos(-4_999_999).rounded(2), "0.00");
        assert_eq!(Money::from_nanos(i64::MAX).rounded(0), "9223372037");
    }

    proptest! {
        #[test]
        fn nine_places_round_trip(nanos in any::<i64>()) {
            let money = Money::from_nanos(nanos);
            prop_assume!(nanos != i64::MIN);
            prop_assert_eq!(Money::parse_dollars(&money.to_dollars()), Some(money));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,24}") {
            let _ = Money::parse_dollars(&text);
            let _ = Rate::per_unit(&text);
        }
    }
}
