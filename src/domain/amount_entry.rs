//! How much a cap is to be, as people type it: `250`, `1.5k`, `+25%`, `-10%`, `x2`, `1000 calls`, `none`.

use super::cap::Limit;
use super::cap_text;
use super::money::Money;
use super::tokens::Tokens;

/// The most money that can be typed, in dollars: more is taken for a slip.
const MOST: i64 = 10_000_000;
/// A dollar and a cent in nanodollars.
const DOLLAR: i64 = 1_000_000_000;
const CENT: i64 = 10_000_000;
/// Factors are read to so many places.
const PLACES: usize = 4;
/// One in ten-thousandths, as factors are told.
const ONE: u128 = 10_000;
/// What a step up or down is, in ten-thousandths: five in a hundred.
const STEP: u128 = 500;

/// Reads an amount. `before` is the one that is saved, which a change in per cent or a factor is of.
///
/// The error says what was expected.
pub fn read(text: &str, before: Option<Limit>) -> Result<Limit, String> {
    let text = text.trim();
    let limit = match factor(text)? {
        Some(factor) => {
            let before = before.filter(|before| before.size().is_some_and(|size| size > 0));
            let before = before.ok_or_else(|| format!("`{text}` of what? there is no amount yet"))?;
            times(before, factor)
        }
        None => cap_text::limit(&thousands(text)?)?,
    };
    match limit {
        Limit::Money(money) if money.nanos() > MOST * DOLLAR => {
            Err(format!("{} is more than {MOST} dollars: is that meant?", money.rounded(2)))
        }
        limit => Ok(limit),
    }
}

/// Returns an amount that is five in a hundred more.
pub fn raised(limit: Limit) -> Limit {
    times(limit, ONE + STEP)
}

/// Returns an amount that is five in a hundred less.
pub fn lowered(limit: Limit) -> Limit {
    times(limit, ONE - STEP)
}

/// Reads `+25%`, `-10%`, `x2` or `x1.5` as ten-thousandths; `None` where it is none of these.
fn factor(text: &str) -> Result<Option<u128>, String> {
    let wrong = || format!("`{text}` is no change: expected one like +25%, -10% or x2");
    if let Some(number) = text.strip_prefix(['x', 'X', '×']) {
        let factor = decimal(number.trim(), PLACES).filter(|factor| *factor > 0).ok_or_else(wrong)?;
        return Ok(Some(factor));
    }
    let Some(number) = text.strip_suffix('%') else { return Ok(None) };
    let (up, number) = match (number.strip_prefix('+'), number.strip_prefix('-')) {
        (Some(number), _) => (true, number),
        (_, Some(number)) => (false, number),
        _ => return Err(wrong()),
    };
    let share = decimal(number.trim(), PLACES - 2).ok_or_else(wrong)?;
    let factor = if up { ONE.checked_add(share) } else { ONE.checked_sub(share) };
    factor.filter(|factor| *factor > 0).map(Some).ok_or_else(wrong)
}

/// Reads a number with at most so many places, as a whole number of its last place.
fn decimal(text: &str, places: usize) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || part.len() > places || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

/// Returns the amount with a `k` or `M` after its number written out: `1.5k calls` is `1500 calls`.
fn thousands(text: &str) -> Result<String, String> {
    let (number, unit) = text.split_once(' ').map_or((text, ""), |(number, unit)| (number, unit.trim()));
    let letters = [('k', 3), ('K', 3), ('m', 6), ('M', 6)];
    let found =
        letters.iter().find_map(|(letter, zeros)| number.strip_suffix(*letter).map(|rest| (rest, *zeros)));
    let Some((rest, zeros)) = found else { return Ok(text.to_owned()) };
    let plain = rest.strip_prefix('$').unwrap_or(rest);
    let written =
        decimal(plain, zeros).ok_or_else(|| format!("`{text}` is no amount: expected one like 1.5k"))?;
    Ok(format!("{written} {unit}").trim_end().to_owned())
}

/// Multiplies an amount by ten-thousandths. Money from a dollar on is rounded to the cent, everything else to its
/// smallest part; half is rounded up, and what was something stays something.
fn times(limit: Limit, factor: u128) -> Limit {
    let scaled = |size: u64| {
        let exact = u128::from(size).saturating_mul(factor);
        let rounded = (exact + ONE / 2) / ONE;
        i64::try_from(rounded).unwrap_or(i64::MAX).max(i64::from(size > 0))
    };
    match limit {
        Limit::Money(_) => {
            let nanos = scaled(limit.size().unwrap_or(0));
            let cents = nanos.saturating_add(CENT / 2) / CENT;
            let whole = if nanos >= DOLLAR { cents.saturating_mul(CENT) } else { nanos };
            Limit::Money(Money::from_nanos(whole))
        }
        Limit::Calls(calls) => Limit::Calls(scaled(calls).unsigned_abs()),
        Limit::Tokens(tokens) => Limit::Tokens(Tokens::new(scaled(tokens.count()).unsigned_abs())),
        Limit::Uncapped(unit) => Limit::Uncapped(unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn saved(text: &str) -> Option<Limit> {
        (!text.is_empty()).then(|| cap_text::limit(text).expect("an amount"))
    }

    #[track_caller]
    fn check(text: &str, before: &str, want: &str) {
        assert_eq!(read(text, saved(before)).map(|limit| limit.to_string()), Ok(want.to_owned()), "{text}");
    }

    #[test]
    fn an_amount_is_typed_in_many_ways() {
        check("250", "", "250.00");
        check(" $2.5k ", "", "2500.00");
        check("1.5k calls", "", "1500 calls");
        check("2M tokens", "", "2000000 tokens");
        check("+25%", "200", "250.00");
        check("-10%", "200", "180.00");
        check("+12.5%", "1000 calls", "1125 calls");
        check("x2", "33.33", "66.66");
        check("x0.5", "33.33", "16.67");
        check("+5%", "33.33", "35.00");
        check("+5%", "0.01", "0.0105");
        check("none", "200", "none");
        check("0", "200", "0.00");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let refused = |text: &str, before: &str| read(text, saved(before)).expect_err("a fault");
        assert!(refused("+25%", "").contains("there is no amount yet"));
        assert!(refused("x2", "none").contains("there is no amount yet"));
        assert!(refused("10000001", "").contains("is that meant"));
        assert!(refused("x9999999", "200").contains("is that meant"));
        for text in
            ["", "x", "x0", "-100%", "-101%", "25%", "+%", "1e3", "1..5k", "1.2345k", "-5", "x1.00001"]
        {
            refused(text, "200");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_amount_or_a_fault(
            text in "([0-9]{0,9}|[.]|%|[+]|-|x|k|M| |calls|tokens|none|가){0,6}", size in 0_i64..1 << 60,
        ) {
            let before = Limit::Money(Money::from_nanos(size));
            if let Ok(Limit::Money(money)) = read(&text, Some(before)) {
                prop_assert!(money >= Money::ZERO && money.nanos() <= MOST * DOLLAR);
            }
        }

        #[test]
        fn a_step_up_is_more_and_a_step_down_is_less(size in 30 * CENT..MOST * DOLLAR) {
            let limit = Limit::Money(Money::from_nanos(size));
            prop_assert!(raised(limit).size() > limit.size() && lowered(limit).size() < limit.size());
        }

        #[test]
        fn a_factor_of_one_changes_only_parts_of_a_cent(size in 0_i64..1 << 60) {
            let Limit::Money(money) = times(Limit::Money(Money::from_nanos(size)), ONE) else { panic!("money") };
            prop_assert!((money.nanos() - size).abs() <= CENT / 2);
        }
    }
}
