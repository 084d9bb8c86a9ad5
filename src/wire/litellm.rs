//! LiteLLM callback objects and SpendLogs rows.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct Litellm;

impl Litellm {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> Litellm {
        Litellm
    }
}

impl Decoder for Litellm {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
/// Reads it.
pub struct LitellmCsv;

impl LitellmCsv {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> LitellmCsv {
        LitellmCsv
    }
}

impl Decoder for LitellmCsv {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
