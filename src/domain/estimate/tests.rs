//! Tests of the bound: what it is for plain calls, and that nothing the provider may bill lies above it.

use super::*;
use crate::domain::money::{Factor, Rate};
use crate::domain::price::{Class, Factors, Rates};
use proptest::prelude::*;

fn book(price: Price) -> PriceBook {
    PriceBook::default().with_overrides(vec![price])
}

fn plain() -> Price {
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    Price::new("openai", "m").with(Class::Input, rate("2.50")).with(Class::Output, rate("10"))
}

fn request(input: u64, output: u64) -> Request {
    let (provider, model) = (Provider::new("openai"), ModelId::new("m"));
    Request::new(
        provider,
        model,
        Timestamp::from_seconds(1_763_812_800),
        Tokens::new(input),
        Tokens::new(output),
    )
}

#[track_caller]
fn check(request: &Request, price: Price, nanos: i64) {
    let bound = request.bound(&book(price)).expect("a bound");
    assert_eq!(bound.money(), Money::from_nanos(nanos));
}

#[test]
fn the_bound_is_input_and_every_answer_at_their_rates() {
    check(&request(1_000, 100), plain(), 2_500_000 + 1_000_000);
    check(&Request { answers: 3, ..request(1_000, 100) }, plain(), 2_500_000 + 3_000_000);
    let bound = Request { answers: 3, ..request(1_000, 100) }.bound(&book(plain())).expect("a bound");
    assert_eq!((bound.calls(), bound.tokens()), (1, Tokens::new(1_300)));
}

#[test]
fn a_part_of_a_nanodollar_is_a_whole_one() {
    let price = plain().with(Class::Input, Rate::from_picos(1)).with(Class::Output, Rate::from_picos(1));
    check(&request(1, 0), price.clone(), 1);
    check(&request(1_000, 1), price, 2);
}

#[test]
fn cache_writes_are_bounded_where_they_may_happen() {
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    let price = plain().with(Class::CacheWrite, rate("3")).with(Class::CacheWriteLong, rate("5"));
    for (cache_write, nanos) in
        [(CacheWrite::No, 2_500), (CacheWrite::Short, 3_000), (CacheWrite::Long, 5_000)]
    {
        check(&Request { cache_write, ..request(1, 0) }, price.clone(), nanos);
    }
}

#[test]
fn reasoning_tiers_sizes_regions_and_fees_count_where_they_are_dearer() {
    let rate = |dollars| Rate::per_million(dollars).expect("a rate");
    let mut price = plain().with(Class::Reasoning, rate("20"));
    check(&request(0, 1), price.clone(), 20_000);
    price.state(Tier::Standard, 200_000, Class::Input, rate("5"));
    check(&request(200_000, 0), price.clone(), 500_000_000);
    check(&request(200_001, 0), price.clone(), 1_000_005_000);
    price.state(Tier::Priority, 0, Class::Input, rate("9"));
    let both = vec![Tier::Standard, Tier::Priority];
    check(&Request { tiers: both, ..request(1, 0) }, price.clone(), 9_000);
    price.set_factors(Factors { us: Factor::parse("1.1"), ..Factors::default() });
    let regions = vec![Region::Global, Region::Us];
    check(&Request { regions, ..request(10, 0) }, price.clone(), 27_500);
    price.set_request(Rate::per_unit("0.001").expect("a fee"));
    price.set_search(Rate::per_unit("0.01").expect("a fee"));
    check(&Request { searches: 2, ..request(0, 0) }, price, 21_000_000);
}

#[test]
fn hours_with_other_prices_lower_no_bound_and_raise_it_at_any_time() {
    for (off_peak, nanos) in [("1", 2_500), ("4", 4_000)] {
        for window in [Window { days: 0x7f, from: 0, to: 0 }, Window { days: 0, from: 0, to: 0 }] {
            let mut rates = Rates::default();
            rates.set(Class::Input, Rate::per_million(off_peak).expect("a rate"));
            let mut price = plain();
            price.set_off_peak(OffPeak { windows: vec![window], rates });
            check(&request(1, 0), price, nanos);
        }
    }
}

#[test]
fn without_a_price_for_everything_there_is_no_bound() {
    assert_eq!(request(1, 1).bound(&PriceBook::default()), Err(NoBound::Unpriced));
    let embeds = Price::new("openai", "m").with(Class::Input, Rate::from_picos(1));
    assert_eq!(request(1, 1).bound(&book(embeds.clone())), Err(NoBound::Unpriced));
    assert!(request(1, 0).bound(&book(embeds)).is_ok());
    assert_eq!(Request { searches: 1, ..request(1, 0) }.bound(&book(plain())), Err(NoBound::Unpriced));
    let fast = Request { tiers: vec![Tier::Ultrafast], ..request(1, 0) };
    assert_eq!(fast.bound(&book(plain())), Err(NoBound::Unpriced));
    let unpriced = request(1, 2).unpriced_bound().expect("counts");
    assert_eq!((unpriced.money(), unpriced.calls(), unpriced.tokens()), (Money::ZERO, 1, Tokens::new(3)));
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for request in [
        request(u64::MAX, 1),
        request(1, u64::MAX),
        Request { answers: u32::MAX, ..request(1, 1 << 40) },
        request(1 << 62, 1 << 62),
    ] {
        assert_eq!(request.bound(&book(plain())), Err(NoBound::TooLarge), "{request:?}");
    }
    let dear = plain().with(Class::Input, Rate::from_picos(u64::MAX));
    assert_eq!(request(1 << 20, 0).bound(&book(dear)), Err(NoBound::TooLarge));
}

