//! The page of prices: what is asked beside its table. A question changes nothing; a price that is edited is
//! previewed by one.

use std::sync::Arc;

use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::cap::Cap;
use crate::domain::forecast::Reach;
use crate::domain::label::Label;
use crate::domain::money::{Money, Rate};
use crate::domain::price::Price;
use crate::domain::rollup::Sums;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::what_if::Moved;
use crate::tui::event::Window;

/// What would calls of one model have cost with another?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// Whose; `None`: everyone's.
    pub tenant: Option<TenantId>,
    /// Since when.
    pub window: Window,
    /// The model that they were made with.
    pub from: ModelId,
    /// The model that they would be made with.
    pub to: ModelId,
    /// How many of a hundred of them.
    pub share: u8,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIfNow {
    /// What the calls came to.
    pub used: Sums,
    /// What they cost and would cost; nothing where a price is missing.
    pub moved: Option<Moved>,
    /// Whether the other model has a price.
    pub priced: bool,
    /// How much of the window has gone.
    pub length: Millis,
    /// The tenant's cap that is reached first: when, and when were they moved from now on.
    pub cap: Option<(Cap, Reach, Reach)>,
}

/// What would this month come to at another price?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repriced {
    /// Who bills.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// Tokens read, read from the cache, written; `None` leaves the rate as it is.
    pub rates: [Option<Rate>; 3],
    /// From when on.
    pub since: Timestamp,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepricedNow {
    /// What the month came to, all models.
    pub month: Money,
    /// What it would have come to; nothing where that cannot be said.
    pub would: Option<Money>,
}

/// Everything that is known of a model's price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Who bills.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// Its prices, the latest first.
    pub prices: Vec<Dated>,
    /// What the user changed: when, who, why, what.
    pub changes: Vec<(Timestamp, Label, Label, String)>,
    /// What it came to this month.
    pub used: Sums,
}

/// A price and what it makes of this month's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The price.
    pub price: Arc<Price>,
    /// What differs from the one before; empty where there was none.
    pub change: String,
    /// What this month's tokens cost by it; nothing where a rate is missing.
    pub month: Option<Money>,
}

/// A price that the user sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceWish {
    /// Who bills.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// Tokens read, read from the cache, written; `None` leaves the rate as it is.
    pub rates: [Option<Rate>; 3],
    /// From when on.
    pub since: Timestamp,
    /// Why.
    pub why: Label,
}
