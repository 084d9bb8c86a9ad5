//! Numbers that are not current any more: since when, and what is said of them.

use super::app::App;
use super::event::Feed;
use super::theme::Meaning;
use crate::domain::books::Book;
use crate::domain::time::Timestamp;

impl App {
    /// Takes how the feeds stand.
    pub(super) fn take_feed(&mut self, feed: Feed) {
        let failed = matches!(feed, Feed::Failed(_));
        let known = *self.live.books.total() != Book::default();
        // From the first failure on, whatever else fails meanwhile.
        self.stale = (failed && self.loaded && known).then(|| self.stale.unwrap_or(self.now));
        self.feed = feed;
    }

    /// Returns since when the numbers on the screen are not current; nothing while they are.
    pub(super) fn stale_since(&self) -> Option<Timestamp> {
        self.stale
    }

    /// Returns a number as it is to be shown: with a mark where it is not current.
    pub(super) fn doubted(&self, number: String) -> String {
        if self.stale.is_some() && !number.is_empty() && !number.ends_with('?') {
            number + "?"
        } else {
            number
        }
    }

    /// Returns a guess as it is to be shown: none can be made from numbers that are not current.
    pub(super) fn guessed(&self, guess: String) -> String {
        if self.stale.is_some() && !guess.is_empty() { "?".to_owned() } else { guess }
    }

    /// Says in words how current the numbers are.
    pub(super) fn age_words(&self) -> Option<(String, Meaning)> {
        let since = self.stale?;
        Some((format!("STALE {}", super::text::age(self.now.since(since))), Meaning::Bad))
    }
}
