//! `outlay prices`: look at the price book, set prices of one's own, take others' price files.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use super::args::{PricesAction, SetPrice};
use super::caps::author;
use super::context::{Context, catalogue, now, own_price_file, price_file, write_whole};
use super::own_price::{self, no_place};
use super::{Usage, import};
use crate::domain::calendar::Calendar;
use crate::domain::call::{ModelId, Provider};
use crate::domain::label::Label;
use crate::domain::money::Rate;
use crate::domain::price::{Class, Price, PriceBook, Source, merge, write_catalogue};
use crate::report::query::parse_when;
use crate::wire::price_file;

/// The largest price file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Runs it.
pub fn run(context: &Context, action: &PricesAction) -> anyhow::Result<ExitCode> {
    match action {
        PricesAction::List { word } => list(context, word.as_deref()),
        PricesAction::Set(price) => set(context, price),
        PricesAction::Update { from } => update(context, from),
        PricesAction::Diff { from } => diff(context, from),
    }
}

fn list(context: &Context, word: Option<&str>) -> anyhow::Result<ExitCode> {
    let word = word.unwrap_or("").to_lowercase();
    let mut out = io::BufWriter::new(io::stdout().lock());
    writeln!(
        out,
        "{:<18} {:<44} {:>9} {:>9} {:>9} {:>9} {:>10}  since       from",
        "provider", "model", "input", "cached", "write", "long", "output"
    )?;
    let prices = context.prices()?.list();
    let wanted = |price: &&Price| {
        price.model().to_lowercase().contains(&word) || price.provider().to_lowercase().contains(&word)
    };
    let mut shown = 0_u64;
    for price in prices.iter().filter(wanted) {
        shown += 1;
        let rate = |class| price.rate(class).map_or_else(|| "-".to_owned(), Rate::to_per_million);
        let since =
            price.in_force_since().map_or_else(|| "-".to_owned(), |at| Calendar::utc().date(at).to_string());
        writeln!(
            out,
            "{:<18} {:<44} {:>9} {:>9} {:>9} {:>9} {:>10}  {since:<10}  {}",
            price.provider(),
            price.model(),
            rate(Class::Input),
            rate(Class::CacheRead),
            rate(Class::CacheWrite),
            rate(Class::CacheWriteLong),
            rate(Class::Output),
            price.source().as_str(),
        )?;
    }
    writeln!(out, "{shown} prices, dollars per million tokens")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn set(context: &Context, given: &SetPrice) -> anyhow::Result<ExitCode> {
    let since = match &given.since {
        Some(text) => Some(parse_when(text, &context.calendar, now()).map_err(Usage)?),
        None => None,
    };
    let rates = [
        (Class::Input, Some(&given.input)),
        (Class::Output, Some(&given.output)),
        (Class::CacheRead, given.cache_read.as_ref()),
        (Class::CacheWrite, given.cache_write.as_ref()),
    ];
    let provider = given.provider.as_deref().unwrap_or("");
    if given.model.trim().is_empty()
        || [given.model.as_str(), provider].iter().any(|name| Label::new(name).as_str() != *name)
    {
        return Err(
            Usage("a model and a provider are plain names without control characters".to_owned()).into()
        );
    }
    let mut price = Price::new(provider, &given.model).since(since).from_source(Source::User);
    for (class, text) in rates {
        let Some(text) = text else { continue };
        let rate = Rate::per_million(text).ok_or_else(|| {
            Usage(format!(
                "price for `{}` is \"{text}\": expected dollars per million tokens like 2.50",
                given.model
            ))
        })?;
        price = price.with(class, rate);
    }
    let book = context.prices()?;
    let at = since.unwrap_or_else(now);
    let old = book.find(Provider::new(provider), ModelId::new(&given.model), at);
    let store = context.settings.store.as_deref().filter(|store| store.exists());
    own_price::keep(store, &price, old.as_deref(), &author(context, given.why.as_deref())?)?;
    let path = own_price_file().ok_or_else(no_place)?;
    writeln!(io::stdout(), "price of {} kept in {}", given.model, path.display())?;
    reprice(context)
}

fn update(context: &Context, from: &str) -> anyhow::Result<ExitCode> {
    let prices = fetch(from)?;
    let path = price_file().ok_or_else(no_place)?;
    let count = prices.len();
    let known = catalogue()?.list();
    write_whole(&path, &write_catalogue(&laid_over(known, prices)))?;
    writeln!(io::stdout(), "{count} prices from {from} laid over the known ones, in {}", path.display())?;
    reprice(context)
}

/// Lays new prices over known ones: what the new file does not speak of stays as it is.
fn laid_over(known: Vec<Price>, new: Vec<Price>) -> Vec<Price> {
    let named: HashSet<(String, String, Source)> = new
        .iter()
        .map(|price| (price.provider().to_owned(), price.model().to_owned(), price.source()))
        .collect();
    let kept = known.into_iter().filter(|price| {
        !named.contains(&(price.provider().to_owned(), price.model().to_owned(), price.source()))
    });
    let (current, dated) =
        new.into_iter().chain(kept).partition(|price: &Price| price.source() == Source::LiteLlm);
    merge(Vec::into_iter(current).map(|price| price.since(None)).collect(), dated)
}

/// Prices calls that had no price until now. Costs once known stay as they are.
fn reprice(context: &Context) -> anyhow::Result<ExitCode> {
    if context.settings.store.as_ref().is_some_and(|store| store.exists()) {
        let (_, priced) = import::open(context.store_path()?, &context.prices()?)?;
        if priced > 0 {
            writeln!(io::stdout(), "{priced} calls that had no price have one now")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn diff(context: &Context, from: &str) -> anyhow::Result<ExitCode> {
    let changes = context.prices()?.diff(&PriceBook::from_prices(&fetch(from)?));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let text = |price: &Price| {
        let rate = |class| price.rate(class).map_or_else(|| "-".to_owned(), Rate::to_per_million);
        format!("{}/{}", rate(Class::Input), rate(Class::Output))
    };
    for change in &changes {
        let Some(named) = change.after.as_ref().or(change.before.as_ref()) else { continue };
        let side = |price: Option<&Price>| price.map_or_else(|| "none".to_owned(), text);
        let (before, after) = (side(change.before.as_ref()), side(change.after.as_ref()));
        writeln!(out, "{:<18} {:<44} {before} -> {after}", named.provider(), named.model())?;
    }
    writeln!(out, "{} models differ (input/output, dollars per million tokens)", changes.len())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn fetch(from: &str) -> anyhow::Result<Vec<Price>> {
    let bytes = if from.starts_with("http://") || from.starts_with("https://") {
        let response = ureq::get(from).call();
        let mut response = response.with_context(|| {
            format!("cannot fetch {from}: check the address and the network, or give a file")
        })?;
        response.body_mut().with_config().limit(LARGEST).read_to_vec()?
    } else {
        let mut bytes = Vec::new();
        let file = fs::File::open(from).with_context(|| format!("cannot open the price file {from}"))?;
        file.take(LARGEST).read_to_end(&mut bytes)?;
        bytes
    };
    price_file::read(&bytes).map_err(|why| anyhow!("{from}: {why}"))
}
