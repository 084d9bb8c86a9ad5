//! What calls would have cost with another model, and what a pattern of calls comes to: questions that change nothing.

use super::forecast::{Forecast, Reach};
use super::money::{Exact, Money, Rate};
use super::price::Price;
use super::rollup::Sums;
use super::time::{Millis, Timestamp};
use super::tokens::Tokens;

/// Milliseconds of a day.
const DAY: i128 = 86_400_000;
/// Days that a month is taken for.
const MONTH: i128 = 30;

/// What calls of one model cost, and would have cost with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What they cost: all of them.
    pub was: Money,
    /// What all would come to, with the chosen part of them moved.
    pub would: Money,
}

impl Moved {
    /// Returns what is saved; below zero is what it costs more.
    pub fn saves(self) -> Money {
        Money::from_nanos(self.was.nanos().saturating_sub(self.would.nanos()))
    }

    /// Returns what is saved a day if it goes on as in a stretch of time.
    pub fn a_day(self, length: Millis) -> Option<Money> {
        scaled(self.saves(), DAY, i128::from(length.count()))
    }

    /// The same in thirty days.
    pub fn a_month(self, length: Millis) -> Option<Money> {
        scaled(self.saves(), DAY * MONTH, i128::from(length.count()))
    }
}

/// Returns what calls would have cost had `share` per cent of them gone to another model. `None` where a price or
/// a cost is missing. Moved to the model that they were made with, they cost as before.
pub fn moved(used: &Sums, share: u8, to: Target<'_>) -> Option<Moved> {
    if used.unpriced > 0 {
        return None;
    }
    let was = used.cost;
    let all = match to {
        Target::Same => was,
        Target::Other(price) => price.flat_cost(u64::try_from(used.calls).ok()?, &used.tokens)?,
    };
    let share = i128::from(share.min(100));
    let (kept, gone) = (i128::from(was.nanos()) * (100 - share), i128::from(all.nanos()) * share);
    // Half a nanodollar is rounded up.
    let would = (kept + gone + 50).div_euclid(100);
    Some(Moved { was, would: Money::from_nanos(i64::try_from(would).ok()?) })
}

/// Where calls would go.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// To the model that they were made with.
    Same,
    /// To another, at this price.
    Other(&'a Price),
}

/// Returns when so much more is spent, were all that is spent from now on lower by what is saved of `whole`.
pub fn reach_moved(
    left: Money,
    (whole, saves): (Money, Money),
    forecast: &Forecast<'_>,
    end: Option<Timestamp>,
) -> Reach {
    let after = i128::from(whole.nanos()) - i128::from(saves.nanos());
    if whole <= Money::ZERO || left <= Money::ZERO {
        return forecast.reach(left, end);
    }
    if after <= 0 {
        return Reach::Never;
    }
    // What is spent at a part of the pace is reached when the whole pace comes to so much more.
    let as_if = i128::from(left.nanos()) * i128::from(whole.nanos()) / after;
    forecast.reach(Money::from_nanos(i64::try_from(as_if).unwrap_or(i64::MAX)), end)
}

fn scaled(money: Money, by: i128, of: i128) -> Option<Money> {
    let nanos = i128::from(money.nanos()).checked_mul(by)?.checked_div(of)?;
    i64::try_from(nanos).ok().map(Money::from_nanos)
}

/// A call as it is meant to be, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Tokens read outside the cache.
    pub input: u64,
    /// Tokens read from the cache.
    pub cached: u64,
    /// Tokens written.
    pub output: u64,
    /// Calls a day.
    pub calls: u64,
}

/// What it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// One call.
    pub call: Money,
    /// A day.
    pub day: Money,
    /// Thirty days.
    pub month: Money,
}

/// The rates of a model: tokens read, read from the cache, written.
pub type ThreeRates = [Option<Rate>; 3];

