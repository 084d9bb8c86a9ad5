//! What every subcommand needs: settings, calendar, prices, ledgers, the time.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow};

use super::Usage;
use super::args::{Cli, ScreenArgs};
use crate::config::{self, ConfigError, FormatChoice, PriceSetting, Settings, nearest, paths};
use crate::domain::calendar::Calendar;
use crate::domain::label::Label;
use crate::domain::plan::Plans;
use crate::domain::price::{Class, Price, PriceBook, Source};
use crate::domain::time::Timestamp;
use crate::feed::Problem;
use crate::feed::discover::{Environment, discover};
use crate::feed::ledger::Ledger;
use crate::store::guard::Base;
use crate::tui::keys::{ACTIONS, KeyFault, Keys};

/// Settings, calendar and paths of this run.
pub struct Context {
    /// The checked settings.
    pub settings: Settings,
    /// The calendar of the zone asked for.
    pub calendar: Calendar,
    /// The keys of the screen.
    pub keys: Keys,
    log_file: Option<PathBuf>,
}

impl Context {
    /// Reads the configuration and the flags.
    pub fn new(cli: &Cli) -> anyhow::Result<Context> {
        let loaded = config::load(cli.config.as_deref(), &variable);
        let mut settings = loaded.map_err(|errors| unusable(&errors))?;
        let keys = keys(&settings)?;
        if let Some(zone) = &cli.tz {
            settings.set_zone(zone.clone());
        }
        take_flags(&mut settings, cli.flags());
        if let Some(store) = &cli.store {
            let path = paths::store(store).map_err(|why| Usage(format!("--store {why}")))?;
            let path = paths::expand(path, &variable)
                .ok_or_else(|| Usage(format!("--store {store}: {}", paths::NO_HOME)))?;
            settings.set_store(path);
        }
        let calendar = Calendar::named(&settings.zone).map_err(Usage)?;
        Ok(Context { settings, calendar, keys, log_file: cli.log_file.clone() })
    }

    /// Returns the person at the keyboard, as far as the environment names one: a record, and no proof.
    pub fn person(&self) -> String {
        if let Some(name) = &self.settings.access.who {
            return variable(name).unwrap_or_default();
        }
        let login = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
        login.unwrap_or_else(|| "unknown".to_owned())
    }

    /// Says whether the person may change caps; the error says why not, and what to do.
    pub fn may_change(&self) -> Result<(), String> {
        let (access, person) = (&self.settings.access, self.person());
        match &access.who {
            Some(name) if person.is_empty() => {
                return Err(format!("nobody knows who changes this: set {name} to your name ([access] who)"));
            }
            _ => {}
        }
        let listed = access.writers.is_empty() || access.writers.contains(&person);
        let who = Label::new(&person);
        let names = access.writers.join(", ");
        if listed {
            Ok(())
        } else {
            Err(format!("{who} may change nothing here: {names} may ([access] writers)"))
        }
    }

    /// Returns the path of the store.
    pub fn store_path(&self) -> anyhow::Result<&Path> {
        self.settings.store.as_deref().ok_or_else(|| anyhow!("the store: {}", paths::NO_HOME))
    }

    /// Returns the price book: what an update brought, else the built-in prices; the user's own first.
    pub fn prices(&self) -> anyhow::Result<PriceBook> {
        let mut book = catalogue()?;
        if let Some((own, text)) = own_price_file().and_then(readable) {
            let prices = crate::domain::price::parse_catalogue(&text)
                .map_err(|why| anyhow!("{}: {why}: mend or delete the file", own.display()))?;
            book = book.with_overrides(prices);
        }
        Ok(book.with_overrides(self.settings.prices.iter().map(own_price).collect()))
    }

    /// Returns the caps and plans of the configuration; what is set in the store goes before them.
    pub fn base(&self) -> Base {
        let plans = self.settings.plans.iter().map(|setting| setting.plan.clone());
        let mut plans = Plans::new(plans, self.settings.guard.default_plan);
        for setting in &self.settings.plans {
            for tenant in &setting.tenants {
                plans.assign(*tenant, setting.plan.name);
            }
        }
        Base { caps: self.settings.caps.clone(), plans }
    }

    /// Reads ledgers from the command line.
    pub fn ledgers(&self, given: &[String]) -> anyhow::Result<Vec<Ledger>> {
        let parse = |text: &String| {
            Ledger::parse(text, &environment(), &|name| self.settings.format(name))
                .map_err(|error| Usage(error.to_string()).into())
        };
        given.iter().map(parse).collect()
    }

    /// Returns the feeds of the configuration, else what is found in the usual places.
    pub fn feeds(&self) -> Vec<Ledger> {
        if self.settings.feeds.is_empty() {
            return discover(&environment());
        }
        let ledger = |feed: &config::FeedSetting| Ledger {
            pattern: match &feed.ledger {
                config::Ledger::Glob(glob) => environment().expand_home(glob),
                config::Ledger::Sqlite(path) => path.display().to_string(),
            },
            format: match &feed.format {
                FormatChoice::Auto => None,
                FormatChoice::Named(format) => Some(format.clone()),
            },
            tenant: feed.tenant.clone(),
        };
        self.settings.feeds.iter().map(ledger).collect()
    }

