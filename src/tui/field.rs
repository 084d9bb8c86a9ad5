//! A line of text that is typed: its cursor, and what each key does to it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation;

use super::text;
use crate::domain::label::printable;

/// The longest line, in columns.
const COLUMNS: usize = 200;

/// A line that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
    /// Where the next letter goes: a byte between two graphemes.
    cursor: usize,
    /// Whether the next letter takes the place of all.
    selected: bool,
}

impl Field {
    /// Returns a field with a text in it, the cursor at its end.
    pub fn new(text: &str) -> Field {
        let text = printable(text, COLUMNS);
        Field { cursor: text.len(), text, selected: false }
    }

    /// Returns the same field with all of its text selected: the next letter replaces it.
    #[must_use]
    pub fn selected(self) -> Field {
        Field { selected: !self.text.is_empty(), ..self }
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Says whether the next letter takes the place of all.
    pub fn is_selected(&self) -> bool {
        self.selected
    }

    /// Takes a key, and says whether the text is another one now.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let held = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let before = self.text.len();
        match key.code {
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.clear(),
            KeyCode::Char(letter) if !held => return self.insert(letter.encode_utf8(&mut [0; 4])),
            KeyCode::Backspace | KeyCode::Delete if self.selected => self.clear(),
            KeyCode::Backspace => {
                let start = self.before();
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            KeyCode::Delete => {
                let end = self.after();
                self.text.replace_range(self.cursor..end, "");
            }
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => self.cursor = self.after(),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            _ => return false,
        }
        self.selected = false;
        self.text.len() != before
    }

    /// Inserts a text at the cursor, and says whether there was room for it.
    pub fn insert(&mut self, more: &str) -> bool {
        if self.selected {
            self.clear();
        }
        let (left, right) = self.text.split_at(self.cursor);
        let left = printable(&format!("{left}{more}"), COLUMNS);
        let whole = format!("{left}{right}");
        if whole == self.text || text::width(&whole) > COLUMNS {
            return false;
        }
        (self.cursor, self.text) = (left.len(), whole);
        true
    }

    /// Returns the part that fits into `columns` with the cursor in it, and the cursor's column there.
    pub fn visible(&self, columns: usize) -> (String, usize) {
        let mut start = 0;
        while text::width(&self.text[start..self.cursor]) >= columns.max(1) {
            let first = self.text[start..self.cursor].graphemes(true).next().map_or(1, str::len);
            start += first;
        }
        (self.text[start..].to_owned(), text::width(&self.text[start..self.cursor]))
    }

    fn clear(&mut self) {
        *self = Field::default();
    }

    fn before(&self) -> usize {
        self.text[..self.cursor].grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn after(&self) -> usize {
        self.cursor + self.text[self.cursor..].graphemes(true).next().map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keys::parse;
    use proptest::prelude::*;

    #[track_caller]
    fn check(start: &str, keys: &[&str], want: &str) {
        let mut field = Field::new(start);
        for key in keys {
            field.key(parse(key).expect("a key"));
        }
        assert_eq!(field.text(), want);
    }

    #[test]
    fn letters_go_where_the_cursor_is() {
        check("20/day", &["home", "right", "right", "0"], "200/day");
        check("200/day", &["home", "delete", "5"], "500/day");
        check("한빛", &["left", "x"], "한x빛");
        check("한빛", &["backspace", "backspace", "backspace"], "");
        check("a", &["ctrl-u", "b", "ctrl-d"], "b");
    }

    #[test]
    fn a_letter_replaces_what_is_selected_and_a_step_keeps_it() {
        let mut field = Field::new("200.00/day").selected();
        field.key(parse("5").expect("a key"));
        assert_eq!(field.text(), "5");
        let mut field = Field::new("200.00/day").selected();
        field.key(parse("home").expect("a key"));
        field.key(parse("1").expect("a key"));
        assert_eq!(field.text(), "1200.00/day");
    }

    #[test]
    fn what_is_visible_has_the_cursor_in_it() {
        let mut field = Field::new("0123456789");
        assert_eq!(field.visible(4), ("789".to_owned(), 3));
        field.key(parse("home").expect("a key"));
        assert_eq!(field.visible(4), ("0123456789".to_owned(), 0));
    }

    proptest! {
        #[test]
        fn any_keys_leave_a_whole_line(
            start in any::<String>(), pasted in any::<String>(), columns in 0_usize..9,
            keys in proptest::collection::vec(proptest::sample::select(
                vec!["left", "right", "home", "end", "delete", "backspace", "한", "\u{301}", "x", "ctrl-u"]), 0..20),
        ) {
            let mut field = Field::new(&start);
            field.insert(&pasted);
            for key in keys {
                field.key(parse(key).expect("a key"));
                let (_, column) = field.visible(columns);
                prop_assert!(column < columns.max(1), "{:?}", field);
                prop_assert!(!field.text().contains(char::is_control));
            }
        }
    }
}
