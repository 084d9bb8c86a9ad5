//! How a key is written: `j`, `ctrl-d`, `enter`, `F2`.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The keys that have names.
const NAMED: [(&str, KeyCode); 17] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("backspace", KeyCode::Backspace),
    ("minus", KeyCode::Char('-')),
];

/// Reads a key as it is written in the table, in the configuration and in the docs.
pub fn parse(name: &str) -> Option<KeyEvent> {
    for (prefix, modifier) in [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT)] {
        if let Some(rest) = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            let key = parse(rest)?;
            return Some(KeyEvent::new(key.code, key.modifiers | modifier));
        }
    }
    let plain = |code| Some(KeyEvent::new(code, KeyModifiers::NONE));
    if let Some((_, code)) = NAMED.iter().find(|known| known.0 == name) {
        return plain(*code);
    }
    if let Some(number) = name.strip_prefix('F').and_then(|rest| rest.parse::<u8>().ok()) {
        return (1..=12).contains(&number).then(|| KeyEvent::new(KeyCode::F(number), KeyModifiers::NONE));
    }
    let mut letters = name.chars();
    let letter =
        letters.next().filter(|letter| *letter == ' ' || !(letter.is_control() || letter.is_whitespace()))?;
    letters.next().is_none().then(|| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE))
}

/// Says whether two keys are the same, whatever else is held. A capital letter says itself that shift is.
pub(super) fn same(one: KeyEvent, other: KeyEvent) -> bool {
    let held = KeyModifiers::CONTROL | KeyModifiers::ALT;
    one.code == other.code && one.modifiers & held == other.modifiers & held
}

/// Says whether a key puts a character into a text field.
pub(super) fn is_typed(key: KeyEvent) -> bool {
    let held = KeyModifiers::CONTROL | KeyModifiers::ALT;
    matches!(key.code, KeyCode::Char(_)) && !key.modifiers.intersects(held)
}
