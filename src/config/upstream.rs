//! `[[upstream]]`: the providers that the guard stands in front of.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::guard::length;
use super::paths::{self, Env};
use super::raw::{Item, Table};
use crate::domain::call::{Provider, Region, Tier};
use crate::wire::dialect::Dialect;

/// One upstream. The key itself is nowhere in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSetting {
    /// Its name, which may stand in front of a path: `/NAME/v1/…`.
    pub name: String,
    /// Which language it speaks.
    pub dialect: Dialect,
    /// Who bills for it.
    pub provider: Provider,
    /// Where it is: scheme, host, port and the start of the path, without a slash at its end.
    pub base_url: BaseUrl,
    /// Where its key is found.
    pub key: KeySource,
    /// Where it processes, where a request does not say.
    pub region: Region,
    /// The tiers that its account may serve where a request does not say.
    pub tiers: Vec<Tier>,
    /// What happens to an answer whose reader has gone.
    pub on_abort: OnAbort,
    /// How the size of a prompt is bounded.
    pub input_bound: InputBound,
    /// How long an answer may take to begin, and to end.
    pub timeout: Duration,
    /// The line of the file it stands on.
    pub line: usize,
}

/// A checked base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// Host and port as written.
    pub authority: String,
    /// The path, without a slash at its end; may be empty.
    pub path: String,
}

/// Where a key is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In this environment variable.
    Environment(String),
    /// In this file, which nobody else may read.
    File(PathBuf),
    /// It needs none.
    None,
}

/// What happens to an answer whose reader has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAbort {
    /// It is read to its usage and settled.
    #[default]
    Drain,
    /// The connection is closed, and the call is charged in full.
    Close,
}

/// How the size of a prompt is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputBound {
    /// By the model's own tokenizer where that is known and cheap, else by bytes.
    #[default]
    Tokens,
    /// By bytes alone.
    Bytes,
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl std::fmt::Display for UpstreamSetting {
    /// Writes what may be shown: of the key, only where it is found.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = match &self.key {
            KeySource::Environment(name) => format!(", key in ${name}"),
            KeySource::File(path) => format!(", key in {}", path.display()),
            KeySource::None => ", no key".to_owned(),
        };
        let close = if self.on_abort == OnAbort::Close { ", closed when its reader goes" } else { "" };
        write!(f, "{} at {}{key}{close}", self.dialect.as_str(), self.base_url)
    }
}

impl BaseUrl {
    /// Returns the host without its port, in lower case and without brackets.
    pub fn host(&self) -> String {
        let bare = match self.authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.authority.split(':').next().unwrap_or(&self.authority),
        };
        bare.to_ascii_lowercase()
    }

    /// Says whether it names this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Checks a URL; the error says what is wrong in plain words.
    fn parse(text: &str, plain_http: bool) -> Result<BaseUrl, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            _ => return Err("expected https://HOST/…".to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        if authority.contains('@') {
            return Err("has a user's name in it: give the key by key_env or key_file".to_owned());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if authority.is_empty() || !authority.chars().all(plain) {
            return Err("expected a host name and at most a port after the scheme".to_owned());
        }
        let below = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '/');
        let dotted = path.split('/').any(|part| matches!(part, "." | ".."));
        if !path.chars().all(below) || path.contains("//") || dotted {
            return Err("has a path, query or fragment that cannot be the start of others".to_owned());
        }
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let url = BaseUrl { scheme, authority: authority.to_owned(), path };
        if let Ok(address) = url.host().parse::<IpAddr>()
            && is_forbidden(address)
        {
            return Err(format!("{address} is no provider's address"));
        }
        if scheme == "http" && !url.is_loopback() && !plain_http {
            return Err("would send the key in the clear: use https, or say plain_http = true".to_owned());
        }
        Ok(url)
    }
}

/// Says whether an address is one that no provider has: of the link, of a cloud's metadata, of nobody.
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            let metadata = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
            let link = v6.segments()[0] & 0xffc0 == 0xfe80;
            let mapped = v6.to_ipv4_mapped().is_some_and(|v4| is_forbidden(IpAddr::V4(v4)));
            link || metadata || mapped || v6.is_unspecified() || v6.is_multicast()
        }
    }
}

