//! The price book: dated prices per provider and model, and what a call costs by them.

mod memo;
mod merge;
mod names;
mod holidays;
mod rates;
mod sums;
mod words;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use xxhash_rust::xxh3::Xxh3Default;

use super::call::{Call, Cost, ModelId, Provider, Region, Tier};
use super::money::Money;
use super::time::Timestamp;
use memo::Memo;

pub use merge::{merge, sources};
pub use names::canonical;
pub use rates::{Bill, Class, Factors, OffPeak, Price, Rates, Source, Term, Window};
pub use text::{MAGIC, parse_catalogue, parse_clock, write_catalogue, write_catalogue_with};
pub use words::difference;

/// The prices built in: LiteLLM's and models.dev's, as the first lines of the file say. It is what
/// [`write_catalogue_with`] makes of [`merge`] of the two files as `wire::price_file` reads them.
static BUILTIN: &str = include_str!("catalogue.tsv");

/// All known prices: a catalogue, and over it those of the user.
///
/// The catalogue stays text, of which only the models asked for are read.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    catalogue: Cow<'static, str>,
    user: BTreeMap<(String, String), Vec<Arc<Price>>>,
    aliases: BTreeMap<String, String>,
    memo: Memo,
}

/// Prices calls, remembering what it has looked up.
#[derive(Debug)]
pub struct Pricer<'a> {
    book: &'a PriceBook,
    known: HashMap<Key, usize, RandomState>,
    found: Vec<Found>,
    last: Option<(Key, usize)>,
}

/// Provider and model, by the numbers of their labels.
type Key = (u32, u32, Region);

/// The prices of one model, each list in order of date.
#[derive(Clone, Debug, Default)]
struct Found {
    user: Vec<Arc<Price>>,
    book: Vec<Arc<Price>>,
}

/// What differs between two books for one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceChange {
    /// The newest price of the first book.
    pub before: Option<Price>,
    /// The newest price of the second book.
    pub after: Option<Price>,
}

impl PriceBook {
    /// Returns the prices built into the program.
    pub fn builtin() -> PriceBook {
        PriceBook { catalogue: Cow::Borrowed(BUILTIN), ..PriceBook::default() }
    }

    /// Reads a catalogue, as `outlay prices update` writes it.
    pub fn from_catalogue(text: &str) -> Result<PriceBook, String> {
        parse_catalogue(text).map(|prices| PriceBook::from_prices(&prices))
    }

    /// Returns a book of these prices.
    pub fn from_prices(prices: &[Price]) -> PriceBook {
        PriceBook { catalogue: Cow::Owned(write_catalogue(prices)), ..PriceBook::default() }
    }

