//! The language in which rows are chosen: `state:warn used>80% -tenant:eval*`.
//!
//! ```text
//! filter = { term }                    terms are joined by AND
//! term   = [ "-" ] ( word | key op value )
//! op     = ":"  (contains, or one of "a,b")   "="   ">"   ">="   "<"   "<="
//! value  = word | "quoted words" | glob with * | number with k M % $ | length of time: 30s 5m 2h 1d | for an age a time of day: 14:05
//! word   = found in the row's name, or its letters are there in this order
//! ```

mod term;
mod number;
mod read;

use std::borrow::Cow;
use std::fmt;

use super::money::Money;
use super::time::Millis;
use term::Term;
pub use term::{Key, Op};

/// Which rows are wanted. One without terms wants all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    text: String,
    terms: Vec<Term>,
}

// Two filters are the same where they want the same; how they were typed does not count.
impl PartialEq for Filter {
    fn eq(&self, other: &Filter) -> bool {
        self.terms == other.terms
    }
}

impl Eq for Filter {}

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterFault {
    /// The bytes of the text that are wrong.
    pub at: std::ops::Range<usize>,
    /// What is wrong, in plain words.
    pub reason: String,
}

/// What a row says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// Nobody knows, or there is none: matches `none` and `?`, and no comparison.
    None,
    /// Words.
    Text(Cow<'a, str>),
    /// Money.
    Money(Money),
    /// A share of a whole, in hundredths of a per cent.
    Share(u128),
    /// A number of things.
    Count(i64),
    /// A length of time.
    Length(Millis),
}

/// Something that a filter chooses among.
pub trait Subject {
    /// Says whether one of its names passes.
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool;
    /// Returns what it says of itself.
    fn fact(&self, key: Key) -> Fact<'_>;
    /// Returns how long ago it was last this minute of the day; nothing where no clock is at hand.
    fn ago(&self, _minute: u16) -> Option<Millis> {
        None
    }
}

/// A row of which nothing is known but its names.
pub struct Named<'a>(pub &'a [&'a str]);

impl Subject for Named<'_> {
    fn is_named(&self, passes: &dyn Fn(&str) -> bool) -> bool {
        self.0.iter().any(|name| passes(name))
    }

    fn fact(&self, _: Key) -> Fact<'_> {
        Fact::None
    }
}

impl Filter {
    /// Reads a filter for rows that know these keys. The error says what is wrong, and where.
    pub fn parse(text: &str, known: &[Key]) -> Result<Filter, FilterFault> {
        Ok(Filter { text: text.to_owned(), terms: read::terms(text, known)? })
    }

    /// Returns it as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says whether it wants every row.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Says whether a row is wanted.
    pub fn passes(&self, row: &dyn Subject) -> bool {
        self.terms.iter().all(|term| term.passes(row))
    }

    /// Says whether a row is wanted, by the terms of these keys alone; words count where `Key::Tenant` does.
    pub fn passes_in(&self, row: &dyn Subject, keys: &[Key]) -> bool {
        let asked = |term: &&Term| keys.contains(&term.key().unwrap_or(Key::Tenant));
        self.terms.iter().filter(asked).all(|term| term.passes(row))
    }

    /// Returns the keys that it asks for.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.terms.iter().filter_map(Term::key)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, term) in self.terms.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
