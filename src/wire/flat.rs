//! Reads the wanted keys of a JSON object: plain lines at the speed of comparing bytes, all others by `serde_json`.
//!
//! Programs write the same keys in the same order, line after line. What stands between two values is
//! remembered from the line before and compared, not parsed. Whatever is not plain (a nested value, an
//! escape, a key twice, a blank in an odd place) goes the whole way, so that both ways read the same.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::json::{self, Raw};
use crate::domain::money::Money;

/// Keys of a line that are remembered.
const STEPS: usize = 64;
/// The longest text between two values that is remembered.
const LITERAL: usize = 38;

/// Reads objects for the values of `N` keys.
pub struct Flat<const N: usize> {
    names: &'static [&'static str; N],
    steps: Vec<Step>,
}

/// A value as it stands in the line.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Not there, or `null`.
    Missing,
    /// Some digits: the number, and how they are written.
    Digits(u32, &'a [u8]),
    /// What stands between the quotes of a string without escapes.
    Plain(&'a [u8]),
    /// Anything else.
    Raw(Raw<'a>),
}

impl<'a> Value<'a> {
    /// Says whether there is no value.
    pub const fn is_missing(self) -> bool {
        matches!(self, Value::Missing)
    }

    /// Returns the bytes of a string's content, or of a number's or boolean's text; `None` for missing,
    /// objects and arrays.
    pub fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Value::Missing => None,
            Value::Digits(_, bytes) | Value::Plain(bytes) => Some(Cow::Borrowed(bytes)),
            Value::Raw(raw) => raw.text().map(|text| match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }),
        }
    }

    /// Reads a token count as [`Raw::count`] does.
    #[inline]
    pub fn count(self) -> Result<Option<u64>, String> {
        match self {
            Value::Missing => Ok(None),
            Value::Digits(number, _) => Ok(Some(u64::from(number))),
            Value::Plain(_) | Value::Raw(_) => self.odd_count(),
        }
    }

    #[inline(never)]
    fn odd_count(self) -> Result<Option<u64>, String> {
        match self {
            Value::Raw(raw) => raw.count(),
            other => json::count_text(&String::from_utf8_lossy(&other.bytes().unwrap_or_default())),
        }
    }

    /// Reads a token count; missing is zero.
    pub fn count_or_zero(self) -> Result<u64, String> {
        Ok(self.count()?.unwrap_or(0))
    }

    /// Reads dollars as [`Raw::dollars`] does.
    #[inline]
    pub fn dollars(self) -> Result<Option<Money>, String> {
        match self {
            Value::Missing => Ok(None),
            Value::Digits(_, bytes) | Value::Plain(bytes) => {
                json::dollars_text(&String::from_utf8_lossy(bytes))
            }
            Value::Raw(raw) => raw.dollars(),
        }
    }

    /// Returns the value as it is written, for a message.
    pub fn as_written(self) -> Cow<'a, str> {
        match self {
            Value::Missing => Cow::Borrowed(""),
            Value::Digits(_, bytes) => String::from_utf8_lossy(bytes),
            Value::Plain(bytes) => Cow::Owned(format!("\"{}\"", String::from_utf8_lossy(bytes))),
            Value::Raw(raw) => Cow::Borrowed(raw.as_written()),
        }
    }
}

/// What stood before a value in the line before: `{"key":` or `,"key":`.
#[derive(Clone, Copy)]
struct Step {
    literal: [u8; LITERAL],
    /// The first 16 bytes of the literal as two numbers, and which of their bits belong to the literal.
    head: [u64; 2],
    mask: [u64; 2],
    length: u8,
    slot: Option<u8>,
}

impl Step {
    /// Says whether the same stands here again. Most are short, and compared in one step.
    fn stands(&self, bytes: &[u8]) -> bool {
        match bytes.first_chunk::<16>() {
            Some(head) if usize::from(self.length) <= head.len() => {
                let head = words(head);
                (head[0] & self.mask[0]) ^ self.head[0] | (head[1] & self.mask[1]) ^ self.head[1] == 0
            }
            _ => bytes.starts_with(&self.literal[..usize::from(self.length)]),
        }
    }
}

