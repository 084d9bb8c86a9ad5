//! Takes out of a stream the one event that the guard asked for and the client did not.
//!
//! All other bytes pass unchanged and at once, but for an event that is still incomplete: it may be the
//! one. The members `"usage":null` that come with the option stay: taking them out would rewrite events.

use super::super::usage::Object;
use super::sse::{Blocks, Event, Piece};

/// The longest event that is held back: the usage of a call is some hundred bytes.
const MAX_HELD: usize = 16 << 10;

/// The filter of one stream.
#[derive(Default)]
pub struct Strip {
    blocks: Blocks,
    held: Vec<u8>,
    /// The block is too long to be the one, and passes as it comes.
    passes: bool,
    /// The block that ended last was taken out.
    taken: bool,
}

impl Strip {
    /// Takes bytes of the upstream, and adds those that the client gets to `out`.
    pub fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while let Some(piece) = self.blocks.next(&mut bytes) {
            match piece {
                Piece::Tail(_) if self.taken => {}
                Piece::Tail(tail) => out.extend_from_slice(tail),
                Piece::Part(part) => self.hold(part, out),
                Piece::End(end) => {
                    self.hold(end, out);
                    self.taken = is_usage(&self.held);
                    if !self.taken {
                        out.extend_from_slice(&self.held);
                    }
                    self.held.clear();
                    self.passes = false;
                }
            }
        }
    }

    /// Adds what is still held back: the stream has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !is_usage(&self.held) {
            out.extend_from_slice(&self.held);
        }
        self.held.clear();
    }

    fn hold(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.passes |= self.held.len().saturating_add(bytes.len()) > MAX_HELD;
        if self.passes {
            out.append(&mut self.held);
            out.extend_from_slice(bytes);
        } else {
            self.held.extend_from_slice(bytes);
        }
    }
}

/// Says whether a block is the extra event: no choices, and a usage that is not null. Azure's first event
/// has no choices either, but no usage.
fn is_usage(block: &[u8]) -> bool {
    let Some(event) = Event::read(block) else { return false };
    let Ok(text) = std::str::from_utf8(&event.data) else { return false };
    let Ok(object) = Object::parse(text) else { return false };
    let choices = object.get("choices").as_written();
    let none = choices.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    none.is_some_and(|inner| inner.trim().is_empty()) && !object.object("usage").is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::sse::testing::pieces;
    use super::*;
    use proptest::prelude::*;

    const USAGE: &str = r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

    fn stripped(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut strip, mut out) = (Strip::default(), Vec::new());
        for chunk in chunks {
            strip.feed(chunk, &mut out);
        }
        strip.finish(&mut out);
        out
    }

    #[test]
    fn exactly_the_usage_event_is_taken_out() {
        for end in ["\n", "\r\n", "\r"] {
            let first = format!("data: {{\"choices\":[{{\"delta\":{{}}}}],\"usage\":null}}{end}{end}");
            let last = format!("data: [DONE]{end}{end}");
            let stream = format!("{first}{USAGE}{end}{end}{last}");
            let want = format!("{first}{last}");
            for size in 1..stream.len() {
                let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                assert_eq!(String::from_utf8_lossy(&stripped(&chunks)), want, "{end:?} in pieces of {size}");
            }
        }
        assert_eq!(stripped(&[USAGE.as_bytes()]), b"");
    }

    #[test]
    fn events_that_look_alike_stay() {
        for stays in [
            r#"data: {"choices":[],"prompt_filter_results":[],"usage":null}"#,
            r#"data: {"choices":[],"prompt_filter_results":[]}"#,
            r#"data: {"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}"#,
            r#"data: {"usage":{"prompt_tokens":1}}"#,
            ": a comment",
            "data: [DONE]",
            "data: {broken",
        ] {
            let stream = format!("{stays}\n\n");
            assert_eq!(stripped(&[stream.as_bytes()]), stream.as_bytes(), "{stays}");
        }
    }

    #[test]
    fn whole_events_pass_at_once_and_long_ones_are_not_held() {
        let (mut strip, mut out) = (Strip::default(), Vec::new());
        strip.feed(b"data: {\"choices\":[{}]}\n\ndata: {", &mut out);
        assert_eq!(out, b"data: {\"choices\":[{}]}\n\n");
        strip.feed(&vec![b'a'; MAX_HELD], &mut out);
        assert_eq!(out.len(), 24 + 7 + MAX_HELD);
    }

    proptest! {
        #[test]
        fn all_other_bytes_are_left(
            stream in "(data: \\{\\}|[\r\n]|[\r\n]|x|: c){0,30}",
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            let bytes = stream.as_bytes();
            prop_assert_eq!(stripped(&pieces(bytes, &cuts)), bytes);
            let with = format!("{stream}\n\n{USAGE}\r\n\r\n{stream}");
            let chunks = pieces(with.as_bytes(), &cuts);
            prop_assert_eq!(stripped(&chunks), format!("{stream}\n\n{stream}").into_bytes());
        }
    }
}
