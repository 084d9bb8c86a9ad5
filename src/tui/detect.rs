//! What a terminal can, as far as its environment tells: nothing is asked of the terminal itself, whose answer may
//! come late and read as keys.

use super::theme::{ASCII, Depth, Glyphs, NARROW, UNICODE};
use crate::domain::label::printable;

/// So much of a variable is looked at and shown, in columns.
const SHOWN: usize = 80;

/// What the user said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// `auto`, `unicode`, `narrow` or `ascii`.
    pub glyphs: &'a str,
    /// Whether to use color.
    pub color: Color,
}

/// Whether to use color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// As the environment tells.
    #[default]
    Auto,
    /// Whatever `NO_COLOR` says.
    Always,
    /// None.
    Never,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// How many colors.
    pub depth: Depth,
    /// Which characters.
    pub glyphs: Glyphs,
    /// All of it with its reason, line by line.
    pub lines: Vec<String>,
}

/// A look-up of environment variables.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Finds out what a terminal can.
pub fn detect(wish: Wish<'_>, env: Env<'_>) -> Found {
    // What others send along (`LC_*` over SSH) is shown: nothing in it may act on a terminal.
    let set = |name: &str| env(name).filter(|value| !value.is_empty()).map(|value| printable(&value, SHOWN));
    let (depth, depth_why) = depth(wish.color, &set);
    let (glyphs, glyphs_why) = glyphs(wish.glyphs, &set);
    let name = |name: &str| {
        set(name).map_or_else(|| format!("{name} is not set"), |value| format!("{name}={value}"))
    };
    let inside = |name: &'static str, what: &str| set(name).map(|_| format!("{what} ({name} is set)"));
    let around: Vec<String> = [
        inside("TMUX", "tmux"),
        inside("STY", "screen"),
        inside("SSH_TTY", "ssh"),
        inside("MOSH_CONNECTION", "mosh"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let around = if around.is_empty() { "nothing that is known of".to_owned() } else { around.join(", ") };
    let copies = match (set("TMUX"), set("STY")) {
        (Some(_), _) => "tmux load-buffer -w -",
        (None, Some(_)) => "OSC 52, wrapped for screen",
        (None, None) => "OSC 52",
    };
    let lines = vec![
        format!("terminal    {}", name("TERM")),
        format!("colors      {depth_why}"),
        format!("characters  {glyphs_why}"),
        format!("inside      {around}"),
        format!("copies by   {copies}"),
        "sends       alternate screen, bracketed paste, focus reports, synchronized updates (DEC 2026)"
            .to_owned(),
        "asks        nothing of the terminal".to_owned(),
    ];
    Found { depth, glyphs, lines }
}

fn depth(color: Color, set: &dyn Fn(&str) -> Option<String>) -> (Depth, String) {
    if color == Color::Never {
        return (Depth::Plain, "none: --color never".to_owned());
    }
    let no_color = if color == Color::Always { None } else { set("NO_COLOR") };
    let (colorterm, term) = (set("COLORTERM"), set("TERM"));
    let depth = Depth::detect(no_color.as_deref(), colorterm.as_deref(), term.as_deref());
    let why = match depth {
        Depth::Plain => "none: NO_COLOR is set".to_owned(),
        Depth::True => format!("24 bits: COLORTERM={}", colorterm.unwrap_or_default()),
        Depth::Table => format!("256: TERM={}", term.unwrap_or_default()),
        Depth::Sixteen => "16: neither COLORTERM nor TERM tells of more".to_owned(),
    };
    (depth, why)
}

fn glyphs(wish: &str, set: &dyn Fn(&str) -> Option<String>) -> (Glyphs, String) {
    let said = |glyphs, word: &str| (glyphs, format!("{word}: as was said"));
    match wish {
        "unicode" => return said(UNICODE, wish),
        "narrow" => return said(NARROW, wish),
        "ascii" => return said(ASCII, wish),
        _ => {}
    }
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let values = names.map(set);
    let glyphs = Glyphs::detect(values.each_ref().map(Option::as_deref));
    let said =
        names.iter().zip(&values).find_map(|(name, value)| value.as_ref().map(|it| format!("{name}={it}")));
    let said = said.unwrap_or_else(|| "no locale is set".to_owned());
    let word = if glyphs == ASCII {
        "ascii"
    } else if glyphs == NARROW {
        "narrow"
    } else {
        "unicode"
    };
    (glyphs, format!("{word}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wish: Wish<'_>, env: &[(&str, &str)]) -> Found {
        let look = |name: &str| env.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        detect(wish, &look)
    }

    const AUTO: Wish<'_> = Wish { glyphs: "auto", color: Color::Auto };

    #[test]
    fn what_was_said_goes_before_what_the_environment_tells() {
        let env = [("LANG", "C.UTF-8"), ("NO_COLOR", "1"), ("TERM", "xterm-256color")];
        let it = found(AUTO, &env);
        assert_eq!((it.depth, it.glyphs), (Depth::Plain, UNICODE));
        let it = found(Wish { glyphs: "ascii", color: Color::Always }, &env);
        assert_eq!((it.depth, it.glyphs), (Depth::Table, ASCII));
        let it = found(Wish { color: Color::Never, ..AUTO }, &[("COLORTERM", "truecolor")]);
        assert_eq!((it.depth, it.glyphs), (Depth::Plain, ASCII));
    }

    #[test]
    fn nothing_in_the_environment_acts_on_the_terminal() {
        let evil = "xterm\u{1b}]2;owned\u{7}\u{1b}[2J\u{202e}";
        let it = found(AUTO, &[("TERM", evil), ("COLORTERM", evil), ("LC_ALL", evil)]);
        let text = it.lines.concat();
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    }

    #[test]
    fn every_line_says_why() {
        let it = found(AUTO, &[("LC_ALL", "ja_JP.UTF-8"), ("TMUX", "/tmp/x"), ("TERM", "screen")]);
        let text = it.lines.join("\n");
        assert_eq!(it.glyphs, NARROW);
        for words in ["narrow: LC_ALL=ja_JP.UTF-8", "tmux (TMUX is set)", "TERM=screen", "load-buffer"] {
            assert!(text.contains(words), "no `{words}` in\n{text}");
        }
    }
}
