//! One transaction of a guard: a group of orders, each done on what the ones before it left.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};

use super::budget::{self, AccountKey};
use super::cap::{self, Caps};
use super::hold::{self, Extra, Kept};
use super::life::{self, Life, Pulse};
use super::order::{
    Admission, Answer, Beat, Close, Closed, Dispatch, Order, Reserve, Setup, Started, Stop, Swept,
};
use super::rows::Rows;
use super::{key, limits};
use crate::domain::amount::Amount;
use crate::domain::budget::{Budget, Imbalance};
use crate::domain::call::{Call, CallId, Cost};
use crate::domain::cap::CapRev;
use crate::domain::cap_book::{Caller, Touch};
use crate::domain::closing::{Closing, recover};
use crate::domain::gate::{self, Ask, Standing, Verdict};
use crate::domain::hold::{GuardId, Hold, HoldId, State};
use crate::domain::label::Label;
use crate::domain::limits::Limits;
use crate::domain::money::Money;
use crate::domain::observation::{Batch, Decoded};
use crate::domain::period::{PeriodId, periods};
use crate::domain::period_clock::{Clocks, Doubt, PeriodClock, Reading};
use crate::domain::time::{Millis, Timestamp};
use crate::store::name::Names;
use crate::store::record::Desk;

/// How often a guard tells of itself. It beats four times a second, so that no two lines are a second apart.
const BEAT: Millis = Millis::new(700);

/// Where a budget began with sums from before the caps that it is kept for.
const UNKNOWN: i64 = -1;

/// What a guard keeps between transactions.
pub(super) struct Office {
    pub(super) setup: Setup,
    /// The number of this run.
    pub(super) boot: i64,
    pub(super) caps: Caps,
    /// Whether the caps are of a transaction that is not committed.
    pub(super) unsure: bool,
    pub(super) clock: Option<PeriodClock>,
    /// The period time that the store is known to have; nothing until it was read.
    pub(super) high: Option<Timestamp>,
    /// Rows of sums that are known to be there.
    pub(super) rows: Rows,
    /// The number of the next hold.
    pub(super) next: i64,
    /// What was last told of this guard: when, and which caps it judged by.
    pub(super) told: Option<(Timestamp, CapRev)>,
    /// What was wrong with the wall clock at its last reading.
    pub(super) doubt: Option<Doubt>,
    /// The note of its last beat.
    pub(super) note: Option<Label>,
}

/// What came of one order.
pub(super) enum Outcome {
    Reserve(Answer),
    Dispatch(Started),
    Close(Closed),
    Sweep(Swept),
    Witness(bool),
    Told,
}

/// What the store knows after a transaction: when a guard last told of itself and by which caps, and the period time.
type Known = (Option<(Timestamp, CapRev)>, Option<Timestamp>);

impl Outcome {
    /// Says whether a call does not pass only because others in flight hold the money.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Outcome::Reserve(Answer::Stopped(Stop { verdict: Verdict::Wait { .. }, .. })))
    }
}

/// A transaction at work.
pub(super) struct Group<'a> {
    conn: &'a Connection,
    names: &'a mut Names,
    office: &'a mut Office,
    /// Rows for the ledger, with their costs.
    ledger: Vec<(Call, Cost)>,
    latest: Option<Timestamp>,
    told: Option<(Timestamp, CapRev)>,
}

/// What is to be remembered once the transaction is committed.
pub(super) struct Done {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) told: Option<(Timestamp, CapRev)>,
    /// The period time that the store now has.
    pub(super) high: Option<Timestamp>,
    /// Locks of dead guards.
    pub(super) dead: Vec<Life>,
}

