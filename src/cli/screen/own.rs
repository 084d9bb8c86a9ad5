//! What the user chose on the screen and keeps, and what is theirs on this machine.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::context::{Context, price_file, variable};
use crate::config;
use crate::domain::calendar::Calendar;
use crate::domain::label::Label;
use crate::domain::price::PriceBook;
use crate::domain::time::Timestamp;
use crate::tui::{Layout, PageLayout};

/// Where what was chosen on the screen is kept: losing it does no harm.
fn kept() -> Option<PathBuf> {
    config::paths::state_dir(&variable).map(|folder| folder.join("tui.toml"))
}

fn read() -> toml::Table {
    let text = kept().and_then(|path| std::fs::read_to_string(path).ok());
    text.and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default()
}

/// Returns the theme to begin with: of flag or environment, else chosen on the screen where that is `kept`,
/// else configured.
pub(super) fn theme(context: &Context, kept: bool) -> String {
    let configured = &context.settings.ui.theme;
    if let Some(config::From::Environment(_) | config::From::Flag(_)) =
        context.settings.origins.get("ui.theme")
    {
        return configured.clone();
    }
    if !kept {
        return configured.clone();
    }
    read().get("theme").and_then(toml::Value::as_str).unwrap_or(configured).to_owned()
}

/// Returns how the pages were looked at when the program last ended.
pub(super) fn layout() -> Layout {
    layout_of(&read())
}

fn layout_of(kept: &toml::Table) -> Layout {
    let text = |table: &toml::Table, key: &str| {
        table.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let texts = |table: &toml::Table, key: &str| -> Vec<String> {
        let items = table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        items.filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    let yes = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_bool).unwrap_or(false);
    let pages = kept.get("page").and_then(toml::Value::as_table).into_iter().flatten();
    let pages = pages.filter_map(|(page, table)| Some((page.clone(), table.as_table()?)));
    Layout {
        window: text(kept, "window"),
        folded: yes(kept, "folded"),
        commands: texts(kept, "commands"),
        pages: pages
            .map(|(page, table)| PageLayout {
                page,
                sort: text(table, "sort"),
                reverse: yes(table, "reverse"),
                columns: texts(table, "columns"),
                hidden: texts(table, "hidden"),
                filter: text(table, "filter"),
            })
            .collect(),
    }
}

/// Keeps the theme for the next start.
pub(super) fn keep_theme(theme: &str) -> io::Result<()> {
    keep(Some(theme), &layout())
}

/// Keeps how the pages are looked at for the next start, and the theme that was kept.
pub(super) fn keep_layout(layout: &Layout) -> io::Result<()> {
    keep(read().get("theme").and_then(toml::Value::as_str), layout)
}

/// Writes all that is kept, in one step, so that no reader finds half of it.
fn keep(theme: Option<&str>, layout: &Layout) -> io::Result<()> {
    let Some(path) = kept() else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text_of(theme, layout)?.as_bytes())?;
    file.persist(&path)?;
    Ok(())
}

fn text_of(theme: Option<&str>, layout: &Layout) -> io::Result<String> {
    // A JSON string is a TOML string, and so is a list of them.
    let quoted = |text: &str| serde_json::to_string(text);
    let list = |texts: &[String]| serde_json::to_string(texts);
    let mut lines = Vec::new();
    if let Some(theme) = theme {
        lines.push(format!("theme = {}", quoted(theme)?));
    }
    lines.push(format!("window = {}", quoted(&layout.window)?));
    lines.push(format!("folded = {}", layout.folded));
    lines.push(format!("commands = {}", list(&layout.commands)?));
    for page in &layout.pages {
        lines.push(format!("\n[page.{}]", page.page));
        lines.push(format!("sort = {}", quoted(&page.sort)?));
        lines.push(format!("reverse = {}", page.reverse));
        lines.push(format!("columns = {}", list(&page.columns)?));
        lines.push(format!("hidden = {}", list(&page.hidden)?));
        lines.push(format!("filter = {}", quoted(&page.filter)?));
    }
    Ok(lines.join("\n") + "\n")
}

/// Writes a text to a new file in the working folder, or where its name says. Nothing is written over: where
/// there is such a file, a number is put before the ending. Returns the file that was written.
pub(super) fn export(name: &str, text: &str) -> Result<String, String> {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, "txt"));
    for number in 1..100 {
        let path = if number == 1 { format!("{stem}.{ending}") } else { format!("{stem}-{number}.{ending}") };
        match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                return file
                    .write_all(text.as_bytes())
                    .map(|()| path.clone())
                    .map_err(|e| format!("{path}: {e}"));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    Err(format!("{name}: there are a hundred such files already"))
}

/// Returns the texts of the user's own themes.
pub fn own_themes() -> Vec<String> {
    let folder = config::paths::config_dir(&variable).map(|folder| folder.join("themes"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
    files.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Returns the list that prices are from, and of when it is.
pub(super) fn price_list(calendar: &Calendar) -> Option<(String, Timestamp)> {
    let file = price_file().and_then(|path| std::fs::metadata(path).ok());
    if let Some(changed) = file.and_then(|file| file.modified().ok()) {
        let since = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
        let at = Timestamp::from_millis(i64::try_from(since.as_millis()).ok()?);
        return Some(("prices".to_owned(), at));
    }
    let book = PriceBook::builtin();
    let dates =
        book.remarks().flat_map(|line| line.split([' ', ',']).filter_map(|word| calendar.parse_date(word)));
    dates.max().map(|at| ("built-in prices".to_owned(), at))
}

/// Returns the name of this machine; empty where it has none.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string(Path::new("/etc/hostname")).unwrap_or_default();
    Label::new(name.trim()).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_as_it_was() {
        let page = PageLayout {
            page: "overview".to_owned(),
            sort: "month".to_owned(),
            reverse: true,
            columns: vec!["used".to_owned(), "$/h".to_owned()],
            hidden: vec!["$/h".to_owned()],
            filter: "state:warn \"a b\"".to_owned(),
        };
        let commands = vec!["cap \"a b\" 1/day".to_owned()];
        let layout = Layout { window: "7d".to_owned(), folded: true, pages: vec![page], commands };
        let text = text_of(Some("dusk"), &layout).expect("a text");
        let table: toml::Table = text.parse().expect("toml");
        assert_eq!((layout_of(&table), table["theme"].as_str()), (layout, Some("dusk")));
        assert_eq!(layout_of(&toml::Table::new()), Layout::default());
    }
}
