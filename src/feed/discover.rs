//! The usual places of programs that keep ledgers of their calls.

use std::path::{Path, PathBuf};

use super::ledger::Ledger;
use crate::wire::format::Format;

/// What is asked of the user's environment.
pub struct Environment<'a> {
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Looks up an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    /// Replaces a leading `~`.
    pub fn expand_home(&self, path: &str) -> String {
        match (path.strip_prefix('~'), &self.home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", home.display())
            }
            _ => path.to_owned(),
        }
    }

    fn set(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// Returns directories named by a comma list in a variable, else the usual ones below home.
    fn directories(&self, variable: &str, usual: &[&str]) -> Vec<PathBuf> {
        if let Some(list) = self.set(variable) {
            let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            return entries.map(|entry| PathBuf::from(self.expand_home(entry))).collect();
        }
        let home = self.home.as_deref();
        usual.iter().filter_map(|below| Some(home?.join(below))).collect()
    }

    fn base(&self, variable: &str, usual: &str) -> Option<PathBuf> {
        self.set(variable).map(PathBuf::from).or_else(|| Some(self.home.as_deref()?.join(usual)))
    }
}

/// Returns the ledgers of known programs that exist on this machine.
pub fn discover(environment: &Environment<'_>) -> Vec<Ledger> {
    let mut found = Vec::new();
    claude_code(environment, &mut found);
    for home in environment.directories("CODEX_HOME", &[".codex"]) {
        for (directory, pattern) in [("sessions", "**/rollout-*.jsonl*"), ("archived_sessions", "*.jsonl*")] {
            add(&mut found, &home.join(directory), pattern, Format::Codex);
        }
    }
    if let Some(home) = environment.home.as_deref() {
        add(&mut found, &home.join(".gemini/tmp"), "*/chats/session-*.json*", Format::GeminiCli);
    }
    if let Some(data) = environment.base("XDG_DATA_HOME", ".local/share") {
        let opencode = data.join("opencode");
        add_files(&mut found, &opencode, "opencode*.db", &Format::OpenCode);
        add(&mut found, &opencode.join("storage/message"), "*/msg_*.json", Format::OpenCodeFile);
    }
    for home in environment.directories(
        "LLM_USER_PATH",
        &[".config/io.datasette.llm", "Library/Application Support/io.datasette.llm"],
    ) {
        add_files(&mut found, &home, "logs.db", &Format::Llm);
    }
    found
}

fn claude_code(environment: &Environment<'_>, found: &mut Vec<Ledger>) {
    let mut homes = environment.directories("CLAUDE_CONFIG_DIR", &[]);
    if environment.set("CLAUDE_CONFIG_DIR").is_none() {
        homes.extend(environment.base("XDG_CONFIG_HOME", ".config").map(|config| config.join("claude")));
        homes.extend(environment.home.as_deref().map(|home| home.join(".claude")));
    }
    for home in homes {
        let projects = if home.ends_with("projects") { home } else { home.join("projects") };
        add(found, &projects, "**/*.jsonl", Format::ClaudeCode);
    }
}

/// Adds a pattern below a directory that exists.
fn add(found: &mut Vec<Ledger>, directory: &Path, pattern: &str, format: Format) {
    if !directory.is_dir() {
        return;
    }
    let pattern = format!("{}/{pattern}", globset::escape(&directory.to_string_lossy()));
    let ledger = Ledger { pattern, format: Some(format), tenant: None };
    if !found.contains(&ledger) {
        found.push(ledger);
    }
}

/// Adds a pattern that matches something already: an empty directory of databases is no ledger.
fn add_files(found: &mut Vec<Ledger>, directory: &Path, pattern: &str, format: &Format) {
    let mut candidate = Vec::new();
    add(&mut candidate, directory, pattern, format.clone());
    found.extend(candidate.into_iter().filter(|ledger| !ledger.expand().files.is_empty()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(home: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
        let environment = Environment { home: Some(home.to_owned()), variable };
        let found = discover(&environment);
        found.iter().map(|ledger| ledger.pattern.replace(&*home.to_string_lossy(), "~")).collect()
    }

    #[test]
    fn the_usual_places_are_found_where_they_exist() {
        let home = tempfile::tempdir().unwrap();
        assert!(formats(home.path(), &|_| None).is_empty());
        for directory in [".claude/projects", ".codex/sessions", ".gemini/tmp", ".config/io.datasette.llm"] {
            std::fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        std::fs::write(home.path().join(".config/io.datasette.llm/logs.db"), "x").unwrap();
        assert_eq!(
            formats(home.path(), &|_| None),
            [
                "~/.claude/projects/**/*.jsonl",
                "~/.codex/sessions/**/rollout-*.jsonl*",
                "~/.gemini/tmp/*/chats/session-*.json*",
                "~/.config/io.datasette.llm/logs.db",
            ]
        );
    }

    #[test]
    fn a_list_of_configuration_directories_replaces_the_usual_ones() {
        let home = tempfile::tempdir().unwrap();
        for directory in [".claude/projects", "one/projects", "two/projects"] {
            std::fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        let list = format!("{0}/one,{0}/two/projects", home.path().display());
        let variable = move |name: &str| (name == "CLAUDE_CONFIG_DIR").then(|| list.clone());
        assert_eq!(
            formats(home.path(), &variable),
            ["~/one/projects/**/*.jsonl", "~/two/projects/**/*.jsonl"]
        );
    }
}
