//! The calls of one tenant in a window: how long they took, what reading from the cache saved, the latest of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::call::{Call, CallId, Cost, ModelId, Status};
use super::hour::{Made, Service, keep};
use super::money::Money;
use super::price::Price;
use super::time::{Millis, Timestamp};
use super::tokens::{TokenCount, Tokens};

/// The latest calls that are kept whole, and as many failed ones.
pub const KEPT: usize = 500;
/// Picodollars in a nanodollar.
const PICOS: i128 = 1_000;

/// What reading from the cache saved, at the prices of the price book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Tokens that were read from the cache.
    pub tokens: Tokens,
    /// Those of them whose saving is not known: their model has no price for them.
    pub unknown: Tokens,
    /// What the calls with known savings would have cost without a cache, and what they cost; picodollars.
    plain: i128,
    cost: i128,
}

impl Saved {
    /// Returns how much less was billed; less than nothing where reading is dearer. Rounded towards nothing.
    pub fn money(&self) -> Money {
        let nanos = (self.plain - self.cost) / PICOS;
        Money::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Returns the saving as a part of what the same calls would have cost without a cache, in basis points;
    /// `None` where that is nothing.
    pub fn share(&self) -> Option<i64> {
        let part = (self.plain - self.cost).checked_mul(10_000)?.checked_div(self.plain)?;
        i64::try_from(part).ok()
    }

    fn add(&mut self, call: &Call, price: Option<&Price>) {
        let cached = call.tokens.cache_read;
        if cached == Tokens::ZERO {
            return;
        }
        self.tokens += cached;
        let tokens =
            TokenCount { input: call.tokens.input + cached, cache_read: Tokens::ZERO, ..call.tokens };
        let plain = Call { tokens, ..call.clone() };
        let costs = price.and_then(|price| Some((price.exact(&plain)?, price.exact(call)?)));
        let whole = |exact: super::money::Exact| i128::try_from(exact.picos()).unwrap_or(i128::MAX);
        match costs {
            Some((plain, cost)) => {
                self.plain = self.plain.saturating_add(whole(plain));
                self.cost = self.cost.saturating_add(whole(cost));
            }
            None => self.unknown += cached,
        }
    }

    fn merge(&mut self, other: &Saved) {
        self.tokens += other.tokens;
        self.unknown += other.unknown;
        self.plain = self.plain.saturating_add(other.plain);
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// What the calls of one model were like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How many, how many failed, and how long they took.
    pub service: Service,
    /// What the cache saved.
    pub saved: Saved,
}

impl Line {
    fn merge(&mut self, other: &Line) {
        self.service.merge(&other.service);
        self.saved.merge(&other.saved);
    }
}

/// A call that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// How long.
    pub took: Millis,
    /// When it was made.
    pub at: Timestamp,
    /// Which model answered.
    pub model: ModelId,
    /// Which call.
    pub id: CallId,
}

/// The calls of one tenant.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    models: BTreeMap<ModelId, Line>,
    slowest: Option<Slow>,
    latest: VecDeque<Arc<Made>>,
    failed: VecDeque<Arc<Made>>,
}

impl Sheet {
    /// Takes in a call, with the price that holds for it, if one does. The order does not matter.
    pub fn add(&mut self, call: &Call, cost: Cost, price: Option<&Price>) {
        let line = self.models.entry(call.model).or_default();
        line.service.add(call);
        line.saved.add(call, price);
        if let Some(took) = call.latency {
            let slow = Slow { took, at: call.at, model: call.model, id: call.id };
            let is_slower = |known: &Slow| (slow.took, slow.at, slow.id) > (known.took, known.at, known.id);
            if self.slowest.as_ref().is_none_or(is_slower) {
                self.slowest = Some(slow);
            }
        }
        let made = Arc::new((call.clone(), cost));
        if call.status == Status::Failed {
            keep(&mut self.failed, Arc::clone(&made), KEPT);
        }
        keep(&mut self.latest, made, KEPT);
    }

