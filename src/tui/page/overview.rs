//! What the live picture does not hold of the tenants together: what they are used to, how their calls of the last
//! hour went, and what the selected one spends on.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::call::{ModelId, TenantId};
use crate::domain::forecast::Habit;
use crate::domain::money::Money;
use crate::domain::rollup::Sums;
use crate::domain::sketch::Sketch;
use crate::domain::time::Timestamp;
use crate::tui::app::App;
use crate::tui::event::Window;

/// What is read.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// What each tenant is used to spend, those that spend most.
    pub habits: Arc<BTreeMap<TenantId, Habit>>,
    /// The same of all together; nothing where there are too many tenants to know.
    pub all: Option<Arc<Habit>>,
    /// How long the calls of each took in the last hour.
    pub took: BTreeMap<TenantId, Sketch>,
    /// How today compares with other days.
    pub usual: Option<Usual>,
    /// What was spent in each hour of today before the running one, oldest first, by the hour's first instant.
    pub hours: Arc<Vec<(Timestamp, Money)>>,
    /// What the selected tenant spent on in a window, dearest first.
    pub picked: Option<Picked>,
}

/// The models of a tenant in a window.
pub type Picked = (TenantId, Window, Vec<(ModelId, Sums)>);

/// What was spent since midnight, today and on other days, up to the same time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// Up to then.
    pub until: Timestamp,
    /// Today.
    pub today: Money,
    /// The median of the last seven days on which anything was spent.
    pub median: Money,
}

impl Usual {
    /// Returns how much more today is than usual, in basis points; `None` where nothing is usual.
    pub fn more(&self) -> Option<i64> {
        let (today, usual) = (i128::from(self.today.nanos()), i128::from(self.median.nanos()));
        if usual <= 0 {
            return None;
        }
        i64::try_from((today - usual) * 10_000 / usual).ok()
    }
}

impl App {
    /// Returns what was read last; nothing until it came.
    pub(in crate::tui) fn overview_now(&self) -> Option<&Now> {
        self.picture().pages.overview.as_deref()
    }

    /// Returns what the selected tenant spent on in the window; nothing until it was read.
    pub(in crate::tui) fn picked_models(&self) -> Option<(TenantId, &[(ModelId, Sums)])> {
        let (tenant, window, models) = self.overview_now()?.picked.as_ref()?;
        let wanted = (self.tenants.picked(), self.window) == (Some(*tenant), *window);
        wanted.then_some((*tenant, models.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_usual_is_a_share_of_what_is_usual() {
        let usual = |today, median| Usual {
            until: Timestamp::EPOCH,
            today: Money::from_nanos(today),
            median: Money::from_nanos(median),
        };
        assert_eq!(usual(118, 100).more(), Some(1_800));
        assert_eq!(usual(50, 100).more(), Some(-5_000));
        assert_eq!((usual(5, 0).more(), usual(i64::MAX, 1).more()), (None, None));
    }
}
