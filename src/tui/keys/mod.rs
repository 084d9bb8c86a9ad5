//! What a key does, in which place, in what words: one table, from which footer, help, command list,
//! `docs/keys.md` and the check of `[keys]` in the configuration are made.

mod action;
mod chord;
mod bound;
mod document;

pub use action::{ACTIONS, Action};
pub use bound::{Bound, KeyFault, Keys};
pub use chord::parse;
pub use document::document;

use super::tab::Tab;

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Everywhere, also in text fields and dialogs.
    Always,
    /// Where something can be scrolled: tables, what was opened, dialogs.
    Moving,
    /// On every page, but in no text field and no dialog.
    Page,
    /// In the tables of the pages.
    List,
    /// In tables whose rows can be opened.
    Openable,
    /// Where sums of the chosen window are shown.
    Spend,
    /// Where the measured thing can be chosen.
    Measured,
    /// In something that `enter` opened.
    Opened,
    /// Where a row can have a cap.
    Capped,
    /// Among the calls as they come.
    Events,
    /// On the page of the guards.
    Guards,
    /// On the page of the caps.
    Budgets,
    /// On the page of prices.
    Prices,
    /// Where a change of a cap can be taken back.
    Undoable,
    /// In the help.
    Help,
    /// In a line that is typed at the bottom.
    Line,
    /// In the command line.
    Commanding,
    /// In a dialog that is chosen from.
    Choosing,
    /// Where rows are tenants.
    Tenants,
    /// Where rows are models, providers or sources.
    Groups,
    /// In the choice of columns.
    Columns,
    /// In the list of alerts.
    Alerts,
    /// In lines to read.
    Reading,
    /// At the first start.
    Beginning,
    /// In the fields of the first start.
    Answering,
    /// In what-if and the calculator.
    Asking,
    /// In the form of a cap or a price.
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

impl Context {
    /// All, in the order of the docs.
    pub const ALL: [Context; 31] = [
        Context::Always,
        Context::Moving,
        Context::Page,
        Context::List,
        Context::Openable,
        Context::Spend,
        Context::Measured,
        Context::Opened,
        Context::Capped,
        Context::Events,
        Context::Guards,
        Context::Budgets,
        Context::Prices,
        Context::Undoable,
        Context::Help,
        Context::Line,
        Context::Commanding,
        Context::Choosing,
        Context::Tenants,
        Context::Groups,
        Context::Columns,
        Context::Alerts,
        Context::Reading,
        Context::Beginning,
        Context::Answering,
        Context::Asking,
        Context::Form,
        Context::Sure,
        Context::Naming,
        Context::Waiting,
        Context::Conflict,
    ];

    /// Returns the words for it.
    pub const fn says(self) -> &'static str {
        match self {
            Context::Always => "everywhere",
            Context::Moving => "in tables, details and dialogs",
            Context::Page => "on every page",
            Context::List => "in every table",
            Context::Openable => "in tables whose rows can be opened",
            Context::Spend => "where sums of the window are shown",
            Context::Measured => "where the measured thing can be chosen",
            Context::Opened => "in what was opened",
            Context::Capped => "where a row can have a cap",
            Context::Events => "among the calls as they come",
            Context::Guards => "on the page of the guards",
            Context::Budgets => "on the Budgets",
            Context::Prices => "on the Prices",
            Context::Undoable => "where a change of a cap can be taken back",
            Context::Help => "in the help",
            Context::Line => "while a filter or a search is typed",
            Context::Commanding => "in the command line",
            Context::Choosing => "in a dialog that is chosen from",
            Context::Tenants => "on the Overview",
            Context::Groups => "on the Overview by something else than tenants",
            Context::Columns => "in the choice of columns",
            Context::Alerts => "in the list of alerts",
            Context::Reading => "in lines to read",
            Context::Beginning => "at the first start",
            Context::Answering => "in the fields of the first start",
            Context::Asking => "in what-if and the calculator",
            Context::Form => "in the form of a cap or a price",
            Context::Sure => "where the form asks again",
            Context::Naming => "where the form asks for the name",
            Context::Waiting => "while a change is saved",
            Context::Conflict => "where someone else has changed the same cap",
        }
    }

    /// Says whether letters are typed there, so that no letter can be a key.
    pub const fn is_typed(self) -> bool {
        matches!(
            self,
            Context::Always
                | Context::Answering
                | Context::Line
                | Context::Commanding
                | Context::Asking
                | Context::Form
                | Context::Naming
        )
    }
}

