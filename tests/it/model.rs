//! The reservation protocol, every order of events tried: calls, retries, guards that crash, sweeps, cuts,
//! late and repeated closings, caps that change, a day that ends. The rules are the program's own; only
//! the store is a few numbers in memory.

use std::sync::Arc;

use outlay::domain::amount::{Amount, Unit};
use outlay::domain::budget::{Budget, Movement};
use outlay::domain::calendar::Calendar;
use outlay::domain::call::{CallId, ModelId, Provider, TenantId};
use outlay::domain::cap::{Cap, CapRev, Revision};
use outlay::domain::cap_book::{Caller, CapBook, Touch};
use outlay::domain::closing::{Billed, Closing, Outcome, Usage, close, recover};
use outlay::domain::gate::{Ask, Pricing, Standing, Verdict, judge};
use outlay::domain::hold::{Attempt, GuardId, Hold, HoldId, PriceRev, State};
use outlay::domain::label::Label;
use outlay::domain::money::Money;
use outlay::domain::period::{Place, periods};
use outlay::domain::plan::Plans;
use outlay::domain::scope::Account;
use outlay::domain::time::Timestamp;
use outlay::domain::tokens::Tokens;
use stateright::{Checker, HasDiscoveries, Model, Property};

/// What each call may cost at most, in dollars.
const BOUND: u8 = 2;
/// The caps, and what they are changed to: first lower, then higher than before.
const CAPS: [[&str; 2]; 3] = [
    ["all 4/day", "each-tenant 3/day"],
    ["all 2/day", "each-tenant 3/day"],
    ["all 5/day", "each-tenant 4/day"],
];
const GUARDS: u8 = 2;

/// How much is tried.
#[derive(Clone, Copy)]
struct Size {
    calls: u8,
    /// What the provider may bill, in dollars.
    bills: &'static [u8],
    attempts: usize,
    crashes: u8,
    cap_changes: usize,
    days: usize,
}

const SMALL: Size = Size { calls: 3, bills: &[1, BOUND], attempts: 1, crashes: 1, cap_changes: 2, days: 2 };
const LARGE: Size =
    Size { calls: 3, bills: &[0, 1, BOUND], attempts: 2, crashes: 2, cap_changes: 2, days: 2 };

/// What the provider did with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Bill {
    Refused,
    Dollars(u8),
}

/// One attempt: its row in the store, and what is true about it whatever the store says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Try {
    hold: Hold,
    sent: bool,
    bill: Option<Bill>,
    /// The guard that made it has died.
    orphan: bool,
    closings: u8,
}

/// Budgets by account (all, tenant 0, tenant 1) and day.
type Budgets = [[Budget; 2]; 3];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    budgets: Budgets,
    calls: Vec<Vec<Try>>,
    caps: usize,
    day: usize,
    alive: [bool; GUARDS as usize],
    crashes: u8,
    /// A reserve was committed that passes a cap.
    passed: bool,
    /// The books refused a movement.
    unbalanced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Reserve(u8),
    Dispatch(u8),
    Send(u8),
    GiveUp(u8),
    Provider(u8, Bill),
    Answer(u8),
    Cut(u8),
    Sweep(u8),
    Again(u8),
    Crash(u8),
    Restart(u8),
    ChangeCaps,
    NextDay,
}

struct Protocol {
    size: Size,
    /// The caps that each call touches, by state of the caps and call.
    touches: Vec<Vec<Vec<Touch>>>,
    /// Where each call is written, by day and call.
    places: Vec<Vec<Arc<[Place]>>>,
    calendar: Calendar,
}

fn dollars(dollars: u8) -> Amount {
    let money = Money::from_nanos(i64::from(dollars) * 1_000_000_000);
    Amount::new(money, 1, Tokens::new(u64::from(dollars))).expect("it fits")
}

fn noon(day: usize) -> Timestamp {
    Timestamp::from_seconds(1_763_812_800 + 86_400 * i64::try_from(day).expect("few"))
}

fn caller(call: u8) -> Caller {
    let tenant = if call == 2 { "t1" } else { "t0" };
    let (model, provider) = (ModelId::new("m"), Provider::new("p"));
    Caller { tenant: TenantId::new(tenant), model, provider, key: None }
}

fn index(account: Account) -> usize {
    match account {
        Account::Tenant(tenant) if tenant.as_str() == "t0" => 1,
        Account::Tenant(_) => 2,
        _ => 0,
    }
}

