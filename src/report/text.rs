//! Numbers as text in reports: one place, the same everywhere.

use crate::domain::rollup::Sums;

/// Returns money for people: two decimals, four below a dollar, marked where calls are unpriced.
///
/// Nothing unpriced is ever shown as a plain zero.
pub fn money(sums: &Sums) -> String {
    let places = if sums.cost.nanos().abs() < 1_000_000_000 { 4 } else { 2 };
    let nanos = sums.cost.nanos();
    let known = match (nanos, sums.cost.rounded(places)) {
        (1..50_000, _) => "<$0.0001".to_owned(),
        (_, text) => text.strip_prefix('-').map_or_else(|| format!("${text}"), |text| format!("-${text}")),
    };
    match sums.unpriced {
        0 => known,
        unpriced if unpriced == sums.calls => "unpriced".to_owned(),
        1 => format!("{known} + 1 call unpriced"),
        unpriced => format!("{known} + {unpriced} calls unpriced"),
    }
}

/// Returns a count with thousands apart: `12,345`.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns an unsigned count with thousands apart.
pub fn tokens(number: u64) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;

    #[test]
    fn unpriced_calls_stay_visible() {
        let sums = Sums { calls: 5, unpriced: 3, cost: Money::from_nanos(12_340_000_000), ..Sums::default() };
        assert_eq!(money(&sums), "$12.34 + 3 calls unpriced");
        assert_eq!(money(&Sums { unpriced: 5, cost: Money::ZERO, ..sums }), "unpriced");
        assert_eq!(money(&Sums { unpriced: 0, ..sums }), "$12.34");
        let tiny = Sums { calls: 1, cost: Money::from_nanos(35_000), ..Sums::default() };
        assert_eq!(money(&tiny), "<$0.0001");
        assert_eq!(money(&Sums { cost: Money::from_nanos(-1_000_000_000), ..tiny }), "-$1.00");
        assert_eq!(count(-1_234_567), "-1,234,567");
    }
}
