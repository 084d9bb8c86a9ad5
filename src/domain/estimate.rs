//! The most that a call can cost, and what it will likely cost, before it is made.
//!
//! The bound is found with the same arithmetic that settles the call: every way in which the provider may
//! charge for the tokens is priced, and the dearest is taken.

use std::borrow::Cow;

use super::amount::Amount;
use super::call::{Call, CallId, ModelId, Provider, Region, TenantId, Tier};
use super::money::{Exact, Money};
use super::price::{OffPeak, Price, PriceBook, Window};
use super::time::Timestamp;
use super::tokens::{TokenCount, Tokens};

/// Whether the prompt may be written to the provider's cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CacheWrite {
    /// It is not asked for, and the provider does not charge for writing on its own.
    #[default]
    No,
    /// For the cache's short life.
    Short,
    /// For the long life, or for both.
    Long,
}

/// A call as it will be sent, with the bounds that go upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who bills for it.
    pub provider: Provider,
    /// The model.
    pub model: ModelId,
    /// When it is made: the prices of that time count.
    pub at: Timestamp,
    /// The most tokens that the prompt can have.
    pub input: Tokens,
    /// The most tokens that each answer can have, reasoning included.
    pub output: Tokens,
    /// How many answers are asked for.
    pub answers: u32,
    /// Whether the prompt may be written to a cache.
    pub cache_write: CacheWrite,
    /// The most searches that may be billed.
    pub searches: u32,
    /// The service tiers that may be served; none is the plain one.
    pub tiers: Vec<Tier>,
    /// Where it may be processed; none is anywhere.
    pub regions: Vec<Region>,
}

/// Why there is no bound. The call is refused wherever a hard cap on money touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBound {
    /// The model has no price, or a part of what it may bill has none.
    #[error("the model has no price for all that it may bill")]
    Unpriced,
    /// The bound is larger than can be counted.
    #[error("the call may cost more than can be counted")]
    TooLarge,
}

