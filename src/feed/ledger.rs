//! A ledger as the user names it, and the files it stands for.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use super::discover::Environment;
use super::{Problem, Trouble};
use crate::domain::label::Label;
use crate::wire::format::Format;
use crate::wire::tenant::TenantTemplate;

/// One or more files of calls: a path, a directory or a pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// A glob (with `**` for any depth), a file or a directory; `~` is already replaced.
    pub pattern: String,
    /// The format; `None` to look at each file's content.
    pub format: Option<Format>,
    /// Whose calls these are, where the configuration says so; wins over what the lines say.
    pub tenant: Option<TenantTemplate>,
}

/// Why a `PATH=FORMAT` could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// No path at all.
    #[error("`{0}` names no file: expected PATH or PATH=FORMAT")]
    Empty(String),
    /// The part after the last `=` is no format.
    #[error("`{text}`: `{format}` is no ledger format")]
    UnknownFormat {
        /// What was given.
        text: String,
        /// The part that was taken for a format.
        format: String,
    },
    /// Not a glob.
    #[error("`{text}` is no pattern: {why}")]
    Pattern {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What a ledger's pattern stands for right now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The files, sorted; of twins (`x` and `x.zst`) only the plain one.
    pub files: Vec<PathBuf>,
    /// What could not be listed.
    pub problems: Vec<Problem>,
    /// Whether a link was met: what happens behind it is not told of where the link lies.
    pub has_links: bool,
}

impl Ledger {
    /// Reads `PATH` or `PATH=FORMAT`; `lookup` finds formats by name, the user's own included.
    ///
    /// A path that holds an `=` itself is taken whole where that file exists, or where what follows
    /// the last `=` cannot be a format's name.
    pub fn parse(
        text: &str,
        environment: &Environment<'_>,
        lookup: &dyn Fn(&str) -> Option<Format>,
    ) -> Result<Ledger, LedgerError> {
        let (pattern, format) = match text.rsplit_once('=') {
            Some((path, name)) if !name.contains(['/', '.']) && !Path::new(text).exists() => {
                let format = lookup(name).ok_or_else(|| LedgerError::UnknownFormat {
                    text: text.to_owned(),
                    format: name.to_owned(),
                })?;
                (path, Some(format))
            }
            _ => (text, None),
        };
        if pattern.is_empty() {
            return Err(LedgerError::Empty(text.to_owned()));
        }
        let pattern = environment.expand_home(pattern);
        matcher(&pattern).map_err(|why| LedgerError::Pattern { text: text.to_owned(), why })?;
        Ok(Ledger { pattern, format, tenant: None })
    }

    /// Returns the directory under which every file of this ledger lies.
    pub fn base(&self) -> PathBuf {
        if Path::new(&self.pattern).is_dir() {
            return PathBuf::from(&self.pattern);
        }
        let mut base = PathBuf::new();
        let mut parts = Path::new(&self.pattern).components().peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() || is_glob(&part.as_os_str().to_string_lossy()) {
                break;
            }
            base.push(part);
        }
        if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
    }

    /// Says whether files can lie in directories below [`Ledger::base`].
    pub fn is_deep(&self) -> bool {
        let path = Path::new(&self.pattern);
        path.is_dir() || path.components().count() > self.base().components().count() + 1
    }

    /// Lists the files.
    pub fn expand(&self) -> Expansion {
        let path = Path::new(&self.pattern);
        let mut found = Expansion::default();
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk(path, usize::MAX, &mut found, &is_ledger_name),
            Ok(metadata) if metadata.is_file() => {
                found.has_links = path.is_symlink();
                found.files.push(path.to_owned());
            }
            Ok(_) => found.problems.push(self.problem(Trouble::NotAFile)),
            Err(_) if !is_glob(&self.pattern) && path.is_symlink() => {
                found.problems.push(self.problem(Trouble::NotAFile));
            }
            Err(error) if !is_glob(&self.pattern) && error.kind() == std::io::ErrorKind::PermissionDenied => {
                found.problems.push(self.problem(Trouble::Forbidden));
            }
            Err(_) => match matcher(&self.pattern) {
                Ok(glob) => {
                    walk(&self.base(), self.depth(), &mut found, &|path| glob.is_match(path));
                }
                Err(why) => found.problems.push(self.problem(Trouble::BadPattern(why))),
            },
        }
        found.files = without_twins(std::mem::take(&mut found.files));
        if found.files.is_empty() && found.problems.is_empty() {
            found.problems.push(self.problem(Trouble::NothingMatches));
        }
        found
    }

    /// Says whether a path is one of this ledger's, whether or not a file lies there now.
    pub fn covers(&self, path: &Path) -> bool {
        let own = Path::new(&self.pattern);
        let own = own.strip_prefix("./").unwrap_or(own);
        let within = || path.starts_with(own) && is_ledger_name(path) && Path::new(&self.pattern).is_dir();
        path == own || within() || matcher(&self.pattern).is_ok_and(|glob| glob.is_match(path))
    }

    /// Returns the deepest level below the base that can match.
    fn depth(&self) -> usize {
        if self.pattern.contains("**") {
            return usize::MAX;
        }
        let count = |path: &Path| path.components().filter(|part| !matches!(part, Component::CurDir)).count();
        count(Path::new(&self.pattern)).saturating_sub(count(&self.base()))
    }

    fn problem(&self, trouble: Trouble) -> Problem {
        Problem { source: Label::new(&self.pattern), trouble }
    }
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn matcher(pattern: &str) -> Result<GlobMatcher, String> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    match GlobBuilder::new(pattern).literal_separator(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => Err(error.kind().to_string()),
    }
}

