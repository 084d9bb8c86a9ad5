//! Bytes to domain and back, pure: one file per foreign ledger format, and the table of formats.

pub mod json;
pub mod flat;
pub mod usage;
pub mod time;
pub mod row;
pub mod tenant;
pub mod native;
pub mod claude_code;
pub mod codex;
pub mod litellm;
pub mod llm;
pub mod document;
pub mod opencode;
pub mod gemini_cli;
pub mod otel;
pub mod openai_batch;
pub mod body;
pub mod mapping;
pub mod generic;
pub mod price_file;
pub mod format;
pub mod dialect;

use std::path::Path;

use crate::domain::call::TenantId;
use crate::domain::label::printable;
use crate::domain::observation::{BadLine, Decoded};
use crate::domain::time::Timestamp;

/// What a decoder is told about the file it reads.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The file's path; some formats say in it whose call it is.
    pub path: &'a Path,
    /// A tenant for every call of this file, from the configuration; wins over what the lines say.
    pub tenant: Option<TenantId>,
    /// When the file was first seen (its modification time at that moment): the time of records that
    /// carry none.
    pub first_seen: Timestamp,
    /// Place of the file in the reading order; the high half of every claim's order.
    pub rank: u32,
}

impl Origin<'_> {
    /// Returns a record's place in reading order: later files, then later bytes, are larger.
    pub fn order(rank: u32, offset: u64) -> u64 {
        (u64::from(rank) << 40) | (offset & ((1 << 40) - 1))
    }
}

/// Turns the lines of one file into calls.
///
/// A decoder never fails: what it cannot read goes to [`Decoded::bad`], what is not a call to the tally.
pub trait Decoder: Send {
    /// Reads one line, without its line end, that begins at byte `offset`. `number` is its line number
    /// from 1.
    fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded);

    /// Reads a block of whole lines that begins at byte `offset`.
    ///
    /// Formats with a quick way to tell lines that cannot be calls override it; the rest is split here.
    fn block(&mut self, block: &[u8], start: Place, out: &mut Decoded) {
        let (mut place, mut from) = (start, 0);
        let rest = (block.last().is_some_and(|&last| last != b'\n')).then_some(block.len());
        for end in memchr::memchr_iter(b'\n', block).map(|at| at + 1).chain(rest) {
            let line = &block[from..end];
            from = end;
            self.line(trim_line(line), place, out);
            out.tally.lines += 1;
            place.offset += line.len() as u64;
            place.line += 1;
        }
    }

    /// Called when the end of what is there has been reached: calls held back to see what follows
    /// must come out now. More lines may follow later.
    fn pause(&mut self, _out: &mut Decoded) {}
}

/// Where a line stands in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte offset of its first byte.
    pub offset: u64,
    /// Line number, from 1.
    pub line: u64,
}

/// Takes the line end (LF or CRLF) off, and a byte order mark from the front.
pub fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// Describes a line that could not be read.
pub fn bad_line(line: &[u8], place: Place, reason: impl Into<String>) -> BadLine {
    let head = &line[..line.len().min(800)];
    BadLine {
        offset: place.offset,
        line: place.line,
        length: line.len() as u64,
        reason: reason.into(),
        excerpt: printable(&String::from_utf8_lossy(head), 200),
    }
}
