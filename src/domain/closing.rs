//! What becomes of a hold, decided from what happened upstream.
//!
//! What cannot be proven unbilled is charged. There is no time after which a hold is voided.

use super::amount::Amount;
use super::hold::State;

/// What a complete answer's class means for the bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Billed {
    /// Documented as unbilled: 400, 401, 403, 404, 413, 422, 429, and 503 or 529 with an error body.
    No,
    /// Billed, as a success is.
    Yes,
    /// Nobody says: 500, 502, 504 and whatever is not known.
    Unknown,
}

/// What the answer said about its own usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usage {
    /// The last word, priced. An explicit zero is zero.
    Final(Amount),
    /// A count that was still growing, priced.
    Growing(Amount),
    /// Nothing that can be read: missing, null, negative, no number.
    Missing,
}

/// What happened upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// No byte of the body was written: refused connection, failed handshake, given up in the queue.
    NotSent,
    /// A whole answer came.
    Answered {
        /// What its class means for the bill.
        billed: Billed,
        /// What it said of its usage.
        usage: Usage,
    },
    /// The answer never came or broke off: reset, time-out, the client gone and the upstream closed.
    Broken {
        /// What had been said of the usage by then.
        usage: Usage,
    },
    /// The stream passed the bound that was sent, and was cut.
    Fused {
        /// What had been counted by then, priced.
        counted: Amount,
    },
}

/// How a hold closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closing {
    /// Charged what the provider counted.
    Settled(Amount),
    /// Charged in full: what was billed is not known.
    Uncertain(Amount),
    /// Given back: nothing can have been billed.
    Voided,
}

/// Something that the operator must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Oddity {
    /// More was used than the bound that was sent: the model ignores limits, and is marked.
    BoundPassed,
    /// An answer of an unbilled class states usage. It is charged.
    BilledRefusal,
    /// The usage was told more than once, and later as less. The last word counts.
    UsageShrank,
}

impl Closing {
    /// Returns the state of a hold closed this way.
    pub const fn state(self) -> State {
        match self {
            Closing::Settled(actual) => State::Settled(actual),
            Closing::Uncertain(full) => State::Uncertain(full),
            Closing::Voided => State::Voided,
        }
    }
}

/// Decides how a dispatched hold of `held` closes.
///
/// The charge is what was used even where that is more than was held: the books say what happened.
pub fn close(held: Amount, outcome: Outcome) -> (Closing, Option<Oddity>) {
    let (closing, oddity) = match outcome {
        Outcome::NotSent => (Closing::Voided, None),
        Outcome::Answered { billed: Billed::No, usage } => refused(held, usage),
        Outcome::Answered { billed: Billed::Yes, usage: Usage::Final(actual) }
        | Outcome::Broken { usage: Usage::Final(actual) } => (Closing::Settled(actual), None),
        Outcome::Answered { usage, .. } | Outcome::Broken { usage } => (in_doubt(held, usage), None),
        Outcome::Fused { counted } => (Closing::Settled(counted.or_more(held)), Some(Oddity::BoundPassed)),
    };
    let passed = closing.state().charged().passes(held);
    (closing, if passed { Some(Oddity::BoundPassed) } else { oddity })
}

/// Decides how the hold of a guard that died closes: what was not sent is voided, what may have been
/// sent is charged in full. `None` where it is closed already.
pub fn recover(held: Amount, state: State) -> Option<Closing> {
    match state {
        State::Open => Some(Closing::Voided),
        State::Dispatched if mutant!("void-a-dispatched-hold-at-recovery") => Some(Closing::Voided),
        State::Dispatched => Some(Closing::Uncertain(held)),
        State::Settled(_) | State::Uncertain(_) | State::Voided => None,
    }
}

fn refused(held: Amount, usage: Usage) -> (Closing, Option<Oddity>) {
    match usage {
        Usage::Missing => (Closing::Voided, None),
        Usage::Final(used) if costs_nothing(used) => (Closing::Voided, None),
        Usage::Final(used) => (Closing::Settled(used), Some(Oddity::BilledRefusal)),
        Usage::Growing(_) => (in_doubt(held, usage), Some(Oddity::BilledRefusal)),
    }
}

/// Charges in full, and more where more has been counted already.
fn in_doubt(held: Amount, usage: Usage) -> Closing {
    match usage {
        Usage::Missing if mutant!("cancel-refunds") => Closing::Voided,
        Usage::Growing(used) if mutant!("cancel-charges-input-only") => Closing::Settled(used),
        Usage::Final(used) | Usage::Growing(used) => Closing::Uncertain(held.or_more(used)),
        Usage::Missing => Closing::Uncertain(held),
    }
}

