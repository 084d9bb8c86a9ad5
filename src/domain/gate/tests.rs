//! Tests of the gate: one cap, many caps, and a thousand calls that try to pass them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::domain::calendar::Calendar;
use crate::domain::call::{CallId, Provider, TenantId};
use crate::domain::cap::{Cap, CapRev, Revision};
use crate::domain::cap_book::{Caller, CapBook};
use crate::domain::closing::{Billed, Outcome, Usage, close};
use crate::domain::hold::{Attempt, GuardId, Hold, HoldId, PriceRev, State};
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::period::{Place, periods};
use crate::domain::plan::Plans;
use crate::domain::scope::{Account, PlanId};
use crate::domain::tokens::Tokens;
use proptest::prelude::*;

/// Dollars, one call, and as many tokens as dollars.
fn usd(dollars: i64) -> Amount {
    Amount::new(Money::from_nanos(dollars * 1_000_000_000), 1, Tokens::new(dollars.unsigned_abs()))
        .expect("fits")
}

fn ask(dollars: i64) -> Ask {
    Ask { model: ModelId::new("gpt-4o"), amount: usd(dollars), pricing: Pricing::Known }
}

fn standing(cap: &str, settled: i64, uncertain: i64, reserved: i64) -> Standing {
    let cap = Arc::new(Cap::parse(cap).expect("a cap"));
    let budget = Budget { settled: usd(settled), uncertain: usd(uncertain), reserved: usd(reserved) };
    Standing { touch: Touch { cap, account: Account::Everything }, budget, resets_at: None }
}

/// The word of a verdict, with the size of what stopped the call and by how much it does not fit.
fn word(verdict: &Verdict) -> String {
    let figures = |why: &Refusal| format!("{} by {}", why.touch.cap.limit, why.short_by());
    match verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Downgrade { to, why } => format!("{to}: {}", figures(why)),
        Verdict::Wait { why } => format!("wait: {}", figures(why)),
        Verdict::Reject { why } => format!("reject: {}", figures(why)),
        Verdict::Unpriced { why } => format!("unpriced: {}", why.touch.cap.limit),
    }
}

#[track_caller]
fn check(standings: &[Standing], dollars: i64, want: &str) {
    assert_eq!(word(&judge(&ask(dollars), standings)), want);
}

#[test]
fn a_call_that_lands_on_the_cap_is_allowed_and_one_past_it_is_not() {
    check(&[standing("all 100/day", 60, 30, 0)], 10, "allow");
    check(&[standing("all 100/day", 60, 30, 0)], 11, "reject: 100.00 by 1000000000");
    check(&[], 1_000, "allow");
}

#[test]
fn money_in_flight_counts_but_is_worth_waiting_for() {
    check(&[standing("all 100/day", 60, 10, 25)], 10, "wait: 100.00 by 5000000000");
    check(&[standing("all 100/day", 60, 35, 25)], 10, "reject: 100.00 by 30000000000");
}

#[test]
fn doubtful_money_counts_and_is_not_waited_for() {
    check(&[standing("all 100/day", 0, 95, 0)], 10, "reject: 100.00 by 5000000000");
}

#[test]
fn zero_blocks_even_what_is_free() {
    check(&[standing("all 0/day", 0, 0, 0)], 0, "reject: 0.00 by 0");
    check(&[standing("all 1/day", 0, 0, 0)], 0, "allow");
    check(&[standing("all 0 tokens/day", 0, 0, 0)], 0, "reject: 0 tokens by 0");
}

#[test]
fn calls_and_tokens_are_counted_like_money() {
    check(&[standing("all 4 calls/day", 0, 0, 0)], 0, "allow");
    check(&[standing("all 3 calls/day", 0, 0, 0)], 0, "wait: 3 calls by 1");
    check(&[standing("all 2 calls/day", 0, 0, 0)], 0, "reject: 2 calls by 2");
    check(&[standing("all 9 tokens/day", 2, 2, 2)], 4, "wait: 9 tokens by 1");
}

#[test]
fn a_lowered_cap_admits_nothing_until_the_exposure_fits() {
    check(&[standing("all 50/day", 60, 0, 0)], 0, "reject: 50.00 by 10000000000");
}

#[test]
fn every_cap_must_hold_and_the_hardest_word_wins() {
    let (fits, held, spent) = ("all 100/day", "all 100/hour", "all 100/week");
    let wait = standing(held, 0, 0, 95);
    let reject = standing(spent, 95, 0, 0);
    let down = standing("all 90/month --on-breach downgrade:mini", 95, 0, 0);
    let open = standing(fits, 0, 0, 0);
    check(&[open.clone(), wait.clone()], 10, "wait: 100.00 by 5000000000");
    check(&[wait.clone(), down.clone(), open.clone()], 10, "mini: 90.00 by 15000000000");
    check(&[wait, down, reject, open], 10, "reject: 100.00 by 5000000000");
}

#[test]
fn a_downgrade_to_the_same_model_is_a_rejection() {
    check(&[standing("all 9/day --on-breach downgrade:gpt-4o", 0, 0, 0)], 10, "reject: 9.00 by 1000000000");
}