    /// Appends a line to the log file, where one was asked for.
    pub fn log(&self, line: &str) {
        if let Some(path) = &self.log_file {
            append(path, line);
        }
    }

    /// Tells what could not be read: on standard error the first few, and in the log file all.
    pub fn tell(&self, problems: &[Problem]) {
        const TOLD: usize = 5;
        let mut out = io::stderr().lock();
        for (index, problem) in problems.iter().enumerate() {
            self.log(&problem.to_string());
            if index < TOLD {
                let _ = writeln!(out, "outlay: {problem}");
            }
        }
        if problems.len() > TOLD {
            let _ = writeln!(
                out,
                "outlay: and {} more like these; --log-file FILE keeps all",
                problems.len() - TOLD
            );
        }
    }
}

/// Takes what was said of the screen on the command line.
fn take_flags(settings: &mut Settings, flags: &ScreenArgs) {
    if let Some(theme) = &flags.theme {
        settings.set_theme(theme.clone());
    }
    if flags.ascii {
        settings.set_ascii();
    }
    if flags.read_only {
        settings.set_read_only();
    }
}

/// Tells every mistake of a configuration.
fn unusable(errors: &[ConfigError]) -> Usage {
    let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
    Usage(format!("the configuration cannot be used:{}", lines.concat()))
}

/// Returns the keys of the screen with those of the configuration over them.
fn keys(settings: &Settings) -> Result<Keys, Usage> {
    let choices = settings.keys.iter().map(|setting| (setting.action.as_str(), setting.keys.as_slice()));
    Keys::with(choices).map_err(|faults| {
        let error = |fault: KeyFault| {
            let setting = settings.keys.get(fault.choice);
            let action = setting.map_or("", |setting| setting.action.as_str());
            let near = nearest(action, ACTIONS.iter().map(|known| known.1));
            let hint = near.filter(|near| *near != action);
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            ConfigError {
                file: settings.file.clone(),
                line: setting.map(|setting| setting.line),
                key: format!("keys.{action}"),
                reason: format!("{}{hint}", fault.reason),
            }
        };
        unusable(&faults.into_iter().map(error).collect::<Vec<_>>())
    })
}

/// Appends a line, with the time, to a log file; where that cannot be done, says so.
pub fn append(path: &Path, line: &str) {
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let stamp = Calendar::utc().minute_text(now());
    if let Err(error) = file.and_then(|mut file| writeln!(file, "{stamp} {line}")) {
        let _ = writeln!(io::stderr(), "outlay: cannot write the log file {}: {error}", path.display());
    }
}

/// Looks up an environment variable; an empty one counts as not set.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the user's environment as the feeds see it.
pub fn environment() -> Environment<'static> {
    Environment { home: variable("HOME").map(PathBuf::from), variable: &variable }
}

/// The instant at which the clock of this run stands still.
static STOPPED: OnceLock<Timestamp> = OnceLock::new();

/// Stops the clock of this run at an instant: what is drawn then is the same every time.
pub fn stop_clock(at: Timestamp) {
    // Whoever comes second finds it stopped already.
    let _ = STOPPED.set(at);
}

/// Reads the clock.
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock, once an event, and hands it on")]
pub fn now() -> Timestamp {
    if let Some(at) = STOPPED.get() {
        return *at;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Returns what an update brought, else the built-in prices.
pub fn catalogue() -> anyhow::Result<PriceBook> {
    match price_file().and_then(readable) {
        Some((path, text)) => PriceBook::from_catalogue(&text).map_err(|why| {
            let path = path.display();
            anyhow!("{path}: {why}: delete the file to use the built-in prices, or run `outlay prices update` anew")
        }),
        None => Ok(PriceBook::builtin()),
    }
}

/// Returns a file with its text, where there is one.
fn readable(path: PathBuf) -> Option<(PathBuf, String)> {
    fs::read_to_string(&path).ok().map(|text| (path, text))
}

/// Where `outlay prices update` keeps its catalogue.
pub fn price_file() -> Option<PathBuf> {
    paths::data_dir(&variable).map(|folder| folder.join("prices.tsv"))
}

/// Where `outlay prices set` keeps the user's own prices.
pub fn own_price_file() -> Option<PathBuf> {
    paths::data_dir(&variable).map(|folder| folder.join("own-prices.tsv"))
}

/// Writes a file whole or not at all, for its owner alone.
pub fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in the folder {}", folder.display()))?;
    file.write_all(text.as_bytes())?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn own_price(setting: &PriceSetting) -> Price {
    let rates = [
        (Class::Input, setting.input),
        (Class::Output, setting.output),
        (Class::CacheRead, setting.cache_read),
        (Class::CacheWrite, setting.cache_write),
        (Class::CacheWriteLong, setting.cache_write_long),
    ];
    let price = Price::new(setting.provider.as_str(), setting.model.as_str());
    let price = price.since(setting.since).from_source(Source::User);
    rates.into_iter().fold(price, |price, (class, rate)| match rate {
        Some(rate) => price.with(class, rate),
        None => price,
    })
}
