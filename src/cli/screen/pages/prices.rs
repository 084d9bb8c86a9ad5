//! What is asked beside the price table: what if, what a month would have come to, and how a price came about.

use std::cmp::Reverse;
use std::sync::Arc;

use super::budgets::{Look, present};
use crate::cli::context::now;
use crate::cli::screen::librarian::{AHEAD, Librarian};
use crate::domain::amount::Unit;
use crate::domain::calendar::Span;
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::Cap;
use crate::domain::cap_log::Changed;
use crate::domain::cap_trial::ends;
use crate::domain::forecast::{Forecast, Reach};
use crate::domain::money::Money;
use crate::domain::outlook::{left, urgency};
use crate::domain::price::{Class, Price, Source, difference};
use crate::domain::rollup::Sums;
use crate::domain::scope::Account;
use crate::domain::time::Timestamp;
use crate::domain::what_if::{Moved, Target, moved, reach_moved};
use crate::store::StoreError;
use crate::tui::page::budgets::Counts;
use crate::tui::page::prices::{Dated, History, PriceWish, Repriced, RepricedNow, WhatIf, WhatIfNow};

/// Prices and changes of one model that are shown.
const SHOWN: usize = 50;

/// Answers what if.
pub(super) fn what_if(librarian: &Librarian, asked: &WhatIf) -> Result<WhatIfNow, StoreError> {
    let now = now();
    let span = librarian.span(asked.window);
    let (used, whole) = match asked.tenant {
        Some(tenant) => of_tenant(librarian, tenant, asked.from, span)?,
        None => of_all(librarian, span, &|_, model| model == asked.from)?,
    };
    let price = librarian.book().find(Provider::unknown(), asked.to, now);
    let price = price.filter(|price| price.is_priced());
    let target = match (&price, asked.from == asked.to) {
        (_, true) => Some(Target::Same),
        (Some(price), false) => Some(Target::Other(price)),
        (None, false) => None,
    };
    let moved = target.and_then(|target| moved(&used, asked.share, target));
    let cap = match (asked.tenant, moved) {
        (Some(tenant), Some(moved)) => nearest(librarian, tenant, whole, moved)?,
        _ => None,
    };
    Ok(WhatIfNow { used, moved, priced: target.is_some(), length: now.since(span.start), cap })
}

/// Returns what a tenant spent on a model, and on all.
fn of_tenant(
    librarian: &Librarian,
    tenant: TenantId,
    model: ModelId,
    span: Span,
) -> Result<(Sums, Money), StoreError> {
    let (mut used, mut whole) = (Sums::default(), Money::ZERO);
    for (_, name, sums) in librarian.reader.models(tenant, span)? {
        whole += sums.cost;
        if name == model {
            used += sums;
        }
    }
    Ok((used, whole))
}

/// Returns what was spent on the models that are wanted, and on all.
fn of_all(
    librarian: &Librarian,
    span: Span,
    wanted: &dyn Fn(Provider, ModelId) -> bool,
) -> Result<(Sums, Money), StoreError> {
    let (mut used, mut whole) = (Sums::default(), Money::ZERO);
    librarian.reader.rollups_by_day(Some(span), &mut |_, slice, sums| {
        whole += sums.cost;
        if wanted(slice.provider, slice.model) {
            used += *sums;
        }
    })?;
    Ok((used, whole))
}

/// Returns the tenant's cap on money that is reached first, and when it is were the calls moved from now on.
fn nearest(
    librarian: &Librarian,
    tenant: TenantId,
    whole: Money,
    moved: Moved,
) -> Result<Option<(Cap, Reach, Reach)>, StoreError> {
    let now = now();
    let mut desk = librarian.budgets.borrow_mut();
    let account = Account::Tenant(tenant);
    let alive = librarian.reader.guards()?.iter().any(|guard| guard.alive);
    let counts = if alive { Counts::Guards } else { Counts::Ledgers };
    let mut found: Vec<(Cap, Reach, Reach)> = Vec::new();
    for standing in librarian.reader.standings(&librarian.base, &librarian.calendar, now)? {
        if standing.touch.account != account || standing.touch.cap.limit.unit() != Unit::Money {
            continue;
        }
        let mut look = Look { librarian, desk: &mut desk, counts, now };
        let stand = look.stand(&standing)?;
        let cap = Cap::clone(&standing.touch.cap);
        let used = i64::try_from(stand.used(&cap).size).unwrap_or(i64::MAX);
        let Some(left) = left(&standing, Money::from_nanos(used)) else { continue };
        let recent = look.recent(account)?.unwrap_or_default();
        let habit = look.habit(account)?;
        let forecast = Forecast::new(&habit, present(&recent, now));
        let end = ends(cap.window, standing.resets_at, now);
        let then = reach_moved(left, (whole, moved.saves()), &forecast, end);
        found.push((cap, stand.reach, then));
    }
    found.sort_by_key(|(_, reach, _)| urgency(*reach).unwrap_or(i64::MAX));
    Ok(found.into_iter().next())
}

