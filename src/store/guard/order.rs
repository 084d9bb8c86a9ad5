//! What a guard asks of the store, and what it is answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::group::Outcome;
use super::key::KeyRing;
use super::queue::Rank;
use crate::domain::amount::Amount;
use crate::domain::calendar::Calendar;
use crate::domain::call::{Call, CallId};
use crate::domain::cap::{Cap, CapRev};
use crate::domain::cap_book::{Caller, CapBook};
use crate::domain::closing::Closing;
use crate::domain::gate::{Pricing, Verdict, Warning};
use crate::domain::hold::{Attempt, HoldId, PriceRev, State};
use crate::domain::label::Label;
use crate::domain::limits::Limits;
use crate::domain::money::Money;
use crate::domain::period_clock::{Clocks, Doubt};
use crate::domain::plan::Plans;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// What a guard says of itself when it opens its store.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The store.
    pub path: PathBuf,
    /// The guard's name. Its calls have the source `guard:NAME`.
    pub name: Label,
    /// Its process.
    pub pid: u32,
    /// Where it listens, for people to read.
    pub listen: Label,
    /// The zone in which days, weeks and months are counted.
    pub calendar: Calendar,
    /// Caps and plans of the configuration.
    pub base: Base,
    /// How long a closing may wait for others to be committed with.
    pub linger: Duration,
    /// Both clocks, now.
    pub now: Clocks,
}

/// Caps and plans that the configuration states. A cap that is set in the store goes before the one of
/// the same scope, window and unit here.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The caps, those of the plans aside.
    pub caps: Vec<Cap>,
    /// The plans, with their caps and rates, and the default plan.
    pub plans: Plans,
}

/// One attempt of a call that asks to be let through.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// Who calls what. The model is the one that would be sent.
    pub caller: Caller,
    /// The most that the attempt can cost: what is held.
    pub amount: Amount,
    /// Whether its money is known.
    pub pricing: Pricing,
    /// The call.
    pub call: CallId,
    /// Which try of it. Each has a hold of its own.
    pub attempt: Attempt,
    /// The prices that the amount was made with.
    pub price_rev: PriceRev,
    /// What it is expected to cost; for people to read.
    pub predicted: Option<Money>,
    /// Whether bytes go upstream as soon as it is let through.
    pub dispatch: Dispatch,
    /// What a repeated request is known by, where the client gave an idempotency key.
    pub once: Option<Once>,
    /// Both clocks, now.
    pub now: Clocks,
}

/// When the first byte may go upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// As soon as the hold is committed: it is marked as dispatched in the same commit.
    Now,
    /// After something that may take long. [`super::Vault::dispatch`] comes first.
    Later,
}

/// A request that may be charged once: hashes, so that no body is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// Of the tenant and its idempotency key.
    pub key: [u8; 16],
    /// Of the request: method, path and body.
    pub body: [u8; 16],
}

/// What became of a [`Reserve`]. It is committed when it is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The money is set aside.
    Admitted(Admission),
    /// It does not pass; nothing is held.
    Stopped(Stop),
    /// A request with this idempotency key has been seen; nothing is held. An attempt that was voided
    /// does not count.
    Repeated(Repeat),
}

/// A hold, and what to tell about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The hold.
    pub hold: HoldId,
    /// Shares of caps that were reached by it.
    pub warnings: Vec<Warning>,
    /// The caps it was judged by.
    pub rev: CapRev,
    /// The period time of the hold.
    pub at: Timestamp,
    /// What is wrong with the wall clock.
    pub doubt: Option<Doubt>,
}

/// Why a call does not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// Never [`Verdict::Allow`].
    pub verdict: Verdict,
    /// The caps it was judged by.
    pub rev: CapRev,
    /// The period time at which it was judged.
    pub at: Timestamp,
    /// What is wrong with the wall clock.
    pub doubt: Option<Doubt>,
}

/// What is known of the request that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The call that was made for it.
    pub call: CallId,
    /// How far its newest attempt has come.
    pub state: State,
    /// Whether it was the same request. If not, the client is in error.
    pub same: bool,
}

