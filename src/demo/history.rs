//! What the demo's tenants have spent before it begins: whole hours as one row each, the last hour call by call.

use std::collections::BTreeMap;

use super::traffic::{Fate, Planned, Scenario, plan};
use crate::domain::call::{Call, CallId, ModelId, Provider, Status, TenantId};
use crate::domain::label::Label;
use crate::domain::time::{Millis, Timestamp};

const HOUR: Millis = Millis::from_minutes(60);
const DAY: Millis = Millis::from_minutes(24 * 60);

/// Returns the calls of a scenario up to its present, with those of whole days since `first`, a midnight, before it.
///
/// What the guard would have stopped is no call, and is left out.
pub fn history(scenario: &Scenario, first: Timestamp) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut midnight = first;
    while midnight < scenario.midnight {
        let end = midnight.after(DAY);
        let seed = scenario.seed.wrapping_add(midnight.millis().unsigned_abs());
        let day = Scenario { seed, midnight, now: end, until: end, incidents: Vec::new() };
        calls.extend(rows(&plan(&day), end));
        midnight = end;
    }
    let today: Vec<Planned> = plan(scenario).into_iter().filter(|call| call.at <= scenario.now).collect();
    calls.extend(rows(&today, scenario.now.before(HOUR)));
    calls
}

/// Sums what lies before `single` by the hour, and leaves what comes later as it is.
fn rows(planned: &[Planned], single: Timestamp) -> Vec<Call> {
    let mut sums: BTreeMap<_, Call> = BTreeMap::new();
    for (number, planned) in planned.iter().enumerate() {
        let failure = match planned.fate {
            Fate::Answered => "",
            Fate::Failed(class) => class.as_str(),
            Fate::Rejected => continue,
        };
        let hour = Timestamp::from_millis(planned.at.millis() - planned.at.millis().rem_euclid(3_600_000));
        let (at, number) = if planned.at < single { (hour, 0) } else { (planned.at, number + 1) };
        let key = (at, planned.tenant, planned.model, failure, number);
        let row = sums.entry(key).or_insert_with(|| row(key));
        row.tokens += planned.tokens;
        row.calls += 1;
    }
    sums.into_values().collect()
}

fn row((at, tenant, model, failure, number): (Timestamp, &str, &str, &str, usize)) -> Call {
    let parts = [
        &at.millis().to_le_bytes()[..],
        tenant.as_bytes(),
        model.as_bytes(),
        failure.as_bytes(),
        &number.to_le_bytes(),
    ];
    let mut call = Call::new(CallId::of("demo", &parts), at, TenantId::new(tenant), ModelId::new(model));
    call.provider = provider(model);
    call.calls = 0;
    if !failure.is_empty() {
        (call.status, call.failure) = (Status::Failed, Label::new(failure));
    }
    call
}

/// Returns who bills for a model of the demo.
pub fn provider(model: &str) -> Provider {
    let makers = [("claude", "anthropic"), ("gpt", "openai"), ("text-embedding", "openai")];
    let maker = makers.iter().find(|(begin, _)| model.starts_with(begin));
    Provider::new(maker.map_or("vllm", |(_, maker)| maker))
}

#[cfg(test)]
mod tests {
    use super::super::traffic::TENANTS;
    use super::*;
    use crate::domain::call::Cost;
    use crate::domain::money::Money;
    use crate::domain::price::PriceBook;

    #[test]
    fn the_day_comes_to_what_the_demo_says_and_the_month_to_whole_days() {
        let midnight = Timestamp::from_seconds(1_795_305_600);
        let now = midnight.after(Millis::new(((14 * 60 + 5) * 60 + 9) * 1000));
        let scenario = Scenario { seed: 7, midnight, now, until: now.after(HOUR), incidents: Vec::new() };
        let calls = history(&scenario, midnight.before(DAY));
        assert!(calls.iter().all(|call| call.at <= now && call.calls > 0));
        let book = PriceBook::builtin();
        let mut pricer = book.pricer();
        let mut spent = |tenant: &str, from: Timestamp, until: Timestamp| -> Money {
            let mine = calls.iter().filter(|call| call.tenant.as_str() == tenant);
            let mine = mine.filter(|call| from <= call.at && call.at < until);
            mine.map(|call| match pricer.cost(call) {
                Cost::Priced(cost) | Cost::Reported(cost) => cost,
                Cost::Unpriced => Money::ZERO,
            })
            .sum()
        };
        for tenant in &TENANTS {
            let today = spent(tenant.name, midnight, now.after(HOUR));
            assert_eq!(today.rounded(2), tenant.today.rounded(2), "{}", tenant.name);
            assert!(spent(tenant.name, midnight.before(DAY), midnight) > Money::ZERO, "{}", tenant.name);
        }
    }
}
