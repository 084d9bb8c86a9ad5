//! Reads the configuration file into checked settings; every mistake is found in one pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::error::ConfigError;
use super::feed::{self, Context};
use super::mapping::{self, Container, Frame};
use super::paths::{self, Env};
use super::price;
use super::raw::{Report, Table};
use super::settings::{From, Settings, Ui};
use crate::wire::format::Format;
use crate::wire::mapping::Mapping;

/// Parts of the configuration that belong to the guard.
const GUARD: [&str; 6] = ["provider", "upstream", "plan", "cap", "guard", "alerts"];

/// Loads the settings: built-in values, then the file, then the environment.
///
/// Without `path` the usual file is read if it is there; a file that is named (here or by `OUTLAY_CONFIG`)
/// must be there. The error is the list of all mistakes.
pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Settings, Vec<ConfigError>> {
    let named = path.is_some() || paths::set(env, "OUTLAY_CONFIG").is_some();
    let file = path.map_or_else(|| paths::config_file(env), Path::to_owned);
    let mut settings = built_in(env);
    let mut errors = match std::fs::read_to_string(&file) {
        Ok(text) => read(&mut settings, &file, &text, env),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Vec::new(),
        Err(error) => {
            let reason = format!("cannot read the configuration: {error}");
            vec![ConfigError { file: Some(file), line: None, key: String::new(), reason }]
        }
    };
    errors.extend(environment(&mut settings, env));
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

fn built_in(env: Env<'_>) -> Settings {
    Settings {
        file: None,
        zone: "UTC".to_owned(),
        store: paths::default_store(env),
        feeds: Vec::new(),
        mappings: BTreeMap::new(),
        prices: Vec::new(),
        ui: Ui { theme: "auto".to_owned() },
        origins: BTreeMap::new(),
    }
}

/// Reads a file's content over the settings; returns every mistake.
fn read(settings: &mut Settings, file: &Path, text: &str, env: Env<'_>) -> Vec<ConfigError> {
    settings.file = Some(file.to_owned());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (parsed, broken) = DeTable::parse_recoverable(text);
    let report = Report::new(file, text);
    for error in &broken {
        report.error("", error.span().unwrap_or_default(), error.message().trim());
    }
    if broken.is_empty() {
        let span = parsed.span();
        let root = Table::new(&report, "", parsed.get_ref(), span);
        sections(settings, root, file, env);
    }
    report.finish()
}

fn sections(settings: &mut Settings, root: Table<'_>, file: &Path, env: Env<'_>) {
    if let Some((name, item)) = root.text("zone")
        && mapping::zone(&name, &item).is_some()
    {
        settings.zone = name;
        settings.origins.insert("zone", From::File(root.report.line(item.span.start)));
    }
    if let Some((text, item)) = root.text("store") {
        match paths::store(&text) {
            Ok(path) => {
                settings.store = paths::beside(file, path, env);
                settings.origins.insert("store", From::File(root.report.line(item.span.start)));
            }
            Err(why) => item.error(why),
        }
    }
    ui(settings, &root);
    let zone = TimeZone::get(&settings.zone).unwrap_or(TimeZone::UTC);
    settings.mappings = mappings(&root, &zone);
    let feeds = root.tables("feed");
    let context = Context { file, env, mappings: &settings.mappings, zone };
    settings.feeds = feeds.into_iter().filter_map(|table| feed::read(table, &context)).collect();
    settings.prices = root.tables("price").into_iter().filter_map(price::read).collect();
    root.refuse_rest(|key| {
        GUARD.contains(&key).then(|| format!("`{key}` belongs to the guard, which this version does not have"))
    });
}

fn ui(settings: &mut Settings, root: &Table<'_>) {
    let Some(table) = root.get("ui").and_then(|item| item.table()) else { return };
    if let Some((theme, item)) = table.text("theme") {
        settings.ui.theme = theme;
        settings.origins.insert("ui.theme", From::File(root.report.line(item.span.start)));
    }
    table.refuse_rest(|_| None);
}

fn mappings(root: &Table<'_>, zone: &TimeZone) -> BTreeMap<String, Arc<Mapping>> {
    let mut mappings = BTreeMap::new();
    let Some(all) = root.get("mapping").and_then(|item| item.table()) else { return mappings };
    for (name, item) in all.entries() {
        let Some(table) = item.table() else { continue };
        if name == "auto" || Format::parse(&name).is_some() {
            table.error(format!("`{name}` is a built-in format: choose another name"));
        }
        let frame = Frame {
            name: name.clone(),
            scope: name.clone(),
            container: if has_source(&table) { Container::Sqlite } else { Container::Jsonl },
            zone: zone.clone(),
        };
        let mapping = mapping::read(&table, frame);
        table.refuse_rest(|_| None);
        mappings.extend(mapping.map(|mapping| (name, Arc::new(mapping))));
    }
    mappings
}

fn has_source(table: &Table<'_>) -> bool {
    table.get("table").is_some() || table.get("query").is_some()
}

/// Takes what the environment sets; it wins over the file.
fn environment(settings: &mut Settings, env: Env<'_>) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut refuse = |key: &str, reason: String| {
        errors.push(ConfigError { file: None, line: None, key: key.to_owned(), reason });
    };
    if let Some(text) = paths::set(env, "OUTLAY_STORE") {
        match paths::store(&text) {
            Ok(path) => {
                settings.store = PathBuf::from(paths::expand(path, env));
                settings.origins.insert("store", From::Environment("OUTLAY_STORE"));
            }
            Err(why) => refuse("OUTLAY_STORE", why),
        }
    }
    if let Some(name) = paths::set(env, "OUTLAY_TZ") {
        match TimeZone::get(&name) {
            Ok(_) => {
                settings.zone = name;
                settings.origins.insert("zone", From::Environment("OUTLAY_TZ"));
            }
            Err(_) => refuse("OUTLAY_TZ", format!("is \"{name}\": expected a time zone like Europe/Berlin")),
        }
    }
    if let Some(theme) = paths::set(env, "OUTLAY_THEME") {
        settings.ui.theme = theme;
        settings.origins.insert("ui.theme", From::Environment("OUTLAY_THEME"));
    }
    errors
}

/// Reads settings from text, for tests.
#[cfg(test)]
pub fn from_text(text: &str) -> Result<Settings, Vec<ConfigError>> {
    let env = |name: &str| (name == "HOME").then(|| "/h".to_owned());
    let mut settings = built_in(&env);
    let errors = read(&mut settings, Path::new("/c/outlay.toml"), text, &env);
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}