/// Every set of contexts that can hold at the same time: where no key may mean two things.
pub const TOGETHER: &[&[Context]] = {
    use Context::{
        Alerts, Always, Answering, Asking, Beginning, Budgets, Capped, Choosing, Columns, Commanding,
        Conflict, Events, Form, Groups, Guards, Help, Line, List, Measured, Moving, Naming, Openable, Opened,
        Page, Prices, Reading, Spend, Sure, Tenants, Undoable, Waiting,
    };
    &[
        &[Openable, Capped, Tenants, List, Undoable, Spend, Measured, Moving, Page, Always],
        &[Opened, Capped, Undoable, Spend, Measured, Moving, Page, Always],
        &[Opened, Openable, Moving, Page, Always],
        &[Groups, List, Spend, Measured, Moving, Page, Always],
        &[Opened, Openable, Capped, Undoable, Spend, Measured, Moving, Page, Always],
        &[Openable, Capped, Budgets, List, Undoable, Moving, Page, Always],
        &[Opened, Capped, Undoable, Moving, Page, Always],
        &[Openable, Prices, List, Spend, Moving, Page, Always],
        &[Opened, Prices, Moving, Page, Always],
        &[List, Moving, Page, Always],
        &[Openable, List, Moving, Page, Always],
        &[Opened, Moving, Page, Always],
        &[Openable, Events, List, Moving, Page, Always],
        &[Guards, List, Moving, Page, Always],
        &[Opened, Events, Moving, Page, Always],
        &[Openable, List, Undoable, Moving, Page, Always],
        &[Opened, Undoable, Moving, Page, Always],
        &[Help, Moving, Always],
        &[Line, Always],
        &[Commanding, Always],
        &[Choosing, Moving, Always],
        &[Columns, Moving, Always],
        &[Alerts, Moving, Always],
        &[Reading, Moving, Always],
        &[Beginning, Moving, Always],
        &[Answering, Always],
        &[Asking, Always],
        &[Form, Always],
        &[Sure, Always],
        &[Naming, Always],
        &[Waiting, Always],
        &[Conflict, Always],
    ]
};

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