/// Returns a price with other rates, as the user sets them: what is not said stays.
pub(crate) fn edited(
    old: Option<&Price>,
    wish: (Provider, ModelId),
    rates: [Option<crate::domain::money::Rate>; 3],
) -> Price {
    let named = || Price::new(wish.0.as_str(), wish.1.as_str());
    let price = old.cloned().unwrap_or_else(named).from_source(Source::User);
    let classes = [Class::Input, Class::CacheRead, Class::Output];
    classes.into_iter().zip(rates).fold(price, |price, (class, rate)| match rate {
        Some(rate) => price.with(class, rate),
        None => price,
    })
}

/// Returns the price that a wish means: that of the model, with the rates that were said.
pub(crate) fn wished(
    librarian_book: &crate::domain::price::PriceBook,
    wish: &PriceWish,
) -> (Option<Arc<Price>>, Price) {
    let old = librarian_book.find(wish.provider, wish.model, wish.since);
    let price = edited(old.as_deref(), (wish.provider, wish.model), wish.rates)
        .named(wish.provider.as_str(), wish.model.as_str());
    (old, price.since(Some(wish.since)))
}

/// Answers what this month would have come to at another price.
pub(super) fn repriced(librarian: &Librarian, asked: &Repriced) -> Result<RepricedNow, StoreError> {
    let now = now();
    let month = Span { end: now.after(AHEAD), ..librarian.calendar.month(now) };
    let Repriced { provider, model, rates, since } = *asked;
    let mine = |whose: Provider, name: ModelId| whose == provider && name == model;
    let (_, whole) = of_all(librarian, month, &mine)?;
    let part = Span { start: month.start.max(since), ..month };
    let used = if part.start >= part.end { Sums::default() } else { of_all(librarian, part, &mine)?.0 };
    let old = librarian.book().find(provider, model, now);
    let price = edited(old.as_deref(), (provider, model), rates);
    let calls = u64::try_from(used.calls).unwrap_or(0);
    let would = price.flat_cost(calls, &used.tokens).map(|new| {
        Money::from_nanos(whole.nanos().saturating_sub(used.cost.nanos()).saturating_add(new.nanos()))
    });
    Ok(RepricedNow { month: whole, would })
}

/// Answers how a model's price came about.
pub(super) fn history(
    librarian: &Librarian,
    provider: Provider,
    model: ModelId,
) -> Result<History, StoreError> {
    let now = now();
    let month = Span { end: now.after(AHEAD), ..librarian.calendar.month(now) };
    let (used, _) = of_all(librarian, month, &|whose, name| whose == provider && name == model)?;
    let mut prices = librarian.book().of_model(provider, model);
    prices.sort_by_key(|price| (price.in_force_since(), price.source() == Source::User));
    let calls = u64::try_from(used.calls).unwrap_or(0);
    let mut dated: Vec<Dated> = Vec::new();
    for price in prices {
        let change = dated.last().map_or_else(String::new, |last| difference(&last.price, &price));
        let month = price.flat_cost(calls, &used.tokens);
        dated.push(Dated { price, change, month });
    }
    dated.reverse();
    dated.truncate(SHOWN);
    let mut changes: Vec<_> = librarian
        .reader
        .cap_log()?
        .into_iter()
        .filter_map(|change| match change.what {
            Changed::Price { model: name, old, new, .. } if name == model => {
                let what = old.map_or_else(|| new.to_string(), |old| format!("{old} > {new}"));
                Some((change.at, change.by, change.why, what))
            }
            _ => None,
        })
        .collect();
    changes.sort_by_key(|change: &(Timestamp, _, _, _)| Reverse(change.0));
    changes.truncate(SHOWN);
    Ok(History { provider, model, prices: dated, changes, used })
}
