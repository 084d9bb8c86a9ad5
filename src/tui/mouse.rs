//! The mouse, where it was taken: the wheel moves, a click selects a row or shows a page. It applies nothing.

use super::app::{App, MouseOwner};
use super::event::Effect;
use super::keys::Action;

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

/// Rows that the wheel moves by.
const WHEEL: isize = 3;

impl App {
    /// Takes what the mouse did.
    pub(super) fn take_mouse(&mut self, mouse: Mouse) -> Vec<Effect> {
        match mouse {
            Mouse::WheelDown => self.step(WHEEL),
            Mouse::WheelUp => self.step(-WHEEL),
            Mouse::Click(column, row) if self.dialog.is_none() => return self.click(column, row),
            Mouse::Click(..) => {}
        }
        Vec::new()
    }

    fn click(&mut self, column: u16, row: u16) -> Vec<Effect> {
        let tab = self
            .tabs_seen
            .iter()
            .find(|(_, start, width)| row == 1 && column >= *start && column < start + width);
        if let Some((tab, ..)) = tab.copied() {
            self.show(tab);
            return Vec::new();
        }
        let table = self.table_seen;
        let inside = row >= table.y && row < table.bottom() && matches!(self.mode, super::app::Mode::List);
        let place = self.rows().first(self.height) + usize::from(row.saturating_sub(table.y));
        if inside && place < self.rows().counts().0 {
            self.moved = self.now;
            self.rows_mut().pick_place(place);
        }
        Vec::new()
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
