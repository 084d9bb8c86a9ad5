//! The settings that everything else works with, checked, and where each came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::cap::PlanSetting;
use super::feed::{FeedSetting, FormatChoice, Ledger};
use super::guard::{GuardSetting, Identity, Reach};
use super::price::PriceSetting;
use super::ui::{Access, Ui};
use super::upstream::UpstreamSetting;
use crate::domain::cap::Cap;
use crate::domain::switch::Switch;
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
    /// Where the guard listens and what it keeps to.
    pub guard: GuardSetting,
    /// The providers behind the guard, in the order of the file.
    pub upstreams: Vec<UpstreamSetting>,
    /// The plans of the file.
    pub plans: Vec<PlanSetting>,
    /// The caps of the file.
    pub caps: Vec<Cap>,
    /// How the screen looks and behaves.
    pub ui: Ui,
    /// Who may change caps.
    pub access: Access,
    /// The keys that are bound anew; whether they can be is known where the table of keys is.
    pub keys: Vec<KeySetting>,
    /// Where the single values came from, by key.
    pub origins: BTreeMap<&'static str, From>,
}

/// An action of the screen and the keys that do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetting {
    /// The action's name.
    pub action: String,
    /// The keys, as they are written; none takes it from the keyboard.
    pub keys: Vec<String>,
    /// The line of the file.
    pub line: usize,
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

    /// Takes the theme from a flag.
    pub fn set_theme(&mut self, theme: String) {
        self.ui.theme = theme;
        self.origins.insert("ui.theme", From::Flag("--theme"));
    }

    /// Takes the characters to draw with from a flag.
    pub fn set_ascii(&mut self) {
        "ascii".clone_into(&mut self.ui.glyphs);
        self.origins.insert("ui.glyphs", From::Flag("--ascii"));
    }

    /// Takes from a flag that nothing can be changed.
    pub fn set_read_only(&mut self) {
        self.ui.read_only = Switch::On;
        self.origins.insert("ui.read_only", From::Flag("--read-only"));
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
        ];
        shown.extend(self.ui.shown().into_iter().map(|(key, value)| one(key, value)));
        shown.push(one("access.writers", self.access.writers.join(", ")));
        shown.push(one(
            "access.who",
            self.access.who.as_ref().map_or_else(String::new, |name| format!("env:{name}")),
        ));
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
        shown.extend(self.keys.iter().map(|setting| Shown {
            key: format!("keys.{}", setting.action),
            value: setting.keys.join(" "),
            from: From::File(setting.line),
        }));
        shown.extend(self.shown_guard(&from("guard")));
        shown
    }

    /// Lists what belongs to the guard; of keys, only where they are found.
    fn shown_guard(&self, from: &From) -> Vec<Shown> {
        let file = self.file.as_ref().map_or(From::BuiltIn, |_| From::File(1));
        let one = |key: &str, value: String| Shown { key: key.to_owned(), value, from: from.clone() };
        let (guard, bounds) = (&self.guard, &self.guard.bounds);
        let yes = |is: bool| if is { "true" } else { "false" }.to_owned();
        let seconds = |length: std::time::Duration| format!("{}s", length.as_secs());
        let plan = guard.default_plan.map_or("", |plan| plan.as_str()).to_owned();
        let mut shown = vec![
            one("guard.listen", guard.listen.to_string()),
            one("guard.admin", guard.admin.to_string()),
            one("guard.trust", yes(guard.identity == Identity::Trust)),
            one("guard.expose", yes(guard.reach == Reach::Exposed)),
            one("guard.hosts", guard.hosts.join(", ")),
            one("guard.default_plan", plan),
            one("guard.default_output", guard.default_output.count().to_string()),
            one("guard.min_output", guard.min_output.count().to_string()),
            one("guard.context_window", guard.context_window.count().to_string()),
            one("guard.image_tokens", guard.image_tokens.count().to_string()),
            one("guard.max_body", bounds.max_body.to_string()),
            one("guard.max_connections", bounds.connections.to_string()),
            one("guard.max_connections_per_peer", bounds.per_peer.to_string()),
            one("guard.max_wait", seconds(bounds.max_wait)),
            one("guard.drain", seconds(bounds.drain)),
        ];
        for upstream in &self.upstreams {
            let from = From::File(upstream.line);
            shown.push(Shown {
                key: format!("upstream.{}", upstream.name),
                value: upstream.to_string(),
                from,
            });
        }
        for PlanSetting { plan, tenants } in &self.plans {
            let caps = plan.caps.iter().map(|cap| format!("{}/{}", cap.limit, cap.window));
            let rate = plan.rate.map(|rate| rate.to_string());
            let tenants = tenants.iter().map(|tenant| format!("tenant {tenant}"));
            let value: Vec<_> = caps.chain(rate).chain(tenants).collect();
            let key = format!("plan.{}", plan.name);
            shown.push(Shown { key, value: value.join(", "), from: file.clone() });
        }
        for (index, cap) in self.caps.iter().enumerate() {
            shown.push(Shown { key: format!("cap[{index}]"), value: cap.to_string(), from: file.clone() });
        }
        shown
    }
}
