//! Codex CLI rollouts.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct Codex;

impl Codex {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> Codex {
        Codex
    }
}

impl Decoder for Codex {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
