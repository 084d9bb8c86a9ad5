//! Lines that are typed on a page: its filter, and the search of the help.

use crossterm::event::KeyEvent;

use super::app::{App, Dialog, Mode};
use super::event::Effect;
use super::field::Field;
use super::keys::Action;
use crate::domain::filter::{Filter, FilterFault};

/// Filters that are remembered.
const PAST: usize = 50;

/// A filter that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterLine {
    /// The one there was before.
    pub before: Filter,
    /// What is typed.
    pub field: Field,
    /// What is wrong with it; the last one that was right stays in force.
    pub fault: Option<FilterFault>,
    /// How far back in what was typed before, from 1.
    past: usize,
}

/// The help while it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpPage {
    /// How far it is scrolled.
    pub offset: usize,
    /// What is searched for.
    pub search: Field,
    /// Whether that is being typed.
    pub typing: bool,
    /// Which hit is shown, counted from the first; nothing once the help was scrolled.
    pub hit: Option<isize>,
}

impl App {
    /// Begins to type the filter of the page.
    pub(super) fn begin_filter(&mut self) {
        let before = self.rows().view().filter.clone();
        let field = Field::new(before.text());
        self.mode = Mode::Filter(Box::new(FilterLine { before, field, fault: None, past: 0 }));
    }

    /// Takes a key of the filter's line.
    pub(super) fn type_filter(&mut self, key: KeyEvent, action: Option<Action>) {
        let Mode::Filter(line) = &mut self.mode else { return };
        match action {
            Some(Action::Keep) => return self.keep_filter(),
            Some(Action::Back) => return self.leave_filter(),
            Some(Action::Earlier) => self.recall(1),
            Some(Action::Later) => self.recall(-1),
            _ => drop(line.field.key(key)),
        }
        self.apply_line();
    }

    /// Puts pasted text into the filter's line.
    pub(super) fn paste_into_filter(&mut self, text: &str) {
        if let Mode::Filter(line) = &mut self.mode {
            line.field.insert(text);
        }
        self.apply_line();
    }

    /// Goes back to an earlier filter, or on to a later one.
    fn recall(&mut self, by: isize) {
        let Mode::Filter(line) = &mut self.mode else { return };
        let past = line.past.saturating_add_signed(by).min(self.filters.len());
        let before = line.before.text();
        let text = match self.filters.len().checked_sub(past) {
            Some(place) if past > 0 => self.filters.get(place).map_or(before, String::as_str),
            _ => before,
        };
        line.field = Field::new(text);
        line.past = past;
    }

    /// Puts what is typed in force, where it can be read.
    fn apply_line(&mut self) {
        let keys = self.tab.keys();
        let Mode::Filter(line) = &mut self.mode else { return };
        match Filter::parse(line.field.text(), keys) {
            Ok(filter) => {
                line.fault = None;
                self.rows_mut().view_mut().filter = filter;
                self.resort();
            }
            Err(fault) => line.fault = Some(fault),
        }
    }

    fn keep_filter(&mut self) {
        if let Mode::Filter(line) = std::mem::replace(&mut self.mode, Mode::List)
            && let Some(fault) = line.fault
        {
            self.say(&format!("the filter before stays: {}", fault.reason));
        }
        let text = self.filter().trim().to_owned();
        if !text.is_empty() && self.filters.last() != Some(&text) {
            self.filters.push(text);
            let over = self.filters.len().saturating_sub(PAST);
            self.filters.drain(..over);
        }
    }

    /// Leaves the line, and puts the filter back that there was before.
    pub(super) fn leave_filter(&mut self) {
        if let Mode::Filter(line) = std::mem::replace(&mut self.mode, Mode::List) {
            self.rows_mut().view_mut().filter = line.before;
            self.resort();
        }
    }

    /// Filters the page by a text. Says what is wrong with it; then the filter before stays.
    pub(super) fn set_filter(&mut self, text: &str) -> Result<(), FilterFault> {
        let filter = Filter::parse(text, self.tab.keys())?;
        self.rows_mut().view_mut().filter = filter;
        self.resort();
        Ok(())
    }

    /// Filters the page by a name, whatever signs are in it.
    pub(super) fn filter_by_name(&mut self, name: &str) {
        if self.set_filter(name).is_err() {
            let quoted = format!("\"{}\"", name.replace('"', " "));
            if let Err(fault) = self.set_filter(&quoted) {
                self.say(&fault.reason);
            }
        }
    }

    /// Takes a key of the help.
    pub(super) fn help_key(&mut self, key: KeyEvent, action: Option<Action>) -> Vec<Effect> {
        let Some(Dialog::Help(page)) = &mut self.dialog else { return Vec::new() };
        match action {
            Some(Action::Keep) if page.typing => {
                page.typing = false;
                page.hit = (!page.search.text().is_empty()).then_some(0);
            }
            Some(Action::Back) if page.typing || !page.search.text().is_empty() => {
                *page = HelpPage::default();
            }
            _ if page.typing => {
                page.search.key(key);
                page.offset = 0;
            }
            Some(Action::Search) => page.typing = true,
            Some(Action::Back) | None => self.dialog = None,
            Some(action) => return self.act(action),
        }
        Vec::new()
    }
}
