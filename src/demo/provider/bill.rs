//! The simulated provider's bill: one line per request, and the sums.

use std::collections::VecDeque;
use std::fmt::Write;

use super::route::Api;
use crate::domain::money::Money;
use crate::domain::time::Timestamp;
use crate::domain::tokens::TokenCount;

/// How a request ended, as the provider saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer was handed over.
    Complete,
    /// The provider broke off by script.
    Cut,
    /// The client was gone before the end.
    ClientGone,
    /// Refused, and not billed.
    Refused,
}

impl Ending {
    const fn as_str(self) -> &'static str {
        match self {
            Ending::Complete => "complete",
            Ending::Cut => "cut",
            Ending::ClientGone => "client_gone",
            Ending::Refused => "refused",
        }
    }
}

/// What one request was billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which API was asked.
    pub api: Api,
    /// The model as the request named it.
    pub model: String,
    /// The key that paid.
    pub key: String,
    /// What was used.
    pub tokens: TokenCount,
    /// What it cost.
    pub cost: Money,
    /// When the request came.
    pub at: Timestamp,
    /// The status of the answer.
    pub status: u16,
    /// The largest output limit that the request named.
    pub limit: Option<u64>,
    /// How it ended.
    pub ending: Ending,
}

/// All that was billed since the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Requests, refused ones too.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// The sum of what was used.
    pub tokens: TokenCount,
    /// The sum of what it cost.
    pub cost: Money,
    /// The newest lines, oldest first.
    pub lines: VecDeque<Line>,
    /// Lines that are in the sums only.
    pub dropped: u64,
}

impl Bill {
    /// Adds a line; of the lines the newest `keep` stay.
    pub(super) fn add(&mut self, line: Line, keep: usize) {
        self.requests += 1;
        self.refused += u64::from(line.ending == Ending::Refused);
        self.tokens += line.tokens;
        self.cost += line.cost;
        self.lines.push_back(line);
        while self.lines.len() > keep {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }

    /// Returns the bill as JSON, with how often each fault fired.
    pub(super) fn to_json(&self, fired: &[(&str, u64)]) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            r#"{{"requests":{},"refused":{},"nanodollars":{},"tokens":{},"dropped":{},"fired":{{"#,
            self.requests,
            self.refused,
            self.cost.nanos(),
            tokens(&self.tokens),
            self.dropped
        );
        let faults: Vec<_> = fired.iter().map(|(word, count)| format!(r#""{word}":{count}"#)).collect();
        let lines: Vec<_> = self.lines.iter().map(Line::to_json).collect();
        let _ = write!(out, r#"{}}},"lines":[{}]}}"#, faults.join(","), lines.join(","));
        out
    }
}

impl Line {
    fn to_json(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            r#"{{"api":"{}","model":{},"key":{},"tokens":{},"nanodollars":{},"at_ms":{},"status":{},"limit":{},"ending":"{}"}}"#,
            self.api.as_str(),
            text(&self.model),
            text(&self.key),
            tokens(&self.tokens),
            self.cost.nanos(),
            self.at.millis(),
            self.status,
            self.limit.map_or_else(|| "null".to_owned(), |limit| limit.to_string()),
            self.ending.as_str()
        )
    }
}

fn tokens(tokens: &TokenCount) -> String {
    format!(
        r#"{{"input":{},"cache_read":{},"cache_write_short":{},"cache_write_long":{},"output":{},"reasoning":{}}}"#,
        tokens.input.count(),
        tokens.cache_read.count(),
        tokens.cache_write_short.count(),
        tokens.cache_write_long.count(),
        tokens.output.count(),
        tokens.reasoning.count()
    )
}
