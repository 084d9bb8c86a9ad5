//! Sums of calls: what a row of a report holds, and the change that one recorded call makes.

use std::ops::{AddAssign, Sub};

use super::call::{Call, Cost, ModelId, Provider, Region, Status, TenantId, Tier};
use super::label::Label;
use super::money::Money;
use super::time::Timestamp;
use super::tokens::TokenCount;

/// What some calls come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Calls that were answered.
    pub calls: i64,
    /// Calls that failed.
    pub failed: i64,
    /// Their tokens.
    pub tokens: TokenCount,
    /// Their cost, but for the unpriced ones.
    pub cost: Money,
    /// The part of `cost` that the ledgers stated themselves.
    pub reported: Money,
    /// Calls whose cost is not known.
    pub unpriced: i64,
}

impl Sums {
    /// Returns what one call comes to.
    pub fn of(call: &Call, cost: Cost) -> Sums {
        let count = i64::from(call.calls);
        let (calls, failed) = match call.status {
            Status::Settled => (count, 0),
            Status::Failed => (0, count),
        };
        let (cost, reported, unpriced) = match cost {
            Cost::Priced(money) => (money, Money::ZERO, 0),
            Cost::Reported(money) => (money, money, 0),
            Cost::Unpriced => (Money::ZERO, Money::ZERO, calls),
        };
        Sums { calls, failed, tokens: call.tokens, cost, reported, unpriced }
    }

    /// Says whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        *self == Sums::default()
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.tokens += other.tokens;
        self.cost += other.cost;
        self.reported += other.reported;
        self.unpriced += other.unpriced;
    }
}

impl Sub for Sums {
    type Output = Sums;
    fn sub(self, other: Sums) -> Sums {
        Sums {
            calls: self.calls - other.calls,
            failed: self.failed - other.failed,
            tokens: self.tokens - other.tokens,
            cost: self.cost - other.cost,
            reported: self.reported - other.reported,
            unpriced: self.unpriced - other.unpriced,
        }
    }
}

/// What a call is summed under, but for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice {
    /// Who the calls were made for.
    pub tenant: TenantId,
    /// Who bills for them.
    pub provider: Provider,
    /// Which model answered.
    pub model: ModelId,
    /// The service tier.
    pub tier: Tier,
    /// Where they were processed.
    pub region: Region,
    /// How they ended.
    pub status: Status,
    /// Why they failed; empty where they did not.
    pub failure: Label,
    /// The source they were read from.
    pub source: Label,
}

impl Slice {
    /// Returns the slice that a call of `source` belongs to.
    pub fn of(call: &Call, source: Label) -> Slice {
        Slice {
            tenant: call.tenant,
            provider: call.provider,
            model: call.model,
            tier: call.tier,
            region: call.region,
            status: call.status,
            failure: call.failure,
            source,
        }
    }
}

/// The change that recording one call made: what now counts, and what no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When the call was made.
    pub at: Timestamp,
    /// Where it is summed.
    pub slice: Slice,
    /// What it adds.
    pub sums: Sums,
    /// What it takes back.
    pub sign: Sign,
}

/// The direction of a [`Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Counts from now on.
    Adds,
    /// Counted before and does so no longer.
    TakesBack,
}