#[test]
fn a_soft_cap_refuses_nothing() {
    check(&[standing("all 9/day --soft", 100, 100, 100)], 10, "allow");
    check(&[standing("all 0/day --soft", 0, 0, 0)], 10, "allow");
}

#[test]
fn what_has_no_price_passes_no_hard_cap_on_money() {
    let unpriced = Ask { pricing: Pricing::Unknown, ..ask(0) };
    let verdict = |cap| word(&judge(&unpriced, &[standing(cap, 0, 0, 0)]));
    assert_eq!(verdict("all 9/day"), "unpriced: 9.00");
    assert_eq!(verdict("all 9/day --soft"), "allow");
    assert_eq!(verdict("all 9 calls/day"), "allow");
}

#[test]
fn a_refusal_says_which_cap_how_much_is_spent_and_when_it_resets() {
    let mut cap = standing("tenant:acme 100/day", 60, 10, 25);
    cap.resets_at = Some(Timestamp::from_seconds(7));
    let Verdict::Wait { why } = judge(&ask(10), &[cap.clone()]) else { panic!("it waits") };
    let dollar = 1_000_000_000;
    assert_eq!(
        (why.spent, why.held, why.asked, why.limit),
        (70 * dollar, 25_000_000_000, 10_000_000_000, 100_000_000_000)
    );
    assert_eq!((why.touch, why.resets_at), (cap.touch, cap.resets_at));
}

#[test]
fn sums_at_the_end_of_the_range_do_not_wrap() {
    let most = Amount::new(Money::from_nanos(i64::MAX), 1, Tokens::ZERO).expect("fits");
    let mut cap = standing("all 9223372036/total", 0, 0, 0);
    cap.budget = Budget { settled: most, uncertain: most, reserved: most };
    let asked = Ask { amount: most, ..ask(0) };
    assert!(matches!(judge(&asked, &[cap]), Verdict::Reject { .. }));
}

