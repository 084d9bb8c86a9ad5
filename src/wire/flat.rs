//! Reads the wanted keys of a JSON object: plain lines at the speed of comparing bytes, all others by `serde_json`.
//!
//! Programs write the same keys in the same order, line after line. What stands between two values is
//! remembered from the line before and compared, not parsed. Whatever is not plain (a nested value, an
//! escape, a key twice, a blank in an odd place) goes the whole way, so that both ways read the same.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::json::Raw;

/// Keys of a line that are remembered.
const STEPS: usize = 64;
/// The longest text between two values that is remembered.
const LITERAL: usize = 38;

/// Reads objects for the values of `N` keys.
pub struct Flat<const N: usize> {
    names: &'static [&'static str; N],
    steps: Vec<Step>,
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

    /// Reads one object into `values`, in the order of the keys; what is not there is [`Raw::MISSING`].
    ///
    /// # Errors
    /// Where the text is no JSON object, or has one of the keys twice.
    pub fn read<'a>(&mut self, text: &'a [u8], values: &mut [Raw<'a>; N]) -> Result<(), serde_json::Error> {
        if self.plain(text, values).is_none() {
            *values = whole(self.names, text)?;
        }
        Ok(())
    }

    fn plain<'a>(&mut self, text: &'a [u8], values: &mut [Raw<'a>; N]) -> Option<()> {
        // Without a way out of the loop the compiler looks at many bytes at a time.
        if text.iter().fold(u8::MAX, |least, &byte| least.min(byte)) < b' ' {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let bytes = text.as_bytes();
        *values = [Raw::MISSING; N];
        let (mut seen, mut at) = (0_u64, 0);
        for index in 0.. {
            let (slot, begin) = self.step(index, bytes, at)?;
            let value = value(text, begin)?;
            at = begin + value.as_written().len();
            if let Some(slot) = slot {
                if seen >> slot & 1 == 1 {
                    return None;
                }
                seen |= 1 << slot;
                *values.get_mut(usize::from(slot))? =
                    if value.as_written() == "null" { Raw::MISSING } else { value };
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

/// Reads a plain value; `None` for what only a parser can tell. `null` comes as it is written.
fn value(text: &str, at: usize) -> Option<Raw<'_>> {
    let bytes = text.as_bytes();
    let word =
        |word: &str| bytes[at..].starts_with(word.as_bytes()).then(|| text.get(at..at + word.len()))?;
    match bytes.get(at)? {
        b'"' => {
            let end = at + 1 + memchr::memchr2(b'"', b'\\', &bytes[at + 1..])?;
            (bytes[end] == b'"').then(|| text.get(at..=end).map(Raw::plain))?
        }
        b'0'..=b'9' => number(text, at),
        b'n' => word("null").map(Raw::unread),
        b't' => word("true").map(Raw::unread),
        b'f' => word("false").map(Raw::unread),
        _ => None,
    }
}

fn number(text: &str, at: usize) -> Option<Raw<'_>> {
    let bytes = text.as_bytes();
    let (mut end, mut number) = (at, 0_u64);
    while let Some(digit) = bytes.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    if bytes[at] == b'0' && end > at + 1 {
        return None;
    }
    if bytes.get(end) != Some(&b'.') {
        let written = text.get(at..end)?;
        let small = if written.len() <= 9 { u32::try_from(number).ok() } else { None };
        return Some(small.map_or(Raw::unread(written), |number| Raw::digits(written, number)));
    }
    let places = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (places > 0).then(|| text.get(at..=end + places).map(Raw::unread))?
}

/// Reads any object, by the parser.
fn whole<'a, const N: usize>(
    names: &'static [&'static str; N],
    text: &'a [u8],
) -> Result<[Raw<'a>; N], serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(text);
    let values = parser.deserialize_map(Object(names))?;
    parser.end()?;
    Ok(values)
}

struct Object<const N: usize>(&'static [&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Object<N> {
    type Value = [Raw<'de>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut values, mut seen) = ([Raw::MISSING; N], [false; N]);
        while let Some(slot) = map.next_key_seed(Name(self.0))? {
            let Some((value, seen)) = slot.and_then(|slot| values.get_mut(slot).zip(seen.get_mut(slot)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(seen, true) {
                return Err(A::Error::custom("a key is there twice"));
            }
            *value = map.next_value()?;
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
        let mut quick = [Raw::MISSING; 3];
        let read = flat.plain(line.as_bytes(), &mut quick).is_some();
        assert_eq!(read, plain, "{line}");
        if read {
            let whole = whole(&NAMES, line.as_bytes()).expect("an object");
            assert_eq!(quick.map(Raw::as_written), whole.map(Raw::as_written), "{line}");
        }
    }

    #[test]
    fn plain_lines_are_read_without_the_parser() {
        let mut flat = Flat::new(&NAMES);
        check(&mut flat, r#"{"a":1,"b":"x","key":null}"#, true);
        check(&mut flat, r#"{"a":1,"b":"x","key":2.50}"#, true);
        check(&mut flat, r#"{"b":1,"a":"한국"}"#, true);
        check(&mut flat, r#"{"b": 1, "other": true, "a": "x"}"#, true);
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
        let mut values = [Raw::MISSING; 3];
        flat.read(br#" { "\u0061" : 1e3 , "x" : [ {} ] } "#, &mut values).expect("an object");
        assert_eq!(values.map(Raw::as_written), ["1e3", "", ""]);
        for broken in [r#"{"a":1,"\u0061":2}"#, r#"{"a":1} {}"#, "[1]", ""] {
            assert!(flat.read(broken.as_bytes(), &mut [Raw::MISSING; 3]).is_err(), "{broken}");
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
                let mut quick = [Raw::MISSING; 3];
                if flat.plain(line.as_bytes(), &mut quick).is_some() {
                    let whole = whole(&NAMES, line.as_bytes());
                    prop_assert!(whole.is_ok(), "{}: {:?}", line, whole.err());
                    let whole = whole.unwrap_or([Raw::MISSING; 3]);
                    prop_assert_eq!(quick.map(Raw::as_written), whole.map(Raw::as_written));
                }
            }
        }
    }
}
