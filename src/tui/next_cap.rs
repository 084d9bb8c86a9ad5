//! Which caps are reached next.

use super::app::App;
use super::caps::{share, subject_of};
use crate::domain::cap_trial::Reach;
use crate::domain::gate::Standing;
use crate::domain::scope::Account;
use crate::domain::time::{Millis, Timestamp};

/// Caps that are looked at: those of which most is used.
const LOOKED: usize = 12;
/// A cap that is reached so soon is told at the top of every page.
const SOON: Millis = Millis::from_minutes(120);

/// A cap that will be reached, and when.
#[derive(Clone, Debug)]
pub struct NextCap {
    /// Whose.
    pub who: String,
    /// How it stands.
    pub standing: Standing,
    /// When it is reached.
    pub at: Timestamp,
    /// Not before, and not after, in four of five cases; nothing where too little is known.
    pub range: Option<(Timestamp, Option<Timestamp>)>,
}

impl App {
    /// Returns the caps of tenants, and of all together, that will be reached, the first one first.
    pub(super) fn next_caps(&self) -> Vec<NextCap> {
        let picture = self.picture();
        let (books, nothing) = (&picture.books, super::outlook::no_book());
        let mut open: Vec<&Standing> = picture.caps.standings.values().collect();
        open.retain(|it| {
            matches!(it.touch.account, Account::Tenant(_) | Account::Everything)
                && it.exposure() < u128::from(it.limit())
        });
        open.sort_by_key(|it| (std::cmp::Reverse(share(it)), subject_of(it.touch.account)));
        let mut next: Vec<NextCap> = Vec::new();
        for standing in open.into_iter().take(LOOKED) {
            let (book, habit) = match standing.touch.account {
                Account::Tenant(tenant) => (books.tenant(tenant), self.habit(tenant)),
                _ => (Some(books.total()), self.habit_of_all()),
            };
            let (reach, range) = self.reach_of(standing, book.unwrap_or(nothing), habit);
            if let Reach::At(at) = reach {
                let who = subject_of(standing.touch.account);
                next.push(NextCap { who, standing: standing.clone(), at, range });
            }
        }
        next.sort_by(|one, other| (one.at, &one.who).cmp(&(other.at, &other.who)));
        next
    }

    /// Returns those of them that are reached so soon that it must be said.
    pub(super) fn caps_reached_soon(&self) -> Vec<NextCap> {
        let mut next = self.next_caps();
        next.retain(|cap| cap.at.since(self.now) < SOON);
        next
    }
}