fn walk(base: &Path, depth: usize, found: &mut Expansion, wanted: &dyn Fn(&Path) -> bool) {
    for entry in WalkDir::new(base).follow_links(true).max_depth(depth) {
        found.has_links |= entry.as_ref().is_ok_and(|entry| entry.depth() > 0 && entry.path_is_symlink());
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                let path = entry.path();
                let path = path.strip_prefix("./").unwrap_or(path);
                if wanted(path) {
                    found.files.push(path.to_owned());
                }
            }
            Ok(entry) if !entry.file_type().is_dir() && wanted(entry.path()) => {
                found.problems.push(not_a_file(entry.path()));
            }
            Ok(_) => {}
            Err(error) if error.path().is_some_and(|path| path.is_symlink() && wanted(path)) => {
                found.problems.extend(error.path().map(not_a_file));
            }
            Err(error) => {
                let trouble = match error.io_error().map(std::io::Error::kind) {
                    // A file that went away between listing and looking is no news.
                    None | Some(std::io::ErrorKind::NotFound) => continue,
                    Some(std::io::ErrorKind::PermissionDenied) => Trouble::Forbidden,
                    Some(kind) => Trouble::Unreadable(kind.to_string()),
                };
                let path = error.path().unwrap_or(base);
                let source = Label::from_bytes(path.as_os_str().as_encoded_bytes());
                found.problems.push(Problem { source, trouble });
            }
        }
    }
}

fn not_a_file(path: &Path) -> Problem {
    let source = Label::from_bytes(path.as_os_str().as_encoded_bytes());
    Problem { source, trouble: Trouble::NotAFile }
}

/// Says whether a file found in a directory that was named as a whole is worth a look.
fn is_ledger_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.starts_with('.') {
        return false;
    }
    let plain = ["gz", "zst", "zstd"]
        .iter()
        .find_map(|end| name.strip_suffix(end)?.strip_suffix('.'))
        .unwrap_or(&name)
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    ["jsonl", "ndjson", "json", "log", "csv", "db", "sqlite", "sqlite3", "sqlite", "txt"]
        .iter()
        .any(|end| plain.ends_with(end) && plain.len() > end.len())
}

/// Returns the name that a compressed file has without its compression.
pub fn plain_name(path: &Path) -> Option<PathBuf> {
    let end = path.extension()?;
    (end == "gz" || end == "zst" || end == "zstd").then(|| path.with_extension(""))
}

