//! All caps in force, at one revision, and the ones that a call touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::{ModelId, Provider, TenantId};
use super::cap::{Cap, CapKey, CapRev, Revision};
use super::gate::{self, Ask, Standing, Verdict};
use super::plan::Plans;
use super::scope::{Account, KeyId, Scope};
use super::time::Timestamp;

/// Who calls what: all that decides which caps a call touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who the call is made for.
    pub tenant: TenantId,
    /// The model that is asked.
    pub model: ModelId,
    /// Who bills for it.
    pub provider: Provider,
    /// The key it is made with; `None` where there is none.
    pub key: Option<KeyId>,
}

/// A cap that a call touches, and whose sums it is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The cap.
    pub cap: Arc<Cap>,
    /// Whose sums.
    pub account: Account,
}

/// The caps in force at one revision. It does not change: a new revision is a new book.
///
/// A book in memory may refuse early, but it never admits: the caps are read again in the transaction
/// that reserves.
#[derive(Clone, Debug, Default)]
pub struct CapBook {
    rev: CapRev,
    caps: BTreeMap<Scope, Vec<Arc<Cap>>>,
    plans: Plans,
    passes_until: Option<Timestamp>,
}

impl CapBook {
    /// Returns the book of these changes, in any order: of each scope, window and unit the newest counts.
    pub fn new(revisions: impl IntoIterator<Item = Revision>, plans: Plans) -> CapBook {
        let mut newest: BTreeMap<CapKey, Revision> = BTreeMap::new();
        let mut rev = CapRev::default();
        for revision in revisions {
            rev = rev.max(revision.rev);
            let key = revision.cap.key();
            if newest.get(&key).is_none_or(|known| known.rev < revision.rev) {
                newest.insert(key, revision);
            }
        }
        let mut caps: BTreeMap<Scope, Vec<Arc<Cap>>> = BTreeMap::new();
        for (_, revision) in newest.into_iter().filter(|(_, revision)| revision.cap.limit.size().is_some()) {
            caps.entry(revision.cap.scope).or_default().push(Arc::new(revision.cap));
        }
        CapBook { rev, caps, plans, passes_until: None }
    }

    /// Returns the same book, said to be of a later revision: one that changed no cap but, say, who is on
    /// which plan.
    #[must_use]
    pub fn at(self, rev: CapRev) -> CapBook {
        CapBook { rev: self.rev.max(rev), ..self }
    }

    /// Returns the same book, by which every call passes until an instant.
    #[must_use]
    pub fn passing(self, until: Option<Timestamp>) -> CapBook {
        CapBook { passes_until: until, ..self }
    }

