//! The page of limits: what providers last told of what they still let through.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::burn::{MINUTES_KEPT, minute_of};
use crate::domain::call::TenantId;
use crate::domain::hour::Made;
use crate::domain::label::Label;
use crate::domain::limits::{Limit, Limits};
use crate::domain::time::{Millis, Timestamp};
use crate::tui::app::App;
use crate::tui::subject::Row;

/// What rows are sorted by.
pub const SORTS: [&str; 3] = ["headroom", "provider", "model"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// Each provider, key and model once, with what its last answer told.
    pub groups: Vec<Limits>,
    /// Calls of the last hour that a provider refused for their rate, by provider and model.
    pub refused: BTreeMap<[Label; 2], u64>,
    /// The latest of those calls, newest first.
    pub refusals: Vec<Arc<Made>>,
    /// How many calls each tenant made in the last hour, by provider and model, most first.
    pub users: BTreeMap<[Label; 2], Vec<(TenantId, u64)>>,
    /// Since when these calls are known, where that is less than an hour.
    pub users_since: Option<Timestamp>,
}

/// The lowest headroom of each group in each minute that the page was looked at; an hour of it.
#[derive(Clone, Debug, Default)]
pub struct Past(BTreeMap<Key, BTreeMap<i64, u16>>);

impl Past {
    /// Takes note of what is known now.
    pub fn note(&mut self, groups: &[Limits], now: Timestamp) {
        let minute = minute_of(now);
        for group in groups {
            let Some(points) = tightest(group, now).and_then(Limit::headroom) else { continue };
            let kept = self.0.entry(key(group)).or_default();
            let lowest = kept.entry(minute).or_insert(points);
            *lowest = points.min(*lowest);
        }
        for kept in self.0.values_mut() {
            // A clock that was set back leaves no future behind.
            kept.retain(|then, _| (minute - MINUTES_KEPT + 1..=minute).contains(then));
        }
        self.0.retain(|_, kept| !kept.is_empty());
    }

    /// Returns each minute of the last hour, oldest first: its lowest headroom in basis points, where it is known.
    pub fn hour(&self, group: Key, now: Timestamp) -> Vec<Option<u16>> {
        let minute = minute_of(now);
        let kept = self.0.get(&group);
        let of = |ago: i64| kept.and_then(|kept| kept.get(&(minute - ago))).copied();
        (0..MINUTES_KEPT).rev().map(of).collect()
    }
}

/// What a row is known by: provider, key, model.
pub type Key = [Label; 3];

/// Returns what a group is known by.
pub fn key(group: &Limits) -> Key {
    [group.provider, group.key, group.model]
}

/// What is older than this says nothing of now.
pub const OLD: Millis = Millis::new(60_000);

/// Returns the tightest limit of a group that is fresh enough to be believed; `None` where there is none.
pub fn tightest(group: &Limits, now: Timestamp) -> Option<&Limit> {
    let fresh = now.since(group.observed_at) < OLD;
    let known = group.told.iter().filter(|limit| fresh && limit.headroom().is_some());
    known.min_by_key(|limit| limit.headroom())
}

impl App {
    /// Returns the rows of the page in their order, and how many there are without the filter.
    pub(in crate::tui) fn limit_order(&self) -> (Vec<Key>, usize) {
        let now = self.picture().pages.limits.clone().unwrap_or_default();
        let view = &self.limits.view;
        let mut rows: Vec<&Limits> = now.groups.iter().collect();
        rows.retain(|row| view.filter.passes(&Row { app: self, of: *row }));
        match view.sort {
            1 => rows.sort_by_key(|row| key(row)),
            2 => rows.sort_by_key(|row| (row.model, key(row))),
            // What is not known comes last: it is no small number.
            _ => rows.sort_by_key(|row| (row.headroom().unwrap_or(u16::MAX), key(row))),
        }
        if view.reverse {
            rows.reverse();
        }
        (rows.into_iter().map(key).collect(), now.groups.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::{Dimension, Per, Pool};

    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

    fn group(remaining: u64, at: Timestamp) -> Limits {
        let told = Limit {
            dimension: Dimension::Requests,
            pool: Pool::Default,
            per: Per::MINUTE,
            limit: Some(100),
            remaining: Some(remaining),
            resets_at: None,
        };
        let name = Label::new("a");
        Limits { provider: name, key: name, model: name, observed_at: at, told: vec![told] }
    }

    #[test]
    fn a_minute_keeps_its_lowest_headroom_and_an_hour_is_kept() {
        let mut past = Past::default();
        let key = key(&group(0, NOW));
        for (minute, remaining) in [(0, 80), (0, 40), (0, 60), (2, 90)] {
            let at = NOW.after(Millis::from_minutes(minute));
            past.note(&[group(remaining, at)], at);
        }
        let at = NOW.after(Millis::from_minutes(2));
        assert_eq!(past.hour(key, at)[57..], [Some(4_000), None, Some(9_000)]);
        let later = NOW.after(Millis::from_minutes(61));
        past.note(&[], later);
        assert_eq!(past.hour(key, later).iter().flatten().count(), 1);
        past.note(&[group(10, NOW)], later.after(Millis::from_minutes(60)));
        assert!(past.0.is_empty(), "what is old says nothing");
    }
}
