//! The parts of a rollout line that matter.

use serde::Deserialize;

use super::super::json::Raw;
use crate::domain::tokens::TokenCount;

/// One line.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    /// When it was written.
    #[serde(borrow, default)]
    pub timestamp: Raw<'a>,
    /// Its number, in files that are read in pages.
    #[serde(borrow, default)]
    pub ordinal: Raw<'a>,
    /// What the payload is.
    #[serde(borrow, default, rename = "type")]
    pub kind: Raw<'a>,
    /// The rest.
    #[serde(borrow, default)]
    pub payload: Raw<'a>,
}

/// A thread's header.
#[derive(Debug, Deserialize)]
pub struct Meta<'a> {
    /// The thread.
    #[serde(borrow, default)]
    pub id: Raw<'a>,
    /// The thread whose history it begins with.
    #[serde(borrow, default)]
    pub forked_from_id: Raw<'a>,
    /// The thread that started it.
    #[serde(borrow, default)]
    pub parent_thread_id: Raw<'a>,
    /// Where its own part begins.
    #[serde(borrow, default)]
    pub subagent_history_start_ordinal: Raw<'a>,
    /// The directory it works in.
    #[serde(borrow, default)]
    pub cwd: Raw<'a>,
    /// Who bills.
    #[serde(borrow, default)]
    pub model_provider: Raw<'a>,
}

/// A turn's header.
#[derive(Debug, Deserialize)]
pub struct Turn<'a> {
    /// The turn.
    #[serde(borrow, default)]
    pub turn_id: Raw<'a>,
    /// Its model.
    #[serde(borrow, default)]
    pub model: Raw<'a>,
}

/// The usage of one response.
#[derive(Debug, Deserialize)]
pub struct Record<'a> {
    /// The thread that owns it.
    #[serde(borrow, default)]
    pub thread_id: Raw<'a>,
    /// Its turn.
    #[serde(borrow, default)]
    pub turn_id: Raw<'a>,
    /// The turn that started its thread.
    #[serde(borrow, default)]
    pub root_turn_id: Raw<'a>,
    /// The response.
    #[serde(borrow, default)]
    pub response_id: Raw<'a>,
    /// The counts of the response.
    #[serde(borrow, default)]
    pub usage: Raw<'a>,
    /// The running sum of the thread.
    #[serde(borrow, default)]
    pub thread_token_usage: Raw<'a>,
}

/// A compaction's notice.
#[derive(Debug, Deserialize)]
pub struct Compacted<'a> {
    /// A copy of the latest record.
    #[serde(borrow, default)]
    pub latest_token_usage_record: Raw<'a>,
}

/// An event.
#[derive(Debug, Deserialize)]
pub struct Event<'a> {
    /// What happened.
    #[serde(borrow, default, rename = "type")]
    pub kind: Raw<'a>,
    /// The counter.
    #[serde(borrow, default)]
    pub info: Raw<'a>,
    /// The thread it happened to.
    #[serde(borrow, default)]
    pub thread_id: Raw<'a>,
    /// The thread's settings.
    #[serde(borrow, default)]
    pub thread_settings: Raw<'a>,
}

/// A thread's settings.
#[derive(Debug, Deserialize)]
pub struct Settings<'a> {
    /// The tier asked for.
    #[serde(borrow, default)]
    pub service_tier: Raw<'a>,
}

/// A running counter.
#[derive(Debug, Deserialize)]
pub struct Info<'a> {
    /// The model, where a writer states it here.
    #[serde(borrow, default)]
    pub model: Raw<'a>,
    /// The sum so far.
    #[serde(borrow, default)]
    pub total_token_usage: Raw<'a>,
    /// The counts of the latest response.
    #[serde(borrow, default)]
    pub last_token_usage: Raw<'a>,
}

#[derive(Debug, Deserialize)]
struct Usage<'a> {
    #[serde(borrow, default, rename = "input_tokens")]
    input: Raw<'a>,
    #[serde(borrow, default, rename = "cached_input_tokens")]
    cached: Raw<'a>,
    #[serde(borrow, default, rename = "cache_write_input_tokens")]
    written: Raw<'a>,
    #[serde(borrow, default, rename = "output_tokens")]
    output: Raw<'a>,
    #[serde(borrow, default, rename = "reasoning_output_tokens")]
    reasoning: Raw<'a>,
}

/// Token counts as Codex states them: cached and written ones inside the input, reasoning inside the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    input: u64,
    cached: u64,
    written: u64,
    output: u64,
    reasoning: u64,
}

impl Count {
    /// Reads a usage object; `None` where there is none.
    pub fn read(raw: Raw<'_>) -> Result<Option<Count>, super::Trouble> {
        if !raw.as_written().starts_with('{') {
            return Ok(None);
        }
        let usage: Usage<'_> = serde_json::from_str(raw.as_written())?;
        Ok(Some(Count {
            input: usage.input.count_or_zero()?,
            cached: usage.cached.count_or_zero()?,
            written: usage.written.count_or_zero()?,
            output: usage.output.count_or_zero()?,
            reasoning: usage.reasoning.count_or_zero()?,
        }))
    }

    /// Says whether nothing went in and nothing came out, as in an estimate.
    pub fn is_empty(self) -> bool {
        self.input == 0 && self.output == 0
    }

    /// Returns what a running total grew by; `None` where it fell.
    pub fn since(self, before: Option<Count>) -> Option<Count> {
        let before = before.unwrap_or_default();
        Some(Count {
            input: self.input.checked_sub(before.input)?,
            cached: self.cached.saturating_sub(before.cached),
            written: self.written.saturating_sub(before.written),
            output: self.output.checked_sub(before.output)?,
            reasoning: self.reasoning.saturating_sub(before.reasoning),
        })
    }

    /// Returns the counts as bytes of an identity.
    pub fn bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        let counts = [self.input, self.cached, self.written, self.output, self.reasoning];
        for (slot, count) in bytes.chunks_exact_mut(8).zip(counts) {
            slot.copy_from_slice(&count.to_le_bytes());
        }
        bytes
    }

    /// Returns the counts in normal form.
    pub fn tokens(self) -> TokenCount {
        TokenCount::from_inclusive(self.input, self.cached, (self.written, 0), self.output)
            .with_reasoning(self.reasoning)
    }
}
