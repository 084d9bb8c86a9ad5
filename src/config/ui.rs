//! How the screen looks and behaves (`[ui]`), and who may change caps (`[access]`).

use super::raw::{Item, Report, Table};
use super::settings::{From, Settings};
use crate::domain::switch::Switch;

/// How the screen looks and behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ui {
    /// The theme's name.
    pub theme: String,
    /// The characters to draw with: `auto`, `unicode`, `narrow` or `ascii`.
    pub glyphs: String,
    /// How many frames a second data alone may ask for, as it is written: one of [`RATES`].
    pub max_fps: String,
    /// How new alerts are told beside the screen: one of [`NOTICES`].
    pub notify: String,
    /// Whether the screen takes the mouse at the start.
    pub mouse: Switch,
    /// Whether the terminal's title tells what is spent.
    pub title: Switch,
    /// Whether a summary stays on the terminal after the end.
    pub exit_summary: Switch,
    /// Whether filters are there at the next start.
    pub keep_filters: Switch,
    /// Whether nothing can be changed from the screen.
    pub read_only: Switch,
    /// The program that takes what is copied, with its arguments; empty leaves it to the terminal.
    pub copy_command: Vec<String>,
    /// What these books are the books of; `None` where nothing is said.
    pub env: Option<Place>,
}

/// What these books are the books of: `PROD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The word in the title.
    pub label: String,
    /// Its color, as a theme names one; empty for the theme's own.
    pub color: String,
    /// Whether every change of a cap needs the name.
    pub confirm: Switch,
}

/// Who may change caps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The users that may; empty: everyone who can write to the store.
    pub writers: Vec<String>,
    /// The environment variable that names the person; `None`: the user's login.
    pub who: Option<String>,
}

/// The rates that `ui.max_fps` can be, each with the least time between two frames, in milliseconds.
pub const RATES: [(&str, u64); 6] =
    [("0.2", 5_000), ("0.5", 2_000), ("1", 1_000), ("2", 500), ("4", 250), ("30", 33)];
/// What `ui.notify` can be.
pub const NOTICES: [&str; 4] = ["none", "bell", "osc9", "osc777"];
/// What `ui.glyphs` can be.
pub const GLYPHS: [&str; 4] = ["auto", "unicode", "narrow", "ascii"];
/// The longest label of a place, in letters.
const LABEL: usize = 12;

impl Default for Ui {
    fn default() -> Ui {
        Ui {
            theme: "auto".to_owned(),
            glyphs: "auto".to_owned(),
            max_fps: "30".to_owned(),
            notify: "none".to_owned(),
            mouse: Switch::Off,
            title: Switch::Off,
            exit_summary: Switch::On,
            keep_filters: Switch::Off,
            read_only: Switch::Off,
            copy_command: Vec::new(),
            env: None,
        }
    }
}

impl Ui {
    /// Lists every value by its key.
    pub(super) fn shown(&self) -> Vec<(&'static str, String)> {
        let env = self.env.as_ref();
        vec![
            ("ui.theme", self.theme.clone()),
            ("ui.glyphs", self.glyphs.clone()),
            ("ui.max_fps", self.max_fps.clone()),
            ("ui.notify", self.notify.clone()),
            ("ui.mouse", self.mouse.says().to_owned()),
            ("ui.title", self.title.says().to_owned()),
            ("ui.exit_summary", self.exit_summary.says().to_owned()),
            ("ui.keep_filters", self.keep_filters.says().to_owned()),
            ("ui.read_only", self.read_only.says().to_owned()),
            ("ui.copy_command", self.copy_command.join(" ")),
            ("ui.env", env.map_or_else(String::new, |env| env.label.clone())),
        ]
    }
}

/// Reads `[ui]` over the settings, and notes where each value came from.
pub(super) fn read(settings: &mut Settings, root: &Table<'_>) {
    let Some(table) = root.get("ui").and_then(|item| item.table()) else { return };
    let report = root.report;
    let usual = Ui::default();
    let mut note = |key: &'static str, item: &Item<'_>| {
        settings.origins.insert(key, From::File(report.line(item.span.start)));
    };
    if let Some((theme, item)) = table.text("theme") {
        settings.ui.theme = theme;
        note("ui.theme", &item);
    }
    for (key, name, choices, place) in [
        ("glyphs", "ui.glyphs", &GLYPHS[..], &mut settings.ui.glyphs),
        ("max_fps", "ui.max_fps", &RATES.map(|rate| rate.0)[..], &mut settings.ui.max_fps),
        ("notify", "ui.notify", &NOTICES[..], &mut settings.ui.notify),
    ] {
        let Some(item) = table.get(key) else { continue };
        note(name, &item);
        if let Some(found) = one_of(&item, choices) {
            *place = found;
        }
    }
    for (key, name, otherwise, place) in [
        ("mouse", "ui.mouse", usual.mouse, &mut settings.ui.mouse),
        ("title", "ui.title", usual.title, &mut settings.ui.title),
        ("exit_summary", "ui.exit_summary", usual.exit_summary, &mut settings.ui.exit_summary),
        ("keep_filters", "ui.keep_filters", usual.keep_filters, &mut settings.ui.keep_filters),
        ("read_only", "ui.read_only", usual.read_only, &mut settings.ui.read_only),
    ] {
        let Some(item) = table.get(key) else { continue };
        note(name, &item);
        *place = table.flag(key).map_or(otherwise, Switch::from);
    }
    if let Some(item) = table.get("copy_command") {
        note("ui.copy_command", &item);
        let words = item.texts();
        settings.ui.copy_command = match words.as_slice() {
            [line] => line.split_whitespace().map(str::to_owned).collect(),
            _ => words,
        };
    }
    if let Some(item) = table.get("env") {
        note("ui.env", &item);
        settings.ui.env = item.table().and_then(place);
    }
    table.refuse_rest(|key| (key == "timezone").then(|| "the zone is `zone`, above all tables".to_owned()));
}

