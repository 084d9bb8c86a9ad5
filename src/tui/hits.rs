//! The next and the previous hit of what was searched for: among the calls, and in the help.

use super::app::{App, Dialog};
use super::list::Rows as _;
use super::subject::Row;
use super::tab::Tab;
use crate::domain::filter::Filter;

/// What is said where nothing was searched for.
const NOTHING: &str = "nothing was searched for yet";

impl App {
    /// Goes to the next hit, or with -1 to the previous one; after the last comes the first.
    pub(super) fn find_hit(&mut self, by: isize) {
        if let Some(Dialog::Help(page)) = &mut self.dialog {
            if page.search.text().is_empty() {
                return self.say(NOTHING);
            }
            page.hit = Some(page.hit.map_or(0, |hit| hit.saturating_add(by)));
            return;
        }
        let shown = self.events.view.filter.clone();
        // A filter that is in force shows nothing but hits.
        let Some(wanted) = Some(shown).filter(|it| !it.is_empty()).or_else(|| self.last_search()) else {
            return self.say(NOTHING);
        };
        match self.hit_from(self.events.index(), by, &wanted) {
            Some(place) => {
                self.moved = self.now;
                self.events.pick_place(place);
            }
            None => self.say(&format!("no call here is {}", wanted.text())),
        }
    }

    /// Returns the last filter that was typed and can be asked of calls.
    fn last_search(&self) -> Option<Filter> {
        let read = |text: &String| Filter::parse(text, Tab::Events.keys()).ok();
        self.filters.iter().rev().find_map(read).filter(|filter| !filter.is_empty())
    }

    /// Returns the place of the nearest hit from a place on.
    fn hit_from(&self, from: usize, by: isize, wanted: &Filter) -> Option<usize> {
        let now = self.picture().pages.events.as_ref()?;
        let order = &self.events.order;
        let passes = |place: &usize| {
            let id = order.get(*place);
            let made = now.calls.iter().find(|made| Some(&made.0.id) == id);
            made.is_some_and(|made| wanted.passes(&Row { app: self, of: made.as_ref() }))
        };
        let after = from.saturating_add(1).min(order.len());
        if by > 0 {
            (after..order.len()).chain(0..after).find(passes)
        } else {
            (0..from.min(order.len())).rev().chain((from..order.len()).rev()).find(passes)
        }
    }
}
