//! The catalogue as text: one price a line, sorted, so that a model is found without reading the rest.
//!
//! A line is `provider TAB model TAB since TAB source TAB terms`; `since` is empty where the price holds
//! since ever. Terms are parted by `;`, each a name and its values: `flat in=3 out=15` in dollars per
//! million tokens (`hear` and `speak` for sound in and out, `see` and `draw` for pictures); `batch`, `>272000` or `batch>272000` for what a tier or a prompt size changes;
//! `off 12345@16:30-00:30 in=1.5` for cheaper hours in UTC (days 1 to 7, Monday first); `us 1.1`, `eu`,
//! `pinned` and `fast` for factors; `search 0.01` and `request 0.005` for dollars each. Lines that begin
//! with `#` are remarks; the first names the format.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::domain::call::Tier;
use crate::domain::money::{Factor, Rate};
use crate::domain::time::Timestamp;

use super::rates::{Class, OffPeak, Price, Rates, Source, Window};

/// How every catalogue begins.
pub const MAGIC: &str = "# outlay prices 1";

/// Writes prices as a catalogue. Of two prices of one model and date, the later one is kept.
pub fn write_catalogue(prices: &[Price]) -> String {
    write_catalogue_with(&[], prices)
}

/// Writes a catalogue with remarks at its head, a line each: source, version, licence.
pub fn write_catalogue_with(remarks: &[&str], prices: &[Price]) -> String {
    let mut sorted: Vec<(String, &Price)> = prices.iter().map(|price| (key(price), price)).collect();
    sorted.sort_by(|(key, price), (other, than)| {
        (key, &price.model, price.since).cmp(&(other, &than.model, than.since))
    });
    let mut text = format!("{MAGIC}\n");
    for remark in remarks.iter().flat_map(|remark| remark.lines()) {
        let _ = writeln!(text, "# {remark}");
    }
    for (index, (_, price)) in sorted.iter().enumerate() {
        let next = sorted.get(index + 1).map(|(_, next)| *next);
        let same = |next: &Price| {
            (&next.provider, &next.model, next.since) == (&price.provider, &price.model, price.since)
        };
        if is_writable(price) && !next.is_some_and(same) {
            text.push_str(&line(price));
            text.push('\n');
        }
    }
    text
}

/// Says whether the names of a price can stand in a line of their own that is no remark.
fn is_writable(price: &Price) -> bool {
    let plain = |name: &str| !name.contains(char::is_control);
    let named = !price.model.is_empty() && !price.provider.starts_with('#');
    named && plain(&price.model) && plain(&price.provider)
}

/// Reads every line of a catalogue.
pub fn parse_catalogue(text: &str) -> Result<Vec<Price>, String> {
    if !text.starts_with(MAGIC) {
        return Err(format!("not a price catalogue: expected the first line {MAGIC:?}"));
    }
    let mut prices = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let price = parse_line(line).ok_or_else(|| format!("line {}: not a price: {line:?}", number + 1))?;
        prices.push(price);
    }
    Ok(prices)
}

/// Returns the prices of one model: those of its exact spelling, else of one that differs in case.
///
/// The text is sorted by provider and lower-case model: halved until the place is found.
pub(super) fn find(text: &str, provider: &str, model: &str) -> Vec<Price> {
    let wanted = format!("{provider}\t{}\t", model.to_ascii_lowercase());
    let (mut low, mut high) = (body(text), text.len());
    while low < high {
        let middle = line_start(text, low, low + (high - low) / 2);
        let line = line_at(text, middle);
        match compare(line, &wanted) {
            Ordering::Less => low = middle + line.len() + 1,
            _ => high = middle,
        }
    }
    let lines = text.get(low..).unwrap_or_default().lines();
    let same: Vec<Price> =
        lines.take_while(|line| compare(line, &wanted) == Ordering::Equal).filter_map(parse_line).collect();
    let spelling = match same.iter().find(|price| price.model == model).or(same.first()) {
        Some(price) => price.model.clone(),
        None => return same,
    };
    same.into_iter().filter(|price| price.model == spelling).collect()
}

/// Returns where the lines begin that are no remarks.
fn body(text: &str) -> usize {
    let remarks = text.split_inclusive('\n').take_while(|line| line.starts_with('#'));
    remarks.map(str::len).sum()
}

fn line_start(text: &str, low: usize, place: usize) -> usize {
    let before = text.as_bytes().get(low..place).unwrap_or_default();
    before.iter().rposition(|&byte| byte == b'\n').map_or(low, |index| low + index + 1)
}

fn line_at(text: &str, start: usize) -> &str {
    let bytes = text.as_bytes().get(start..).unwrap_or_default();
    let length = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    text.get(start..start + length).unwrap_or_default()
}

/// Compares the first two columns, in lower case, with `wanted`, which ends in a tab.
fn compare(line: &str, wanted: &str) -> Ordering {
    let columns = line.bytes().take(wanted.len()).map(|byte| byte.to_ascii_lowercase());
    columns.cmp(wanted.bytes())
}

fn key(price: &Price) -> String {
    format!("{}\t{}\t", price.provider, price.model.to_ascii_lowercase())
}