impl Protocol {
    fn new(size: Size) -> Protocol {
        let calendar = Calendar::utc();
        let books = CAPS.map(|caps| {
            let revisions = (1..).zip(caps).map(|(rev, text)| Revision {
                rev: CapRev(rev),
                cap: Cap::parse(text).expect("a cap"),
                by: Label::new("ann"),
                at: Timestamp::EPOCH,
            });
            CapBook::new(revisions, Plans::default())
        });
        let of_calls = |book: &CapBook| (0..size.calls).map(|call| book.caps_for(&caller(call))).collect();
        let touches: Vec<Vec<Vec<Touch>>> = books.iter().map(of_calls).collect();
        let place = |touch: &Touch, day| Place {
            account: touch.account,
            period: periods(touch.cap.window, &calendar, noon(day)).write,
        };
        let of_day =
            |day| touches[0].iter().map(|all| all.iter().map(|touch| place(touch, day)).collect()).collect();
        Protocol { size, places: (0..size.days).map(of_day).collect(), touches, calendar }
    }

    fn standings(&self, world: &World, call: u8) -> Vec<Standing> {
        let touches = self.touches[world.caps][usize::from(call)].iter();
        let standing = |touch: &Touch| Standing {
            touch: touch.clone(),
            budget: world.budgets[index(touch.account)][world.day],
            resets_at: periods(touch.cap.window, &self.calendar, noon(world.day)).resets_at,
        };
        touches.map(standing).collect()
    }

    /// Reserves as the store does: judged and written in one step.
    fn reserve(&self, world: &mut World, call: u8) -> bool {
        let ask = Ask { model: caller(call).model, amount: dollars(BOUND), pricing: Pricing::Known };
        if judge(&ask, &self.standings(world, call)) != Verdict::Allow {
            return false;
        }
        let tries = world.calls[usize::from(call)].len();
        let hold = Hold {
            id: HoldId::from_bits(u128::from(call) * 10 + tries as u128),
            call: CallId::from_bits(u128::from(call)),
            attempt: Attempt(u32::try_from(tries).expect("few") + 1),
            guard: GuardId(Label::new(if call.is_multiple_of(GUARDS) { "g0" } else { "g1" })),
            amount: dollars(BOUND),
            places: Arc::clone(&self.places[world.day][usize::from(call)]),
            price_rev: PriceRev(1),
            at: noon(world.day),
            state: State::Open,
        };
        self.apply(world, &hold.places, hold.reserve());
        world.passed |=
            self.standings(world, call).iter().any(|cap| cap.exposure() > u128::from(cap.limit()));
        let attempt = Try { hold, sent: false, bill: None, orphan: false, closings: 0 };
        world.calls[usize::from(call)].push(attempt);
        true
    }

    fn day_of(&self, place: &Place) -> usize {
        let same = |places: &Vec<Arc<[Place]>>| places[0][0].period == place.period;
        self.places.iter().position(same).expect("a day of the model")
    }

    fn apply(&self, world: &mut World, places: &[Place], movement: Movement) {
        for place in places {
            let budget = &mut world.budgets[index(place.account)][self.day_of(place)];
            match budget.apply(movement) {
                Ok(moved) => *budget = moved,
                Err(_) => world.unbalanced = true,
            }
        }
    }

    /// Closes the last attempt of a call as the store does: one guarded step. `false` where nothing moved.
    fn close(&self, world: &mut World, call: u8, closing: Closing) -> bool {
        let Some(last) = world.calls[usize::from(call)].last_mut() else { return false };
        let Ok(movement) = last.hold.close(closing) else { return false };
        last.closings += 1;
        let places = Arc::clone(&last.hold.places);
        self.apply(world, &places, movement);
        true
    }

    fn end(&self, world: &mut World, call: u8, outcome: Outcome) -> bool {
        let (closing, _) = close(dollars(BOUND), outcome);
        self.close(world, call, closing)
    }

    fn call_steps(&self, world: &World, call: u8, steps: &mut Vec<Step>) {
        let tries = &world.calls[usize::from(call)];
        let alive = world.alive[usize::from(call % GUARDS)];
        let Some(last) = tries.last() else {
            steps.extend(alive.then_some(Step::Reserve(call)));
            return;
        };
        if last.sent && last.bill.is_none() {
            let bills = self.size.bills.iter().map(|bill| Bill::Dollars(*bill));
            steps.extend(bills.chain([Bill::Refused]).map(|bill| Step::Provider(call, bill)));
        }
        match last.hold.state {
            State::Open | State::Dispatched if last.orphan => steps.push(Step::Sweep(call)),
            State::Open => steps.extend([Step::Dispatch(call), Step::GiveUp(call)]),
            State::Dispatched if !last.sent => steps.extend([Step::Send(call), Step::GiveUp(call)]),
            State::Dispatched => {
                steps.push(Step::Cut(call));
                steps.extend(last.bill.map(|_| Step::Answer(call)));
            }
            State::Voided if alive && !last.orphan && tries.len() < self.size.attempts => {
                steps.push(Step::Reserve(call));
            }
            State::Settled(_) | State::Uncertain(_) | State::Voided => {}
        }
        if !last.hold.state.is_open() && last.closings < 2 {
            steps.push(Step::Again(call));
        }
    }

