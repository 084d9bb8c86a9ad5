//! What a meaning looks like: themes and color depths.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

pub use super::glyphs::{ASCII, Glyphs, NARROW, UNICODE};
use crate::domain::label::printable;

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Plain text.
    Text,
    /// Less important text.
    Muted,
    /// Rules and boxes.
    Border,
    /// The row or tab that keys act on.
    Focus,
    /// Money.
    Money,
    /// As it should be.
    Good,
    /// Soon needs attention.
    Warn,
    /// Needs attention.
    Bad,
    /// Bars and trends.
    Series,
    /// What these books are the books of.
    Label,
}

/// How many colors the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, underlined and reversed only.
    Plain,
    /// The terminal's own sixteen.
    Sixteen,
    /// The table of 256.
    Table,
    /// 24 bits.
    True,
}

impl Depth {
    /// Reads the values of `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn detect(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Depth {
        if no_color.is_some_and(|value| !value.is_empty()) {
            return Depth::Plain;
        }
        if colorterm.is_some_and(|value| value == "truecolor" || value == "24bit") {
            return Depth::True;
        }
        if term.is_some_and(|value| value.contains("256color")) { Depth::Table } else { Depth::Sixteen }
    }
}

/// A theme at one color depth.
#[derive(Clone, Debug)]
pub struct Theme {
    name: String,
    depth: Depth,
    colors: BTreeMap<String, Color>,
    /// The color behind the label, where one was said.
    label: Option<Color>,
    /// The characters to draw with.
    pub glyphs: Glyphs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    /// The theme that what is not set is taken from.
    base: Option<String>,
    /// No color is used, whatever the terminal has.
    #[serde(default)]
    colorless: bool,
    #[serde(default)]
    colors: BTreeMap<String, String>,
    #[serde(default)]
    ansi: BTreeMap<String, String>,
}

/// The longest name of a theme.
const NAME_COLUMNS: usize = 40;

const NAMES: [&str; 10] =
    ["background", "text", "muted", "border", "focus", "money", "good", "warn", "bad", "series"];

impl Theme {
    /// Reads a theme file; `known` are the themes that it may be based on. The error says what is wrong with it.
    pub fn parse(text: &str, depth: Depth, glyphs: Glyphs, known: &[Theme]) -> Result<Theme, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let base = match &file.base {
            None => None,
            Some(name) => Some(known.iter().find(|theme| theme.name == *name).ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(Theme::name).collect();
                format!("base = \"{name}\" is no theme: expected one of {}", names.join(", "))
            })?),
        };
        let depth = if file.colorless { Depth::Plain } else { base.map_or(depth, |base| base.depth) };
        let mut colors = base.map(|base| base.colors.clone()).unwrap_or_default();
        for key in file.colors.keys().chain(file.ansi.keys()) {
            if !NAMES.contains(&key.as_str()) {
                return Err(format!("color `{key}` is not known: expected one of {}", NAMES.join(", ")));
            }
        }
        let table = if depth == Depth::Sixteen { &file.ansi } else { &file.colors };
        for (key, value) in table {
            let color = color(value).ok_or_else(|| {
                format!("{key} = \"{value}\" is no color: expected #rrggbb, 0-255, a name or none")
            })?;
            colors.insert(key.clone(), at_depth(color, depth));
        }
        Ok(Theme { name: printable(&file.name, NAME_COLUMNS), depth, colors, label: None, glyphs })
    }

    /// Returns the theme's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the style of empty cells.
    pub fn base(&self) -> Style {
        let style = self.style(Meaning::Text);
        match self.colors.get("background") {
            Some(color) if self.depth != Depth::Plain => style.bg(*color),
            _ => style,
        }
    }

    /// Returns how something of this meaning looks.
    pub fn style(&self, meaning: Meaning) -> Style {
        let style = Style::default();
        let bold = style.add_modifier(Modifier::BOLD);
        if self.depth == Depth::Plain {
            return match meaning {
                Meaning::Focus => style.add_modifier(Modifier::REVERSED),
                Meaning::Label => bold.add_modifier(Modifier::REVERSED),
                Meaning::Warn | Meaning::Bad => bold,
                _ => style,
            };
        }
        let (key, near, ansi) = match meaning {
            Meaning::Text => ("text", "text", Color::Reset),
            Meaning::Muted => ("muted", "text", Color::Reset),
            Meaning::Border => ("border", "muted", Color::DarkGray),
            Meaning::Money => ("money", "text", Color::Reset),
            Meaning::Good => ("good", "text", Color::Green),
            Meaning::Warn => ("warn", "text", Color::Yellow),
            Meaning::Bad => ("bad", "warn", Color::Red),
            Meaning::Series => ("series", "good", Color::Cyan),
            Meaning::Label => return self.label_style(),
            Meaning::Focus => {
                return match self.colors.get("focus") {
                    Some(color) => bold.bg(*color),
                    None => style.add_modifier(Modifier::REVERSED),
                };
            }
        };
        let known =
            self.colors.get(key).or_else(|| self.colors.get(near).filter(|_| self.depth != Depth::Sixteen));
        let style = style.fg(known.copied().unwrap_or(ansi));
        if matches!(meaning, Meaning::Bad) { style.add_modifier(Modifier::BOLD) } else { style }
    }
}

