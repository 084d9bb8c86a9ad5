//! The caps as the screen knows them: which hold for whom, how they stand, and who holds them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::budget::Budget;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::{Cap, CapKey, Mode, OnBreach};
use crate::domain::cap_book::{Caller, CapBook, Touch};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::enforcement::{Enforcement, Heartbeat};
use crate::domain::gate::Standing;
use crate::domain::scope::{Account, Scope};

/// How caps stand, each with each account it is held against.
pub type Standings = HashMap<(CapKey, Account), Standing>;

/// The caps in force, how they stand, and every change of them.
#[derive(Clone, Debug, Default)]
pub struct CapsNow {
    /// Whether they were ever told of.
    pub known: bool,
    /// The guards whose processes live.
    pub guards: Vec<Heartbeat>,
    /// The caps that are saved.
    pub book: Arc<CapBook>,
    /// How each stands, as far as anything was spent under it.
    pub standings: Arc<Standings>,
    /// Every change, newest first.
    pub log: Arc<Vec<CapChange>>,
}

/// How a cap stands, in order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CapState {
    /// Calls are refused.
    Block,
    /// Calls go to a cheaper model.
    Down,
    /// It is passed, and nothing stops a call.
    Over,
    /// A share at which it warns is reached.
    Warn,
    /// Nothing of this.
    Ok,
}

impl CapState {
    /// Returns the word for it.
    pub const fn says(self) -> &'static str {
        match self {
            CapState::Block => "BLOCK",
            CapState::Down => "DOWN",
            CapState::Over => "over",
            CapState::Warn => "warn",
            CapState::Ok => "ok",
        }
    }
}

impl CapsNow {
    /// Says whether there is anything to tell: a cap or a guard.
    pub fn is_used(&self) -> bool {
        !self.guards.is_empty() || self.book.caps().next().is_some()
    }

    /// Says whether a tenant, or each, has a cap of its own.
    pub fn has_tenant_caps(&self) -> bool {
        let of_tenants =
            |cap: &Arc<Cap>| matches!(cap.scope, Scope::Tenant(_) | Scope::EachTenant | Scope::Plan(_));
        self.book.caps().any(of_tenants)
    }

    /// Returns the cap that is saved under a key.
    pub fn find(&self, key: CapKey) -> Option<&Cap> {
        self.book.caps().map(Arc::as_ref).find(|cap| cap.key() == key)
    }

    /// Returns the newest change of the cap of a key.
    pub fn newest(&self, key: CapKey) -> Option<&CapChange> {
        self.log.iter().find(|change| change.key() == Some(key))
    }

    /// Returns every cap that holds a tenant as a whole, the one that is nearest to its limit first.
    pub fn of_tenant(&self, tenant: TenantId) -> Vec<Standing> {
        let nothing = ModelId::new("");
        self.of(tenant, nothing, Account::Tenant(tenant))
    }

    /// Returns every cap that holds a tenant's calls of one model alone, in the same order.
    pub fn of_model(&self, tenant: TenantId, model: ModelId) -> Vec<Standing> {
        self.of(tenant, model, Account::TenantModel(tenant, model))
    }

    fn of(&self, tenant: TenantId, model: ModelId, account: Account) -> Vec<Standing> {
        let caller = Caller { tenant, model, provider: Provider::new(""), key: None };
        let touches = self.book.caps_for(&caller).into_iter().filter(|touch| touch.account == account);
        let mut standings: Vec<Standing> = touches.map(|touch| self.standing(touch)).collect();
        standings.sort_by_key(|standing| Reverse(share(standing)));
        standings
    }

    fn standing(&self, touch: Touch) -> Standing {
        let known = self.standings.get(&(touch.cap.key(), touch.account)).cloned();
        known.unwrap_or_else(|| Standing { touch, budget: Budget::default(), resets_at: None })
    }
}

/// Returns how much of a cap is used, in hundredths of a per cent; all of it where the limit is nothing.
pub fn share(standing: &Standing) -> u128 {
    let limit = u128::from(standing.limit());
    standing.exposure().saturating_mul(10_000).checked_div(limit).unwrap_or(10_000)
}

/// Returns how a cap stands, where it is held so.
pub fn state(standing: &Standing, held: Enforcement) -> CapState {
    state_of(&standing.touch.cap, (standing.exposure(), standing.limit()), held)
}

/// Returns how a cap stands of whose limit so much is used.
pub fn state_of(cap: &Cap, (used, limit): (u128, u64), held: Enforcement) -> CapState {
    if used >= u128::from(limit) {
        return match (cap.mode, cap.on_breach) {
            (Mode::Hard, OnBreach::Reject) if held.holds() => CapState::Block,
            (Mode::Hard, OnBreach::Downgrade(_)) if held.holds() => CapState::Down,
            _ => CapState::Over,
        };
    }
    let warns = cap.warn_at.iter().any(|share| share.reached(used, limit));
    if warns { CapState::Warn } else { CapState::Ok }
}

/// Returns whose account it is, a tenant by its name alone.
pub fn subject_of(account: Account) -> String {
    let text = account.to_string();
    text.strip_prefix("tenant:").map_or_else(|| text.clone(), str::to_owned)
}

/// Returns what a change was made on, as the command line names it.
pub fn subject(change: &CapChange) -> String {
    match &change.what {
        Changed::Cap { new, .. } | Changed::Ended { new, .. } => new.scope.to_string(),
        Changed::Price { model, .. } => format!("price:{model}"),
        Changed::PassThrough { .. } => Scope::Everything.to_string(),
        Changed::Plan { tenant, .. } => Scope::Tenant(*tenant).to_string(),
    }
}