    /// Returns what the calls of one model were like; nothing where there was none.
    pub fn model(&self, model: ModelId) -> Option<&Line> {
        self.models.get(&model)
    }

    /// Returns what all calls were like.
    pub fn all(&self) -> Line {
        self.models.values().fold(Line::default(), |mut all, line| {
            all.merge(line);
            all
        })
    }

    /// Returns the call that took longest.
    pub fn slowest(&self) -> Option<Slow> {
        self.slowest
    }

    /// Returns the latest calls, newest first.
    pub fn latest(&self) -> impl Iterator<Item = &Arc<Made>> {
        self.latest.iter().rev()
    }

    /// Returns the latest calls that failed, newest first.
    pub fn failed(&self) -> impl Iterator<Item = &Arc<Made>> {
        self.failed.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::TenantId;
    use crate::domain::money::Rate;
    use crate::domain::price::Class;
    use proptest::prelude::*;

    fn price() -> Price {
        let rate = |dollars| Rate::per_million(dollars).expect("a rate");
        Price::new("p", "m").with(Class::Input, rate("3")).with(Class::CacheRead, rate("0.3"))
    }

    fn call(id: u64, cached: u64) -> Call {
        let at = Timestamp::from_seconds(1_795_356_300 + i64::try_from(id % 3_000).expect("small"));
        let mut call =
            Call::new(CallId::from_bits(u128::from(id)), at, TenantId::new("a"), ModelId::new("m"));
        call.tokens = TokenCount { input: Tokens::new(10), cache_read: Tokens::new(cached), ..call.tokens };
        call.latency = Some(Millis::new(id % 7_000));
        call
    }

    #[test]
    fn what_the_cache_saved_is_the_difference_of_the_two_prices() {
        let mut sheet = Sheet::default();
        sheet.add(&call(1, 1_000_000), Cost::Unpriced, Some(&price()));
        sheet.add(&call(2, 0), Cost::Unpriced, Some(&price()));
        sheet.add(&call(3, 5), Cost::Unpriced, None);
        let saved = sheet.all().saved;
        assert_eq!(saved.money(), Money::parse_dollars("2.7").expect("dollars"));
        assert_eq!((saved.tokens, saved.unknown), (Tokens::new(1_000_005), Tokens::new(5)));
        assert_eq!(saved.share(), Some(8_999), "of 3.00003");
        assert_eq!(Saved::default().share(), None);
    }

    #[test]
    fn the_slowest_call_is_known_by_when_it_was_made() {
        let mut sheet = Sheet::default();
        for id in [100, 6_999, 300] {
            sheet.add(&call(id, 0), Cost::Unpriced, None);
        }
        assert_eq!(sheet.slowest().map(|slow| (slow.took.count(), slow.id.bits())), Some((6_999, 6_999)));
    }

    proptest! {
        #[test]
        fn the_order_of_calls_changes_nothing(mut ids in proptest::collection::vec(0_u64..100_000, 1..80)) {
            let of = |ids: &[u64]| {
                let mut sheet = Sheet::default();
                for id in ids {
                    sheet.add(&call(*id, *id), Cost::Unpriced, Some(&price()));
                }
                (sheet.all(), sheet.slowest())
            };
            let as_given = of(&ids);
            ids.sort_unstable();
            prop_assert_eq!(as_given, of(&ids));
        }

        #[test]
        fn a_saving_is_what_the_price_book_says_call_by_call(reads in proptest::collection::vec(0_u64..1 << 40, 0..20)) {
            let mut sheet = Sheet::default();
            let mut picos = 0_i128;
            for (id, read) in (0..).zip(&reads) {
                sheet.add(&call(id, *read), Cost::Unpriced, Some(&price()));
                picos += i128::from(*read) * 2_700_000;
            }
            prop_assert_eq!(i128::from(sheet.all().saved.money().nanos()), picos / 1_000);
        }
    }
}
