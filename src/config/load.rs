//! Reads the configuration file into checked settings; every mistake is found in one pass.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml::de::DeTable;

use super::cap;
use super::error::ConfigError;
use super::feed::{self, Context};
use super::guard::{self, GuardSetting};
use super::mapping::{self, Container, Frame};
use super::paths::{self, Env};
use super::price;
use super::raw::{Report, Table};
use super::settings::{From, KeySetting, Settings};
use super::ui::{self, Access, Ui};
use super::upstream;
use crate::wire::format::Format;
use crate::wire::mapping::Mapping;

/// Parts of the configuration that this version does not have.
const LATER: [&str; 2] = ["provider", "alerts"];

/// Loads the settings: built-in values, then the file, then the environment.
///
/// Without `path` the usual file is read if it is there; a file that is named (here or by `OUTLAY_CONFIG`)
/// must be there. The error is the list of all mistakes.
pub fn load(path: Option<&Path>, env: Env<'_>) -> Result<Settings, Vec<ConfigError>> {
    let named = path.is_some() || paths::set(env, "OUTLAY_CONFIG").is_some();
    let file = path.map(Path::to_owned).or_else(|| paths::config_file(env));
    let mut settings = built_in(env);
    let mut errors = match file {
        Some(file) => match std::fs::read_to_string(&file) {
            Ok(text) => read(&mut settings, &file, &text, env),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Vec::new(),
            Err(error) => {
                let reason = format!("cannot read the configuration: {error}");
                vec![ConfigError { file: Some(file), line: None, key: String::new(), reason }]
            }
        },
        None => Vec::new(),
    };
    errors.extend(environment(&mut settings, env));
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

/// Reads the content of a configuration file over the built-in settings; what the environment sets stays
/// out of it, but for the home directory. The error is the list of all mistakes.
pub fn parse(file: &Path, text: &str, env: Env<'_>) -> Result<Settings, Vec<ConfigError>> {
    let mut settings = built_in(env);
    let errors = read(&mut settings, file, text, env);
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
        guard: GuardSetting::default(),
        upstreams: Vec::new(),
        plans: Vec::new(),
        caps: Vec::new(),
        ui: Ui::default(),
        access: Access::default(),
        keys: Vec::new(),
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
                settings.store = Some(paths::beside(file, path, env));
                settings.origins.insert("store", From::File(root.report.line(item.span.start)));
            }
            Err(why) => item.error(why),
        }
    }
    ui::read(settings, &root);
    settings.access = ui::access(&root);
    keys(settings, &root);
    let zone = TimeZone::get(&settings.zone).unwrap_or(TimeZone::UTC);
    settings.mappings = mappings(&root, &zone);
    let feeds = root.tables("feed");
    let context = Context { file, env, mappings: &settings.mappings, zone };
    settings.feeds = feeds.into_iter().filter_map(|table| feed::read(table, &context)).collect();
    settings.prices = root.tables("price").into_iter().filter_map(price::read).collect();
    gate(settings, &root, file, env);
    root.refuse_rest(|key| LATER.contains(&key).then(|| format!("this version does not have `{key}`")));
}

/// Reads what belongs to the guard.
fn gate(settings: &mut Settings, root: &Table<'_>, file: &Path, env: Env<'_>) {
    if let Some(table) = root.get("guard").and_then(|item| item.table()) {
        settings.origins.insert("guard", From::File(root.report.line(table.span.start)));
        settings.guard = guard::read(table);
    }
    for table in root.tables("upstream") {
        let span = table.span.clone();
        let Some(upstream) = upstream::read(table, file, env) else { continue };
        if settings.upstreams.iter().any(|other| other.name == upstream.name) {
            root.report.error("upstream.name", span, format!("`{}` is there twice", upstream.name));
        }
        settings.upstreams.push(upstream);
    }
    settings.plans = root.tables("plan").into_iter().filter_map(cap::read_plan).collect();
    settings.caps = root.tables("cap").into_iter().filter_map(cap::read).collect();
}