impl Theme {
    /// The label stands out by what is behind it; its letters are black or white, whichever is the farther.
    fn label_style(&self) -> Style {
        let bad = self.colors.get("bad").copied().unwrap_or(Color::Red);
        let ground = self.label.unwrap_or(bad);
        let letters = match ground {
            Color::Rgb(red, green, blue) => {
                let bright = u32::from(red) * 3 + u32::from(green) * 6 + u32::from(blue);
                if bright > 1_280 { Color::Rgb(0, 0, 0) } else { Color::Rgb(255, 255, 255) }
            }
            _ => Color::Black,
        };
        Style::default().bg(ground).fg(letters).add_modifier(Modifier::BOLD)
    }
}

/// The themes that are built in; the first is the usual one.
const BUILT_IN: [&str; 17] = [
    include_str!("../../themes/terminal.toml"),
    include_str!("../../themes/dusk.toml"),
    include_str!("../../themes/paper.toml"),
    include_str!("../../themes/signal.toml"),
    include_str!("../../themes/mono.toml"),
    include_str!("../../themes/high-contrast.toml"),
    include_str!("../../themes/high-contrast-light.toml"),
    include_str!("../../themes/colorblind.toml"),
    include_str!("../../themes/nord.toml"),
    include_str!("../../themes/dracula.toml"),
    include_str!("../../themes/gruvbox-dark.toml"),
    include_str!("../../themes/gruvbox-light.toml"),
    include_str!("../../themes/catppuccin-mocha.toml"),
    include_str!("../../themes/catppuccin-latte.toml"),
    include_str!("../../themes/solarized-dark.toml"),
    include_str!("../../themes/solarized-light.toml"),
    include_str!("../../themes/tokyo-night.toml"),
];

/// All themes there are, at one color depth.
#[derive(Clone, Debug)]
pub struct Themes(Vec<Theme>);

impl Themes {
    /// The themes that are built in, and the texts of the user's own. One of the same name replaces
    /// a built-in one. What cannot be read is left out and its fault returned.
    pub fn new(depth: Depth, glyphs: Glyphs, own: &[String]) -> (Themes, Vec<String>) {
        let (mut themes, mut faults) = (Vec::<Theme>::new(), Vec::new());
        for text in BUILT_IN.iter().copied().chain(own.iter().map(String::as_str)) {
            match Theme::parse(text, depth, glyphs, &themes) {
                Ok(theme) => match themes.iter_mut().find(|known| known.name == theme.name) {
                    Some(known) => *known = theme,
                    None => themes.push(theme),
                },
                Err(fault) => faults.push(fault),
            }
        }
        (Themes(themes), faults)
    }

