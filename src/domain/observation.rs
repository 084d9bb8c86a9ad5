//! What a feed hands on: calls, what could not be read, and how far the source has been read.

use xxhash_rust::xxh3::Xxh3Default;

use super::call::Call;
use super::label::Label;
use super::mark::Mark;

/// A line or row that could not be read. Shown and counted, never fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Byte offset of the line in its file (row number in a table).
    pub offset: u64,
    /// Line number, from 1; 0 where it is not known.
    pub line: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Why, in plain words.
    pub reason: String,
    /// Up to 200 characters of it, made safe to show.
    pub excerpt: String,
}

impl BadLine {
    /// Returns what tells it from others: where it stands and what it says, whatever its source is called.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        hash.update(&self.offset.to_le_bytes());
        hash.update(&self.length.to_le_bytes());
        hash.update(self.reason.as_bytes());
        hash.update(&[0]);
        hash.update(self.excerpt.as_bytes());
        hash.digest()
    }
}

/// Why a line that could be read is not a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A record of another kind: a prompt, a header, a setting.
    OtherRecord,
    /// A notice made by the client, not by a model.
    Synthetic,
    /// A running total or another report of a call that is counted elsewhere.
    Repeat,
    /// An answer without token counts.
    NoUsage,
    /// Left out by the mapping's filter.
    Filtered,
    /// An empty line.
    Blank,
}

impl Skip {
    /// All, in the order of their counters.
    pub const ALL: [Skip; 6] =
        [Skip::OtherRecord, Skip::Synthetic, Skip::Repeat, Skip::NoUsage, Skip::Filtered, Skip::Blank];

    /// Returns the reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Skip::OtherRecord => "not a call",
            Skip::Synthetic => "notice of the client",
            Skip::Repeat => "repeats a call counted elsewhere",
            Skip::NoUsage => "no token counts",
            Skip::Filtered => "left out by the mapping",
            Skip::Blank => "blank",
        }
    }
}

/// How many lines were read and left out, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines (rows) looked at; a line that holds several records counts once for each. Every one of them is
    /// a call, left out or bad.
    pub lines: u64,
    /// Left out, by [`Skip`].
    pub skipped: [u64; Skip::ALL.len()],
    /// Could not be read.
    pub bad: u64,
    /// Bytes that were never seen: cut away before they could be read.
    pub lost: u64,
}

impl Tally {
    /// Counts one more line left out.
    pub fn skip(&mut self, why: Skip) {
        self.skipped[why as usize] += 1;
    }

    /// Adds the counts of another tally.
    pub fn add(&mut self, other: &Tally) {
        self.lines += other.lines;
        self.bad += other.bad;
        self.lost += other.lost;
        for (mine, theirs) in self.skipped.iter_mut().zip(other.skipped) {
            *mine += theirs;
        }
    }
}

/// What a decoder made of a stretch of a ledger.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The calls, in reading order.
    pub calls: Vec<Call>,
    /// What could not be read. At most [`Decoded::BAD_KEPT`] are kept between two drains; all are counted.
    pub bad: Vec<BadLine>,
    /// The fingerprints of all bad lines, kept or not: those of a copy of a file are told by them.
    pub fingerprints: Vec<u64>,
    /// Counts.
    pub tally: Tally,
}

impl Decoded {
    /// Bad lines kept with their text between two drains.
    pub const BAD_KEPT: usize = 200;

    /// Counts the records of one line beyond the first, each as a line of its own.
    pub fn more_records(&mut self, records: u64) {
        self.tally.lines += records.saturating_sub(1);
    }

    /// Counts a bad line, and keeps it while there is room.
    pub fn bad(&mut self, line: BadLine) {
        self.tally.bad += 1;
        self.fingerprints.push(line.fingerprint());
        if self.bad.len() < Decoded::BAD_KEPT {
            self.bad.push(line);
        }
    }
}

/// A step forward in one source: to be recorded in one transaction.
#[derive(Debug)]
pub struct Batch {
    /// The source as the user sees it: a path or a table.
    pub source: Label,
    /// Its format, by its command-line name.
    pub format: Label,
    /// What was read.
    pub decoded: Decoded,
    /// Where the source stands once this is recorded; `None` for what keeps no place (a table that is
    /// read anew).
    pub mark: Option<Mark>,
    /// What the reader noticed about the source, for its line on the screen: rotated, truncated, locked.
    pub note: Option<String>,
}
