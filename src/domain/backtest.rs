//! What a cap would have stopped: history replayed through the gate.

use std::collections::BTreeMap;

use super::amount::Amount;
use super::budget::{Budget, Movement};
use super::calendar::Calendar;
use super::call::{Call, Cost};
use super::cap::{Cap, CapRev, Mode, Revision};
use super::cap_book::{Caller, CapBook, Touch};
use super::gate::{Ask, Pricing, Refusal, Standing, Verdict, judge};
use super::label::Label;
use super::money::Money;
use super::period::{Place, periods};
use super::plan::Plans;
use super::time::Timestamp;
use super::tokens::Tokens;

/// What was stopped in one period of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Whose period, and which.
    pub place: Place,
    /// When the first call was stopped.
    pub first: Timestamp,
    /// Calls stopped.
    pub calls: u64,
    /// What they cost in fact.
    pub saved: Money,
}

/// Periods that are told one by one; the rest is in the sums.
pub const TOLD: usize = 1_000;

/// A replay: calls are handed in, in order of time.
///
/// Memory grows with accounts and the buckets of one window, never with calls.
#[derive(Debug)]
pub struct Backtest {
    book: CapBook,
    calendar: Calendar,
    budgets: BTreeMap<Place, Budget>,
    /// Calls handed in that the cap touches.
    pub touched: u64,
    /// Calls that would have been stopped.
    pub stopped: u64,
    /// What they cost in fact.
    pub saved: Money,
    /// Calls without a price, which a cap on money would have stopped.
    pub unpriced: u64,
    /// By period, in order of time; the first [`TOLD`] of them.
    pub periods: Vec<Stopped>,
}

impl Backtest {
    /// Begins a replay against one cap, taken as a hard one that refuses.
    pub fn new(cap: Cap, plans: Plans, calendar: Calendar) -> Backtest {
        let cap = Cap { mode: Mode::Hard, on_breach: super::cap::OnBreach::Reject, ..cap };
        let revision = Revision { rev: CapRev(1), cap, by: Label::new(""), at: Timestamp::EPOCH };
        Backtest {
            book: CapBook::new([revision], plans),
            calendar,
            budgets: BTreeMap::new(),
            touched: 0,
            stopped: 0,
            saved: Money::ZERO,
            unpriced: 0,
            periods: Vec::new(),
        }
    }

    /// Replays one call, and returns why it would have been stopped. What was stopped is not spent.
    pub fn step(&mut self, call: &Call, cost: Cost) -> Option<Refusal> {
        let caller = Caller { tenant: call.tenant, model: call.model, provider: call.provider, key: None };
        let touch = self.book.caps_for(&caller).into_iter().next()?;
        self.touched += 1;
        let money = cost.money().unwrap_or_default().max(Money::ZERO);
        let tokens = call.tokens.total().count().min(i64::MAX.unsigned_abs());
        let amount = Amount::new(money, u64::from(call.calls), Tokens::new(tokens))?;
        let (place, standing) = self.standing(&touch, call.at);
        let pricing = if cost == Cost::Unpriced { Pricing::Unknown } else { Pricing::Known };
        match judge(&Ask { model: call.model, amount, pricing }, &[standing]) {
            Verdict::Allow => {
                let budget = self.budgets.entry(place).or_default();
                let moved = budget.apply(Movement { settle: amount, ..Movement::default() });
                *budget = moved.unwrap_or(*budget);
                None
            }
            Verdict::Unpriced { why } => {
                self.unpriced += 1;
                self.stop(place, call, Money::ZERO);
                Some(why)
            }
            Verdict::Reject { why } | Verdict::Wait { why } | Verdict::Downgrade { why, .. } => {
                self.stop(place, call, money);
                Some(why)
            }
        }
    }

    fn stop(&mut self, place: Place, call: &Call, money: Money) {
        self.stopped += u64::from(call.calls);
        self.saved = self.saved.saturating_add(money);
        let calls = u64::from(call.calls);
        match self.periods.iter().rposition(|stopped| stopped.place == place) {
            Some(index) => {
                let stopped = &mut self.periods[index];
                stopped.calls += calls;
                stopped.saved = stopped.saved.saturating_add(money);
            }
            None if self.periods.len() < TOLD => {
                self.periods.push(Stopped { place, first: call.at, calls, saved: money });
            }
            None => {}
        }
    }

    /// Returns how the cap stands; periods that are over are forgotten.
    fn standing(&mut self, touch: &Touch, at: Timestamp) -> (Place, Standing) {
        let found = periods(touch.cap.window, &self.calendar, at);
        let place = Place { account: touch.account, period: found.write };
        let mut oldest = place;
        oldest.period.start = i64::MIN;
        let over: Vec<Place> = self
            .budgets
            .range(oldest..)
            .map(|(place, _)| *place)
            .take_while(|other| other.account == place.account && other.period.start < found.since)
            .collect();
        for place in over {
            self.budgets.remove(&place);
        }
        let mine = self.budgets.range(oldest..).take_while(|(other, _)| other.account == place.account);
        let budget = mine.fold(Budget::default(), |sum, (_, budget)| sum.plus(*budget).unwrap_or(sum));
        (place, Standing { touch: touch.clone(), budget, resets_at: found.resets_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{CallId, ModelId, TenantId};

    fn replay(cap: &str, calls: &[(i64, &str, i64)]) -> Backtest {
        let mut test = Backtest::new(Cap::parse(cap).expect("a cap"), Plans::default(), Calendar::utc());
        for (hour, tenant, dollars) in calls {
            let at = Timestamp::from_seconds(1_763_769_600 + hour * 3_600);
            let call = Call::new(CallId::from_bits(0), at, TenantId::new(tenant), ModelId::new("m"));
            let cost = Cost::Priced(Money::from_nanos(dollars * 1_000_000_000));
            test.step(&call, if *dollars < 0 { Cost::Unpriced } else { cost });
        }
        test
    }

    #[test]
    fn what_is_stopped_is_not_spent_and_each_day_begins_anew() {
        let calls = [(0, "a", 6), (1, "a", 5), (2, "a", 4), (3, "a", 1), (25, "a", 10), (26, "b", 10)];
        let test = replay("each-tenant 10/day", &calls);
        assert_eq!((test.touched, test.stopped, test.saved.nanos()), (6, 2, 6_000_000_000));
        assert_eq!((test.periods.len(), test.periods[0].calls), (1, 2));
        assert_eq!(test.periods[0].first, Timestamp::from_seconds(1_763_769_600 + 3_600));
    }

    #[test]
    fn a_call_without_a_price_passes_no_cap_on_money() {
        let test = replay("all 10/day", &[(0, "a", -1), (1, "a", 1)]);
        assert_eq!((test.stopped, test.unpriced, test.saved), (1, 1, Money::ZERO));
        assert_eq!(replay("all 5 calls/day", &[(0, "a", -1)]).stopped, 0);
    }

    #[test]
    fn memory_does_not_grow_with_the_calls() {
        let calls: Vec<_> = (0..5_000).map(|hour| (hour, "a", 1)).collect();
        let test = replay("all 3/rolling:6h", &calls);
        assert!(test.budgets.len() < 70 && test.stopped > 1_000, "{}", test.budgets.len());
    }
}