#[test]
fn a_prediction_is_the_plain_cost_of_what_is_expected() {
    let asked = Request { answers: 2, ..request(5_000, 4_000) };
    let money = asked.prediction(Tokens::new(1_000), Tokens::new(100), &book(plain()));
    assert_eq!(money, Some(Money::from_nanos(3_500_000)));
    assert_eq!(asked.prediction(Tokens::new(1), Tokens::new(1), &PriceBook::default()), None);
}

#[test]
fn every_priced_model_of_the_catalogue_has_a_bound() {
    let book = PriceBook::builtin();
    let all = book.list();
    let priced = all.iter().filter(|price| price.input().is_some() && price.output().is_some());
    let mut count = 0;
    for price in priced.step_by(37) {
        let (provider, model) = (Provider::new(price.provider()), ModelId::new(price.model()));
        let at = Timestamp::from_seconds(1_795_000_000);
        let asked = Request::new(provider, model, at, Tokens::new(300_000), Tokens::new(1_000));
        assert!(asked.bound(&book).is_ok(), "{}/{}", price.provider(), price.model());
        count += 1;
    }
    assert!(count > 50);
}

/// A price with everything that may be stated, and rates in no order at all.
fn prices() -> impl Strategy<Value = Price> {
    let rate = proptest::option::of(0_u64..1 << 30);
    let term = (0_usize..3, prop_oneof![Just(0_u64), 1_u64..3_000], proptest::array::uniform6(rate));
    let factors = (10_000_u32..30_000, 5_000_u32..30_000, 5_000_u32..30_000);
    let fees = (0_u64..1 << 40, 0_u64..1 << 40, any::<bool>());
    let flat = (1_u64..1 << 30, 1_u64..1 << 30);
    (proptest::collection::vec(term, 0..6), factors, fees, flat).prop_map(|(terms, factors, fees, flat)| {
        let (input, output) = (Rate::from_picos(flat.0), Rate::from_picos(flat.1));
        let mut price = Price::new("openai", "m").with(Class::Input, input).with(Class::Output, output);
        let mut off_peak = Rates::default();
        for (tier, above, rates) in terms {
            let tier = [Tier::Standard, Tier::Priority, Tier::Batch][tier];
            for (class, rate) in Class::ALL.into_iter().zip(rates) {
                if let Some(rate) = rate {
                    price.state(tier, above, class, Rate::from_picos(rate));
                    off_peak.set(class, Rate::from_picos(rate / 2 + 1));
                }
            }
        }
        if fees.2 {
            price.set_off_peak(OffPeak {
                windows: vec![Window { days: 0x7f, from: 0, to: 720 }],
                rates: off_peak,
            });
        }
        let [fast, us, pinned] =
            [factors.0, factors.1, factors.2].map(|basis| Some(Factor::from_basis(basis)));
        price.set_factors(Factors { fast, us, eu: None, pinned });
        price.set_request(Rate::from_picos(fees.0));
        price.set_search(Rate::from_picos(fees.1));
        price
    })
}

proptest! {
    #[test]
    fn nothing_that_may_be_billed_is_above_the_bound(
        price in prices(), bounds in (0_u64..5_000, 0_u64..5_000, 1_u32..4, 0_u32..3),
        split in proptest::array::uniform4(0_u64..5_000), output in (0_u64..20_000, 0_u64..20_000),
        served in (0_usize..4, 0_usize..4, 0_i64..86_400), searches in 0_u32..3,
    ) {
        let tiers = vec![Tier::Standard, Tier::Priority, Tier::Batch, Tier::Fast];
        let asked = Request {
            answers: bounds.2,
            searches: bounds.3,
            cache_write: CacheWrite::Long,
            tiers: tiers.clone(),
            regions: Region::ALL.to_vec(),
            ..request(bounds.0, bounds.1)
        };
        let bound = asked.bound(&book(price.clone())).expect("a bound");
        let mut call = asked.call(tiers[served.0], Region::ALL[served.1]);
        call.at = Timestamp::from_seconds(asked.at.seconds() + served.2);
        call.searches = searches.min(bounds.3);
        let mut left = bounds.0;
        let [input, read, short, long] = split.map(|part| {
            let part = part.min(left);
            left -= part;
            Tokens::new(part)
        });
        let output_tokens = Tokens::new(output.0.min(bounds.1 * u64::from(bounds.2)));
        call.tokens = TokenCount {
            input, cache_read: read, cache_write_short: short, cache_write_long: long,
            output: output_tokens, reasoning: Tokens::new(output.1.min(output_tokens.count())),
        };
        let cost = price.cost(&call).expect("a cost");
        prop_assert!(cost <= bound.money(), "{} > {}", cost, bound.money());
        prop_assert!(call.tokens.total() <= bound.tokens());
    }

    #[test]
    fn a_larger_request_never_has_a_smaller_bound(
        price in prices(), small in (0_u64..5_000, 0_u64..5_000), more in (0_u64..5_000, 0_u64..5_000),
    ) {
        let book = book(price);
        let bound = |input, output| request(input, output).bound(&book).expect("a bound").money();
        prop_assert!(bound(small.0, small.1) <= bound(small.0 + more.0, small.1 + more.1));
    }
}