    /// Returns until when every call passes and caps only warn; nothing where they hold.
    pub fn passes_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.passes_until.filter(|until| now < *until)
    }

    /// Judges a call by the caps it touches, as they stand; while calls are passed through, none stops it.
    pub fn judge(&self, ask: &Ask, standings: &[Standing], now: Timestamp) -> Verdict {
        if self.passes_until(now).is_some() { Verdict::Allow } else { gate::judge(ask, standings) }
    }

    /// Returns the revision it is of.
    pub const fn rev(&self) -> CapRev {
        self.rev
    }

    /// Returns the plans.
    pub const fn plans(&self) -> &Plans {
        &self.plans
    }

    /// Returns every cap in force, in the order of their scopes.
    pub fn caps(&self) -> impl Iterator<Item = &Arc<Cap>> {
        self.caps.values().flatten()
    }

    /// Returns when the first of the temporary caps is over.
    pub fn ends(&self) -> Option<Timestamp> {
        self.caps().filter_map(|cap| cap.until).min()
    }

    /// Returns every cap that a call touches, always in the same order. All of them hold at once.
    pub fn caps_for(&self, caller: &Caller) -> Vec<Touch> {
        let scopes = self.scopes(caller).into_iter().flatten();
        let touches = scopes.flat_map(|(scope, account)| {
            let caps = self.caps.get(&scope).into_iter().flatten();
            caps.map(move |cap| Touch { cap: Arc::clone(cap), account })
        });
        touches.collect()
    }

    /// Returns the scopes that a call lies in, with whose sums they are held against.
    fn scopes(&self, caller: &Caller) -> [Option<(Scope, Account)>; 8] {
        let Caller { tenant, model, provider, key } = *caller;
        let mine = Account::Tenant(tenant);
        [
            Some((Scope::Everything, Account::Everything)),
            Some((Scope::Provider(provider), Account::Provider(provider))),
            key.map(|key| (Scope::Key(key), Account::Key(key))),
            Some((Scope::Model(model), Account::Model(model))),
            self.plans.plan_of(tenant).map(|plan| (Scope::Plan(plan), mine)),
            Some((Scope::EachTenant, mine)),
            Some((Scope::Tenant(tenant), mine)),
            Some((Scope::TenantModel(tenant, model), Account::TenantModel(tenant, model))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;
    use crate::domain::plan::Plan;
    use crate::domain::scope::PlanId;

    fn book(caps: &[&str], plans: Plans) -> CapBook {
        let revisions = (1..).zip(caps).map(|(rev, text)| Revision {
            rev: CapRev(rev),
            cap: Cap::parse(text).expect("a cap"),
            by: Label::new("ann"),
            at: Timestamp::EPOCH,
        });
        CapBook::new(revisions, plans)
    }

    fn caller(tenant: &str) -> Caller {
        Caller {
            tenant: TenantId::new(tenant),
            model: ModelId::new("gpt-4o"),
            provider: Provider::new("openai"),
            key: Some(KeyId::new("abc")),
        }
    }

    fn touched(book: &CapBook, tenant: &str) -> Vec<String> {
        let touches = book.caps_for(&caller(tenant));
        touches.iter().map(|touch| format!("{} of {}", touch.cap.limit, touch.account)).collect()
    }

    #[test]
    fn a_call_touches_every_cap_that_it_lies_in_in_one_order() {
        let caps = [
            "tenant:acme+model:gpt-4o 8/day",
            "tenant:acme 7/day",
            "tenant:acme 70/month",
            "each-tenant 6/day",
            "plan:free 5/day",
            "model:gpt-4o 4/day",
            "key:abc 3/day",
            "provider:openai 2/day",
            "all 1/day",
            "tenant:other 99/day",
            "model:other 99/day",
            "plan:team 99/day",
            "key:other 99/day",
        ];
        let plans = || Plans::new([], Some(PlanId::new("free")));
        let want = [
            "1.00 of all",
            "2.00 of provider:openai",
            "3.00 of key:abc",
            "4.00 of model:gpt-4o",
            "5.00 of tenant:acme",
            "6.00 of tenant:acme",
            "7.00 of tenant:acme",
            "70.00 of tenant:acme",
            "8.00 of tenant:acme+model:gpt-4o",
        ];
        assert_eq!(touched(&book(&caps, plans()), "acme"), want);
        let mut turned = caps;
        turned.reverse();
        assert_eq!(touched(&book(&turned, plans()), "acme"), want);
    }

    #[test]
    fn each_tenant_has_sums_of_its_own_and_the_unknown_one_the_default_plan() {
        let free = Plan::parse("free", &[], None).expect("a plan");
        let mut plans = Plans::new([free], Some(PlanId::new("free")));
        plans.assign(TenantId::new("acme"), PlanId::new("team"));
        let book = book(&["each-tenant 6/day", "plan:free 5/day", "plan:team 9/day"], plans);
        assert_eq!(touched(&book, "new"), ["5.00 of tenant:new", "6.00 of tenant:new"]);
        assert_eq!(touched(&book, "acme"), ["9.00 of tenant:acme", "6.00 of tenant:acme"]);
    }

    #[test]
    fn the_newest_change_of_a_key_counts_and_none_takes_the_cap_away() {
        let caps = ["all 1/day", "all 2/day", "all 5 calls/day", "all none/day", "all none tokens/day"];
        for count in 0..=caps.len() {
            let book = book(&caps[..count], Plans::default());
            let want: &[&str] = match count {
                0 => &[],
                1 => &["1.00 of all"],
                2 => &["2.00 of all"],
                3 => &["2.00 of all", "5 calls of all"],
                _ => &["5 calls of all"],
            };
            assert_eq!(touched(&book, "acme"), want);
            assert_eq!(book.rev(), CapRev(u64::try_from(count).expect("few")));
        }
    }
}
