//! One price: what each class of token costs, at which tier, above which prompt, where and when.

use crate::domain::call::{Call, Media, Region, Tier};
use crate::domain::money::{Exact, Factor, Money, Rate};
use crate::domain::time::Timestamp;
use crate::domain::tokens::{TokenCount, Tokens};

use super::{holidays, names};

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Prompt tokens outside any cache.
    Input,
    /// Prompt tokens read from the cache; without a rate they cost as input.
    CacheRead,
    /// Prompt tokens written for the cache's short life; without a rate they cost as input.
    CacheWrite,
    /// Prompt tokens written for the cache's long life; without a rate they cost as a short write.
    CacheWriteLong,
    /// Generated tokens.
    Output,
    /// The reasoning part of the generated tokens; without a rate it costs as output.
    Reasoning,
    /// Sound in the prompt.
    AudioInput,
    /// Sound that was generated.
    AudioOutput,
    /// Pictures in the prompt; without a rate they cost as input, which is how they are billed where a model
    /// has one price for its prompt.
    ImageInput,
    /// Pictures that were generated.
    ImageOutput,
}

impl Class {
    /// All classes, in the order of the catalogue.
    pub const ALL: [Class; 10] = [
        Class::Input,
        Class::CacheRead,
        Class::CacheWrite,
        Class::CacheWriteLong,
        Class::Output,
        Class::Reasoning,
        Class::AudioInput,
        Class::AudioOutput,
        Class::ImageInput,
        Class::ImageOutput,
    ];

    /// Returns the word of the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Input => "in",
            Class::CacheRead => "read",
            Class::CacheWrite => "write",
            Class::CacheWriteLong => "long",
            Class::Output => "out",
            Class::Reasoning => "think",
            Class::AudioInput => "hear",
            Class::AudioOutput => "speak",
            Class::ImageInput => "see",
            Class::ImageOutput => "draw",
        }
    }
}

/// The rates that are stated, by class. A class without a rate is not free: it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates([Option<Rate>; 10]);

impl Rates {
    /// Returns the rate stated for `class`.
    pub const fn get(&self, class: Class) -> Option<Rate> {
        self.0[class as usize]
    }

    /// States a rate.
    pub const fn set(&mut self, class: Class, rate: Rate) {
        self.0[class as usize] = Some(rate);
    }

    /// Says whether nothing is stated.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Replaces what `over` states.
    fn overlay(&mut self, over: &Rates) {
        for (rate, over) in self.0.iter_mut().zip(over.0) {
            *rate = over.or(*rate);
        }
    }

    /// Returns what the tokens cost, or `None` where a class that has tokens has no rule.
    pub(super) fn exact(&self, tokens: &TokenCount, media: &Media) -> Option<Exact> {
        let mut sum = Exact::ZERO;
        for (_, tokens, rate) in self.lines(tokens, media) {
            if tokens.count() != 0 {
                sum = sum + rate?.of(tokens);
            }
        }
        Some(sum)
    }

    /// Returns the tokens of each class with the rate they are billed at.
    fn lines(&self, tokens: &TokenCount, media: &Media) -> [(Class, Tokens, Option<Rate>); 10] {
        let input = self.get(Class::Input);
        let short = self.get(Class::CacheWrite).or(input);
        let output = self.get(Class::Output);
        let heard = media.audio_input.min(tokens.input);
        let seen = media.image_input.min(tokens.input - heard);
        let answered = tokens.output - tokens.reasoning;
        let spoken = media.audio_output.min(answered);
        let drawn = media.image_output.min(answered - spoken);
        [
            (Class::Input, tokens.input - heard - seen, input),
            (Class::CacheRead, tokens.cache_read, self.get(Class::CacheRead).or(input)),
            (Class::CacheWrite, tokens.cache_write_short, short),
            (Class::CacheWriteLong, tokens.cache_write_long, self.get(Class::CacheWriteLong).or(short)),
            (Class::Output, answered - spoken - drawn, output),
            (Class::Reasoning, tokens.reasoning, self.get(Class::Reasoning).or(output)),
            (Class::AudioInput, heard, self.get(Class::AudioInput)),
            (Class::ImageInput, seen, self.get(Class::ImageInput).or(input)),
            (Class::AudioOutput, spoken, self.get(Class::AudioOutput)),
            (Class::ImageOutput, drawn, self.get(Class::ImageOutput)),
        ]
    }
}

