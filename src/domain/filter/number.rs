//! Numbers of a filter: `80%`, `$0.05`, `10k`, `1.5M`, `30s`. Whole numbers of billionths, never a float.

use std::fmt;

/// What stands at a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nothing.
    Plain,
    /// `%`.
    Percent,
    /// `$`.
    Dollars,
    /// `s`, `m`, `h` or `d`: the number is of seconds.
    Seconds,
}

/// A number in billionths, and its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) billionths: i128,
    pub(super) unit: Unit,
}

const BILLION: i128 = 1_000_000_000;
/// The most digits before the point.
const DIGITS: usize = 18;

impl Number {
    /// Reads a number; `None` where it is none.
    pub(super) fn parse(text: &str) -> Option<Number> {
        let (dollars, rest) = text.strip_prefix('$').map_or((false, text), |rest| (true, rest));
        let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(split);
        let (factor, unit) = match suffix {
            "" => (1, Unit::Plain),
            "k" => (1_000, Unit::Plain),
            "M" => (1_000_000, Unit::Plain),
            "$" => (1, Unit::Dollars),
            "%" => (1, Unit::Percent),
            "s" => (1, Unit::Seconds),
            "m" => (60, Unit::Seconds),
            "h" => (3_600, Unit::Seconds),
            "d" => (86_400, Unit::Seconds),
            _ => return None,
        };
        if dollars && unit != Unit::Plain {
            return None;
        }
        let unit = if dollars { Unit::Dollars } else { unit };
        Some(Number { billionths: decimal(digits)?.checked_mul(factor)?, unit })
    }
}

/// Reads digits with at most one point and nine places after it, in billionths.
fn decimal(digits: &str) -> Option<i128> {
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let none = whole.is_empty() && rest.is_empty();
    if none || whole.len() > DIGITS || rest.len() > 9 || !is_number(whole) || !is_number(rest) {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let rest: i128 = format!("{rest:0<9}").parse().ok()?;
    whole.checked_mul(BILLION)?.checked_add(rest)
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit == Unit::Dollars {
            f.write_str("$")?;
        }
        write!(f, "{}", self.billionths / BILLION)?;
        let rest = format!("{:09}", self.billionths % BILLION);
        let rest = rest.trim_end_matches('0');
        if !rest.is_empty() {
            write!(f, ".{rest}")?;
        }
        f.write_str(match self.unit {
            Unit::Plain | Unit::Dollars => "",
            Unit::Percent => "%",
            Unit::Seconds => "s",
        })
    }
}
