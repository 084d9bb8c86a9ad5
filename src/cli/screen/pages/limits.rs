//! What providers last told of their limits, and how often they refused.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cli::screen::librarian::Librarian;
use crate::domain::call::TenantId;
use crate::domain::failure::FailureClass;
use crate::domain::hour::{Hour, LATEST, Made, class_of};
use crate::domain::label::Label;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::tui::page::limits::Now;

/// Refused calls, and tenants of a model, that are listed.
const LISTED: usize = 50;

/// Reads the page.
pub(super) fn read(librarian: &Librarian) -> Result<Now, StoreError> {
    let now = librarian.now();
    let mut desk = librarian.hour.borrow_mut();
    let mut refused: BTreeMap<[Label; 2], u64> = BTreeMap::new();
    for (fault, (toll, _)) in desk.look(&librarian.reader, now)?.faults(1, now) {
        if fault.class == FailureClass::RateLimit {
            *refused.entry([fault.provider.label(), fault.model.label()]).or_default() += toll.count;
        }
    }
    let hour = desk.look(&librarian.reader, now)?;
    let is_refused = |made: &Arc<Made>| class_of(made.0.failure) == FailureClass::RateLimit;
    let refusals = hour.failed().into_iter().filter(is_refused).take(LISTED).collect();
    let (users, users_since) = users(hour);
    Ok(Now { groups: librarian.reader.limits()?, refused, refusals, users, users_since })
}

type Users = BTreeMap<[Label; 2], Vec<(TenantId, u64)>>;

/// Returns how many calls each tenant made, by provider and model, and since when they are known where the hour
/// holds more than are kept.
fn users(hour: &Hour) -> (Users, Option<Timestamp>) {
    let latest = hour.latest();
    let mut counts: BTreeMap<[Label; 2], BTreeMap<TenantId, u64>> = BTreeMap::new();
    for call in latest.iter().map(|made| &made.0) {
        let counts = counts.entry([call.provider.label(), call.model.label()]).or_default();
        *counts.entry(call.tenant).or_default() += u64::from(call.calls);
    }
    let sorted = |counts: BTreeMap<TenantId, u64>| {
        let mut counts: Vec<(TenantId, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(tenant, count)| (Reverse(*count), *tenant));
        counts.truncate(LISTED);
        counts
    };
    let since = latest.last().filter(|_| latest.len() >= LATEST).map(|made| made.0.at);
    (counts.into_iter().map(|(key, counts)| (key, sorted(counts))).collect(), since)
}
