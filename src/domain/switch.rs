//! Whether something is done: a word for it in place of a bare yes or no.

/// Whether something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On,
}

impl Switch {
    /// Says whether it is done.
    pub fn is_on(self) -> bool {
        self == Switch::On
    }

    /// Returns the word for it in the configuration: `true` or `false`.
    pub const fn says(self) -> &'static str {
        match self {
            Switch::Off => "false",
            Switch::On => "true",
        }
    }
}

impl From<bool> for Switch {
    fn from(on: bool) -> Switch {
        if on { Switch::On } else { Switch::Off }
    }
}
