//! A row of a foreign table, as the SQLite reader and the CSV reader hand it on.

use std::borrow::Cow;

/// One value of a foreign table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, kept as the shortest text that reads back the same.
    Real(String),
    /// Text.
    Text(String),
}

impl Value {
    /// Returns the value as text; `None` for null.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Null => None,
            Value::Integer(number) => Some(Cow::Owned(number.to_string())),
            Value::Real(text) | Value::Text(text) => Some(Cow::Borrowed(text)),
        }
    }
}

/// One row: the table's column names and this row's values, in the same order.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Column names.
    pub columns: &'a [String],
    /// Values.
    pub values: &'a [Value],
}

impl Row<'_> {
    /// Returns the value of a column, by exact name, then without regard to case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let exact = self.columns.iter().position(|column| column == name);
        let index =
            exact.or_else(|| self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))?;
        self.values.get(index)
    }

    /// Returns a column as text; `None` where the column is missing or null.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.get(name)?.text()
    }
}
