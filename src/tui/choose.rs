//! Lists to choose from over a page: the column to sort by, the form of a file, the columns and their order.

use super::app::{App, Dialog};
use super::event::Effect;
use super::export::Form;
use super::keys::Action;
use super::list::{Shown, View};

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The column that the page is sorted by; how it was looked at before.
    Sort(View),
    /// The form of the file that the page is written to.
    Form,
}

/// A list to choose one of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What for.
    pub chosen: Chosen,
    /// What there is.
    pub items: Vec<&'static str>,
    /// Which is picked.
    pub picked: usize,
}

/// The columns of a page while they are chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChoice {
    /// In their order.
    pub columns: Vec<(String, Shown)>,
    /// Which is picked.
    pub picked: usize,
    /// How the page was looked at before.
    pub before: View,
}

impl App {
    /// Opens the choice of the column to sort by.
    pub(super) fn choose_sort(&mut self) {
        let before = self.rows().view().clone();
        let (items, picked) = (self.tab.sorts().to_vec(), before.sort);
        self.dialog = Some(Dialog::Choice(Box::new(Choice { chosen: Chosen::Sort(before), items, picked })));
    }

    /// Opens the choice of the form of a file.
    pub(super) fn choose_form(&mut self) {
        let items = Form::ALL.map(Form::says).to_vec();
        self.dialog = Some(Dialog::Choice(Box::new(Choice { chosen: Chosen::Form, items, picked: 0 })));
    }

    /// Opens the choice of the columns, as far as a frame has told which there are.
    pub(super) fn choose_columns(&mut self) {
        let before = self.rows().view().clone();
        let mut columns: Vec<(String, Shown)> = before.columns.clone();
        columns.retain(|(id, _)| self.column_ids.contains(id));
        for id in &self.column_ids {
            if !columns.iter().any(|known| known.0 == *id) {
                columns.push((id.clone(), Shown::Yes));
            }
        }
        if columns.is_empty() {
            return self.say("no columns to choose from here");
        }
        self.dialog = Some(Dialog::Columns(Box::new(ColumnChoice { columns, picked: 0, before })));
    }

    /// Moves in the list; what is picked counts already, as far as it can be put back.
    pub(super) fn step_choice(&mut self, by: isize) {
        match &mut self.dialog {
            Some(Dialog::Choice(choice)) => {
                let last = choice.items.len().saturating_sub(1);
                choice.picked = choice.picked.saturating_add_signed(by).min(last);
                let picked = choice.picked;
                if matches!(choice.chosen, Chosen::Sort(_)) {
                    self.rows_mut().view_mut().sort = picked;
                    self.resort();
                }
            }
            Some(Dialog::Columns(choice)) => {
                let last = choice.columns.len().saturating_sub(1);
                choice.picked = choice.picked.saturating_add_signed(by).min(last);
            }
            _ => {}
        }
    }

    /// Changes the columns under the cursor, and shows the page so.
    pub(super) fn change_columns(&mut self, action: Action) {
        let Some(Dialog::Columns(choice)) = &mut self.dialog else { return };
        let (place, last) = (choice.picked, choice.columns.len().saturating_sub(1));
        match action {
            Action::Toggle => {
                if let Some((_, shown)) = choice.columns.get_mut(place) {
                    *shown = if *shown == Shown::Yes { Shown::No } else { Shown::Yes };
                }
            }
            Action::MoveDown if place < last => {
                choice.columns.swap(place, place + 1);
                choice.picked += 1;
            }
            Action::MoveUp if place > 0 && place <= last => {
                choice.columns.swap(place, place - 1);
                choice.picked -= 1;
            }
            Action::Defaults => {
                choice.columns = self.column_ids.iter().map(|id| (id.clone(), Shown::Yes)).collect();
                choice.picked = 0;
                self.rows_mut().view_mut().columns = Vec::new();
                return;
            }
            _ => return,
        }
        let columns = choice.columns.clone();
        self.rows_mut().view_mut().columns = columns;
    }

    /// Takes what is picked.
    pub(super) fn keep_choice(&mut self) -> Vec<Effect> {
        match self.dialog.take() {
            Some(Dialog::Choice(choice)) if choice.chosen == Chosen::Form => {
                let form = Form::ALL.get(choice.picked).copied();
                form.map(|form| Effect::Export(form, None)).into_iter().collect()
            }
            Some(Dialog::Themes(_)) => self.keep_theme(),
            _ => Vec::new(),
        }
    }

    /// Leaves a list, and puts back what was tried.
    pub(super) fn leave_choice(&mut self, dialog: Dialog) {
        let before = match dialog {
            Dialog::Choice(choice) => match choice.chosen {
                Chosen::Sort(before) => before,
                Chosen::Form => return,
            },
            Dialog::Columns(choice) => choice.before,
            _ => return,
        };
        *self.rows_mut().view_mut() = before;
        self.resort();
    }
}
