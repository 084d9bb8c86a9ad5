//! OpenAI batch output and Anthropic batch results.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct OpenAiBatch;

impl OpenAiBatch {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> OpenAiBatch {
        OpenAiBatch
    }
}

impl Decoder for OpenAiBatch {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