    fn call_step(&self, world: &mut World, call: u8, step: Step) -> bool {
        let Some(last) = world.calls[usize::from(call)].last_mut() else { return false };
        match step {
            Step::Dispatch(_) => last.hold.dispatch().is_ok(),
            Step::Send(_) => {
                last.sent = true;
                true
            }
            Step::Provider(_, bill) => {
                last.bill = Some(bill);
                true
            }
            Step::GiveUp(_) => self.end(world, call, Outcome::NotSent),
            Step::Answer(_) => {
                let outcome = answer(last.bill);
                self.end(world, call, outcome)
            }
            Step::Cut(_) => {
                let outcome = cut(last.bill);
                self.end(world, call, outcome)
            }
            Step::Sweep(_) => {
                let closing = recover(last.hold.amount, last.hold.state);
                closing.is_some_and(|closing| self.close(world, call, closing))
            }
            _ => self.close(world, call, Closing::Settled(dollars(BOUND))),
        }
    }
}

/// The whole answer, as the guard reads it.
fn answer(bill: Option<Bill>) -> Outcome {
    match bill {
        Some(Bill::Dollars(bill)) => {
            Outcome::Answered { billed: Billed::Yes, usage: Usage::Final(dollars(bill)) }
        }
        _ => Outcome::Answered { billed: Billed::No, usage: Usage::Missing },
    }
}

/// A stream cut short: nothing known yet, or half of it counted.
fn cut(bill: Option<Bill>) -> Outcome {
    match bill {
        Some(Bill::Dollars(bill)) => Outcome::Broken { usage: Usage::Growing(dollars(bill / 2)) },
        _ => Outcome::Broken { usage: Usage::Missing },
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            budgets: Budgets::default(),
            calls: vec![Vec::new(); usize::from(self.size.calls)],
            caps: 0,
            day: 0,
            alive: [true; GUARDS as usize],
            crashes: 0,
            passed: false,
            unbalanced: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        (0..self.size.calls).for_each(|call| self.call_steps(world, call, steps));
        for guard in 0..GUARDS {
            match world.alive[usize::from(guard)] {
                true if world.crashes < self.size.crashes => steps.push(Step::Crash(guard)),
                true => {}
                false => steps.push(Step::Restart(guard)),
            }
        }
        steps.extend((world.caps < self.size.cap_changes).then_some(Step::ChangeCaps));
        steps.extend((world.day + 1 < self.size.days).then_some(Step::NextDay));
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        let moved = match step {
            Step::Reserve(call) => self.reserve(&mut next, call),
            Step::Dispatch(call)
            | Step::Send(call)
            | Step::GiveUp(call)
            | Step::Provider(call, _)
            | Step::Answer(call)
            | Step::Cut(call)
            | Step::Sweep(call)
            | Step::Again(call) => self.call_step(&mut next, call, step),
            Step::Crash(guard) => crash(&mut next, guard),
            Step::Restart(guard) => {
                next.alive[usize::from(guard)] = true;
                true
            }
            Step::ChangeCaps => {
                next.caps += 1;
                true
            }
            Step::NextDay => {
                next.day += 1;
                true
            }
        };
        moved.then_some(next)
    }

    fn properties(&self) -> Vec<Property<Protocol>> {
        vec![
            Property::always("I1 no reserve passes a cap", |_, world: &World| !world.passed),
            Property::always("I2 what is billed is held or charged", |_, world: &World| {
                tries(world).all(is_covered)
            }),
            Property::always("I3 billed <= exposure", |model: &Protocol, world: &World| {
                bills_fit(model, world)
            }),
            Property::always("I3 exposure <= cap that was not lowered", |model: &Protocol, world: &World| {
                world.caps > 0 || exposure_fits(model, world)
            }),
            Property::always("I4 a hold closes at most once", |_, world: &World| {
                tries(world).all(|one| one.closings <= 1 && (one.closings == 1) != one.hold.state.is_open())
            }),
            Property::always(
                "I5 the books of each day are the sums of its holds",
                |model: &Protocol, world: &World| !world.unbalanced && world.budgets == books(model, world),
            ),
            Property::always("I6 an open hold can always be closed", can_close),
            Property::sometimes("the cap is fully used", |_, world: &World| {
                let spent = world.budgets[0][0].spent(Unit::Money);
                spent == 4_000_000_000 && world.budgets[0][0].uncertain == Amount::ZERO
            }),
            Property::sometimes("a call is charged to the day before", |_, world: &World| {
                world.day == 1 && world.budgets[0][0].settled != Amount::ZERO
            }),
            Property::sometimes("a dead guard's hold is charged in full", |_, world: &World| {
                tries(world).any(|one| one.orphan && matches!(one.hold.state, State::Uncertain(_)))
            }),
            Property::sometimes("a provider bills after the guard gave up", |_, world: &World| {
                tries(world).any(|one| {
                    one.bill == Some(Bill::Dollars(BOUND)) && matches!(one.hold.state, State::Uncertain(_))
                })
            }),
        ]
    }
}

