//! Which calls of the last hour failed.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cli::screen::librarian::Librarian;
use crate::domain::burn::{BURN_MINUTES, MINUTES_KEPT};
use crate::domain::calendar::Span;
use crate::domain::call::Provider;
use crate::domain::cap::Fraction;
use crate::domain::failure::FailureClass;
use crate::domain::health::Health;
use crate::domain::hour::{Fault, Hour};
use crate::domain::sketch::Sketch;
use crate::domain::time::{Millis, Timestamp};
use crate::store::{Reader, StoreError};
use crate::tui::page::errors::{ClassRow, Now, PARTS, ProviderRow};

/// Failed calls that are listed.
const LISTED: usize = 100;
/// Sums are kept by so many milliseconds.
const SLOT: i64 = 900_000;

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = librarian.now();
    let mut desk = librarian.hour.borrow_mut();
    let hour = desk.look(&librarian.reader, now)?;
    let mut classes: BTreeMap<FailureClass, (ClassRow, u64)> = BTreeMap::new();
    for (fault, (toll, trend)) in hour.faults(PARTS, now) {
        let Fault { class, tenant, provider, model } = fault;
        let (row, most) = classes.entry(class).or_insert_with(|| (ClassRow::empty(class), 0));
        row.lost += toll.lost;
        row.count += toll.count;
        for (sum, part) in row.trend.iter_mut().zip(trend) {
            *sum += part;
        }
        if toll.count > *most {
            (row.most, *most) = (Some((tenant, provider, model)), toll.count);
        }
    }
    Ok(Now {
        classes: classes.into_values().map(|(row, _)| row).collect(),
        calls: hour.tenants().values().map(|service| service.calls).sum(),
        usual: usual(&librarian.reader, now)?,
        recent: hour.failed().into_iter().take(LISTED).collect(),
        providers: providers(hour, now),
        took: took(hour),
    })
}

/// Returns how each provider stands, the worst first.
fn providers(hour: &Hour, now: Timestamp) -> Vec<ProviderRow> {
    let lately = hour.providers(BURN_MINUTES, now);
    let health = |provider: &Provider| {
        lately.get(provider).map_or(Health::Quiet, |it| Health::of(it.service.calls, it.blamed))
    };
    let whole = hour.providers(MINUTES_KEPT, now);
    let row = |(provider, hour)| ProviderRow { provider, health: health(&provider), hour };
    let mut rows: Vec<ProviderRow> = whole.into_iter().map(row).collect();
    rows.sort_by_key(|row| (Reverse(row.health), row.provider));
    rows
}

/// Returns how long the calls of the hour took.
fn took(hour: &Hour) -> Sketch {
    let mut took = Sketch::default();
    for service in hour.tenants().values() {
        took += &service.took;
    }
    took
}

/// Returns the median share of failed calls in the same hour of the last seven days with calls.
fn usual(reader: &Reader, now: Timestamp) -> Result<Option<Fraction>, StoreError> {
    let end = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(SLOT));
    let mut shares = Vec::new();
    for day in 1..=7 {
        let end = end.before(Millis::from_minutes(day * 24 * 60));
        let span = Span { start: end.before(Millis::from_minutes(60)), end };
        let (mut calls, mut failed) = (0_i64, 0_i64);
        for (_, live) in reader.spent(span)? {
            calls += live.calls + live.failed;
            failed += live.failed;
        }
        if calls > 0 {
            shares.push(failed.saturating_mul(10_000) / calls);
        }
    }
    shares.sort_unstable();
    let median = shares.get(shares.len() / 2).and_then(|share| u16::try_from(*share).ok());
    Ok(median.and_then(Fraction::from_basis))
}
