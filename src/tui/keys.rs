//! What a key does, in which place, in what words: one table, from which footer and help are made.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::tab::Tab;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End the program.
    Quit,
    /// Show the keys.
    Help,
    /// Show a page.
    Tab(Tab),
    /// Show the next page.
    NextTab,
    /// Show the tab before.
    PrevTab,
    /// A row down.
    Down,
    /// A row up.
    Up,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Half a page down.
    PageDown,
    /// Half a page up.
    PageUp,
    /// Open what the row is about.
    Open,
    /// Back, or clear the filter.
    Back,
    /// The next row, opened.
    NextItem,
    /// The row before, opened.
    PrevItem,
    /// Type a filter.
    Filter,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Freeze the picture, or go on.
    Pause,
    /// The next window of time.
    Window,
    /// Choose a theme.
    Theme,
    /// Take what the dialog offers.
    Keep,
    /// Cost, tokens or calls.
    Measure,
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues us.
    Suspend,
    /// Change the cap of the row.
    Cap,
    /// Take a change of a cap back.
    Undo,
    /// Show who changed which cap.
    Audit,
    /// Apply what the form says.
    Apply,
    /// Say so again.
    Yes,
    /// The next field of the form.
    NextField,
    /// The field before.
    PrevField,
    /// What comes before in a choice, or to the left.
    Left,
    /// What comes after it, or to the right.
    Right,
    /// The values that are saved.
    Restore,
    /// Begin again from what someone else has saved.
    TakeTheirs,
    /// Keep what is typed, over what someone else has saved.
    KeepMine,
}

impl Action {
    /// Returns the words in footer and help.
    pub const fn says(self) -> &'static str {
        match self {
            Action::Quit => "quit",
            Action::Help => "help",
            Action::Tab(tab) => tab.says(),
            Action::NextTab => "next page",
            Action::PrevTab => "previous page",
            Action::Down => "down",
            Action::Up => "up",
            Action::First => "first",
            Action::Last => "last",
            Action::PageDown => "half a page down",
            Action::PageUp => "half a page up",
            Action::Open => "open",
            Action::Back => "back",
            Action::NextItem => "next",
            Action::PrevItem => "previous",
            Action::Keep => "keep",
            Action::Filter => "filter",
            Action::Sort => "sort",
            Action::Reverse => "reverse",
            Action::Pause => "pause",
            Action::Window => "window",
            Action::Theme => "theme",
            Action::Measure => "cost/tokens/calls",
            Action::Redraw => "redraw",
            Action::Suspend => "suspend",
            Action::Cap => "cap",
            Action::Undo => "undo a cap",
            Action::Audit => "audit of caps",
            Action::Apply => "apply",
            Action::Yes => "yes, apply",
            Action::NextField => "next field",
            Action::PrevField => "field before",
            Action::Left => "left",
            Action::Right => "right",
            Action::Restore => "saved values",
            Action::TakeTheirs => "start again from theirs",
            Action::KeepMine => "keep mine on top",
        }
    }

    /// Says whether it leads to a change of a cap.
    pub const fn is_change(self) -> bool {
        matches!(self, Action::Cap | Action::Undo)
    }
}

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere, also in text fields and dialogs.
    Always,
    /// Where something can be scrolled: tables, what was opened, dialogs.
    Moving,
    /// On every page, but in no text field and no dialog.
    Page,
    /// In the tables of the tabs.
    List,
    /// In tables whose rows can be opened.
    Openable,
    /// Where sums of the chosen window are shown.
    Spend,
    /// Where the measured thing can be chosen.
    Measured,
    /// In something that `enter` opened.
    Opened,
    /// In a dialog that is chosen from.
    Choosing,
    /// Where a row can have a cap.
    Capped,
    /// Where a change of a cap can be taken back.
    Undoable,
    /// In the form of a cap.
    Form,
    /// Where the form waits for a second word.
    Sure,
    /// Where the form waits for a name.
    Naming,
    /// Where the form waits for the store.
    Waiting,
    /// Where someone else has changed the same cap.
    Conflict,
}