fn crash(world: &mut World, guard: u8) -> bool {
    world.alive[usize::from(guard)] = false;
    world.crashes += 1;
    let mine = world.calls.iter_mut().skip(usize::from(guard)).step_by(usize::from(GUARDS));
    for last in mine.filter_map(|tries| tries.last_mut()) {
        last.orphan |= last.hold.state.is_open();
    }
    true
}

fn tries(world: &World) -> impl Iterator<Item = &Try> {
    world.calls.iter().flatten()
}

/// Returns what the provider has billed for an attempt.
fn billed(one: &Try) -> Money {
    match one.bill {
        Some(Bill::Dollars(bill)) => dollars(bill).money(),
        _ => Money::ZERO,
    }
}

fn is_covered(one: &Try) -> bool {
    let covers = if one.hold.state.is_open() { one.hold.amount } else { one.hold.state.charged() };
    billed(one) <= covers.money()
}

fn each_budget(model: &Protocol) -> impl Iterator<Item = (usize, usize)> {
    let days = model.size.days;
    (0..3).flat_map(move |account| (0..days).map(move |day| (account, day)))
}

/// Returns each attempt with the account and the day of each place it was reserved in.
fn placed<'a>(model: &'a Protocol, world: &'a World) -> impl Iterator<Item = (usize, usize, &'a Try)> {
    tries(world).flat_map(move |one| {
        one.hold.places.iter().map(move |place| (index(place.account), model.day_of(place), one))
    })
}

fn bills_fit(model: &Protocol, world: &World) -> bool {
    let mut sums = [[Money::ZERO; 2]; 3];
    placed(model, world).for_each(|(account, day, one)| sums[account][day] += billed(one));
    each_budget(model).all(|(account, day)| {
        let sum = u128::from(sums[account][day].nanos().unsigned_abs());
        sum <= world.budgets[account][day].exposure(Unit::Money)
    })
}

fn exposure_fits(model: &Protocol, world: &World) -> bool {
    each_budget(model).all(|(account, day)| {
        let limit = if account == 0 { 4 } else { 3 };
        world.budgets[account][day].exposure(Unit::Money) <= limit * 1_000_000_000
    })
}

/// Returns the budgets as the holds say they are.
fn books(model: &Protocol, world: &World) -> Budgets {
    let mut budgets = Budgets::default();
    for (account, day, one) in placed(model, world) {
        let budget = &mut budgets[account][day];
        let (part, amount) = match one.hold.state {
            State::Open | State::Dispatched => (&mut budget.reserved, one.hold.amount),
            State::Settled(amount) => (&mut budget.settled, amount),
            State::Uncertain(amount) => (&mut budget.uncertain, amount),
            State::Voided => continue,
        };
        *part = part.plus(amount).expect("it fits");
    }
    budgets
}

fn can_close(model: &Protocol, world: &World) -> bool {
    let mut steps = Vec::new();
    model.actions(world, &mut steps);
    (0..model.size.calls).all(|call| {
        let open = world.calls[usize::from(call)].last().is_some_and(|last| last.hold.state.is_open());
        let ends = [Step::GiveUp(call), Step::Cut(call), Step::Sweep(call)];
        !open || ends.iter().any(|end| steps.contains(end))
    })
}

/// Tries every order of events, and returns how many different worlds there are.
#[expect(clippy::print_stderr, reason = "the count is what the large one is run for")]
fn explore(size: Size) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let checker = Protocol::new(size).checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    // Depth first: what waits to be tried stays small, and the worlds seen are numbers.
    let checker = checker.spawn_dfs().join();
    checker.assert_properties();
    let worlds = checker.unique_state_count();
    eprintln!("{worlds} worlds");
    worlds
}

#[test]
fn no_order_of_events_passes_a_cap_or_loses_a_bill() {
    let worlds = explore(SMALL);
    assert!(worlds >= 300_000, "only {worlds} worlds");
}

/// Run by hand, optimised: `cargo test --profile ci --test it -- --ignored --nocapture model`.
#[test]
#[ignore = "minutes of work"]
fn no_order_of_events_passes_a_cap_or_loses_a_bill_with_retries() {
    let worlds = explore(LARGE);
    assert!(worlds >= 10_000_000, "only {worlds} worlds");
}
