//! Why a change of caps, plans, keys or uncertain money is not made.

use crate::domain::call::TenantId;
use crate::domain::cap::CapRev;
use crate::domain::hold::Illegal;
use crate::domain::label::Label;
use crate::domain::scope::KeyId;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Who changes something, when and why: what the audit trail keeps of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub by: Label,
    /// When.
    pub at: Timestamp,
    /// Why, in their words; may be empty.
    pub why: Label,
}

/// Why a change is not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Someone else has changed the caps in the meantime.
    #[error(
        "the caps have changed in the meantime (revision {} is now {}): look at them again, and repeat the change",
        expected.0,
        found.0
    )]
    Stale {
        /// The revision that the change was made for.
        expected: CapRev,
        /// The revision in force.
        found: CapRev,
    },
    /// There is no such change of a cap.
    #[error("there is no change {} of a cap: `outlay caps log` lists them", rev.0)]
    NoSuchChange {
        /// The revision named.
        rev: CapRev,
    },
    /// A newer change of the same cap stands over it.
    #[error("change {} is not the newest of its cap (that is {}): undo that one first", rev.0, newest.0)]
    Buried {
        /// The revision named.
        rev: CapRev,
        /// The newest of the same cap.
        newest: CapRev,
    },
    /// It is the end of a temporary cap, and no change.
    #[error("change {} is the end of the temporary cap of change {}: set a cap anew instead", rev.0, ended.0)]
    AnEnd {
        /// The revision named.
        rev: CapRev,
        /// The change that had made the temporary cap.
        ended: CapRev,
    },
    /// The price could not be put where prices are kept.
    #[error("the price is not kept: {0}")]
    NotKept(String),
    /// A cap that is over before it begins.
    #[error("a cap is to last until an instant that is still to come")]
    Over,
    /// Calls cannot be passed through like that.
    #[error("{0}")]
    NoPassing(String),
    /// There is no such cap.
    #[error("there is no cap on {0}: `outlay caps list` shows them")]
    NoSuchCap(String),
    /// A tenant has all the keys it may have.
    #[error("{tenant} has two active keys already: revoke one first with `outlay keys revoke NAME`")]
    TooManyKeys {
        /// The tenant.
        tenant: TenantId,
    },
    /// There is no such key.
    #[error("there is no key {name}: `outlay keys list` shows them")]
    UnknownKey {
        /// Its public name.
        name: KeyId,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random numbers ({0}): no key is made")]
    NoChance(String),
    /// There is no such hold.
    #[error("there is no such hold")]
    NoSuchHold,
    /// A hold cannot take that step.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}
