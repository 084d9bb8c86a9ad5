//! Makes a theme of a base16 scheme: sixteen colors with fixed parts, in a flat YAML file.

use crate::domain::label::printable;

/// Which color of a scheme stands for what, by the styling guide of base16.
const PARTS: [(&str, &str); 10] = [
    ("background", "00"),
    ("text", "05"),
    ("muted", "04"),
    ("border", "03"),
    ("focus", "02"),
    ("money", "05"),
    ("good", "0b"),
    ("warn", "0a"),
    ("bad", "08"),
    ("series", "0d"),
];
/// The longest name of a file made of a scheme's.
const NAME: usize = 40;

/// Returns the theme's name and its file. Without a name of its own the scheme is called `otherwise`. The error
/// says which color is missing or wrong.
pub fn base16(text: &str, otherwise: &str) -> Result<(String, String), String> {
    let mut colors: Vec<(String, String)> = Vec::new();
    let mut called = None;
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim().trim_matches(['"', '\'']).to_lowercase(), plain(value));
        if let Some(number) = key.strip_prefix("base").filter(|number| number.len() == 2) {
            colors.push((number.to_owned(), value));
        } else if key == "scheme" || key == "name" {
            called = Some(value);
        }
    }
    let name = file_name(called.as_deref().unwrap_or(otherwise));
    let mut lines =
        vec!["# Made from a base16 scheme.".to_owned(), format!("name = \"{name}\""), String::new()];
    lines.push("[colors]".to_owned());
    for (part, number) in PARTS {
        let found = colors.iter().find(|color| color.0 == number);
        let value = found.map(|color| color.1.trim_start_matches('#'));
        let value = value.ok_or_else(|| format!("base{} is missing", number.to_uppercase()))?;
        if value.len() != 6 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let value = printable(value, 20);
            return Err(format!(
                "base{} is \"{value}\": expected six digits like f8f8f2",
                number.to_uppercase()
            ));
        }
        lines.push(format!("{part} = \"#{}\"", value.to_lowercase()));
    }
    Ok((name, lines.join("\n") + "\n"))
}

/// Takes quotes and a remark from a value.
fn plain(value: &str) -> String {
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let quoted = quoted.or_else(|| value.strip_prefix('\'').and_then(|rest| rest.split_once('\'')));
    match quoted {
        Some((inside, _)) => inside.to_owned(),
        None => value.split(" #").next().unwrap_or_default().trim().to_owned(),
    }
}

/// Returns a name that can be a file's, whatever the scheme is called.
fn file_name(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().take(NAME).map(letter).collect();
    let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "imported".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::theme::{Depth, Meaning, Theme, UNICODE};
    use ratatui::style::Color;

    fn scheme() -> String {
        let colors: Vec<String> =
            (0..16).map(|n| format!("base{n:02X}: \"{n:x}0{n:x}0{n:x}0\" # one")).collect();
        format!("scheme: \"My ../Evil Scheme!\"\nauthor: \"someone\"\n{}\n", colors.join("\n"))
    }

    #[test]
    fn a_scheme_becomes_a_theme_that_can_be_read() {
        let (name, text) = base16(&scheme(), "x").expect("a theme");
        assert_eq!(name, "my-evil-scheme");
        let theme = Theme::parse(&text, Depth::True, UNICODE, &[]).expect("a theme");
        assert_eq!(theme.style(Meaning::Bad).fg, Some(Color::Rgb(0x80, 0x80, 0x80)));
        assert_eq!(theme.style(Meaning::Series).fg, Some(Color::Rgb(0xd0, 0xd0, 0xd0)));
        assert_eq!(theme.base().bg, Some(Color::Rgb(0, 0, 0)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let less = scheme().replace("base0B", "base1B");
        assert_eq!(base16(&less, "x"), Err("base0B is missing".to_owned()));
        let wrong = scheme().replace("808080", "80\u{1b}080");
        assert!(base16(&wrong, "x").is_err_and(|why| why.contains("base08") && !why.contains('\u{1b}')));
        assert_eq!(file_name("../.."), "imported");
    }
}
