//! Text from outside, made harmless once and shared for the life of the program.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{LazyLock, Mutex, PoisonError};

use foldhash::fast::RandomState;
use unicode_normalization::UnicodeNormalization;
use unicode_width::UnicodeWidthChar;
use xxhash_rust::xxh3::xxh3_64;

/// The widest label, in terminal columns (`reliability.md` S8).
pub const MAX_COLUMNS: usize = 128;

/// A name that is safe to show anywhere: no control, bidirectional or zero-width characters
/// (the joiner inside emoji is kept), composed (NFC), at most [`MAX_COLUMNS`] wide.
///
/// A name that had to be altered ends in `~` and four hex digits of the original's hash, so that
/// two different originals never look the same. Copies are free: each distinct name is kept once
/// until the program ends, so memory grows with distinct names, never with calls.
#[derive(Clone, Copy)]
pub struct Label(&'static Name);

/// A name as it is kept: once, with a number of its own.
struct Name {
    text: &'static str,
    number: u32,
}

// Every distinct name is kept exactly once, so two labels are equal where they are the same name in
// memory: equality and hashing cost one word, whatever the length.
impl PartialEq for Label {
    fn eq(&self, other: &Label) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Label {}

impl Hash for Label {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.number.hash(state);
    }
}

impl PartialOrd for Label {
    fn partial_cmp(&self, other: &Label) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Label {
    fn cmp(&self, other: &Label) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// The one empty name: most calls carry one or two, and none of them should ask the shared table.
static EMPTY: Name = Name { text: "", number: 0 };
static NAMES: LazyLock<Mutex<HashMap<&'static str, &'static Name>>> = LazyLock::new(Mutex::default);

impl Label {
    /// Makes `raw` safe to show. Empty text stays empty.
    pub fn new(raw: &str) -> Label {
        if raw.is_empty() {
            return Label(&EMPTY);
        }
        if raw.len() <= MAX_COLUMNS && is_plain(raw) {
            return Label(keep(raw));
        }
        Label(keep(&safe(raw)))
    }

    /// Makes bytes safe to show; what is not UTF-8 is replaced.
    pub fn from_bytes(raw: &[u8]) -> Label {
        Label::new(&String::from_utf8_lossy(raw))
    }

    /// Returns the text.
    pub const fn as_str(self) -> &'static str {
        self.0.text
    }

    /// Returns a number for the text that is the same in every run.
    pub fn fingerprint(self) -> u64 {
        xxh3_64(self.as_str().as_bytes())
    }

    /// Says whether there is no text.
    pub const fn is_empty(self) -> bool {
        self.0.text.is_empty()
    }

    /// Returns the number of this name in this run of the program: distinct names have distinct numbers.
    pub const fn number(self) -> u32 {
        self.0.number
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// A decoder's own table of labels it has already made, so that the shared one is asked once a name.
pub struct Labels {
    /// Names seen lately, by hash: nearly every name of a ledger is found here.
    recent: Box<[Label; RECENT]>,
    all: HashMap<Box<[u8]>, Label, RandomState>,
    hasher: RandomState,
}

const RECENT: usize = 1 << 11;

impl Default for Labels {
    fn default() -> Labels {
        let recent = Box::new([Label(&EMPTY); RECENT]);
        Labels { recent, all: HashMap::default(), hasher: RandomState::default() }
    }
}

impl Labels {
    /// Returns the label of `raw`, made at first sight.
    pub fn label(&mut self, raw: &str) -> Label {
        self.of_bytes(raw.as_bytes())
    }

    /// Returns the label of text, made at first sight; what is not UTF-8 is replaced.
    pub fn of_bytes(&mut self, raw: &[u8]) -> Label {
        let place = usize::try_from(self.hasher.hash_one(raw) % RECENT as u64).unwrap_or(0);
        // A label that had to be altered never equals what it was made of, and is looked up below.
        if self.recent[place].as_str().as_bytes() == raw {
            return self.recent[place];
        }
        let known = self.all.get(raw).copied();
        let label = known.unwrap_or_else(|| Label::from_bytes(raw));
        if known.is_none() {
            self.all.insert(raw.into(), label);
        }
        self.recent[place] = label;
        label
    }
}

/// Makes longer foreign text (an error's excerpt, a reason) safe for one line, at most `columns` wide.
///
/// Nothing is kept: for text that is shown once, where [`Label`] is for names.
pub fn printable(raw: &str, columns: usize) -> String {
    if is_plain(raw) {
        return raw[..raw.len().min(columns)].to_owned();
    }
    let clean: String = raw.nfc().map(|c| if is_safe(c) { c } else { '\u{fffd}' }).collect();
    cut(&clean, columns).to_owned()
}

/// Says whether text is nothing but the printable characters of ASCII, each of one column.
fn is_plain(raw: &str) -> bool {
    raw.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn keep(text: &str) -> &'static Name {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(text) {
        return known;
    }
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let number = u32::try_from(names.len() + 1).unwrap_or(u32::MAX);
    let kept: &'static Name = Box::leak(Box::new(Name { text, number }));
    names.insert(text, kept);
    kept
}

fn safe(raw: &str) -> String {
    let composed: String = raw.nfc().collect();
    let clean: String = composed.chars().filter(|&c| is_safe(c)).collect();
    let short = cut(&clean, MAX_COLUMNS);
    if short.len() == composed.len() {
        return composed;
    }
    let kept = cut(short, MAX_COLUMNS - 5);
    format!("{kept}~{:04x}", xxh3_64(raw.as_bytes()) & 0xffff)
}

fn cut(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (index, c) in text.char_indices() {
        width += c.width().unwrap_or(0);
        if width > columns {
            return &text[..index];
        }
    }
    text
}

/// Says whether a character may reach a terminal: no controls, no direction marks, nothing
/// invisible but the emoji joiner and variation selectors.
fn is_safe(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn plain_names_stay_as_they_are() {
        for name in ["acme", "한빛-번역", "a b", ""] {
            assert_eq!(Label::new(name).as_str(), name);
        }
    }

    #[test]
    fn controls_and_direction_marks_go_and_leave_a_mark() {
        let hostile = Label::new("ac\u{1b}[31mme\u{202e}");
        assert!(hostile.as_str().starts_with("ac[31mme~"), "{hostile}");
        assert_ne!(Label::new("a\u{200b}b"), Label::new("a\u{200e}b"));
        assert_ne!(Label::new("a\u{200b}b"), Label::new("ab"));
    }

    proptest! {
        #[test]
        fn any_text_becomes_harmless(raw in any::<String>()) {
            let label = Label::new(&raw);
            prop_assert!(label.as_str().chars().all(is_safe));
            prop_assert!(label.as_str().width() <= MAX_COLUMNS + 5);
        }
    }
}