/// How the cost of one call is made: lines are added up, multiplied by each factor, and fees are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Tokens of a class and their rate; none of them nothing.
    pub lines: Vec<(Class, Tokens, Rate)>,
    /// What the sum of the lines is multiplied by: for speed, for the region.
    pub factors: Vec<Factor>,
    /// What is billed by the piece: requests, searches. How many, and the rate of one.
    pub fees: Vec<(Tokens, Rate)>,
}

impl Bill {
    /// Returns what it comes to.
    pub fn exact(&self) -> Exact {
        let lines = self.lines.iter().fold(Exact::ZERO, |sum, (_, tokens, rate)| sum + rate.of(*tokens));
        let scaled = self.factors.iter().fold(lines, |sum, factor| sum.times(*factor));
        self.fees.iter().fold(scaled, |sum, (count, rate)| sum + rate.of(*count))
    }
}

/// Rates that hold for one service tier and for prompts above a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The service tier.
    pub tier: Tier,
    /// The whole request is charged by this term when its prompt has more tokens than this; 0 is
    /// the price without a size.
    pub above: u64,
    /// The rates stated.
    pub rates: Rates,
}

/// Hours of the week, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Days it begins on: bit 0 is Monday.
    pub days: u8,
    /// First minute of the day, 0 to 1439.
    pub from: u16,
    /// Minute of the day it ends before; at or below `from` it ends on the next day.
    pub to: u16,
}

impl Window {
    /// Says whether the moment lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        let minutes = at.seconds().div_euclid(60);
        let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to {
            return self.begins_on(day) && (from..to).contains(&minute);
        }
        (self.begins_on(day) && minute >= from) || (self.begins_on(day - 1) && minute < to)
    }

    /// Says whether the day, counted from 1970-01-01 (a Thursday), is one of its days.
    fn begins_on(self, day: i64) -> bool {
        self.days >> (day + 3).rem_euclid(7) & 1 == 1
    }
}

/// Cheaper hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffPeak {
    /// When.
    pub windows: Vec<Window>,
    /// The rates that replace the flat ones then.
    pub rates: Rates,
}

impl OffPeak {
    /// Says whether it is a cheaper hour: one of the windows, and with DeepSeek all of a public holiday.
    fn holds(&self, provider: &str, at: Timestamp) -> bool {
        self.windows.iter().any(|window| window.contains(at))
            || provider == "deepseek" && holidays::in_china(at)
    }
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The user's configuration.
    #[default]
    User,
    /// LiteLLM's price file.
    LiteLlm,
    /// models.dev.
    ModelsDev,
}

impl Source {
    /// All sources.
    pub const ALL: [Source; 3] = [Source::User, Source::LiteLlm, Source::ModelsDev];

    /// Returns the name for screen and catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::User => "user",
            Source::LiteLlm => "litellm",
            Source::ModelsDev => "models.dev",
        }
    }
}

/// Factors on every token rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Anthropic's fast mode.
    pub fast: Option<Factor>,
    /// Processing pinned to the United States.
    pub us: Option<Factor>,
    /// Processing pinned to the European Union.
    pub eu: Option<Factor>,
    /// Processing pinned anywhere, where no narrower factor is stated.
    pub pinned: Option<Factor>,
}

/// What one model costs at one provider, from a date on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) since: Option<Timestamp>,
    pub(super) source: Source,
    pub(super) terms: Vec<Term>,
    pub(super) off_peak: Option<OffPeak>,
    pub(super) factors: Factors,
    pub(super) request: Option<Rate>,
    pub(super) search: Option<Rate>,
}

impl Price {
    /// Returns a price that states nothing yet. The provider may be empty: then the price holds for
    /// the model wherever no other price of the user does.
    pub fn new(provider: &str, model: &str) -> Price {
        Price {
            provider: names::canonical(provider).into_owned(),
            model: model.to_owned(),
            since: None,
            source: Source::User,
            terms: Vec::new(),
            off_peak: None,
            factors: Factors::default(),
            request: None,
            search: None,
        }
    }

