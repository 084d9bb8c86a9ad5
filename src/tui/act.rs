//! What the user's keys do to the state: one function for each of them.

use crossterm::event::KeyEvent;

use super::app::{App, Dialog, Fold, Mode, PACES, Plain};
use super::event::{Effect, Window};
use super::keys::{Action, Context};
use super::list::Rows as _;
use super::page::group::Grouping;
use super::page::tenant::Part;
use super::tab::Tab;
use super::typing::HelpPage;
use crate::domain::filter::Filter;

/// What is said of what was copied: no terminal tells whether it took it.
pub(super) const COPIED: &str = "sent to the terminal's clipboard";

impl App {
    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let Some(burst) = self.feel(key) else { return Vec::new() };
        let action = self.setup.keys.action(key, self.contexts());
        if let Some(action) = self.setup.keys.action(key, &[Context::Always]) {
            return self.act(action);
        }
        match (&self.dialog, &self.mode) {
            (Some(Dialog::Cap(_)), _) => return self.form_key(key, burst),
            (Some(Dialog::Command(_)), _) => return self.command_key(key, action, burst),
            (Some(Dialog::Help(_)), _) => return self.help_key(key, action),
            (None, Mode::Filter(_)) => {
                self.type_filter(key, action);
                return Vec::new();
            }
            (Some(Dialog::Paper(_)), _) => return self.paper_key(key, action, burst),
            (Some(Dialog::Alerts(_)), _) => return self.alert_key(key, action, burst),
            (Some(Dialog::First(_)), _) => return self.first_key(key, action, burst),
            (Some(Dialog::Text(_)), _) => match action {
                Some(Action::CopyText) => return self.copy_text(),
                Some(Action::Back) | None => {
                    self.dialog = None;
                    return Vec::new();
                }
                Some(_) => {}
            },
            (Some(Dialog::Themes(_) | Dialog::Choice(_) | Dialog::Columns(_)) | None, _) => {}
        }
        match action {
            Some(action) if self.may(action, burst) => self.act(action),
            Some(_) => Vec::new(),
            None => {
                self.hand.moves = false;
                Vec::new()
            }
        }
    }

    /// Takes pasted text: only a text field wants it.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let line = text.lines().next().unwrap_or_default();
        match (&mut self.dialog, &self.mode) {
            (Some(Dialog::Cap(_)), _) => self.paste_into_form(text),
            (Some(Dialog::Paper(paper)), _) => drop(paper.typed().map(|field| field.insert(line))),
            (Some(Dialog::Command(command)), _) => drop(command.field.insert(line)),
            (Some(Dialog::Help(page)), _) if page.typing => drop(page.search.insert(line)),
            (Some(Dialog::Alerts(list)), _) if list.why.is_some() => {
                if let Some(why) = &mut list.why {
                    why.insert(line);
                }
            }
            (None, Mode::Filter(_)) => self.paste_into_filter(line),
            _ => self.say("paste ignored"),
        }
        self.load_used()
    }

    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Quit => self.quit_soon(),
            Action::QuitNow => return vec![Effect::Quit],
            Action::Redraw => return vec![Effect::Redraw],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Help => self.dialog = Some(Dialog::Help(HelpPage::default())),
            Action::Command => self.open_command(""),
            Action::Tab(tab) => self.show(tab),
            Action::NextTab if self.shows_tenant() => self.show_part(1),
            Action::PrevTab if self.shows_tenant() => self.show_part(Part::ALL.len() - 1),
            Action::NextTab => self.show(self.tab.other(1)),
            Action::PrevTab => self.show(self.tab.other(Tab::ALL.len() - 1)),
            Action::Open | Action::History => return self.open(),
            Action::NextItem => return self.open_other(1),
            Action::PrevItem => return self.open_other(-1),
            Action::Back => self.back(),
            Action::Filter => self.begin_filter(),
            Action::Sort => self.choose_sort(),
            Action::Reverse => self.reverse(),
            Action::Pause => self.pause(),
            Action::Refresh => return self.refresh(),
            Action::Window => return self.set_window(self.window.next()),
            Action::Theme => self.dialog = Some(Dialog::Themes(self.setup.theme.clone())),
            Action::Keep => return self.keep_choice(),
            Action::Copy => return self.copy_name(),
            Action::CopyRow if self.rows().has_picked() => {
                self.say(COPIED);
                return vec![Effect::CopyRow];
            }
            Action::Export => self.choose_form(),
            Action::Columns => self.choose_columns(),
            Action::Toggle | Action::MoveDown | Action::MoveUp | Action::Defaults => {
                self.change_columns(action);
            }
            Action::Alerts => self.dialog = Some(Dialog::Alerts(Box::default())),
            Action::Mouse => return vec![self.toggle_mouse()],
            Action::Measure => {
                self.measure = self.measure.next();
                self.resort();
            }
            Action::Cap => return self.open_cap(),
            Action::NewCap => self.open_command("cap "),
            Action::RemoveCap => return self.open_removal(),
            Action::Undo => return self.open_undo(),
            Action::Audit => self.show_audit(),
            Action::Follow => self.follow_events(),
            Action::NextHit => self.find_hit(1),
            Action::PrevHit => self.find_hit(-1),
            Action::PassThrough => self.open_pass(),
            Action::WhatIf => self.open_what_if(),
            Action::Calculator => self.open_calculator(),
            Action::Price => self.open_price(),
            other => self.look(other),
        }
        Vec::new()
    }

    /// Changes how the page is looked at, or moves in it.
    fn look(&mut self, action: Action) {
        match action {
            Action::PanLeft => self.pan(-1),
            Action::PanRight => self.pan(1),
            Action::Group => self.group_by(self.grouping.next()),
            Action::Bars => {
                self.plain = if self.plain == Plain::Bars { Plain::Numbers } else { Plain::Bars };
            }
            Action::Faster => self.set_pace(self.pace + 1),
            Action::Slower => self.set_pace(self.pace.saturating_sub(1)),
            Action::Fold => {
                let (fold, says) = match self.fold {
                    Fold::Open => (Fold::Idle, "idle tenants are one row"),
                    Fold::Idle => (Fold::Open, "every tenant is a row"),
                };
                self.fold = fold;
                self.resort();
                self.say(says);
            }
            other => self.scroll(other),
        }
    }

    fn pan(&mut self, by: isize) {
        let last = self.column_ids.len().saturating_sub(1);
        let view = self.rows_mut().view_mut();
        view.pan = view.pan.saturating_add_signed(by).min(last);
    }

    fn set_pace(&mut self, pace: usize) {
        self.pace = pace.min(PACES.len() - 1);
        self.say(&format!("draws {}", self.pace_words()));
    }

    /// Says how often is drawn.
    pub(super) fn pace_words(&self) -> String {
        match self.pace().count() {
            millis @ 1_000.. => format!("every {} s at most", millis / 1_000),
            millis => format!("{} times a second at most", 1_000 / millis.max(1)),
        }
    }

    /// Copies what the row is about.
    fn copy_name(&mut self) -> Vec<Effect> {
        let name = match self.tab {
            Tab::Overview if self.is_grouped() => self.groups.picked().map(|name| name.to_string()),
            Tab::Overview => self.tenants.picked().map(|tenant| tenant.to_string()),
            Tab::Limits => self.limits.picked().map(|key| key[2].to_string()),
            Tab::Budgets => self.budgets.picked().map(|key| key.0.to_string()),
            Tab::Prices => self.prices.picked().map(|key| key.1.to_string()),
            Tab::Errors => self.errors.picked().map(|class| class.as_str().to_owned()),
            Tab::Events => self.events.picked().map(|id| format!("{:032x}", id.bits())),
            Tab::Sources => self.sources.picked().map(|source| source.to_string()),
            Tab::Guard => self.guards.picked().map(|key| key.0.to_string()),
            Tab::Audit => self.audit.picked().map(|rev| rev.0.to_string()),
        };
        if name.is_some() {
            self.say(COPIED);
        }
        name.map(Effect::Copy).into_iter().collect()
    }

    /// Moves among rows and lines; what works in a form alone the form takes itself.
    fn scroll(&mut self, action: Action) {
        let page = isize::try_from(self.height).unwrap_or(isize::MAX).max(1);
        match action {
            Action::Down => self.step(1),
            Action::Up => self.step(-1),
            Action::First => self.step(isize::MIN),
            Action::Last => self.step(isize::MAX),
            Action::HalfDown => self.step((page / 2).max(1)),
            Action::HalfUp => self.step(-(page / 2).max(1)),
            Action::PageDown => self.step(page),
            Action::PageUp => self.step(-page),
            _ => {}
        }
    }

    /// Reads everything that is shown anew.
    fn refresh(&mut self) -> Vec<Effect> {
        self.asked.spoil();
        self.say("reading anew");
        std::iter::once(Effect::Reload).chain(self.load_what_is_shown()).collect()
    }

    pub(super) fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.column_ids.clear();
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

    pub(super) fn step(&mut self, by: isize) {
        let lists_calls = self.lists_calls();
        match (&mut self.dialog, &mut self.mode) {
            // The frame says where the end is.
            (None, Mode::Opened(_)) if lists_calls => {
                self.moved = self.now;
                self.inner.step(by);
            }
            (Some(Dialog::Help(HelpPage { offset, hit, .. })), _) => {
                *hit = None;
                *offset = offset.saturating_add_signed(by);
            }
            (None, Mode::Opened(offset) | Mode::Record(_, offset)) => {
                *offset = offset.saturating_add_signed(by);
            }
            (Some(Dialog::Text(page)), _) => page.offset = page.offset.saturating_add_signed(by),
            (Some(Dialog::Themes(_)), _) => self.preview(by),
            (Some(Dialog::Choice(_) | Dialog::Columns(_)), _) => self.step_choice(by),
            (Some(Dialog::Alerts(list)), _) => {
                // The list says where its end is, as a frame or a key needs it.
                list.picked = list.picked.saturating_add_signed(by);
            }
            (Some(Dialog::Cap(_) | Dialog::Paper(_) | Dialog::Command(_) | Dialog::First(_)), _) => {}
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

    pub(super) fn keep_theme(&mut self) -> Vec<Effect> {
        self.dialog = None;
        let theme = self.setup.theme.clone();
        self.say(&format!("theme: {theme}"));
        vec![Effect::SaveTheme(theme)]
    }

    pub(super) fn open(&mut self) -> Vec<Effect> {
        match self.tab {
            Tab::Overview | Tab::Errors if matches!(self.mode, Mode::Opened(_)) => {
                self.open_call();
                Vec::new()
            }
            Tab::Overview => self.open_tenant(Part::Models),
            Tab::Budgets
            | Tab::Prices
            | Tab::Sources
            | Tab::Audit
            | Tab::Errors
            | Tab::Events
            | Tab::Limits
                if self.rows().has_picked() =>
            {
                self.rows_mut().hold();
                self.mode = Mode::Opened(0);
                self.inner.release();
                self.list_calls();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Opens the selected tenant at one of its pages.
    fn open_tenant(&mut self, part: Part) -> Vec<Effect> {
        let Some(tenant) = self.tenants.picked() else { return Vec::new() };
        self.tenants.hold();
        self.mode = Mode::Opened(0);
        self.part = part;
        self.inner.release();
        self.list_calls();
        vec![Effect::LoadDetail(tenant, self.window)]
    }

    fn open_other(&mut self, by: isize) -> Vec<Effect> {
        if matches!(self.mode, Mode::Record(..)) {
            self.inner.step(by);
            self.open_call();
            return Vec::new();
        }
        self.step_row(by);
        if self.tab == Tab::Overview {
            self.forget_detail();
            return self.open_tenant(self.part);
        }
        self.mode = Mode::List;
        self.open()
    }

    fn back(&mut self) {
        if let Some(dialog) = self.dialog.take() {
            match dialog {
                Dialog::Themes(before) => self.setup.theme = before,
                other => self.leave_choice(other),
            }
            return;
        }
        if matches!(self.mode, Mode::Record(..)) {
            self.mode = Mode::Opened(0);
            return;
        }
        if self.mode == Mode::List
            && self.is_grouped()
            && self.tab == Tab::Overview
            && self.filter().is_empty()
        {
            self.group_by(Grouping::Tenant);
            return;
        }
        if self.mode == Mode::List {
            self.rows_mut().view_mut().filter = Filter::default();
            self.resort();
        }
        self.close();
    }

    pub(super) fn reverse(&mut self) {
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

    pub(super) fn set_window(&mut self, window: Window) -> Vec<Effect> {
        self.window = window;
        self.live.window = None;
        if let Some(frozen) = &mut self.frozen {
            frozen.0.window = None;
        }
        self.forget_detail();
        self.resort();
        self.load_what_is_shown()
    }
}
