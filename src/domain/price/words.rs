//! A price in a few words, for people.

use super::rates::Price;
use crate::domain::calendar::Calendar;
use crate::domain::money::Rate;

impl Price {
    /// Returns the same price under another name: a model may be known by a longer one than the price's.
    #[must_use]
    pub fn named(self, provider: &str, model: &str) -> Price {
        let named = Price::new(provider, model);
        Price { provider: named.provider, model: named.model, ..self }
    }

    /// Returns its flat rates: `in 3.00 cached 0.30 out 15.00 from 2026-11-20`, in dollars per million tokens.
    pub fn words(&self) -> String {
        let rates = [("in", self.input()), ("cached", self.cached()), ("out", self.output())];
        let known = rates
            .iter()
            .filter_map(|(word, rate)| rate.map(|rate| format!("{word} {}", Rate::to_per_million(rate))));
        let mut words: Vec<String> = known.collect();
        if let Some(since) = self.in_force_since() {
            words.push(format!("from {}", Calendar::utc().date(since)));
        }
        words.join(" ")
    }
}

/// Returns what differs between the flat rates of two prices: `in 3.00 > 2.50`; empty where nothing does.
pub fn difference(old: &Price, new: &Price) -> String {
    let rates = [
        ("in", old.input(), new.input()),
        ("cached", old.cached(), new.cached()),
        ("out", old.output(), new.output()),
    ];
    let word = |rate: Option<Rate>| rate.map_or_else(|| "-".to_owned(), Rate::to_per_million);
    let changed = rates.iter().filter(|(_, old, new)| old != new);
    let changed: Vec<String> =
        changed.map(|(name, old, new)| format!("{name} {} > {}", word(*old), word(*new))).collect();
    changed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::Class;
    use crate::domain::time::Timestamp;

    #[test]
    fn a_price_is_told_by_its_flat_rates() {
        let rate = |text| Rate::per_million(text).expect("a rate");
        let old = Price::new("openai", "m").with(Class::Input, rate("3")).with(Class::Output, rate("15"));
        let new = old.clone().with(Class::Input, rate("2.5")).with(Class::CacheRead, rate("0.25"));
        let new = new.since(Some(Timestamp::from_seconds(1_795_305_600)));
        assert_eq!(old.words(), "in 3.00 out 15.00");
        assert_eq!(new.words(), "in 2.50 cached 0.25 out 15.00 from 2026-11-22");
        assert_eq!(difference(&old, &new), "in 3.00 > 2.50, cached - > 0.25");
        assert_eq!(difference(&old, &old), "");
    }
}
