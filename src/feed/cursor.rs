//! How far the answer to a question has been read, and what proves that its table is still the same.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::wire::format::Query;
use crate::wire::row::{Row, Value};

/// The last row that was read of an answer that comes in the order of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// What the column held there: nothing larger has been read.
    pub at: Value,
    /// Hash of that row.
    proof: u64,
}

/// The cursors of a database, by question: another question begins anew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cursors(BTreeMap<u64, Cursor>);

/// A value as it is written down.
#[derive(Serialize, Deserialize)]
enum Written {
    Integer(i64),
    Real(String),
    Text(String),
}

impl Cursors {
    /// Returns where the answer to a question was left.
    pub fn get(&self, query: &Query) -> Option<&Cursor> {
        self.0.get(&name(query))
    }

    /// Remembers where the answer to a question was left.
    pub fn set(&mut self, query: &Query, cursor: Cursor) {
        self.0.insert(name(query), cursor);
    }

    /// Begins a question anew.
    pub fn forget(&mut self, query: &Query) {
        self.0.remove(&name(query));
    }

    /// Reads what [`Cursors::to_text`] wrote; what cannot be read is forgotten, and its rows are read again.
    pub fn parse(text: &str) -> Cursors {
        let all: Vec<(u64, Written, u64)> = serde_json::from_str(text).unwrap_or_default();
        let cursor = |(name, at, proof)| {
            let at = match at {
                Written::Integer(number) => Value::Integer(number),
                Written::Real(text) => Value::Real(text),
                Written::Text(text) => Value::Text(text),
            };
            (name, Cursor { at, proof })
        };
        Cursors(all.into_iter().map(cursor).collect())
    }

    /// Writes the cursors down; `None` where there are none.
    pub fn to_text(&self) -> Option<String> {
        let written = self.0.iter().filter_map(|(name, cursor)| {
            let at = match &cursor.at {
                Value::Null => return None,
                Value::Integer(number) => Written::Integer(*number),
                Value::Real(text) => Written::Real(text.clone()),
                Value::Text(text) => Written::Text(text.clone()),
            };
            Some((name, at, cursor.proof))
        });
        let written: Vec<_> = written.collect();
        if written.is_empty() { None } else { serde_json::to_string(&written).ok() }
    }
}

fn name(query: &Query) -> u64 {
    xxh3_64(query.sql.as_bytes())
}

/// Watches the rows of an answer go by.
pub struct Passage<'a> {
    column: Option<&'a str>,
    from: Option<&'a Cursor>,
    last: Option<Cursor>,
    rows: u64,
    met: bool,
    proved: bool,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// All of it has been read, up to here.
    At(Option<Cursor>),
    /// The row at which it was left is another one now, or nothing is left from there on: the table was
    /// emptied or replaced, and what it holds has to be read from its first row.
    Anew,
}

impl<'a> Passage<'a> {
    /// Starts on the answer to a question, asked from `from` on.
    pub fn new(query: &'a Query, from: Option<&'a Cursor>) -> Passage<'a> {
        let column = query.cursor.as_deref();
        Passage { column, from, last: from.cloned(), rows: 0, met: false, proved: false }
    }

    /// Takes one row; returns whether it is new, and not the one at which the last answer was left.
    pub fn see(&mut self, row: &Row<'_>) -> bool {
        self.rows += 1;
        let Some(at) = self.column.and_then(|column| row.get(column)) else { return true };
        let passed = self.last.as_ref().is_some_and(|last| order(at, &last.at) == Ordering::Less);
        if *at == Value::Null || passed {
            return true;
        }
        let proof = proof(row);
        let mut known = false;
        if let Some(from) = self.from.filter(|from| order(at, &from.at) == Ordering::Equal) {
            known = proof == from.proof;
            self.met = true;
            self.proved |= known;
        }
        self.last = Some(Cursor { at: at.clone(), proof });
        !known
    }

    /// Says what the rows mean that went by.
    pub fn end(self) -> Ended {
        let gone = self.rows == 0 || (self.met && !self.proved);
        if self.from.is_some() && gone { Ended::Anew } else { Ended::At(self.last) }
    }
}

