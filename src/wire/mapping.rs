//! What a user's field mapping says, checked: where each part of a call stands in a foreign record.

use std::collections::BTreeMap;
use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::util::interpolate;
use regex_automata::util::primitives::PatternID;

use super::format::Container;
use super::time::Unit;
use crate::domain::label::Label;
use crate::domain::money::{Money, Rate};

/// A checked mapping from foreign fields to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// Its name in reports.
    pub name: Label,
    /// Keeps its identities apart from those of other mappings: records of two scopes are never copies of
    /// each other.
    pub scope: String,
    /// How the records lie on disk.
    pub shape: Shape,
    /// When the call was made.
    pub time: When,
    /// Who it was made for.
    pub tenant: Words,
    /// Which model answered.
    pub model: Words,
    /// Who bills for it.
    pub provider: Words,
    /// The service tier.
    pub tier: Words,
    /// The token counts.
    pub counts: Counts,
    /// How many calls a record stands for; 1 where there is no such field.
    pub calls: Field,
    /// Dollars that the record states.
    pub cost: Option<CostField>,
    /// All must hold, or the record is left out.
    pub filters: Vec<Filter>,
    /// What a record is recognised by when it is read again.
    pub key: Key,
    /// Which of several records with one key counts.
    pub winner: Winner,
    /// Values that stand for "no value".
    pub missing: Vec<String>,
    /// How numbers are written.
    pub decimal: Decimal,
}

/// How mapped records lie on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One JSON object (or array) per line.
    Lines,
    /// Comma-separated values, or values separated by another byte.
    Csv {
        /// The byte between two values; `None` where the first line is to tell.
        delimiter: Option<u8>,
        /// Whether the first record names the columns. Without it they are named `1`, `2`, ….
        header: Header,
    },
    /// A table, or the answer to a query, of a SQLite database.
    Table(Source),
    /// OTLP/JSON lines, of which one signal is read: each span or log record is a row of its attributes.
    Otlp(SignalKind),
}

/// One of the signals of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// Spans.
    Spans,
    /// Log records.
    Logs,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimal {
    /// `1,234.50`.
    #[default]
    Point,
    /// `1.234,50`.
    Comma,
}

/// Whether a CSV file names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// In its first record.
    First,
    /// Nowhere.
    Absent,
}

/// What is asked of a database, and how its rows change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A table's name or a `SELECT`.
    pub from: From,
    /// How rows come and change.
    pub mode: Mode,
    /// The column that grows with each new row, where the user named one.
    pub cursor: Option<String>,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A table or view.
    Table(String),
    /// A `SELECT`.
    Query(String),
}

/// How the rows of a table come and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Rows are only added: reading goes on where it ended.
    Append,
    /// Rows are changed in place: all are read again each time.
    Upsert,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value under a key.
    Key(String),
    /// The value at a place of an array, from 0.
    Index(usize),
    /// The JSON written inside a string.
    Json,
}

/// The way to one value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The path as the user wrote it; a column of exactly this name is found first.
    pub written: String,
    /// The steps, at least one.
    pub steps: Vec<Step>,
}

/// Paths to one value, in order: the first that leads to a value counts. Empty: no such value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field(pub Vec<Path>);

/// When the call was made.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// When the file was first seen: the records carry no time.
    FirstSeen,
    /// A field.
    At(TimeField),
}

/// A field that holds an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeField {
    /// Where it stands.
    pub field: Field,
    /// How it is written.
    pub unit: TimeUnit,
    /// The zone of values that name none.
    pub zone: jiff::tz::TimeZone,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// As a calendar time or as an epoch number, told from the value.
    Any,
    /// As an epoch number of this unit.
    Epoch(Unit),
    /// As a calendar time.
    Calendar,
    /// As a day: the instant is its first moment, and what follows the day is not looked at.
    Day,
}

/// A name: a field, cut out of it, translated, or a constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// Where it stands; empty for a constant.
    pub field: Field,
    /// Keep what follows the first of these.
    pub after: Option<String>,
    /// Keep what stands before the first of these.
    pub before: Option<String>,
    /// Keep what this pattern finds.
    pub capture: Option<Capture>,
    /// Translations of single values.
    pub values: BTreeMap<String, String>,
    /// The name where there is none, or the constant.
    pub default: String,
}