impl<const N: usize> Flat<N> {
    /// Reads these keys, of which there are at most 64. All others are passed over.
    pub fn new(names: &'static [&'static str; N]) -> Flat<N> {
        Flat { names, steps: Vec::new() }
    }

    /// Reads one object into `values`, all missing so far, in the order of the keys.
    ///
    /// # Errors
    /// Where the text is no JSON object, or has one of the keys twice.
    pub fn read<'a>(&mut self, text: &'a [u8], values: &mut [Value<'a>; N]) -> Result<(), serde_json::Error> {
        if self.plain(text, values).is_none() {
            *values = whole(self.names, text)?;
        }
        Ok(())
    }

    fn plain<'a>(&mut self, bytes: &'a [u8], values: &mut [Value<'a>; N]) -> Option<()> {
        // Without a way out of the loop the compiler looks at many bytes at a time.
        let bounds = |(least, most): (u8, u8), &byte: &u8| (least.min(byte), most.max(byte));
        let (least, most) = bytes.iter().fold((u8::MAX, 0), bounds);
        if least < b' ' || (most > 0x7f && std::str::from_utf8(bytes).is_err()) {
            return None;
        }
        let (mut seen, mut at) = (0_u64, 0);
        for index in 0.. {
            let (slot, begin) = self.step(index, bytes, at)?;
            let (value, end) = value(bytes, begin)?;
            at = end;
            if let Some(slot) = slot {
                if seen >> slot & 1 == 1 {
                    return None;
                }
                seen |= 1 << slot;
                *values.get_mut(usize::from(slot))? = value;
            }
            match bytes.get(at)? {
                b',' => {}
                b'}' if at + 1 == bytes.len() => break,
                _ => return None,
            }
        }
        Some(())
    }

    /// Steps over a key: returns which it is, and where its value begins.
    fn step(&mut self, index: usize, bytes: &[u8], at: usize) -> Option<(Option<u8>, usize)> {
        if let Some(known) = self.steps.get(index) {
            let begin = at + usize::from(known.length);
            if known.stands(&bytes[at..]) && bytes.get(begin) != Some(&b' ') {
                return Some((known.slot, begin));
            }
        }
        let opening = if index == 0 { b'{' } else { b',' };
        let name = expect(bytes, blanks(bytes, expect(bytes, at, opening)?), b'"')?;
        let close = name + memchr::memchr2(b'"', b'\\', &bytes[name..])?;
        let begin = blanks(bytes, expect(bytes, blanks(bytes, expect(bytes, close, b'"')?), b':')?);
        let slot = self.names.iter().position(|known| known.as_bytes() == &bytes[name..close]);
        let slot = slot.and_then(|slot| u8::try_from(slot).ok());
        self.remember(index, &bytes[at..begin], slot);
        Some((slot, begin))
    }

    fn remember(&mut self, index: usize, literal: &[u8], slot: Option<u8>) {
        let Ok(length) = u8::try_from(literal.len()) else { return };
        let mut step = Step { literal: [0; LITERAL], head: [0; 2], mask: [0; 2], length, slot };
        let Some(place) = step.literal.get_mut(..literal.len()) else { return };
        place.copy_from_slice(literal);
        let mut mask = [0; 16];
        mask.iter_mut().take(literal.len()).for_each(|byte| *byte = u8::MAX);
        step.mask = words(&mask);
        step.head = step.literal.first_chunk().map_or([0; 2], words);
        if let Some(known) = self.steps.get_mut(index) {
            *known = step;
        } else if index == self.steps.len() && index < STEPS {
            self.steps.push(step);
        }
    }
}

fn words(bytes: &[u8; 16]) -> [u64; 2] {
    let (words, _) = bytes.as_chunks();
    [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
}

fn expect(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at + 1)
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|&&byte| byte == b' ').count()
}

