//! What is foreseen of a tenant, and how its calls went in the last hour: the columns REACH, PROJ, REQ/H, ERR%
//! and P95 of the Overview.

use super::app::App;
use crate::domain::amount::Unit;
use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::domain::cap_trial::{Reach, ends, reach};
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::time::Millis;

/// What is foreseen of a tenant, and how its calls went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// When its nearest cap is reached; nothing where it has none.
    pub reach: Option<Reach>,
    /// What it comes to at the end of the cap's window, or of the day; nothing where nobody can say.
    pub projected: Option<Money>,
    /// Calls of the last hour that were answered and that failed; nothing where there was none.
    pub hour: Option<(i64, i64)>,
    /// The time that 95 of 100 calls took at most; nothing where that is not known.
    pub slow: Option<Millis>,
}

impl App {
    /// Returns what is foreseen of a tenant.
    pub(super) fn outlook(&self, tenant: TenantId, book: &Book) -> Outlook {
        let picture = self.picture();
        let now = picture.books.now();
        let nearest = picture.caps.of_tenant(tenant).into_iter().next();
        let hour = book.minutes.last(60, now);
        let reach = nearest.map(|standing| foreseen(&standing, &book.minutes.burn(now), self));
        let hour = Some((hour.calls, hour.failed)).filter(|(calls, failed)| calls + failed > 0);
        Outlook { reach, projected: None, hour, slow: None }
    }
}

/// Foretells when a cap is reached, if it goes on as in the last quarter of an hour.
fn foreseen(standing: &Standing, burn: &Live, app: &App) -> Reach {
    let cap = &standing.touch.cap;
    let size = |count: i64| u128::try_from(count).unwrap_or(0);
    let per_hour = match cap.limit.unit() {
        Unit::Money if burn.unpriced > 0 => None,
        Unit::Money => Some(size(burn.cost.nanos())),
        Unit::Calls => Some(size(burn.calls.saturating_add(burn.failed))),
        Unit::Tokens => Some(size(burn.tokens)),
    };
    let (used, limit) = (standing.exposure(), standing.limit());
    if per_hour == Some(0) && used < u128::from(limit) {
        return Reach::NotInWindow;
    }
    reach(limit, used, per_hour, ends(cap.window, standing.resets_at, app.now), app.now)
}
