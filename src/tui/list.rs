//! A table's order, selection, scroll and filter.

use crate::domain::filter::{Filter, Named};

/// How the user looks at a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What is typed to see fewer rows.
    pub filter: Filter,
    /// Which column it is sorted by.
    pub sort: usize,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// The columns in the order of the user, and whether each is shown; empty where none was chosen.
    pub columns: Vec<(String, Shown)>,
    /// How many columns are left out on the left.
    pub pan: usize,
}

/// Whether a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is, where there is room.
    Yes,
    /// It is hidden.
    No,
}

/// A table, whatever its rows are known by.
pub trait Rows {
    /// Returns how it is looked at.
    fn view(&self) -> &View;
    /// The same, to be changed.
    fn view_mut(&mut self) -> &mut View;
    /// Moves the selection; it stops at the ends.
    fn step(&mut self, by: isize);
    /// Keeps the selection on its row from now on, also while it is the first.
    fn hold(&mut self);
    /// Remembers how far the table is scrolled.
    fn seen(&mut self, height: usize);
    /// Says whether a row is selected.
    fn has_picked(&self) -> bool;
    /// Returns how many rows are shown, and how many there are without the filter.
    fn counts(&self) -> (usize, usize);
    /// Selects the row of a place, as far as there is one.
    fn pick_place(&mut self, place: usize);
    /// Returns the place of the first row that is visible in `height` lines.
    fn first(&self, height: usize) -> usize;
}

impl<K: Copy + Eq> Rows for List<K> {
    fn view(&self) -> &View {
        &self.view
    }

    fn view_mut(&mut self) -> &mut View {
        &mut self.view
    }

    fn step(&mut self, by: isize) {
        self.moved = true;
        self.pick(self.place.saturating_add_signed(by));
    }

    fn hold(&mut self) {
        self.moved = true;
    }

    fn seen(&mut self, height: usize) {
        self.offset = self.start(height);
    }

    fn has_picked(&self) -> bool {
        self.picked.is_some()
    }

    fn counts(&self) -> (usize, usize) {
        (self.order.len(), self.all)
    }

    fn pick_place(&mut self, place: usize) {
        self.moved = true;
        self.pick(place);
    }

    fn first(&self, height: usize) -> usize {
        self.start(height)
    }
}

/// The state of one table whose rows are known by `K`.
#[derive(Clone, Debug)]
pub struct List<K> {
    /// The rows that are shown, in order.
    pub order: Vec<K>,
    /// How many rows there are without the filter.
    pub all: usize,
    /// How it is looked at.
    pub view: View,
    picked: Option<K>,
    /// Where the selected row stands, so that a frame need not look for it.
    place: usize,
    /// Whether the user has moved: until then the selection stays on the first row.
    moved: bool,
    offset: usize,
}

impl<K: Copy + Eq> List<K> {
    /// Returns an empty table.
    pub fn new() -> List<K> {
        List {
            order: Vec::new(),
            all: 0,
            view: View::default(),
            picked: None,
            place: 0,
            moved: false,
            offset: 0,
        }
    }

    /// Takes a new order. The selection stays on its row, wherever that went; a row that left hands it
    /// to the one in its place.
    pub fn set(&mut self, (order, all): (Vec<K>, usize)) {
        self.order = order;
        self.all = all;
        let kept = self.picked.filter(|_| self.moved);
        let found = kept.and_then(|picked| self.order.iter().position(|row| *row == picked));
        self.pick(found.unwrap_or(if self.moved { self.place } else { 0 }));
    }

    /// Puts the selection on the first row, and leaves it there whichever row that is.
    pub fn release(&mut self) {
        self.moved = false;
        self.pick(0);
    }

    /// Returns the selected row.
    pub fn picked(&self) -> Option<K> {
        self.picked
    }

    /// Selects a row, where it is there.
    pub fn choose(&mut self, key: K) -> bool {
        let place = self.order.iter().position(|row| *row == key);
        if let Some(place) = place {
            self.moved = true;
            self.pick(place);
        }
        place.is_some()
    }

    /// Returns the place of the selected row.
    pub fn index(&self) -> usize {
        self.place
    }

    fn pick(&mut self, place: usize) {
        self.place = place.min(self.order.len().saturating_sub(1));
        self.picked = self.order.get(self.place).copied();
    }

    /// Returns the rows that are visible in `height` lines: the place of the first, and they.
    pub fn visible(&self, height: usize) -> (usize, &[K]) {
        let start = self.start(height);
        let end = (start + height).min(self.order.len());
        (start, self.order.get(start..end).unwrap_or(&[]))
    }

    fn start(&self, height: usize) -> usize {
        let index = self.index();
        if height == 0 {
            return index;
        }
        let highest = self.order.len().saturating_sub(height);
        self.offset.clamp((index + 1).saturating_sub(height), index).min(highest)
    }
}

impl<K: Copy + Eq> Default for List<K> {
    fn default() -> List<K> {
        List::new()
    }
}

/// Says whether a row of which nothing is known but a name passes a filter.
pub fn passes(filter: &Filter, name: &str) -> bool {
    filter.is_empty() || filter.passes(&Named(&[name]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_selection_stays_on_its_row() {
        let mut list = List::new();
        list.set((vec![1, 2, 3], 3));
        list.step(1);
        list.set((vec![3, 2, 1, 0], 4));
        assert_eq!(list.picked(), Some(2));
        list.set((vec![3, 1], 2));
        assert_eq!(list.picked(), Some(1));
    }

    proptest! {
        #[test]
        fn the_selected_row_is_visible(rows in 1_usize..50, steps in proptest::collection::vec(-60_isize..60, 0..9), height in 1_usize..60) {
            let mut list = List::new();
            list.set(((0..rows).collect(), rows));
            for step in steps {
                list.step(step);
                let (start, visible) = list.visible(height);
                prop_assert!(visible.contains(&list.index()));
                prop_assert_eq!(visible.len(), height.min(rows));
                prop_assert_eq!(start, visible[0]);
                list.seen(height);
            }
        }
    }
}