    /// Takes the color behind the label, as a theme names one. The error says what is wrong with it.
    pub fn set_label(&mut self, name: &str) -> Result<(), String> {
        let fault = || format!("ui.env.color = \"{name}\" is no color: expected #rrggbb, 0-255 or a name");
        let named = color(name).ok_or_else(fault)?;
        for theme in &mut self.0 {
            theme.label = match (named, theme.depth) {
                // A terminal of sixteen colors has none of these: the theme's own stays.
                (Color::Rgb(..) | Color::Indexed(_), Depth::Sixteen) => None,
                (named, depth) => Some(at_depth(named, depth)),
            };
        }
        Ok(())
    }

    /// Draws with other characters from now on.
    pub fn set_glyphs(&mut self, glyphs: Glyphs) {
        for theme in &mut self.0 {
            theme.glyphs = glyphs;
        }
    }

    /// Returns their names, in the order `t` goes through them.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|theme| theme.name.clone()).collect()
    }

    /// Returns the theme of a name, else the first.
    pub fn get(&self, name: &str) -> Option<&Theme> {
        self.0.iter().find(|theme| theme.name == name).or(self.0.first())
    }
}

fn color(text: &str) -> Option<Color> {
    match text {
        "none" => Some(Color::Reset),
        _ => text.parse().ok(),
    }
}

fn at_depth(color: Color, depth: Depth) -> Color {
    match (color, depth) {
        (Color::Rgb(red, green, blue), Depth::Table) => Color::Indexed(nearest(red, green, blue)),
        (color, _) => color,
    }
}