/// Does all orders. With an error nothing of it may be committed.
pub(super) fn run(
    conn: &Connection,
    names: &mut Names,
    office: &mut Office,
    orders: &[Order],
) -> rusqlite::Result<Done> {
    let told = office.told;
    office.rows.trim();
    let mut group = Group { conn, names, office, ledger: Vec::new(), latest: None, told };
    let mut dead = Vec::new();
    let mut outcomes = Vec::with_capacity(orders.len());
    let newest = newest(orders);
    for (number, order) in orders.iter().enumerate() {
        outcomes.push(match order {
            Order::Reserve(order, _) => Outcome::Reserve(group.reserve(order)?),
            Order::Dispatch(hold, _) => Outcome::Dispatch(group.dispatch(*hold)?),
            Order::Close(order, _) => Outcome::Close(group.close(order)?),
            Order::Sweep(now, _) => Outcome::Sweep(group.sweep(*now, &mut dead)?),
            Order::Witness(date, now, _) => Outcome::Witness(group.witness(*date, *now)?),
            Order::Beat(beat) => group.beat(beat)?,
            Order::Observe(told) => {
                if newest.get(&whose(told)) == Some(&number) {
                    limits::observe(conn, group.names, told)?;
                }
                Outcome::Told
            }
        });
    }
    let (told, high) = group.finish()?;
    Ok(Done { outcomes, told, high, dead })
}

/// Returns where in a group the last word on each limit stands: what was told before it need not be written.
fn newest(orders: &[Order]) -> HashMap<[Label; 3], usize> {
    let mut newest = HashMap::new();
    for (number, order) in orders.iter().enumerate() {
        if let Order::Observe(told) = order {
            newest.insert(whose(told), number);
        }
    }
    newest
}

fn whose(told: &Limits) -> [Label; 3] {
    [told.provider, told.key, told.model]
}