/// A line of the table of keys.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where it works.
    pub context: Context,
    /// The key, as it is written in the footer.
    pub key: &'static str,
    /// What it does.
    pub action: Action,
    /// Its place in the footer, from 1; 0 leaves it out.
    pub footer: u8,
}

const fn bind(context: Context, key: &'static str, action: Action, footer: u8) -> Binding {
    Binding { context, key, action, footer }
}

/// The keys.
pub const DEFAULTS: &[Binding] = &[
    bind(Context::Page, "?", Action::Help, 1),
    bind(Context::Page, "F1", Action::Help, 0),
    bind(Context::Page, "q", Action::Quit, 9),
    bind(Context::Always, "ctrl-c", Action::Quit, 0),
    bind(Context::Page, "1", Action::Tab(Tab::Overview), 0),
    bind(Context::Page, "2", Action::Tab(Tab::Limits), 0),
    bind(Context::Page, "3", Action::Tab(Tab::Budgets), 0),
    bind(Context::Page, "4", Action::Tab(Tab::Prices), 0),
    bind(Context::Page, "5", Action::Tab(Tab::Errors), 0),
    bind(Context::Page, "6", Action::Tab(Tab::Events), 0),
    bind(Context::Page, "7", Action::Tab(Tab::Sources), 0),
    bind(Context::Page, "8", Action::Tab(Tab::Guard), 0),
    bind(Context::Page, "9", Action::Tab(Tab::Audit), 0),
    bind(Context::Page, "tab", Action::NextTab, 0),
    bind(Context::Page, "shift-tab", Action::PrevTab, 0),
    bind(Context::Moving, "j", Action::Down, 0),
    bind(Context::Moving, "down", Action::Down, 0),
    bind(Context::Moving, "k", Action::Up, 0),
    bind(Context::Moving, "up", Action::Up, 0),
    bind(Context::Moving, "g", Action::First, 0),
    bind(Context::Moving, "home", Action::First, 0),
    bind(Context::Moving, "G", Action::Last, 0),
    bind(Context::Moving, "end", Action::Last, 0),
    bind(Context::Moving, "ctrl-d", Action::PageDown, 0),
    bind(Context::Moving, "pgdn", Action::PageDown, 0),
    bind(Context::Moving, "ctrl-u", Action::PageUp, 0),
    bind(Context::Moving, "pgup", Action::PageUp, 0),
    bind(Context::Openable, "enter", Action::Open, 2),
    bind(Context::Capped, "c", Action::Cap, 2),
    bind(Context::Choosing, "enter", Action::Keep, 1),
    bind(Context::Choosing, "esc", Action::Back, 2),
    bind(Context::Opened, "esc", Action::Back, 2),
    bind(Context::Opened, "]", Action::NextItem, 3),
    bind(Context::Opened, "[", Action::PrevItem, 3),
    bind(Context::List, "esc", Action::Back, 0),
    bind(Context::List, "/", Action::Filter, 3),
    bind(Context::List, "s", Action::Sort, 4),
    bind(Context::List, "S", Action::Reverse, 0),
    bind(Context::Page, "space", Action::Pause, 5),
    bind(Context::Spend, "w", Action::Window, 6),
    bind(Context::Measured, "v", Action::Measure, 7),
    bind(Context::Page, "t", Action::Theme, 8),
    bind(Context::Undoable, "u", Action::Undo, 10),
    bind(Context::Page, "A", Action::Audit, 11),
    bind(Context::Form, "ctrl-s", Action::Apply, 1),
    bind(Context::Form, "esc", Action::Back, 2),
    bind(Context::Form, "tab", Action::NextField, 3),
    bind(Context::Form, "enter", Action::NextField, 0),
    bind(Context::Form, "down", Action::NextField, 0),
    bind(Context::Form, "shift-tab", Action::PrevField, 0),
    bind(Context::Form, "up", Action::PrevField, 0),
    bind(Context::Form, "left", Action::Left, 0),
    bind(Context::Form, "right", Action::Right, 0),
    bind(Context::Form, "ctrl-r", Action::Restore, 4),
    bind(Context::Sure, "y", Action::Yes, 1),
    bind(Context::Sure, "esc", Action::Back, 2),
    bind(Context::Naming, "ctrl-s", Action::Apply, 1),
    bind(Context::Naming, "esc", Action::Back, 2),
    bind(Context::Waiting, "esc", Action::Back, 1),
    bind(Context::Conflict, "r", Action::TakeTheirs, 1),
    bind(Context::Conflict, "k", Action::KeepMine, 2),
    bind(Context::Conflict, "esc", Action::Back, 3),
    bind(Context::Always, "ctrl-l", Action::Redraw, 0),
    bind(Context::Always, "ctrl-z", Action::Suspend, 0),
];

