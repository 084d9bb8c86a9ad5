//! `[guard]`: where it listens, whom it believes, and how much it takes at a time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::raw::{Item, Table};
use crate::domain::call::ModelId;
use crate::domain::scope::PlanId;
use crate::domain::tokens::Tokens;
use crate::domain::words;

/// The settings of the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardSetting {
    /// Where applications reach it.
    pub listen: SocketAddr,
    /// Where health and metrics are read.
    pub admin: SocketAddr,
    /// How a caller is known.
    pub identity: Identity,
    /// Whether it may listen where other machines reach it.
    pub reach: Reach,
    /// Names in `Host` that are taken beside the loopback ones, in lower case.
    pub hosts: Vec<String>,
    /// The plan of a tenant that is on none.
    pub default_plan: Option<PlanId>,
    /// The output limit that is sent where neither the client nor a `[[guard.model]]` names one.
    pub default_output: Tokens,
    /// The smallest output limit that is written for a client that named none, where little money is left.
    pub min_output: Tokens,
    /// The largest prompt of a model that no `[[guard.model]]` describes.
    pub context_window: Tokens,
    /// The most tokens of one picture.
    pub image_tokens: Tokens,
    /// What is known of single models.
    pub models: Vec<ModelSetting>,
    /// The sizes and times it keeps to.
    pub bounds: Bounds,
}

/// How a caller is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// By a key.
    #[default]
    Key,
    /// By the header `x-outlay-tenant`, which anyone on this machine can write.
    Trust,
}

/// Who may reach the guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine.
    #[default]
    Loopback,
    /// Others too.
    Exposed,
}

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSetting {
    /// Its name.
    pub name: ModelId,
    /// The largest prompt it takes.
    pub context_window: Option<Tokens>,
    /// The most it writes.
    pub max_output: Option<Tokens>,
    /// It is known to write more than it is allowed.
    pub ignores_limits: bool,
}

/// The sizes and times the guard keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest request body, bytes.
    pub max_body: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one address at a time.
    pub per_peer: usize,
    /// How long a call waits for others to end.
    pub max_wait: Duration,
    /// How long calls in flight may go on after the guard is told to stop.
    pub drain: Duration,
    /// How long a request's head may take.
    pub head: Duration,
    /// How long a connection may be idle between requests.
    pub idle: Duration,
    /// In which time a body must bring [`Bounds::PROGRESS`] bytes, and a client must take what it is given.
    pub progress: Duration,
    /// How long a request's body may take in all.
    pub body: Duration,
}

impl Bounds {
    /// The fewest bytes of a body in the time of `progress`.
    pub const PROGRESS: usize = 1 << 10;
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            max_body: 32 << 20,
            connections: 4096,
            per_peer: 1024,
            max_wait: Duration::from_secs(2),
            drain: Duration::from_secs(30),
            head: Duration::from_secs(10),
            idle: Duration::from_mins(1),
            progress: Duration::from_secs(10),
            body: Duration::from_mins(5),
        }
    }
}

impl Default for GuardSetting {
    fn default() -> GuardSetting {
        let here = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        GuardSetting {
            listen: here(4180),
            admin: here(4181),
            identity: Identity::Key,
            reach: Reach::Loopback,
            hosts: Vec::new(),
            default_plan: None,
            default_output: Tokens::new(4096),
            min_output: Tokens::new(1024),
            context_window: Tokens::new(1_000_000),
            image_tokens: Tokens::new(16_384),
            models: Vec::new(),
            bounds: Bounds::default(),
        }
    }
}

impl GuardSetting {
    /// Says what is wrong with the addresses; `None` where nothing is.
    ///
    /// Trust needs the loopback: a header is no proof of anything where others can write it.
    pub fn refuses(&self) -> Option<String> {
        for (name, address) in [("listen", self.listen), ("admin", self.admin)] {
            let inside = address.ip().is_loopback();
            if !inside && self.identity == Identity::Trust {
                return Some(format!(
                    "guard.{name} is {address}: with trust = true only a loopback address is taken"
                ));
            }
            if !inside && self.reach == Reach::Loopback {
                return Some(format!(
                    "guard.{name} is {address}, which other machines can reach: say expose = true or --expose"
                ));
            }
        }
        None
    }
}