/// A pattern, and what is made of what it finds.
#[derive(Clone, Debug)]
pub struct Capture {
    written: String,
    pattern: Regex,
    template: String,
}

impl PartialEq for Capture {
    fn eq(&self, other: &Capture) -> bool {
        (&self.written, &self.template) == (&other.written, &other.template)
    }
}

impl Capture {
    /// Checks a regular expression and a template, in which `$1` and `$name` stand for its groups. Without a
    /// template it is the first group, or all of the match.
    ///
    /// The error says in plain words what is wrong.
    pub fn parse(pattern: &str, template: Option<&str>) -> Result<Capture, String> {
        let regex = Regex::new(pattern).map_err(|error| {
            let why = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
            format!("is no regular expression: {}", why.lines().last().unwrap_or_default())
        })?;
        let groups = regex.captures_len();
        let template = template.unwrap_or(if groups > 1 { "$1" } else { "$0" }).to_owned();
        Ok(Capture { written: pattern.to_owned(), pattern: regex, template })
    }

    /// Returns what the pattern makes of a text; `None` where it does not match.
    pub fn of(&self, text: &str) -> Option<String> {
        let mut found = self.pattern.create_captures();
        self.pattern.captures(text, &mut found);
        if !found.is_match() {
            return None;
        }
        let mut made = String::new();
        let group = |index: usize, made: &mut String| {
            let span = found.get_group(index);
            made.push_str(span.and_then(|span| text.get(span.range())).unwrap_or_default());
        };
        let name = |name: &str| found.group_info().to_index(PatternID::ZERO, name);
        interpolate::string(&self.template, group, name, &mut made);
        Some(made)
    }
}

/// Where the token counts stand, and which of them include which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Prompt tokens.
    pub input: Field,
    /// Tokens read from the cache.
    pub cache_read: Field,
    /// Tokens written to the cache, for any life.
    pub cache_write: Field,
    /// Tokens written to the cache for its short life.
    pub cache_write_short: Field,
    /// Tokens written to the cache for its long life.
    pub cache_write_long: Field,
    /// Generated tokens.
    pub output: Field,
    /// Tokens generated while reasoning.
    pub reasoning: Field,
    /// How `input` and the cache reads lie to each other.
    pub read: Overlap,
    /// How `input` and the cache writes lie to each other.
    pub write: Overlap,
    /// How `output` and `reasoning` lie to each other.
    pub thought: Overlap,
}

/// Whether a count includes another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The two are disjoint.
    #[default]
    Apart,
    /// The larger includes the smaller.
    Within,
}

/// A field that holds money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostField {
    /// Where it stands.
    pub field: Field,
    /// Its unit.
    pub unit: MoneyUnit,
    /// A field that names the currency; a record in another one than USD is refused.
    pub currency: Field,
}

/// The unit of a stated cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyUnit {
    /// Dollars.
    Usd,
    /// Hundredths of a dollar.
    Cents,
    /// Millionths of a dollar.
    MicroUsd,
    /// Billionths of a dollar.
    NanoUsd,
    /// Credits, each worth this.
    Credits(Rate),
}

impl MoneyUnit {
    /// Parses an amount of this unit; digits below the nanodollar are rounded to the nearest. `None` where it
    /// is no number or does not fit.
    pub fn parse(self, text: &str) -> Option<Money> {
        match self {
            MoneyUnit::Usd => Money::parse_scaled(text, 9),
            MoneyUnit::Cents => Money::parse_scaled(text, 7),
            MoneyUnit::MicroUsd => Money::parse_scaled(text, 3),
            MoneyUnit::NanoUsd => Money::parse_scaled(text, 0),
            MoneyUnit::Credits(rate) => {
                const SCALE: i128 = 1_000_000_000_000;
                let credits = Money::parse_scaled(text, 9)?.nanos();
                let exact = i128::from(credits) * i128::from(rate.picos());
                let nanos = (exact + SCALE / 2).div_euclid(SCALE);
                i64::try_from(nanos).ok().map(Money::from_nanos)
            }
        }
    }
}

/// A condition on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The value it looks at; none is the empty text.
    pub field: Field,
    /// What it asks.
    pub test: Test,
}

