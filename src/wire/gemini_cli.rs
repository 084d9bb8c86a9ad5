//! Gemini CLI sessions.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct GeminiCli;

impl GeminiCli {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> GeminiCli {
        GeminiCli
    }
}

impl Decoder for GeminiCli {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
