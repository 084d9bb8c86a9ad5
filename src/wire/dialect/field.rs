//! The fields of a request: which are known, and how the few that money hangs on are read.

use super::super::json::short;
use super::tape::{Kind, NotStrict, Value};

/// The largest output limit that is taken for one: no model writes two billion tokens.
const MAX_LIMIT: u64 = 1 << 31;

/// The most unknown fields that are named; one is enough to leave the price unknown.
const MAX_UNKNOWN: usize = 32;
/// What some API calls its output limit. Where another API's name stands, nobody knows who heeds it.
const LIMIT_NAMES: &[&str] = &[
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "n_predict",
    "num_predict",
];

/// Why a request is refused before it is judged. No text of a prompt is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The body cannot be read in one way only.
    #[error("{0}")]
    NotStrict(#[from] NotStrict),
    /// The body, or a part of it that money hangs on, has another shape.
    #[error("`{field}` is {found}: expected {expected}")]
    Field {
        /// The field.
        field: String,
        /// What stands there, cut short.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A field that money hangs on is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key that some servers would take for another.
    #[error("`{found}` is no field of this API: write `{known}`")]
    Spelling {
        /// The key.
        found: String,
        /// The field it looks like.
        known: &'static str,
    },
    /// A limit of another API.
    #[error("`{0}` limits the output of another API: this one may not heed it")]
    Foreign(&'static str),
    /// What is asked for cannot be metered.
    #[error("`{0}` cannot be metered: its usage comes outside this answer")]
    Unmetered(&'static str),
}

/// Which spellings of a field an API takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As documented.
    One,
    /// `camelCase` as documented, and `snake_case`.
    CamelOrSnake,
}

/// The known members of one object of a request.
pub struct Fields<'t> {
    object: Value<'t>,
    known: Vec<(&'static str, Value<'t>)>,
}

impl<'t> Fields<'t> {
    /// Sorts the members of `object`, which stands at `path`, by `table`. Names of members that the table
    /// does not know, unless they are null, go to `unknown`.
    pub fn read(
        object: Value<'t>,
        path: &str,
        (table, spelling): (&[&[&'static str]], Spelling),
        unknown: &mut Vec<String>,
    ) -> Result<Fields<'t>, Unfit> {
        if object.kind() != Kind::Object {
            let name = if path.is_empty() { "the body" } else { path };
            return Err(unfit(name, object, "an object"));
        }
        let mut known: Vec<(&'static str, Value<'t>)> = Vec::new();
        for member in object.inside() {
            let key = member.key();
            let alike = table.iter().copied().flatten().find(|name| is_alike(name, &key)).copied();
            let Some(name) = alike else {
                if let Some(limit) = LIMIT_NAMES.iter().find(|limit| is_alike(limit, &key)) {
                    return Err(Unfit::Foreign(limit));
                }
                if member.kind() != Kind::Null && unknown.len() < MAX_UNKNOWN {
                    unknown.push(format!("{path}{}{}", if path.is_empty() { "" } else { "." }, short(&key)));
                }
                continue;
            };
            if name != key && !(spelling == Spelling::CamelOrSnake && snake(name) == key) {
                return Err(Unfit::Spelling { found: short(&key), known: name });
            }
            if known.iter().any(|(other, _)| *other == name) {
                return Err(Unfit::NotStrict(NotStrict::Twice(name.to_owned())));
            }
            known.push((name, member));
        }
        Ok(Fields { object, known })
    }

    /// Returns the object itself.
    pub fn object(&self) -> Value<'t> {
        self.object
    }

    /// Returns a member, null or not.
    pub fn written(&self, name: &str) -> Option<Value<'t>> {
        self.known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Returns a member that is not null.
    pub fn get(&self, name: &str) -> Option<Value<'t>> {
        self.written(name).filter(|value| value.kind() != Kind::Null)
    }

    /// Reads a count of one or more; null is absent.
    pub fn count(&self, name: &str) -> Result<Option<u64>, Unfit> {
        self.get(name).map(|value| count(name, value)).transpose()
    }

    /// Reads a switch; null is off.
    pub fn switch(&self, name: &str) -> Result<Switch, Unfit> {
        match self.get(name) {
            None => Ok(Switch::Off),
            Some(value) => switch(name, value),
        }
    }

    /// Reads a word; anything but text is refused, null is absent.
    pub fn word(&self, name: &str) -> Result<Option<String>, Unfit> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.string() {
            Some(word) => Ok(Some(word.into_owned())),
            None => Err(unfit(name, value, "text")),
        }
    }
}