/// What a filter asks of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these.
    NotIn(Vec<String>),
    /// It begins with one of these.
    Prefix(Vec<String>),
}

impl Test {
    /// Says whether a value passes.
    pub fn passes(&self, value: &str) -> bool {
        match self {
            Test::In(list) => list.iter().any(|item| item == value),
            Test::NotIn(list) => list.iter().all(|item| item != value),
            Test::Prefix(list) => list.iter().any(|item| value.starts_with(item.as_str())),
        }
    }
}

/// What a record is recognised by when it is read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Where it stands: file and byte, or table and row.
    Place,
    /// The values of these fields together.
    Fields(Vec<Field>),
    /// The bucket of an aggregate: tenant, day, model, provider and tier.
    Bucket,
}

/// Which of several records with one key counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Winner {
    /// The one read last.
    #[default]
    Last,
    /// The one read first.
    First,
    /// The one with the largest count in this field; among equals the later one.
    Largest(Field),
}

impl Mapping {
    /// The values that stand for "no value" unless the mapping says otherwise.
    pub const MISSING: [&'static str; 5] = ["", "-", "None", "null", "N/A"];

    /// Says how the mapped format lies on disk.
    pub fn container(&self) -> Container {
        match self.shape {
            Shape::Lines | Shape::Otlp(_) => Container::Lines,
            Shape::Csv { .. } => Container::Story,
            Shape::Table(_) => Container::Sqlite,
        }
    }

    /// Returns every field that the mapping reads, with the name of its part of the call.
    pub fn fields(&self) -> Vec<(&'static str, &Field)> {
        let counts = &self.counts;
        let mut all = vec![
            ("tenant", &self.tenant.field),
            ("model", &self.model.field),
            ("provider", &self.provider.field),
            ("tier", &self.tier.field),
            ("calls", &self.calls),
            ("input", &counts.input),
            ("cache_read", &counts.cache_read),
            ("cache_write", &counts.cache_write),
            ("cache_write_short", &counts.cache_write_short),
            ("cache_write_long", &counts.cache_write_long),
            ("output", &counts.output),
            ("reasoning", &counts.reasoning),
        ];
        if let When::At(time) = &self.time {
            all.push(("time", &time.field));
        }
        if let Some(cost) = &self.cost {
            all.extend([("cost", &cost.field), ("currency", &cost.currency)]);
        }
        all.extend(self.filters.iter().map(|filter| ("filter", &filter.field)));
        if let Key::Fields(key) = &self.key {
            all.extend(key.iter().map(|field| ("key", field)));
        }
        if let Winner::Largest(field) = &self.winner {
            all.push(("winner", field));
        }
        all.retain(|(_, field)| !field.0.is_empty());
        all
    }
}

impl Field {
    /// Says whether a table with these columns can have the value.
    pub fn stands_in(&self, columns: &[String]) -> bool {
        self.0.iter().any(|path| columns.iter().any(|column| path.begins_at(column)))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            write!(f, "`{}`", path.written)?;
        }
        Ok(())
    }
}

impl Path {
    /// Parses `a.b[0]."key with . or |"` and `column | json | a.b`. A step may also be a bare name with
    /// spaces in it, as the headings of CSV files have.
    ///
    /// The error says in plain words what is wrong with it.
    pub fn parse(text: &str) -> Result<Path, String> {
        let mut rest = text.trim();
        let mut steps = Vec::new();
        let mut after = After::Start;
        while !rest.is_empty() {
            let (step, left) = next_step(rest, after)?;
            after = match &step {
                Some(Step::Json) => After::Start,
                Some(_) => After::Value,
                None => After::Dot,
            };
            steps.extend(step);
            rest = left;
        }
        if after == After::Dot {
            return Err("ends in a dot".to_owned());
        }
        if steps.iter().filter(|step| **step == Step::Json).count() > 1 {
            return Err("holds `| json |` twice: one level of JSON inside a string can be opened".to_owned());
        }
        match steps.first() {
            None => Err("is empty".to_owned()),
            Some(Step::Json) => Err("begins with `| json |`: name the string before it".to_owned()),
            Some(_) => Ok(Path { written: text.trim().to_owned(), steps }),
        }
    }

