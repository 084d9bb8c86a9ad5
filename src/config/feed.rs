//! The ways in that the user names: which files or databases, in which format, for whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::error::nearest;
use super::mapping::{self, Container, Frame};
use super::paths::{self, Env};
use super::raw::{Item, Table};
use crate::wire::format::Format;
use crate::wire::mapping::Mapping;
use crate::wire::tenant::TenantTemplate;

/// One `[[feed]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSetting {
    /// Where it lies.
    pub ledger: Ledger,
    /// How it is read.
    pub format: FormatChoice,
    /// For whom every call of it is; `None` where the records say so.
    pub tenant: Option<TenantTemplate>,
    /// The line of the file it stands on.
    pub line: usize,
}

/// Where a feed lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// The files that this pattern matches.
    Glob(String),
    /// One database.
    Sqlite(PathBuf),
}

/// How a feed is read.
#[derive(Clone, Debug, PartialEq)]
pub enum FormatChoice {
    /// Told from the content.
    Auto,
    /// By this format.
    Named(Format),
}

/// What the feeds of one file have in common.
pub struct Context<'a> {
    /// The configuration file.
    pub file: &'a Path,
    /// The environment.
    pub env: Env<'a>,
    /// The mappings by name.
    pub mappings: &'a BTreeMap<String, Arc<Mapping>>,
    /// The zone of days.
    pub zone: TimeZone,
}

/// Reads one `[[feed]]`; mistakes are noted.
pub fn read(table: Table<'_>, context: &Context<'_>) -> Option<FeedSetting> {
    let line = table.report.line(table.span.start);
    let ledger = match (table.text("ledger"), table.text("sqlite")) {
        (Some((glob, _)), None) => {
            Some(Ledger::Glob(paths::beside(context.file, &glob, context.env).to_string_lossy().into_owned()))
        }
        (None, Some((path, _))) => Some(Ledger::Sqlite(paths::beside(context.file, &path, context.env))),
        (Some(_), Some((_, item))) => {
            item.error("stands beside `ledger`: a feed is one or the other");
            None
        }
        (None, None) => {
            table.error("has neither `ledger` nor `sqlite`: expected ledger = \"/path/*.jsonl\"");
            None
        }
    };
    let tenant = table
        .text("tenant")
        .and_then(|(text, item)| TenantTemplate::parse(&text).map_err(|why| item.error(why)).ok());
    let format = table.get("format");
    let choice = match (&format, inline(&table)) {
        (Some(item), false) => named(item, context.mappings),
        (None, false) => Some(FormatChoice::Auto),
        (item, true) => {
            if let Some(item) = item {
                item.error("stands beside `columns`: the columns are the format");
            }
            let frame = frame(ledger.as_ref(), &table, context);
            mapping::read(&table, frame).map(|mapping| FormatChoice::Named(Format::Mapped(Arc::new(mapping))))
        }
    };
    table.refuse_rest(|_| None);
    Some(FeedSetting { ledger: ledger?, format: choice?, tenant, line })
}

/// Says whether a feed brings its own mapping.
fn inline(table: &Table<'_>) -> bool {
    ["columns", "table", "query"].into_iter().any(|key| table.get(key).is_some())
}

fn frame(ledger: Option<&Ledger>, table: &Table<'_>, context: &Context<'_>) -> Frame {
    let (name, scope, container) = if let Some(Ledger::Glob(glob)) = ledger {
        let lower = glob.to_ascii_lowercase();
        let csv = [".csv", ".tsv"].iter().any(|end| lower.ends_with(end));
        ("columns".to_owned(), glob.clone(), if csv { Container::Csv } else { Container::Jsonl })
    } else {
        let name = table.text("table").map_or_else(|| "query".to_owned(), |(name, _)| name);
        (name.clone(), name, Container::Sqlite)
    };
    Frame { name, scope, container, zone: context.zone.clone() }
}

fn named(item: &Item<'_>, mappings: &BTreeMap<String, Arc<Mapping>>) -> Option<FormatChoice> {
    let name = item.text()?;
    if name == "auto" {
        return Some(FormatChoice::Auto);
    }
    if let Some(mapping) = mappings.get(&name) {
        return Some(FormatChoice::Named(Format::Mapped(Arc::clone(mapping))));
    }
    if let Some(format) = Format::parse(&name) {
        return Some(FormatChoice::Named(format));
    }
    let fixed = Format::NAMED.map(|format| format.name().as_str());
    let known: Vec<&str> =
        ["auto"].into_iter().chain(fixed).chain(mappings.keys().map(String::as_str)).collect();
    let hint = nearest(&name, known.iter().copied());
    let hint =
        hint.map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
    item.error(format!("is \"{name}\": no such format or mapping; {hint}"));
    None
}
