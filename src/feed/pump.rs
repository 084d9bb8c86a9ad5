//! Hands what was read to a decoder, and what the decoder made of it on in batches of bounded size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::mark::{half, proofs};
use super::read::{Buffer, Flow, Piece, Stretch, advance, lines};
use crate::domain::label::{Label, printable};
use crate::domain::mark::{Mark, Sight};
use crate::domain::observation::{BadLine, Batch, Decoded};
use crate::domain::time::Timestamp;
use crate::wire::format::Format;
use crate::wire::{Decoder, Origin, Place};

/// Calls collected before they are handed on.
const BATCH: usize = 1024;

/// What to do with a last line that has no line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Leave it: its writer may not be done.
    Leave,
    /// Read it if it can be read, but do not step past it: if it grows it is read again, and recognised.
    Try,
}

/// A file that is being read, as its batches name it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Its format.
    pub format: &'a Format,
    /// The descriptor, where its marks can be proved (not where it is packed).
    pub proof: Option<&'a File>,
    /// How it looked before it was read.
    pub sight: Sight,
}

impl Subject<'_> {
    /// Returns a batch of this file.
    pub fn batch(&self, decoded: Decoded, mark: Option<Mark>) -> Batch {
        Batch { source: source(self.path), format: self.format.name(), decoded, mark, note: None }
    }

    /// Returns the mark of a file that has been read to its end.
    pub fn mark(&self, offset: u64) -> Option<Mark> {
        self.mark_at(offset, self.sight)
    }

    /// Returns the mark of a file of which more is known to follow: no later look may take it for done.
    fn mark_within(&self, offset: u64) -> Option<Mark> {
        self.mark_at(offset, Sight { file: self.sight.file, size: offset, modified: 0, changed: 0 })
    }

    fn mark_at(&self, offset: u64, sight: Sight) -> Option<Mark> {
        let (head, tail) = match self.proof {
            Some(file) => proofs(file, offset).map(|proofs| (proofs.head, proofs.tail)).ok()?,
            None => (0, 0),
        };
        let half = self.proof.and_then(|file| half(file, offset, sight.size));
        let path = self.path.to_string_lossy().into();
        Some(Mark { path, format: self.format.name(), sight, offset, head, tail, half, cursor: None })
    }
}

/// Returns a path as a source's name.
pub fn source(path: &Path) -> Label {
    Label::from_bytes(path.as_os_str().as_encoded_bytes())
}

/// Tells a decoder about a file.
pub fn origin<'a>(path: &'a Path, ledger: &super::ledger::Ledger, sight: &Sight, rank: u32) -> Origin<'a> {
    let millis = i64::try_from(sight.modified / 1_000_000).unwrap_or(0);
    Origin {
        path,
        tenant: ledger.tenant.as_ref().map(|rule| rule.tenant(path)),
        first_seen: Timestamp::from_millis(millis),
        rank,
    }
}

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Where the last whole line ended.
    pub place: Place,
    /// Bytes after it that were not read.
    pub pending: u64,
    /// Whether the receiver still listens.
    pub flow: Flow,
}

/// Takes a full batch, with the offset reached.
pub type Full<'a> = &'a mut dyn FnMut(&mut Decoded, u64) -> Flow;

/// Reads a stream to its end through a decoder.
///
/// `out` collects; it is handed to `full` whenever it holds a batch, with the offset reached. What is
/// left in it at the end is the caller's to send.
pub fn pump(
    stream: &mut dyn Read,
    start: (Place, Last),
    decoder: &mut dyn Decoder,
    out: &mut Decoded,
    tools: (&mut Buffer, Full<'_>),
) -> io::Result<Ended> {
    let ((mut place, last), (buffer, full)) = (start, tools);
    let (mut pending, mut flow) = (0, Flow::On);
    let begin = place.offset;
    lines(stream, begin, buffer, &mut |piece, _| {
        match piece {
            Piece::Lines(block) => {
                decoder.block(block, place, out);
                if place.line == 0 {
                    out.bad.iter_mut().for_each(|bad| bad.line = 0);
                }
                advance(&mut place, block);
            }
            Piece::Hole(length) => {
                out.bad(hole(place, length));
                out.tally.lines += 1;
                place.offset += length;
            }
            Piece::TooLong(excerpt, length) => {
                out.bad(too_long(excerpt, place, length));
                out.tally.lines += 1;
                place.offset += length + 1;
                place.line += u64::from(place.line > 0);
            }
            Piece::Unfinished(bytes) => {
                let read = last == Last::Try && try_last(bytes, place, decoder, out);
                pending = if read { 0 } else { bytes.len() as u64 };
            }
            Piece::UnfinishedTooLong(excerpt, length) => {
                pending = length;
                if last == Last::Try {
                    out.bad(too_long(excerpt, place, length));
                    out.tally.lines += 1;
                }
            }
        }
        if out.calls.len() >= BATCH || out.bad.len() >= Decoded::BAD_KEPT {
            flow = full(out, place.offset);
        }
        flow
    })?;
    decoder.pause(out);
    Ok(Ended { place, pending, flow })
}

/// Brings a decoder that carries state over lines to where an earlier run has stopped, and returns that
/// place. What the lines before it say is in the store already, with their counts, and is dropped here.
pub fn replay(file: &File, offset: u64, decoder: &mut dyn Decoder, buffer: &mut Buffer) -> io::Result<Place> {
    let mut stretch = Stretch { file, at: 0, end: offset };
    let mut forget = |out: &mut Decoded, _| {
        *out = Decoded::default();
        Flow::On
    };
    let start = (Place { offset: 0, line: 1 }, Last::Leave);
    pump(&mut stretch, start, decoder, &mut Decoded::default(), (buffer, &mut forget))
        .map(|ended| ended.place)
}

/// Reads a last line without line end, and says whether it gave calls; what cannot be read is taken for
/// unfinished.
fn try_last(bytes: &[u8], place: Place, decoder: &mut dyn Decoder, out: &mut Decoded) -> bool {
    let mut attempt = Decoded::default();
    decoder.block(bytes, place, &mut attempt);
    if attempt.tally.bad == 0 {
        out.tally.add(&attempt.tally);
    }
    let read = attempt.tally.bad == 0 && !attempt.calls.is_empty();
    if read {
        out.calls.append(&mut attempt.calls);
    }
    read
}

fn hole(place: Place, length: u64) -> BadLine {
    let reason = format!("{length} NUL bytes where a line begins: left out, what follows is read");
    BadLine { offset: place.offset, line: place.line, length, reason, excerpt: String::new() }
}

fn too_long(excerpt: &[u8], place: Place, length: u64) -> BadLine {
    BadLine {
        offset: place.offset,
        line: place.line,
        length,
        reason: "longer than 64 MiB: skipped".to_owned(),
        excerpt: printable(&String::from_utf8_lossy(excerpt), 200),
    }
}

/// Takes what was read, and leaves room for as many calls again.
pub fn emptied(out: &mut Decoded) -> Decoded {
    let calls = Vec::with_capacity(out.calls.len());
    std::mem::replace(out, Decoded { calls, ..Decoded::default() })
}

/// Sends full batches of a file with the mark reached.
pub fn sending<'a>(
    subject: Subject<'a>,
    sink: &'a mut dyn FnMut(Batch) -> bool,
) -> impl FnMut(&mut Decoded, u64) -> Flow + 'a {
    move |out, offset| {
        let mark = subject.mark_within(offset);
        if sink(subject.batch(emptied(out), mark)) { Flow::On } else { Flow::Stop }
    }
}
