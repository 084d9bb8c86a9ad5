//! The calls of the last hour, minute by minute: how long they took, and why some failed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::burn::{MINUTES_KEPT, minute_of};
use super::call::{Call, Cost, ModelId, Provider, Status, TenantId};
use super::failure::FailureClass;
use super::health::is_of_provider;
use super::label::Label;
use super::money::Money;
use super::sketch::Sketch;
use super::time::Timestamp;

/// The latest calls that are kept whole.
pub const LATEST: usize = 10_000;
/// The latest failed calls that are kept whole.
pub const FAILED: usize = 500;

/// A call and what it cost.
pub type Made = (Call, Cost);

/// What the calls of one tenant were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Calls, failed ones included.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// How long they took, those that told it.
    pub took: Sketch,
    /// How long their first byte took.
    pub first_byte: Sketch,
}

impl Service {
    /// Takes in a call.
    pub fn add(&mut self, call: &Call) {
        self.calls += u64::from(call.calls);
        self.failed += if call.status == Status::Failed { u64::from(call.calls) } else { 0 };
        if let Some(length) = call.latency {
            self.took.add(length);
        }
        if let Some(length) = call.first_byte {
            self.first_byte.add(length);
        }
    }

    /// Adds what other calls were like.
    pub fn merge(&mut self, other: &Service) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.took += &other.took;
        self.first_byte += &other.first_byte;
    }
}

/// How a provider answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// What its calls were like.
    pub service: Service,
    /// Those that failed by it, and not by the caller.
    pub blamed: u64,
}

/// What failed calls have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// The class; a word of the ledger's own is unknown.
    pub class: FailureClass,
    /// For whom.
    pub tenant: TenantId,
    /// Who answered.
    pub provider: Provider,
    /// Which model was asked.
    pub model: ModelId,
}

/// How often, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// Calls.
    pub count: u64,
    /// What they cost although they failed.
    pub lost: Money,
}

/// One minute.
#[derive(Clone, Debug, Default)]
struct Minute {
    tenants: HashMap<TenantId, Service>,
    providers: HashMap<Provider, Answers>,
    faults: HashMap<Fault, Toll>,
}

/// The last hour.
#[derive(Clone, Debug, Default)]
pub struct Hour {
    minutes: BTreeMap<i64, Minute>,
    latest: VecDeque<Arc<Made>>,
    failed: VecDeque<Arc<Made>>,
    /// Calls taken in, those that are no longer kept included.
    pub taken: u64,
}

impl Hour {
    /// Takes in a call. One that is over an hour old counts nowhere.
    pub fn add(&mut self, call: &Call, cost: Cost, now: Timestamp) {
        let minute = minute_of(call.at);
        if minute <= minute_of(now) - MINUTES_KEPT {
            return;
        }
        self.taken += 1;
        let made = Arc::new((call.clone(), cost));
        let kept = self.minutes.entry(minute).or_default();
        kept.tenants.entry(call.tenant).or_default().add(call);
        kept.providers.entry(call.provider).or_default().add(call);
        if call.status == Status::Failed {
            let toll = kept.faults.entry(fault(call)).or_default();
            toll.count += u64::from(call.calls);
            toll.lost += cost.money().unwrap_or_default();
            keep(&mut self.failed, Arc::clone(&made), FAILED);
        }
        keep(&mut self.latest, made, LATEST);
    }

    /// Forgets what is over an hour old.
    pub fn roll(&mut self, now: Timestamp) {
        let first = minute_of(now) - MINUTES_KEPT + 1;
        self.minutes = self.minutes.split_off(&first);
        for kept in [&mut self.latest, &mut self.failed] {
            kept.retain(|made| minute_of(made.0.at) >= first);
        }
    }

    /// Returns what the calls of each tenant were like.
    pub fn tenants(&self) -> BTreeMap<TenantId, Service> {
        let mut sums: BTreeMap<TenantId, Service> = BTreeMap::new();
        for (tenant, service) in self.minutes.values().flat_map(|minute| &minute.tenants) {
            sums.entry(*tenant).or_default().merge(service);
        }
        sums
    }

    /// Returns how each provider answered in the last `minutes` minutes, the running one included.
    pub fn providers(&self, minutes: i64, now: Timestamp) -> BTreeMap<Provider, Answers> {
        let first = minute_of(now) - minutes + 1;
        let mut sums: BTreeMap<Provider, Answers> = BTreeMap::new();
        for (provider, answers) in self.minutes.range(first..).flat_map(|(_, minute)| &minute.providers) {
            let sum = sums.entry(*provider).or_default();
            sum.service.merge(&answers.service);
            sum.blamed += answers.blamed;
        }
        sums
    }

    /// Returns how often each fault came in each of `parts` equal parts of the hour, oldest first, and its
    /// toll in all.
    pub fn faults(&self, parts: usize, now: Timestamp) -> BTreeMap<Fault, (Toll, Vec<i64>)> {
        let first = minute_of(now) - MINUTES_KEPT + 1;
        let mut faults: BTreeMap<Fault, (Toll, Vec<i64>)> = BTreeMap::new();
        for (minute, cell) in &self.minutes {
            let part = usize::try_from(minute - first).map_or(0, |minute| minute * parts / 60);
            for (fault, toll) in &cell.faults {
                let (sum, trend) = faults.entry(*fault).or_insert_with(|| (Toll::default(), vec![0; parts]));
                sum.count += toll.count;
                sum.lost += toll.lost;
                if let Some(part) = trend.get_mut(part.min(parts.saturating_sub(1))) {
                    *part = part.saturating_add(i64::try_from(toll.count).unwrap_or(i64::MAX));
                }
            }
        }
        faults
    }

