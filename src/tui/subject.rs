//! What the rows of the tables say of themselves, for filters.

use std::borrow::Cow;

use super::app::App;
use super::caps::{CapState, share, state, subject};
use super::event::{PriceRow, SourceRow};
use super::page::group::GroupRow;
use super::page::{errors, guard};
use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::{Call, Cost, TenantId};
use crate::domain::cap::Cap;
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::filter::{Fact, Key, Subject};
use crate::domain::gate::Standing;
use crate::domain::limits::Limits;
use crate::domain::scope::Scope;
use crate::domain::time::{Millis, Timestamp};

/// A row of a table, with the screen that it is on: most facts depend on the time and on the caps.
pub(super) struct Row<'a, T> {
    pub(super) app: &'a App,
    pub(super) of: T,
}

impl<T> Row<'_, T> {
    fn age(&self, at: Timestamp) -> Fact<'static> {
        Fact::Length(self.app.now.since(at))
    }

    fn clock(&self, minute: u16) -> Millis {
        self.app.now.since(self.app.setup.calendar.last(minute, self.app.now))
    }
}

fn words(text: &str) -> Fact<'_> {
    Fact::Text(Cow::Borrowed(text))
}

/// Returns money; nothing where it is not known.
fn money(live: &Live) -> Fact<'static> {
    if live.is_unknown() { Fact::None } else { Fact::Money(live.cost) }
}

/// Returns what the nearest cap says: its state, its limit, how much of it is used.
fn cap_fact(app: &App, standings: &[Standing], key: Key) -> Fact<'static> {
    let held = app.enforcement();
    let Some(nearest) = standings.first() else {
        return match key {
            Key::State => words("nocap"),
            Key::Cap => words("none"),
            _ => Fact::None,
        };
    };
    match key {
        Key::State => {
            let worst = standings.iter().map(|standing| state(standing, held)).min();
            words(worst.map_or("ok", CapState::says))
        }
        Key::Cap => {
            Fact::Text(Cow::Owned(format!("{}/{}", nearest.touch.cap.limit, nearest.touch.cap.window)))
        }
        Key::Used => Fact::Share(share(nearest)),
        _ => Fact::None,
    }
}

