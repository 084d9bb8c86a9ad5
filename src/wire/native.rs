//! Our own ledger line.

use super::{Decoder, Origin, Place};
use crate::domain::observation::Decoded;

/// Reads it.
pub struct Native;

impl Native {
    /// Starts on one file.
    pub fn new(_origin: &Origin<'_>) -> Native {
        Native
    }
}

impl Decoder for Native {
    fn line(&mut self, _line: &[u8], _place: Place, _out: &mut Decoded) {}
}