/// Reads which keys do what; that the actions exist and no key means two things is looked at with the table.
fn keys(settings: &mut Settings, root: &Table<'_>) {
    let Some(table) = root.get("keys").and_then(|item| item.table()) else { return };
    for (action, item) in table.entries() {
        let line = root.report.line(item.span.start);
        settings.keys.push(KeySetting { action, keys: item.texts(), line });
    }
    settings.keys.sort_by_key(|setting| setting.line);
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
                settings.store = paths::expand(path, env);
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
    parse(Path::new("/c/outlay.toml"), text, &|name| (name == "HOME").then(|| "/h".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::{FormatChoice, Ledger, init_text};
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &[(usize, &str, &str)]) {
        let errors = from_text(text).expect_err("mistakes");
        let got: Vec<(usize, &str)> =
            errors.iter().map(|error| (error.line.unwrap_or(0), error.key.as_str())).collect();
        let places: Vec<(usize, &str)> = want.iter().map(|&(line, key, _)| (line, key)).collect();
        assert_eq!(got, places, "{errors:?}");
        for (error, (_, _, words)) in errors.iter().zip(want) {
            assert!(error.reason.contains(words), "{error}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_line_and_the_nearest_name() {
        let text = r#"zoen = "UTC"
store = "postgres://h/d"
[[feed]]
ledger = "a.jsonl"
format = "claud-code"
tenant = "{file}"
[[feed]]
ledger = "b"
sqlite = "c"
[[feed]]
sqlite = "c"
table = "t"
columns = { tmie = "a", input = "b..c", cost_usd = "x", cost_cents = "y" }
[[price]]
model = "m"
input = "2,50"
[[cap]]
scope = "all"
[ui]
theme = 3
"#;
        check(
            text,
            &[
                (1, "zoen", "did you mean `zone`?"),
                (2, "store", "expected a path"),
                (5, "feed.format", "did you mean `claude-code`?"),
                (6, "feed.tenant", "{file_stem}"),
                (9, "feed.sqlite", "beside `ledger`"),
                (13, "feed.columns", "has no time"),
                (13, "feed.columns.input", "b..c"),
                (13, "feed.columns.cost_cents", "second cost"),
                (13, "feed.columns.tmie", "did you mean `time`?"),
                (14, "price", "has no rate"),
                (16, "price.input", "expected dollars per million"),
                (17, "cap", "has no `limit`"),
                (20, "ui.theme", "expected a string"),
            ],
        );
    }

    #[test]
    fn broken_toml_is_told_with_its_line() {
        let errors = from_text("zone = \"UTC\"\nstore = \n").expect_err("broken");
        assert_eq!(errors[0].line, Some(2), "{errors:?}");
        assert!(errors[0].to_string().starts_with("/c/outlay.toml:2: "), "{}", errors[0]);
    }

    #[test]
    fn a_full_file_becomes_settings_that_say_where_they_came_from() {
        let text = r#"zone = "Asia/Seoul"
store = "sqlite:books.db"
[[feed]]
ledger = "~/logs/*.jsonl"
tenant = "{file_stem}"
[[price]]
model = "m"
input = 2.50
since = "2026-01-01"
"#;
        let settings = from_text(text).expect("settings");
        assert_eq!(settings.store.as_deref(), Some(Path::new("/c/books.db")));
        assert_eq!(settings.feeds[0].ledger, Ledger::Glob("/h/logs/*.jsonl".to_owned()));
        assert_eq!(settings.feeds[0].format, FormatChoice::Auto);
        let tenant = settings.feeds[0].tenant.as_ref().expect("a template");
        assert_eq!(tenant.tenant(Path::new("/l/acme.jsonl")).as_str(), "acme");
        assert_eq!(settings.prices[0].input, crate::domain::money::Rate::per_million("2.5"));
        assert_eq!(settings.shown()[0].from, From::File(1));
        assert_eq!(settings.shown()[2].from, From::BuiltIn);
    }

    #[test]
    fn keys_are_read_in_the_order_of_the_file_with_their_lines() {
        let settings =
            from_text("[keys]\nsort = \"F5\"\nfilter = [\"/\", \"ctrl-f\"]\npause = []\n").expect("settings");
        let keys: Vec<_> =
            settings.keys.iter().map(|it| (it.line, it.action.as_str(), it.keys.len())).collect();
        assert_eq!(keys, [(2, "sort", 1), (3, "filter", 2), (4, "pause", 0)]);
        check("[keys]\nsort = 3\n", &[(2, "keys.sort", "expected a string")]);
    }

    #[test]
    fn the_environment_wins_and_a_named_file_must_be_there() {
        let env = |name: &str| match name {
            "HOME" => Some("/nowhere".to_owned()),
            "OUTLAY_STORE" => Some("/s/x.db".to_owned()),
            _ => None,
        };
        let settings = load(None, &env).expect("built-in settings");
        assert_eq!((settings.store.as_deref(), settings.file), (Some(Path::new("/s/x.db")), None));
        assert_eq!(settings.origins["store"], From::Environment("OUTLAY_STORE"));
        assert_eq!(load(Some(Path::new("/nowhere/o.toml")), &env).expect_err("missing").len(), 1);
    }

    #[test]
    fn the_starter_file_changes_nothing_and_is_right_once_its_marks_are_taken_off() {
        assert_eq!(from_text(init_text()).expect("as it is").feeds, []);
        let live = init_text().lines().filter_map(|line| line.strip_prefix('#'));
        let live = live.filter(|rest| !rest.starts_with(' ')).collect::<Vec<_>>().join("\n");
        let settings = from_text(&live).expect("uncommented");
        assert_eq!((settings.feeds.len(), settings.mappings.len(), settings.prices.len()), (2, 1, 1));
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_mistakes(text in "(zone|feed|mapping|columns|time|ledger|=|\\[|\\]|\\{|\\}|\"|\\.|\n| |a|1){0,30}") {
            let _ = from_text(&text);
        }
    }
}