    /// Returns the same price, in force from `since` on; `None` is since ever.
    #[must_use]
    pub fn since(mut self, since: Option<Timestamp>) -> Price {
        self.since = since;
        self
    }

    /// Returns the same price from another source.
    #[must_use]
    pub fn from_source(mut self, source: Source) -> Price {
        self.source = source;
        self
    }

    /// Returns the same price with a flat rate stated.
    #[must_use]
    pub fn with(mut self, class: Class, rate: Rate) -> Price {
        self.state(Tier::Standard, 0, class, rate);
        self
    }

    /// States a rate for a tier and for prompts above a size (0: any size).
    pub fn state(&mut self, tier: Tier, above: u64, class: Class, rate: Rate) {
        let place = self.terms.binary_search_by_key(&(tier, above), |term| (term.tier, term.above));
        let index = place.unwrap_or_else(|index| {
            self.terms.insert(index, Term { tier, above, rates: Rates::default() });
            index
        });
        if let Some(term) = self.terms.get_mut(index) {
            term.rates.set(class, rate);
        }
    }

    /// States the cheaper hours.
    pub fn set_off_peak(&mut self, off_peak: OffPeak) {
        self.off_peak = Some(off_peak);
    }

    /// States the factors.
    pub fn set_factors(&mut self, factors: Factors) {
        self.factors = factors;
    }

    /// States a fee per request.
    pub fn set_request(&mut self, fee: Rate) {
        self.request = Some(fee);
    }

    /// States a fee per web search.
    pub fn set_search(&mut self, fee: Rate) {
        self.search = Some(fee);
    }

    /// Returns the provider's name in our spelling.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the model's name as the provider spells it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Returns when the price came into force; `None` is since ever.
    pub const fn in_force_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Returns where the price comes from.
    pub const fn source(&self) -> Source {
        self.source
    }

    /// Returns the flat rate of a class, as stated.
    pub fn rate(&self, class: Class) -> Option<Rate> {
        self.flat().get(class)
    }

    /// Returns the flat input rate.
    pub fn input(&self) -> Option<Rate> {
        self.rate(Class::Input)
    }

    /// Returns the flat rate of cache reads, as stated.
    pub fn cached(&self) -> Option<Rate> {
        self.rate(Class::CacheRead)
    }

    /// Returns the flat output rate.
    pub fn output(&self) -> Option<Rate> {
        self.rate(Class::Output)
    }

    /// Returns the fee per request.
    pub const fn request(&self) -> Option<Rate> {
        self.request
    }

    /// Returns the fee per web search.
    pub const fn search(&self) -> Option<Rate> {
        self.search
    }

    /// Returns the factors.
    pub const fn factors(&self) -> Factors {
        self.factors
    }

    /// Returns the cheaper hours.
    pub const fn off_peak(&self) -> Option<&OffPeak> {
        self.off_peak.as_ref()
    }

    /// Returns every term, the flat one first.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Says whether it states any price at all; one that does not says that the model was not sold.
    pub fn is_priced(&self) -> bool {
        self.request.is_some() || !self.flat().is_empty()
    }

    /// Says whether two prices charge the same, whenever and from whomever they are known.
    pub fn charges_like(&self, other: &Price) -> bool {
        self.terms == other.terms
            && self.off_peak == other.off_peak
            && self.factors == other.factors
            && (self.request, self.search) == (other.request, other.search)
    }

    /// Returns what the call costs at this price, or `None` where a part of it has no rule.
    ///
    /// The lines are summed exactly and rounded up once. A record of several calls cannot choose a
    /// tier per request: it is charged at the flat rates of its service tier.
    pub fn cost(&self, call: &Call) -> Option<Money> {
        self.exact(call).map(Exact::round_up)
    }