fn proof(row: &Row<'_>) -> u64 {
    let mut hash = Xxh3::new();
    for value in row.values {
        let text = value.text();
        hash.update(&[u8::from(text.is_some())]);
        hash.update(text.unwrap_or_default().as_bytes());
    }
    hash.digest()
}

/// Compares as SQLite does: nothing, then numbers, then text.
fn order(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
    };
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Integer(_) | Value::Real(_), Value::Integer(_) | Value::Real(_)) => {
            real(left).total_cmp(&real(right))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn real(value: &Value) -> f64 {
    value.text().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query { sql: "SELECT".to_owned(), cursor: Some("id".to_owned()) }
    }

    /// Shows rows to a passage that begins at a cursor; returns which were new, and the end.
    fn pass(from: Option<&Cursor>, rows: &[(i64, &str)]) -> (Vec<bool>, Ended) {
        let query = query();
        let columns = ["id".to_owned(), "text".to_owned()];
        let mut passage = Passage::new(&query, from);
        let see = |(id, text): &(i64, &str)| {
            let values = [Value::Integer(*id), Value::Text((*text).to_owned())];
            passage.see(&Row { columns: &columns, values: &values })
        };
        let new = rows.iter().map(see).collect();
        (new, passage.end())
    }

    fn cursor(rows: &[(i64, &str)]) -> Cursor {
        match pass(None, rows).1 {
            Ended::At(Some(cursor)) => cursor,
            ended => panic!("{ended:?}"),
        }
    }

    #[test]
    fn an_answer_goes_on_after_its_last_row() {
        let left = cursor(&[(1, "a"), (3, "c"), (2, "b")]);
        assert_eq!(left.at, Value::Integer(3));
        assert_eq!(pass(Some(&left), &[(3, "c")]), (vec![false], Ended::At(Some(left.clone()))));
        let (new, ended) = pass(Some(&left), &[(3, "c"), (4, "d")]);
        assert_eq!((new, ended), (vec![false, true], Ended::At(Some(cursor(&[(4, "d")])))));
    }

    #[test]
    fn rows_that_share_the_value_of_the_last_one_are_read() {
        let left = cursor(&[(3, "c")]);
        let (new, ended) = pass(Some(&left), &[(3, "b"), (3, "c"), (3, "d")]);
        assert_eq!(new, [true, false, true]);
        assert_eq!(ended, Ended::At(Some(cursor(&[(3, "d")]))));
    }

    #[test]
    fn a_row_that_was_updated_moves_on_in_its_order() {
        let left = cursor(&[(3, "c")]);
        assert_eq!(pass(Some(&left), &[(5, "c!")]), (vec![true], Ended::At(Some(cursor(&[(5, "c!")])))));
    }

    #[test]
    fn a_table_that_was_emptied_or_filled_again_is_read_from_its_start() {
        let left = cursor(&[(3, "c")]);
        assert_eq!(pass(Some(&left), &[]).1, Ended::Anew);
        assert_eq!(pass(Some(&left), &[(3, "other"), (4, "d")]).1, Ended::Anew);
        assert_eq!(pass(None, &[]).1, Ended::At(None));
    }

    #[test]
    fn cursors_are_written_down_and_read_back() {
        let mut cursors = Cursors::default();
        assert_eq!(cursors.to_text(), None);
        for (sql, at) in [
            ("a", Value::Integer(-7)),
            ("b", Value::Real("1.5".to_owned())),
            ("c", Value::Text("01J\"한\n".to_owned())),
        ] {
            cursors.set(&Query { sql: sql.to_owned(), cursor: None }, Cursor { at, proof: u64::MAX });
        }
        assert_eq!(Cursors::parse(&cursors.to_text().unwrap()), cursors);
        assert_eq!(Cursors::parse("nonsense"), Cursors::default());
    }

    #[test]
    fn values_stand_in_the_order_of_the_database() {
        let sorted = [
            Value::Null,
            Value::Real("-1.5".to_owned()),
            Value::Integer(0),
            Value::Real("0.5".to_owned()),
            Value::Integer(1),
            Value::Text("0".to_owned()),
            Value::Text("한".to_owned()),
        ];
        for pair in sorted.windows(2) {
            assert_eq!(order(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(order(&Value::Integer(2), &Value::Real("2.0".to_owned())), Ordering::Equal);
    }
}
