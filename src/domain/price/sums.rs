//! What the tokens of many calls together cost at a price: for questions like "what if", never for the books.

use super::rates::Price;
use crate::domain::call::{Media, Tier};
use crate::domain::money::{Exact, Money};
use crate::domain::tokens::{TokenCount, Tokens};

impl Price {
    /// Returns what so many calls with these tokens in all cost at the flat rates, or `None` where a class that has
    /// tokens has no rate. Rates for large prompts, other service tiers and cheaper hours are left out: sums do
    /// not say to which calls they would apply.
    pub fn flat_cost(&self, calls: u64, tokens: &TokenCount) -> Option<Money> {
        if !self.is_priced() {
            return None;
        }
        let rates = self.terms().iter().find(|term| term.tier == Tier::Standard && term.above == 0);
        let tokens = match rates {
            Some(term) => term.rates.exact(tokens, &Media::default())?,
            None if tokens.total() == Tokens::ZERO => Exact::ZERO,
            None => return None,
        };
        let fee = self.request().map_or(Exact::ZERO, |fee| fee.of(Tokens::new(calls)));
        Some((tokens + fee).round_up())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{Call, CallId, ModelId, TenantId};
    use crate::domain::money::Rate;
    use crate::domain::price::Class;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn price(rates: [u64; 3]) -> Price {
        let [input, cached, output] = rates.map(Rate::from_picos);
        let price = Price::new("p", "m").with(Class::Input, input).with(Class::CacheRead, cached);
        price.with(Class::Output, output)
    }

    fn tokens([input, cached, output]: [u64; 3]) -> TokenCount {
        let count = Tokens::new;
        TokenCount {
            input: count(input),
            cache_read: count(cached),
            output: count(output),
            ..TokenCount::default()
        }
    }

    #[test]
    fn a_class_without_a_rate_makes_the_sum_unknown() {
        let price = Price::new("p", "m").with(Class::Input, Rate::from_picos(5));
        assert_eq!(price.flat_cost(1, &tokens([10, 0, 1])), None);
        assert_eq!(price.flat_cost(1, &tokens([10, 0, 0])), Some(Money::from_nanos(1)));
        assert_eq!(Price::new("p", "m").flat_cost(1, &tokens([0; 3])), None);
    }

    proptest! {
        #[test]
        fn one_call_costs_as_it_is_charged(
            rates in proptest::array::uniform3(0_u64..1_000_000_000),
            counts in proptest::array::uniform3(0_u64..1 << 40),
        ) {
            let (price, tokens) = (price(rates), tokens(counts));
            let mut call = Call::new(CallId::from_bits(1), Timestamp::EPOCH, TenantId::new("t"), ModelId::new("m"));
            call.tokens = tokens;
            prop_assert_eq!(price.flat_cost(1, &tokens), price.cost(&call));
        }

        #[test]
        fn parts_come_to_the_whole_but_for_their_rounding(
            rates in proptest::array::uniform3(0_u64..1_000_000_000),
            one in proptest::array::uniform3(0_u64..1 << 40), other in proptest::array::uniform3(0_u64..1 << 40),
        ) {
            let price = price(rates);
            let mut both = tokens(one);
            both += tokens(other);
            let cost = |tokens: &TokenCount| price.flat_cost(1, tokens).map_or(0, Money::nanos);
            let parts = cost(&tokens(one)) + cost(&tokens(other));
            prop_assert!((0..=1).contains(&(parts - cost(&both))), "each part is rounded up by less than a nanodollar");
        }
    }
}
