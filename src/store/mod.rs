//! The only SQL: the store of calls, their sums, and how far each source has been read.

mod error;
mod folder;
mod open;
mod name;
mod slice;
mod figures;
mod call;
mod rollup;
mod source;
mod bad_line;
mod mark;
mod record;
mod check;
mod pieces;
mod reader;
mod spent;
mod steps;
mod made;
mod tenant;
mod stir;
pub mod foreign;
pub mod guard;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use reader::Reader;
pub use record::{Applied, Store};
pub use source::SourceRow;
pub use spent::Lately;
pub use steps::Whose;
pub use stir::Stir;
pub use tenant::Looked;
