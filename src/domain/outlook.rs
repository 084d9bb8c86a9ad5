//! Which cap is reached next: caps held against what is likely to be spent.

use super::amount::Unit;
use super::cap_trial::ends;
use super::forecast::{Forecast, Reach};
use super::gate::Standing;
use super::money::Money;
use super::time::Timestamp;

/// Returns when a cap on money is reached. `spent` is what the ledgers say of its window, calls that passed
/// no guard included: the larger of the two counts. `None` for caps on calls or tokens.
pub fn reach(standing: &Standing, spent: Money, forecast: &Forecast<'_>, now: Timestamp) -> Option<Reach> {
    let left = left(standing, spent)?;
    let ends = ends(standing.touch.cap.window, standing.resets_at, now);
    Some(forecast.reach(left, ends))
}

/// Returns what is left of a cap on money, nothing where it is passed; `None` for caps on calls or tokens.
pub fn left(standing: &Standing, spent: Money) -> Option<Money> {
    if standing.touch.cap.limit.unit() != Unit::Money {
        return None;
    }
    let spent = u128::from(spent.nanos().max(0).unsigned_abs());
    let left = u128::from(standing.limit()).saturating_sub(standing.exposure().max(spent));
    Some(Money::from_nanos(i64::try_from(left).unwrap_or(i64::MAX)))
}

/// Returns how urgent a reach is: the lower, the more; what is never reached has none.
pub fn urgency(reach: Reach) -> Option<i64> {
    match reach {
        Reach::Now => Some(i64::MIN),
        Reach::At { at, .. } => Some(at.millis()),
        Reach::Never | Reach::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::amount::Amount;
    use crate::domain::budget::Budget;
    use crate::domain::cap::Cap;
    use crate::domain::cap_book::Touch;
    use crate::domain::forecast::{Habit, Present};
    use crate::domain::scope::Account;
    use crate::domain::time::Millis;
    use crate::domain::tokens::Tokens;
    use crate::domain::{call::TenantId, scope::Scope};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_000);

    fn usd(dollars: i64) -> Money {
        Money::from_nanos(dollars * 1_000_000_000)
    }

    fn standing(cap: &str, settled: i64) -> Standing {
        let cap = Cap::parse_for(Scope::Tenant(TenantId::new("acme")), cap).expect("a cap");
        let settled = Amount::new(usd(settled), 1, Tokens::ZERO).expect("fits");
        Standing {
            touch: Touch { cap: cap.into(), account: Account::Tenant(TenantId::new("acme")) },
            budget: Budget { settled, ..Budget::default() },
            resets_at: Some(NOW.after(Millis::from_minutes(600))),
        }
    }

    #[track_caller]
    fn check(cap: &str, settled: i64, spent: i64, want: Option<Reach>) {
        let habit = Habit::default();
        let present = Present { now: NOW, running: Money::ZERO, burn: usd(10) };
        let forecast = Forecast::new(&habit, present);
        assert_eq!(reach(&standing(cap, settled), usd(spent), &forecast, NOW), want, "{cap}");
    }

    fn at(hours: u64) -> Reach {
        Reach::At { at: NOW.after(Millis::from_minutes(60 * hours)), range: None }
    }

    #[test]
    fn the_larger_of_what_guards_and_ledgers_say_counts() {
        check("100/day", 50, 0, Some(at(5)));
        check("100/day", 50, 70, Some(at(3)));
        check("100/day", 100, 0, Some(Reach::Now));
        check("100/day", 0, 130, Some(Reach::Now));
    }

    #[test]
    fn a_window_that_ends_before_is_not_filled() {
        check("200/day", 50, 0, Some(Reach::Never));
        check("200/rolling:30d", 50, 0, Some(at(15)));
        check("10 calls/day", 50, 0, None);
    }

    #[test]
    fn what_is_reached_is_more_urgent_than_what_will_be() {
        let reaches = [Reach::Now, at(1), at(2)];
        let urgencies: Vec<_> = reaches.into_iter().filter_map(urgency).collect();
        assert!(urgencies.is_sorted() && urgencies.len() == 3);
        assert_eq!((urgency(Reach::Never), urgency(Reach::Unknown)), (None, None));
    }
}
