//! Streams cut into their events, whatever way the bytes arrive: server-sent events, and JSON arrays.

use std::borrow::Cow;

/// The longest event that is kept to be read; of a longer one only that it came is known.
pub const MAX_EVENT: usize = 8 << 20;

/// Finds where the blocks of an event stream end: at an empty line, by any of the three line ends.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// Nothing of the present line has been seen.
    line_is_empty: bool,
    after: After,
}

/// What the last byte seen may still be a half of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    /// A CR that ended a line.
    Line,
    /// A CR that ended a block.
    Block,
}

/// A run of bytes, by its place in the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'b> {
    /// The LF of a line end whose CR ended the block before.
    Tail(&'b [u8]),
    /// Of a block that goes on.
    Part(&'b [u8]),
    /// The end of a block.
    End(&'b [u8]),
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks { line_is_empty: true, after: After::Nothing }
    }
}

impl Blocks {
    /// Takes the next piece off the front of `bytes`; `None` where there are none.
    pub fn next<'b>(&mut self, bytes: &mut &'b [u8]) -> Option<Piece<'b>> {
        let whole = *bytes;
        let first = *whole.first()?;
        let after = std::mem::replace(&mut self.after, After::Nothing);
        let half = first == b'\n' && after != After::Nothing;
        if half && after == After::Block {
            let (tail, rest) = whole.split_at(1);
            *bytes = rest;
            return Some(Piece::Tail(tail));
        }
        let mut at = usize::from(half);
        while let Some(found) = memchr::memchr2(b'\r', b'\n', whole.get(at..).unwrap_or_default()) {
            let ends_block = self.line_is_empty && found == 0;
            let end = self.line_end(whole, at + found, ends_block);
            self.line_is_empty = true;
            if ends_block {
                let (block, rest) = whole.split_at(end);
                *bytes = rest;
                return Some(Piece::End(block));
            }
            at = end;
        }
        self.line_is_empty &= at >= whole.len();
        *bytes = &[];
        Some(Piece::Part(whole))
    }

    /// Returns the place behind the line end at `at`.
    fn line_end(&mut self, bytes: &[u8], at: usize, ends_block: bool) -> usize {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => at + 2,
            (Some(b'\r'), None) => {
                self.after = if ends_block { After::Block } else { After::Line };
                at + 1
            }
            _ => at + 1,
        }
    }
}

/// One event of a stream.
#[derive(Clone, PartialEq, Eq)]
pub struct Event<'b> {
    /// Its name; empty where it has none.
    pub name: &'b [u8],
    /// Its data lines, joined by LF.
    pub data: Cow<'b, [u8]>,
}

impl<'b> Event<'b> {
    /// Reads a block; `None` where it has no data, as comments and names alone do not.
    pub fn read(block: &'b [u8]) -> Option<Event<'b>> {
        let mut name: &[u8] = b"";
        let mut data: Option<Cow<'b, [u8]>> = None;
        for line in block.split(|byte| matches!(byte, b'\r' | b'\n')) {
            let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
            let (field, value) = match memchr::memchr(b':', line) {
                Some(at) => (line.get(..at)?, line.get(at + 1..)?),
                None => (line, b"".as_slice()),
            };
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match field {
                b"event" => name = value,
                b"data" => match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(data) => {
                        let data = data.to_mut();
                        data.push(b'\n');
                        data.extend_from_slice(value);
                    }
                },
                _ => {}
            }
        }
        data.map(|data| Event { name, data })
    }
}

/// Collects the events of a stream.
#[derive(Default)]
pub struct Events {
    blocks: Blocks,
    held: Held,
}

impl Events {
    /// Takes bytes as they pass, and hands each event that they complete to `each`.
    pub fn feed(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Event<'_>)) {
        while let Some(piece) = self.blocks.next(&mut bytes) {
            match piece {
                Piece::Tail(_) => {}
                Piece::Part(part) => self.held.add(part),
                Piece::End(end) => {
                    self.held.add(end);
                    self.finish(each);
                }
            }
        }
    }

    /// Reads what is held as an event: the stream has ended, perhaps without its last empty line.
    pub fn finish(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if let Some(event) = Event::read(self.held.whole()) {
            each(event);
        }
        self.held.clear();
    }

    /// Returns how many events were too long to be read.
    pub fn lost(&self) -> u64 {
        self.held.lost
    }
}

/// The bytes of one event so far, bounded.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    overflows: bool,
    lost: u64,
}

