//! One term of a filter, and which rows pass it.

use std::cmp::Ordering;
use std::fmt;

use super::number::{Number, Unit};
use super::{Fact, Subject};
use crate::domain::time::Millis;

/// What can be asked of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Who calls are made for.
    Tenant,
    /// Which model answers.
    Model,
    /// Who bills.
    Provider,
    /// The caller's or the operator's key, by name.
    Key,
    /// What kind of thing it is.
    Kind,
    /// Why it failed.
    Class,
    /// How it stands: `warn`, `BLOCK`, `ok`.
    State,
    /// The nearest cap: `200/d`, `none`.
    Cap,
    /// Who made a change.
    Who,
    /// What was changed.
    What,
    /// The number of a change.
    Rev,
    /// How much of the cap is used.
    Used,
    /// Dollars an hour.
    Burn,
    /// Spend since midnight.
    Today,
    /// Spend since the first of the month.
    Month,
    /// Spend of the row.
    Cost,
    /// Tokens of the row.
    Tokens,
    /// How long a call took.
    Took,
    /// How long ago it was.
    Age,
}

/// What the value of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    Money,
    Share,
    Count,
    Length,
}

impl Key {
    /// All, in the order they are listed.
    pub const ALL: [Key; 19] = [
        Key::Tenant,
        Key::Model,
        Key::Provider,
        Key::Key,
        Key::Kind,
        Key::Class,
        Key::State,
        Key::Cap,
        Key::Who,
        Key::What,
        Key::Rev,
        Key::Used,
        Key::Burn,
        Key::Today,
        Key::Month,
        Key::Cost,
        Key::Tokens,
        Key::Took,
        Key::Age,
    ];

    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Key::Tenant => "tenant",
            Key::Model => "model",
            Key::Provider => "provider",
            Key::Key => "key",
            Key::Kind => "kind",
            Key::Class => "class",
            Key::State => "state",
            Key::Cap => "cap",
            Key::Who => "who",
            Key::What => "what",
            Key::Rev => "rev",
            Key::Used => "used",
            Key::Burn => "burn",
            Key::Today => "today",
            Key::Month => "month",
            Key::Cost => "cost",
            Key::Tokens => "tokens",
            Key::Took => "took",
            Key::Age => "age",
        }
    }

    pub(super) const fn sort(self) -> Sort {
        match self {
            Key::Rev | Key::Tokens => Sort::Count,
            Key::Used => Sort::Share,
            Key::Burn | Key::Today | Key::Month | Key::Cost => Sort::Money,
            Key::Took | Key::Age => Sort::Length,
            _ => Sort::Text,
        }
    }
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Contains, or is one of several.
    Has,
    /// Is the same.
    Is,
    /// Is more.
    More,
    /// Is as much or more.
    Least,
    /// Is less.
    Less,
    /// Is as much or less.
    Most,
}

impl Op {
    /// All, the longer of two that begin alike first.
    pub const ALL: [Op; 6] = [Op::Least, Op::Most, Op::Has, Op::Is, Op::More, Op::Less];

    /// Returns its sign.
    pub const fn as_str(self) -> &'static str {
        match self {
            Op::Has => ":",
            Op::Is => "=",
            Op::More => ">",
            Op::Least => ">=",
            Op::Less => "<",
            Op::Most => "<=",
        }
    }

    const fn holds(self, order: Ordering) -> bool {
        match self {
            Op::Has | Op::Is => order.is_eq(),
            Op::More => order.is_gt(),
            Op::Least => order.is_ge(),
            Op::Less => order.is_lt(),
            Op::Most => order.is_le(),
        }
    }
}

/// What a row's value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// That there is none.
    None,
    /// Words in small letters, `*` for any.
    Text(String),
    /// A number.
    Number(Number),
    /// A time of day, in minutes since midnight: the last such instant.
    Clock(u16),
}

/// What a term asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// A word of the name, in small letters.
    Word(String),
    /// A key, and what it is compared with: one of several.
    Compare(Key, Op, Vec<Value>),
}

/// A term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Whether it wants the rows that do not pass the test.
    pub(super) not: bool,
    pub(super) test: Test,
}

impl Term {
    pub(super) fn key(&self) -> Option<Key> {
        match self.test {
            Test::Word(_) => None,
            Test::Compare(key, ..) => Some(key),
        }
    }

