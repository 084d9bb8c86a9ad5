//! Numbers and names as text, in one place.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::domain::burn::Live;
use crate::domain::money::{Money, Rate};
use crate::domain::time::Millis;

/// From here on a table shows whole dollars.
const WHOLE_FROM: i64 = 100_000 * 1_000_000_000;

/// Money in a table: two decimals, from 100 000 none. What is there but rounds to nothing is `<0.01`.
pub fn money(money: Money) -> String {
    if money.nanos() > 0 && money.nanos() < 5_000_000 {
        return "<0.01".to_owned();
    }
    money.rounded(if money.nanos().saturating_abs() >= WHOLE_FROM { 0 } else { 2 })
}

/// Money in the header: `$415.38`, from 1 000 `$7,814`.
pub fn headline(money: Money) -> String {
    let small = money.nanos().saturating_abs() < 1_000 * 1_000_000_000;
    let text = money.rounded(if small { 2 } else { 0 });
    match text.strip_prefix('-') {
        Some(text) => format!("-${}", if small { text.to_owned() } else { grouped(text) }),
        None => format!("${}", if small { text } else { grouped(&text) }),
    }
}

/// What some calls cost, in the header's form: `$415.38`, `?`, `$415.38+?`.
pub fn headline_of(live: &Live) -> String {
    if live.is_unknown() {
        return "?".to_owned();
    }
    let known = headline(live.cost);
    if live.unpriced > 0 { known + "+?" } else { known }
}

/// What some calls cost: `?` where nothing is known, `+?` after what is known in part.
pub fn cost(live: &Live) -> String {
    if live.is_unknown() {
        return "?".to_owned();
    }
    let known = money(live.cost);
    if live.unpriced > 0 { known + "+?" } else { known }
}

/// A rate per million tokens; `?` where it is not known.
pub fn rate(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "?".to_owned(), Rate::to_per_million)
}

/// A count with separators: `41,007`.
pub fn count(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&count.unsigned_abs().to_string()))
}

/// A count in three digits: `812`, `9.6k`, `96k`, `1.21M`.
pub fn short(count: i64) -> String {
    let sign = if count < 0 { "-" } else { "" };
    let value = count.unsigned_abs();
    for (unit, letter) in [(1_000_000_000_000_u64, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")]
    {
        if value >= unit {
            let (whole, rest) = (value / unit, value % unit * 100 / unit);
            return match whole {
                0..10 => format!("{sign}{whole}.{rest:02}{letter}"),
                10..100 => format!("{sign}{whole}.{}{letter}", rest / 10),
                _ => format!("{sign}{whole}{letter}"),
            };
        }
    }
    format!("{sign}{value}")
}

/// A part of a whole: `81.3%`; `-` where the whole is nothing.
pub fn share(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "-".to_owned();
    }
    let tenths = (i128::from(part) * 1000 + i128::from(whole) / 2) / i128::from(whole);
    match tenths {
        1000 => "100%".to_owned(),
        _ => format!("{}.{}%", tenths / 10, (tenths % 10).abs()),
    }
}

/// An age in steps, so that a quiet screen stays as it is: `3s`, `5s`, `10s`, `30s`, `4m`, `2h`.
pub fn age(age: Millis) -> String {
    match age.count() / 1000 {
        0..3 => "0s".to_owned(),
        3..5 => "3s".to_owned(),
        5..10 => "5s".to_owned(),
        10..30 => "10s".to_owned(),
        30..60 => "30s".to_owned(),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}

/// How long something took: `80ms`, `2.1s`, `14s`, `3m`.
pub fn length(length: Millis) -> String {
    match length.count() {
        millis @ 0..1_000 => format!("{millis}ms"),
        millis @ 1_000..10_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        millis @ 10_000..100_000 => format!("{}s", millis / 1_000),
        millis => format!("{}m", millis / 60_000),
    }
}

/// How long a call took: `0.7s`, `14.2s`, `120s`.
pub fn seconds(length: Millis) -> String {
    let tenths = length.count() / 100;
    if tenths >= 1_000 { format!("{}s", tenths / 10) } else { format!("{}.{}s", tenths / 10, tenths % 10) }
}

/// `1 call`, `3 calls`.
pub fn plural(number: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Cuts a text to `columns`; a cut one ends in `~`. Wide characters are never cut in half.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used >= columns {
            break;
        }
        kept.push_str(grapheme);
    }
    if columns > 0 {
        kept.push('~');
    }
    kept
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_columns() {
        let usd = |dollars: &str| Money::parse_dollars(dollars).expect("dollars");
        assert_eq!(money(usd("186.4")), "186.40");
        assert_eq!(money(usd("0.0001")), "<0.01");
        assert_eq!(money(usd("123456.7")), "123457");
        assert_eq!(headline(usd("7814.2")), "$7,814");
        assert_eq!(headline(usd("-3.5")), "-$3.50");
        assert_eq!([812, 9_640, 96_400, 1_213_000].map(short), ["812", "9.64k", "96.4k", "1.21M"]);
        assert_eq!((share(813, 1000), share(1, 0)), ("81.3%".to_owned(), "-".to_owned()));
    }

    #[test]
    fn unknown_cost_is_never_nothing() {
        let live = Live { unpriced: 2, ..Live::default() };
        assert_eq!(cost(&live), "?");
        assert_eq!(cost(&Live { cost: Money::from_nanos(2_000_000_000), ..live }), "2.00+?");
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(cut("한빛-번역", 6), "한빛-~");
        assert_eq!(cut("한빛", 2), "~");
    }
}
