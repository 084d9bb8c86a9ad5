//! What the user's keys do to the state: one function for each of them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::domain::label::printable;

use super::app::{App, Dialog, Mode};
use super::event::Effect;
use super::keys::{self, Action, Context};
use super::list::Rows as _;
use super::tab::Tab;

/// The longest filter, in columns.
const FILTER_COLUMNS: usize = 120;

impl App {
    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let burst = self.is_burst();
        if self.hand.deaf && burst {
            return Vec::new();
        }
        self.hand.deaf = false;
        let always = keys::action(key, &[Context::Always]);
        if always.is_none() && matches!(self.dialog, Some(Dialog::Cap(_))) {
            return self.form_key(key, burst);
        }
        if always.is_none() && self.dialog.is_none() && matches!(self.mode, Mode::Filter(_)) {
            self.type_filter(key);
            return Vec::new();
        }
        match (always.or_else(|| keys::action(key, self.contexts())), &self.dialog) {
            (Some(action), _) => self.act(action),
            (None, Some(Dialog::Help(_))) => {
                self.dialog = None;
                Vec::new()
            }
            (None, _) => Vec::new(),
        }
    }

    /// Takes pasted text: only a text field wants it.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        if let Some(Dialog::Cap(_)) = self.dialog {
            self.paste_into_form(text);
        } else if self.dialog.is_none() && matches!(self.mode, Mode::Filter(_)) {
            let line = text.lines().next().unwrap_or_default();
            let filter = printable(&format!("{}{line}", self.filter()), FILTER_COLUMNS);
            self.set_filter(filter);
        } else {
            self.say("paste ignored");
        }
        self.load_used()
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Help => self.dialog = Some(Dialog::Help(0)),
            Action::Tab(tab) => self.show(tab),
            Action::NextTab => self.show(self.tab.other(1)),
            Action::PrevTab => self.show(self.tab.other(Tab::ALL.len() - 1)),
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::PageDown => self.step(self.half_page()),
            Action::PageUp => self.step(-self.half_page()),
            Action::Open => return self.open(),
            Action::NextItem => return self.open_other(1),
            Action::PrevItem => return self.open_other(-1),
            Action::Back => self.back(),
            Action::Filter => self.mode = Mode::Filter(self.filter().to_owned()),
            Action::Sort => self.sort(),
            Action::Reverse => self.reverse(),
            Action::Pause => self.pause(),
            Action::Window => return self.next_window(),
            Action::Theme => self.dialog = Some(Dialog::Themes(self.setup.theme.clone())),
            Action::Keep => return self.keep_theme(),
            Action::Measure => {
                self.measure = self.measure.next();
                self.resort();
            }
            Action::Cap => return self.open_cap(),
            Action::Undo => return self.open_undo(),
            Action::Audit => self.show_audit(),
            // These work in the form alone, which takes its keys itself.
            Action::Apply
            | Action::Yes
            | Action::NextField
            | Action::PrevField
            | Action::Left
            | Action::Right
            | Action::Restore
            | Action::TakeTheirs
            | Action::KeepMine => {}
        }
        Vec::new()
    }

    pub(super) fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.close();
        self.resort();
    }

    /// Leaves the filter's field and what was opened.
    fn close(&mut self) {
        self.mode = Mode::List;
        self.forget_detail();
    }

    fn forget_detail(&mut self) {
        self.live.detail = None;
        if let Some(frozen) = &mut self.frozen {
            frozen.0.detail = None;
        }
    }

    fn half_page(&self) -> isize {
        isize::try_from(self.height / 2).unwrap_or(1).max(1)
    }

    fn step(&mut self, by: isize) {
        match (&mut self.dialog, &mut self.mode) {
            // The frame says where the end is.
            (Some(Dialog::Help(offset)), _) | (None, Mode::Opened(offset)) => {
                *offset = offset.saturating_add_signed(by);
            }
            (Some(Dialog::Themes(_)), _) => self.preview(by),
            (Some(Dialog::Cap(_)), _) => {}
            (None, _) => self.step_row(by),
        }
    }

    fn step_row(&mut self, by: isize) {
        self.moved = self.now;
        self.rows_mut().step(by);
    }

    /// Shows another theme; it counts once it is kept.
    fn preview(&mut self, by: isize) {
        let themes = &self.setup.themes;
        let place = themes.iter().position(|name| *name == self.setup.theme).unwrap_or(0);
        let place = place.saturating_add_signed(by).min(themes.len().saturating_sub(1));
        if let Some(theme) = themes.get(place).cloned() {
            self.setup.theme = theme;
        }
    }

    fn keep_theme(&mut self) -> Vec<Effect> {
        self.dialog = None;
        let theme = self.setup.theme.clone();
        self.say(&format!("theme: {theme}"));
        vec![Effect::SaveTheme(theme)]
    }

    fn open(&mut self) -> Vec<Effect> {
        match self.tab {
            Tab::Overview => {
                let Some(tenant) = self.tenants.picked() else { return Vec::new() };
                self.tenants.hold();
                self.mode = Mode::Opened(0);
                vec![Effect::LoadDetail(tenant, self.window)]
            }
            Tab::Sources | Tab::Audit if self.rows().has_picked() => {
                self.rows_mut().hold();
                self.mode = Mode::Opened(0);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn open_other(&mut self, by: isize) -> Vec<Effect> {
        self.step_row(by);
        self.forget_detail();
        self.open()
    }

    fn back(&mut self) {
        if let Some(dialog) = self.dialog.take() {
            if let Dialog::Themes(before) = dialog {
                self.setup.theme = before;
            }
            return;
        }
        if self.mode == Mode::List {
            self.set_filter(String::new());
        }
        self.close();
    }

    fn type_filter(&mut self, key: KeyEvent) {
        let mut filter = self.filter().to_owned();
        match key.code {
            KeyCode::Enter => self.mode = Mode::List,
            KeyCode::Esc => {
                if let Mode::Filter(before) = std::mem::replace(&mut self.mode, Mode::List) {
                    self.set_filter(before);
                }
            }
            KeyCode::Backspace => {
                filter.pop();
                self.set_filter(filter);
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.set_filter(String::new());
            }
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                filter.push(letter);
                self.set_filter(printable(&filter, FILTER_COLUMNS));
            }
            _ => {}
        }
    }

    pub(super) fn set_filter(&mut self, filter: String) {
        self.rows_mut().view_mut().filter = filter;
        self.resort();
    }

    fn sort(&mut self) {
        let count = self.tab.sorts().len();
        let view = self.rows_mut().view_mut();
        view.sort = (view.sort + 1) % count;
        self.resort();
    }

    fn reverse(&mut self) {
        let view = self.rows_mut().view_mut();
        view.reverse = !view.reverse;
        self.resort();
    }

    fn pause(&mut self) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => Some(Box::new((self.live.clone(), self.now))),
        };
        self.behind = 0;
        self.resort();
    }

    fn next_window(&mut self) -> Vec<Effect> {
        self.window = self.window.next();
        self.live.window = None;
        if let Some(frozen) = &mut self.frozen {
            frozen.0.window = None;
        }
        self.forget_detail();
        self.resort();
        self.load_what_is_shown()
    }
}