    /// Returns what the call costs, not yet rounded.
    pub fn exact(&self, call: &Call) -> Option<Exact> {
        if !self.is_priced() {
            return None;
        }
        let (tier, speed) = self.served(call.tier)?;
        let tokens = self.rates(tier, call).exact(&call.tokens, &call.media)?;
        let tokens = tokens.times(speed).times(self.uplift(call.region));
        let fee = self.request.map_or(Exact::ZERO, |fee| fee.of(count(call.calls)));
        let searches = match call.searches {
            0 => Exact::ZERO,
            searches => self.search?.of(count(searches)),
        };
        Some(tokens + fee + searches)
    }

    /// Returns how the cost of a call is made; `None` where a part of it has no price.
    pub fn bill(&self, call: &Call) -> Option<Bill> {
        self.exact(call)?;
        let (tier, speed) = self.served(call.tier)?;
        let lines = self.rates(tier, call).lines(&call.tokens, &call.media);
        let billed = |(class, tokens, rate): (Class, Tokens, Option<Rate>)| {
            rate.filter(|_| tokens.count() != 0).map(|rate| (class, tokens, rate))
        };
        let searches = self.search.filter(|_| call.searches != 0).map(|fee| (count(call.searches), fee));
        Some(Bill {
            lines: lines.into_iter().filter_map(billed).collect(),
            factors: [speed, self.uplift(call.region)].into_iter().filter(|it| *it != Factor::ONE).collect(),
            fees: self.request.map(|fee| (count(call.calls), fee)).into_iter().chain(searches).collect(),
        })
    }

    fn flat(&self) -> Rates {
        self.term(Tier::Standard, 0).copied().unwrap_or_default()
    }

    fn term(&self, tier: Tier, above: u64) -> Option<&Rates> {
        let mut terms = self.terms.iter();
        terms.find(|term| term.tier == tier && term.above == above).map(|term| &term.rates)
    }

    /// Returns the tier whose rates count, and the factor on them; `None` where the speed has no price.
    fn served(&self, tier: Tier) -> Option<(Tier, Factor)> {
        let known = |tier| self.term(tier, 0).is_some();
        match tier {
            Tier::Ultrafast => known(tier).then_some((tier, Factor::ONE)),
            Tier::Fast if known(Tier::Fast) => Some((Tier::Fast, Factor::ONE)),
            Tier::Fast => match self.factors.fast {
                Some(factor) => Some((Tier::Standard, factor)),
                None => known(Tier::Priority).then_some((Tier::Priority, Factor::ONE)),
            },
            tier => Some((tier, Factor::ONE)),
        }
    }

    /// Returns the rates of the whole request. What a tier or a size does not state, it leaves as it was.
    fn rates(&self, tier: Tier, call: &Call) -> Rates {
        let mut rates = self.flat();
        if self.terms.len() == 1 && self.off_peak.is_none() {
            return rates;
        }
        let alone = call.calls == 1;
        if let Some(off_peak) = &self.off_peak
            && alone
            && off_peak.holds(&self.provider, call.at)
        {
            rates.overlay(&off_peak.rates);
        }
        let prompt = if alone { call.tokens.prompt().count() } else { 0 };
        let mine = |term: &&Term| term.tier == Tier::Standard || term.tier == tier;
        let sizes = self.terms.iter().filter(mine).map(|term| term.above);
        let size = sizes.filter(|&above| above < prompt).max().unwrap_or(0);
        if tier == Tier::Standard && size == 0 {
            return rates;
        }
        let steps = [(tier, 0), (Tier::Standard, size), (tier, size)];
        for (tier, above) in steps.into_iter().filter(|&step| step != (Tier::Standard, 0)) {
            if let Some(over) = self.term(tier, above) {
                rates.overlay(over);
            }
        }
        rates
    }

    fn uplift(&self, region: Region) -> Factor {
        let Factors { us, eu, pinned, .. } = self.factors;
        let factor = match region {
            Region::Global => None,
            Region::Us => us.or(pinned),
            Region::Eu => eu.or(pinned),
            Region::Other => pinned,
        };
        factor.unwrap_or(Factor::ONE)
    }
}

fn count(units: u32) -> crate::domain::tokens::Tokens {
    crate::domain::tokens::Tokens::new(u64::from(units))
}