/// Reads one `[[upstream]]`; mistakes are noted.
pub(super) fn read(table: Table<'_>, file: &std::path::Path, env: Env<'_>) -> Option<UpstreamSetting> {
    let line = table.report.line(table.span.start);
    let name = table.text("name").and_then(|(name, item)| named(name, &item));
    if name.is_none() && table.get("name").is_none() {
        table.error("has no `name`");
    }
    let dialects = Dialect::ALL.map(|dialect| (dialect.as_str(), dialect));
    let dialect = table.get("dialect").map_or_else(
        || {
            table.error("has no `dialect`: expected openai, anthropic, gemini or compatible");
            None
        },
        |item| item.choice(&dialects),
    );
    let plain_http = table.flag("plain_http").unwrap_or(false);
    let base_url = if let Some((text, item)) = table.text("base_url") {
        BaseUrl::parse(&text, plain_http)
            .map_err(|why| item.error(format!("is \"{}\": {why}", redacted(&text))))
            .ok()
    } else {
        table.error("has no `base_url`");
        None
    };
    let setting = UpstreamSetting {
        name: name?,
        dialect: dialect?,
        provider: provider(&table, dialect?),
        base_url: base_url?,
        key: key(&table, file, env),
        region: table.text("region").map_or(Region::Global, |(word, _)| Region::parse(&word)),
        tiers: table.get("tiers").map_or_else(Vec::new, |item| tiers(&item)),
        on_abort: choice(&table, "on_abort", &[("drain", OnAbort::Drain), ("close", OnAbort::Close)]),
        input_bound: if table.flag("strict") == Some(true) { InputBound::Bytes } else { InputBound::Tokens },
        timeout: length(&table, "timeout").unwrap_or(Duration::from_mins(10)),
        line,
    };
    table.refuse_rest(|key| {
        matches!(key, "key" | "api_key").then(|| {
            "a key does not belong in this file: name its variable by key_env, or its file by key_file"
                .to_owned()
        })
    });
    Some(setting)
}

fn choice<T: Copy + Default>(table: &Table<'_>, key: &'static str, choices: &[(&str, T)]) -> T {
    table.get(key).and_then(|item| item.choice(choices)).unwrap_or_default()
}

fn named(name: String, item: &Item<'_>) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let good = (1..=64).contains(&name.len()) && name.chars().all(plain);
    let taken = matches!(name.as_str(), "v1" | "v1beta");
    if taken || !good {
        item.error(format!(
            "is \"{}\": expected letters, digits, - and _, and no version",
            crate::domain::label::printable(&name, 60)
        ));
        return None;
    }
    Some(name)
}

fn provider(table: &Table<'_>, dialect: Dialect) -> Provider {
    let given = table.text("provider").map(|(name, _)| Provider::new(&name));
    given.unwrap_or_else(|| dialect.provider())
}

fn key(table: &Table<'_>, file: &std::path::Path, env: Env<'_>) -> KeySource {
    match (table.text("key_env"), table.text("key_file")) {
        (Some((_, item)), Some(_)) => {
            item.error("stands beside `key_file`: a key comes from one place");
            KeySource::None
        }
        (Some((name, _)), None) => KeySource::Environment(name),
        (None, Some((path, _))) => KeySource::File(paths::beside(file, &path, env)),
        (None, None) => KeySource::None,
    }
}

fn tiers(item: &Item<'_>) -> Vec<Tier> {
    let known: Vec<(&str, Tier)> = Tier::ALL
        .into_iter()
        .filter(|tier| *tier != Tier::CacheHit)
        .map(|tier| (if tier == Tier::Standard { "standard" } else { tier.as_str() }, tier))
        .collect();
    item.items().iter().filter_map(|word| word.choice(&known)).collect()
}

/// Returns a URL as it may be shown: without what stands before an `@`, or after the path.
fn redacted(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let shown = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    crate::domain::label::printable(&shown, 120)
}
