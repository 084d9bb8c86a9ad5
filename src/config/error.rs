//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file; `None` where the value came from the environment or a flag.
    pub file: Option<PathBuf>,
    /// The line in it, from 1.
    pub line: Option<usize>,
    /// The key, with the tables around it, such as `feed.tenant`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, in plain words.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(": ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// Returns the known name that a mistyped one most likely means: at most two edits away, and at most a
/// third of its length.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (typed.chars().count() / 3).clamp(1, 2);
    let best = known.into_iter().map(|name| (edits(typed, name), name)).min()?;
    (best.0 <= limit).then_some(best.1)
}

/// Counts the edits (insert, delete, replace, swap of neighbours) between two names.
fn edits(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(a != b);
            let mut least = replaced.min(above[column + 1] + 1).min(line[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                least = least.min(before[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, want: Option<&str>) {
        assert_eq!(nearest(typed, ["tenant", "model", "table", "time"]), want, "{typed}");
    }

    #[test]
    fn a_typing_mistake_finds_its_name_and_a_stranger_does_not() {
        check("tennant", Some("tenant"));
        check("modle", Some("model"));
        check("tabel", Some("table"));
        check("upstream", None);
        check("", None);
    }
}