/// A boolean of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `true`
    On,
    /// `false`, null or absent.
    Off,
}

fn switch(name: &str, value: Value<'_>) -> Result<Switch, Unfit> {
    match value.kind() {
        Kind::True => Ok(Switch::On),
        Kind::False => Ok(Switch::Off),
        _ => Err(unfit(name, value, "true or false")),
    }
}

/// Reads a count of one or more, written as a plain whole number.
pub fn count(name: &str, value: Value<'_>) -> Result<u64, Unfit> {
    const EXPECTED: &str = "a whole number from 1 to 2147483648";
    let plain = value.kind() == Kind::Number && value.written().bytes().all(|byte| byte.is_ascii_digit());
    let number = if plain { value.written().parse().ok() } else { None };
    number.filter(|number| (1..=MAX_LIMIT).contains(number)).ok_or_else(|| unfit(name, value, EXPECTED))
}

/// Says that a value has the wrong shape. Numbers and words are shown, cut short; longer things are not.
pub fn unfit(field: &str, value: Value<'_>, expected: &'static str) -> Unfit {
    let found = match value.kind() {
        Kind::Array => "an array".to_owned(),
        Kind::Object => "an object".to_owned(),
        _ => short(value.written()),
    };
    Unfit::Field { field: field.to_owned(), found, expected }
}

/// Compares without case, dashes and underscores. Bodies may have a million keys, so nothing is copied.
fn is_alike(name: &str, key: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase())
    }
    plain(name).eq(plain(key))
}

fn snake(camel: &str) -> String {
    let mut snake = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::super::tape::Tape;
    use super::*;

    const TABLE: &[&[&str]] = &[&["maxOutputTokens", "model"]];

    fn read(text: &str, spelling: Spelling) -> Result<(Option<u64>, Vec<String>), Unfit> {
        let tape = Tape::read(text.as_bytes())?;
        let mut unknown = Vec::new();
        let fields = Fields::read(tape.root(), "", (TABLE, spelling), &mut unknown)?;
        Ok((fields.count("maxOutputTokens")?, unknown))
    }

    #[test]
    fn spellings_that_another_server_may_take_are_refused() {
        assert_eq!(read(r#"{"max_output_tokens":5}"#, Spelling::CamelOrSnake), Ok((Some(5), Vec::new())));
        for text in [r#"{"max_output_tokens":5}"#, r#"{"MAXOUTPUTTOKENS":5}"#, r#"{"max-output-tokens":5}"#] {
            assert!(matches!(read(text, Spelling::One), Err(Unfit::Spelling { .. })), "{text}");
        }
        let both = r#"{"max_output_tokens":5,"maxOutputTokens":6}"#;
        assert!(matches!(read(both, Spelling::CamelOrSnake), Err(Unfit::NotStrict(NotStrict::Twice(_)))));
    }

    #[test]
    fn unknown_members_are_named_unless_null() {
        let (_, unknown) = read(r#"{"x":1,"y":null}"#, Spelling::One).expect("read");
        assert_eq!(unknown, ["x"]);
    }

    #[test]
    fn a_crowd_of_unknown_members_is_not_kept() {
        let members: Vec<String> = (0..1000).map(|number| format!("\"x{number}\":1")).collect();
        let (_, unknown) = read(&format!("{{{}}}", members.join(",")), Spelling::One).expect("read");
        assert_eq!(unknown.len(), MAX_UNKNOWN);
    }

    #[test]
    fn a_limit_of_another_api_is_refused() {
        let read = read(r#"{"n_predict":5}"#, Spelling::One);
        assert_eq!(read, Err(Unfit::Foreign("n_predict")));
    }

    #[test]
    fn a_limit_is_a_plain_positive_number() {
        for bad in [
            "0",
            "-1",
            "1.5",
            "10.0",
            "1e3",
            "\"10\"",
            "true",
            "[]",
            "{}",
            "9223372036854775808",
            "1e400",
            "-0",
        ] {
            let text = format!(r#"{{"maxOutputTokens":{bad}}}"#);
            assert!(matches!(read(&text, Spelling::One), Err(Unfit::Field { .. })), "{text}");
        }
        assert_eq!(read(r#"{"maxOutputTokens":null}"#, Spelling::One), Ok((None, Vec::new())));
    }
}