/// Returns what a pattern of calls costs at these rates; `None` where a rate that is needed is missing. Tokens from
/// the cache cost as read ones where nothing else is said. Each sum is exact and rounded up once.
pub fn estimate(pattern: &Pattern, [input, cached, output]: ThreeRates) -> Option<Estimate> {
    let parts = [(pattern.input, input), (pattern.cached, cached.or(input)), (pattern.output, output)];
    let mut one = Exact::ZERO;
    for (tokens, rate) in parts {
        if tokens > 0 {
            one = one + rate?.of(Tokens::new(tokens.min(Tokens::MAX_PER_CALL)));
        }
    }
    if parts.iter().all(|part| part.1.is_none()) {
        return None;
    }
    let times = |count: u128| {
        let picos = one.picos().checked_mul(count)?;
        let nanos = picos.div_ceil(1_000);
        i64::try_from(nanos).ok().map(Money::from_nanos)
    };
    let calls = u128::from(pattern.calls);
    Some(Estimate { call: times(1)?, day: times(calls)?, month: times(calls.checked_mul(30)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forecast::{Habit, Present};
    use crate::domain::price::Class;
    use crate::domain::tokens::TokenCount;
    use proptest::prelude::*;

    fn usd(text: &str) -> Money {
        Money::parse_dollars(text).expect("dollars")
    }

    fn used(input: u64, output: u64, cost: Money) -> Sums {
        let tokens =
            TokenCount { input: Tokens::new(input), output: Tokens::new(output), ..TokenCount::default() };
        Sums { calls: 1_214, tokens, cost, ..Sums::default() }
    }

    fn price(input: &str, output: &str) -> Price {
        let rate = |text| Rate::per_million(text).expect("a rate");
        Price::new("openai", "m").with(Class::Input, rate(input)).with(Class::Output, rate(output))
    }

    #[test]
    fn a_cheaper_model_saves_what_the_tokens_cost_less() {
        let used = used(6_100_000, 1_060_000, usd("31.15"));
        let cheap = price("0.15", "0.60");
        let moved = moved(&used, 100, Target::Other(&cheap)).expect("known");
        assert_eq!((moved.would, moved.saves()), (usd("1.551"), usd("29.599")));
        assert_eq!(moved.a_day(Millis::from_minutes(720)), Some(usd("59.198")));
        assert_eq!(moved.a_month(Millis::from_minutes(1440)), Some(usd("887.97")));
        assert_eq!(moved.a_day(Millis::new(0)), None);
        let half = super::moved(&used, 50, Target::Other(&cheap)).expect("known");
        assert_eq!(half.saves(), usd("14.7995"));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        let nothing = Sums { unpriced: 1, ..used(5, 5, usd("1")) };
        assert_eq!(moved(&nothing, 100, Target::Same), None);
        let no_output = Price::new("p", "m").with(Class::Input, Rate::from_picos(1));
        assert_eq!(moved(&used(5, 5, usd("1")), 100, Target::Other(&no_output)), None);
        let pattern = Pattern { input: 1, output: 1, ..Pattern::default() };
        assert_eq!(estimate(&pattern, [Some(Rate::from_picos(1)), None, None]), None);
        assert_eq!(estimate(&Pattern::default(), [None; 3]), None);
    }

    #[test]
    fn a_pattern_of_calls_is_added_up() {
        let pattern = Pattern { input: 10_000, cached: 0, output: 500, calls: 12_000 };
        let rates = ["3", "0.30", "15"].map(Rate::per_million);
        let found = estimate(&pattern, rates).expect("known");
        assert_eq!((found.call, found.day, found.month), (usd("0.0375"), usd("450"), usd("13500")));
        let cached = Pattern { cached: 1_000_000, ..Pattern::default() };
        assert_eq!(estimate(&cached, rates).map(|found| found.call), Some(usd("0.30")));
        assert_eq!(estimate(&cached, [rates[0], None, None]).map(|found| found.call), Some(usd("3")));
    }

    #[test]
    fn a_lower_pace_lasts_longer() {
        let now = Timestamp::from_seconds(1_795_356_000);
        let habit = Habit::default();
        let forecast = Forecast::new(&habit, Present { now, running: Money::ZERO, burn: usd("10") });
        let at = |hours: u64| Reach::At { at: now.after(Millis::from_minutes(hours * 60)), range: None };
        let reach = |saves| reach_moved(usd("20"), (usd("100"), usd(saves)), &forecast, None);
        assert_eq!(reach("0"), at(2));
        assert_eq!(reach("50"), at(4));
        assert_eq!(reach("100"), Reach::Never);
        assert_eq!(reach_moved(Money::ZERO, (usd("100"), usd("50")), &forecast, None), Reach::Now);
    }

    fn sums() -> impl Strategy<Value = Sums> {
        (0_u64..1 << 40, 0_u64..1 << 40, 0_i64..1 << 50)
            .prop_map(|(input, output, cost)| used(input, output, Money::from_nanos(cost)))
    }

    fn prices() -> impl Strategy<Value = Price> {
        (0_u64..1 << 30, 0_u64..1 << 30).prop_map(|(input, output)| {
            Price::new("p", "m")
                .with(Class::Input, Rate::from_picos(input))
                .with(Class::Output, Rate::from_picos(output))
        })
    }

    proptest! {
        #[test]
        fn moved_to_itself_saves_nothing(used in sums(), share in any::<u8>()) {
            let moved = moved(&used, share, Target::Same).expect("known");
            prop_assert_eq!(moved.saves(), Money::ZERO);
        }

        #[test]
        fn no_share_changes_nothing_and_all_of_it_costs_as_the_other(used in sums(), price in prices()) {
            let to = Target::Other(&price);
            prop_assert_eq!(moved(&used, 0, to).map(|moved| moved.would), Some(used.cost));
            let all = price.flat_cost(1_214, &used.tokens);
            prop_assert_eq!(moved(&used, 100, to).map(|moved| moved.would), all);
        }

        #[test]
        fn a_share_and_the_rest_save_what_all_of_it_saves(used in sums(), price in prices(), share in 0_u8..=100) {
            let saves = |share| moved(&used, share, Target::Other(&price)).map_or(0, |moved| moved.saves().nanos());
            let off = saves(share) + saves(100 - share) - saves(100);
            prop_assert!(off.abs() <= 1, "each share is rounded by half a nanodollar at most");
        }

        #[test]
        fn a_day_of_calls_is_each_of_them_but_for_the_rounding(
            counts in proptest::array::uniform3(0_u64..1 << 20), calls in 0_u64..1 << 20,
            rates in proptest::array::uniform3(1_u64..1 << 20),
        ) {
            let pattern = Pattern { input: counts[0], cached: counts[1], output: counts[2], calls };
            let found = estimate(&pattern, rates.map(|picos| Some(Rate::from_picos(picos)))).expect("known");
            let calls = i128::from(calls);
            let (call, day, month) = (found.call.nanos(), found.day.nanos(), found.month.nanos());
            prop_assert!(i128::from(day) <= i128::from(call) * calls);
            prop_assert!(i128::from(day) > i128::from(call) * calls - calls || calls == 0);
            prop_assert!(i128::from(month) <= i128::from(day) * 30);
        }
    }
}
