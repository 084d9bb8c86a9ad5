//! Instants as ledgers write them.

use crate::domain::time::Timestamp;

/// The unit of a number that stands for an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Told from the size (`ledger-formats.md` 0.4).
    #[default]
    Auto,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Parses instants like [`parse`], quickly where one follows another in the same minute.
#[derive(Debug, Default)]
pub struct Clock {
    /// The last instant read in the plain spelling, up to its seconds, and the start of that minute.
    minute: [u8; 17],
    start: i64,
}

impl Clock {
    /// Parses an instant.
    pub fn parse(&mut self, text: &[u8]) -> Option<Timestamp> {
        if let Ok(plain) = <&[u8; 24]>::try_from(text) {
            if let Some(at) = self.same_minute(plain) {
                return Some(at);
            }
            let Some(at) = parse_plain(text) else { return parse(std::str::from_utf8(text).ok()?) };
            self.minute.copy_from_slice(&plain[..17]);
            self.start = at.millis().div_euclid(60_000) * 60_000;
            return Some(at);
        }
        parse(std::str::from_utf8(text).ok()?)
    }

    fn same_minute(&self, text: &[u8; 24]) -> Option<Timestamp> {
        let [.., tens, ones, point, tenths, hundredths, thousandths, zone] = text;
        let digits = [tens, ones, tenths, hundredths, thousandths].map(|digit| i64::from(digit ^ b'0'));
        let plain = text[..17] == self.minute && (*point, *zone) == (b'.', b'Z');
        let [tens, ones, tenths, hundredths, thousandths] = digits;
        (plain && tens < 6 && digits.iter().all(|&digit| digit <= 9)).then(|| {
            let millis = (tens * 10 + ones) * 1000 + tenths * 100 + hundredths * 10 + thousandths;
            Timestamp::from_millis(self.start + millis)
        })
    }
}

/// Parses an instant: RFC 3339 with 0 to 9 or more fraction digits and any offset, a naive date and
/// time (taken for UTC), a date alone, or an epoch number whose unit is told from its size.
///
/// `None` where it is neither, or lies outside the years 1970 to 9999.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    parse_calendar(text.as_bytes()).or_else(|| parse_number(text, Unit::Auto))
}

/// Parses an epoch number, whole or with a fraction, in the given unit.
pub fn parse_number(text: &str, unit: Unit) -> Option<Timestamp> {
    let text = text.trim();
    let (whole, places) = scaled(text)?;
    let unit = match unit {
        Unit::Auto if whole < 100_000_000_000 => Unit::Seconds,
        Unit::Auto if whole < 100_000_000_000_000 => Unit::Millis,
        Unit::Auto if whole < 100_000_000_000_000_000 => Unit::Micros,
        Unit::Auto => Unit::Nanos,
        fixed => fixed,
    };
    let millis = match unit {
        Unit::Auto | Unit::Seconds => whole.checked_mul(1000)? + places,
        Unit::Millis => whole,
        Unit::Micros => whole / 1000,
        Unit::Nanos => whole / 1_000_000,
    };
    within(i64::try_from(millis).ok()?)
}

