//! What a key can ask for: its name in the configuration, and its words on the screen.

use crate::tui::tab::Tab;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show a page.
    Tab(Tab),
    /// End the program.
    Quit,
    /// End the program, also out of dialogs.
    QuitNow,
    /// Show the keys.
    Help,
    /// Type a command.
    Command,
    /// Show the next page.
    NextTab,
    /// Show the page before.
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
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// A page down.
    PageDown,
    /// A page up.
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
    /// Search this help.
    Search,
    /// Take what is offered or typed.
    Keep,
    /// What was typed before.
    Earlier,
    /// What was typed after that.
    Later,
    /// Complete the word that is typed.
    Complete,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Freeze the picture, or go on.
    Pause,
    /// The next window of time.
    Window,
    /// Cost, tokens or calls.
    Measure,
    /// Read what is shown anew, now.
    Refresh,
    /// Choose a theme.
    Theme,
    /// Show who changed which cap.
    Audit,
    /// Show the newest call, and follow.
    Follow,
    /// Agrees to what is offered at the first start.
    Agree,
    /// Chooses what is offered, or leaves it out.
    Choose,
    /// Copies the lines that are shown.
    CopyText,
    /// Goes to the next hit of what was searched for.
    NextHit,
    /// Goes to the one before.
    PrevHit,
    /// Show the columns further to the left.
    PanLeft,
    /// Show the columns further to the right.
    PanRight,
    /// Choose columns and their order.
    Columns,
    /// Show the column, or hide it.
    Toggle,
    /// Put the column further to the right.
    MoveDown,
    /// Put the column further to the left.
    MoveUp,
    /// Show the columns as they were at first.
    Defaults,
    /// Fold idle tenants into one row, or show them.
    Fold,
    /// Rows of the next thing: tenants, models, providers, sources.
    Group,
    /// Bars beside the numbers, or numbers alone.
    Bars,
    /// Draw more often.
    Faster,
    /// Draw less often.
    Slower,
    /// Take the mouse, or leave it to the terminal.
    Mouse,
    /// Copy what the row is about.
    Copy,
    /// Copy the row.
    CopyRow,
    /// Write what is shown to a file.
    Export,
    /// List everything urgent.
    Alerts,
    /// Mute an alert for an hour.
    Mute,
    /// Draw everything anew.
    Redraw,
    /// Stop until the shell continues us.
    Suspend,
    /// Change the cap of the row.
    Cap,
    /// Set a new cap.
    NewCap,
    /// Take the cap of the row away.
    RemoveCap,
    /// Take a change of a cap back.
    Undo,
    /// Ask what calls would have cost with another model.
    WhatIf,
    /// Reckon what a pattern of calls costs.
    Calculator,
    /// Set another price.
    Price,
    /// Show how the price came about.
    History,
    /// Copy what was reckoned.
    CopyResult,
    /// Write what was reckoned to a file.
    ExportResult,
    /// Let every call pass for a while, or enforce caps again.
    PassThrough,
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
    /// Five in a hundred more, or the field above.
    Raise,
    /// Five in a hundred less, or the field below.
    Lower,
    /// The values that are saved.
    Restore,
    /// Begin again from what someone else has saved.
    TakeTheirs,
    /// Keep what is typed, over what someone else has saved.
    KeepMine,
}

