//! How the caps stand by guards and ledgers, when each is reached, and the chart of the selected one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::cli::context::now;
use crate::cli::screen::budget_desk::BudgetDesk;
use crate::cli::screen::librarian::{AHEAD, Librarian};
use crate::domain::amount::Unit;
use crate::domain::budget::Budget;
use crate::domain::burn_down::{self, BurnDown, Spent};
use crate::domain::calendar::Span;
use crate::domain::call::{Provider, TenantId};
use crate::domain::cap::{Cap, CapKey, OnBreach};
use crate::domain::cap_book::{CapBook, Touch};
use crate::domain::cap_trial::{self, ends, measure};
use crate::domain::forecast::{Forecast, Habit, Present, Reach};
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::outlook::left;
use crate::domain::period::periods;
use crate::domain::rollup::Sums;
use crate::domain::scope::{Account, Scope};
use crate::domain::time::Timestamp;
use crate::store::{StoreError, Whose};
use crate::tui::page::budgets::{CapNow, Counts, Known, Now, UsedNow};

/// A quarter of an hour, by which the sums of the store are kept.
const QUARTER: i64 = 900_000;
/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// Caps that are looked at: more are shown by what the guards count alone.
const CAPS: usize = 500;

/// Reads the page.
pub(super) fn read(librarian: &Librarian, picked: Option<CapKey>) -> Result<Now, StoreError> {
    let now = now();
    let (reader, calendar) = (&librarian.reader, &librarian.calendar);
    let mut desk = librarian.budgets.borrow_mut();
    let book = reader.cap_book(&librarian.base, now)?;
    let alive = reader.guards()?.iter().any(|guard| guard.alive);
    let counts = if alive { Counts::Guards } else { Counts::Ledgers };
    let standings = reader.standings(&librarian.base, calendar, now)?;
    let mut caps = HashMap::new();
    let mut chart = None;
    for cap in book.caps().take(CAPS) {
        let mut look = Look { librarian, desk: &mut desk, counts, now };
        let standing = look.nearest(&book, cap, &standings)?;
        let found = look.stand(&standing)?;
        if picked == Some(cap.key()) {
            chart = look.chart(&standing, &found)?.map(|chart| (cap.key(), chart));
        }
        caps.insert(cap.key(), found);
    }
    Ok(Now { caps, chart })
}