impl Held {
    fn add(&mut self, bytes: &[u8]) {
        if self.overflows || self.bytes.len().saturating_add(bytes.len()) > MAX_EVENT {
            self.overflows = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn whole(&self) -> &[u8] {
        &self.bytes
    }

    fn clear(&mut self) {
        self.lost += u64::from(self.overflows);
        self.overflows = false;
        self.bytes.clear();
    }
}

/// Collects the objects of a JSON array that arrives in pieces, as Gemini streams without events.
#[derive(Default)]
pub struct Elements {
    depth: u64,
    text: Within,
    held: Held,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Structure,
    Text,
    Escape,
}

impl Within {
    /// Returns where the text stands behind `byte`.
    const fn then(self, byte: u8) -> Within {
        match (self, byte) {
            (Within::Structure, b'"') | (Within::Escape, _) => Within::Text,
            (Within::Text, b'\\') => Within::Escape,
            (Within::Text, b'"') => Within::Structure,
            (same, _) => same,
        }
    }
}

impl Elements {
    /// Takes bytes as they pass, and hands each object directly inside the array to `each`.
    pub fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let place = self.text;
            self.text = place.then(*byte);
            match byte {
                _ if place != Within::Structure => {}
                b'{' | b'[' => {
                    self.depth += 1;
                    from = if self.depth == 2 { at } else { from };
                }
                b'}' | b']' => {
                    if self.depth == 2 {
                        self.held.add(bytes.get(from..=at).unwrap_or_default());
                        each(self.held.whole());
                        self.held.clear();
                    }
                    self.depth = self.depth.saturating_sub(1);
                }
                _ => {}
            }
        }
        if self.depth >= 2 {
            self.held.add(bytes.get(from..).unwrap_or_default());
        }
    }

    /// Returns how many elements were too long to be read.
    pub fn lost(&self) -> u64 {
        self.held.lost
    }
}

#[cfg(test)]
pub(super) mod testing {
    /// Cuts bytes at places taken from `cuts`, in order.
    pub fn pieces<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::pieces;
    use super::*;
    use proptest::prelude::*;

    type Seen = Vec<(Vec<u8>, Vec<u8>)>;

    fn events(chunks: &[&[u8]]) -> Seen {
        let (mut reader, mut seen) = (Events::default(), Seen::new());
        let mut each = |event: Event<'_>| seen.push((event.name.to_vec(), event.data.into_owned()));
        for chunk in chunks {
            reader.feed(chunk, &mut each);
        }
        reader.finish(&mut each);
        seen
    }

    #[track_caller]
    fn check(stream: &str, want: &[(&str, &str)]) {
        let want: Seen =
            want.iter().map(|(name, data)| (name.as_bytes().to_vec(), data.as_bytes().to_vec())).collect();
        assert_eq!(events(&[stream.as_bytes()]), want, "{stream:?}");
        let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(events(&single), want, "byte by byte: {stream:?}");
    }

    #[test]
    fn events_end_at_empty_lines_of_any_kind() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = format!("event: a{end}data: 1{end}{end}data:2{end}data: 3{end}{end}");
            check(&stream, &[("a", "1"), ("", "2\n3")]);
        }
        check("data: a\r\rdata: b\n\ndata: c\r\n\r\n", &[("", "a"), ("", "b"), ("", "c")]);
    }

    #[test]
    fn comments_and_empty_blocks_are_no_events() {
        check(": OPENROUTER PROCESSING\n\n: keep-alive\n\n\n\n\ndata: x\n\n", &[("", "x")]);
        check("event: ping\n\nid: 1\nretry: 5\ndata\n\n", &[("", "")]);
    }

    #[test]
    fn the_last_event_needs_no_empty_line() {
        check("data: [DONE]", &[("", "[DONE]")]);
        check("\u{feff}data: x\n\n", &[("", "x")]);
    }

    #[test]
    fn an_endless_line_takes_bounded_memory_and_is_counted() {
        let mut reader = Events::default();
        let mut seen = 0;
        let chunk = vec![b'a'; 1 << 20];
        reader.feed(b"data: ", &mut |_| seen += 1);
        for _ in 0..20 {
            reader.feed(&chunk, &mut |_| seen += 1);
            assert!(reader.held.bytes.capacity() <= 2 * MAX_EVENT);
        }
        reader.feed(b"\n\ndata: x\n\n", &mut |_| seen += 1);
        assert_eq!((seen, reader.lost()), (1, 1));
    }

    #[test]
    fn the_objects_of_an_array_come_one_by_one() {
        let text = br#"[{"a":"}]\"{"},
{"b":[{"c":{}}]} , {}]"#;
        let want: [&[u8]; 3] = [br#"{"a":"}]\"{"}"#, br#"{"b":[{"c":{}}]}"#, b"{}"];
        for size in 1..text.len() {
            let (mut reader, mut seen) = (Elements::default(), Vec::new());
            text.chunks(size)
                .for_each(|chunk| reader.feed(chunk, &mut |element| seen.push(element.to_vec())));
            assert_eq!(seen, want, "in pieces of {size}");
        }
    }

    proptest! {
        #[test]
        fn the_way_it_is_cut_changes_nothing(
            stream in "(data: ?|event: a|[\r\n]|[\r\n]|x|: c|\\{\\}){0,40}",
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let bytes = stream.as_bytes();
            prop_assert_eq!(events(&pieces(bytes, &cuts)), events(&[bytes]));
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            events(&[&bytes]);
            Elements::default().feed(&bytes, &mut |_| {});
        }
    }
}