impl Subject for Row<'_, (TenantId, &Book)> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.0.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        let (tenant, book) = self.of;
        let picture = self.app.picture();
        let window = || picture.sums_of(tenant, book, self.app.window);
        match key {
            Key::Tenant => words(tenant.as_str()),
            Key::State | Key::Cap | Key::Used => cap_fact(self.app, &picture.caps.of_tenant(tenant), key),
            Key::Burn => money(&book.minutes.burn(picture.books.now())),
            Key::Today => money(&book.today),
            Key::Month => money(&book.month),
            Key::Cost => window().map_or(Fact::None, |live| money(&live)),
            Key::Tokens => window().map_or(Fact::None, |live| Fact::Count(live.tokens)),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &GroupRow> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.name.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match key {
            Key::Burn => self.of.burn.as_ref().map_or(Fact::None, money),
            Key::Month => money(&Live::of(&self.of.month)),
            Key::Cost => money(&Live::of(&self.of.sums)),
            Key::Tokens => Fact::Count(Live::of(&self.of.sums).tokens),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &Cap> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(&self.of.scope.to_string())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        let worst = || self.app.picture().caps.worst(self.of.key()).cloned();
        match (key, self.of.scope) {
            (Key::Tenant, Scope::Tenant(tenant) | Scope::TenantModel(tenant, _)) => words(tenant.as_str()),
            (Key::What, scope) => Fact::Text(Cow::Owned(scope.to_string())),
            (Key::Cap, _) => Fact::Text(Cow::Owned(format!("{}/{}", self.of.limit, self.of.window))),
            (Key::Used, _) => Fact::Share(worst().as_ref().map_or(0, share)),
            (Key::State, _) => {
                words(worst().map_or("ok", |standing| state(&standing, self.app.enforcement()).says()))
            }
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &PriceRow> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.model.as_str()) || passes(self.of.provider.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match key {
            Key::Model => words(self.of.model.as_str()),
            Key::Provider => words(self.of.provider.as_str()),
            Key::Cost => money(&Live::of(&self.of.used)),
            Key::Tokens => Fact::Count(Live::of(&self.of.used).tokens),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &SourceRow> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.source.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match key {
            Key::State => words(self.of.state.says()),
            Key::Kind => words(self.of.format.as_str()),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &CapChange> {
    fn ago(&self, minute: u16) -> Option<Millis> {
        Some(self.clock(minute))
    }

    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(&subject(self.of)) || passes(self.of.by.as_str()) || passes(self.of.why.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        let scope = match &self.of.what {
            Changed::Cap { new, .. } | Changed::Ended { new, .. } => new.scope,
            Changed::Price { model, .. } => Scope::Model(*model),
            Changed::PassThrough { .. } => Scope::Everything,
            Changed::Plan { tenant, .. } => Scope::Tenant(*tenant),
        };
        match (key, scope) {
            (Key::Tenant, Scope::Tenant(tenant) | Scope::TenantModel(tenant, _)) => words(tenant.as_str()),
            (Key::Who, _) => words(self.of.by.as_str()),
            (Key::What, scope) => Fact::Text(Cow::Owned(scope.to_string())),
            (Key::Rev, _) => Fact::Count(i64::try_from(self.of.rev.0).unwrap_or(i64::MAX)),
            (Key::Age, _) => self.age(self.of.at),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &Limits> {
    fn ago(&self, minute: u16) -> Option<Millis> {
        Some(self.clock(minute))
    }

    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        [self.of.provider, self.of.key, self.of.model].iter().any(|name| passes(name.as_str()))
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match key {
            Key::Provider => words(self.of.provider.as_str()),
            Key::Key => words(self.of.key.as_str()),
            Key::Model => words(self.of.model.as_str()),
            Key::Age => self.age(self.of.observed_at),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &errors::ClassRow> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.class.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match (key, self.of.most) {
            (Key::Class, _) => words(self.of.class.as_str()),
            (Key::Tenant, Some((tenant, ..))) => words(tenant.as_str()),
            (Key::Provider, Some((_, provider, _))) => words(provider.as_str()),
            (Key::Model, Some((.., model))) => words(model.as_str()),
            (Key::Cost, _) => Fact::Money(self.of.lost),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &(Call, Cost)> {
    fn ago(&self, minute: u16) -> Option<Millis> {
        Some(self.clock(minute))
    }

    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.0.tenant.as_str()) || passes(self.of.0.model.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        let (call, cost) = self.of;
        let length = |length: Option<Millis>| length.map_or(Fact::None, Fact::Length);
        match key {
            Key::Tenant => words(call.tenant.as_str()),
            Key::Model => words(call.model.as_str()),
            Key::Provider => words(call.provider.as_str()),
            Key::Class if call.failure.is_empty() => Fact::None,
            Key::Class => words(call.failure.as_str()),
            Key::Cost => cost.money().map_or(Fact::None, Fact::Money),
            Key::Tokens => Fact::Count(i64::try_from(call.tokens.total().count()).unwrap_or(i64::MAX)),
            Key::Took => length(call.latency),
            Key::Age => self.age(call.at),
            _ => Fact::None,
        }
    }
}

impl Subject for Row<'_, &guard::GuardLine> {
    fn ago(&self, minute: u16) -> Option<Millis> {
        Some(self.clock(minute))
    }

    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        passes(self.of.name.as_str())
    }

    fn fact(&self, key: Key) -> Fact<'_> {
        match key {
            Key::Rev => Fact::Count(i64::try_from(self.of.rev.0).unwrap_or(i64::MAX)),
            Key::Age => self.age(self.of.seen),
            _ => Fact::None,
        }
    }
}
