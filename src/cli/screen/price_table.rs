//! The price table: every model used in the window, then every other with a price.

use std::collections::HashMap;

use super::librarian::Librarian;
use crate::cli::context::now;
use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, Provider};
use crate::domain::price::{Price, Source, difference};
use crate::domain::rollup::Sums;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::tui::{PriceRow, Window};

type Key = (Provider, ModelId);

/// Reads the table.
pub(super) fn read(librarian: &Librarian, window: Window) -> Result<Vec<PriceRow>, StoreError> {
    let now = now();
    let book = librarian.book();
    let mut all: HashMap<Key, Sums> = HashMap::new();
    librarian.reader.rollups_by_day(Some(librarian.span(window)), &mut |_, slice, sums| {
        *all.entry((slice.provider, slice.model)).or_default() += *sums;
    })?;
    let mut rows: HashMap<Key, PriceRow> = HashMap::new();
    for (key, used) in all {
        let price = book.find(key.0, key.1, now);
        let changed = changed(book.of_model(key.0, key.1).iter().map(AsRef::as_ref), now);
        rows.insert(key, row(key, price.as_deref(), used, changed));
    }
    let mut others: HashMap<Key, Vec<Price>> = HashMap::new();
    for price in book.list() {
        let key = (Provider::new(price.provider()), ModelId::new(price.model()));
        if price.in_force_since().is_none_or(|since| since <= now) && !rows.contains_key(&key) {
            others.entry(key).or_default().push(price);
        }
    }
    for (key, prices) in others {
        // The user's own come first, and count where one of them is in force.
        let own = |price: &&Price| price.source() == Source::User;
        let newest = |prices: &mut dyn Iterator<Item = &Price>| {
            prices.max_by_key(|price| price.in_force_since()).cloned()
        };
        let price = newest(&mut prices.iter().filter(own)).or_else(|| newest(&mut prices.iter()));
        rows.insert(key, row(key, price.as_ref(), Sums::default(), changed(prices.iter(), now)));
    }
    Ok(rows.into_values().collect())
}

fn row((provider, model): Key, price: Option<&Price>, used: Sums, changed: String) -> PriceRow {
    PriceRow {
        model,
        provider,
        input: price.and_then(Price::input),
        cached: price.and_then(Price::cached),
        output: price.and_then(Price::output),
        used,
        from: price.map_or_else(|| "none".to_owned(), |price| price.source().as_str().to_owned()),
        changed: if price.is_none() { "never priced".to_owned() } else { changed },
    }
}

/// Returns when the price last became another and what is another about it; `-` where that is not known.
fn changed<'a>(prices: impl Iterator<Item = &'a Price>, now: Timestamp) -> String {
    let past = prices.filter(|price| price.in_force_since().is_none_or(|since| since <= now));
    let mut past: Vec<&Price> = past.collect();
    past.sort_by_key(|price| (price.source() == Source::User, price.in_force_since()));
    let Some((last, before)) = past.split_last() else { return "-".to_owned() };
    let Some(since) = last.in_force_since() else { return "-".to_owned() };
    let what = before.last().map_or_else(|| "new".to_owned(), |before| difference(before, last));
    let own = if last.source() == Source::User { "own " } else { "" };
    format!("{} {own}{what}", Calendar::utc().date(since)).trim_end().to_owned()
}