impl Group<'_> {
    /// Reads the clock. Where a temporary cap is over by then, the one before it is back before anything is judged.
    fn read(&mut self, now: Clocks) -> rusqlite::Result<Reading> {
        let start = self.office.setup.now;
        let clock = self.office.clock.get_or_insert_with(|| PeriodClock::start(None, start));
        let reading = clock.read(now);
        self.latest = self.latest.max(Some(reading.at));
        self.office.doubt = reading.doubt;
        if self.office.caps.ends.is_some_and(|ends| ends <= reading.at) {
            end_caps(self.conn, self.office, reading.at)?;
        }
        Ok(reading)
    }

    fn reserve(&mut self, order: &Reserve) -> rusqlite::Result<Answer> {
        if let Some(once) = &order.once
            && let Some(repeat) = hold::seen(self.conn, once, order.call)?
        {
            return Ok(Answer::Repeated(repeat));
        }
        let Reading { at, doubt } = self.read(order.now)?;
        for touch in self.office.caps.kept.caps_for(&order.caller) {
            self.begin(&touch, at)?;
        }
        let rev = self.office.caps.book.rev();
        let touches = self.office.caps.book.caps_for(&order.caller);
        let standings: Vec<Standing> =
            touches.into_iter().map(|touch| self.standing(touch, at)).collect::<rusqlite::Result<_>>()?;
        let ask = Ask { model: order.caller.model, amount: order.amount, pricing: order.pricing };
        let mut amount = order.amount;
        match self.office.caps.book.judge(&ask, &standings, at) {
            Verdict::Allow => {}
            Verdict::Reject { why } | Verdict::Wait { why }
                if mutant!("resize-the-hold-to-what-is-left") && why.room() > 0 =>
            {
                let left = Money::from_nanos(i64::try_from(why.room()).unwrap_or_default());
                amount = Amount::new(left, 1, amount.tokens()).unwrap_or_default();
            }
            verdict => return Ok(Answer::Stopped(Stop { verdict, rev, at, doubt })),
        }
        let warnings = gate::warnings(amount, &standings);
        let hold = self.hold(order, amount, at)?;
        Ok(Answer::Admitted(Admission { hold, warnings, rev, at, doubt }))
    }

    fn standing(&mut self, touch: Touch, at: Timestamp) -> rusqlite::Result<Standing> {
        let found = periods(touch.cap.window, &self.office.setup.calendar, at);
        let account = budget::key(touch.account, self.conn, self.names)?;
        let budget = if mutant!("check-then-act") {
            let outside = Connection::open(&self.office.setup.path)?;
            budget::since(&outside, account, found.write.window, found.since)?
        } else {
            self.office.rows.since(self.conn, account, found.write.window, found.since)?
        };
        Ok(Standing { touch, budget, resets_at: found.resets_at })
    }

    /// Begins the sums of an account and a window that were never kept before: what was spent earlier in
    /// the window counts, so that a cap set at noon knows the morning.
    fn begin(&mut self, touch: &Touch, at: Timestamp) -> rusqlite::Result<()> {
        let window = touch.cap.window;
        let account = budget::key(touch.account, self.conn, self.names)?;
        if self.office.rows.is_kept(self.conn, account, window.code())? {
            return Ok(());
        }
        let calendar = &self.office.setup.calendar;
        let found = periods(window, calendar, at);
        let mut sums: BTreeMap<i64, Budget> = BTreeMap::new();
        for kept in hold::of_account(self.conn, account, found.since)? {
            let period = periods(window, calendar, kept.at).write;
            let row = self.office.rows.row(self.conn, account, period, UNKNOWN)?;
            hold::add_place(self.conn, &kept, row)?;
            let sum = sums.entry(row).or_default();
            *sum = sum.plus(kept.part()).ok_or_else(|| budget::broken(Imbalance::TooLarge))?;
        }
        let born = if sums.is_empty() { self.office.caps.book.rev().0.cast_signed() } else { UNKNOWN };
        for (row, sum) in sums {
            self.office.rows.put(row, sum);
        }
        self.office.rows.row(self.conn, account, found.write, born).map(drop)
    }

    /// Sets the money aside in all places, and writes the hold.
    fn hold(&mut self, order: &Reserve, amount: Amount, at: Timestamp) -> rusqlite::Result<HoldId> {
        let mut places = Vec::new();
        for (account, period) in self.places(&order.caller, at)? {
            let born = self.office.caps.book.rev().0.cast_signed();
            places.push(self.office.rows.row(self.conn, account, period, born)?);
        }
        places.sort_unstable();
        let id = hold::id(self.office.boot, self.office.next);
        self.office.next += 1;
        let Caller { tenant, model, provider, key } = order.caller;
        let mut name = |text| self.names.id(self.conn, text);
        let kept = Kept {
            id,
            call: order.call,
            attempt: order.attempt,
            tenant: name(tenant.as_str())?,
            provider: name(provider.as_str())?,
            model: name(model.as_str())?,
            at,
            pricing: order.pricing,
            places,
            amount,
            predicted: order.predicted,
            state: if order.dispatch == Dispatch::Now { State::Dispatched } else { State::Open },
        };
        let key_name = key.map(|key| name(key.as_str())).transpose()?;
        let price_rev = order.price_rev.0.cast_signed();
        hold::insert(self.conn, &kept, &Extra { key: key_name, price_rev, once: order.once })?;
        let reserve = self.rule(&kept).reserve();
        self.office.rows.apply(self.conn, &kept.places, reserve)?;
        if let Some(key) = key {
            key::touch(self.conn, key, at)?;
        }
        Ok(id)
    }

    /// Returns every place in which sums are kept for a call, each once.
    fn places(&mut self, caller: &Caller, at: Timestamp) -> rusqlite::Result<Vec<(AccountKey, PeriodId)>> {
        let mut places = Vec::new();
        for touch in self.office.caps.kept.caps_for(caller) {
            let period = periods(touch.cap.window, &self.office.setup.calendar, at).write;
            places.push((budget::key(touch.account, self.conn, self.names)?, period));
        }
        places.sort_unstable();
        places.dedup();
        Ok(places)
    }

    /// Returns the hold as the rules know it. Its places are rows, and stay with the store.
    fn rule(&self, kept: &Kept) -> Hold {
        rule(kept, self.office.setup.name)
    }

    fn dispatch(&self, id: HoldId) -> rusqlite::Result<Started> {
        if hold::dispatch(self.conn, id)? {
            return Ok(Started::Yes);
        }
        Ok(Started::No(hold::find(self.conn, id)?.map(|kept| kept.state)))
    }

    fn close(&mut self, order: &Close) -> rusqlite::Result<Closed> {
        let Some(kept) = hold::find(self.conn, order.hold)? else { return Ok(Closed::Unknown) };
        let Ok(movement) = self.rule(&kept).close(order.closing) else {
            return Ok(Closed::Already(kept.state));
        };
        if !hold::advance(self.conn, &mut self.office.rows, &kept, (order.closing.state(), movement))? {
            return Ok(Closed::Already(kept.state));
        }
        let charged = order.closing.state().charged();
        if let (Closing::Settled(actual), Some(predicted)) = (order.closing, kept.predicted) {
            let figures = [predicted, actual.money(), kept.amount.money()];
            limits::foreseen(self.conn, [kept.provider, kept.model], figures)?;
        }
        let call = match &order.call {
            Some(call) => Some(Call { id: kept.ledger_id(), ..call.clone() }),
            None if order.closing == Closing::Voided => None,
            None => Some(kept.bare_call(self.conn, self.names, word(order.closing))?),
        };
        self.ledger.extend(call.map(|call| (call, kept.cost(charged))));
        Ok(Closed::Done)
    }

    fn sweep(&mut self, now: Timestamp, dead: &mut Vec<Life>) -> rusqlite::Result<Swept> {
        let mut swept = Swept::default();
        let (path, me) = (self.office.setup.path.clone(), self.office.boot);
        for boot in life::running(self.conn)?.into_iter().filter(|boot| *boot != me) {
            if mutant!("ttl-voids") {
                let old = |kept: &Kept| now.since(kept.at) > Millis::from_minutes(60);
                for kept in hold::open_of(self.conn, boot)?.into_iter().filter(old) {
                    self.close(&Close { hold: kept.id, closing: Closing::Voided, call: None, now })?;
                }
            }
            let Pulse::Dead(lock) = life::pulse(&path, boot) else { continue };
            dead.extend(lock);
            swept.guards += 1;
            for kept in hold::open_of(self.conn, boot)? {
                let Some(closing) = recover(kept.amount, kept.state) else { continue };
                let order = Close { hold: kept.id, closing, call: None, now };
                if self.close(&order)? == Closed::Done {
                    count(&mut swept, closing);
                }
            }
            life::end(self.conn, boot, now)?;
        }
        Ok(swept)
    }

    fn witness(&mut self, date: Timestamp, now: Clocks) -> rusqlite::Result<bool> {
        self.read(now)?;
        let agrees = self.office.clock.as_mut().is_some_and(|clock| clock.confirm(date, now));
        self.read(now)?;
        Ok(agrees)
    }

    fn beat(&mut self, beat: &Beat) -> rusqlite::Result<Outcome> {
        self.read(beat.now)?;
        let now = beat.now.wall;
        let rev = self.office.caps.book.rev();
        let news = std::mem::replace(&mut self.office.note, beat.note) != beat.note;
        if !news && self.told.is_some_and(|(at, told)| at <= now && now.since(at) < BEAT && told == rev) {
            return Ok(Outcome::Told);
        }
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.conn
            .prepare_cached(
                "UPDATE guard SET seen = ?2, rev = ?3, in_flight = ?4, admitted = ?5, refused = ?6, note = ?7,
                   ended = NULL WHERE boot = ?1",
            )?
            .execute(params![
                self.office.boot,
                now.millis(),
                rev.0.cast_signed(),
                count(beat.in_flight),
                count(beat.admitted),
                count(beat.refused),
                beat.note.map(Label::as_str)
            ])?;
        self.told = Some((now, rev));
        Ok(Outcome::Told)
    }

    /// Writes the ledger, the revision in force and the time; returns what the store now knows of both.
    fn finish(self) -> rusqlite::Result<Known> {
        let Group { conn, names, office, ledger, latest, mut told } = self;
        let now = latest.or(office.high).unwrap_or(office.setup.now.wall);
        let source = Label::new(&format!("guard:{}", office.setup.name));
        record(conn, names, source, ledger, now)?;
        office.rows.flush(conn)?;
        let mut high = office.high;
        // Every period begins with a second: within one, a clock that starts anew finds the same periods.
        if latest.map(second) > high.map(second) {
            let latest = latest.map(Timestamp::millis);
            conn.prepare_cached("UPDATE vault SET high = max(coalesce(high, ?1), ?1)")?.execute([latest])?;
            high = latest.map(Timestamp::from_millis);
        }
        let rev = office.caps.book.rev();
        if told.is_none_or(|(_, told)| told != rev) {
            conn.prepare_cached("UPDATE guard SET rev = ?2 WHERE boot = ?1")?
                .execute([office.boot, rev.0.cast_signed()])?;
            told = Some((told.map_or(Timestamp::EPOCH, |(at, _)| at), rev));
        }
        Ok((told, high))
    }
}