/// What became of [`super::Vault::dispatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The mark is committed: bytes may go upstream.
    Yes,
    /// The hold is not open, or not there: nothing may be sent.
    No(Option<State>),
}

/// How a hold ends.
#[derive(Clone, Debug)]
pub struct Close {
    /// The hold.
    pub hold: HoldId,
    /// How.
    pub closing: Closing,
    /// What the call came to, for the ledger. The store gives it the identity of the attempt, and the
    /// cost that is charged. Where there is none and something is charged, the store writes what it knows.
    pub call: Option<Call>,
    /// The wall clock, now.
    pub now: Timestamp,
}

/// What became of a [`Close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The money has moved.
    Done,
    /// It had been closed before; nothing has moved.
    Already(State),
    /// There is no such hold; nothing has moved.
    Unknown,
}

/// What a sweep found of guards that have died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Guards found dead.
    pub guards: u64,
    /// Holds given back: nothing had been sent.
    pub voided: u64,
    /// Holds charged in full: something may have been sent.
    pub uncertain: u64,
    /// What was charged so.
    pub charged: Money,
}

/// What a guard tells about itself about once a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Both clocks, now.
    pub now: Clocks,
    /// Calls in flight.
    pub in_flight: u64,
    /// Calls let through since it started.
    pub admitted: u64,
    /// Calls refused since it started.
    pub refused: u64,
    /// What people should see: a doubtful clock, a bound that was passed.
    pub note: Option<Label>,
}

/// What a guard may look at without asking the store. It is at most 50 ms behind.
///
/// It may refuse early, but it never admits.
#[derive(Clone, Debug)]
pub struct View {
    /// The caps and plans in force.
    pub book: Arc<CapBook>,
    /// The keys of the tenants.
    pub keys: Arc<KeyRing>,
    /// Why the store cannot be used, while it cannot. Nothing is admitted then.
    pub fault: Option<StoreError>,
    /// What is wrong with the wall clock.
    pub doubt: Option<Doubt>,
}

/// Takes the answer to one order. It is called once, from the writing thread or, where the order is
/// turned away, from the caller's: it must not block.
pub(super) type Reply<T> = Box<dyn FnOnce(Result<T, StoreError>) + Send>;

/// One thing to do, with whom to tell.
pub(super) enum Order {
    Reserve(Box<Reserve>, Reply<Answer>),
    Dispatch(HoldId, Reply<Started>),
    Close(Box<Close>, Reply<Closed>),
    Sweep(Timestamp, Reply<Swept>),
    Witness(Timestamp, Clocks, Reply<bool>),
    Beat(Beat),
    Observe(Box<Limits>),
}

impl Order {
    /// Returns where it stands in line.
    pub(super) fn rank(&self) -> Rank {
        if matches!(self, Order::Reserve(..) | Order::Dispatch(..)) { Rank::Ask } else { Rank::Tell }
    }

    /// Answers with an error.
    pub(super) fn refuse(self, why: &StoreError) {
        match self {
            Order::Reserve(_, reply) => reply(Err(why.clone())),
            Order::Dispatch(_, reply) => reply(Err(why.clone())),
            Order::Close(_, reply) => reply(Err(why.clone())),
            Order::Sweep(_, reply) => reply(Err(why.clone())),
            Order::Witness(_, _, reply) => reply(Err(why.clone())),
            Order::Beat(_) | Order::Observe(_) => {}
        }
    }

    /// Answers with what came of it.
    pub(super) fn answer(self, outcome: Outcome) {
        match (self, outcome) {
            (Order::Reserve(_, reply), Outcome::Reserve(answer)) => reply(Ok(answer)),
            (Order::Dispatch(_, reply), Outcome::Dispatch(started)) => reply(Ok(started)),
            (Order::Close(_, reply), Outcome::Close(closed)) => reply(Ok(closed)),
            (Order::Sweep(_, reply), Outcome::Sweep(swept)) => reply(Ok(swept)),
            (Order::Witness(_, _, reply), Outcome::Witness(agrees)) => reply(Ok(agrees)),
            _ => {}
        }
    }
}
