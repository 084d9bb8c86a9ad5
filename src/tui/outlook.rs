//! What is foreseen of a tenant and of all, and how its calls went in the last hour: the columns REACH, PROJ, REQ/H,
//! ERR% and P95 of the Overview, and what the month will come to.

use super::app::App;
use crate::domain::amount::Unit;
use crate::domain::books::Book;
use crate::domain::burn::Live;
use crate::domain::call::TenantId;
use crate::domain::cap::Fraction;
use crate::domain::cap_trial::{Reach, ends, reach};
use crate::domain::forecast::{self, Forecast, Habit, Likely, Present};
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::outlook;
use crate::domain::sketch::Sketch;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::window::Window as CapWindow;

/// Not before, and not after; not within the window.
pub type Range = (Timestamp, Option<Timestamp>);

/// Calls with a known length, below which no slowest twentieth of them is told.
const FEW: u64 = 20;
/// Nineteen of twenty.
const MOST: u16 = 9_500;

/// What is foreseen of a tenant, and how its calls went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// When its nearest cap is reached; nothing where it has none.
    pub reach: Option<Reach>,
    /// What it comes to at the end of the cap's day or month, or of the day; nothing where nobody can say.
    pub projected: Option<Money>,
    /// Calls of the last hour that were answered and that failed; nothing where there was none.
    pub hour: Option<(i64, i64)>,
    /// How long its calls of the last hour took.
    pub slow: Slow,
}

/// How long the slowest twentieth of some calls took at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It was not read yet.
    #[default]
    Unread,
    /// No ledger tells how long its calls took.
    Untold,
    /// So few calls are known that there is no such part of them.
    Few(u64),
    /// So long.
    Told(Millis),
}

impl Slow {
    fn of(took: Option<&Sketch>) -> Slow {
        let Some(took) = took.filter(|took| took.count() > 0) else { return Slow::Untold };
        let length = Fraction::from_basis(MOST).and_then(|part| took.quantile(part));
        match length {
            Some(length) if took.count() >= FEW => Slow::Told(length),
            _ => Slow::Few(took.count()),
        }
    }
}

impl App {
    /// Returns what is foreseen of a tenant.
    pub(super) fn outlook(&self, tenant: TenantId, book: &Book) -> Outlook {
        let picture = self.picture();
        let now = picture.books.now();
        let nearest = picture.caps.of_tenant(tenant).into_iter().next();
        let hour = book.minutes.last(60, now);
        let overview = self.overview_now();
        let habit = self.habit(tenant);
        let reach = nearest.as_ref().map(|standing| self.reach_of(standing, book, habit).0);
        let hour = Some((hour.calls, hour.failed)).filter(|(calls, failed)| calls + failed > 0);
        let slow = overview.map_or(Slow::Unread, |known| Slow::of(known.took.get(&tenant)));
        let window = nearest.map(|standing| standing.touch.cap.window);
        let forecast = habit.map(|habit| Forecast::new(habit, present(book, now)));
        let projected = forecast.and_then(|forecast| self.projected(book, &forecast, window));
        Outlook { reach, projected, hour, slow }
    }

    /// Returns what a tenant is used to spend; nothing where it was not read.
    pub(super) fn habit(&self, tenant: TenantId) -> Option<&Habit> {
        self.overview_now()?.habits.get(&tenant)
    }

    /// Returns what all together are used to spend.
    pub(super) fn habit_of_all(&self) -> Option<&Habit> {
        self.overview_now()?.all.as_deref()
    }

    /// Returns what a tenant comes to at the end of the month where its cap is one of the month, else of the day;
    /// nothing where a part of what it spends has no price.
    fn projected(&self, book: &Book, forecast: &Forecast<'_>, window: Option<CapWindow>) -> Option<Money> {
        let (calendar, now) = (&self.setup.calendar, self.picture().books.now());
        let (spent, end) = match window {
            Some(CapWindow::Month) => (&book.month, calendar.month(now).end),
            _ => (&book.today, calendar.day(now).end),
        };
        let known = spent.unpriced == 0;
        known.then(|| spent.cost + forecast.until(end).middle)
    }

    /// Returns when a cap is reached: by the hours of past days where they are known, else as if it went on as in
    /// the last quarter of an hour. With it comes the range that holds four of five outcomes, where one is known.
    pub(super) fn reach_of(
        &self,
        standing: &Standing,
        book: &Book,
        habit: Option<&Habit>,
    ) -> (Reach, Option<Range>) {
        let now = self.picture().books.now();
        let burn = book.minutes.burn(now);
        let forecast = habit.map(|habit| Forecast::new(habit, present(book, now)));
        let by_hours = forecast.as_ref().filter(|forecast| forecast.is_by_hours() && burn.unpriced == 0);
        let spent = match standing.touch.cap.window {
            CapWindow::Day => book.today.cost,
            CapWindow::Month => book.month.cost,
            _ => Money::ZERO,
        };
        match by_hours.and_then(|forecast| outlook::reach(standing, spent, forecast, now)) {
            None => (self.foreseen(standing, &burn), None),
            Some(forecast::Reach::Now) => (Reach::Now, None),
            Some(forecast::Reach::At { at, range }) => (Reach::At(at), range),
            Some(forecast::Reach::Never) => (Reach::NotInWindow, None),
            Some(forecast::Reach::Unknown) => (Reach::Unknown, None),
        }
    }

    /// Foretells when a cap is reached, if it goes on as in the last quarter of an hour.
    pub(super) fn foreseen(&self, standing: &Standing, burn: &Live) -> Reach {
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
        reach(limit, used, per_hour, ends(cap.window, standing.resets_at, self.now), self.now)
    }

    /// Returns what the month will come to, with the range that holds four of five outcomes; nothing where too
    /// little is known of past days to say.
    pub(super) fn month_end(&self) -> Option<Likely<Money>> {
        let habit = self.habit_of_all()?;
        let books = &self.picture().books;
        let (book, now) = (books.total(), books.now());
        let forecast = Forecast::new(habit, present(book, now));
        if !forecast.is_by_hours() {
            return None;
        }
        let more = forecast.until(self.setup.calendar.month(now).end);
        let so_far = book.month.cost;
        let range = more.range.map(|(low, high)| (so_far + low, so_far + high));
        Some(Likely { middle: so_far + more.middle, range })
    }
}

/// The book of a tenant that spent nothing.
pub(super) fn no_book() -> &'static Book {
    static NOTHING: std::sync::LazyLock<Book> = std::sync::LazyLock::new(Book::default);
    &NOTHING
}

/// Returns what is known of the present of a tenant, or of all.
fn present(book: &Book, now: Timestamp) -> Present {
    let gone = now.millis().rem_euclid(3_600_000) / 60_000;
    Present { now, running: book.minutes.last(gone + 1, now).cost, burn: book.minutes.burn(now).cost }
}
