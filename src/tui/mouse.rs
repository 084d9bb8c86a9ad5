//! The mouse, where it was taken: the wheel moves; a click selects a row, shows a page, sorts by a heading, picks
//! from a list, or does what a key of the last row does.

use ratatui::layout::Rect;

use super::app::{App, Dialog, Mode, MouseOwner, Spot};
use super::event::Effect;
use super::keys::{Action, Context};

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The wheel was turned towards the end.
    WheelDown,
    /// The wheel was turned towards the beginning.
    WheelUp,
    /// A click into this column and row.
    Click(u16, u16),
}

/// Where things stand that can be clicked at, as the last frame told.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots {
    pub(super) headings: Vec<Spot<String>>,
    pub(super) buttons: Vec<Spot<Action>>,
    pub(super) choices: Option<(Rect, usize)>,
}

/// Rows that the wheel moves by.
const WHEEL: isize = 3;
/// What is said of a click where a name is asked for.
const TYPE_IT: &str = "type the name, then press the key: a click does not apply this";

impl App {
    /// Takes what the mouse did.
    pub(super) fn take_mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        match mouse {
            Mouse::WheelDown => self.step(WHEEL),
            Mouse::WheelUp => self.step(-WHEEL),
            Mouse::Click(column, row) => return self.click(column, row),
        }
        Vec::new()
    }

    fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        let button = self.spots.buttons.iter().find(|spot| spot.holds(column, row));
        if let Some(button) = button.map(|spot| spot.what) {
            return self.press_button(button);
        }
        if self.dialog.is_some() {
            self.pick_choice(column, row);
            return Vec::new();
        }
        let tab = self
            .tabs_seen
            .iter()
            .find(|(_, start, width)| row == 1 && column >= *start && column < start + width);
        if let Some((tab, ..)) = tab.copied() {
            self.show(tab);
            return Vec::new();
        }
        if !matches!(self.mode, Mode::List) {
            return Vec::new();
        }
        let heading = self.spots.headings.iter().find(|spot| spot.holds(column, row));
        if let Some(heading) = heading.map(|spot| spot.what.clone()) {
            self.sort_by_heading(&heading);
            return Vec::new();
        }
        let table = self.table_seen;
        let inside = row >= table.y && row < table.bottom();
        let place = self.rows().first(self.height) + usize::from(row.saturating_sub(table.y));
        if inside && place < self.rows().counts().0 {
            self.moved = self.now;
            self.rows_mut().pick_place(place);
        }
        Vec::new()
    }

    /// Does what a key of the last row does, as if it was pressed.
    fn press_button(&mut self, action: Action) -> Vec<Effect> {
        if action == Action::Apply && self.contexts().contains(&Context::Naming) {
            self.say(TYPE_IT);
            return Vec::new();
        }
        let key = self.setup.keys.chord_of(action, self.contexts());
        key.map(|key| self.key(key)).unwrap_or_default()
    }

    /// Picks the line of a list.
    fn pick_choice(&mut self, column: u16, row: u16) {
        let Some((area, first)) = self.spots.choices else { return };
        if !area.contains(ratatui::layout::Position { x: column, y: row }) {
            return;
        }
        let place = first + usize::from(row.saturating_sub(area.y));
        let picked = match &self.dialog {
            Some(Dialog::Choice(choice)) => choice.picked,
            Some(Dialog::Columns(choice)) => choice.picked,
            Some(Dialog::Themes(_)) => {
                self.setup.themes.iter().position(|name| *name == self.setup.theme).unwrap_or(0)
            }
            _ => return,
        };
        let by = isize::try_from(place).unwrap_or(0) - isize::try_from(picked).unwrap_or(0);
        self.step(by);
    }

    /// Sorts by the column of a heading; where it is sorted so already, the order is turned round.
    fn sort_by_heading(&mut self, heading: &str) {
        let sorts = self.tab.sorts();
        // The first column holds the names, whatever stands above them.
        let first = self.spots.headings.first().is_some_and(|spot| spot.what == heading);
        let is_it = |sort: &str| sort.eq_ignore_ascii_case(heading) || (first && sort == "name");
        let Some(place) = sorts.iter().position(|sort| is_it(sort)) else {
            return self.say(&format!("rows are not sorted by {heading}: {}", sorts.join(", ")));
        };
        if self.rows().view().sort == place {
            self.reverse();
        } else {
            self.rows_mut().view_mut().sort = place;
            self.resort();
        }
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(super) fn toggle_mouse(&mut self) -> Effect {
        let key = self.setup.keys.key_of(Action::Mouse).unwrap_or_default();
        let (owner, says) = match self.mouse {
            MouseOwner::Terminal => {
                let says = format!("mouse on: the wheel moves, a click selects; {key} gives it back");
                (MouseOwner::Screen, says)
            }
            MouseOwner::Screen => {
                (MouseOwner::Terminal, "mouse off: select and copy as the terminal does".to_owned())
            }
        };
        self.mouse = owner;
        self.say(&says);
        Effect::Mouse(self.has_mouse())
    }
}