/// The nearest of the 256: of the 6x6x6 cube or of the 24 grays.
fn nearest(red: u8, green: u8, blue: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |value: u8| (0_u8..6).min_by_key(|&i| STEPS[usize::from(i)].abs_diff(value)).unwrap_or(0);
    let far = |r: u8, g: u8, b: u8| {
        let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        square(r, red) + square(g, green) + square(b, blue)
    };
    let (r, g, b) = (step(red), step(green), step(blue));
    let cube = far(STEPS[usize::from(r)], STEPS[usize::from(g)], STEPS[usize::from(b)]);
    let gray = (0_u8..24).min_by_key(|&i| far(8 + 10 * i, 8 + 10 * i, 8 + 10 * i)).unwrap_or(0);
    if far(8 + 10 * gray, 8 + 10 * gray, 8 + 10 * gray) < cube { 232 + gray } else { 16 + 36 * r + 6 * g + b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_follows_the_environment() {
        assert_eq!(Depth::detect(Some("1"), Some("truecolor"), None), Depth::Plain);
        assert_eq!(Depth::detect(Some(""), Some("truecolor"), None), Depth::True);
        assert_eq!(Depth::detect(None, None, Some("xterm-256color")), Depth::Table);
        assert_eq!(Depth::detect(None, None, Some("linux")), Depth::Sixteen);
    }

    #[test]
    fn the_label_has_its_color_at_any_depth() {
        for (depth, want) in [
            (Depth::True, Some(Color::Rgb(0, 95, 0))),
            (Depth::Table, Some(Color::Indexed(22))),
            (Depth::Sixteen, Some(Color::Red)),
            (Depth::Plain, None),
        ] {
            let (mut themes, _) = Themes::new(depth, UNICODE, &[]);
            assert_eq!(themes.set_label("#005f00"), Ok(()));
            let ground = themes.get("terminal").expect("it").style(Meaning::Label).bg;
            assert_eq!(ground, want, "{depth:?}");
        }
        let (mut themes, _) = Themes::new(Depth::True, UNICODE, &[]);
        assert!(themes.set_label("loud").is_err());
    }

    #[test]
    fn built_in_themes_can_be_read_at_every_depth() {
        for depth in [Depth::Plain, Depth::Sixteen, Depth::Table, Depth::True] {
            let (themes, faults) = Themes::new(depth, UNICODE, &[]);
            assert_eq!((themes.names().len(), faults), (BUILT_IN.len(), Vec::new()));
        }
        let (_, faults) =
            Themes::new(Depth::True, UNICODE, &["name='x'\n[colors]\nbad='pinkish'".to_owned()]);
        assert!(faults[0].contains("pinkish"), "{faults:?}");
    }

    #[test]
    fn only_colors_of_the_depth_are_used() {
        let (themes, _) = Themes::new(Depth::Table, UNICODE, &[]);
        let theme = themes.get("dusk").expect("a theme");
        assert!(matches!(theme.style(Meaning::Bad).fg, Some(Color::Indexed(_))));
        assert_eq!(nearest(255, 0, 0), 196);
        assert_eq!(nearest(128, 128, 128), 244);
    }

    #[test]
    fn a_theme_takes_from_its_base_what_it_does_not_set() {
        let own = ["name='mine'\nbase='nord'\n[colors]\nbad='#ffffff'", "name='lost'\nbase='nowhere'"];
        let (themes, faults) = Themes::new(Depth::True, UNICODE, &own.map(str::to_owned));
        let (mine, nord) = (themes.get("mine").expect("it"), themes.get("nord").expect("it"));
        assert_eq!(mine.style(Meaning::Bad).fg, Some(Color::Rgb(255, 255, 255)));
        assert_eq!((mine.style(Meaning::Good), mine.base()), (nord.style(Meaning::Good), nord.base()));
        assert!(faults.len() == 1 && faults[0].contains("nowhere"), "{faults:?}");
    }

    #[test]
    fn a_theme_without_color_uses_none_on_any_terminal() {
        let (themes, _) = Themes::new(Depth::True, UNICODE, &[]);
        let mono = themes.get("mono").expect("it");
        let meanings = [Meaning::Text, Meaning::Good, Meaning::Warn, Meaning::Bad, Meaning::Focus];
        assert!(meanings.iter().all(|meaning| mono.style(*meaning).fg.is_none()), "{mono:?}");
    }

    /// The brightness of a color as WCAG 2.1 has it ("relative luminance"), 0 to 1.
    fn brightness(color: Color) -> f64 {
        let Color::Rgb(red, green, blue) = color else { panic!("{color:?} is not of 24 bits") };
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (brightness(one), brightness(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn whatever_has_a_meaning_stands_out_from_its_background() {
        use Meaning::{Bad, Focus, Good, Money, Muted, Series, Text, Warn};
        let (themes, _) = Themes::new(Depth::True, UNICODE, &[]);
        let mut checked = 0;
        for theme in &themes.0 {
            let Some(ground) = theme.base().bg else { continue };
            for (meaning, least) in
                [(Text, 4.5), (Money, 4.5), (Good, 4.5), (Warn, 4.5), (Bad, 4.5), (Series, 4.5), (Muted, 3.5)]
            {
                let color = theme.style(meaning).fg.expect("a color");
                let found = contrast(color, ground);
                assert!(found >= least, "{} {meaning:?}: {found:.2}", theme.name);
            }
            let selected = theme.style(Focus).bg.expect("a color");
            let found = contrast(theme.style(Text).fg.expect("a color"), selected);
            assert!(found >= 4.5, "{}: selected {found:.2}", theme.name);
            checked += 1;
        }
        assert_eq!(checked, BUILT_IN.len() - 2, "all but the terminal's own and the one without color");
    }

    #[test]
    fn good_and_bad_are_told_apart_without_red_and_green() {
        let (themes, _) = Themes::new(Depth::True, UNICODE, &[]);
        for name in ["colorblind", "signal"] {
            let theme = themes.get(name).expect("it");
            let part = |meaning| match theme.style(meaning).fg {
                Some(Color::Rgb(red, _, blue)) => (red, blue),
                other => panic!("{other:?}"),
            };
            let ((red, blue), (bad_red, bad_blue)) = (part(Meaning::Good), part(Meaning::Bad));
            assert!(blue > red && bad_red > bad_blue, "{name}: blue against orange");
        }
    }
}
