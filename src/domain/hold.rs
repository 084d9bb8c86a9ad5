//! A hold: money, a call and tokens set aside for one attempt, until it is known what the attempt cost.
//!
//! A hold is committed before the first byte goes upstream and closes once: settled with the actual,
//! charged in full as uncertain, or voided where nothing can have been billed. It moves the budgets of
//! the places it was reserved in, whatever time it is when it closes.

use std::sync::Arc;

use super::amount::Amount;
use super::budget::Movement;
use super::call::CallId;
use super::closing::Closing;
use super::label::Label;
use super::period::Place;
use super::time::Timestamp;

/// What a hold is recognised by: one for each attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(u128);

impl HoldId {
    /// Takes the 128 bits as stored.
    pub const fn from_bits(bits: u128) -> HoldId {
        HoldId(bits)
    }

    /// Returns the 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

/// Which try of a call it is for, from 1. Each has a hold of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u32);

/// The guard that made a hold, by the name under which it can be seen to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardId(pub Label);

/// Which load of the prices an amount was made with. A hold settles at the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceRev(pub u64);

/// How far a hold has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Set aside; nothing has gone upstream.
    Open,
    /// A byte may have gone upstream.
    Dispatched,
    /// Charged, with the provider's own count.
    Settled(Amount),
    /// Charged without proof: the amount can only go down.
    Uncertain(Amount),
    /// Nothing was billed.
    Voided,
}

/// Money, a call and tokens set aside for one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Its identity.
    pub id: HoldId,
    /// The call it is for.
    pub call: CallId,
    /// Which try of that call.
    pub attempt: Attempt,
    /// Who made it.
    pub guard: GuardId,
    /// The most that the attempt can cost.
    pub amount: Amount,
    /// Where it was reserved, each place once, in their order.
    pub places: Arc<[Place]>,
    /// The prices it was made with.
    pub price_rev: PriceRev,
    /// When it was made, in period time.
    pub at: Timestamp,
    /// How far it has come.
    pub state: State,
}

/// A step that a hold cannot take. Nothing has moved: whoever came first has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// Only an open hold can be dispatched.
    #[error("the hold is not open")]
    NotOpen,
    /// It has been closed before.
    #[error("the hold is closed already")]
    Closed,
    /// Only uncertain money can be lowered.
    #[error("the hold is not uncertain")]
    NotUncertain,
    /// Uncertain money can only go down.
    #[error("uncertain money can only go down")]
    NotLower,
}

impl State {
    /// Says whether money is still set aside.
    pub const fn is_open(self) -> bool {
        matches!(self, State::Open | State::Dispatched)
    }

    /// Returns what is charged: nothing while open or voided.
    pub const fn charged(self) -> Amount {
        match self {
            State::Settled(amount) | State::Uncertain(amount) => amount,
            State::Open | State::Dispatched | State::Voided => Amount::ZERO,
        }
    }
}

impl Hold {
    /// Returns what making it moves, in each of its places.
    pub fn reserve(&self) -> Movement {
        Movement { reserve: self.amount, ..Movement::default() }
    }

    /// Marks that bytes may go upstream from now on. It moves nothing.
    pub fn dispatch(&mut self) -> Result<(), Illegal> {
        if self.state != State::Open {
            return Err(Illegal::NotOpen);
        }
        self.state = State::Dispatched;
        Ok(())
    }

    /// Closes it, and returns what that moves in each of its places.
    ///
    /// A hold that is closed stays as it is: the second to come gets an error and moves nothing.
    pub fn close(&mut self, closing: Closing) -> Result<Movement, Illegal> {
        if !self.state.is_open() && !mutant!("double-settle") {
            return Err(Illegal::Closed);
        }
        self.state = closing.state();
        let release = Movement { release: self.amount, ..Movement::default() };
        Ok(match closing {
            Closing::Settled(actual) => Movement { settle: actual, ..release },
            Closing::Uncertain(full) => Movement { doubt: full, ..release },
            Closing::Voided => release,
        })
    }

