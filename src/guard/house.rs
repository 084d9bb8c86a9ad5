//! What all calls of a guard share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use tokio::sync::{Semaphore, watch};

use super::clock::Clock;
use super::door::Names;
use super::estimate::Heeds;
use super::metrics::{Metrics, Tally};
use super::pace::Paces;
use super::replay::Replays;
use super::turn::Turns;
use super::upstream::{self, Upstream};
use crate::config::GuardSetting;
use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, Provider};
use crate::domain::gate::Warning;
use crate::domain::hold::PriceRev;
use crate::domain::label::Label;
use crate::domain::price::PriceBook;
use crate::store::guard::Vault;

/// Answers without a reader that are read on at a time; more are closed and charged in full.
const DRAINS: usize = 256;
/// The most models that are remembered for having passed their bound.
const MOST_MARKS: usize = 4_096;

/// How far the guard is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It takes calls.
    Open,
    /// It takes no new ones, and ends those in flight.
    Stopping,
    /// Those in flight are cut.
    Cut,
}

/// Waits until the guard has come to a stage.
pub async fn reached(now: &mut watch::Receiver<Stage>, stage: Stage) {
    // The sender lives in the house, and so longer than whoever waits.
    drop(now.wait_for(|now| *now >= stage).await);
}

/// What all calls share.
pub struct House {
    /// The settings.
    pub guard: GuardSetting,
    /// The names by which it may be called.
    pub names: Names,
    /// The providers.
    pub upstreams: Vec<Upstream>,
    /// The store.
    pub vault: Vault,
    /// The prices.
    pub prices: PriceBook,
    /// Their revision.
    pub price_rev: PriceRev,
    /// The calendar of days and months.
    pub calendar: Calendar,
    /// The clocks.
    pub clock: Clock,
    /// The lines before accounts.
    pub turns: Turns,
    /// How fast tenants call.
    pub paces: Paces,
    /// Answers that may be given again.
    pub replays: Replays,
    /// What is counted.
    pub metrics: Metrics,
    /// What the heartbeat tells.
    pub tally: Tally,
    /// Room for answers whose reader has gone.
    pub drains: Arc<Semaphore>,
    /// How far it is from its end.
    pub stage: watch::Sender<Stage>,
    /// Calls in flight.
    pub flight: watch::Sender<usize>,
    marks: Mutex<HashSet<(Provider, ModelId)>>,
    /// The last share of a cap that was reached.
    warned: Mutex<Option<Label>>,
}

/// A call in flight: it is counted until this is dropped.
pub struct Landing(Arc<House>);

impl Landing {
    /// Counts a call in.
    pub fn new(house: &Arc<House>) -> Landing {
        house.flight.send_modify(|calls| *calls += 1);
        Landing(Arc::clone(house))
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.0.flight.send_modify(|calls| *calls -= 1);
    }
}

/// What a house is built of.
pub struct Plan {
    /// The settings.
    pub guard: GuardSetting,
    /// The providers.
    pub upstreams: Vec<Upstream>,
    /// The store.
    pub vault: Vault,
    /// The prices.
    pub prices: PriceBook,
    /// The calendar of days and months.
    pub calendar: Calendar,
    /// The clocks.
    pub clock: Clock,
}

impl House {
    /// Builds it.
    pub fn new(plan: Plan) -> House {
        let Plan { guard, upstreams, vault, prices, calendar, clock } = plan;
        House {
            names: Names::new(&guard.hosts, guard.listen),
            price_rev: PriceRev(prices.fingerprint()),
            guard,
            upstreams,
            vault,
            prices,
            calendar,
            clock,
            turns: Turns::default(),
            paces: Paces::default(),
            replays: Replays::default(),
            metrics: Metrics::default(),
            tally: Tally::default(),
            drains: Arc::new(Semaphore::new(DRAINS)),
            stage: watch::Sender::new(Stage::Open),
            flight: watch::Sender::new(0),
            marks: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// Remembers that a model has passed its bound.
    pub fn mark(&self, provider: Provider, model: ModelId) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.len() < MOST_MARKS {
            marks.insert((provider, model));
        }
    }

    /// Says whether a model keeps to its limits, as far as is known.
    pub fn heeds(&self, provider: Provider, model: ModelId) -> Heeds {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.contains(&(provider, model)) { Heeds::Nothing } else { Heeds::Limits }
    }

    /// Returns the models that have passed their bounds.
    pub fn marked(&self) -> Vec<ModelId> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.iter().map(|(_, model)| *model).collect()
    }

    /// Where the wall clock is in doubt, the date of a provider's answer may speak for it.
    pub fn witness(&self, headers: &HeaderMap) {
        if self.vault.view().doubt.is_some()
            && let Some(date) = upstream::date(headers)
        {
            self.vault.witness(date, self.clock.both(), |_| {});
        }
    }

    /// Counts shares of caps that were reached, and remembers the last for people to see.
    pub fn warn(&self, warnings: &[Warning]) {
        for Warning { touch, share } in warnings {
            let scope = touch.account.to_string();
            self.metrics.warned(&scope, *share);
            let text = format!("{scope} has reached {share} % of {}/{}", touch.cap.limit, touch.cap.window);
            *self.warned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Label::new(&text));
        }
    }

    /// Returns the last share of a cap that was reached, in words.
    pub fn warned(&self) -> Option<Label> {
        *self.warned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no call is in flight.
    pub async fn quiet(&self) {
        // The sender lives as long as this does.
        let _ = self.flight.subscribe().wait_for(|calls| *calls == 0).await;
    }
}
