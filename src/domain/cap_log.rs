//! The audit trail of the caps: who changed what, when and why.

use super::call::{ModelId, Provider, TenantId};
use super::cap::{Cap, CapKey, CapRev};
use super::label::Label;
use super::scope::PlanId;
use super::time::Timestamp;

/// One change of the caps, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapChange {
    /// Its number.
    pub rev: CapRev,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub by: Label,
    /// Why; may be empty.
    pub why: Label,
    /// What was changed.
    pub what: Changed,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A cap.
    Cap {
        /// The cap before, where there was one.
        old: Option<Cap>,
        /// The cap from then on.
        new: Cap,
    },
    /// Nothing any more: a temporary cap came to its end, and the one before it was back.
    Ended {
        /// The change that had made it.
        rev: CapRev,
        /// The cap until then.
        old: Cap,
        /// The cap from then on; one without a limit where there was none.
        new: Cap,
    },
    /// A price of the user's own, in words.
    Price {
        /// Who bills; empty for whoever serves the model.
        provider: Provider,
        /// The model.
        model: ModelId,
        /// The rates before; `None` where no price was known.
        old: Option<Label>,
        /// The rates from then on.
        new: Label,
    },
    /// The plan of a tenant.
    Plan {
        /// The tenant.
        tenant: TenantId,
        /// Its plan from then on; `None` is the default one.
        plan: Option<PlanId>,
    },
    /// Whether caps hold at all.
    PassThrough {
        /// Until when every call passes; `None`: caps hold again.
        until: Option<Timestamp>,
    },
}

impl CapChange {
    /// Returns what tells the cap that was changed apart from others; `None` where it was a plan.
    pub const fn key(&self) -> Option<CapKey> {
        match &self.what {
            Changed::Cap { new, .. } | Changed::Ended { new, .. } => Some(new.key()),
            Changed::Price { .. } | Changed::Plan { .. } | Changed::PassThrough { .. } => None,
        }
    }
}