/// The keys, unless the configuration says otherwise.
pub const DEFAULTS: &[Binding] = &[
    bind(Context::Page, "?", Action::Help, 1),
    bind(Context::Page, "F1", Action::Help, 0),
    bind(Context::Page, "q", Action::Quit, 20),
    bind(Context::Always, "ctrl-c", Action::QuitNow, 0),
    bind(Context::Page, ":", Action::Command, 14),
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
    bind(Context::Moving, "ctrl-d", Action::HalfDown, 0),
    bind(Context::Moving, "ctrl-u", Action::HalfUp, 0),
    bind(Context::Moving, "pgdn", Action::PageDown, 0),
    bind(Context::Moving, "pgup", Action::PageUp, 0),
    bind(Context::Openable, "enter", Action::Open, 2),
    bind(Context::Capped, "c", Action::Cap, 3),
    bind(Context::Budgets, "n", Action::NewCap, 4),
    bind(Context::Budgets, "x", Action::RemoveCap, 5),
    bind(Context::Prices, "W", Action::WhatIf, 3),
    bind(Context::Prices, "K", Action::Calculator, 4),
    bind(Context::Prices, "e", Action::Price, 5),
    bind(Context::Prices, "H", Action::History, 6),
    bind(Context::Asking, "ctrl-y", Action::CopyResult, 1),
    bind(Context::Asking, "ctrl-e", Action::ExportResult, 2),
    bind(Context::Asking, "esc", Action::Back, 3),
    bind(Context::Asking, "tab", Action::NextField, 4),
    bind(Context::Asking, "enter", Action::NextField, 0),
    bind(Context::Asking, "shift-tab", Action::PrevField, 0),
    bind(Context::Asking, "down", Action::Lower, 0),
    bind(Context::Asking, "up", Action::Raise, 0),
    bind(Context::Opened, "esc", Action::Back, 2),
    bind(Context::Opened, "]", Action::NextItem, 4),
    bind(Context::Opened, "[", Action::PrevItem, 4),
    bind(Context::List, "esc", Action::Back, 0),
    bind(Context::List, "/", Action::Filter, 6),
    bind(Context::List, "s", Action::Sort, 7),
    bind(Context::List, "S", Action::Reverse, 0),
    bind(Context::Page, "space", Action::Pause, 8),
    bind(Context::Spend, "w", Action::Window, 10),
    bind(Context::Measured, "v", Action::Measure, 11),
    bind(Context::Page, "r", Action::Refresh, 0),
    bind(Context::Page, "t", Action::Theme, 12),
    bind(Context::Undoable, "u", Action::Undo, 15),
    bind(Context::Guards, "p", Action::PassThrough, 14),
    bind(Context::Events, "f", Action::Follow, 3),
    bind(Context::Events, "n", Action::NextHit, 5),
    bind(Context::Events, "N", Action::PrevHit, 0),
    bind(Context::Help, "n", Action::NextHit, 3),
    bind(Context::Help, "N", Action::PrevHit, 4),
    bind(Context::Reading, "y", Action::CopyText, 1),
    bind(Context::Beginning, "space", Action::Choose, 1),
    bind(Context::Beginning, "tab", Action::NextField, 2),
    bind(Context::Beginning, "shift-tab", Action::PrevField, 0),
    bind(Context::Beginning, "enter", Action::Agree, 3),
    bind(Context::Beginning, "q", Action::Quit, 4),
    bind(Context::Answering, "enter", Action::Agree, 1),
    bind(Context::Answering, "tab", Action::NextField, 2),
    bind(Context::Answering, "shift-tab", Action::PrevField, 0),
    bind(Context::Answering, "esc", Action::Back, 3),
    bind(Context::Reading, "esc", Action::Back, 2),
    bind(Context::Page, "A", Action::Audit, 16),
    bind(Context::Help, "/", Action::Search, 1),
    bind(Context::Help, "esc", Action::Back, 2),
    bind(Context::Line, "enter", Action::Keep, 1),
    bind(Context::Line, "esc", Action::Back, 2),
    bind(Context::Line, "up", Action::Earlier, 3),
    bind(Context::Line, "down", Action::Later, 0),
    bind(Context::Commanding, "enter", Action::Keep, 1),
    bind(Context::Commanding, "esc", Action::Back, 2),
    bind(Context::Commanding, "tab", Action::Complete, 3),
    bind(Context::Commanding, "up", Action::Earlier, 4),
    bind(Context::Commanding, "down", Action::Later, 0),
    bind(Context::Choosing, "enter", Action::Keep, 1),
    bind(Context::Choosing, "esc", Action::Back, 2),
    bind(Context::List, "h", Action::PanLeft, 0),
    bind(Context::List, "left", Action::PanLeft, 0),
    bind(Context::List, "l", Action::PanRight, 0),
    bind(Context::List, "right", Action::PanRight, 0),
    bind(Context::List, "o", Action::Columns, 9),
    bind(Context::Tenants, "z", Action::Fold, 0),
    bind(Context::Tenants, "b", Action::Bars, 0),
    bind(Context::Tenants, "B", Action::Group, 0),
    bind(Context::Groups, "b", Action::Bars, 3),
    bind(Context::Groups, "B", Action::Group, 2),
    bind(Context::List, "y", Action::Copy, 13),
    bind(Context::List, "Y", Action::CopyRow, 0),
    bind(Context::List, "E", Action::Export, 0),
    bind(Context::Page, "+", Action::Faster, 0),
    bind(Context::Page, "-", Action::Slower, 0),
    bind(Context::Page, "m", Action::Mouse, 0),
    bind(Context::Page, "a", Action::Alerts, 0),
    bind(Context::Columns, "space", Action::Toggle, 1),
    bind(Context::Columns, "J", Action::MoveDown, 2),
    bind(Context::Columns, "K", Action::MoveUp, 3),
    bind(Context::Columns, "d", Action::Defaults, 4),
    bind(Context::Columns, "enter", Action::Keep, 5),
    bind(Context::Columns, "esc", Action::Back, 6),
    bind(Context::Alerts, "x", Action::Mute, 1),
    bind(Context::Alerts, "esc", Action::Back, 2),
    bind(Context::Form, "ctrl-s", Action::Apply, 1),
    bind(Context::Form, "esc", Action::Back, 2),
    bind(Context::Form, "tab", Action::NextField, 3),
    bind(Context::Form, "enter", Action::NextField, 0),
    bind(Context::Form, "down", Action::Lower, 0),
    bind(Context::Form, "shift-tab", Action::PrevField, 0),
    bind(Context::Form, "up", Action::Raise, 0),
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