fn costs_nothing(used: Amount) -> bool {
    used.money().nanos() == 0 && used.tokens().count() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::tests::nanos;
    use proptest::prelude::*;

    const HELD: i64 = 100;

    #[track_caller]
    fn check(outcome: Outcome, closing: Closing, oddity: Option<Oddity>) {
        assert_eq!(close(nanos(HELD), outcome), (closing, oddity), "{outcome:?}");
    }

    fn answered(billed: Billed, usage: Usage) -> Outcome {
        Outcome::Answered { billed, usage }
    }

    #[test]
    fn only_what_was_not_sent_or_not_billed_is_given_back() {
        check(Outcome::NotSent, Closing::Voided, None);
        check(answered(Billed::No, Usage::Missing), Closing::Voided, None);
        check(answered(Billed::No, Usage::Final(nanos(0))), Closing::Voided, None);
    }

    #[test]
    fn a_refusal_that_states_usage_is_charged_and_shown() {
        let odd = Some(Oddity::BilledRefusal);
        check(answered(Billed::No, Usage::Final(nanos(7))), Closing::Settled(nanos(7)), odd);
        check(answered(Billed::No, Usage::Growing(nanos(7))), Closing::Uncertain(nanos(HELD)), odd);
    }

    #[test]
    fn the_last_word_on_usage_is_charged_even_where_the_connection_broke_after_it() {
        check(answered(Billed::Yes, Usage::Final(nanos(40))), Closing::Settled(nanos(40)), None);
        check(Outcome::Broken { usage: Usage::Final(nanos(40)) }, Closing::Settled(nanos(40)), None);
        check(answered(Billed::Yes, Usage::Final(nanos(0))), Closing::Settled(nanos(0)), None);
    }

    #[test]
    fn what_is_not_known_is_charged_in_full() {
        let full = Closing::Uncertain(nanos(HELD));
        check(answered(Billed::Yes, Usage::Missing), full, None);
        check(answered(Billed::Yes, Usage::Growing(nanos(40))), full, None);
        check(answered(Billed::Unknown, Usage::Missing), full, None);
        check(answered(Billed::Unknown, Usage::Final(nanos(40))), full, None);
        check(Outcome::Broken { usage: Usage::Missing }, full, None);
        check(Outcome::Broken { usage: Usage::Growing(nanos(40)) }, full, None);
    }

    #[test]
    fn past_the_bound_the_whole_use_is_charged_and_the_model_is_marked() {
        let odd = Some(Oddity::BoundPassed);
        check(answered(Billed::Yes, Usage::Final(nanos(101))), Closing::Settled(nanos(101)), odd);
        check(Outcome::Broken { usage: Usage::Growing(nanos(150)) }, Closing::Uncertain(nanos(150)), odd);
        check(Outcome::Fused { counted: nanos(120) }, Closing::Settled(nanos(120)), odd);
        check(Outcome::Fused { counted: nanos(90) }, Closing::Settled(nanos(HELD)), odd);
    }

    #[test]
    fn at_recovery_what_was_sent_is_charged_and_what_was_not_is_given_back() {
        let held = nanos(HELD);
        assert_eq!(recover(held, State::Open), Some(Closing::Voided));
        assert_eq!(recover(held, State::Dispatched), Some(Closing::Uncertain(held)));
        for closed in [State::Settled(held), State::Uncertain(held), State::Voided] {
            assert_eq!(recover(held, closed), None);
        }
    }

    fn usage() -> impl Strategy<Value = Usage> {
        (0_u8..3, 0_i64..300).prop_map(|(kind, size)| match kind {
            0 => Usage::Final(nanos(size)),
            1 => Usage::Growing(nanos(size)),
            _ => Usage::Missing,
        })
    }

    proptest! {
        #[test]
        fn the_charge_covers_all_that_is_known_and_all_that_is_not(
            held in 0_i64..300, usage in usage(), kind in 0_u8..4,
        ) {
            let held = nanos(held);
            let billed = [Billed::Yes, Billed::Unknown, Billed::No];
            let outcome = match billed.get(usize::from(kind)) {
                Some(billed) => Outcome::Answered { billed: *billed, usage },
                None => Outcome::Broken { usage },
            };
            let charged = close(held, outcome).0.state().charged();
            match usage {
                Usage::Final(used) | Usage::Growing(used) => prop_assert!(!used.passes(charged) || costs_nothing(used)),
                Usage::Missing if kind == 2 => prop_assert_eq!(charged, Amount::ZERO),
                Usage::Missing => prop_assert_eq!(charged, held),
            }
        }
    }
}
