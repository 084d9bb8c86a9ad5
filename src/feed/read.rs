//! Cuts a stream of bytes into blocks of whole lines, in bounded memory.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::wire::Place;

/// Bytes asked for at once.
pub const BUFFER: usize = 256 << 10;
/// The longest line that is kept; longer ones are skipped while streaming, and counted.
pub const LONGEST_LINE: usize = 64 << 20;
/// The largest block handed on, so that one block cannot hold too many calls.
const BLOCK: usize = 128 << 10;
/// What is kept of a line that is too long, to show.
const EXCERPT: usize = 800;

/// A stretch of a file, read by position: many readers can share one descriptor.
pub struct Stretch<'a> {
    /// The file.
    pub file: &'a File,
    /// The next byte to read.
    pub at: u64,
    /// The byte to stop before.
    pub end: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let read = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A part of what was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Whole lines, each with its line end.
    Lines(&'a [u8]),
    /// A line that is too long to keep: its first bytes, and its length without the line end.
    TooLong(&'a [u8], u64),
    /// So many NUL bytes where a line begins, with something after them: a hole that truncation or a crash
    /// has left.
    Hole(u64),
    /// The last line, which has no line end (yet).
    Unfinished(&'a [u8]),
    /// The last line, which has no line end (yet) and is too long to keep.
    UnfinishedTooLong(&'a [u8], u64),
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on reading.
    On,
    /// The receiver is gone: stop.
    Stop,
}

/// The buffer that readers use one after another.
#[derive(Default)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// Returns at least `length` bytes.
    fn room(&mut self, length: usize) {
        if self.0.len() < length {
            self.0.resize(length, 0);
        }
    }

    /// Gives back what a long line needed.
    fn shrink(&mut self) {
        if self.0.len() > BUFFER * 2 {
            self.0.truncate(BUFFER);
            self.0.shrink_to_fit();
        }
    }
}

/// Reads to the end and hands on whole lines; returns where the last of them ended.
///
/// What follows the last line end comes as [`Piece::Unfinished`] and is not counted as read.
pub fn lines(
    source: &mut dyn Read,
    start: u64,
    buffer: &mut Buffer,
    each: &mut dyn FnMut(Piece<'_>, u64) -> Flow,
) -> io::Result<u64> {
    let mut cutter = Cutter { offset: start, skipped: 0, excerpt: Vec::new(), hole: 0, filled: 0 };
    let result = cutter.run(source, buffer, each);
    buffer.shrink();
    result.map(|()| cutter.offset)
}

struct Cutter {
    /// Where the first byte of the buffer stands, or the line that is being skipped began.
    offset: u64,
    /// Bytes of a line too long that were dropped so far.
    skipped: u64,
    /// Its first bytes.
    excerpt: Vec<u8>,
    /// NUL bytes before what is in the buffer.
    hole: u64,
    /// Bytes in the buffer: the beginning of a line.
    filled: usize,
}

impl Cutter {
    fn run(
        &mut self,
        source: &mut dyn Read,
        buffer: &mut Buffer,
        each: &mut dyn FnMut(Piece<'_>, u64) -> Flow,
    ) -> io::Result<()> {
        loop {
            buffer.room((self.filled * 2).clamp(BUFFER, LONGEST_LINE + BUFFER));
            let read = match source.read(&mut buffer.0[self.filled..]) {
                Ok(0) => {
                    self.rest(&buffer.0[..self.filled], each);
                    return Ok(());
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let old = self.filled;
            self.filled += read;
            if self.take(&mut buffer.0, old, each) == Flow::Stop {
                return Ok(());
            }
        }
    }

    /// Hands on the whole lines in the buffer, of which the bytes from `old` on are new.
    fn take(&mut self, bytes: &mut [u8], old: usize, each: &mut dyn FnMut(Piece<'_>, u64) -> Flow) -> Flow {
        let mut begin = 0;
        if self.skipped > 0 {
            let Some(end) = memchr::memchr(b'\n', &bytes[..self.filled]) else {
                self.skipped += self.filled as u64;
                self.filled = 0;
                return Flow::On;
            };
            let length = self.skipped + end as u64;
            let excerpt = std::mem::take(&mut self.excerpt);
            let flow = each(Piece::TooLong(&excerpt, length), self.offset);
            self.offset += length + 1;
            self.skipped = 0;
            begin = end + 1;
            if flow == Flow::Stop {
                return flow;
            }
        }
        let nuls = nuls(&bytes[begin..self.filled]);
        if begin + nuls == self.filled {
            // Whether anything follows is not known yet.
            self.hole += nuls as u64;
            self.filled = 0;
            return Flow::On;
        }
        begin += nuls;
        if self.hole + nuls as u64 > 0 && self.leap(nuls, each) == Flow::Stop {
            return Flow::Stop;
        }
        let from = begin.max(old);
        let end = memchr::memrchr(b'\n', &bytes[from..self.filled]).map_or(begin, |at| from + at + 1);
        if self.hand_on(&bytes[begin..end], each) == Flow::Stop {
            return Flow::Stop;
        }
        bytes.copy_within(end..self.filled, 0);
        self.filled -= end;
        if self.filled > LONGEST_LINE {
            self.excerpt = bytes[..EXCERPT].to_vec();
            self.skipped = self.filled as u64;
            self.filled = 0;
        }
        Flow::On
    }

    /// Steps over a hole, of which the last `nuls` bytes have just been seen.
    fn leap(&mut self, nuls: usize, each: &mut dyn FnMut(Piece<'_>, u64) -> Flow) -> Flow {
        let length = std::mem::take(&mut self.hole) + nuls as u64;
        let flow = each(Piece::Hole(length), self.offset);
        self.offset += length;
        flow
    }

    /// Hands on whole lines, and the holes between them.
    fn hand_on(&mut self, mut lines: &[u8], each: &mut dyn FnMut(Piece<'_>, u64) -> Flow) -> Flow {
        while !lines.is_empty() {
            let end = memchr::memmem::find(lines, b"\n\0").map_or(lines.len(), |at| at + 1);
            for block in blocks(&lines[..end]) {
                let flow = each(Piece::Lines(block), self.offset);
                self.offset += block.len() as u64;
                if flow == Flow::Stop {
                    return flow;
                }
            }
            lines = &lines[end..];
            let nuls = nuls(lines);
            if nuls > 0 && self.leap(nuls, each) == Flow::Stop {
                return Flow::Stop;
            }
            lines = &lines[nuls..];
        }
        Flow::On
    }

    fn rest(&mut self, bytes: &[u8], each: &mut dyn FnMut(Piece<'_>, u64) -> Flow) {
        if self.skipped > 0 {
            each(Piece::UnfinishedTooLong(&self.excerpt, self.skipped + bytes.len() as u64), self.offset);
            return;
        }
        let nuls = nuls(bytes);
        if nuls == bytes.len() || (nuls > 0 && self.leap(nuls, each) == Flow::Stop) {
            return;
        }
        each(Piece::Unfinished(&bytes[nuls..]), self.offset);
    }
}

/// Counts the NUL bytes at the front.
fn nuls(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == 0).count()
}

/// Cuts whole lines into blocks of at most [`BLOCK`] bytes, or one line where it is longer.
fn blocks(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if lines.is_empty() {
            return None;
        }
        let end = if lines.len() <= BLOCK {
            lines.len()
        } else {
            let short = memchr::memrchr(b'\n', &lines[..BLOCK]);
            let end = short.or_else(|| memchr::memchr(b'\n', &lines[BLOCK..]).map(|at| BLOCK + at));
            end.map_or(lines.len(), |at| at + 1)
        };
        let (block, rest) = lines.split_at(end);
        lines = rest;
        Some(block)
    })
}

/// Returns the beginning of the first line at or after `offset`, at most `end`.
pub fn next_line(file: &File, offset: u64, end: u64) -> io::Result<u64> {
    let mut bytes = vec![0_u8; 64 << 10];
    // From one byte before: a line that begins exactly at the offset counts.
    let mut source = Stretch { file, at: offset.saturating_sub(1), end };
    loop {
        let before = source.at;
        let read = source.read(&mut bytes)?;
        if read == 0 {
            return Ok(end);
        }
        if let Some(at) = memchr::memchr(b'\n', &bytes[..read]) {
            return Ok(before + at as u64 + 1);
        }
    }
}

/// Keeps count of where the lines of a file stand.
pub fn advance(place: &mut Place, block: &[u8]) {
    place.offset += block.len() as u64;
    if place.line > 0 {
        place.line += memchr::memchr_iter(b'\n', block).count() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes in pieces of given sizes.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn cut(bytes: &[u8], step: usize) -> (Vec<u8>, Vec<u8>, u64) {
        let (mut whole, mut rest) = (Vec::new(), Vec::new());
        let end = lines(&mut Drip(bytes, step), 0, &mut Buffer::default(), &mut |piece, offset| {
            match piece {
                Piece::Lines(block) => {
                    assert_eq!(offset, whole.len() as u64);
                    assert!(block.ends_with(b"\n"));
                    whole.extend_from_slice(block);
                }
                Piece::Hole(length) => {
                    assert!(whole.last().is_none_or(|&last| last == b'\n'));
                    whole.extend(vec![0; usize::try_from(length).unwrap()]);
                }
                Piece::Unfinished(bytes) => rest = bytes.to_vec(),
                _ => panic!("{piece:?}"),
            }
            Flow::On
        });
        (whole, rest, end.unwrap())
    }

    proptest! {
        #[test]
        fn however_the_bytes_arrive_the_lines_are_the_same(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0), any::<u8>()], 0..200),
            step in 1_usize..40,
        ) {
            let (whole, rest, end) = cut(&text, step);
            prop_assert_eq!(end, whole.len() as u64);
            prop_assert!(!rest.starts_with(&[0]) && !rest.contains(&b'\n'));
            let all = [whole, rest].concat();
            prop_assert!(text.starts_with(&all));
            // Only a hole that nothing follows stays behind.
            let left = &text[all.len()..];
            prop_assert!(left.is_empty() || all.last().is_none_or(|&last| last == b'\n'));
            prop_assert!(left.iter().all(|&byte| byte == 0));
        }
    }

    #[test]
    fn a_huge_line_is_skipped_and_its_length_known() {
        let huge = 100_000_000_u64;
        let mut source = (&b"a\n"[..]).chain(io::repeat(b'x').take(huge)).chain(&b"\nb\n"[..]);
        let mut seen = Vec::new();
        let mut buffer = Buffer::default();
        let end = lines(&mut source, 0, &mut buffer, &mut |piece, offset| {
            match piece {
                Piece::Lines(block) => seen.push((offset, block.len() as u64)),
                Piece::TooLong(excerpt, length) => {
                    assert_eq!(excerpt.len(), 800);
                    seen.push((offset, length));
                }
                _ => panic!("{piece:?}"),
            }
            Flow::On
        });
        assert_eq!(end.unwrap(), huge + 5);
        assert_eq!(seen, [(0, 2), (2, huge), (huge + 3, 2)]);
        assert!(buffer.0.capacity() <= BUFFER * 2);
    }

    /// Cuts a source and tells each piece by its offset, its kind and its length.
    fn pieces(source: &mut dyn Read) -> (Vec<(u64, &'static str, u64)>, u64) {
        let mut seen = Vec::new();
        let mut buffer = Buffer::default();
        let end = lines(source, 0, &mut buffer, &mut |piece, offset| {
            let (kind, length) = match piece {
                Piece::Lines(block) => ("lines", block.len() as u64),
                Piece::Hole(length) => ("hole", length),
                Piece::TooLong(_, length) => ("long", length),
                Piece::Unfinished(bytes) => ("half", bytes.len() as u64),
                Piece::UnfinishedTooLong(_, length) => ("long half", length),
            };
            seen.push((offset, kind, length));
            Flow::On
        });
        assert!(buffer.0.capacity() <= BUFFER * 2);
        (seen, end.unwrap())
    }

    #[test]
    fn a_line_behind_a_hole_is_read_however_large_the_hole_is() {
        for step in [1, 2, 3, 100] {
            let mut source = Drip(b"\0\0a\nb\n\0\0\0c\n\0", step);
            let (seen, end) = pieces(&mut source);
            let holes: Vec<_> = seen.iter().filter(|(_, kind, _)| *kind == "hole").copied().collect();
            assert_eq!((holes, end), (vec![(0, "hole", 2), (6, "hole", 3)], 11), "{step} {seen:?}");
            let lines: u64 = seen.iter().filter(|(_, kind, _)| *kind == "lines").map(|piece| piece.2).sum();
            assert_eq!(lines, 6);
        }
        let huge = 5_000_000;
        let (seen, end) = pieces(&mut (&b"a\n"[..]).chain(io::repeat(0).take(huge)).chain(&b"b\n"[..]));
        assert_eq!(seen, [(0, "lines", 2), (2, "hole", huge), (huge + 2, "lines", 2)]);
        assert_eq!(end, huge + 4);
    }

    #[test]
    fn a_hole_with_nothing_after_it_may_still_be_filled() {
        let (seen, end) = pieces(&mut (&b"a\n"[..]).chain(io::repeat(0).take(3_000_000)));
        assert_eq!((seen, end), (vec![(0, "lines", 2)], 2));
    }

    #[test]
    fn blocks_stay_small() {
        let text = b"0123456789\n".repeat(100_000);
        let sizes: Vec<usize> = blocks(&text).map(<[u8]>::len).collect();
        assert_eq!(sizes.iter().sum::<usize>(), text.len());
        assert!(sizes.iter().all(|&size| size <= BLOCK && size % 11 == 0));
    }
}