fn line(price: &Price) -> String {
    let since = price.since.and_then(|since| jiff::Timestamp::from_millisecond(since.millis()).ok());
    let since = since.map_or_else(String::new, |since| since.to_string());
    let (provider, model, source) = (&price.provider, &price.model, price.source.as_str());
    format!("{provider}\t{model}\t{since}\t{source}\t{}", terms(price).join(";"))
}

fn terms(price: &Price) -> Vec<String> {
    let mut parts = Vec::new();
    for term in &price.terms {
        let tier = term.tier.as_str();
        let name = match term.above {
            0 if tier.is_empty() => "flat".to_owned(),
            0 => tier.to_owned(),
            above => format!("{tier}>{above}"),
        };
        parts.push(format!("{name}{}", rates(&term.rates)));
    }
    if let Some(off_peak) = &price.off_peak {
        let windows: Vec<String> = off_peak.windows.iter().copied().map(window).collect();
        parts.push(format!("off {}{}", windows.join("+"), rates(&off_peak.rates)));
    }
    let factors = price.factors;
    let named = [("us", factors.us), ("eu", factors.eu), ("pinned", factors.pinned), ("fast", factors.fast)];
    for (name, factor) in named {
        parts.extend(factor.map(|factor| format!("{name} {}", decimal(u64::from(factor.basis()), 4))));
    }
    for (name, fee) in [("search", price.search), ("request", price.request)] {
        parts.extend(fee.map(|fee| format!("{name} {}", decimal(fee.picos(), 12))));
    }
    parts
}

fn rates(rates: &Rates) -> String {
    let mut text = String::new();
    for class in Class::ALL {
        if let Some(rate) = rates.get(class) {
            let _ = write!(text, " {}={}", class.as_str(), decimal(rate.picos(), 6));
        }
    }
    text
}

fn window(window: Window) -> String {
    let days: String = (1..=7_u8).filter(|day| window.days >> (day - 1) & 1 == 1).map(digit).collect();
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{days}@{}-{}", clock(window.from), clock(window.to))
}

fn digit(day: u8) -> char {
    char::from(b'0' + day)
}

/// Writes `units` of `10^-places` as a plain decimal without trailing zeros.
fn decimal(units: u64, places: u32) -> String {
    let one = 10_u64.pow(places);
    let rest = format!("{:0width$}", units % one, width = places as usize);
    match rest.trim_end_matches('0') {
        "" => (units / one).to_string(),
        rest => format!("{}.{rest}", units / one),
    }
}

fn parse_line(line: &str) -> Option<Price> {
    let mut columns = line.split('\t');
    let (provider, model) = (columns.next()?, columns.next()?);
    let since = match columns.next()? {
        "" => None,
        text => Some(Timestamp::from_millis(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())),
    };
    let source = columns.next()?;
    let source = *Source::ALL.iter().find(|known| known.as_str() == source)?;
    let mut price = Price::new(provider, model).since(since).from_source(source);
    for part in columns.next()?.split(';').filter(|part| !part.is_empty()) {
        parse_term(&mut price, part)?;
    }
    columns.next().is_none().then_some(price)
}

fn parse_term(price: &mut Price, part: &str) -> Option<()> {
    let mut words = part.split(' ');
    let name = words.next()?;
    match name {
        "us" => price.factors.us = Some(Factor::parse(words.next()?)?),
        "eu" => price.factors.eu = Some(Factor::parse(words.next()?)?),
        "pinned" => price.factors.pinned = Some(Factor::parse(words.next()?)?),
        "fast" if !part.contains('=') => price.factors.fast = Some(Factor::parse(words.next()?)?),
        "search" => price.search = Some(Rate::per_unit(words.next()?)?),
        "request" => price.request = Some(Rate::per_unit(words.next()?)?),
        "off" => {
            let windows = words.next()?.split('+').map(parse_window).collect::<Option<Vec<Window>>>()?;
            let mut rates = Rates::default();
            for (class, rate) in parse_rates(words)? {
                rates.set(class, rate);
            }
            price.off_peak = Some(OffPeak { windows, rates });
        }
        name => {
            let (tier, above) = name.split_once('>').unwrap_or((name, "0"));
            let tier = if tier == "flat" { "" } else { tier };
            let tier = *Tier::ALL.iter().find(|known| known.as_str() == tier)?;
            let above = above.parse().ok()?;
            for (class, rate) in parse_rates(words)? {
                price.state(tier, above, class, rate);
            }
        }
    }
    Some(())
}

fn parse_rates<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<(Class, Rate)>> {
    let rate = |word: &str| {
        let (name, rate) = word.split_once('=')?;
        let class = *Class::ALL.iter().find(|class| class.as_str() == name)?;
        Some((class, Rate::per_million(rate)?))
    };
    words.map(rate).collect()
}

fn parse_window(text: &str) -> Option<Window> {
    let (days, hours) = text.split_once('@')?;
    let (from, to) = hours.split_once('-')?;
    let mut mask = 0;
    for day in days.bytes() {
        mask |= 1_u8 << day.checked_sub(b'1').filter(|&day| day < 7)?;
    }
    Some(Window { days: mask, from: parse_clock(from)?, to: parse_clock(to)? })
}

/// Reads `HH:MM` as the minute of the day, 0 to 1439.
pub fn parse_clock(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then(|| hours * 60 + minutes)
}
