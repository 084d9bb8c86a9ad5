//! The books as text: which sums are asked for, and how they are laid out for people and programs.

pub mod query;
pub mod filter;
pub mod resolve;
pub mod spill;
pub mod part;
pub mod lane;
pub mod build;
pub mod desk;
pub mod text;
pub mod table;
pub mod json;
pub mod csv;
pub mod verify;

use crate::domain::claim::Copy;
use crate::domain::label::Label;
use crate::domain::observation::{BadLine, Tally};
use crate::domain::rollup::Sums;
use query::{By, Key};

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The cells it is summed under, in the order of [`Report::by`].
    pub key: Key,
    /// What it comes to.
    pub sums: Sums,
}

/// What one source gave to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// A path or table.
    pub source: Label,
    /// Its format.
    pub format: Label,
    /// Answered calls of it that count.
    pub calls: i64,
    /// Failed calls of it that count.
    pub failed: i64,
    /// Calls that were made before or after the time asked for.
    pub outside: u64,
    /// Lines read, skipped and bad.
    pub tally: Tally,
    /// Records dropped, by rule.
    pub copies: [u64; Copy::ALL.len()],
    /// What the reader noticed.
    pub note: Option<String>,
}

impl SourceLine {
    /// Returns how many records were dropped as copies.
    pub fn duplicates(&self) -> u64 {
        self.copies.iter().sum()
    }
}

/// A finished report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The zone its days are cut in.
    pub zone: String,
    /// What it is summed by.
    pub by: Vec<By>,
    /// Its rows, sorted by key.
    pub rows: Vec<Row>,
    /// The sum of all rows.
    pub total: Sums,
    /// Where the figures come from.
    pub sources: Vec<SourceLine>,
    /// The first lines that could not be read, with their source.
    pub bad: Vec<(Label, BadLine)>,
}

impl Report {
    /// Returns how many lines of all sources could not be read.
    pub fn bad_lines(&self) -> u64 {
        self.sources.iter().map(|source| source.tally.bad).sum()
    }

    /// Returns how many records of all sources were dropped as copies.
    pub fn duplicates(&self) -> u64 {
        self.sources.iter().map(SourceLine::duplicates).sum()
    }
}
