//! The table of ledger formats: their names, how each is recognised, and who decodes it.

use std::sync::Arc;

use super::mapping::Mapping;
use super::row::Row;
use super::{Decoder, Origin};
use crate::domain::label::Label;
use crate::domain::observation::Decoded;

/// A ledger format.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Our own line (`docs/ledger.md`).
    Native,
    /// Claude Code transcripts.
    ClaudeCode,
    /// Codex CLI rollouts.
    Codex,
    /// LiteLLM callback objects and `SpendLogs` rows, as JSON.
    Litellm,
    /// LiteLLM `SpendLogs` rows, as CSV.
    LitellmCsv,
    /// simonw/llm `logs.db`.
    Llm,
    /// OpenCode's database.
    OpenCode,
    /// OpenCode's messages, a file each, as releases before the database kept them.
    OpenCodeFile,
    /// Gemini CLI sessions.
    GeminiCli,
    /// OTLP/JSON lines: GenAI spans and logs.
    Otel,
    /// OpenAI batch output, and Anthropic batch results.
    OpenAiBatch,
    /// Provider answers, one per line.
    Body,
    /// Anything else, by a mapping from the configuration.
    Mapped(Arc<Mapping>),
}

/// How a format lies on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Lines that can be read from any line on.
    Lines,
    /// Lines (or one document) that only make sense from the first one on: after a restart the file is
    /// read anew, and what was counted before is recognised.
    Story,
    /// A SQLite database.
    Sqlite,
}

/// A question to a foreign database, and how to go on from where the last answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// A `SELECT`. Where `cursor` names a column, it holds one `?1`: the largest value of that column
    /// seen so far (null at first), and only rows at or after it come back.
    pub sql: String,
    /// The column to remember, where rows are only added (or carry the time of their last change).
    pub cursor: Option<String>,
}

/// Reads the rows of a foreign database.
pub trait RowDecoder: Send {
    /// Returns what to ask, given a way to look up a table's columns (`None`: no such table).
    ///
    /// The error says in plain words which table or column is missing.
    fn queries(&self, columns: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Vec<Query>, String>;

    /// Reads one row of the answer to `queries()[query]`; `number` counts rows from 1. Whoever hands the
    /// row on counts it.
    fn row(&mut self, query: usize, row: &Row<'_>, number: u64, out: &mut Decoded);
}

impl Format {
    /// The formats with a fixed name, in the order the help lists them.
    pub const NAMED: [Format; 12] = [
        Format::Native,
        Format::ClaudeCode,
        Format::Codex,
        Format::Litellm,
        Format::LitellmCsv,
        Format::Llm,
        Format::OpenCode,
        Format::OpenCodeFile,
        Format::GeminiCli,
        Format::Otel,
        Format::OpenAiBatch,
        Format::Body,
    ];

    /// Returns its name on the command line and in reports.
    pub fn name(&self) -> Label {
        Label::new(match self {
            Format::Native => "native",
            Format::ClaudeCode => "claude-code",
            Format::Codex => "codex",
            Format::Litellm => "litellm",
            Format::LitellmCsv => "litellm-csv",
            Format::Llm => "llm",
            Format::OpenCode => "opencode",
            Format::OpenCodeFile => "opencode-json",
            Format::GeminiCli => "gemini-cli",
            Format::Otel => "otlp",
            Format::OpenAiBatch => "openai-batch",
            Format::Body => "provider-body",
            Format::Mapped(mapping) => return mapping.name,
        })
    }

    /// Finds a format with a fixed name.
    pub fn parse(name: &str) -> Option<Format> {
        Format::NAMED.into_iter().find(|format| format.name().as_str() == name)
    }

    /// Says how it lies on disk.
    pub fn container(&self) -> Container {
        match self {
            Format::Native
            | Format::ClaudeCode
            | Format::Litellm
            | Format::Otel
            | Format::OpenAiBatch
            | Format::Body => Container::Lines,
            Format::Codex | Format::GeminiCli | Format::OpenCodeFile | Format::LitellmCsv => Container::Story,
            Format::Llm | Format::OpenCode => Container::Sqlite,
            Format::Mapped(mapping) => mapping.container(),
        }
    }

    /// Returns a decoder for one file; `None` for databases.
    pub fn decoder(&self, origin: &Origin<'_>) -> Option<Box<dyn Decoder>> {
        Some(match self {
            Format::Native => Box::new(super::native::Native::new(origin)),
            Format::ClaudeCode => Box::new(super::claude_code::ClaudeCode::new(origin)),
            Format::Codex => Box::new(super::codex::Codex::new(origin)),
            Format::Litellm => Box::new(super::litellm::Litellm::new(origin)),
            Format::LitellmCsv => Box::new(super::litellm::LitellmCsv::new(origin)),
            Format::OpenCodeFile => Box::new(super::opencode::OpenCodeFile::new(origin)),
            Format::GeminiCli => Box::new(super::gemini_cli::GeminiCli::new(origin)),
            Format::Otel => Box::new(super::otel::Otel::new(origin)),
            Format::OpenAiBatch => Box::new(super::openai_batch::OpenAiBatch::new(origin)),
            Format::Body => Box::new(super::body::Body::new(origin)),
            Format::Mapped(mapping) => return super::generic::decoder(mapping, origin),
            Format::Llm | Format::OpenCode => return None,
        })
    }

    /// Returns a reader for the rows of one database; `None` for files of lines.
    pub fn row_decoder(&self, origin: &Origin<'_>) -> Option<Box<dyn RowDecoder>> {
        match self {
            Format::Llm => Some(Box::new(super::llm::Llm::new(origin))),
            Format::OpenCode => Some(Box::new(super::opencode::OpenCode::new(origin))),
            Format::Mapped(mapping) => super::generic::row_decoder(mapping, origin),
            _ => None,
        }
    }
}