/// Finds what a key does where these contexts hold.
pub fn action(key: KeyEvent, contexts: &[Context]) -> Option<Action> {
    DEFAULTS
        .iter()
        .find(|binding| {
            contexts.contains(&binding.context) && parse(binding.key).is_some_and(|it| same(it, key))
        })
        .map(|binding| binding.action)
}

/// Returns the footer's bindings where these contexts hold, the most important first.
pub fn footer(contexts: &[Context]) -> Vec<&'static Binding> {
    let here = |binding: &&Binding| binding.footer > 0 && contexts.contains(&binding.context);
    let mut bindings: Vec<&Binding> = DEFAULTS.iter().filter(here).collect();
    bindings.sort_by_key(|binding| binding.footer);
    bindings
}

/// Returns each action that works in a context with all its keys.
pub fn help(context: Context) -> Vec<(Action, Vec<&'static str>)> {
    let mut lines: Vec<(Action, Vec<&'static str>)> = Vec::new();
    for binding in DEFAULTS.iter().filter(|binding| binding.context == context) {
        match lines.iter_mut().find(|line| line.0 == binding.action) {
            Some(line) => line.1.push(binding.key),
            None => lines.push((binding.action, vec![binding.key])),
        }
    }
    lines
}

/// Reads a key as it is written in the table: `j`, `ctrl-d`, `enter`.
pub fn parse(name: &str) -> Option<KeyEvent> {
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    if let Some(letter) = name.strip_prefix("ctrl-").and_then(|rest| rest.chars().next()) {
        return Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
    }
    match name {
        "enter" => plain(KeyCode::Enter),
        "esc" => plain(KeyCode::Esc),
        "tab" => plain(KeyCode::Tab),
        "shift-tab" => plain(KeyCode::BackTab),
        "space" => plain(KeyCode::Char(' ')),
        "up" => plain(KeyCode::Up),
        "down" => plain(KeyCode::Down),
        "left" => plain(KeyCode::Left),
        "right" => plain(KeyCode::Right),
        "delete" => plain(KeyCode::Delete),
        "home" => plain(KeyCode::Home),
        "end" => plain(KeyCode::End),
        "pgup" => plain(KeyCode::PageUp),
        "pgdn" => plain(KeyCode::PageDown),
        "backspace" => plain(KeyCode::Backspace),
        "F1" => plain(KeyCode::F(1)),
        _ => {
            let mut letters = name.chars();
            let letter = letters.next()?;
            letters.next().is_none().then(|| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE))
        }
    }
}

fn same(binding: KeyEvent, key: KeyEvent) -> bool {
    let held = KeyModifiers::CONTROL | KeyModifiers::ALT;
    binding.code == key.code && binding.modifiers & held == key.modifiers & held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_can_be_read_and_means_one_thing() {
        for (index, binding) in DEFAULTS.iter().enumerate() {
            let key = parse(binding.key).unwrap_or_else(|| panic!("{}", binding.key));
            let again = DEFAULTS[index + 1..].iter().find(|other| {
                other.context == binding.context && parse(other.key).is_some_and(|other| same(other, key))
            });
            assert!(again.is_none(), "{} is bound twice", binding.key);
        }
    }
}
