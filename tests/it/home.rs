//! A home directory of its own for each test, so that nothing of the machine is seen or changed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// An empty home directory.
pub struct Home(TempDir);

impl Home {
    /// Makes one.
    pub fn new() -> Home {
        Home(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Returns a path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file in it and returns its path as text.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    /// Returns the environment that a program in it sees.
    pub fn environment(&self) -> Vec<(String, String)> {
        let home = self.0.path().display().to_string();
        let pairs = [
            ("HOME", home.as_str()),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("PATH", "/usr/bin:/bin"),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Runs the program in it.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
        command.env_clear().envs(self.environment()).args(arguments).current_dir(self.0.path());
        command.output().expect("the program starts")
    }

    /// Runs the program, and returns what it printed; it must have ended well.
    pub fn print(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?} failed: {error}");
        String::from_utf8(output.stdout).expect("text")
    }
}

/// Returns a native line of a call.
pub fn line(id: &str, at: &str, tenant: &str, cost: &str) -> String {
    format!(
        "{{\"v\":1,\"id\":\"{id}\",\"ts\":\"{at}\",\"tenant\":\"{tenant}\",\"provider\":\"openai\",\
         \"model\":\"gpt-4o\",\"input\":100,\"output\":10,\"cost_usd\":\"{cost}\"}}\n"
    )
}
