//! What happened, in the windows the screen shows: today, this month, the last hours.

use std::collections::BTreeMap;

use super::burn::{Live, Minutes};
use super::calendar::{Calendar, Span};
use super::call::TenantId;
use super::rollup::{Change, Sums};
use super::time::Timestamp;

/// The live sums of one tenant, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Since midnight of the calendar's zone.
    pub today: Live,
    /// Since the first of the month.
    pub month: Live,
    /// The last hour.
    pub minutes: Minutes,
}

impl Book {
    fn is_empty(&self) -> bool {
        *self == Book::default()
    }
}

/// The live sums of all tenants. Pure: told what happened and what time it is.
#[derive(Clone, Debug)]
pub struct Books {
    calendar: Calendar,
    now: Timestamp,
    day: Span,
    month: Span,
    tenants: BTreeMap<TenantId, Book>,
    total: Book,
}

impl Books {
    /// Returns books with nothing in them.
    pub fn new(calendar: Calendar, now: Timestamp) -> Books {
        let (day, month) = (calendar.day(now), calendar.month(now));
        Books { calendar, now, day, month, tenants: BTreeMap::new(), total: Book::default() }
    }

    /// Takes what the store holds: sums of today and of this month, and of each minute of the last hour.
    pub fn load(
        calendar: Calendar,
        now: Timestamp,
        today: Vec<(TenantId, Sums)>,
        month: Vec<(TenantId, Sums)>,
        minutes: Vec<(Timestamp, TenantId, Sums)>,
    ) -> Books {
        let mut books = Books::new(calendar, now);
        for (tenant, sums) in today {
            books.each(tenant, |book| book.today += Live::of(&sums));
        }
        for (tenant, sums) in month {
            books.each(tenant, |book| book.month += Live::of(&sums));
        }
        for (at, tenant, sums) in minutes {
            books.each(tenant, |book| book.minutes.add(at, Live::of(&sums), now));
        }
        books
    }

    /// Takes in one change, in the windows that its instant falls into.
    pub fn apply(&mut self, change: &Change) {
        let live = Live::of_change(change);
        let (today, month) = (self.day.contains(change.at), self.month.contains(change.at));
        let (at, now, tenant) = (change.at, self.now, change.slice.tenant);
        self.each(tenant, |book| {
            if today {
                book.today += live;
            }
            if month {
                book.month += live;
            }
            book.minutes.add(at, live, now);
        });
        if self.tenants.get(&tenant).is_some_and(Book::is_empty) {
            self.tenants.remove(&tenant);
        }
    }

    /// Moves on to `now`. `true` says that a new day or month has begun: its sums are empty until
    /// the caller loads the books anew.
    pub fn roll(&mut self, now: Timestamp) -> bool {
        self.now = now;
        let (new_day, new_month) = (!self.day.contains(now), !self.month.contains(now));
        self.day = self.calendar.day(now);
        self.month = self.calendar.month(now);
        for book in self.tenants.values_mut().chain(std::iter::once(&mut self.total)) {
            book.minutes.roll(now);
            if new_day {
                book.today = Live::default();
            }
            if new_month {
                book.month = Live::default();
            }
        }
        if new_month {
            self.tenants.retain(|_, book| !book.is_empty());
        }
        new_day || new_month
    }

    /// Returns the tenants by name, with their sums.
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = (TenantId, &Book)> {
        self.tenants.iter().map(|(tenant, book)| (*tenant, book))
    }

    /// Returns one tenant's sums.
    pub fn tenant(&self, tenant: TenantId) -> Option<&Book> {
        self.tenants.get(&tenant)
    }

    /// Returns the sums of all tenants.
    pub fn total(&self) -> &Book {
        &self.total
    }

    /// Returns the instant these books are of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the calendar that says where a day begins.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Says whether an instant is of today.
    pub fn is_today(&self, at: Timestamp) -> bool {
        self.day.contains(at)
    }

