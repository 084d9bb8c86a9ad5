//! The audit trail of the caps: who changed what, when and why.

use super::call::TenantId;
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
    /// The plan of a tenant.
    Plan {
        /// The tenant.
        tenant: TenantId,
        /// Its plan from then on; `None` is the default one.
        plan: Option<PlanId>,
    },
}

impl CapChange {
    /// Returns what tells the cap that was changed apart from others; `None` where it was a plan.
    pub const fn key(&self) -> Option<CapKey> {
        match &self.what {
            Changed::Cap { new, .. } => Some(new.key()),
            Changed::Plan { .. } => None,
        }
    }
}
