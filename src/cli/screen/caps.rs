//! The thread that looks after the caps for the screen: it tells how they stand and who holds them, and
//! saves what the user changes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::book::SharedBook;
use super::pages::prices::wished;
use crate::cli::caps::author_of;
use crate::cli::context::now;
use crate::cli::own_price;
use crate::domain::budget::Budget;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::{ModelId, TenantId};
use crate::domain::cap::CapRev;
use crate::domain::cap_log::CapChange;
use crate::domain::cap_trial::{Used, asking};
use crate::domain::enforcement::Heartbeat;
use crate::domain::gate::Standing;
use crate::domain::period::periods;
use crate::domain::price::PriceBook;
use crate::domain::rollup::Sums;
use crate::domain::scope::{Account, Scope};
use crate::domain::time::{Millis, Timestamp};
use crate::domain::window::Window;
use crate::store::guard::{Base, ChangeError};
use crate::store::{Reader, Stir, Store, StoreError};
use crate::tui::page::prices::PriceWish;
use crate::tui::pass::PassWish;
use crate::tui::{CapWish, CapsNow, Event, NotSaved, conflict};

/// How often it looks for what others have written: a guard's word is on the screen within a tenth of a second.
const LOOK: Duration = Duration::from_millis(50);
/// The same while no guard lives: there is no word to wait for, and an idle screen should cost next to nothing.
const LONE_LOOK: Duration = Duration::from_secs(1);
/// How often it feels whether the guards live, which nobody writes down, and reads how caps stand at most.
const PULSE: Millis = Millis::new(1_000);
/// How far ahead of the clock calls still count to now.
const AHEAD: Millis = Millis::from_minutes(5);
/// How often a change is tried while others change other caps.
const TRIES: u8 = 8;

/// What the screen asks of it.
pub(super) enum Order {
    /// What is used of a window.
    Used(Scope, Window),
    /// To let calls pass, or to enforce caps again.
    Pass(Box<PassWish>),
    /// To save a change.
    Save(Box<CapWish>),
    /// To keep a price.
    Price(Box<PriceWish>),
}

/// Looks after the caps.
pub(super) struct CapClerk {
    pub(super) path: PathBuf,
    pub(super) reader: Reader,
    pub(super) base: Base,
    pub(super) calendar: Calendar,
    pub(super) book: SharedBook,
    pub(super) events: SyncSender<Event>,
    /// Who changes what is changed.
    pub(super) person: String,
}

/// What the screen has been told.
#[derive(Default)]
struct Told {
    version: Option<i64>,
    looked: Timestamp,
    /// Something was written since how the caps stand was read.
    stale: bool,
    read: Timestamp,
    rev: Option<CapRev>,
    /// When the next temporary cap is over.
    ends: Option<Timestamp>,
    guards: Vec<Heartbeat>,
}