    /// Says whether there is a quarter of an hour of data, so that the burn is more than a guess.
    pub fn burn_is_sure(&self) -> bool {
        self.total.minutes.reaches_back(self.now) || self.total.month.calls > self.total.minutes.kept().calls
    }

    fn each(&mut self, tenant: TenantId, change: impl Fn(&mut Book)) {
        change(self.tenants.entry(tenant).or_default());
        change(&mut self.total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{Call, CallId, Cost, ModelId};
    use crate::domain::label::Label;
    use crate::domain::money::Money;
    use crate::domain::rollup::{Sign, Slice};
    use crate::domain::time::Millis;
    use crate::domain::tokens::Tokens;
    use proptest::prelude::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_763_812_800);

    fn change(tenant: u8, ago: u64, nanos: Option<i64>, sign: Sign) -> Change {
        let at = NOON.before(Millis::new(ago));
        let name = TenantId::new(&format!("t{tenant}"));
        let mut call = Call::new(CallId::from_bits(1), at, name, ModelId::new("m"));
        call.tokens.input = Tokens::new(7);
        let cost = nanos.map_or(Cost::Unpriced, |nanos| Cost::Priced(Money::from_nanos(nanos)));
        Change { at, slice: Slice::of(&call, Label::new("s")), sums: Sums::of(&call, cost), sign }
    }

    fn books(changes: &[Change]) -> (Vec<(TenantId, Book)>, Book) {
        let mut books = Books::new(Calendar::utc(), NOON);
        for change in changes {
            books.apply(change);
        }
        (books.tenants().map(|(tenant, book)| (tenant, book.clone())).collect(), books.total().clone())
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let one = (0_u8..4, 0_u64..4_000_000_000, proptest::option::of(0_i64..1 << 40), any::<bool>());
        let one = one.prop_map(|(tenant, ago, nanos, adds)| {
            change(tenant, ago, nanos, if adds { Sign::Adds } else { Sign::TakesBack })
        });
        proptest::collection::vec(one, 0..40)
    }

    proptest! {
        #[test]
        fn the_order_of_changes_does_not_matter(
            (changes, shuffled) in changes().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            prop_assert_eq!(books(&changes), books(&shuffled));
        }

        #[test]
        fn what_is_taken_back_leaves_nothing(changes in changes()) {
            let back = changes.iter().map(|change| Change {
                sign: if change.sign == Sign::Adds { Sign::TakesBack } else { Sign::Adds },
                ..*change
            });
            let all: Vec<Change> = changes.iter().copied().chain(back).collect();
            prop_assert_eq!(books(&all), (Vec::new(), Book::default()));
        }
    }

    #[test]
    fn a_change_counts_only_in_the_windows_of_its_instant() {
        let day = 86_400_000;
        let (_, total) = books(&[
            change(1, 0, Some(1_000_000_000), Sign::Adds),
            change(1, 3 * 3_600_000, Some(2_000_000_000), Sign::Adds),
            change(1, 5 * day, None, Sign::Adds),
            change(1, 40 * day, Some(9), Sign::Adds),
        ]);
        assert_eq!(total.today.cost, Money::from_nanos(3_000_000_000));
        assert_eq!((total.month.calls, total.month.unpriced), (3, 1));
        assert_eq!(total.minutes.burn(NOON).cost, Money::from_nanos(4_000_000_000));
    }

    #[test]
    fn a_new_day_empties_today_and_asks_for_a_load() {
        let mut books = Books::new(Calendar::utc(), NOON);
        books.apply(&change(1, 0, Some(5), Sign::Adds));
        assert!(!books.roll(NOON.after(Millis::from_minutes(60))));
        assert!(books.roll(NOON.after(Millis::from_minutes(13 * 60))));
        assert_eq!(books.total().today, Live::default());
        assert_eq!(books.total().month.cost, Money::from_nanos(5));
    }
}
