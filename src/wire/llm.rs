//! simonw/llm's logs.db, both generations.

use super::Origin;
use super::format::{Query, RowDecoder};
use super::row::Row;
use crate::domain::observation::Decoded;

/// Reads it.
pub struct Llm;

impl Llm {
    /// Starts on one database.
    pub fn new(_origin: &Origin<'_>) -> Llm {
        Llm
    }
}

impl RowDecoder for Llm {
    fn queries(&self, _columns: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<Vec<Query>, String> {
        Ok(Vec::new())
    }

    fn row(&mut self, _query: usize, _row: &Row<'_>, _number: u64, _out: &mut Decoded) {}
}