/// Reads `[guard]`; mistakes are noted.
pub(super) fn read(table: Table<'_>) -> GuardSetting {
    let usual = GuardSetting::default();
    let setting = GuardSetting {
        listen: address(&table, "listen").unwrap_or(usual.listen),
        admin: address(&table, "admin").unwrap_or(usual.admin),
        identity: if table.flag("trust") == Some(true) { Identity::Trust } else { Identity::Key },
        reach: if table.flag("expose") == Some(true) { Reach::Exposed } else { Reach::Loopback },
        hosts: table.get("hosts").map_or_else(Vec::new, |item| hosts(&item)),
        default_plan: table.text("default_plan").map(|(name, _)| PlanId::new(&name)),
        default_output: tokens(&table, "default_output").unwrap_or(usual.default_output),
        min_output: tokens(&table, "min_output").unwrap_or(usual.min_output),
        context_window: tokens(&table, "context_window").unwrap_or(usual.context_window),
        image_tokens: tokens(&table, "image_tokens").unwrap_or(usual.image_tokens),
        models: table.tables("model").into_iter().filter_map(model).collect(),
        bounds: bounds(&table),
    };
    if let Some(why) = setting.refuses() {
        table.error(why);
    }
    table.refuse_rest(|_| None);
    setting
}

fn bounds(table: &Table<'_>) -> Bounds {
    let usual = Bounds::default();
    Bounds {
        max_body: size(table, "max_body").unwrap_or(usual.max_body),
        connections: size(table, "max_connections").unwrap_or(usual.connections),
        per_peer: size(table, "max_connections_per_peer").unwrap_or(usual.per_peer),
        max_wait: length(table, "max_wait").unwrap_or(usual.max_wait),
        drain: length(table, "drain").unwrap_or(usual.drain),
        ..usual
    }
}

fn model(table: Table<'_>) -> Option<ModelSetting> {
    let name = table.text("name").map(|(name, _)| name).filter(|name| !name.is_empty());
    if name.is_none() {
        table.error("has no `name`");
    }
    let setting = ModelSetting {
        name: ModelId::new(name.as_deref().unwrap_or_default()),
        context_window: tokens(&table, "context_window"),
        max_output: tokens(&table, "max_output"),
        ignores_limits: table.flag("ignores_limits").unwrap_or(false),
    };
    table.refuse_rest(|_| None);
    name.map(|_| setting)
}

fn address(table: &Table<'_>, key: &'static str) -> Option<SocketAddr> {
    let (text, item) = table.text(key)?;
    let address = text.parse().ok();
    if address.is_none() {
        item.error(format!("is \"{text}\": expected an address and port like 127.0.0.1:4180"));
    }
    address
}

fn hosts(item: &Item<'_>) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let names = item.texts().into_iter().filter(|name| {
        let good = !name.is_empty() && name.chars().all(plain);
        if !good {
            item.error(format!("has \"{name}\": expected a host name without a scheme or path"));
        }
        good
    });
    names.map(|name| name.to_ascii_lowercase()).collect()
}

fn tokens(table: &Table<'_>, key: &'static str) -> Option<Tokens> {
    number(table, key, 1 << 31).map(Tokens::new)
}

fn size(table: &Table<'_>, key: &'static str) -> Option<usize> {
    number(table, key, 1 << 30).and_then(|size| usize::try_from(size).ok())
}

fn number(table: &Table<'_>, key: &'static str, most: u64) -> Option<u64> {
    let item = table.get(key)?;
    let text = item.number()?;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    if number.is_none() {
        item.error(format!("is \"{text}\": expected a whole number from 1 to {most}"));
    }
    number
}

/// Reads a length of time like `90s` or `5m`; nought is one too.
pub(super) fn length(table: &Table<'_>, key: &'static str) -> Option<Duration> {
    let (text, item) = table.text(key)?;
    let seconds = if text == "0" { Some(0) } else { words::seconds(&text) };
    let seconds = seconds.filter(|seconds| *seconds <= 86_400);
    if seconds.is_none() {
        item.error(format!("is \"{text}\": expected a length of time like 30s or 5m"));
    }
    seconds.map(Duration::from_secs)
}