fn second(at: Timestamp) -> i64 {
    at.millis().div_euclid(1_000)
}

/// Returns the hold as the rules know it.
pub(super) fn rule(kept: &Kept, guard: Label) -> Hold {
    Hold {
        id: kept.id,
        call: kept.call,
        attempt: kept.attempt,
        guard: GuardId(guard),
        amount: kept.amount,
        places: std::sync::Arc::new([]),
        price_rev: crate::domain::hold::PriceRev::default(),
        at: kept.at,
        state: kept.state,
    }
}

/// Writes calls of a guard to the ledger, at the costs that are charged.
pub(super) fn record(
    conn: &Connection,
    names: &mut Names,
    source: Label,
    ledger: Vec<(Call, Cost)>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if ledger.is_empty() {
        return Ok(());
    }
    let now = ledger.iter().map(|(call, _)| call.at).fold(now, Timestamp::max);
    let costs: HashMap<CallId, Cost> = ledger.iter().map(|(call, cost)| (call.id, *cost)).collect();
    let mut price = |call: &Call| costs.get(&call.id).copied().unwrap_or(Cost::Unpriced);
    let mut desk = Desk::new(conn, names, &mut price, now)?;
    let mut decoded = Decoded::default();
    decoded.tally.lines = ledger.len() as u64;
    decoded.calls = ledger.into_iter().map(|(call, _)| call).collect();
    desk.take(&Batch { source, format: Label::new("guard"), decoded, mark: None, note: None })?;
    desk.close().map(drop)
}

