//! The command line: what is typed after `:`, what it may become, and what it does. A command that changes a
//! cap opens its form filled in; it never applies.

mod offer;
mod read;
mod set;

pub use offer::{Does, Offer};
pub use read::{COMMANDS, Command, split};
pub use set::SETTINGS;

use crossterm::event::KeyEvent;

use super::app::{App, Dialog, Mode};
use super::event::Effect;
use super::field::Field;
use super::hand::TOO_FAST;
use super::keys::Action;
use super::page::group::Grouping;
use super::tab::Tab;

/// Commands that are remembered.
const PAST: usize = 50;

/// A command that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// What is typed.
    pub field: Field,
    /// Which of what it may become is picked.
    pub picked: usize,
    /// What went wrong, until the next key.
    pub fault: Option<String>,
    /// How far back in what was typed before, from 1.
    past: usize,
}

impl App {
    /// Opens the command line with a text in it.
    pub(super) fn open_command(&mut self, text: &str) {
        let field = Field::new(text);
        self.dialog = Some(Dialog::Command(Box::new(CommandLine { field, ..CommandLine::default() })));
    }

    /// Takes a key of the command line.
    pub(super) fn command_key(&mut self, key: KeyEvent, action: Option<Action>, burst: bool) -> Vec<Effect> {
        let offers = self.offers_of_line();
        let past = self.commands.len();
        let Some(Dialog::Command(line)) = &mut self.dialog else { return Vec::new() };
        line.fault = None;
        let recalls = line.past > 0 || line.field.text().is_empty();
        match action {
            Some(Action::Keep) if burst => line.fault = Some(TOO_FAST.to_owned()),
            Some(Action::Keep) => return self.run_line(&offers),
            Some(Action::Back) => self.dialog = None,
            Some(Action::Complete) => {
                if let Some(offer) = offers.get(line.picked) {
                    line.field = Field::new(&offer.text);
                    line.picked = 0;
                }
            }
            Some(Action::Earlier) if recalls => {
                line.past = (line.past + 1).min(past);
                let text = self.commands.get(past - line.past).map_or("", String::as_str);
                line.field = Field::new(text);
            }
            Some(Action::Later) if line.past > 0 => {
                line.past -= 1;
                let text = self.commands.get(past - line.past).map_or("", String::as_str);
                line.field = Field::new(text);
            }
            Some(Action::Earlier) => line.picked = line.picked.saturating_sub(1),
            Some(Action::Later) => line.picked = (line.picked + 1).min(offers.len().saturating_sub(1)),
            _ => {
                line.past = 0;
                if line.field.key(key) {
                    line.picked = 0;
                }
            }
        }
        Vec::new()
    }

    /// Runs what is typed, else what is picked.
    fn run_line(&mut self, offers: &[Offer]) -> Vec<Effect> {
        let Some(Dialog::Command(line)) = &self.dialog else { return Vec::new() };
        let text = line.field.text().trim().to_owned();
        let picked = offers.get(line.picked).cloned();
        if read::is_command(&text) {
            return match read::command(&text, self) {
                Ok(command) => {
                    self.remember(&text);
                    self.dialog = None;
                    self.run_command(command)
                }
                Err(fault) => {
                    if let Some(Dialog::Command(line)) = &mut self.dialog {
                        line.fault = Some(fault);
                    }
                    Vec::new()
                }
            };
        }
        match picked.map(|offer| (offer.does, offer.text)) {
            Some((Does::Act(action), text)) => {
                self.remember(&text);
                self.dialog = None;
                self.act(action)
            }
            Some((Does::Complete, text)) => {
                self.open_command(&text);
                Vec::new()
            }
            None => {
                if let Some(Dialog::Command(line)) = &mut self.dialog {
                    line.fault = Some(format!("there is no command `{text}`"));
                }
                Vec::new()
            }
        }
    }

    /// Remembers a command. The reason of a change is kept with the change, and nowhere else.
    fn remember(&mut self, text: &str) {
        let kept = text.split(" --why").next().unwrap_or_default().trim().to_owned();
        if !kept.is_empty() && self.commands.last() != Some(&kept) {
            self.commands.push(kept);
            let over = self.commands.len().saturating_sub(PAST);
            self.commands.drain(..over);
        }
    }

    /// Returns the command that is typed.
    pub(super) fn typed_command(&self) -> &str {
        match &self.dialog {
            Some(Dialog::Command(line)) => line.field.text(),
            _ => "",
        }
    }

    /// Returns what is offered for the line that is typed.
    pub(super) fn offers_of_line(&self) -> Vec<Offer> {
        match &self.dialog {
            Some(Dialog::Command(line)) => offer::offers(line.field.text(), self),
            _ => Vec::new(),
        }
    }

    fn run_command(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Cap(words) => return self.open_cap_with(&words),
            Command::Page(tab) => self.show(tab),
            Command::Tenant(tenant) => {
                self.grouping = Grouping::Tenant;
                self.show(Tab::Overview);
                if !self.tenants.choose(tenant) {
                    self.rows_mut().view_mut().filter = crate::domain::filter::Filter::default();
                    self.resort();
                }
                if self.tenants.choose(tenant) {
                    return self.open();
                }
                self.say(&format!("no tenant {tenant} in the {}", self.window.says().to_lowercase()));
            }
            Command::Window(window) => return self.set_window(window),
            Command::Theme(theme) => {
                self.setup.theme = theme;
                return self.keep_theme();
            }
            Command::Sort(column) => {
                self.rows_mut().view_mut().sort = column;
                self.resort();
            }
            Command::Filter(text) => {
                self.mode = Mode::List;
                if let Err(fault) = self.set_filter(&text) {
                    self.say(&fault.reason);
                }
            }
            Command::Export(form, file) => return vec![Effect::Export(form, file)],
            Command::Zone(calendar) => return self.set_zone(calendar),
            Command::Environment => self.show_environment(),
            Command::Set(key, value) => return self.set(&key, &value),
            Command::Write => return self.show_configuration(),
            Command::Reload => return self.act(Action::Refresh),
            Command::Quit => return vec![Effect::Quit],
        }
        Vec::new()
    }
}
