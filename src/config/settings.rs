//! The settings that everything else works with, checked, and where each came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::feed::{FeedSetting, FormatChoice, Ledger};
use super::price::PriceSetting;
use crate::wire::format::Format;
use crate::wire::mapping::Mapping;

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The file they were read from; `None` where there is none.
    pub file: Option<PathBuf>,
    /// The zone in which days, weeks and months are counted, by its IANA name.
    pub zone: String,
    /// The store; `None` where the environment names no place for it and nothing else does.
    pub store: Option<PathBuf>,
    /// The feeds, in the order of the file. Empty: look in the usual places.
    pub feeds: Vec<FeedSetting>,
    /// The mappings by name.
    pub mappings: BTreeMap<String, Arc<Mapping>>,
    /// Prices that go before the built-in ones.
    pub prices: Vec<PriceSetting>,
    /// How the screen looks.
    pub ui: Ui,
    /// Where the single values came from, by key.
    pub origins: BTreeMap<&'static str, From>,
}

/// How the screen looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// The theme's name, or `auto`.
    pub theme: String,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The program.
    BuiltIn,
    /// The file, at this line.
    File(usize),
    /// This environment variable.
    Environment(&'static str),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            From::BuiltIn => f.write_str("built in"),
            From::File(line) => write!(f, "file, line {line}"),
            From::Environment(name) => write!(f, "environment, {name}"),
            From::Flag(name) => write!(f, "flag, {name}"),
        }
    }
}

/// One value as `outlay config show` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where it came from.
    pub from: From,
}

impl Settings {
    /// Finds a format by the name of a mapping or by its fixed name.
    pub fn format(&self, name: &str) -> Option<Format> {
        let mapped = self.mappings.get(name).map(|mapping| Format::Mapped(Arc::clone(mapping)));
        mapped.or_else(|| Format::parse(name))
    }

    /// Takes the zone from a flag.
    pub fn set_zone(&mut self, zone: String) {
        self.zone = zone;
        self.origins.insert("zone", From::Flag("--tz"));
    }

    /// Takes the store from a flag.
    pub fn set_store(&mut self, store: PathBuf) {
        self.store = Some(store);
        self.origins.insert("store", From::Flag("--store"));
    }

    /// Lists every value and where it came from.
    pub fn shown(&self) -> Vec<Shown> {
        let from = |key| self.origins.get(key).cloned().unwrap_or(From::BuiltIn);
        let one = |key: &'static str, value: String| Shown { key: key.to_owned(), value, from: from(key) };
        let mut shown = vec![
            one("zone", self.zone.clone()),
            one("store", self.store.as_ref().map_or_else(String::new, |path| path.display().to_string())),
            one("ui.theme", self.ui.theme.clone()),
        ];
        for (index, feed) in self.feeds.iter().enumerate() {
            let place = match &feed.ledger {
                Ledger::Glob(glob) => glob.clone(),
                Ledger::Sqlite(path) => path.display().to_string(),
            };
            let format = match &feed.format {
                FormatChoice::Auto => "auto",
                FormatChoice::Named(format) => format.name().as_str(),
            };
            let tenant = feed.tenant.as_ref().map_or(String::new(), |t| format!(", tenant {}", t.as_str()));
            let value = format!("{place} as {format}{tenant}");
            shown.push(Shown { key: format!("feed[{index}]"), value, from: From::File(feed.line) });
        }
        shown
    }
}
