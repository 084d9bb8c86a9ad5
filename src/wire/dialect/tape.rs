//! JSON read strictly in one pass, each value kept with its place in the text.
//!
//! Where two readers of one body may disagree, the guard would price what the provider does not see. So
//! repeated keys (also in escaped spellings), a byte order mark, trailing data, lone surrogates and deep
//! nesting are refused (`reliability.md` M2), and places are kept so that an edit touches nothing else.

use std::borrow::Cow;
use std::ops::Range;

use super::super::json::short;

/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 100;
/// The most values in one body: an embedding request with every token as a number has 300,000.
pub const MAX_VALUES: usize = 1 << 20;
/// The longest text in bytes: places are kept in 32 bits.
const MAX_TEXT: usize = 1 << 30;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStrict {
    /// It is not JSON from this byte on.
    #[error("not JSON at byte {0}")]
    Syntax(usize),
    /// It begins with a byte order mark.
    #[error("the body begins with a byte order mark")]
    Mark,
    /// More follows the value.
    #[error("something follows the JSON value at byte {0}")]
    Trailing(usize),
    /// A key stands twice in one object.
    #[error("the key `{0}` stands twice in one object")]
    Twice(String),
    /// It is nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    Deep,
    /// It is longer, or has more values, than is read.
    #[error("too many values in one body")]
    Large,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// Any number.
    Number,
    /// Text.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    /// Where the key is written, quotes and all; empty outside objects.
    key: (u32, u32),
    /// Where the value is written.
    span: (u32, u32),
    /// The index behind the last value inside.
    next: u32,
}

/// A text and its values in the order in which they begin. It has no `Debug`: prompts are not to be printed.
#[derive(Clone)]
pub struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// One value on a tape.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    text: &'t str,
    nodes: &'t [Node],
    index: usize,
}

impl<'a> Tape<'a> {
    /// Reads a whole text.
    pub fn read(bytes: &'a [u8]) -> Result<Tape<'a>, NotStrict> {
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(NotStrict::Mark);
        }
        if bytes.len() > MAX_TEXT {
            return Err(NotStrict::Large);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| NotStrict::Syntax(error.valid_up_to()))?;
        let mut reader = Reader { bytes, text, at: 0, nodes: Vec::new(), keys: Vec::new() };
        reader.space();
        reader.value((0, 0), MAX_DEPTH)?;
        reader.space();
        if reader.at < bytes.len() {
            return Err(NotStrict::Trailing(reader.at));
        }
        Ok(Tape { text, nodes: reader.nodes })
    }

    /// Returns the outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { text: self.text, nodes: &self.nodes, index: 0 }
    }

    /// Returns the text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns every value in the order in which they begin, the outermost first.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        (0..self.nodes.len()).map(|index| Value { text: self.text, nodes: &self.nodes, index })
    }
}

impl<'t> Value<'t> {
    fn node(&self) -> Node {
        const NOTHING: Node = Node { kind: Kind::Null, key: (0, 0), span: (0, 0), next: u32::MAX };
        self.nodes.get(self.index).copied().unwrap_or(NOTHING)
    }

    /// Returns what it is.
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Returns where it is written.
    pub fn span(&self) -> Range<usize> {
        let (start, end) = self.node().span;
        start as usize..end as usize
    }

    /// Returns it as written.
    pub fn written(&self) -> &'t str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// Returns the key it stands under; empty outside objects.
    pub fn key(&self) -> Cow<'t, str> {
        let (start, end) = self.node().key;
        unescaped(self.text.get(start as usize..end as usize).unwrap_or_default())
    }

    /// Returns a text's content.
    pub fn string(&self) -> Option<Cow<'t, str>> {
        (self.kind() == Kind::Text).then(|| unescaped(self.written()))
    }

    /// Returns the values inside, of an array or an object.
    pub fn inside(&self) -> Inside<'t> {
        Inside { at: Value { index: self.index + 1, ..*self }, end: self.node().next as usize }
    }

    /// Returns the value under a key of an object.
    pub fn get(&self, key: &str) -> Option<Value<'t>> {
        if self.kind() != Kind::Object {
            return None;
        }
        self.inside().find(|member| member.key() == key)
    }

    /// Returns the values of an array; none where it is no array.
    pub fn elements(&self) -> Inside<'t> {
        let none = Inside { at: *self, end: 0 };
        if self.kind() == Kind::Array { self.inside() } else { none }
    }

    /// Returns every value inside, however deep, in order.
    pub fn below(&self) -> impl Iterator<Item = Value<'t>> + use<'t> {
        let (text, nodes) = (self.text, self.nodes);
        let end = (self.node().next as usize).min(nodes.len());
        (self.index + 1..end).map(move |index| Value { text, nodes, index })
    }

    /// Says whether it is a text with this content.
    pub fn is(&self, word: &str) -> bool {
        self.string().is_some_and(|text| text == word)
    }
}

