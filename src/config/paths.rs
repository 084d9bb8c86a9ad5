//! Where files live: the XDG directories, from an environment that is handed in.

use std::path::{Path, PathBuf};

/// A look-up of environment variables; unset and empty are alike to every function here.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the configuration file: `$OUTLAY_CONFIG`, else `outlay/config.toml` in the XDG config directory.
pub fn config_file(env: Env<'_>) -> PathBuf {
    match set(env, "OUTLAY_CONFIG") {
        Some(path) => expand(&path, env),
        None => config_dir(env).join("config.toml"),
    }
}

/// Returns `$XDG_CONFIG_HOME/outlay`, else `~/.config/outlay`.
pub fn config_dir(env: Env<'_>) -> PathBuf {
    base(env, "XDG_CONFIG_HOME", ".config").join("outlay")
}

/// Returns `$XDG_STATE_HOME/outlay`, else `~/.local/state/outlay`.
pub fn state_dir(env: Env<'_>) -> PathBuf {
    base(env, "XDG_STATE_HOME", ".local/state").join("outlay")
}

/// Returns `$XDG_DATA_HOME/outlay`, else `~/.local/share/outlay`.
pub fn data_dir(env: Env<'_>) -> PathBuf {
    base(env, "XDG_DATA_HOME", ".local/share").join("outlay")
}

/// Returns the store where nothing else is said: `outlay.db` in the state directory.
pub fn default_store(env: Env<'_>) -> PathBuf {
    state_dir(env).join("outlay.db")
}

/// Returns a path with a leading `~` replaced by the home directory.
pub fn expand(path: &str, env: Env<'_>) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home(env),
        Some(rest) if rest.starts_with('/') => home(env).join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

/// Returns a path of the configuration: `~` expanded, and relative to the directory of the file.
pub fn beside(file: &Path, path: &str, env: Env<'_>) -> PathBuf {
    let path = expand(path, env);
    file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
}

/// Returns a store's path from `PATH` or `sqlite:PATH`.
///
/// The error says in plain words what cannot be a store.
pub fn store(text: &str) -> Result<&str, String> {
    let path = text.strip_prefix("sqlite:").unwrap_or(text);
    let path = path.strip_prefix("//").filter(|_| path != text).map_or(path, |rest| rest);
    match path {
        "" => Err("is empty: expected a path".to_owned()),
        path if path.contains("://") => Err(format!(
            "is \"{}\": expected a path or sqlite:PATH",
            crate::domain::label::printable(text, 60)
        )),
        path => Ok(path),
    }
}

/// Returns a variable that is set to something.
pub fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

fn base(env: Env<'_>, name: &str, fallback: &str) -> PathBuf {
    // The XDG specification has relative values ignored.
    let set = set(env, name).map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| home(env).join(fallback))
}

fn home(env: Env<'_>) -> PathBuf {
    set(env, "HOME").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(env: &[(&str, &str)], file: &str, store: &str) {
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        assert_eq!(config_file(&look), Path::new(file));
        assert_eq!(default_store(&look), Path::new(store));
    }

    #[test]
    fn files_live_where_xdg_says() {
        let usual = ("/h/.config/outlay/config.toml", "/h/.local/state/outlay/outlay.db");
        check(&[("HOME", "/h")], usual.0, usual.1);
        check(&[("HOME", "/h"), ("XDG_CONFIG_HOME", ""), ("XDG_STATE_HOME", "rel")], usual.0, usual.1);
        check(
            &[("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s")],
            "/c/outlay/config.toml",
            "/s/outlay/outlay.db",
        );
        check(&[("HOME", "/h"), ("OUTLAY_CONFIG", "~/o.toml")], "/h/o.toml", usual.1);
    }

    #[test]
    fn a_store_is_a_path() {
        assert_eq!(store("sqlite:/a/b.db"), Ok("/a/b.db"));
        assert_eq!(store("sqlite:///a/b.db"), Ok("/a/b.db"));
        assert_eq!(store("b.db"), Ok("b.db"));
        assert!(store("postgres://h/d").is_err() && store("").is_err() && store("sqlite:").is_err());
    }
}