/// One look at the caps.
pub(super) struct Look<'a> {
    pub(super) librarian: &'a Librarian,
    pub(super) desk: &'a mut BudgetDesk,
    pub(super) counts: Counts,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    /// Returns how a cap stands where most of it is used, by the larger of what guards and ledgers say.
    fn nearest(
        &mut self,
        book: &CapBook,
        cap: &Arc<Cap>,
        standings: &[Standing],
    ) -> Result<Standing, StoreError> {
        let of_cap = standings.iter().filter(|standing| standing.touch.cap.key() == cap.key());
        let mine = |tenant: TenantId| match cap.scope {
            Scope::EachTenant => true,
            Scope::Plan(plan) => book.plans().plan_of(tenant) == Some(plan),
            _ => false,
        };
        let most = of_cap.max_by_key(|standing| standing.exposure()).cloned();
        if !matches!(cap.scope, Scope::EachTenant | Scope::Plan(_)) {
            return Ok(most.unwrap_or_else(|| nothing(cap, account_of(cap.scope), self)));
        }
        let sums = self.desk.everyone(&self.librarian.reader, (cap.window, self.span(cap)), self.now)?;
        let unit = cap.limit.unit();
        let size = |sums: &Sums| measure(&Sums { unpriced: 0, ..*sums }, unit).unwrap_or(0);
        let richest = sums.iter().filter(|(tenant, _)| mine(**tenant));
        let richest = richest.max_by_key(|(tenant, sums)| (size(sums), Reverse(**tenant)));
        let exposure = most.as_ref().map_or(0, Standing::exposure);
        Ok(match (richest, most) {
            (Some((tenant, sums)), most) if most.is_none() || size(sums) > exposure => {
                let account = Account::Tenant(*tenant);
                let known = standings
                    .iter()
                    .find(|it| it.touch.cap.key() == cap.key() && it.touch.account == account);
                known.cloned().unwrap_or_else(|| nothing(cap, account, self))
            }
            (_, Some(most)) => most,
            (_, None) => nothing(cap, Account::Everything, self),
        })
    }

    /// Returns the cap's window, as far as it has gone.
    fn span(&self, cap: &Cap) -> Span {
        let since = periods(cap.window, &self.librarian.calendar, self.now).since;
        Span { start: Timestamp::from_millis(since), end: self.now.after(AHEAD) }
    }

    /// Returns how a cap stands there, and when it is reached.
    pub(super) fn stand(&mut self, standing: &Standing) -> Result<CapNow, StoreError> {
        let (cap, account) = (&standing.touch.cap, standing.touch.account);
        let unit = cap.limit.unit();
        let ledger = self.ledger(cap, account)?;
        let recent = self.recent(account)?;
        let per_hour = recent.as_ref().and_then(|recent| burn(recent, unit, self.now));
        let found = CapNow {
            account,
            counts: self.counts,
            guards: standing.exposure(),
            ledger,
            per_hour,
            reach: Reach::Unknown,
            known: self.known(cap.scope)?,
        };
        let present = present(recent.as_deref().unwrap_or_default(), self.now);
        let habit = self.habit(account)?;
        let forecast = Forecast::new(&habit, present);
        Ok(CapNow { reach: reach(standing, &found, &forecast, self.now), ..found })
    }

    fn known(&self, scope: Scope) -> Result<Known, StoreError> {
        let seen = match scope {
            Scope::Tenant(tenant) | Scope::TenantModel(tenant, _) => {
                self.librarian.reader.has_called(tenant)?
            }
            _ => true,
        };
        Ok(if seen { Known::Seen } else { Known::Never })
    }

    /// Returns what all ledgers say of a cap's window, as far as they are kept by its account.
    fn ledger(&mut self, cap: &Cap, account: Account) -> Result<Option<Sums>, StoreError> {
        let span = self.span(cap);
        let reader = &self.librarian.reader;
        let total = |sums: &mut dyn Iterator<Item = Sums>| sums.fold(Sums::default(), plus);
        Ok(match account {
            Account::Tenant(tenant) => {
                Some(total(&mut reader.models(tenant, span)?.into_iter().map(|row| row.2)))
            }
            Account::TenantModel(tenant, model) => {
                let models = reader.models(tenant, span)?;
                Some(total(&mut models.into_iter().filter(|row| row.1 == model).map(|row| row.2)))
            }
            Account::Everything if cap.scope == Scope::Everything => {
                let everyone = self.desk.everyone(reader, (cap.window, span), self.now)?;
                Some(total(&mut everyone.values().copied()))
            }
            _ => None,
        })
    }

    /// Returns what an account spent since the running hour began, and in the last two quarters of an hour.
    pub(super) fn recent(&self, account: Account) -> Result<Option<Vec<(Span, Sums)>>, StoreError> {
        let Some(whose) = whose(account) else { return Ok(None) };
        let millis = self.now.millis();
        let quarter = millis - millis.rem_euclid(QUARTER);
        let start = (quarter - QUARTER).min(millis - millis.rem_euclid(HOUR));
        let span =
            Span { start: Timestamp::from_millis(start), end: Timestamp::from_millis(quarter + QUARTER) };
        self.librarian.reader.steps(whose, span).map(Some)
    }

    /// Returns how an account spends. What all spend together, and one model of a tenant, is not kept by hour: of
    /// it, what is spent now goes on.
    pub(super) fn habit(&mut self, account: Account) -> Result<Arc<Habit>, StoreError> {
        match account {
            Account::Tenant(tenant) => self.desk.habit(&self.librarian.reader, tenant, self.now),
            _ => Ok(Arc::default()),
        }
    }

    /// Returns the chart of a cap; nothing where its spend is not kept over time.
    fn chart(&mut self, standing: &Standing, found: &CapNow) -> Result<Option<Arc<BurnDown>>, StoreError> {
        let (cap, account, now) = (&standing.touch.cap, standing.touch.account, self.now);
        let Some(limit) = cap.limit.size() else { return Ok(None) };
        let Some(whose) = whose(account) else { return Ok(None) };
        if let Some(chart) = self.desk.chart(cap.key(), (account, limit), now) {
            return Ok(Some(chart));
        }
        let reader = &self.librarian.reader;
        let first = reader.first_call()?.unwrap_or(now);
        let (axis, even) = burn_down::axis(cap.window, &self.librarian.calendar, now, first);
        let unit = cap.limit.unit();
        let UsedNow { size: used, beside, .. } = found.used(cap);
        let steps = reader.steps(whose, quarters(burn_down::needed(cap.window, axis), now))?;
        let spent: Vec<Spent> = steps
            .iter()
            .map(|(span, sums)| Spent {
                span: *span,
                amount: measure(&Sums { unpriced: 0, ..*sums }, unit).unwrap_or(0),
            })
            .collect();
        // What passed no guard does not count while one lives: it is taken from the earliest.
        let beside = if found.counts == Counts::Guards { beside } else { 0 };
        let spent = burn_down::without_first(spent, axis, beside);
        let actual = burn_down::actual((limit, cap.window), &spent, axis, (now, used));
        let ahead = match left(standing, money(used)).filter(|left| *left > Money::ZERO) {
            Some(left) if unit == Unit::Money => {
                let present = present(&self.recent(account)?.unwrap_or_default(), now);
                let habit = self.habit(account)?;
                burn_down::ahead(left, &Forecast::new(&habit, present), axis, now)
            }
            _ => Vec::new(),
        };
        let mix = steps.iter().map(|step| step.1).fold(Sums::default(), plus);
        let downgraded = self.cheaper(cap, &mix).map(|costs| burn_down::downgraded(&ahead, costs));
        let chart = BurnDown { axis, limit, actual, even, ahead, downgraded: downgraded.unwrap_or_default() };
        let chart = Arc::new(chart);
        self.desk.chart = Some((cap.key(), account, now, Arc::clone(&chart)));
        Ok(Some(chart))
    }

    /// Returns what the same tokens cost with the model that calls go to past the cap, and what they did cost;
    /// nothing where that cannot be told.
    fn cheaper(&self, cap: &Cap, mix: &Sums) -> Option<(Money, Money)> {
        let OnBreach::Downgrade(model) = cap.on_breach else { return None };
        let price = self.librarian.book().find(Provider::unknown(), model, self.now)?;
        let calls = u64::try_from(mix.calls).ok()?;
        (mix.unpriced == 0).then_some(())?;
        Some((price.flat_cost(calls, &mix.tokens)?, mix.cost))
    }
}

