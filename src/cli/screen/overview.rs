//! What the librarian keeps for the overview: the habits of tenants, learned once an hour, and what is usual.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::TenantId;
use crate::domain::forecast::{Habit, hour_of};
use crate::domain::money::Money;
use crate::domain::time::{Millis, Timestamp};
use crate::store::{Reader, StoreError};
use crate::tui::page::overview::Usual;

/// How long what was learned holds, unless an hour ends before: calls that come late count from then on.
const HOLDS: Millis = Millis::from_minutes(10);
/// With more tenants than this, only those that spend most are foreseen, and not all together.
const MOST: usize = 200;
/// How many of them.
const FORESEEN: usize = 50;
/// Sums are kept by so many milliseconds.
const SLOT: i64 = 900_000;
/// Days that today is compared with.
const DAYS: u64 = 7;

/// What was learned, and when.
#[derive(Clone, Default)]
pub(super) struct Learned {
    pub(super) habits: Arc<BTreeMap<TenantId, Habit>>,
    pub(super) all: Option<Arc<Habit>>,
    pub(super) usual: Option<Usual>,
    pub(super) hours: Arc<Vec<(Timestamp, Money)>>,
    at: Option<Timestamp>,
}

impl Learned {
    /// Learns anew where that is due.
    pub(super) fn look(
        &mut self,
        reader: &Reader,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let holds = |at: Timestamp| {
            now >= at && now.since(at) < HOLDS && hour_of(at) == hour_of(now) && slot_of(at) == slot_of(now)
        };
        if self.at.is_some_and(holds) {
            return Ok(());
        }
        let month = reader.tenants(calendar.month(now))?;
        if month.len() <= MOST {
            let (pasts, all) = reader.pasts(now)?;
            self.habits =
                Arc::new(pasts.into_iter().map(|(tenant, past)| (tenant, Habit::of(past))).collect());
            self.all = Some(Arc::new(Habit::of(all)));
            self.usual = usual(reader, calendar, now)?;
            self.hours = Arc::new(hours(reader, calendar, now)?);
        } else {
            let mut dearest = month;
            dearest.sort_by_key(|(tenant, sums)| (std::cmp::Reverse(sums.cost), *tenant));
            let mut habits = BTreeMap::new();
            for (tenant, _) in dearest.into_iter().take(FORESEEN) {
                habits.insert(tenant, Habit::of(reader.past(tenant, now)?));
            }
            *self = Learned { habits: Arc::new(habits), ..Learned::default() };
        }
        self.at = Some(now);
        Ok(())
    }
}

fn slot_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(SLOT)
}

/// Returns what was spent since midnight up to the last whole quarter of an hour, and the median of the same on
/// the last seven days on which anything was spent.
fn usual(reader: &Reader, calendar: &Calendar, now: Timestamp) -> Result<Option<Usual>, StoreError> {
    let until = Timestamp::from_millis(slot_of(now).saturating_mul(SLOT));
    let today = calendar.day(now);
    let gone = until.since(today.start);
    let mut sums = Vec::new();
    let mut day = today;
    for _ in 0..DAYS {
        day = calendar.day(day.start.before(Millis::new(1)));
        let spent = spent(reader, Span { start: day.start, end: day.start.after(gone) })?;
        if spent > Money::ZERO {
            sums.push(spent);
        }
    }
    sums.sort_unstable();
    let Some(median) = sums.get(sums.len() / 2).copied() else { return Ok(None) };
    let today = spent(reader, Span { start: today.start, end: until })?;
    Ok(Some(Usual { until, today, median }))
}

/// Returns what was spent in each whole hour of today.
fn hours(
    reader: &Reader,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Vec<(Timestamp, Money)>, StoreError> {
    let mut hours = Vec::new();
    let mut hour = calendar.hour(calendar.day(now).start);
    while hour.end <= now && hours.len() < 25 {
        hours.push((hour.start, spent(reader, hour)?));
        hour = calendar.hour(hour.end);
    }
    Ok(hours)
}

fn spent(reader: &Reader, span: Span) -> Result<Money, StoreError> {
    Ok(reader.spent(span)?.into_iter().map(|(_, live)| live.cost).sum())
}
