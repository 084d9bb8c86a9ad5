//! The store's half of the guard: caps, holds, keys and the guards themselves, and the one thread that
//! writes for a guard.
//!
//! [`Vault`] is what a guard holds. The command line and the screen use [`super::Store`] and
//! [`super::Reader`], which get their operations on caps, keys, plans and guards here.

mod order;
mod change;
mod cap;
mod pass;
mod key;
mod budget;
mod rows;
mod hold;
mod life;
mod limits;
mod queue;
mod session;
mod group;
mod resolve;
mod standing;
mod history;
mod attempt;
pub(super) mod books;
mod writer;
mod commit;
mod vault;
#[cfg(test)]
mod tests;

pub use attempt::Attempted;
pub use change::{Author, ChangeError};
pub use key::{ACTIVE, Authenticated, KeyRing, KeyRow, KeyWish, NewKey};
pub use life::GuardRow;
pub use limits::EstimateRow;
pub use order::{
    Admission, Answer, Base, Beat, Close, Closed, Dispatch, Once, Repeat, Reserve, Setup, Started, Stop,
    Swept, View,
};
pub use resolve::UncertainRow;
pub use vault::Vault;