/// The values directly inside another.
#[derive(Clone)]
pub struct Inside<'t> {
    at: Value<'t>,
    end: usize,
}

impl<'t> Iterator for Inside<'t> {
    type Item = Value<'t>;

    fn next(&mut self) -> Option<Value<'t>> {
        if self.at.index >= self.end.min(self.at.nodes.len()) {
            return None;
        }
        let value = self.at;
        self.at.index = value.node().next as usize;
        Some(value)
    }
}

/// Returns the content of a text that was checked to be well written.
fn unescaped(written: &str) -> Cow<'_, str> {
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains('\\') {
        return Cow::Owned(serde_json::from_str(written).unwrap_or_default());
    }
    Cow::Borrowed(inner)
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    nodes: Vec<Node>,
    /// The keys of the objects that are open, the innermost last.
    keys: Vec<Cow<'a, str>>,
}

type Read = Result<(), NotStrict>;

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    fn fault<T>(&self) -> Result<T, NotStrict> {
        Err(NotStrict::Syntax(self.at))
    }

    fn expect(&mut self, byte: u8) -> Read {
        if self.peek() != byte {
            return self.fault();
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, key: (u32, u32), depth: usize) -> Read {
        if self.nodes.len() >= MAX_VALUES {
            return Err(NotStrict::Large);
        }
        let (index, start) = (self.nodes.len(), self.at);
        let kind = match self.peek() {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::Text,
            b't' => Kind::True,
            b'f' => Kind::False,
            b'n' => Kind::Null,
            _ => Kind::Number,
        };
        self.nodes.push(Node { kind, key, span: (0, 0), next: 0 });
        match kind {
            Kind::Object => self.object(depth)?,
            Kind::Array => self.array(depth)?,
            Kind::Text => self.string().map(|_| ())?,
            Kind::True => self.word(b"true")?,
            Kind::False => self.word(b"false")?,
            Kind::Null => self.word(b"null")?,
            Kind::Number => self.number()?,
        }
        let next = place(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(index) {
            node.span = (place(start), place(self.at));
            node.next = next;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Read {
        word.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn array(&mut self, depth: usize) -> Read {
        let depth = depth.checked_sub(1).ok_or(NotStrict::Deep)?;
        self.at += 1;
        self.space();
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value((0, 0), depth)?;
            self.space();
            if self.peek() == b']' {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',')?;
            self.space();
        }
    }

    fn object(&mut self, depth: usize) -> Read {
        let depth = depth.checked_sub(1).ok_or(NotStrict::Deep)?;
        let first = self.keys.len();
        self.at += 1;
        self.space();
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let (start, end) = self.string()?;
            self.keys.push(unescaped(self.text.get(start..end).unwrap_or_default()));
            self.space();
            self.expect(b':')?;
            self.space();
            self.value((place(start), place(end)), depth)?;
            self.space();
            if self.peek() == b'}' {
                self.at += 1;
                return self.close(first);
            }
            self.expect(b',')?;
            self.space();
        }
    }

    /// Ends an object whose keys begin at `first`.
    fn close(&mut self, first: usize) -> Read {
        let mut keys = self.keys.split_off(first);
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => Err(NotStrict::Twice(short(pair.first().map_or("", |key| key.as_ref())))),
            None => Ok(()),
        }
    }

    fn string(&mut self) -> Result<(usize, usize), NotStrict> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return self.fault(),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok((start, self.at))
    }

    fn escape(&mut self) -> Read {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let unit = self.unit()?;
                if (0xdc00..0xe000).contains(&unit) {
                    return self.fault();
                }
                if (0xd800..0xdc00).contains(&unit) {
                    self.expect(b'\\')?;
                    if !(0xdc00..0xe000).contains(&self.unit()?) {
                        return self.fault();
                    }
                }
            }
            _ => return self.fault(),
        }
        Ok(())
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Result<u32, NotStrict> {
        self.expect(b'u')?;
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.peek()).to_digit(16) else { return self.fault() };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Read {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Read {
        if !self.peek().is_ascii_digit() {
            return self.fault();
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }
}

/// Holds: a text is at most [`MAX_TEXT`] long.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, want: &NotStrict) {
        assert_eq!(Tape::read(text.as_bytes()).err().as_ref(), Some(want), "{text}");
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        refused("\u{feff}{}", &NotStrict::Mark);
        refused("{} {}", &NotStrict::Trailing(3));
        refused("01", &NotStrict::Trailing(1));
        refused(r#"{"a":1,"a":2}"#, &NotStrict::Twice("a".to_owned()));
        refused(r#"{"a":1,"\u0061":2}"#, &NotStrict::Twice("a".to_owned()));
        refused(r#"{"x":[{"a":1,"b":{"a":1},"a":2}]}"#, &NotStrict::Twice("a".to_owned()));
        refused(&"[".repeat(10_000), &NotStrict::Deep);
        refused(&format!("[{}0]", "0,".repeat(MAX_VALUES)), &NotStrict::Large);
        for text in ["", "NaN", "Infinity", "1.", ".5", "+1", "1e", "tru", "'a'", "{a:1}", "[1,]", "{,}"] {
            assert!(matches!(Tape::read(text.as_bytes()), Err(NotStrict::Syntax(_))), "{text}");
        }
        for text in [r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00""#, r#""\x""#, "\"\n\"", "\"a", r#"{"a""#]
        {
            assert!(matches!(Tape::read(text.as_bytes()), Err(NotStrict::Syntax(_))), "{text}");
        }
        assert_eq!(Tape::read(b"\"\xff\"").err(), Some(NotStrict::Syntax(1)));
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#" {"a":[1,{"b":"x"},[]],"\u0063":"\u00e9","d":{}} "#;
        let tape = Tape::read(text.as_bytes()).expect("strict");
        let root = tape.root();
        assert_eq!(root.inside().map(|value| value.key().into_owned()).collect::<Vec<_>>(), ["a", "c", "d"]);
        let array = root.get("a").expect("there");
        assert_eq!(
            array.elements().map(|value| value.written()).collect::<Vec<_>>(),
            ["1", r#"{"b":"x"}"#, "[]"]
        );
        assert_eq!(root.get("c").and_then(|value| value.string()).as_deref(), Some("é"));
        assert_eq!(array.below().count(), 4);
        assert!(root.get("d").is_some_and(|value| value.inside().next().is_none()));
        assert_eq!(&text[root.get("c").expect("there").span()], r#""\u00e9""#);
    }

    #[test]
    fn the_same_key_in_two_objects_is_no_fault() {
        assert!(Tape::read(br#"[{"a":1},{"a":{"a":2}}]"#).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Tape::read(&bytes);
        }

        #[test]
        fn what_is_read_the_library_reads_alike(text in "[\\[\\]{}:,\"\\\\a0-9eE.+ tfn-]{0,24}") {
            let library = serde_json::from_str::<serde_json::Value>(&text);
            if let Ok(tape) = Tape::read(text.as_bytes()) {
                // The library refuses numbers that no float holds; the grammar is the same.
                let large = library.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
                prop_assert!(library.is_ok() || large, "{}", text);
                prop_assert_eq!(tape.root().written(), text.trim());
            } else {
                let repeated = matches!(Tape::read(text.as_bytes()), Err(NotStrict::Twice(_)));
                prop_assert!(library.is_err() || repeated, "{}", text);
            }
        }
    }
}