/// Reads a plain value, and returns where it ends; `None` for what only a parser can tell.
#[inline]
fn value(bytes: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match bytes.get(at)? {
        b'"' => {
            let end = quote(bytes, at + 1)?;
            Some((Value::Plain(&bytes[at + 1..end]), end + 1))
        }
        b'0'..=b'9' => number(bytes, at),
        b'n' => bytes[at..].starts_with(b"null").then_some((Value::Missing, at + 4)),
        b't' => bytes[at..].starts_with(b"true").then(|| written(bytes, at, at + 4))?,
        b'f' => bytes[at..].starts_with(b"false").then(|| written(bytes, at, at + 5))?,
        _ => None,
    }
}

/// Returns where a string ends; `None` where it holds an escape, or has no end.
#[inline]
fn quote(bytes: &[u8], from: usize) -> Option<usize> {
    // Most strings are short: looking at eight bytes at a time beats a call that can look at 32.
    const ONES: u64 = 0x0101_0101_0101_0101;
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = from;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            at += found.trailing_zeros() as usize / 8;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let found = bytes.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    (bytes[at + found] == b'"').then_some(at + found)
}

#[inline]
fn number(bytes: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    let digit = |at: usize| bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9);
    let (mut end, mut number) = (at, 0_u32);
    while let Some(digit) = digit(end) {
        number = number.wrapping_mul(10).wrapping_add(u32::from(digit));
        end += 1;
    }
    let length = end - at;
    if bytes[at] == b'0' && length > 1 {
        return None;
    }
    if bytes.get(end) == Some(&b'.') {
        let point = end;
        end += 1;
        while digit(end).is_some() {
            end += 1;
        }
        return (end > point + 1).then(|| written(bytes, at, end))?;
    }
    if length > 9 {
        return written(bytes, at, end);
    }
    Some((Value::Digits(number, &bytes[at..end]), end))
}

fn written(bytes: &[u8], at: usize, end: usize) -> Option<(Value<'_>, usize)> {
    let text = std::str::from_utf8(bytes.get(at..end)?).ok()?;
    Some((Value::Raw(Raw::written(text)), end))
}

/// Reads any object, by the parser.
fn whole<'a, const N: usize>(
    names: &'static [&'static str; N],
    text: &'a [u8],
) -> Result<[Value<'a>; N], serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let values = parser.deserialize_map(Object(names))?;
    parser.end()?;
    Ok(values)
}

struct Object<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Object<N> {
    type Value = [Value<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut values, mut seen) = ([Value::Missing; N], [false; N]);
        while let Some(slot) = map.next_key_seed(Name(self.0))? {
            let Some((value, seen)) = slot.and_then(|slot| values.get_mut(slot).zip(seen.get_mut(slot)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(seen, true) {
                return Err(A::Error::custom("a key is there twice"));
            }
            let raw: Raw<'de> = map.next_value()?;
            *value = if raw.is_missing() { Value::Missing } else { Value::Raw(raw) };
        }
        Ok(values)
    }
}

struct Name(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|&known| known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 3] = ["a", "b", "key"];

    #[track_caller]
    fn check(flat: &mut Flat<3>, line: &str, plain: bool) {
        let mut quick = [Value::Missing; 3];
        let read = flat.plain(line.as_bytes(), &mut quick).is_some();
        assert_eq!(read, plain, "{line}");
        if read {
            let whole = whole(&NAMES, line.as_bytes()).expect("an object");
            assert_eq!(quick.map(Value::as_written), whole.map(Value::as_written), "{line}");
        }
    }