    /// Returns the remarks at the head of the catalogue: what it is made of and under which licence.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        let lines = self.catalogue.lines().take_while(|line| line.starts_with('#')).skip(1);
        lines.map(|line| line.trim_start_matches(['#', ' ']))
    }

    /// Returns the book with the user's prices, which win.
    #[must_use]
    pub fn with_overrides(mut self, prices: Vec<Price>) -> PriceBook {
        for price in prices {
            self.add(price);
        }
        self
    }

    /// Adds one price of the user, in place of his earlier one of the same model and date.
    pub fn add(&mut self, price: Price) {
        let key = (price.provider().to_owned(), price.model().to_ascii_lowercase());
        let prices = self.user.entry(key).or_default();
        prices.retain(|known| known.in_force_since() != price.in_force_since());
        prices.push(Arc::new(price));
        prices.sort_by_key(|price| price.in_force_since());
        self.memo = Memo::default();
    }

    /// Adds another name of a model. The target is a model's name, or `provider/model`.
    pub fn add_alias(&mut self, name: &str, target: &str) {
        self.aliases.insert(name.to_ascii_lowercase(), target.to_owned());
        self.memo = Memo::default();
    }

    /// Returns a pricer over this book.
    pub fn pricer(&self) -> Pricer<'_> {
        Pricer { book: self, known: HashMap::default(), found: Vec::new(), last: None }
    }

    /// Returns a number that differs between books that may price a call differently.
    pub fn fingerprint(&self) -> u64 {
        let user: Vec<Price> = self.users().collect();
        let mut hash = Xxh3Default::new();
        for text in [self.catalogue.as_ref(), &write_catalogue(&user), &format!("{:?}", self.aliases)] {
            hash.update(text.as_bytes());
            // Catalogue text has no such byte: what belongs to which part stays clear.
            hash.update(&[0]);
        }
        hash.digest()
    }

    /// Returns the price in force at a moment; the provider may be empty.
    pub fn find(&self, provider: Provider, model: ModelId, at: Timestamp) -> Option<Arc<Price>> {
        self.find_in(Region::Global, provider, model, at)
    }

    /// Returns the price in force at a moment where the call is processed in `region`.
    pub fn find_in(
        &self,
        region: Region,
        provider: Provider,
        model: ModelId,
        at: Timestamp,
    ) -> Option<Arc<Price>> {
        let key = (provider.label().number(), model.label().number(), region);
        let look = || self.lookup(provider.as_str(), model.as_str(), region).unwrap_or_default();
        self.memo.get(key, look).at(at).map(Arc::clone)
    }

    /// Returns every price of a model, in no order: the user's and the catalogue's.
    pub fn of_model(&self, provider: Provider, model: ModelId) -> Vec<Arc<Price>> {
        let found = self.lookup(provider.as_str(), model.as_str(), Region::Global).unwrap_or_default();
        found.user.into_iter().chain(found.book).collect()
    }

    /// Returns every price, current and past, those of the user first.
    pub fn list(&self) -> Vec<Price> {
        let mut prices: Vec<Price> = self.users().collect();
        prices.extend(parse_catalogue(&self.catalogue).unwrap_or_default());
        prices
    }

    fn users(&self) -> impl Iterator<Item = Price> {
        self.user.values().flatten().map(|price| Price::clone(price))
    }

    /// Returns the models whose newest price differs in `other`, by provider and model.
    pub fn diff(&self, other: &PriceBook) -> Vec<PriceChange> {
        let (before, mut after) = (self.newest(), other.newest());
        let mut changes = Vec::new();
        for (key, price) in before {
            let now = after.remove(&key);
            if !now.as_ref().is_some_and(|now| now.charges_like(&price)) {
                changes.push((key, PriceChange { before: Some(price), after: now }));
            }
        }
        let new = |(key, price)| (key, PriceChange { before: None, after: Some(price) });
        changes.extend(after.into_iter().map(new));
        changes.sort_by(|(key, _), (other, _)| key.cmp(other));
        changes.into_iter().map(|(_, change)| change).collect()
    }

    /// Returns the newest price of each model; the user's where he has any.
    fn newest(&self) -> BTreeMap<(String, String), Price> {
        let mut newest = BTreeMap::new();
        for price in self.list().into_iter().rev() {
            let key = (price.provider().to_owned(), price.model().to_owned());
            let newer = |known: &Price| {
                let rank = |price: &Price| (price.source() == Source::User, price.in_force_since());
                rank(known) < rank(&price)
            };
            if newest.get(&key).is_none_or(newer) {
                newest.insert(key, price);
            }
        }
        newest
    }

    /// Finds a model: by its exact name, by an alias, then by ever shorter forms of its name.
    fn lookup(&self, provider: &str, model: &str, region: Region) -> Option<Found> {
        let provider = canonical(provider);
        let provider = provider.as_ref();
        if let Some(regional) = regional(provider, region)
            && let Some(found) = self.exact(provider, &format!("{regional}/{model}"))
        {
            return Some(found);
        }
        let mut name = model;
        loop {
            if let Some(found) = self.named(provider, name).or_else(|| self.aliased(provider, name)) {
                return Some(found);
            }
            name = names::shorter(name)?;
        }
    }

    fn aliased(&self, provider: &str, name: &str) -> Option<Found> {
        let target = self.aliases.get(&name.to_ascii_lowercase())?;
        self.named(provider, target).or_else(|| self.prefixed(target))
    }

    /// Finds one spelling at its provider; without a provider, at the one it names or at its maker.
    fn named(&self, provider: &str, name: &str) -> Option<Found> {
        if !provider.is_empty() {
            return self.exact(provider, name).or_else(|| {
                let (prefix, rest) = name.split_once('/')?;
                (canonical(prefix) == provider).then(|| self.exact(provider, rest))?
            });
        }
        if let Some(user) = self.user.get(&(String::new(), name.to_ascii_lowercase())) {
            // The maker's prices stay behind the user's, for calls before his begin.
            let book = self.at_home(name).map(|found| found.book).unwrap_or_default();
            return Some(Found { user: user.clone(), book });
        }
        self.at_home(name)
    }

    /// Finds a name without a provider: at the one it names, or at its maker.
    fn at_home(&self, name: &str) -> Option<Found> {
        if name.contains('/') {
            return self.prefixed(name);
        }
        if let Some(maker) = names::maker(name) {
            return self.exact(maker, name);
        }
        let mut homes = names::HOMES.iter().filter_map(|home| self.exact(home, name));
        let found = homes.next()?;
        homes.next().is_none().then_some(found)
    }

    fn prefixed(&self, name: &str) -> Option<Found> {
        let (prefix, rest) = name.split_once('/')?;
        self.exact(&canonical(prefix), rest)
    }

    fn exact(&self, provider: &str, name: &str) -> Option<Found> {
        let lower = name.to_ascii_lowercase();
        let of = |provider: &str| self.user.get(&(provider.to_owned(), lower.clone()));
        let user = of(provider).or_else(|| of("")).cloned().unwrap_or_default();
        let book = if provider.is_empty() { Vec::new() } else { text::find(&self.catalogue, provider, name) };
        let book: Vec<Arc<Price>> = book.into_iter().map(Arc::new).collect();
        (!user.is_empty() || !book.is_empty()).then_some(Found { user, book })
    }
}