    /// Returns the latest calls, newest first.
    pub fn latest(&self) -> Vec<Arc<Made>> {
        self.latest.iter().rev().cloned().collect()
    }

    /// Returns the latest failed calls, newest first.
    pub fn failed(&self) -> Vec<Arc<Made>> {
        self.failed.iter().rev().cloned().collect()
    }
}

impl Answers {
    fn add(&mut self, call: &Call) {
        self.service.add(call);
        if call.status == Status::Failed && is_of_provider(class_of(call.failure)) {
            self.blamed += u64::from(call.calls);
        }
    }
}

/// Puts a call in its place by time; the oldest goes where there are more than `most`.
pub(super) fn keep(kept: &mut VecDeque<Arc<Made>>, made: Arc<Made>, most: usize) {
    let later = kept.iter().rev().take_while(|other| other.0.at > made.0.at).count();
    kept.insert(kept.len() - later, made);
    if kept.len() > most {
        kept.pop_front();
    }
}

/// Returns what a failed call has in common with others.
fn fault(call: &Call) -> Fault {
    let Call { tenant, provider, model, failure, .. } = *call;
    Fault { class: class_of(failure), tenant, provider, model }
}

/// Returns the class that a ledger's word names; a word of its own is unknown.
pub fn class_of(word: Label) -> FailureClass {
    FailureClass::ALL
        .into_iter()
        .find(|class| class.as_str() == word.as_str())
        .unwrap_or(FailureClass::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::CallId;
    use crate::domain::cap::Fraction;
    use crate::domain::time::Millis;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

    fn call(id: u128, ago: u64, tenant: &str, failure: &str) -> Call {
        let at = NOW.before(Millis::new(ago * 1000));
        let mut call = Call::new(CallId::from_bits(id), at, TenantId::new(tenant), ModelId::new("m"));
        call.latency = Some(Millis::new(100));
        if !failure.is_empty() {
            (call.status, call.failure) = (Status::Failed, Label::new(failure));
        }
        call
    }

    #[test]
    fn failures_are_told_by_class_and_when_they_came() {
        let mut hour = Hour::default();
        let lost = Cost::Priced(Money::from_nanos(5));
        hour.add(&call(1, 10, "a", "rate_limit"), lost, NOW);
        hour.add(&call(2, 3_000, "a", "rate_limit"), lost, NOW);
        hour.add(&call(3, 20, "b", "no_such_word"), Cost::Unpriced, NOW);
        hour.add(&call(4, 20, "b", ""), lost, NOW);
        hour.add(&call(5, 4_000, "b", ""), lost, NOW);
        let faults = hour.faults(6, NOW);
        let (toll, trend) = faults.values().next().expect("the first class");
        assert_eq!(
            (toll.count, toll.lost, trend.as_slice()),
            (2, Money::from_nanos(10), &[1, 0, 0, 0, 0, 1][..])
        );
        assert_eq!(faults.keys().last().map(|fault| fault.class), Some(FailureClass::Unknown));
        let tenants = hour.tenants();
        let b = &tenants[&TenantId::new("b")];
        assert_eq!((b.calls, b.failed, b.took.count()), (2, 1, 2));
        assert_eq!(b.took.quantile(Fraction::WHOLE), Some(Millis::new(101)));
        assert_eq!(hour.failed()[0].0.id, CallId::from_bits(1));
    }

    #[test]
    fn a_provider_is_blamed_for_what_is_its_own() {
        let mut hour = Hour::default();
        for (id, ago, failure) in
            [(1, 10, "timeout"), (2, 20, "invalid_request"), (3, 30, ""), (4, 1_200, "timeout")]
        {
            hour.add(&call(id, ago, "a", failure), Cost::Unpriced, NOW);
        }
        let of = |minutes| {
            let answers = hour.providers(minutes, NOW).into_values().next().expect("a provider");
            (answers.service.calls, answers.service.failed, answers.blamed)
        };
        assert_eq!((of(15), of(60)), ((3, 2, 1), (4, 3, 2)));
    }

    #[test]
    fn what_is_over_an_hour_old_is_forgotten() {
        let mut hour = Hour::default();
        hour.add(&call(1, 60 * 50, "a", "timeout"), Cost::Unpriced, NOW);
        hour.roll(NOW.after(Millis::from_minutes(30)));
        assert!(hour.tenants().is_empty() && hour.latest().is_empty() && hour.failed().is_empty());
    }

    proptest! {
        #[test]
        fn the_order_of_calls_changes_nothing(mut agos in proptest::collection::vec(0_u64..3_500, 1..60)) {
            let of = |agos: &[u64]| {
                let mut hour = Hour::default();
                for ago in agos {
                    hour.add(&call(u128::from(*ago), *ago, "a", "timeout"), Cost::Unpriced, NOW);
                }
                let ids: Vec<u128> = hour.latest().iter().map(|made| made.0.id.bits()).collect();
                (hour.tenants(), hour.faults(8, NOW), ids)
            };
            let as_given = of(&agos);
            agos.sort_unstable();
            prop_assert_eq!(as_given, of(&agos));
        }
    }
}
