//! Whether calls may be sent to another model: it must cost less, and must not send them back.

use std::cmp::Ordering;

use super::call::{ModelId, TenantId};
use super::cap::{Cap, Mode, OnBreach};
use super::cap_book::CapBook;
use super::money::Money;
use super::scope::Scope;

/// Returns the models that calls would go through until they are back at one that they came from, where the cap is
/// set beside those of the book; nothing where they never are. `A` and `B` say that calls to `A` go to `B` and back.
pub fn circle(book: &CapBook, cap: &Cap) -> Option<Vec<ModelId>> {
    let OnBreach::Downgrade(first) = cap.on_breach else { return None };
    let (tenant, start) = match cap.scope {
        Scope::TenantModel(tenant, model) => (Some(tenant), model),
        Scope::Model(model) => (None, model),
        // Calls of every model go to it, its own included: those stay where they are.
        _ => return None,
    };
    let mut way = vec![start];
    let mut next = Some(first);
    while let Some(model) = next {
        if way.contains(&model) {
            return Some(way);
        }
        way.push(model);
        next = onwards(book, cap, tenant, model);
    }
    None
}

/// Returns where calls of a model are sent by a cap on that model.
fn onwards(book: &CapBook, new: &Cap, tenant: Option<TenantId>, model: ModelId) -> Option<ModelId> {
    let on_model = |cap: &&Cap| match (cap.scope, tenant) {
        (Scope::Model(own), _) => own == model,
        (Scope::TenantModel(whose, own), tenant) => {
            own == model && tenant.is_none_or(|tenant| whose == tenant)
        }
        _ => false,
    };
    let others = book.caps().map(AsRef::as_ref).filter(|cap| cap.key() != new.key());
    others.filter(on_model).find_map(target)
}

fn target(cap: &Cap) -> Option<ModelId> {
    match (cap.mode, cap.on_breach) {
        (Mode::Hard, OnBreach::Downgrade(to)) => Some(to),
        _ => None,
    }
}

/// Says whether the same tokens cost less with another model. The error says so in plain words.
pub fn is_cheaper(model: ModelId, cheap: Money, dear: Money) -> Result<(), String> {
    match cheap.cmp(&dear) {
        Ordering::Less => Ok(()),
        Ordering::Equal => {
            Err(format!("{model} costs as much as what is used now: downgrade needs a cheaper model"))
        }
        Ordering::Greater => {
            Err(format!("{model} costs more than what is used now: downgrade needs a cheaper model"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cap::{CapRev, Revision};
    use crate::domain::label::Label;
    use crate::domain::plan::Plans;
    use crate::domain::time::Timestamp;

    fn circle_of(caps: &[&str], new: &str) -> Option<Vec<String>> {
        let revisions = (1..).zip(caps).map(|(rev, text)| Revision {
            rev: CapRev(rev),
            cap: Cap::parse(text).expect("a cap"),
            by: Label::new("ann"),
            at: Timestamp::EPOCH,
        });
        let way = circle(&CapBook::new(revisions, Plans::default()), &Cap::parse(new).expect("a cap"))?;
        Some(way.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_chain_that_leads_back_is_found() {
        let caps = [
            "tenant:acme+model:b 5/day --on-breach downgrade:c",
            "model:c 5/day --on-breach downgrade:a",
            "tenant:other+model:d 5/day --on-breach downgrade:a",
        ];
        let on =
            |model: &str, to: &str| format!("tenant:acme+model:{model} 5/day --on-breach downgrade:{to}");
        assert_eq!(circle_of(&caps, &on("a", "b")), Some(["a", "b", "c"].map(str::to_owned).to_vec()));
        assert_eq!(circle_of(&caps, &on("a", "a")), Some(vec!["a".to_owned()]));
        assert_eq!(circle_of(&caps, &on("a", "d")), None, "that is another tenant's");
        assert_eq!(
            circle_of(&caps, &on("b", "z")),
            None,
            "the cap that it takes the place of does not count"
        );
        assert_eq!(
            circle_of(&caps, "model:a 5/day --on-breach downgrade:b"),
            Some(["a", "b", "c"].map(str::to_owned).to_vec())
        );
        assert_eq!(circle_of(&caps, "tenant:acme 5/day --on-breach downgrade:b"), None);
        assert_eq!(circle_of(&caps, "tenant:acme+model:a 5/day"), None);
    }

    #[test]
    fn a_model_must_cost_less() {
        let (one, two) = (Money::from_nanos(1), Money::from_nanos(2));
        let model = ModelId::new("m");
        assert_eq!(is_cheaper(model, one, two), Ok(()));
        assert!(is_cheaper(model, two, two).is_err_and(|why| why.contains("as much")));
        assert!(is_cheaper(model, two, one).is_err_and(|why| why.contains("more")));
    }
}
