//! Where files live: the XDG directories, from an environment that is handed in.

use std::path::{Path, PathBuf};

/// A look-up of environment variables; unset and empty are alike to every function here.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the configuration file: `$OUTLAY_CONFIG`, else `outlay/config.toml` in the XDG config directory.
/// `None` where the environment names no place for it, as in all functions here.
pub fn config_file(env: Env<'_>) -> Option<PathBuf> {
    match set(env, "OUTLAY_CONFIG") {
        Some(path) => expand(&path, env),
        None => config_dir(env).map(|folder| folder.join("config.toml")),
    }
}

/// Returns `$XDG_CONFIG_HOME/outlay`, else `~/.config/outlay`.
pub fn config_dir(env: Env<'_>) -> Option<PathBuf> {
    base(env, "XDG_CONFIG_HOME", ".config")
}

/// Returns `$XDG_STATE_HOME/outlay`, else `~/.local/state/outlay`.
pub fn state_dir(env: Env<'_>) -> Option<PathBuf> {
    base(env, "XDG_STATE_HOME", ".local/state")
}

/// Returns `$XDG_DATA_HOME/outlay`, else `~/.local/share/outlay`.
pub fn data_dir(env: Env<'_>) -> Option<PathBuf> {
    base(env, "XDG_DATA_HOME", ".local/share")
}

/// Returns the store where nothing else is said: `outlay.db` in the state directory.
pub fn default_store(env: Env<'_>) -> Option<PathBuf> {
    state_dir(env).map(|folder| folder.join("outlay.db"))
}

/// Returns a path with a leading `~` replaced by the home directory.
pub fn expand(path: &str, env: Env<'_>) -> Option<PathBuf> {
    match path.strip_prefix('~') {
        Some("") => home(env),
        Some(rest) if rest.starts_with('/') => home(env).map(|home| home.join(rest.trim_start_matches('/'))),
        _ => Some(PathBuf::from(path)),
    }
}

/// Returns a path of the configuration: `~` expanded, and relative to the directory of the file.
pub fn beside(file: &Path, path: &str, env: Env<'_>) -> PathBuf {
    // Without a home `~` stays as it is: nothing lies there, and that is said where the path is used.
    let path = expand(path, env).unwrap_or_else(|| PathBuf::from("/").join(path));
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

/// Says what to do where the environment names no place for the store.
pub const NO_HOME: &str = "there is no place for it: neither HOME nor the XDG directories are set to an absolute \
                           path; set HOME, or name the store with --store FILE";

/// Returns a variable that is set to something.
pub fn set(env: Env<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

fn base(env: Env<'_>, name: &str, fallback: &str) -> Option<PathBuf> {
    // The XDG specification has relative values ignored.
    let set = set(env, name).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(set.or_else(|| home(env).map(|home| home.join(fallback)))?.join("outlay"))
}

/// Returns the home directory. A relative one would put files wherever the program happens to be run.
fn home(env: Env<'_>) -> Option<PathBuf> {
    set(env, "HOME").map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(env: &[(&str, &str)], file: &str, store: &str) {
        let look = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        assert_eq!(config_file(&look).as_deref(), Some(Path::new(file)));
        assert_eq!(default_store(&look).as_deref(), Some(Path::new(store)));
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
    fn without_a_home_nothing_lies_in_the_current_folder() {
        for home in [None, Some(""), Some("here"), Some(".")] {
            let look = |name: &str| home.filter(|_| name == "HOME").map(str::to_owned);
            let places = [config_file(&look), default_store(&look), data_dir(&look), expand("~/a.db", &look)];
            assert_eq!(places, [None, None, None, None], "{home:?}");
        }
    }

    #[test]
    fn a_store_is_a_path() {
        assert_eq!(store("sqlite:/a/b.db"), Ok("/a/b.db"));
        assert_eq!(store("sqlite:///a/b.db"), Ok("/a/b.db"));
        assert_eq!(store("b.db"), Ok("b.db"));
        assert!(store("postgres://h/d").is_err() && store("").is_err() && store("sqlite:").is_err());
    }
}
