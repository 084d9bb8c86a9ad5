//! How the screen behaves, as configuration and command line say: its label, what it tells beside its cells, what
//! stays when it ends.

use crate::domain::switch::Switch;
use crate::domain::time::Millis;

/// How the screen behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manners {
    /// What these books are the books of: `PROD`.
    pub label: Option<String>,
    /// Whether every change of a cap needs its name.
    pub confirm: Switch,
    /// Whether the terminal's title tells what is spent.
    pub title: Switch,
    /// How new alerts are told beside the screen.
    pub notice: Notice,
    /// Whether a summary stays on the terminal after the end.
    pub exit_summary: Switch,
    /// Whether filters are there at the next start.
    pub keep_filters: Switch,
    /// Whether the mouse is taken at the start.
    pub mouse: Switch,
    /// The least time between two frames that only data asked for.
    pub pace: Millis,
    /// What was found out about the terminal, line by line.
    pub found: Vec<String>,
    /// The program that takes what is copied, with its arguments; empty leaves it to the terminal.
    pub copy_command: Vec<String>,
}

/// How new alerts are told beside the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// Not at all.
    #[default]
    None,
    /// By the terminal's bell.
    Bell,
    /// By a message of the desktop, as iTerm2 began it.
    Osc9,
    /// By a message of the desktop, as urxvt began it.
    Osc777,
}

impl Notice {
    /// All, in the order of the configuration's words.
    pub const ALL: [Notice; 4] = [Notice::None, Notice::Bell, Notice::Osc9, Notice::Osc777];

    /// Returns its word in the configuration.
    pub const fn says(self) -> &'static str {
        match self {
            Notice::None => "none",
            Notice::Bell => "bell",
            Notice::Osc9 => "osc9",
            Notice::Osc777 => "osc777",
        }
    }

    /// Returns the one of a word.
    pub fn named(word: &str) -> Option<Notice> {
        Notice::ALL.into_iter().find(|notice| notice.says() == word)
    }

    /// Returns what is sent to the terminal; nothing where nothing is.
    pub fn sequence(self, words: &str) -> String {
        // Whatever could end the sequence early is no part of the message.
        let words: String = words.chars().filter(|c| !c.is_control() && *c != ';').take(200).collect();
        match self {
            Notice::None => String::new(),
            Notice::Bell => "\x07".to_owned(),
            Notice::Osc9 => format!("\x1b]9;outlay: {words}\x07"),
            Notice::Osc777 => format!("\x1b]777;notify;outlay;{words}\x07"),
        }
    }
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            label: None,
            confirm: Switch::Off,
            title: Switch::Off,
            notice: Notice::None,
            exit_summary: Switch::On,
            keep_filters: Switch::Off,
            mouse: Switch::Off,
            pace: Millis::new(33),
            found: Vec::new(),
            copy_command: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_sequence_whatever_a_name_holds() {
        for notice in Notice::ALL {
            let sent = notice.sequence("evil\x07\x1b]0;title\x07 name;x");
            let ends = sent.matches('\x07').count();
            assert_eq!(ends, usize::from(notice != Notice::None), "{sent:?}");
            assert!(sent.matches('\x1b').count() <= 1, "{sent:?}");
            assert_eq!(Notice::named(notice.says()), Some(notice));
        }
        assert_eq!(Notice::Osc777.sequence("a;b"), "\x1b]777;notify;outlay;ab\x07");
    }
}
