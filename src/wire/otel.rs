//! OTLP/JSON lines: GenAI spans and logs.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct Otel;

impl Otel {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> Otel {
        Otel
    }
}

impl Decoder for Otel {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
