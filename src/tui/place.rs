//! Where the user is: which keys work there, and which rows they act on.

use super::app::{App, Dialog, Mode};
use super::cap_form::Stage;
use super::first::Slot;
use super::keys::Context;
use super::list::Rows;
use super::paper::{Kind, Step};
use super::tab::Tab;

impl App {
    /// Returns where keys work now.
    pub(super) fn contexts(&self) -> &'static [Context] {
        match (&self.dialog, &self.mode) {
            (Some(Dialog::Help(page)), _) if page.typing => &[Context::Line, Context::Always],
            (Some(Dialog::Help(_)), _) => &[Context::Help, Context::Moving, Context::Always],
            (Some(Dialog::Command(_)), _) => &[Context::Commanding, Context::Always],
            (Some(Dialog::Alerts(list)), _) if list.why.is_some() => &[Context::Line, Context::Always],
            (Some(Dialog::Alerts(_)), _) => &[Context::Alerts, Context::Moving, Context::Always],
            (Some(Dialog::First(first)), _) => match first.slot {
                Slot::List => &[Context::Beginning, Context::Moving, Context::Always],
                _ => &[Context::Answering, Context::Always],
            },
            (Some(Dialog::Text(_)), _) => &[Context::Reading, Context::Moving, Context::Always],
            (Some(Dialog::Columns(_)), _) => &[Context::Columns, Context::Moving, Context::Always],
            (Some(Dialog::Themes(_) | Dialog::Choice(_)), _) => {
                &[Context::Choosing, Context::Moving, Context::Always]
            }
            (Some(Dialog::Paper(paper)), _) => match paper.step {
                Step::Sure => &[Context::Sure, Context::Always],
                Step::Saving => &[Context::Waiting, Context::Always],
                Step::Typing if matches!(paper.kind, Kind::WhatIf | Kind::Calculator) => {
                    &[Context::Asking, Context::Always]
                }
                Step::Typing => &[Context::Form, Context::Always],
            },
            (Some(Dialog::Cap(form)), _) => match form.stage {
                Stage::Typing => &[Context::Form, Context::Always],
                Stage::Sure | Stage::Leaving => &[Context::Sure, Context::Always],
                Stage::Naming(_) => &[Context::Naming, Context::Always],
                Stage::Saving => &[Context::Waiting, Context::Always],
                Stage::Conflict(_) => &[Context::Conflict, Context::Always],
            },
            (None, Mode::Filter(_)) => &[Context::Line, Context::Always],
            (None, _) => self.page_contexts(),
        }
    }

    /// Returns where keys work on this page.
    pub(super) fn page_contexts(&self) -> &'static [Context] {
        use Context::{
            Always, Budgets, Capped, Events, Groups, List, Measured, Moving, Openable, Opened, Page, Prices,
            Spend, Tenants, Undoable,
        };
        match (self.tab, &self.mode) {
            (Tab::Overview | Tab::Errors, Mode::Record(..))
            | (Tab::Sources | Tab::Limits, Mode::Opened(_)) => &[Opened, Moving, Page, Always],
            (Tab::Overview, Mode::Opened(_)) if self.part.lists_calls() => {
                &[Opened, Openable, Capped, Undoable, Spend, Measured, Moving, Page, Always]
            }
            (Tab::Overview, Mode::Opened(_)) => {
                &[Opened, Capped, Undoable, Spend, Measured, Moving, Page, Always]
            }
            (Tab::Overview, _) if self.is_grouped() => &[Groups, List, Spend, Measured, Moving, Page, Always],
            (Tab::Overview, _) => {
                &[Openable, Capped, Tenants, List, Undoable, Spend, Measured, Moving, Page, Always]
            }
            (Tab::Audit, Mode::Opened(_)) => &[Opened, Undoable, Moving, Page, Always],
            (Tab::Audit, _) => &[Openable, List, Undoable, Moving, Page, Always],
            (Tab::Prices, Mode::Opened(_)) => &[Opened, Prices, Moving, Page, Always],
            (Tab::Prices, _) => &[Openable, Prices, List, Spend, Moving, Page, Always],
            (Tab::Budgets, Mode::Opened(_)) => &[Opened, Capped, Undoable, Moving, Page, Always],
            (Tab::Budgets, _) => &[Openable, Capped, Budgets, List, Undoable, Moving, Page, Always],
            (Tab::Guard, _) => &[Context::Guards, List, Moving, Page, Always],
            (Tab::Events, Mode::Opened(_)) => &[Opened, Events, Moving, Page, Always],
            (Tab::Events, _) => &[Openable, Events, List, Moving, Page, Always],
            (Tab::Errors, Mode::Opened(_)) => &[Opened, Openable, Moving, Page, Always],
            (Tab::Sources | Tab::Errors | Tab::Limits, _) => &[Openable, List, Moving, Page, Always],
        }
    }

    /// Returns the rows of the tab.
    pub(super) fn rows(&self) -> &dyn Rows {
        match self.tab {
            Tab::Overview if self.is_grouped() => &self.groups,
            Tab::Overview => &self.tenants,
            Tab::Limits => &self.limits,
            Tab::Budgets => &self.budgets,
            Tab::Prices => &self.prices,
            Tab::Errors => &self.errors,
            Tab::Events => &self.events,
            Tab::Sources => &self.sources,
            Tab::Guard => &self.guards,
            Tab::Audit => &self.audit,
        }
    }

    /// The same, to be changed.
    pub(super) fn rows_mut(&mut self) -> &mut dyn Rows {
        match self.tab {
            Tab::Overview if self.is_grouped() => &mut self.groups,
            Tab::Overview => &mut self.tenants,
            Tab::Limits => &mut self.limits,
            Tab::Budgets => &mut self.budgets,
            Tab::Prices => &mut self.prices,
            Tab::Errors => &mut self.errors,
            Tab::Events => &mut self.events,
            Tab::Sources => &mut self.sources,
            Tab::Guard => &mut self.guards,
            Tab::Audit => &mut self.audit,
        }
    }

    /// Returns the filter of the tab.
    pub(super) fn filter(&self) -> &str {
        self.rows().view().filter.text()
    }
}