    /// Replaces uncertain money by what turned out to be billed: the provider's word, or an operator's on
    /// record. It can only go down.
    pub fn resolve(&mut self, actual: Amount) -> Result<Movement, Illegal> {
        let State::Uncertain(full) = self.state else { return Err(Illegal::NotUncertain) };
        if actual.passes(full) {
            return Err(Illegal::NotLower);
        }
        self.state = State::Settled(actual);
        Ok(Movement { clear: full, settle: actual, ..Movement::default() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::budget::Budget;
    use crate::domain::money::Money;
    use crate::domain::tokens::Tokens;
    use proptest::prelude::*;

    pub fn nanos(nanos: i64) -> Amount {
        Amount::new(Money::from_nanos(nanos), 1, Tokens::new(nanos.unsigned_abs())).expect("fits")
    }

    pub fn hold(amount: Amount) -> Hold {
        Hold {
            id: HoldId::from_bits(1),
            call: CallId::from_bits(1),
            attempt: Attempt(1),
            guard: GuardId(Label::new("g")),
            amount,
            places: Arc::new([]),
            price_rev: PriceRev(1),
            at: Timestamp::EPOCH,
            state: State::Open,
        }
    }

    #[test]
    fn a_hold_closes_once() {
        let closings = [Closing::Settled(nanos(1)), Closing::Uncertain(nanos(3)), Closing::Voided];
        for first in closings {
            for second in closings {
                let mut hold = hold(nanos(3));
                hold.dispatch().expect("open");
                assert!(hold.close(first).is_ok());
                let before = hold.clone();
                assert_eq!(hold.close(second), Err(Illegal::Closed));
                assert_eq!(hold.dispatch(), Err(Illegal::NotOpen));
                assert_eq!(hold, before);
            }
        }
    }

    #[test]
    fn a_hold_is_dispatched_once() {
        let mut hold = hold(nanos(3));
        assert_eq!((hold.dispatch(), hold.dispatch()), (Ok(()), Err(Illegal::NotOpen)));
    }

    #[test]
    fn uncertain_money_only_goes_down_and_only_once() {
        let mut hold = hold(nanos(3));
        assert_eq!(hold.resolve(nanos(1)), Err(Illegal::NotUncertain));
        let doubted = Movement { release: nanos(3), doubt: nanos(3), ..Movement::default() };
        assert_eq!(hold.close(Closing::Uncertain(nanos(3))), Ok(doubted));
        assert_eq!(hold.resolve(nanos(4)), Err(Illegal::NotLower));
        let moved = hold.resolve(nanos(2)).expect("lower");
        assert_eq!(moved, Movement { clear: nanos(3), settle: nanos(2), ..Movement::default() });
        assert_eq!(hold.resolve(nanos(1)), Err(Illegal::NotUncertain));
    }

    proptest! {
        #[test]
        fn whatever_is_done_to_holds_the_books_balance(
            amounts in proptest::collection::vec(0_i64..1_000, 1..8),
            steps in proptest::collection::vec((0_usize..8, 0_u8..6, 0_i64..2_000), 0..60),
        ) {
            let mut holds: Vec<Hold> = amounts.iter().map(|amount| hold(nanos(*amount))).collect();
            let mut budget = Budget::default();
            for hold in &holds {
                budget = budget.apply(hold.reserve()).expect("balance");
            }
            for (which, step, size) in steps {
                let count = holds.len();
                let hold = &mut holds[which % count];
                let moved = match step {
                    0 => hold.dispatch().map(|()| Movement::default()),
                    1 => hold.close(Closing::Voided),
                    2 => hold.close(Closing::Uncertain(hold.amount)),
                    3 => hold.resolve(nanos(size)),
                    _ => hold.close(Closing::Settled(nanos(size))),
                };
                if let Ok(movement) = moved {
                    budget = budget.apply(movement).expect("balance");
                }
            }
            let sum = |part: &dyn Fn(&Hold) -> Option<Amount>| {
                holds.iter().filter_map(part).try_fold(Amount::ZERO, Amount::plus).expect("fits")
            };
            prop_assert_eq!(budget.reserved, sum(&|hold| hold.state.is_open().then_some(hold.amount)));
            let settled = |hold: &Hold| if let State::Settled(amount) = hold.state { Some(amount) } else { None };
            let doubted = |hold: &Hold| if let State::Uncertain(amount) = hold.state { Some(amount) } else { None };
            prop_assert_eq!(budget.settled, sum(&settled));
            prop_assert_eq!(budget.uncertain, sum(&doubted));
        }
    }
}
