//! Plans: named sets of caps and a rate that tenants are put on.

use std::collections::BTreeMap;

use super::call::TenantId;
use super::cap::Cap;
use super::rate::CallRate;
use super::scope::{PlanId, Scope};

/// A named set of caps and a rate. Each tenant on it is held to them on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: PlanId,
    /// Its caps, all set on this plan.
    pub caps: Vec<Cap>,
    /// How many calls a tenant on it may make, and how fast.
    pub rate: Option<CallRate>,
}

impl Plan {
    /// Reads a plan as the config states it: `caps = ["1000 calls/rolling:30d", "0.50/day"]`,
    /// `rate = "10 calls/60s"`.
    ///
    /// The error has every fault, each in plain words.
    pub fn parse(name: &str, caps: &[&str], rate: Option<&str>) -> Result<Plan, Vec<String>> {
        let (name, mut faults) = (PlanId::new(name), Vec::new());
        let caps = caps.iter().filter_map(|text| {
            Cap::parse_for(Scope::Plan(name), text).map_err(|fault| faults.push(fault)).ok()
        });
        let caps: Vec<Cap> = caps.collect();
        let rate = rate.and_then(|text| CallRate::parse(text).map_err(|fault| faults.push(fault)).ok());
        if faults.is_empty() { Ok(Plan { name, caps, rate }) } else { Err(faults) }
    }
}

/// Which plans there are and which tenant is on which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plans {
    known: BTreeMap<PlanId, Plan>,
    assigned: BTreeMap<TenantId, PlanId>,
    default: Option<PlanId>,
}

impl Plans {
    /// Returns these plans with nobody on them. A tenant that is put on none gets `default`.
    pub fn new(plans: impl IntoIterator<Item = Plan>, default: Option<PlanId>) -> Plans {
        let known = plans.into_iter().map(|plan| (plan.name, plan)).collect();
        Plans { known, assigned: BTreeMap::new(), default }
    }

    /// Puts a tenant on a plan.
    pub fn assign(&mut self, tenant: TenantId, plan: PlanId) {
        self.assigned.insert(tenant, plan);
    }

    /// Takes a tenant off its plan: it is on the default one again.
    pub fn unassign(&mut self, tenant: TenantId) {
        self.assigned.remove(&tenant);
    }

    /// Returns every tenant that was put on a plan, by name.
    pub fn assigned(&self) -> impl Iterator<Item = (TenantId, PlanId)> {
        self.assigned.iter().map(|(tenant, plan)| (*tenant, *plan))
    }

    /// Returns the plan a tenant is on: the assigned one, else the default.
    ///
    /// An assignment names its plan even where that plan does not exist: caps set on the name still hold.
    pub fn plan_of(&self, tenant: TenantId) -> Option<PlanId> {
        self.assigned.get(&tenant).copied().or(self.default)
    }

    /// Returns how fast a tenant may call; `None` is as fast as it likes.
    pub fn rate_of(&self, tenant: TenantId) -> Option<CallRate> {
        self.known.get(&self.plan_of(tenant)?)?.rate
    }

    /// Returns every plan by name.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.known.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans() -> Plans {
        let free = Plan::parse("free", &["1000 calls/rolling:30d", "0.50/day"], Some("10 calls/60s"));
        let team = Plan::parse("team", &["50/day --soft"], None);
        Plans::new([free.expect("a plan"), team.expect("a plan")], Some(PlanId::new("free")))
    }

    #[test]
    fn an_unknown_tenant_is_on_the_default_plan() {
        let mut plans = plans();
        let (acme, new) = (TenantId::new("acme"), TenantId::new("never seen"));
        plans.assign(acme, PlanId::new("team"));
        assert_eq!(plans.plan_of(acme), Some(PlanId::new("team")));
        assert_eq!(plans.plan_of(new), Some(PlanId::new("free")));
        assert_eq!(plans.rate_of(new).map(|rate| rate.to_string()), Some("10 calls/1m".to_owned()));
        assert_eq!(plans.rate_of(acme), None);
        assert_eq!(Plans::default().plan_of(new), None);
    }

    #[test]
    fn every_fault_of_a_plan_is_told() {
        let faults = Plan::parse("free", &["5", "-1/day", "1/day"], Some("fast")).expect_err("no plan");
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn the_caps_of_a_plan_are_set_on_it() {
        let caps: Vec<String> = plans().plans().flat_map(|plan| &plan.caps).map(Cap::to_string).collect();
        assert_eq!(
            caps,
            [
                "plan:free 1000 calls/rolling:30d --hard",
                "plan:free 0.50/day --hard",
                "plan:team 50.00/day --soft"
            ]
        );
    }
}