fn one_of(item: &Item<'_>, choices: &[&str]) -> Option<String> {
    let text = item.number()?;
    if choices.contains(&text.as_str()) {
        return Some(text);
    }
    item.error(format!("is \"{text}\": expected one of {}", choices.join(", ")));
    None
}

fn place(table: Table<'_>) -> Option<Place> {
    let label = table.text("label");
    let color = table.text("color").map_or_else(String::new, |color| color.0);
    let confirm = table.text("confirm").map(|(word, item)| match word.as_str() {
        "always" => Switch::On,
        "never" => Switch::Off,
        _ => {
            item.error(format!("is \"{word}\": expected always or never"));
            Switch::Off
        }
    });
    let span = table.span.clone();
    let (report, name): (&Report<'_>, String) = (table.report, table.name.clone());
    table.refuse_rest(|_| None);
    let Some((label, item)) = label else {
        report.error(name, span, "has no `label`, like PROD");
        return None;
    };
    let label = label.trim().to_owned();
    if label.is_empty() || label.chars().count() > LABEL || label.chars().any(char::is_control) {
        item.error(format!("expected a word of at most {LABEL} letters"));
        return None;
    }
    Some(Place { label, color, confirm: confirm.unwrap_or_default() })
}

/// Reads `[access]`.
pub(super) fn access(root: &Table<'_>) -> Access {
    let Some(table) = root.get("access").and_then(|item| item.table()) else { return Access::default() };
    let writers = table.get("writers").map_or_else(Vec::new, |item| item.texts());
    let who = table.text("who").and_then(|(text, item)| {
        let name = text.strip_prefix("env:").filter(|name| !name.is_empty()).map(str::to_owned);
        if name.is_none() {
            item.error(format!("is \"{text}\": expected env:NAME, a variable of the environment"));
        }
        name
    });
    table.refuse_rest(|_| None);
    Access { writers, who }
}

#[cfg(test)]
mod tests {
    use super::super::load::from_text;
    use super::*;

    #[test]
    fn the_screens_manners_are_read_with_where_they_came_from() {
        let text = "[ui]\nglyphs = \"narrow\"\nmax_fps = 0.5\nmouse = true\nexit_summary = false\ncopy_command = \"xclip -i\"\n\
                    env = { label = \"PROD\", color = \"red\", confirm = \"always\" }\n[access]\nwriters = [\"mira\"]\nwho = \"env:OPS_NAME\"\n";
        let settings = from_text(text).expect("settings");
        let ui = &settings.ui;
        assert_eq!((ui.glyphs.as_str(), ui.max_fps.as_str()), ("narrow", "0.5"));
        assert_eq!((ui.mouse, ui.exit_summary, ui.title), (Switch::On, Switch::Off, Switch::Off));
        assert_eq!(ui.copy_command, ["xclip", "-i"]);
        let place = ui.env.as_ref().expect("a place");
        assert_eq!((place.label.as_str(), place.confirm), ("PROD", Switch::On));
        assert_eq!(settings.access.writers, ["mira"]);
        assert_eq!(settings.access.who.as_deref(), Some("OPS_NAME"));
        let shown = settings.shown();
        let fps = shown.iter().find(|shown| shown.key == "ui.max_fps").expect("it is shown");
        assert_eq!((fps.value.as_str(), &fps.from), ("0.5", &From::File(3)));
    }

    #[test]
    fn what_cannot_be_is_told_with_its_line() {
        for (text, words) in [
            ("[ui]\nglyphs = \"emoji\"\n", "expected one of auto, unicode, narrow, ascii"),
            ("[ui]\nmax_fps = 60\n", "expected one of 0.2"),
            ("[ui]\nmouse = \"yes\"\n", "expected true or false"),
            ("[ui]\nenv = { color = \"red\" }\n", "has no `label`"),
            ("[ui]\nenv = { label = \"PROD\", confirm = \"sometimes\" }\n", "always or never"),
            ("[access]\nwho = \"mira\"\n", "env:NAME"),
            ("[ui]\ntimezone = \"UTC\"\n", "`zone`"),
        ] {
            let errors = from_text(text).expect_err(text);
            assert!(errors.len() == 1 && errors[0].line == Some(2), "{errors:?}");
            assert!(errors[0].reason.contains(words), "{errors:?}");
        }
    }
}