fn plus(mut sum: Sums, more: Sums) -> Sums {
    sum += more;
    sum
}

/// Returns how a cap stands under which nothing was spent.
fn nothing(cap: &Arc<Cap>, account: Account, look: &Look<'_>) -> Standing {
    Standing {
        touch: Touch { cap: Arc::clone(cap), account },
        budget: Budget::default(),
        resets_at: periods(cap.window, &look.librarian.calendar, look.now).resets_at,
    }
}

fn account_of(scope: Scope) -> Account {
    match scope {
        Scope::Everything | Scope::EachTenant | Scope::Plan(_) => Account::Everything,
        Scope::Provider(name) => Account::Provider(name),
        Scope::Key(name) => Account::Key(name),
        Scope::Model(name) => Account::Model(name),
        Scope::Tenant(name) => Account::Tenant(name),
        Scope::TenantModel(tenant, model) => Account::TenantModel(tenant, model),
    }
}

/// Returns whose sums are kept over time; nothing where they are not.
fn whose(account: Account) -> Option<Whose> {
    match account {
        Account::Everything => Some(Whose::All),
        Account::Tenant(tenant) => Some(Whose::Tenant(tenant)),
        Account::TenantModel(tenant, model) => Some(Whose::TenantModel(tenant, model)),
        Account::Provider(_) | Account::Key(_) | Account::Model(_) => None,
    }
}

/// Returns the whole quarters of an hour from one instant up to another.
fn quarters(from: Timestamp, to: Timestamp) -> Span {
    let floor = |millis: i64| millis - millis.rem_euclid(QUARTER);
    Span {
        start: Timestamp::from_millis(floor(from.millis())),
        end: Timestamp::from_millis(floor(to.millis()) + QUARTER),
    }
}

/// Returns about what the last 15 minutes come to in an hour: of the quarter before the running one counts the part
/// that is not longer ago. `None` where a price is missing.
fn burn(recent: &[(Span, Sums)], unit: Unit, now: Timestamp) -> Option<u128> {
    let start = now.millis() - now.millis().rem_euclid(QUARTER);
    let gone = u128::try_from(now.millis() - start).unwrap_or(0);
    let quarter = u128::from(QUARTER.unsigned_abs());
    let of = |begins: i64| {
        let mut steps = recent.iter().filter(|(span, _)| span.start.millis() == begins);
        steps.try_fold(0_u128, |sum, (_, sums)| Some(sum.saturating_add(measure(sums, unit)?)))
    };
    let before = of(start - QUARTER)?.saturating_mul(quarter - gone) / quarter;
    Some(of(start)?.saturating_add(before).saturating_mul(4))
}

/// Returns what the present is like.
pub(super) fn present(recent: &[(Span, Sums)], now: Timestamp) -> Present {
    let hour = now.millis() - now.millis().rem_euclid(HOUR);
    let running = recent.iter().filter(|(span, _)| span.start.millis() >= hour).map(|step| step.1.cost).sum();
    let priced: Vec<_> = recent.iter().map(|(span, sums)| (*span, Sums { unpriced: 0, ..*sums })).collect();
    Present { now, running, burn: money(burn(&priced, Unit::Money, now).unwrap_or(0)) }
}

fn money(size: u128) -> Money {
    Money::from_nanos(i64::try_from(size).unwrap_or(i64::MAX))
}

/// Returns when nothing is left: by the forecast of its money, else if it goes on as now.
fn reach(standing: &Standing, found: &CapNow, forecast: &Forecast<'_>, now: Timestamp) -> Reach {
    let cap = &standing.touch.cap;
    let used = found.used(cap).size;
    // The larger of what is handed in and what guards count: never less than the latter.
    if let Some(left) = left(standing, money(used)) {
        return forecast.reach(left, ends(cap.window, standing.resets_at, now));
    }
    let limit = cap.limit.size().unwrap_or(u64::MAX);
    let until = ends(cap.window, standing.resets_at, now);
    match cap_trial::reach(limit, used, found.per_hour, until, now) {
        cap_trial::Reach::Now => Reach::Now,
        cap_trial::Reach::At(at) => Reach::At { at, range: None },
        cap_trial::Reach::NotInWindow => Reach::Never,
        cap_trial::Reach::Unknown => Reach::Unknown,
    }
}