/// Splits a number into its whole part and its first three decimals.
fn scaled(text: &str) -> Option<(i128, i128)> {
    if text.contains(['e', 'E']) {
        let nanos = crate::domain::money::Money::parse_scaled(text, 3)?.nanos();
        return (nanos >= 0).then_some((i128::from(nanos / 1000), i128::from(nanos % 1000)));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut places = 0;
    for index in 0..3 {
        places = places * 10 + i128::from(fraction.as_bytes().get(index).map_or(0, |byte| byte - b'0'));
    }
    Some((whole.parse().ok()?, places))
}

/// Parses `YYYY-MM-DD[(T| )HH:MM[:SS[.f…]][Z|±HH[:]MM| UTC]]`. Without an offset it is UTC.
pub fn parse_calendar(text: &[u8]) -> Option<Timestamp> {
    parse_plain(text).or_else(|| parse_any(text))
}

/// Parses the spelling that nearly all programs write, `YYYY-MM-DDTHH:MM:SS.mmmZ`, in one sweep.
fn parse_plain(text: &[u8]) -> Option<Timestamp> {
    let text: &[u8; 24] = text.try_into().ok()?;
    let marks = [text[4], text[7], text[10], text[13], text[16], text[19], text[23]];
    let digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22].map(|at| text[at] ^ b'0');
    if &marks != b"--T::.Z" || digits.iter().any(|&digit| digit > 9) {
        return None;
    }
    let pair = |at: usize| i64::from(digits[at]) * 10 + i64::from(digits[at + 1]);
    let (hour, minute, second) = (pair(8), pair(10), pair(12));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = days_from_civil(pair(0) * 100 + pair(2), pair(4), pair(6))?;
    let millis = pair(14) * 10 + i64::from(digits[16]);
    within(((day * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis)
}

fn parse_any(text: &[u8]) -> Option<Timestamp> {
    let day = days_from_civil(digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?)?;
    if text.get(4) != Some(&b'-') || text.get(7) != Some(&b'-') {
        return None;
    }
    let date = day * 86_400_000;
    let Some(separator) = text.get(10) else { return within(date) };
    if !matches!(separator, b'T' | b't' | b' ' | b'_') || text.get(13) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (digits(text, 11, 2)?, digits(text, 14, 2)?);
    let (mut second, mut millis, mut at) = (0, 0, 16);
    if text.get(at) == Some(&b':') {
        second = digits(text, 17, 2)?;
        at = 19;
        if matches!(text.get(at), Some(b'.' | b',')) {
            let fraction = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if fraction == 0 {
                return None;
            }
            for index in 0..3 {
                let digit = if index < fraction { i64::from(text[at + 1 + index] - b'0') } else { 0 };
                millis = millis * 10 + digit;
            }
            at += 1 + fraction;
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let clock = ((hour * 60 + minute) * 60 + second.min(59)) * 1000 + millis;
    within(date + clock - offset(&text[at..])?)
}

/// Parses what follows the clock: an offset in milliseconds.
fn offset(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let sign = match text.first() {
        None => return Some(0),
        Some(b'Z' | b'z') if text.len() == 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return (text.eq_ignore_ascii_case(b"UTC")).then_some(0),
    };
    let hours = digits(text, 1, 2)?;
    let minutes = match (text.len(), text.get(3)) {
        (3, _) => 0,
        (6, Some(b':')) => digits(text, 4, 2)?,
        (5, _) => digits(text, 3, 2)?,
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

fn digits(text: &[u8], from: usize, count: usize) -> Option<i64> {
    let mut value = 0_i64;
    for byte in text.get(from..from + count)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

/// Days since 1970-01-01 of a proleptic Gregorian date; `None` where there is no such day.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > length {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

fn within(millis: i64) -> Option<Timestamp> {
    (0..=Timestamp::MAX.millis()).contains(&millis).then_some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, millis: Option<i64>) {
        assert_eq!(parse(text).map(Timestamp::millis), millis, "{text}");
    }

    #[test]
    fn every_spelling_of_one_instant_is_the_same() {
        for text in [
            "2026-06-20T10:00:00.5Z",
            "2026-06-20T10:00:00.500Z",
            "2026-06-20t10:00:00.500000001z",
            "2026-06-20T19:00:00.5+09:00",
            "2026-06-20T04:30:00.5-0530",
            "2026-06-20 10:00:00.500",
            "2026-06-20 10:00:00.5 UTC",
            "1781949600.5",
            "1781949600500",
            "1781949600500000",
            "1781949600500000000",
            "1.7819496005e9",
        ] {
            check(text, Some(1_781_949_600_500));
        }
        check("2026-06-20", Some(1_781_913_600_000));
        check("2026-06-20T10:00Z", Some(1_781_949_600_000));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "today",
            "2026-02-30",
            "2026-13-01",
            "2026-06-20T25:00:00Z",
            "-5",
            "1969-12-31",
            "99999-01-01",
            "2026-06-20T10:00:00.Z",
            "2026-06-20T10:00:00+99:00",
            "2026-06-20x",
            "1e400",
            "0x12",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn agrees_with_the_calendar_library(millis in 0_i64..253_402_300_799_999) {
            let written = jiff::Timestamp::from_millisecond(millis).expect("in range").to_string();
            prop_assert_eq!(parse(&written).map(Timestamp::millis), Some(millis));
        }

        #[test]
        fn a_clock_reads_what_a_single_look_reads(
            texts in proptest::collection::vec(
                "2026-10-0[12]T0[0-2]:0[0-2]:[0-6][0-9]\\.[0-9]{3}Z|2026-10-01T00:00:[0-9:x]{2}[.,][0-9]{3}[Zz]|[0-9]{10}", 1..20,
            ),
        ) {
            let mut clock = Clock::default();
            for text in &texts {
                prop_assert_eq!(clock.parse(text.as_bytes()), parse(text), "{}", text);
            }
        }

        #[test]
        fn the_plain_spelling_is_read_as_by_the_long_way(
            text in "[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{3}Z",
        ) {
            if let Some(plain) = parse_plain(text.as_bytes()) {
                prop_assert_eq!(Some(plain), parse_any(text.as_bytes()));
            }
        }
    }
}
