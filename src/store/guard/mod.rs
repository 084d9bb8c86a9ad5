//! The store's half of the guard: caps, holds, keys and the guards themselves, and the one thread that
//! writes for a guard.
//!
//! [`Vault`] is what a guard holds. The command line and the screen use [`super::Store`] and
//! [`super::Reader`], which get their operations on caps, keys, plans and guards here.

mod change;
mod key;
mod order;
mod queue;
mod writer;
mod vault;

pub use change::{Author, ChangeError};
pub use key::{ACTIVE, Authenticated, KeyRing, KeyRow, KeyWish, NewKey};
pub use order::{
    Admission, Answer, Base, Beat, Close, Closed, Dispatch, Once, Repeat, Reserve, Setup, Started, Stop,
    Swept, View,
};
pub use vault::Vault;