fn word(closing: Closing) -> &'static str {
    if matches!(closing, Closing::Uncertain(_)) { "uncertain" } else { "" }
}

fn count(swept: &mut Swept, closing: Closing) {
    match closing {
        Closing::Voided => swept.voided += 1,
        Closing::Settled(amount) | Closing::Uncertain(amount) => {
            swept.uncertain += 1;
            swept.charged = swept.charged.saturating_add(amount.money());
        }
    }
}

/// Reads what others may have written: the period time, and the caps if they are no longer those of the
/// office; says whether they are others now.
pub(super) fn refresh(conn: &Connection, office: &mut Office) -> rusqlite::Result<bool> {
    if !mutant!("sums-kept-though-others-wrote") {
        office.rows = Rows::default();
    }
    let high: Option<i64> = conn.prepare_cached("SELECT high FROM vault")?.query_row([], |row| row.get(0))?;
    office.high = high.map(Timestamp::from_millis);
    let (high, now) = (office.high, office.setup.now);
    let clock = office.clock.get_or_insert_with(|| PeriodClock::start(high, now));
    if let Some(high) = high {
        clock.observe(high);
    }
    let found = cap::revision(conn)?;
    if found == office.caps.book.rev() && !office.unsure {
        return Ok(false);
    }
    // What is over since then is found with the first reading of the clock.
    let now = office.high.unwrap_or(Timestamp::EPOCH);
    office.caps = cap::load(conn, &office.setup.base, now)?;
    office.unsure = false;
    Ok(true)
}

/// Goes back to the caps that were before the temporary ones that are over, and writes that down.
fn end_caps(conn: &Connection, office: &mut Office, now: Timestamp) -> rusqlite::Result<()> {
    cap::write_ends(conn, &office.setup.base, now)?;
    office.caps = cap::load(conn, &office.setup.base, now)?;
    office.unsure = true;
    Ok(())
}
