//! What the user chose on the screen and keeps, and what is theirs on this machine.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::context::{Context, variable};
use crate::config;
use crate::domain::label::Label;

/// Where the theme chosen on the screen is kept: losing it does no harm.
fn kept_theme() -> Option<PathBuf> {
    config::paths::state_dir(&variable).map(|folder| folder.join("tui.toml"))
}

/// Returns the theme to begin with: of the environment, else chosen on the screen, else configured.
pub(super) fn theme(context: &Context) -> String {
    let configured = &context.settings.ui.theme;
    if let Some(config::From::Environment(_) | config::From::Flag(_)) =
        context.settings.origins.get("ui.theme")
    {
        return configured.clone();
    }
    let kept = kept_theme().and_then(|path| std::fs::read_to_string(path).ok());
    let kept = kept.and_then(|text| text.parse::<toml::Table>().ok());
    let chosen = kept.as_ref().and_then(|table| table.get("theme")).and_then(toml::Value::as_str);
    chosen.unwrap_or(configured).to_owned()
}

/// Keeps the theme for the next start, in one step, so that no reader finds half of it.
pub(super) fn keep_theme(theme: &str) -> io::Result<()> {
    let Some(path) = kept_theme() else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    // A JSON string is a TOML string.
    writeln!(file, "theme = {}", serde_json::to_string(theme)?)?;
    file.persist(&path)?;
    Ok(())
}

/// Returns the texts of the user's own themes.
pub(super) fn own_themes() -> Vec<String> {
    let folder = config::paths::config_dir(&variable).map(|folder| folder.join("themes"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
    files.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Returns the name of this machine; empty where it has none.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string(Path::new("/etc/hostname")).unwrap_or_default();
    Label::new(name.trim()).as_str().to_owned()
}