impl CapClerk {
    /// Works until nobody asks or listens any more.
    pub(super) fn run(self, orders: &Receiver<Order>) {
        let (mut told, mut stir) = (Told::default(), Stir::new(&self.path));
        loop {
            let look = if told.guards.is_empty() { LONE_LOOK } else { LOOK };
            let answer = match orders.recv_timeout(look) {
                Ok(order) => self.answer(&order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if answer.is_some_and(|event| self.events.send(event).is_err()) {
                return;
            }
            // A store that cannot be read now is told of by the librarian; the caps stay as they were.
            if let Ok(Some(event)) = self.look(&mut told, stir.felt())
                && self.events.send(event).is_err()
            {
                return;
            }
        }
    }

    /// Returns what has changed since the screen was told.
    fn look(&self, told: &mut Told, stirred: bool) -> Result<Option<Event>, StoreError> {
        let now = now();
        let version = if stirred { Some(self.reader.data_version()?) } else { told.version };
        let changed = version != told.version;
        // Whether a guard lives is not written; but one that begins writes.
        let over = told.ends.is_some_and(|ends| ends <= now);
        let idle = told.guards.is_empty() && !told.stale && !over;
        if !changed && (idle || now.since(told.looked) < PULSE && told.looked <= now) {
            return Ok(None);
        }
        (told.version, told.looked) = (version, now);
        told.stale |= changed;
        if over {
            // Where it cannot be written, it is in force all the same, and the next who can writes it down.
            let _ = Store::open(&self.path).and_then(|mut store| store.end_caps(&self.base, now));
            (told.stale, told.read) = (true, Timestamp::EPOCH);
        }
        let guards = self.guards()?;
        let rev = Some(self.reader.cap_revision()?);
        let due = told.stale && (now.since(told.read) >= PULSE || told.read > now);
        if rev != told.rev || due {
            let caps = CapsNow { guards: guards.clone(), ..self.caps(now)? };
            let ends = caps.book.ends();
            *told = Told { version, looked: now, stale: false, read: now, rev, ends, guards };
            return Ok(Some(Event::Caps(Box::new(caps))));
        }
        let news = (told.guards != guards).then(|| Event::Guards(guards.clone()));
        told.guards = guards;
        Ok(news)
    }

    fn guards(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let alive = self.reader.guards()?.into_iter().filter(|guard| guard.alive);
        Ok(alive.map(|guard| Heartbeat { name: guard.name, rev: guard.rev, seen: guard.seen }).collect())
    }

    pub(super) fn caps(&self, now: Timestamp) -> Result<CapsNow, StoreError> {
        let book = self.reader.cap_book(&self.base, now)?;
        let standings = self.reader.standings(&self.base, &self.calendar, now)?;
        let standings = standings.into_iter().map(|it| ((it.touch.cap.key(), it.touch.account), it));
        let mut log = self.reader.cap_log()?;
        log.reverse();
        let standings: HashMap<_, _> = standings.collect();
        Ok(CapsNow {
            known: true,
            guards: Vec::new(),
            book: Arc::new(book),
            standings: Arc::new(standings),
            log: Arc::new(log),
        })
    }

    pub(super) fn answer(&self, order: &Order) -> Option<Event> {
        match order {
            // What cannot be read is asked for again with the next key or minute.
            Order::Used(scope, window) => {
                let used = self.used(*scope, *window).ok()?;
                Some(Event::Used(*scope, *window, Box::new(used)))
            }
            Order::Save(wish) => Some(Event::CapSaved(self.save(wish))),
            Order::Pass(wish) => Some(Event::PassSaved(self.pass(wish).map_err(|error| error.to_string()))),
            Order::Price(wish) => {
                Some(Event::PriceSaved(self.keep_price(wish).map_err(|error| format!("{error:#}"))))
            }
        }
    }

    /// Lets calls pass, or enforces caps again, if the caps are still those that were looked at.
    fn pass(&self, wish: &PassWish) -> Result<(), ChangeError> {
        let author = author_of(&self.person, Some(wish.why.as_str()));
        Store::open(&self.path)?.pass_through(wish.until, wish.seen, &author).map(drop)
    }

    /// Saves a change, if nobody has changed the same cap since it was looked at, and it is no graver by
    /// the newest sums than what was confirmed.
    fn save(&self, wish: &CapWish) -> Result<Box<CapChange>, NotSaved> {
        let failed = |error: StoreError| NotSaved::Failed(error.to_string());
        let mut store = Store::open(&self.path).map_err(failed)?;
        store.end_caps(&self.base, now()).map_err(failed)?;
        for _ in 0..TRIES {
            let expected = self.reader.cap_revision().map_err(failed)?;
            if let Some(why) = self.look_again(wish).map_err(failed)? {
                return Err(why);
            }
            match store.set_cap(&wish.cap, expected, &author_of(&self.person, Some(wish.why.as_str()))) {
                Ok(rev) => return self.on_record(rev),
                Err(ChangeError::Stale { .. }) => {}
                Err(error) => return Err(NotSaved::Failed(error.to_string())),
            }
        }
        Err(NotSaved::Failed("the caps are changed by others all the time: try again".to_owned()))
    }

    /// Keeps a price of the user's own: it counts for calls that are read from now on, and for those without one.
    fn keep_price(&self, wish: &PriceWish) -> anyhow::Result<String> {
        let book = self.book.get();
        let (old, price) = wished(&book, wish);
        let author = author_of(&self.person, Some(wish.why.as_str()));
        own_price::keep(Some(&self.path), &price, old.as_deref(), &author)?;
        let mut book = PriceBook::clone(&book);
        book.add(price.clone());
        let mut store = Store::open(&self.path)?;
        let mut costs = book.pricer();
        let priced = store.reprice_unpriced(book.fingerprint(), &mut |call| costs.cost(call))?;
        drop(costs);
        self.book.set(book);
        let more = if priced == 0 { String::new() } else { format!(", {priced} calls have a cost now") };
        Ok(format!("{} {}{more}", wish.model, price.words()))
    }

    /// Returns why a change is not to be made as it stands.
    fn look_again(&self, wish: &CapWish) -> Result<Option<NotSaved>, StoreError> {
        if let Some(theirs) = conflict(&self.reader.cap_log()?, wish) {
            return Ok(Some(NotSaved::Conflict(Box::new(theirs))));
        }
        let cap = &wish.cap;
        let book = self.reader.cap_book(&self.base, now())?;
        let old = book.caps().find(|known| known.key() == cap.key());
        let used = self.used(cap.scope, cap.window)?.budget.exposure(cap.limit.unit());
        let graver = asking(old.map(AsRef::as_ref), cap, used) > wish.asked;
        Ok(graver.then_some(NotSaved::Graver))
    }

    fn on_record(&self, rev: CapRev) -> Result<Box<CapChange>, NotSaved> {
        let log = self.reader.cap_log().map_err(|error| NotSaved::Failed(error.to_string()))?;
        let change = log.into_iter().find(|change| change.rev == rev);
        change.map(Box::new).ok_or_else(|| NotSaved::Failed(format!("revision {} is not on record", rev.0)))
    }

    fn used(&self, scope: Scope, window: Window) -> Result<Used, StoreError> {
        let now = now();
        let (budget, resets_at) = match account_of(scope) {
            Some(account) => self.reader.used(account, window, &self.calendar, now)?,
            None => self.most_used(scope, window, now)?,
        };
        let end = now.after(AHEAD);
        let since = Timestamp::from_millis(periods(window, &self.calendar, now).since);
        let ledger = self.ledger(scope, Span { start: since, end })?;
        let quarter = self.ledger(scope, Span { start: now.before(Millis::from_minutes(15)), end })?;
        Ok(Used { budget, ledger, quarter, resets_at })
    }

    /// Returns what the tenant has used that has used most, of those that a cap holds each on its own.
    fn most_used(
        &self,
        scope: Scope,
        window: Window,
        now: Timestamp,
    ) -> Result<(Budget, Option<Timestamp>), StoreError> {
        let standings = self.reader.standings(&self.base, &self.calendar, now)?;
        let of_cap = standings.into_iter().filter(|it| {
            let cap = &it.touch.cap;
            (cap.scope, cap.window) == (scope, window)
        });
        let most = of_cap.max_by_key(Standing::exposure);
        Ok(most.map_or_else(Default::default, |most| (most.budget, most.resets_at)))
    }

    /// Returns what all ledgers say of a scope, as far as they are kept by it.
    fn ledger(&self, scope: Scope, span: Span) -> Result<Sums, StoreError> {
        let models = |tenant: TenantId, only: Option<ModelId>| {
            let models = self.reader.models(tenant, span)?;
            let mine = models.into_iter().filter(|row| only.is_none_or(|only| only == row.1));
            Ok(total(mine.map(|row| row.2)))
        };
        match scope {
            Scope::Tenant(tenant) => models(tenant, None),
            Scope::TenantModel(tenant, model) => models(tenant, Some(model)),
            Scope::Everything => Ok(total(self.reader.tenants(span)?.into_iter().map(|row| row.1))),
            _ => Ok(Sums::default()),
        }
    }
}

fn total(sums: impl Iterator<Item = Sums>) -> Sums {
    sums.fold(Sums::default(), |mut total, sums| {
        total += sums;
        total
    })
}

/// Returns the one account that a cap is held against; `None` where there are several.
pub(super) fn account_of(scope: Scope) -> Option<Account> {
    match scope {
        Scope::Everything => Some(Account::Everything),
        Scope::Provider(name) => Some(Account::Provider(name)),
        Scope::Key(name) => Some(Account::Key(name)),
        Scope::Model(name) => Some(Account::Model(name)),
        Scope::Tenant(name) => Some(Account::Tenant(name)),
        Scope::TenantModel(tenant, model) => Some(Account::TenantModel(tenant, model)),
        Scope::EachTenant | Scope::Plan(_) => None,
    }
}