impl Request {
    /// Returns a request with one answer and nothing special about it.
    pub fn new(provider: Provider, model: ModelId, at: Timestamp, input: Tokens, output: Tokens) -> Request {
        Request {
            provider,
            model,
            at,
            input,
            output,
            answers: 1,
            cache_write: CacheWrite::No,
            searches: 0,
            tiers: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Returns the most that it can take from its caps. Money is rounded up.
    pub fn bound(&self, book: &PriceBook) -> Result<Amount, NoBound> {
        let output = self.outputs()?;
        let total = self.input.count().checked_add(output.count()).ok_or(NoBound::TooLarge)?;
        let mut dearest = None;
        for region in list(&self.regions, Region::Global) {
            let price = book.find_in(region, self.provider, self.model, self.at).ok_or(NoBound::Unpriced)?;
            dearest = dearest.max(Some(self.dearest(&price, region, output)?));
        }
        let money = rounded(dearest.ok_or(NoBound::Unpriced)?)?;
        Amount::new(money, 1, Tokens::new(total)).ok_or(NoBound::TooLarge)
    }

    /// Returns what a hold for it counts where there is no price: a call and its tokens, without money.
    pub fn unpriced_bound(&self) -> Result<Amount, NoBound> {
        let total = self.input.count().checked_add(self.outputs()?.count()).ok_or(NoBound::TooLarge)?;
        Amount::new(Money::ZERO, 1, Tokens::new(total)).ok_or(NoBound::TooLarge)
    }

    /// Returns what it costs if the prompt has `input` tokens and the answers `output` together, at the
    /// first tier and region. For people to read: no cap is held against it. `None` without a price.
    pub fn prediction(&self, input: Tokens, output: Tokens, book: &PriceBook) -> Option<Money> {
        let region = self.regions.first().copied().unwrap_or_default();
        let price = book.find_in(region, self.provider, self.model, self.at)?;
        let mut call = self.call(self.tiers.first().copied().unwrap_or_default(), region);
        call.searches = 0;
        call.tokens = TokenCount { input, output, ..TokenCount::default() };
        price.cost(&call)
    }

    /// Returns the most tokens that all answers together can have.
    fn outputs(&self) -> Result<Tokens, NoBound> {
        let all = self.output.count().checked_mul(u64::from(self.answers.max(1)));
        all.map(Tokens::new).ok_or(NoBound::TooLarge)
    }

    /// Returns the dearest way in which this price may charge for it.
    ///
    /// Within one size of prompt the charge grows with each token and depends on its class alone, so the
    /// dearest call has all its input in one class, all its output in one, and a prompt as large as the
    /// bound or as the size allows.
    fn dearest(&self, price: &Price, region: Region, output: Tokens) -> Result<Exact, NoBound> {
        let mut dearest = Exact::ZERO;
        let hours = at_any_hour(price);
        for tier in list(&self.tiers, Tier::Standard) {
            for prompt in self.prompts(price) {
                for tokens in self.splits(prompt, output) {
                    let call = Call { tokens, ..self.call(tier, region) };
                    for price in &hours {
                        dearest = dearest.max(price.exact(&call).ok_or(NoBound::Unpriced)?);
                    }
                }
            }
        }
        Ok(dearest)
    }

    /// Returns the prompts to try: the bound, and the largest of each size below it.
    fn prompts(&self, price: &Price) -> Vec<Tokens> {
        let sizes = price.terms().iter().map(|term| Tokens::new(term.above));
        sizes.filter(|size| *size < self.input).chain([self.input]).collect()
    }

    /// Returns the ways in which tokens may be split into classes.
    fn splits(&self, prompt: Tokens, output: Tokens) -> Vec<TokenCount> {
        let none = TokenCount::default();
        let mut inputs =
            vec![TokenCount { input: prompt, ..none }, TokenCount { cache_read: prompt, ..none }];
        if self.cache_write != CacheWrite::No {
            inputs.push(TokenCount { cache_write_short: prompt, ..none });
        }
        if self.cache_write == CacheWrite::Long {
            inputs.push(TokenCount { cache_write_long: prompt, ..none });
        }
        let outputs = [Tokens::ZERO, output];
        let split = |input: TokenCount| outputs.map(|reasoning| TokenCount { output, reasoning, ..input });
        inputs.into_iter().flat_map(split).collect()
    }

    fn call(&self, tier: Tier, region: Region) -> Call {
        let mut call = Call::new(CallId::from_bits(0), self.at, TenantId::unknown(), self.model);
        (call.provider, call.tier, call.region, call.searches) = (self.provider, tier, region, self.searches);
        call
    }
}

/// Returns the items of a list, or `usual` where there are none.
fn list<T: Copy>(items: &[T], usual: T) -> Vec<T> {
    if items.is_empty() { vec![usual] } else { items.to_vec() }
}

/// Returns the price with its off-peak hours never and always: a call may end in others than it began in.
fn at_any_hour(price: &Price) -> Vec<Cow<'_, Price>> {
    let Some(off_peak) = price.off_peak() else { return vec![Cow::Borrowed(price)] };
    let whole_week = Window { days: 0x7f, from: 0, to: 0 };
    let with = |windows: Vec<Window>| {
        let mut same = price.clone();
        same.set_off_peak(OffPeak { windows, rates: off_peak.rates });
        Cow::Owned(same)
    };
    vec![with(Vec::new()), with(vec![whole_week])]
}

/// Rounds up to nanodollars; what does not fit is an error and never the largest number.
fn rounded(exact: Exact) -> Result<Money, NoBound> {
    let nanos = if mutant!("round-down") { exact.picos() / 1000 } else { exact.picos().div_ceil(1000) };
    let nanos = i64::try_from(nanos).map_err(|_| NoBound::TooLarge)?;
    if mutant!("f64-money") {
        let dollars: f64 = format!("{nanos}e-9").parse().unwrap_or(0.0);
        return Ok(Money::parse_dollars(&format!("{dollars:.7}")).unwrap_or_default());
    }
    Ok(Money::from_nanos(nanos))
}

#[cfg(test)]
mod tests;
