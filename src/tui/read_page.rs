//! Lines to read over the page: what was found out about the terminal, what to put into the configuration.

use super::app::{App, Dialog, MouseOwner, PACES};
use super::event::Effect;
use super::tab::Tab;
use super::theme::Themes;
use crate::domain::filter::Filter;

/// Lines to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextPage {
    /// The heading.
    pub title: String,
    /// The lines.
    pub lines: Vec<String>,
    /// How far it is scrolled.
    pub offset: usize,
}

impl App {
    /// Shows lines to read.
    pub(super) fn show_text(&mut self, title: &str, lines: Vec<String>) {
        let page = TextPage { title: title.to_owned(), lines, offset: 0 };
        self.dialog = Some(Dialog::Text(Box::new(page)));
    }

    /// Copies the lines that are shown.
    pub(super) fn copy_text(&mut self) -> Vec<Effect> {
        let Some(Dialog::Text(page)) = &self.dialog else { return Vec::new() };
        let text = page.lines.join("\n");
        self.say(super::act::COPIED);
        vec![Effect::Copy(text)]
    }

    /// Shows what was found out about the terminal, and how the screen behaves now.
    pub(super) fn show_environment(&mut self) {
        let mut lines = self.setup.manners.found.clone();
        // A name that is no theme's draws with the first.
        let themes = &self.setup.themes;
        let theme = themes.iter().find(|name| **name == self.setup.theme).or(themes.first());
        lines.push(format!("theme       {}", theme.unwrap_or(&self.setup.theme)));
        lines.push(format!("zone        {}", self.setup.calendar.name()));
        let mouse = if self.has_mouse() { "the screen's" } else { "the terminal's" };
        lines.push(format!("mouse       {mouse}"));
        lines.push(format!("draws       {}", self.pace_words()));
        if self.beside.slow.is_on() {
            lines.push("line        slow: frames are drawn seldom until it recovers".to_owned());
        }
        if let Some(why) = &self.setup.read_only {
            lines.push(format!("read-only   {why}"));
        }
        self.show_text("What was found out, and why", lines);
    }

    /// Takes how the screen is to behave at the start.
    pub(super) fn take_manners(&mut self) {
        let manners = &self.setup.manners;
        self.mouse = if manners.mouse.is_on() { MouseOwner::Screen } else { MouseOwner::Terminal };
        let place = PACES.iter().position(|pace| *pace <= manners.pace);
        self.pace = place.unwrap_or(PACES.len() - 1);
    }

    /// Begins on a page, with this filter in force where it is not empty.
    pub fn begin(&mut self, tab: Tab, filter: &Filter) {
        self.show(tab);
        if !filter.is_empty() {
            self.rows_mut().view_mut().filter = filter.clone();
            self.resort();
        }
    }

    /// Takes the themes there are now. Where the one in use is gone, the first is drawn with.
    pub(super) fn take_themes(&mut self, themes: &Themes) {
        self.setup.themes = themes.names();
        self.say("themes read anew");
    }
}
