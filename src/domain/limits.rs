//! Rate-limit headroom as a provider last told it.

use super::label::Label;
use super::time::{Millis, Timestamp};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Requests.
    Requests,
    /// Input and output tokens together.
    Tokens,
    /// Input tokens.
    InputTokens,
    /// Output tokens.
    OutputTokens,
    /// A share of a plan, counted in basis points: the limit is 10,000.
    PlanShare,
}

/// Whose limit it is, where a provider has several beside each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// The plain one.
    #[default]
    Default,
    /// Of a project inside the organization.
    Project,
    /// Of capacity bought ahead.
    Priority,
    /// Of a fast mode.
    Fast,
}

/// Over which time it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// A length of time.
    Span(Millis),
    /// A calendar month.
    Month,
    /// The provider does not say.
    Unknown,
}

impl Per {
    /// One minute.
    pub const MINUTE: Per = Per::Span(Millis::new(60_000));
    /// 24 hours.
    pub const DAY: Per = Per::Span(Millis::new(86_400_000));
}

/// One limit, as one answer told it. A later answer replaces the limits of an earlier one as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited.
    pub dimension: Dimension,
    /// Whose it is.
    pub pool: Pool,
    /// Over which time.
    pub per: Per,
    /// How much there is in all; 0 means that it is not available to this key.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// When it is full again.
    pub resets_at: Option<Timestamp>,
}

/// The limits of one key at one provider for one model, as one answer told them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Who limits.
    pub provider: Label,
    /// Which of the operator's keys, by its name in the configuration.
    pub key: Label,
    /// Which model was asked.
    pub model: Label,
    /// When the answer came.
    pub observed_at: Timestamp,
    /// The limits told.
    pub told: Vec<Limit>,
}

impl Limit {
    /// Returns what is left in basis points of the whole, 0 to 10,000; `None` where that is not known.
    pub fn headroom(&self) -> Option<u16> {
        let (limit, remaining) = (self.limit.filter(|limit| *limit > 0)?, self.remaining?);
        let points = u128::from(remaining.min(limit)) * 10_000 / u128::from(limit);
        u16::try_from(points).ok()
    }

    /// Returns what is likely left at `now`: a bucket refills evenly until it is full.
    pub fn remaining_at(&self, observed_at: Timestamp, now: Timestamp) -> Option<u64> {
        let remaining = self.remaining?;
        let (Some(limit), Some(resets_at)) = (self.limit, self.resets_at) else { return Some(remaining) };
        let whole = u128::from(resets_at.since(observed_at).count());
        let gone = u128::from(now.since(observed_at).count()).min(whole);
        if whole == 0 {
            return Some(remaining);
        }
        let missing = u128::from(limit.saturating_sub(remaining));
        Some(remaining.saturating_add(u64::try_from(missing * gone / whole).unwrap_or(u64::MAX)))
    }
}

impl Limits {
    /// Returns the smallest headroom, in basis points.
    pub fn headroom(&self) -> Option<u16> {
        self.told.iter().filter_map(Limit::headroom).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(limit: u64, remaining: u64, resets: i64) -> Limit {
        Limit {
            dimension: Dimension::Tokens,
            pool: Pool::Default,
            per: Per::MINUTE,
            limit: Some(limit),
            remaining: Some(remaining),
            resets_at: Some(Timestamp::from_seconds(resets)),
        }
    }

    #[test]
    fn headroom_is_a_share_and_nothing_has_none() {
        assert_eq!(limit(1000, 250, 60).headroom(), Some(2500));
        assert_eq!(limit(1000, 2000, 60).headroom(), Some(10_000));
        assert_eq!(limit(0, 0, 60).headroom(), None);
        assert_eq!(limit(u64::MAX, u64::MAX, 60).headroom(), Some(10_000));
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let bucket = limit(1000, 200, 60);
        let at = |now| bucket.remaining_at(Timestamp::EPOCH, Timestamp::from_seconds(now));
        assert_eq!((at(0), at(30), at(60), at(90)), (Some(200), Some(600), Some(1000), Some(1000)));
    }

    #[test]
    fn the_tightest_limit_counts() {
        let limits = Limits {
            provider: Label::new("openai"),
            key: Label::new("main"),
            model: Label::new("m"),
            observed_at: Timestamp::EPOCH,
            told: vec![limit(100, 90, 1), limit(100, 10, 1), limit(0, 0, 1)],
        };
        assert_eq!(limits.headroom(), Some(1000));
    }
}
