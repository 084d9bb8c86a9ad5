//! Any JSONL, CSV or table, read by a mapping.

use std::sync::Arc;

use super::format::RowDecoder;
use super::mapping::Mapping;
use super::{Decoder, Origin};

/// Returns a decoder for a mapped file of lines or CSV.
pub fn decoder(_mapping: &Arc<Mapping>, _origin: &Origin<'_>) -> Option<Box<dyn Decoder>> {
    None
}

/// Returns a reader for a mapped table.
pub fn row_decoder(_mapping: &Arc<Mapping>, _origin: &Origin<'_>) -> Option<Box<dyn RowDecoder>> {
    None
}