    #[test]
    fn plain_lines_are_read_without_the_parser() {
        let mut flat = Flat::new(&NAMES);
        check(&mut flat, r#"{"a":1,"b":"x","key":null}"#, true);
        check(&mut flat, r#"{"a":1,"b":"x","key":2.50}"#, true);
        check(&mut flat, r#"{"a":1234567890,"b":"x"}"#, true);
        check(&mut flat, r#"{"a":1.,"b":"x"}"#, false);
        check(&mut flat, r#"{"a":1,"b":"a longer text that is plain"}"#, true);
        check(&mut flat, r#"{"a":1,"b":"12345678\"x"}"#, false);
        check(&mut flat, r#"{"b":1,"a":"한국"}"#, true);
        check(&mut flat, r#"{"b": 1, "other": true, "a": "x", "key": null}"#, true);
        check(&mut flat, r#"{"a":1,"a":2}"#, false);
        check(&mut flat, r#"{"a":1e3}"#, false);
        check(&mut flat, r#"{"a":01}"#, false);
        check(&mut flat, r#"{"a":"\u0041"}"#, false);
        check(&mut flat, r#"{"a":{"b":1}}"#, false);
        check(&mut flat, "{}", false);
        check(&mut flat, "", false);
        check(&mut flat, r#"{"a":1} "#, false);
        check(&mut flat, r#"{"a":1,}"#, false);
        check(&mut flat, r#"{"a":"x"#, false);
        check(&mut flat, "{\"a\":\"\t\"}", false);
    }

    #[test]
    fn any_object_is_read_by_the_parser() {
        let mut flat = Flat::new(&NAMES);
        let mut values = [Value::Missing; 3];
        flat.read(br#" { "\u0061" : 1e3 , "x" : [ {} ] } "#, &mut values).expect("an object");
        assert_eq!(values.map(Value::as_written), ["1e3", "", ""]);
        for broken in [r#"{"a":1,"\u0061":2}"#, r#"{"a":1} {}"#, "[1]", ""] {
            assert!(flat.read(broken.as_bytes(), &mut [Value::Missing; 3]).is_err(), "{broken}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        let words =
            ["{", "}", ",", ":", "\"", "\"a\":", "\"b\": ", ",\"key\":", " ", "\\", "null", "true", "é"];
        let word = proptest::sample::select(words.to_vec()).prop_map(str::to_owned);
        prop_oneof![4 => word, 2 => "[0-9.e-]{1,4}", 1 => "\"[a-z\\\\]{0,3}\"", 1 => any::<char>().prop_map(String::from)]
    }

    fn object() -> impl Strategy<Value = String> {
        let key = proptest::sample::select(vec!["a", "b", "key", "other", "a b"]);
        let value = prop_oneof![
            "[0-9]{1,3}",
            "[0-9]\\.[0-9]{0,2}",
            "\"[a-zé ]{0,4}\"",
            Just("null".to_owned()),
            Just("{}".to_owned())
        ];
        let gap = proptest::sample::select(vec!["", " ", "  "]);
        proptest::collection::vec((key, value, gap), 0..5).prop_map(|pairs| {
            let pairs: Vec<_> = pairs.iter().map(|(k, v, gap)| format!("\"{k}\":{gap}{v}")).collect();
            format!("{{{}}}", pairs.join(","))
        })
    }

    proptest! {
        /// Whatever the plain way reads, after whatever lines, the parser reads the same.
        #[test]
        fn both_ways_read_the_same(
            lines in proptest::collection::vec(
                prop_oneof![object(), proptest::collection::vec(piece(), 0..12).prop_map(|p| p.concat())], 1..8,
            ),
        ) {
            let mut flat = Flat::new(&NAMES);
            for line in &lines {
                let mut quick = [Value::Missing; 3];
                if flat.plain(line.as_bytes(), &mut quick).is_some() {
                    let whole = whole(&NAMES, line.as_bytes());
                    prop_assert!(whole.is_ok(), "{}: {:?}", line, whole.err());
                    let whole = whole.unwrap_or([Value::Missing; 3]);
                    prop_assert_eq!(quick.map(Value::as_written), whole.map(Value::as_written));
                }
            }
        }
    }
}
