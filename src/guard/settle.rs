//! What a call came to: from what was seen upstream to the closing of its hold and its row in the ledger.

use crate::domain::amount::Amount;
use crate::domain::call::{Call, ModelId, Status};
use crate::domain::closing::{self, Billed, Closing, Oddity, Outcome, Usage};
use crate::domain::failure::{Charge, Failure, FailureClass};
use crate::domain::gate::Pricing;
use crate::domain::label::Label;
use crate::domain::price::PriceBook;
use crate::domain::tokens::Tokens;
use crate::wire::dialect::meter::{self, Metered};
use crate::wire::usage::Answer;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// No byte was sent.
    NotSent(FailureClass),
    /// A whole answer of an error came.
    Refused(Failure),
    /// A whole answer came; what it said may be `None` where it was too large to be read.
    Answered(Option<Metered>),
    /// It broke off, or was closed because its reader had gone.
    Broken(FailureClass, Option<Metered>),
    /// It passed its bound, and was cut when so many tokens of output had been counted.
    Fused(Option<Metered>, Tokens),
}

/// What was promised to the caps.
#[derive(Clone, Debug)]
pub struct Promise<'a> {
    /// What is held.
    pub held: Amount,
    /// Whether its money was known.
    pub pricing: Pricing,
    /// The most tokens of output that were allowed.
    pub output: Tokens,
    /// The prices it was made with.
    pub prices: &'a PriceBook,
    /// The call as it was sent: its model, provider and time.
    pub call: &'a Call,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How its hold closes.
    pub closing: Closing,
    /// What the operator must see.
    pub oddity: Option<Oddity>,
    /// What the ledger keeps.
    pub call: Call,
}

/// Settles a call.
pub fn settle(promise: &Promise<'_>, end: &End) -> Settled {
    let (metered, class) = match end {
        End::NotSent(class) => (None, Some(*class)),
        End::Refused(failure) => (None, Some(failure.class)),
        End::Broken(class, metered) => (metered.as_ref(), Some(*class)),
        End::Answered(metered) | End::Fused(metered, _) => (metered.as_ref(), None),
    };
    let told = metered.map_or(&meter::Usage::Missing, |metered| &metered.usage);
    let mut call = promise.call.clone();
    let answer = match told {
        meter::Usage::Final(answer) | meter::Usage::Floor(answer) => Some(answer),
        meter::Usage::Unreadable | meter::Usage::Missing => None,
    };
    if let Some(answer) = answer {
        take(&mut call, answer, promise);
    }
    let inside = metered.and_then(|metered| metered.failure).map(|failure| failure.class);
    if let Some(class) = class.or(inside) {
        (call.status, call.failure) = (Status::Failed, Label::new(class.as_str()));
    }
    let usage = match (told, answer.and_then(|answer| price(&call, answer, promise))) {
        (meter::Usage::Final(_), Some(amount)) => Usage::Final(amount),
        (_, Some(amount)) => Usage::Growing(amount),
        (_, None) => Usage::Missing,
    };
    let (closing, mut oddity) = closing::close(promise.held, outcome(end, usage, &call, promise));
    let wrote = answer.map_or(Tokens::ZERO, |answer| answer.tokens.output);
    if wrote > promise.output {
        oddity = Some(Oddity::BoundPassed);
    }
    if metered.is_some_and(|metered| metered.seen.shrank) {
        oddity = oddity.or(Some(Oddity::UsageShrank));
    }
    // What was used is billed, whatever became of the answer.
    if closing.state().charged().tokens().count() > 0 && matches!(closing, Closing::Settled(_)) {
        call.status = Status::Settled;
    }
    Settled { closing, oddity, call }
}

fn outcome(end: &End, usage: Usage, call: &Call, promise: &Promise<'_>) -> Outcome {
    match end {
        End::NotSent(_) => Outcome::NotSent,
        End::Refused(failure) => {
            let billed = if failure.charge == Charge::Unbilled { Billed::No } else { Billed::Unknown };
            Outcome::Answered { billed, usage }
        }
        End::Answered(_) => Outcome::Answered { billed: Billed::Yes, usage },
        End::Broken(..) => Outcome::Broken { usage },
        End::Fused(_, counted) => Outcome::Fused { counted: fused(call, usage, *counted, promise) },
    }
}

/// Prices what had been counted when the fuse burned: all of the prompt that was held, and the output.
fn fused(call: &Call, usage: Usage, counted: Tokens, promise: &Promise<'_>) -> Amount {
    let told = match usage {
        Usage::Final(amount) | Usage::Growing(amount) => amount,
        Usage::Missing => Amount::ZERO,
    };
    let mut seen = call.clone();
    seen.tokens.output = seen.tokens.output.max(counted);
    if seen.tokens.prompt() == Tokens::ZERO {
        seen.tokens.input = promise.held.tokens().saturating_sub(promise.output);
    }
    cost(&seen, promise).map_or(told, |amount| amount.or_more(told))
}

/// Writes what an answer says of itself into its call.
fn take(call: &mut Call, answer: &Answer, promise: &Promise<'_>) {
    if !answer.model.is_empty() && answer.model != call.model.as_str() {
        let served = ModelId::new(&answer.model);
        // A name that the price book does not know is a gateway's own: what was asked for is what is priced.
        let known = promise.prices.find_in(call.region, call.provider, served, call.at).is_some();
        let asked = promise.prices.find_in(call.region, call.provider, call.model, call.at).is_some();
        if known || !asked {
            call.model = served;
        }
    }
    call.tier = answer.tier;
    if answer.region != crate::domain::call::Region::Global {
        call.region = answer.region;
    }
    (call.tokens, call.media, call.searches) = (answer.tokens, answer.media, answer.searches);
    call.reported = answer.reported.filter(|money| money.nanos() >= 0);
}

fn price(call: &Call, answer: &Answer, promise: &Promise<'_>) -> Option<Amount> {
    match call.reported {
        Some(money) => Amount::new(money, 1, answer.tokens.total()),
        None => cost(call, promise),
    }
}

/// Prices a call at the prices of its hold; without a price it counts as a call and its tokens.
fn cost(call: &Call, promise: &Promise<'_>) -> Option<Amount> {
    let price = promise.prices.find_in(call.region, call.provider, call.model, call.at);
    let money = match (price.and_then(|price| price.cost(call)), promise.pricing) {
        (Some(money), _) => money,
        (None, Pricing::Unknown) => crate::domain::money::Money::ZERO,
        (None, Pricing::Known) => return None,
    };
    Amount::new(money, 1, call.tokens.total())
}