    pub(super) fn passes(&self, row: &dyn Subject) -> bool {
        let passed = match &self.test {
            // What is to be left out has the word as it stands; what is wanted may have its letters apart.
            Test::Word(word) => row.is_named(&|name| is_found(word, name, self.not)),
            Test::Compare(key, op, values) => {
                let fact = row.fact(*key);
                values.iter().any(|value| match value {
                    Value::Clock(minute) => at_clock(*op, &fact, row.ago(*minute)),
                    value => compares(*key, *op, &fact, value),
                })
            }
        };
        passed != self.not
    }
}

/// Says whether a word is in a name: as it stands, or, where `whole` does not forbid it, its letters in order.
fn is_found(word: &str, name: &str, whole: bool) -> bool {
    let name = name.to_lowercase();
    let mut letters = name.chars();
    name.contains(word) || (!whole && word.chars().all(|wanted| letters.any(|letter| letter == wanted)))
}

fn compares(key: Key, op: Op, fact: &Fact<'_>, value: &Value) -> bool {
    match (fact, value) {
        (Fact::None, Value::None) => true,
        (Fact::Text(text), Value::Text(wanted)) => is_text(op, &text.to_lowercase(), wanted),
        // A cap that is not there says so in words too.
        (Fact::Text(text), Value::None) => text.eq_ignore_ascii_case("none"),
        (Fact::None | Fact::Text(_), _) | (_, Value::None | Value::Text(_) | Value::Clock(_)) => false,
        (fact, Value::Number(number)) => {
            billionths(key, fact).is_some_and(|it| op.holds(it.cmp(&number.billionths)))
        }
    }
}

/// Says whether an age is as it is asked to be beside a time of day: `age<14:05` is what happened since then.
/// `age:14:05` is what happened in that minute.
fn at_clock(op: Op, fact: &Fact<'_>, ago: Option<Millis>) -> bool {
    let (Fact::Length(age), Some(ago)) = (fact, ago) else { return false };
    match op {
        Op::Has | Op::Is => *age <= ago && ago.count() - age.count() < 60_000,
        op => op.holds(age.cmp(&ago)),
    }
}

/// Returns a fact in the billionths that a typed number of its key is in.
fn billionths(key: Key, fact: &Fact<'_>) -> Option<i128> {
    match (key.sort(), fact) {
        (Sort::Money, Fact::Money(money)) => Some(i128::from(money.nanos())),
        (Sort::Share, Fact::Share(points)) => i128::try_from(*points).ok()?.checked_mul(10_000_000),
        (Sort::Count, Fact::Count(count)) => i128::from(*count).checked_mul(1_000_000_000),
        (Sort::Length, Fact::Length(length)) => i128::from(length.count()).checked_mul(1_000_000),
        _ => None,
    }
}

fn is_text(op: Op, text: &str, wanted: &str) -> bool {
    if wanted.contains('*') {
        return is_glob(text, wanted);
    }
    if op == Op::Has { text.contains(wanted) } else { text == wanted }
}

/// Says whether all of a text is what a pattern with `*` says.
fn is_glob(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = rest.find(part) else { return false };
        rest = rest.get(place + part.len()..).unwrap_or_default();
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Says whether a number of this unit can be compared with a key's.
pub(super) fn fits(sort: Sort, unit: Unit) -> bool {
    match sort {
        Sort::Text => false,
        Sort::Money => matches!(unit, Unit::Plain | Unit::Dollars),
        Sort::Share => matches!(unit, Unit::Plain | Unit::Percent),
        Sort::Count => unit == Unit::Plain,
        Sort::Length => matches!(unit, Unit::Plain | Unit::Seconds),
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not {
            f.write_str("-")?;
        }
        match &self.test {
            Test::Word(word) => write!(f, "\"{word}\""),
            Test::Compare(key, op, values) => {
                write!(f, "{}{}", key.as_str(), op.as_str())?;
                for (place, value) in values.iter().enumerate() {
                    f.write_str(if place > 0 { "," } else { "" })?;
                    match value {
                        Value::None => f.write_str("none")?,
                        Value::Text(text) => write!(f, "\"{text}\"")?,
                        Value::Number(number) => write!(f, "{number}")?,
                        Value::Clock(minute) => write!(f, "{:02}:{:02}", minute / 60, minute % 60)?,
                    }
                }
                Ok(())
            }
        }
    }
}
