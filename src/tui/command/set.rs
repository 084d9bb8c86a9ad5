//! `:set`: how the screen behaves for the rest of this run, and what of it goes into the configuration (`:w`).

use crate::domain::calendar::Calendar;
use crate::domain::switch::Switch;
use crate::tui::app::{App, PACES};
use crate::tui::event::Effect;
use crate::tui::manners::Notice;
use crate::tui::theme::Glyphs;

/// What can be set: the key under `[ui]`, and the words it can be.
pub const SETTINGS: [(&str, &[&str]); 8] = [
    ("theme", &[]),
    ("glyphs", &["unicode", "narrow", "ascii"]),
    ("max_fps", &["0.2", "0.5", "1", "2", "4", "30"]),
    ("mouse", &["true", "false"]),
    ("title", &["true", "false"]),
    ("notify", &["none", "bell", "osc9", "osc777"]),
    ("exit_summary", &["true", "false"]),
    ("keep_filters", &["true", "false"]),
];

/// Checks that a key can be set to a value. The error says what it can be.
pub(super) fn check(key: &str, value: Option<&str>, app: &App) -> Result<(String, String), String> {
    let names = || SETTINGS.map(|setting| setting.0).join(", ");
    let setting = SETTINGS.iter().find(|setting| setting.0 == key);
    let (_, words) = setting.ok_or_else(|| format!("there is no `{key}` to set: {}", names()))?;
    let words: Vec<&str> = match key {
        "theme" => app.setup.themes.iter().map(String::as_str).collect(),
        _ => words.to_vec(),
    };
    match value {
        Some(value) if words.contains(&value) => Ok((key.to_owned(), value.to_owned())),
        Some(value) => Err(format!("{key} is not `{value}`: {}", words.join(", "))),
        None => Err(format!("set {key} to what? {}", words.join(", "))),
    }
}

impl App {
    /// Sets how the screen behaves; what is set was checked before.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Vec<Effect> {
        let on = Switch::from(value == "true");
        self.set_here.retain(|set| set.0 != key);
        self.set_here.push((key.to_owned(), value.to_owned()));
        self.say(&format!("{key} = {value}, for this run: :w shows what to put into the configuration"));
        match key {
            "theme" => value.clone_into(&mut self.setup.theme),
            "glyphs" => {
                let glyphs = Glyphs::ALL.iter().find(|known| known.0 == value);
                return glyphs.map(|known| Effect::Glyphs(Box::new(known.1))).into_iter().collect();
            }
            "max_fps" => {
                let place = SETTINGS
                    .iter()
                    .find(|it| it.0 == "max_fps")
                    .and_then(|it| it.1.iter().position(|word| *word == value));
                self.pace = place.unwrap_or(0).min(PACES.len() - 1);
            }
            "mouse" if self.has_mouse() != on.is_on() => return vec![self.toggle_mouse()],
            "title" => self.setup.manners.title = on,
            "notify" => self.setup.manners.notice = Notice::named(value).unwrap_or_default(),
            "exit_summary" => self.setup.manners.exit_summary = on,
            "keep_filters" => self.setup.manners.keep_filters = on,
            _ => {}
        }
        Vec::new()
    }

    /// Shows the lines that make the screen begin as it is now, and keeps how its pages are looked at.
    pub(super) fn show_configuration(&mut self) -> Vec<Effect> {
        let mut lines = Vec::new();
        if let Some(zone) = &self.zone_here {
            lines.push(format!("zone = \"{zone}\""));
        }
        if !self.set_here.is_empty() {
            lines.push("[ui]".to_owned());
        }
        for (key, value) in &self.set_here {
            let bare = matches!(value.as_str(), "true" | "false") || key == "max_fps";
            lines.push(if bare { format!("{key} = {value}") } else { format!("{key} = \"{value}\"") });
        }
        if lines.is_empty() {
            lines.push("# nothing was set in this run that differs from the configuration".to_owned());
        }
        self.show_text("For the configuration; order, columns and window are kept", lines);
        vec![Effect::SaveLayout(Box::new(self.layout()))]
    }

    /// Counts days and months in another zone from now on, on this screen alone.
    pub(super) fn set_zone(&mut self, calendar: Calendar) -> Vec<Effect> {
        let zone = calendar.name().to_owned();
        self.say(&format!("zone: {zone}, on this screen alone: caps keep their own"));
        self.zone_here = Some(zone.clone());
        self.setup.calendar = calendar;
        vec![Effect::SetZone(zone)]
    }
}
