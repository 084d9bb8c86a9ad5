//! Dated prices under current ones: what was charged before, from one source, what is charged now, from another.

use std::collections::BTreeMap;

use super::rates::{Class, Price, Rates, Source};

/// Puts the history of `dated` before the prices of `current`.
///
/// Where the history once states the rates that are current, the current price is taken to hold from
/// there on; where it never does, from the last change it knows. Models that only one side knows are
/// kept as they are.
pub fn merge(current: Vec<Price>, dated: Vec<Price>) -> Vec<Price> {
    let mut history: BTreeMap<(String, String), Vec<Price>> = BTreeMap::new();
    for price in dated {
        history.entry((price.provider.clone(), price.model.clone())).or_default().push(price);
    }
    let mut merged = Vec::new();
    for price in current {
        let past = history.remove(&(price.provider.clone(), price.model.clone())).unwrap_or_default();
        merged.extend(behind(past, price));
    }
    merged.extend(history.into_values().flat_map(distinct));
    merged
}

/// Returns the history up to where `current` begins, then `current`.
fn behind(mut past: Vec<Price>, current: Price) -> Vec<Price> {
    past.sort_by_key(|price| price.since);
    let agrees: Vec<bool> = past.iter().map(|price| agree(price, &current)).collect();
    let last = agrees.iter().rposition(|&agrees| agrees);
    let begins = match last {
        Some(last) => agrees[..last].iter().rposition(|&agrees| !agrees).map_or(0, |index| index + 1),
        None => past.len().saturating_sub(1),
    };
    let since = past.get(begins).and_then(|price| price.since);
    past.truncate(begins);
    for price in &mut past {
        complete(price, &current);
    }
    let mut prices = distinct(past);
    prices.push(current.since(since));
    prices
}

/// Says whether the history's flat rates are those of `current`, at or off peak, as far as it states them.
fn agree(past: &Price, current: &Price) -> bool {
    let like = |rates: &dyn Fn(Class) -> Option<crate::domain::money::Rate>| {
        let same = |class| past.rate(class) == rates(class);
        let cached = [Class::CacheRead, Class::CacheWrite];
        let unlike = |class: &Class| past.rate(*class).is_some() && rates(*class).is_some() && !same(*class);
        same(Class::Input) && same(Class::Output) && !cached.iter().any(unlike)
    };
    let off_peak = current.off_peak.as_ref().map(|off_peak| off_peak.rates);
    let cheaper = |class| off_peak.as_ref().and_then(|rates: &Rates| rates.get(class));
    past.is_priced() && (like(&|class| current.rate(class)) || like(&cheaper))
}

/// Adds to a past price what the history does not record: the fee of a search, and, where the flat rates
/// are the same, the tiers, the sizes and the factors.
fn complete(past: &mut Price, current: &Price) {
    if !past.is_priced() {
        return;
    }
    past.search = past.search.or(current.search);
    let same = |class| past.rate(class) == current.rate(class);
    if !same(Class::Input) || !same(Class::Output) {
        return;
    }
    past.factors = current.factors;
    for term in &current.terms {
        if !past.terms.iter().any(|known| (known.tier, known.above) == (term.tier, term.above)) {
            past.terms.push(*term);
        }
    }
    past.terms.sort_by_key(|term| (term.tier, term.above));
}

/// Drops entries that change nothing.
fn distinct(mut prices: Vec<Price>) -> Vec<Price> {
    prices.sort_by_key(|price| price.since);
    prices.dedup_by(|next, kept| next.charges_like(kept));
    prices
}

/// Says what a merged catalogue is made of.
pub fn sources(prices: &[Price]) -> String {
    let count = |source| prices.iter().filter(|price| price.source == source).count();
    let (litellm, models_dev) = (count(Source::LiteLlm), count(Source::ModelsDev));
    format!("{litellm} prices from LiteLLM, {models_dev} from models.dev")
}
