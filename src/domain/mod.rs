//! Nouns and rules: pure values without clock, disk or socket.

pub mod label;
pub mod money;
pub mod tokens;
pub mod time;
pub mod calendar;
pub mod claim;
pub mod call;
pub mod mark;
pub mod observation;
pub mod price;
pub mod rollup;
pub mod burn;
pub mod books;
pub mod limits;
pub mod failure;