    /// Says whether the path's first step is this column.
    pub fn begins_at(&self, column: &str) -> bool {
        let first = match self.steps.first() {
            Some(Step::Key(key)) => key.eq_ignore_ascii_case(column),
            _ => false,
        };
        first || self.written.eq_ignore_ascii_case(column)
    }
}

/// What stands before the rest of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    Start,
    Dot,
    Value,
}

/// Takes the next step off a path; a dot alone is no step.
fn next_step(text: &str, after: After) -> Result<(Option<Step>, &str), String> {
    if let Some(rest) = text.strip_prefix('.') {
        let misplaced = after != After::Value;
        return if misplaced {
            Err("has a dot without a name before it".to_owned())
        } else {
            Ok((None, rest))
        };
    }
    if let Some(rest) = text.trim_start().strip_prefix('|') {
        let rest = rest.trim_start().strip_prefix("json").map(str::trim_start);
        let rest = rest.and_then(|rest| rest.strip_prefix('|')).map(str::trim_start);
        return match rest {
            Some(rest) if !rest.is_empty() => Ok((Some(Step::Json), rest)),
            _ => Err("has a `|` that is not followed by `json | path`".to_owned()),
        };
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (number, rest) = rest.split_once(']').ok_or("has a `[` without a `]`")?;
        let index = number.trim().parse().map_err(|_| format!("has `[{number}]`: expected a number"))?;
        return Ok((Some(Step::Index(index)), rest));
    }
    if after == After::Value {
        return Err(format!("has no dot before `{text}`"));
    }
    if let Some(rest) = text.strip_prefix('"') {
        let (key, rest) = rest.split_once('"').ok_or("has a quote that is not closed")?;
        return Ok((Some(Step::Key(key.to_owned())), rest));
    }
    let end = text.find(['.', '[', '|']).unwrap_or(text.len());
    Ok((Some(Step::Key(text[..end].trim().to_owned())), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &[Step]) {
        assert_eq!(Path::parse(text).map(|path| path.steps).as_deref(), Ok(want), "{text}");
    }

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn paths_are_dots_places_quoted_keys_and_opened_strings() {
        check("a", &[key("a")]);
        check("a.b[0].\"x.y\"", &[key("a"), key("b"), Step::Index(0), key("x.y")]);
        check("[2].n", &[Step::Index(2), key("n")]);
        check("meta | json | team.id", &[key("meta"), Step::Json, key("team"), key("id")]);
        check("Time (ms)", &[key("Time (ms)")]);
    }

    #[track_caller]
    fn captures(pattern: &str, template: Option<&str>, text: &str, want: Option<&str>) {
        let capture = Capture::parse(pattern, template).expect("a pattern");
        assert_eq!(capture.of(text).as_deref(), want, "{pattern} {text}");
    }

    #[test]
    fn a_pattern_takes_a_name_out_of_a_text() {
        captures("^([^:]+):", None, "ünits:17", Some("ünits"));
        captures("^([^:]+):", None, "no colon", None);
        captures(r"\w+$", None, "team größe", Some("größe"));
        captures(r"(?i)^(?<org>\w+)/(\w+)", Some("$org-$2"), "Acme/web/1", Some("Acme-web"));
        captures("x(y)?", None, "x", Some(""));
        assert!(Capture::parse("(", None).expect_err("broken").starts_with("is no regular expression: "));
    }

    #[test]
    fn credits_are_worth_their_rate_to_the_nanodollar() {
        let credits = |rate, text| MoneyUnit::Credits(Rate::per_unit(rate).expect("a rate")).parse(text);
        assert_eq!(credits("0.01", "12.5"), Money::parse_dollars("0.125"));
        assert_eq!(credits("0.000000001", "0.5"), Some(Money::from_nanos(1)));
        assert_eq!(credits("0.000000001", "0.4"), Some(Money::ZERO));
        assert_eq!(credits("1", "twelve"), None);
    }

    #[test]
    fn a_broken_path_is_refused_in_words() {
        for text in ["", ".a", "a.", "a..b", "a[", "a[x]", "a[0]b", "\"a", "a | xml | b", "| json | a", "a |"]
        {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse("a | json | b | json | c").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_refused(text in "[a.\\[\\]0\"| jsonµ]{0,24}") {
            if let Ok(path) = Path::parse(&text) {
                prop_assert!(!path.steps.is_empty());
            }
        }
    }
}