/// Sorts, and drops compressed files whose plain twin is there too.
fn without_twins(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    // By bytes: comparing paths part by part takes most of the time of a look at thousands.
    let order = |a: &Path, b: &Path| a.as_os_str().cmp(b.as_os_str());
    files.sort_unstable_by(|a, b| order(a, b));
    files.dedup_by(|a, b| a.as_os_str() == b.as_os_str());
    let has = |plain: PathBuf| files.binary_search_by(|known| order(known, &plain)).is_ok();
    let twins: Vec<bool> = files.iter().map(|path| plain_name(path).is_some_and(has)).collect();
    files.into_iter().zip(twins).filter(|(_, twin)| !twin).map(|(path, _)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, pattern: &str) -> Vec<String> {
        let pattern = format!("{}/{pattern}", root.display());
        let ledger = Ledger { pattern, format: None, tenant: None };
        let files = ledger.expand().files;
        files.iter().map(|path| path.strip_prefix(root).unwrap().display().to_string()).collect()
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        root
    }

    #[test]
    fn globs_reach_as_deep_as_they_say() {
        let root = tree(&["a.jsonl", "b/c.jsonl", "b/d/e.jsonl", "b/d/f.txt"]);
        assert_eq!(names(root.path(), "*.jsonl"), ["a.jsonl"]);
        assert_eq!(names(root.path(), "*/*.jsonl"), ["b/c.jsonl"]);
        assert_eq!(names(root.path(), "**/*.jsonl"), ["a.jsonl", "b/c.jsonl", "b/d/e.jsonl"]);
        assert_eq!(names(root.path(), "b"), ["b/c.jsonl", "b/d/e.jsonl", "b/d/f.txt"]);
        assert_eq!(names(root.path(), "a.jsonl"), ["a.jsonl"]);
    }

    #[test]
    fn a_file_that_is_gone_is_still_its_ledgers() {
        let root = tree(&["a/b.jsonl"]);
        let covers = |pattern: &str, path: &str| {
            let pattern = format!("{}/{pattern}", root.path().display());
            Ledger { pattern, format: None, tenant: None }.covers(&root.path().join(path))
        };
        assert!(covers("a", "a/gone.jsonl") && covers("a", "a/c/gone.log") && covers("gone", "gone"));
        assert!(covers("*/*.jsonl", "a/gone.jsonl") && covers("**/*.jsonl", "a/b/gone.jsonl"));
        assert!(
            !covers("a", "a/gone.png") && !covers("a", "gone.jsonl") && !covers("*.jsonl", "a/gone.jsonl")
        );
    }

    #[test]
    fn a_link_on_the_way_is_told() {
        let root = tree(&["a.jsonl", "b/c.jsonl"]);
        let has_links = |pattern: &str| {
            let pattern = format!("{}/{pattern}", root.path().display());
            Ledger { pattern, format: None, tenant: None }.expand().has_links
        };
        assert!(!has_links("**/*.jsonl") && !has_links("a.jsonl"));
        std::os::unix::fs::symlink("a.jsonl", root.path().join("link.jsonl")).unwrap();
        assert!(has_links("*.jsonl") && has_links("link.jsonl") && !has_links("b/*.jsonl"));
        std::os::unix::fs::symlink("b", root.path().join("folder")).unwrap();
        assert!(has_links("*/*.jsonl") && !has_links("a.jsonl"));
    }

    #[test]
    fn the_plain_twin_wins() {
        let root = tree(&["a.jsonl", "a.jsonl.zst", "b.jsonl.gz"]);
        assert_eq!(names(root.path(), "*"), ["a.jsonl", "b.jsonl.gz"]);
    }

    #[test]
    fn what_matches_nothing_is_named() {
        let ledger = Ledger { pattern: "/nowhere/*.jsonl".to_owned(), format: None, tenant: None };
        assert_eq!(ledger.expand().problems[0].trouble, Trouble::NothingMatches);
    }

    #[test]
    fn a_format_follows_the_last_equals_sign() {
        let environment = Environment { home: Some("/home/me".into()), variable: &|_| None };
        let parse = |text| Ledger::parse(text, &environment, &|name| Format::parse(name));
        let ledger = parse("~/x=y/*.jsonl=codex").unwrap();
        assert_eq!(ledger.pattern, "/home/me/x=y/*.jsonl");
        assert_eq!(ledger.format, Some(Format::Codex));
        assert_eq!(parse("a=b/c.jsonl").unwrap().format, None);
        assert!(matches!(parse("a=nope"), Err(LedgerError::UnknownFormat { .. })));
        assert!(matches!(parse("a[=codex"), Err(LedgerError::Pattern { .. })));
    }
}
