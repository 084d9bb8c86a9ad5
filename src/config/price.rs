//! Prices that the user sets: they go before the built-in ones.

use super::raw::{Item, Table};
use crate::domain::call::{ModelId, Provider};
use crate::domain::money::Rate;
use crate::domain::time::Timestamp;
use crate::wire::time;

/// One `[[price]]`. A class without a rate keeps the rate of the price book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceSetting {
    /// Who bills; empty for whoever serves the model.
    pub provider: Provider,
    /// The model, as the ledgers name it.
    pub model: ModelId,
    /// Prompt tokens.
    pub input: Option<Rate>,
    /// Generated tokens.
    pub output: Option<Rate>,
    /// Tokens read from the cache.
    pub cache_read: Option<Rate>,
    /// Tokens written to the cache for its short life.
    pub cache_write: Option<Rate>,
    /// Tokens written to the cache for its long life.
    pub cache_write_long: Option<Rate>,
    /// From when on; `None`: always.
    pub since: Option<Timestamp>,
}

/// Reads one `[[price]]`; mistakes are noted.
pub fn read(table: Table<'_>) -> Option<PriceSetting> {
    let model = table.text("model").map(|(name, _)| name);
    let price = PriceSetting {
        provider: table.text("provider").map_or_else(Provider::unknown, |(name, _)| Provider::new(&name)),
        model: ModelId::new(model.as_deref().unwrap_or_default()),
        input: rate(&table, "input"),
        output: rate(&table, "output"),
        cache_read: rate(&table, "cache_read"),
        cache_write: rate(&table, "cache_write"),
        cache_write_long: rate(&table, "cache_write_long"),
        since: table.text("since").and_then(|(text, item)| since(&text, &item)),
    };
    let named = model.is_some_and(|model| !model.is_empty());
    if !named {
        table.error("has no `model`");
    }
    let rates = [price.input, price.output, price.cache_read, price.cache_write, price.cache_write_long];
    if rates.iter().all(Option::is_none) {
        table.error("has no rate: expected input = \"2.50\", dollars per million tokens");
    }
    table.refuse_rest(|_| None);
    named.then_some(price)
}

fn rate(table: &Table<'_>, key: &'static str) -> Option<Rate> {
    let item = table.get(key)?;
    let text = item.number()?;
    let rate = Rate::per_million(&text);
    if rate.is_none() {
        item.error(format!("is \"{text}\": expected dollars per million tokens, like 2.50"));
    }
    rate
}

fn since(text: &str, item: &Item<'_>) -> Option<Timestamp> {
    let at = time::parse_calendar(text.as_bytes());
    if at.is_none() {
        item.error(format!("is \"{text}\": expected a date like 2026-11-20"));
    }
    at
}
