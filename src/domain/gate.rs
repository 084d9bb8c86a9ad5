//! What may happen: a call judged against every cap it touches.

use super::amount::{Amount, Unit};
use super::budget::Budget;
use super::call::ModelId;
use super::cap::{Fraction, Mode, OnBreach};
use super::cap_book::Touch;
use super::time::Timestamp;

/// A call that asks to be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model it would go to.
    pub model: ModelId,
    /// The most that it can cost. Its money is nothing where the price is not known.
    pub amount: Amount,
    /// Whether its money is known.
    pub pricing: Pricing,
}

/// Whether there is a price for all that a call may be billed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// There is.
    Known,
    /// There is none, or the model is known to ignore limits.
    Unknown,
}

/// How a cap stands: what the sums of its account in its window are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The cap, and whose sums.
    pub touch: Touch,
    /// The sums, read together with the cap.
    pub budget: Budget,
    /// When the window empties; `None` is never.
    pub resets_at: Option<Timestamp>,
}

/// What may happen with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fits under every hard cap.
    Allow,
    /// It does not fit, but a cheaper model may; the call is estimated and judged anew as that model's. A
    /// call takes this once: two caps could send it back and forth.
    Downgrade {
        /// The model.
        to: ModelId,
        /// Why.
        why: Refusal,
    },
    /// It would fit if the calls in flight turned out to cost nothing: it waits for some to end.
    Wait {
        /// Why.
        why: Refusal,
    },
    /// A cap is used up.
    Reject {
        /// Why.
        why: Refusal,
    },
    /// A hard cap on money cannot hold what has no price.
    Unpriced {
        /// The cap; its figures are without this call.
        why: Refusal,
    },
}

/// Which cap stopped a call, and how it stands: figures in the cap's own unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The cap, and whose sums.
    pub touch: Touch,
    /// Charged so far, proven or not.
    pub spent: u128,
    /// Held by calls in flight.
    pub held: u64,
    /// What the call asked for.
    pub asked: u64,
    /// The limit.
    pub limit: u64,
    /// When the window empties; `None` is never.
    pub resets_at: Option<Timestamp>,
}

/// A share of a cap that was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The cap, and whose sums.
    pub touch: Touch,
    /// The share.
    pub share: Fraction,
}

impl Refusal {
    /// Returns what a call may cost beside what is charged: held money may come free.
    pub fn room(&self) -> u64 {
        self.limit - u64::try_from(self.spent).unwrap_or(u64::MAX).min(self.limit)
    }

    /// Returns by how much the call does not fit.
    pub fn short_by(&self) -> u128 {
        let wanted = self.spent + u128::from(self.held) + u128::from(self.asked);
        wanted.saturating_sub(u128::from(self.limit))
    }
}

/// How a call fits under one cap.
enum Fit {
    Fits,
    Unpriced,
    Held,
    Exhausted,
}

/// Judges a call against all caps it touches: every hard one must hold, soft ones only warn.
///
/// Held money counts as spent: without it, a burst of calls that each fit under the cap would pass it
/// together. Where several caps stop a call, a rejection wins over a downgrade, a downgrade over a wait,
/// and the first in order is named.
pub fn judge(ask: &Ask, standings: &[Standing]) -> Verdict {
    let (mut downgrade, mut wait) = (None, None);
    for standing in standings.iter().filter(|standing| standing.touch.cap.mode == Mode::Hard) {
        let why = || standing.refusal(ask);
        match (standing.fit(ask), standing.touch.cap.on_breach) {
            (Fit::Fits, _) => {}
            (Fit::Unpriced, _) => return Verdict::Unpriced { why: why() },
            (Fit::Exhausted, OnBreach::Downgrade(to)) if to != ask.model => {
                downgrade.get_or_insert_with(|| Verdict::Downgrade { to, why: why() });
            }
            (Fit::Exhausted, _) => return Verdict::Reject { why: why() },
            (Fit::Held, _) => {
                wait.get_or_insert_with(|| Verdict::Wait { why: why() });
            }
        }
    }
    downgrade.or(wait).unwrap_or(Verdict::Allow)
}

/// Returns the shares that are reached once the call is let through, and were not before. The whole of a
/// cap is always among them.
pub fn warnings(amount: Amount, standings: &[Standing]) -> Vec<Warning> {
    let reached = standings.iter().flat_map(|standing| {
        let before = standing.exposure();
        let after = before + u128::from(standing.touch.cap.measure(amount));
        let mut shares = standing.touch.cap.warn_at.clone();
        if shares.last() != Some(&Fraction::WHOLE) {
            shares.push(Fraction::WHOLE);
        }
        let shares = crossed(before, after, standing.limit(), &shares);
        shares.into_iter().map(|share| Warning { touch: standing.touch.clone(), share })
    });
    reached.collect()
}

/// Returns the shares of a limit that lie above `before` and not above `after`, rising.
pub fn crossed(before: u128, after: u128, limit: u64, shares: &[Fraction]) -> Vec<Fraction> {
    let newly = |share: &&Fraction| share.reached(after, limit) && !share.reached(before, limit);
    shares.iter().filter(newly).copied().collect()
}

impl Standing {
    /// Returns the limit in the cap's unit.
    pub fn limit(&self) -> u64 {
        self.touch.cap.limit.size().unwrap_or(u64::MAX)
    }

    /// Returns what is charged and held, in the cap's unit.
    pub fn exposure(&self) -> u128 {
        self.budget.exposure(self.unit())
    }

    fn unit(&self) -> Unit {
        self.touch.cap.limit.unit()
    }

    fn fit(&self, ask: &Ask) -> Fit {
        let unit = self.unit();
        if unit == Unit::Money && ask.pricing == Pricing::Unknown && !mutant!("unknown-model-at-zero") {
            return Fit::Unpriced;
        }
        let (asked, limit) = (u128::from(ask.amount.of(unit)), u128::from(self.limit()));
        let spent = self.budget.spent(unit);
        let exposure = if mutant!("held-money-is-free") { spent } else { self.budget.exposure(unit) };
        if limit == 0 || spent + asked > limit {
            Fit::Exhausted
        } else if exposure + asked > limit {
            Fit::Held
        } else {
            Fit::Fits
        }
    }

    fn refusal(&self, ask: &Ask) -> Refusal {
        Refusal {
            touch: self.touch.clone(),
            spent: self.budget.spent(self.unit()),
            held: self.budget.reserved.of(self.unit()),
            asked: ask.amount.of(self.unit()),
            limit: self.limit(),
            resets_at: self.resets_at,
        }
    }
}

#[cfg(test)]
mod tests;
