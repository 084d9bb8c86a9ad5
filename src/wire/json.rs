//! JSON as ledgers really write it: counts as strings, nulls anywhere, keys twice, broken UTF-8.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::time;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::tokens::Tokens;

/// A JSON value kept as written, to be read as whatever it turns out to be. Missing and `null` are alike.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Raw<'a>, D::Error> {
        Option::<&'a RawValue>::deserialize(deserializer).map(|value| Raw(value.map_or("", RawValue::get)))
    }
}

impl<'a> Raw<'a> {
    /// Takes the text of a JSON value that is not `null`.
    pub const fn written(text: &'a str) -> Raw<'a> {
        Raw(text)
    }

    /// Returns the text of the value as written; empty where it is missing or null.
    pub const fn as_written(self) -> &'a str {
        self.0
    }

    /// Says whether there is no value.
    pub fn is_missing(self) -> bool {
        self.as_written().is_empty()
    }

    /// Returns a string's content, or a number's or boolean's text; `None` for missing, null, objects
    /// and arrays.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let written = self.as_written();
        match written.as_bytes().first()? {
            b'"' => match memchr::memchr(b'\\', written.as_bytes()) {
                None => Some(Cow::Borrowed(&written[1..written.len() - 1])),
                // A lone surrogate is no text: the string then stands for itself, as it is written.
                Some(_) => Some(
                    serde_json::from_str::<String>(written)
                        .map_or(Cow::Borrowed(&written[1..written.len() - 1]), Cow::Owned),
                ),
            },
            b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(written)),
        }
    }

    /// Reads a token count; missing, null and the empty string are `Ok(None)`.
    pub fn count(self) -> Result<Option<u64>, String> {
        match self.text() {
            None if self.is_missing() => Ok(None),
            None => Err(format!("token count is {}: expected a whole number", short(self.as_written()))),
            Some(text) => count_text(&text),
        }
    }

    /// Reads a token count; missing is zero.
    pub fn count_or_zero(self) -> Result<u64, String> {
        Ok(self.count()?.unwrap_or(0))
    }

    /// Reads dollars; missing, null and the empty string are `Ok(None)`.
    pub fn dollars(self) -> Result<Option<Money>, String> {
        match self.text() {
            None if self.is_missing() => Ok(None),
            Some(text) => dollars_text(&text),
            None => Err(format!("cost is {}: expected dollars like 0.0125", short(self.as_written()))),
        }
    }

    /// Reads an instant in any of the spellings of [`time::parse`].
    pub fn time(self) -> Option<Timestamp> {
        time::parse(&self.text()?)
    }
}

/// Reads a token count from a string's content or a number's text; blank text is none.
pub fn count_text(text: &str) -> Result<Option<u64>, String> {
    if text.trim().is_empty() { Ok(None) } else { count(text).map(Some) }
}

/// Reads dollars from a string's content or a number's text; blank text is none.
pub fn dollars_text(text: &str) -> Result<Option<Money>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Money::parse_dollars(text) {
        Some(money) => Ok(Some(money)),
        None => Err(format!("cost is \"{}\": expected dollars like 0.0125", short(text))),
    }
}

/// Reads a token count from text: a whole number from 0 to 2^40, also written as `1000.0` or `1e3`
/// (`reliability.md` T9).
pub fn count(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let read = text.parse::<u64>().ok().or_else(|| whole(text));
    match read {
        Some(count) if count <= Tokens::MAX_PER_CALL => Ok(count),
        Some(_) => Err(format!("token count is {}: more than 2^40", short(text))),
        None => Err(format!("token count is \"{}\": expected a whole number", short(text))),
    }
}

/// Reads an integral decimal or exponent form without going through a float.
fn whole(text: &str) -> Option<u64> {
    let nanos = Money::parse_scaled(text, 3)?.nanos();
    let count = u64::try_from(nanos).ok()?;
    // Three kept places must be zero, and no digit below them may have been rounded away.
    let exact =
        !text.contains(['e', 'E']) && text.split_once('.').is_some_and(|(_, f)| f.bytes().all(|b| b == b'0'));
    let scaled = text.contains(['e', 'E']) && count % 1000 == 0;
    (exact || scaled).then_some(count / 1000)
}

/// Rewrites a line that a struct could not be read from, so that a second attempt may succeed:
/// repeated keys are reduced to the last one, broken UTF-8 is replaced.
///
/// The error is the reason in plain words.
pub fn canonical(line: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(line);
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| not_json(&error))?;
    serde_json::to_vec(&value).map_err(|error| not_json(&error))
}

/// Says in plain words why a text is not the JSON that was expected.
pub fn not_json(error: &serde_json::Error) -> String {
    format!("not readable as JSON: {error}")
}

/// Cuts foreign text to a length that fits a message.
pub fn short(text: &str) -> String {
    crate::domain::label::printable(text, 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Option<u64>) {
        assert_eq!(count(text).ok(), want, "{text}");
    }

    #[test]
    fn counts_are_whole_numbers_in_any_spelling() {
        check("12", Some(12));
        check("1000.0", Some(1000));
        check("1e3", Some(1000));
        check("1.5e1", Some(15));
        check("1099511627776", Some(1 << 40));
        check("1099511627777", None);
        check("-1", None);
        check("1.5", None);
        check("1e400", None);
        check("NaN", None);
        check("", None);
    }

    #[test]
    fn a_lone_surrogate_is_not_missing() {
        let text = |json| serde_json::from_str::<Raw<'_>>(json).ok().and_then(Raw::text);
        assert_eq!(text(r#""acme\ud83d""#).as_deref(), Some(r"acme\ud83d"));
        assert_eq!(text(r#""acme\ud83d\ude00""#).as_deref(), Some("acme😀"));
    }

    #[test]
    fn repeated_keys_are_reduced_to_the_last() {
        assert_eq!(canonical(br#"{"a":1,"a":2}"#).as_deref(), Ok(br#"{"a":2}"#.as_slice()));
    }
}
