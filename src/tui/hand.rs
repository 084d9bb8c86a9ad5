//! How keys come in: typed one by one, or as a burst that was pasted or came late and all at once.
//!
//! A terminal that does not mark pasted text hands it over as keys. Such a burst must not do anything: where it
//! is one, what it opened is put back as it was, and the rest of it is left out. Keys that cannot be put back
//! (quitting, saving) wait out the burst, or are refused in it. Bursts of keys that only move pass: a key that
//! is held down arrives in bunches over a slow line.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Dialog, Mode};
use super::event::{Effect, Window};
use super::keys::Action;
use super::page::tenant::Part;
use super::picture::Measure;
use super::tab::Tab;
use crate::domain::time::{Millis, Timestamp};

/// Keys that follow each other faster than this were pasted, or came late and all at once.
pub const BURST: Millis = Millis::new(40);
/// More printable keys than this in a burst, and they were meant for another window...
const KEYS: usize = 6;
/// ...where so many of them differ.
const DIFFERENT: usize = 4;
/// What is said of keys that were left out.
pub const IGNORED: &str = "typed into the wrong window? ignored";
/// What is said of a word that came too fast to have been thought of.
pub const TOO_FAST: &str = "that came too fast after other keys: press it again";

/// How keys come in.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    /// When the last key was pressed.
    pub pressed: Timestamp,
    /// Whether keys are left out, until there is a pause: they were meant for another window.
    pub deaf: bool,
    /// Printable keys of this burst, and the different ones among them, as far as they count.
    printable: usize,
    different: Vec<char>,
    /// Whether all keys of this burst only moved.
    pub moves: bool,
    /// How the screen was before this burst.
    before: Option<Box<Before>>,
    /// When the program ends, unless another key comes first.
    pub quits: Option<Timestamp>,
}

/// What keys can change without asking, and what is put back after a burst.
#[derive(Clone, Debug)]
struct Before {
    tab: Tab,
    mode: Mode,
    dialog: Option<Dialog>,
    window: Window,
    measure: Measure,
    part: Part,
    theme: String,
    frozen: bool,
}

/// Says whether a key puts a character into a line.
fn letter(key: KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => Some(c),
        _ => None,
    }
}

impl App {
    /// Takes note of a key. Says whether it came too soon after another one to be typed by hand, or that it is
    /// not to count at all.
    pub(super) fn feel(&mut self, key: KeyEvent) -> Option<bool> {
        let burst = self.now.since(self.hand.pressed) < BURST;
        self.hand.pressed = self.now;
        if burst && self.hand.deaf {
            return None;
        }
        if burst {
            // Something follows at once: it was not the key to quit with.
            self.hand.quits = None;
        } else {
            self.begin_burst();
        }
        if let Some(letter) = letter(key) {
            self.hand.printable += 1;
            if self.hand.different.len() < DIFFERENT && !self.hand.different.contains(&letter) {
                self.hand.different.push(letter);
            }
        }
        if burst && self.was_pasted() {
            self.put_back();
            return None;
        }
        Some(burst)
    }

    fn begin_burst(&mut self) {
        let before = Before {
            tab: self.tab,
            mode: self.mode.clone(),
            dialog: self.dialog.clone(),
            window: self.window,
            measure: self.measure,
            part: self.part,
            theme: self.setup.theme.clone(),
            frozen: self.frozen.is_some(),
        };
        let pressed = self.hand.pressed;
        let quits = self.hand.quits;
        self.hand = Hand { pressed, quits, moves: true, before: Some(Box::new(before)), ..Hand::default() };
    }

    /// Says whether the keys of this burst are a text: many, different, and not typed into a field.
    fn was_pasted(&self) -> bool {
        let field = self
            .hand
            .before
            .as_ref()
            .is_some_and(|before| is_text_field(&before.mode, before.dialog.as_ref()));
        !field && !self.hand.moves && self.hand.printable > KEYS && self.hand.different.len() >= DIFFERENT
    }

    /// Puts the screen back as it was before this burst, and leaves the rest of it out.
    fn put_back(&mut self) {
        self.hand.deaf = true;
        self.hand.quits = None;
        if let Some(before) = self.hand.before.take() {
            let moved = (self.tab, self.window) != (before.tab, before.window);
            (self.tab, self.window, self.measure) = (before.tab, before.window, before.measure);
            self.setup.theme = before.theme;
            // A filter that was being typed is no longer wanted.
            if matches!(self.mode, Mode::Filter(_)) {
                self.leave_filter();
            }
            (self.mode, self.dialog, self.part) = (before.mode, before.dialog, before.part);
            if !before.frozen {
                self.frozen = None;
            }
            if moved {
                self.live.window = None;
            }
            self.resort();
        }
        self.say(IGNORED);
    }

    /// Takes note of what a key did, and says whether it may: what cannot be put back is not done in a burst.
    pub(super) fn may(&mut self, action: Action, burst: bool) -> bool {
        let moved = self.hand.moves;
        self.hand.moves &= action.is_move();
        let lasting = matches!(
            action,
            Action::Quit
                | Action::Pause
                | Action::Keep
                | Action::Refresh
                | Action::Mouse
                | Action::Copy
                | Action::CopyRow
                | Action::Faster
                | Action::Slower
                | Action::Fold
                | Action::Group
                | Action::Bars
                | Action::Reverse
        );
        let may = !(lasting && burst && !moved);
        if !may && action != Action::Quit {
            self.say(TOO_FAST);
        }
        may
    }

    /// Ends the program once no other key follows at once.
    pub(super) fn quit_soon(&mut self) {
        self.hand.quits = Some(self.now.after(BURST));
    }

    /// Ends the program where that was asked for, and no key has followed.
    pub(super) fn quit_if_due(&mut self) -> Option<Effect> {
        self.hand.quits.filter(|at| *at <= self.now).map(|_| Effect::Quit)
    }
}

/// Says whether keys are typed as text.
fn is_text_field(mode: &Mode, dialog: Option<&Dialog>) -> bool {
    match dialog {
        Some(Dialog::Cap(_) | Dialog::Paper(_) | Dialog::Command(_)) => true,
        Some(Dialog::Help(page)) => page.typing,
        Some(Dialog::First(first)) => first.slot != super::first::Slot::List,
        Some(Dialog::Alerts(list)) => list.why.is_some(),
        Some(Dialog::Themes(_) | Dialog::Choice(_) | Dialog::Columns(_) | Dialog::Text(_)) => false,
        None => matches!(mode, Mode::Filter(_)),
    }
}