/// Returns the region under which Azure's models stand in the catalogue.
fn regional(provider: &str, region: Region) -> Option<&'static str> {
    match region {
        Region::Us if provider == "azure" => Some("us"),
        Region::Eu if provider == "azure" => Some("eu"),
        _ => None,
    }
}

impl Found {
    /// Returns the price in force; the user's, where one of his is.
    fn at(&self, at: Timestamp) -> Option<&Arc<Price>> {
        in_force(&self.user, at).or_else(|| in_force(&self.book, at))
    }
}

fn in_force(prices: &[Arc<Price>], at: Timestamp) -> Option<&Arc<Price>> {
    prices.iter().rev().find(|price| price.in_force_since().is_none_or(|since| since <= at))
}

impl Pricer<'_> {
    /// Returns what a call cost: the ledger's own figure, else the price in force at its time.
    pub fn cost(&mut self, call: &Call) -> Cost {
        if let Some(reported) = call.reported {
            return Cost::Reported(reported);
        }
        if call.tier == Tier::CacheHit {
            return Cost::Priced(Money::ZERO);
        }
        let found = self.found(call);
        let money = found.and_then(|found| found.at(call.at)).and_then(|price| price.cost(call));
        money.map_or(Cost::Unpriced, Cost::Priced)
    }

    fn found(&mut self, call: &Call) -> Option<&Found> {
        let key = (call.provider.label().number(), call.model.label().number(), call.region);
        let index = match self.last {
            Some((last, index)) if last == key => index,
            _ => self.index(key, call),
        };
        self.last = Some((key, index));
        self.found.get(index)
    }

    fn index(&mut self, key: Key, call: &Call) -> usize {
        if let Some(&index) = self.known.get(&key) {
            return index;
        }
        let found = self.book.lookup(call.provider.as_str(), call.model.as_str(), call.region);
        let index = self.found.len();
        self.found.push(found.unwrap_or_default());
        self.known.insert(key, index);
        index
    }
}

#[cfg(test)]
mod tests;
