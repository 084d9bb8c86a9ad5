//! Claude Code transcripts.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct ClaudeCode;

impl ClaudeCode {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> ClaudeCode {
        ClaudeCode
    }
}

impl Decoder for ClaudeCode {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