#[test]
fn a_share_is_told_once_when_it_is_reached() {
    let told = |settled, amount| {
        let cap = standing("all 100/day --soft --warn 50,80", settled, 0, 0);
        warnings(usd(amount), &[cap]).iter().map(|warning| warning.share.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(told(0, 49), [""; 0]);
    assert_eq!(told(0, 50), ["50"]);
    assert_eq!(told(50, 29), [""; 0]);
    assert_eq!(told(49, 51), ["50", "80", "100"]);
    assert_eq!(told(100, 51), [""; 0]);
}

/// A store in memory: budgets by place, holds in order.
struct Store {
    book: CapBook,
    calendar: Calendar,
    budgets: BTreeMap<Place, Budget>,
    holds: Vec<Hold>,
}

impl Store {
    fn new(caps: &[&str]) -> Store {
        let revisions = (1..).zip(caps).map(|(rev, text)| Revision {
            rev: CapRev(rev),
            cap: Cap::parse(text).expect("a cap"),
            by: Label::new("ann"),
            at: Timestamp::EPOCH,
        });
        let mut plans = Plans::new([], Some(PlanId::new("free")));
        plans.assign(TenantId::new("t0"), PlanId::new("team"));
        let book = CapBook::new(revisions, plans);
        Store { book, calendar: Calendar::utc(), budgets: BTreeMap::new(), holds: Vec::new() }
    }

    fn standing(&self, touch: Touch, at: Timestamp) -> (Place, Standing) {
        let found = periods(touch.cap.window, &self.calendar, at);
        let place = Place { account: touch.account, period: found.write };
        let counted = self.budgets.iter().filter(|(other, _)| {
            other.account == place.account
                && other.period.window == found.write.window
                && other.period.start >= found.since
        });
        let budget = counted.fold(Budget::default(), |sum, (_, budget)| sum.plus(*budget).expect("fits"));
        (place, Standing { touch, budget, resets_at: found.resets_at })
    }

    fn standings(&self, caller: &Caller, at: Timestamp) -> (Vec<Place>, Vec<Standing>) {
        let touches = self.book.caps_for(caller).into_iter();
        let (mut places, standings): (Vec<_>, Vec<_>) = touches.map(|touch| self.standing(touch, at)).unzip();
        places.sort_unstable();
        places.dedup();
        (places, standings)
    }

    fn reserve(&mut self, caller: &Caller, amount: Amount, at: Timestamp) -> Verdict {
        let (places, standings) = self.standings(caller, at);
        let verdict = judge(&Ask { model: caller.model, amount, pricing: Pricing::Known }, &standings);
        if verdict == Verdict::Allow {
            let hold = Hold {
                id: HoldId::from_bits(self.holds.len() as u128),
                call: CallId::from_bits(0),
                attempt: Attempt(1),
                guard: GuardId(Label::new("g")),
                amount,
                places: places.into(),
                price_rev: PriceRev(1),
                at,
                state: State::Open,
            };
            self.moves(&hold.places.clone(), hold.reserve());
            self.holds.push(hold);
        }
        verdict
    }

    fn moves(&mut self, places: &[Place], movement: crate::domain::budget::Movement) {
        for place in places {
            let budget = self.budgets.entry(*place).or_default();
            *budget = budget.apply(movement).expect("the books balance");
        }
    }

    /// Ends a hold, if it is not ended yet.
    fn end(&mut self, index: usize, outcome: Outcome) {
        let Some(hold) = self.holds.get_mut(index) else { return };
        let _ = hold.dispatch();
        let (closing, _) = close(hold.amount, outcome);
        if let Ok(movement) = hold.close(closing) {
            let places = Arc::clone(&hold.places);
            self.moves(&places, movement);
        }
    }

    /// Says which hard cap is passed, were every hold to cost all it holds.
    fn passed(&self, caller: &Caller, at: Timestamp) -> Option<String> {
        let (_, standings) = self.standings(caller, at);
        let passed = |standing: &&Standing| standing.exposure() > u128::from(standing.limit());
        standings
            .iter()
            .filter(|standing| standing.touch.cap.mode == Mode::Hard)
            .find(passed)
            .map(|standing| format!("{} of {} at {at:?}", standing.touch.cap, standing.touch.account))
    }
}

const CAPS: [&str; 11] = [
    "all 2000/day",
    "all 30000 tokens/rolling:2h",
    "provider:openai 60/minute",
    "key:abc 900/total",
    "model:m1 200/hour",
    "plan:free 40 calls/hour",
    "each-tenant 150/rolling:90m",
    "each-tenant 300/week --soft",
    "tenant:t1 500/month",
    "tenant:t2+model:m0 0/day",
    "tenant:t0+model:m1 45/hour",
];

fn outcome(kind: u8, used: Amount) -> Outcome {
    match kind {
        0 => Outcome::NotSent,
        1 => Outcome::Broken { usage: Usage::Missing },
        2 => Outcome::Broken { usage: Usage::Growing(used) },
        3 => Outcome::Answered { billed: Billed::No, usage: Usage::Missing },
        4 => Outcome::Answered { billed: Billed::Unknown, usage: Usage::Missing },
        _ => Outcome::Answered { billed: Billed::Yes, usage: Usage::Final(used) },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn a_thousand_interleaved_calls_pass_no_cap_in_any_scope(
        steps in proptest::collection::vec(
            (0_u8..4, 0_u8..3, 0_i64..30, 0_i64..120_000, 0_usize..40, 0_u8..8, 0_i64..=100), 1_000,
        ),
    ) {
        let mut store = Store::new(&CAPS);
        let mut now = Timestamp::from_seconds(1_763_812_800);
        let (mut admitted, mut stopped) = (0, 0);
        for (tenant, model, dollars, passed, back, kind, share) in steps {
            now = now.after(crate::domain::time::Millis::new(passed.unsigned_abs()));
            let caller = Caller {
                tenant: TenantId::new(&format!("t{tenant}")),
                model: ModelId::new(&format!("m{model}")),
                provider: Provider::new("openai"),
                key: (tenant == 3).then(|| crate::domain::scope::KeyId::new("abc")),
            };
            match store.reserve(&caller, usd(dollars), now) {
                Verdict::Allow => admitted += 1,
                _ => stopped += 1,
            }
            prop_assert_eq!(store.passed(&caller, now), None);
            let which = store.holds.len().saturating_sub(back);
            if let Some(hold) = store.holds.get(which) {
                let used = usd(hold.amount.money().nanos() / 1_000_000_000 * share / 100);
                store.end(which, outcome(kind, used));
            }
        }
        prop_assert!(admitted > 50 && stopped > 50, "{} {}", admitted, stopped);
        for index in 0..store.holds.len() {
            store.end(index, Outcome::NotSent);
        }
        for (place, budget) in &store.budgets {
            prop_assert_eq!(budget.reserved, Amount::ZERO);
            let mine = store.holds.iter().filter(|hold| hold.places.contains(place));
            let charged = mine.map(|hold| hold.state.charged()).try_fold(Amount::ZERO, Amount::plus);
            prop_assert_eq!(budget.settled.plus(budget.uncertain), charged);
        }
    }
}

proptest! {
    #[test]
    fn what_is_allowed_fits_and_what_is_stopped_does_not(
        sums in (0_i64..200, 0_i64..200, 0_i64..200), dollars in 0_i64..200, limit in 0_i64..500,
    ) {
        let cap = standing(&format!("all {limit}/day"), sums.0, sums.1, sums.2);
        let (spent, all) = (sums.0 + sums.1 + dollars, sums.0 + sums.1 + sums.2 + dollars);
        let want = match judge(&ask(dollars), &[cap]) {
            Verdict::Allow => limit > 0 && all <= limit,
            Verdict::Wait { why } => limit > 0 && spent <= limit && all > limit && why.short_by() > 0,
            Verdict::Reject { .. } => limit == 0 || spent > limit,
            Verdict::Downgrade { .. } | Verdict::Unpriced { .. } => false,
        };
        prop_assert!(want);
    }
}