/// Every action with its name in the configuration and its words in footer, help and docs.
pub const ACTIONS: &[(Action, &str, &str)] = &[
    (Action::Tab(Tab::Overview), "overview", "Overview"),
    (Action::Tab(Tab::Limits), "limits", "Limits"),
    (Action::Tab(Tab::Budgets), "budgets", "Budgets"),
    (Action::Tab(Tab::Prices), "prices", "Prices"),
    (Action::Tab(Tab::Errors), "errors", "Errors"),
    (Action::Tab(Tab::Events), "events", "Events"),
    (Action::Tab(Tab::Sources), "sources", "Sources"),
    (Action::Tab(Tab::Guard), "guard", "Guard"),
    (Action::Tab(Tab::Audit), "audit-page", "Audit"),
    (Action::Quit, "quit", "quit"),
    (Action::QuitNow, "quit-now", "quit at once"),
    (Action::Help, "help", "help"),
    (Action::Command, "command", "command line"),
    (Action::NextTab, "next-page", "next page"),
    (Action::PrevTab, "previous-page", "previous page"),
    (Action::Down, "down", "down"),
    (Action::Up, "up", "up"),
    (Action::First, "first", "first"),
    (Action::Last, "last", "last"),
    (Action::HalfDown, "half-page-down", "half a page down"),
    (Action::HalfUp, "half-page-up", "half a page up"),
    (Action::PageDown, "page-down", "page down"),
    (Action::PageUp, "page-up", "page up"),
    (Action::Open, "open", "open"),
    (Action::Back, "back", "back"),
    (Action::NextItem, "next-item", "next"),
    (Action::PrevItem, "previous-item", "previous"),
    (Action::Filter, "filter", "filter"),
    (Action::Search, "search", "search"),
    (Action::Keep, "keep", "keep"),
    (Action::Earlier, "earlier", "earlier line"),
    (Action::Later, "later", "later line"),
    (Action::Complete, "complete", "complete"),
    (Action::Sort, "sort", "sort"),
    (Action::Reverse, "reverse", "reverse"),
    (Action::Pause, "pause", "pause"),
    (Action::Window, "window", "window"),
    (Action::Measure, "measure", "cost/tokens/calls"),
    (Action::Refresh, "refresh", "refresh"),
    (Action::Theme, "theme", "theme"),
    (Action::Audit, "audit", "audit of caps"),
    (Action::Follow, "follow", "follow"),
    (Action::Agree, "agree", "go on"),
    (Action::Choose, "choose", "choose"),
    (Action::CopyText, "copy-lines", "copy these lines"),
    (Action::NextHit, "next-hit", "next hit"),
    (Action::PrevHit, "previous-hit", "hit before"),
    (Action::PanLeft, "pan-left", "columns left"),
    (Action::PanRight, "pan-right", "columns right"),
    (Action::Columns, "columns", "columns"),
    (Action::Toggle, "toggle", "show or hide"),
    (Action::MoveDown, "move-down", "further right"),
    (Action::MoveUp, "move-up", "further left"),
    (Action::Defaults, "defaults", "as at first"),
    (Action::Fold, "fold", "fold idle"),
    (Action::Group, "group", "group by"),
    (Action::Bars, "bars", "bars or numbers"),
    (Action::Faster, "faster", "draw more often"),
    (Action::Slower, "slower", "draw less often"),
    (Action::Mouse, "mouse", "mouse"),
    (Action::Copy, "copy", "copy name"),
    (Action::CopyRow, "copy-row", "copy row"),
    (Action::Export, "export", "export"),
    (Action::Alerts, "alerts", "alerts"),
    (Action::Mute, "mute", "mute 1 h"),
    (Action::Redraw, "redraw", "redraw"),
    (Action::Suspend, "suspend", "suspend"),
    (Action::Cap, "cap", "cap"),
    (Action::NewCap, "new-cap", "new cap"),
    (Action::RemoveCap, "remove-cap", "remove cap"),
    (Action::Undo, "undo", "undo a cap"),
    (Action::WhatIf, "what-if", "what-if"),
    (Action::Calculator, "calculator", "calculator"),
    (Action::Price, "edit-price", "edit price"),
    (Action::History, "price-history", "history"),
    (Action::CopyResult, "copy-result", "copy the result"),
    (Action::ExportResult, "export-result", "write the result to a file"),
    (Action::PassThrough, "pass-through", "pass-through"),
    (Action::Apply, "apply", "apply"),
    (Action::Yes, "yes", "yes, apply"),
    (Action::NextField, "next-field", "next field"),
    (Action::PrevField, "previous-field", "field before"),
    (Action::Left, "left", "left"),
    (Action::Right, "right", "right"),
    (Action::Raise, "raise", "5 % more, or field above"),
    (Action::Lower, "lower", "5 % less, or field below"),
    (Action::Restore, "restore", "saved values"),
    (Action::TakeTheirs, "take-theirs", "start again from theirs"),
    (Action::KeepMine, "keep-mine", "keep mine on top"),
];

impl Action {
    /// Returns its name in the configuration.
    pub fn name(self) -> &'static str {
        self.line().1
    }

    /// Returns the words in footer, help and docs.
    pub fn says(self) -> &'static str {
        self.line().2
    }

    /// Returns the action of a name.
    pub fn named(name: &str) -> Option<Action> {
        ACTIONS.iter().find(|line| line.1 == name).map(|line| line.0)
    }

    /// Says whether it leads to a change of a cap.
    pub const fn is_change(self) -> bool {
        matches!(
            self,
            Action::Cap
                | Action::Undo
                | Action::NewCap
                | Action::RemoveCap
                | Action::Price
                | Action::PassThrough
        )
    }

    /// Says whether it only moves among rows and lines.
    pub const fn is_move(self) -> bool {
        matches!(
            self,
            Action::Down
                | Action::Up
                | Action::First
                | Action::Last
                | Action::HalfDown
                | Action::HalfUp
                | Action::PageDown
                | Action::PageUp
        )
    }

    fn line(self) -> (Action, &'static str, &'static str) {
        ACTIONS.iter().find(|line| line.0 == self).copied().unwrap_or((self, "", ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own() {
        for (place, line) in ACTIONS.iter().enumerate() {
            assert_eq!(Action::named(line.1), Some(line.0), "{} is there twice", line.1);
            assert!(ACTIONS[place + 1..].iter().all(|other| other.0 != line.0), "{} is there twice", line.1);
        }
        for binding in super::super::DEFAULTS {
            assert!(!binding.action.name().is_empty(), "{:?} has no name", binding.action);
        }
    }
}
