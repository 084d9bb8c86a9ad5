//! TOML as parsed, read key by key: every key that is asked for is known, every other is a mistake.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, nearest};

/// Collects mistakes, and tells lines from offsets.
pub struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    errors: RefCell<Vec<ConfigError>>,
}

impl<'a> Report<'a> {
    /// Starts on a file with this content.
    pub fn new(file: &'a Path, text: &'a str) -> Report<'a> {
        Report { file, text, errors: RefCell::default() }
    }

    /// Notes a mistake at a place of the file.
    pub fn error(&self, key: impl Into<String>, span: Range<usize>, reason: impl Into<String>) {
        self.errors.borrow_mut().push(ConfigError {
            file: Some(self.file.to_owned()),
            line: Some(self.line(span.start)),
            key: key.into(),
            reason: reason.into(),
        });
    }

    /// Returns the line, from 1, of a byte.
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    /// Returns all mistakes, in the order of the file.
    pub fn finish(self) -> Vec<ConfigError> {
        let mut errors = self.errors.into_inner();
        errors.sort_by_key(|error| error.line);
        errors
    }
}

/// One table of the file.
pub struct Table<'a> {
    /// Where mistakes go.
    pub report: &'a Report<'a>,
    /// The table's own place.
    pub span: Range<usize>,
    /// Its name, as `feed` or `mapping.calls`; empty for the whole file.
    pub name: String,
    entries: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
}

/// One value of the file, with its key.
#[derive(Clone)]
pub struct Item<'a> {
    /// Where mistakes go.
    pub report: &'a Report<'a>,
    /// The key, with the tables around it.
    pub key: String,
    /// Its place.
    pub span: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Table<'a> {
    /// Takes a parsed table.
    pub fn new(
        report: &'a Report<'a>,
        name: impl Into<String>,
        entries: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Table<'a> {
        Table { report, span, name: name.into(), entries, asked: RefCell::default() }
    }

    /// Returns the value of a key, and takes the key for known from here on.
    pub fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key);
        self.entries.get(key).map(|value| self.item(key, value))
    }

    /// Returns every entry, for tables whose keys are the user's own names.
    pub fn entries(&self) -> Vec<(String, Item<'a>)> {
        self.entries
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), self.item(key.get_ref(), value)))
            .collect()
    }

    fn item(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Item<'a> {
        Item { report: self.report, key: self.path(key), span: value.span(), value: value.get_ref() }
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Notes a mistake about the table as a whole.
    pub fn error(&self, reason: impl Into<String>) {
        self.report.error(self.name.clone(), self.span.clone(), reason);
    }

    /// Notes every key that nothing asked for. `explain` may know better words for one of them.
    pub fn refuse_rest(self, explain: impl Fn(&str) -> Option<String>) {
        let asked = self.asked.borrow();
        for key in self.entries.keys() {
            let name: &str = key.get_ref();
            if asked.contains(&name) {
                continue;
            }
            let hint = || match nearest(name, asked.iter().copied()) {
                Some(near) => format!("no such key; did you mean `{near}`?"),
                None => format!("no such key; known here: {}", known(&asked)),
            };
            self.report.error(self.path(name), key.span(), explain(name).unwrap_or_else(hint));
        }
    }

    /// Returns a string.
    pub fn text(&self, key: &'static str) -> Option<(String, Item<'a>)> {
        let item = self.get(key)?;
        Some((item.text()?, item))
    }

    /// Returns a boolean.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let item = self.get(key)?;
        let flag = item.value.as_bool();
        if flag.is_none() {
            item.expected("true or false");
        }
        flag
    }

    /// Returns the tables of `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(item) = self.get(key) else { return Vec::new() };
        if item.value.is_array() {
            return item.items().iter().filter_map(Item::table).collect();
        }
        item.error(format!("expected [[{}]]", item.key));
        Vec::new()
    }
}

impl<'a> Item<'a> {
    /// Notes a mistake about this value.
    pub fn error(&self, reason: impl Into<String>) {
        self.report.error(self.key.clone(), self.span.clone(), reason);
    }

    fn expected(&self, what: &str) {
        self.error(format!("is {}: expected {what}", article(self.value.type_str())));
    }

    /// Says whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// Returns a string; anything else is a mistake.
    pub fn text(&self) -> Option<String> {
        let text = self.value.as_str().map(str::to_owned);
        if text.is_none() {
            self.expected("a string");
        }
        text
    }

    /// Returns a string, or a number as it is written; never through a float.
    pub fn number(&self) -> Option<String> {
        let digits = |text: &str| Some(text.replace('_', ""));
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => digits(number.as_str()),
            DeValue::Float(number) => digits(number.as_str()),
            _ => {
                self.expected("a number");
                None
            }
        }
    }

    /// Returns an array's items; anything else counts as an array of itself.
    pub fn items(&self) -> Vec<Item<'a>> {
        let DeValue::Array(items) = self.value else { return vec![self.clone()] };
        let item = |item: &'a Spanned<DeValue<'a>>| Item {
            report: self.report,
            key: self.key.clone(),
            span: item.span(),
            value: item.get_ref(),
        };
        items.iter().map(item).collect()
    }

    /// Returns the strings of a string or an array of strings.
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Item::text).collect()
    }

    /// Returns a table; anything else is a mistake.
    pub fn table(&self) -> Option<Table<'a>> {
        let Some(table) = self.value.as_table() else {
            self.expected("a table");
            return None;
        };
        Some(Table::new(self.report, self.key.clone(), table, self.span.clone()))
    }

    /// Returns which of the named choices a string is.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let hint = nearest(&text, names.iter().copied());
            let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            self.error(format!("is \"{text}\": expected one of {}{hint}", names.join(", ")));
        }
        found
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

fn known(asked: &[&'static str]) -> String {
    let mut names = asked.to_vec();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
