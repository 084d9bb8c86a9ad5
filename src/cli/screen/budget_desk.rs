//! What the librarian remembers of the caps between two questions: what would be slow to read each time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::burn_down::BurnDown;
use crate::domain::calendar::Span;
use crate::domain::call::TenantId;
use crate::domain::cap::CapKey;
use crate::domain::forecast::{Habit, hour_of};
use crate::domain::rollup::Sums;
use crate::domain::scope::Account;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::window::Window;
use crate::store::{Reader, StoreError};

/// How old a chart may be that is shown again.
const CHART: Millis = Millis::new(5_000);
/// How old the sums of all tenants may be, where a window is longer than a day.
const SUMS: Millis = Millis::new(5_000);
/// Habits that are kept at most: those of so many tenants.
const HABITS: usize = 4_096;

/// The sums of every tenant in a window, and when they were read.
type Everyone = (Timestamp, Arc<HashMap<TenantId, Sums>>);

/// What is remembered.
#[derive(Default)]
pub(super) struct BudgetDesk {
    habits: HashMap<TenantId, (i64, Arc<Habit>)>,
    sums: HashMap<Window, Everyone>,
    /// The chart that was made last: of what, when, for which limit.
    pub(super) chart: Option<(CapKey, Account, Timestamp, Arc<BurnDown>)>,
}

impl BudgetDesk {
    /// Returns how a tenant spends; it is learned anew with each hour.
    pub(super) fn habit(
        &mut self,
        reader: &Reader,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Arc<Habit>, StoreError> {
        let hour = hour_of(now);
        if let Some((_, habit)) = self.habits.get(&tenant).filter(|known| known.0 == hour) {
            return Ok(Arc::clone(habit));
        }
        if self.habits.len() >= HABITS {
            self.habits.clear();
        }
        let habit = Arc::new(Habit::of(reader.past(tenant, now)?));
        self.habits.insert(tenant, (hour, Arc::clone(&habit)));
        Ok(habit)
    }

    /// Returns what each tenant spent in a window.
    pub(super) fn everyone(
        &mut self,
        reader: &Reader,
        (window, span): (Window, Span),
        now: Timestamp,
    ) -> Result<Arc<HashMap<TenantId, Sums>>, StoreError> {
        let is_long = !matches!(window, Window::Minute | Window::Hour | Window::Day);
        if let Some((at, sums)) = self.sums.get(&window).filter(|_| is_long)
            && *at <= now
            && now.since(*at) < SUMS
        {
            return Ok(Arc::clone(sums));
        }
        let sums: Arc<HashMap<TenantId, Sums>> = Arc::new(reader.tenants(span)?.into_iter().collect());
        self.sums.insert(window, (now, Arc::clone(&sums)));
        Ok(sums)
    }

    /// Returns the chart that was made last, where it is one of this cap, as it is now, and not old.
    pub(super) fn chart(
        &self,
        key: CapKey,
        (account, limit): (Account, u64),
        now: Timestamp,
    ) -> Option<Arc<BurnDown>> {
        let (of, whose, at, chart) = self.chart.as_ref()?;
        let same = *of == key && *whose == account && chart.limit == limit && chart.axis.contains(now);
        (same && *at <= now && now.since(*at) < CHART).then(|| Arc::clone(chart))
    }
}
