//! The price book: dated prices per provider and model, and what a call costs by them.

use super::call::{Call, Cost};

/// All known prices.
#[derive(Debug, Default)]
pub struct PriceBook {}

/// Prices calls, remembering what it has looked up.
#[derive(Debug)]
pub struct Pricer<'a> {
    _book: &'a PriceBook,
}

impl PriceBook {
    /// Returns the prices built into the program.
    pub fn builtin() -> PriceBook {
        PriceBook {}
    }

    /// Returns a pricer over this book.
    pub fn pricer(&self) -> Pricer<'_> {
        Pricer { _book: self }
    }
}

impl Pricer<'_> {
    /// Returns what a call cost: the ledger's own figure, else the price in force at its time.
    pub fn cost(&mut self, call: &Call) -> Cost {
        call.reported.map_or(Cost::Unpriced, Cost::Reported)
    }
}
