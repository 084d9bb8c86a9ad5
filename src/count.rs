//! Text to tokens, by the tokenizers that are published; no text makes it slow or breaks it.
//!
//! The vocabularies are those of `tiktoken_rs`, whose own tables take forty megabytes each: here the tokens are
//! put into one of five, and those are let go. Texts are cut into pieces of at most 4 KiB of one kind, and where
//! the vocabulary's own pattern cuts; a piece more can only make the count larger. Special words are counted as
//! the text that they are.

mod table;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};
use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer as Known, get_tokenizer};

use self::table::Table;
use crate::domain::tokens::Tokens;

/// The longest run of white or other characters that is handed on in one piece, bytes.
const LONGEST_RUN: usize = 4 << 10;
/// The most bytes that are counted: larger texts are bounded by their bytes.
pub const MOST_BYTES: usize = 256 << 10;
/// The longest run of one character in texts that are counted.
const LONGEST_REPEAT: usize = 10_000;

/// The tokenizer of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokenizer(Vocabulary);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    Cl100k,
    O200k,
}

/// Why a text was not counted. Its bytes bound it: no token is less than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uncounted {
    /// It is larger than is worth counting, or has a run that is.
    #[error("the text is too large to be counted")]
    TooLarge,
    /// The tokenizer failed on it.
    #[error("the tokenizer failed")]
    Failed,
}

impl Tokenizer {
    /// Returns the tokenizer of one of `OpenAI`'s models; `None` where it is not published or not known.
    pub fn of(model: &str) -> Option<Tokenizer> {
        match get_tokenizer(model)? {
            Known::Cl100kBase => Some(Tokenizer(Vocabulary::Cl100k)),
            Known::O200kBase | Known::O200kHarmony => Some(Tokenizer(Vocabulary::O200k)),
            _ => None,
        }
    }

    /// Counts the tokens of texts, each on its own.
    pub fn count<'t>(self, texts: impl IntoIterator<Item = Cow<'t, str>>) -> Result<Tokens, Uncounted> {
        let (mut count, mut bytes) = (0_u64, 0_usize);
        let words = self.words().ok_or(Uncounted::Failed)?;
        for text in texts {
            bytes = bytes.saturating_add(text.len());
            if bytes > MOST_BYTES || repeats(&text) {
                return Err(Uncounted::TooLarge);
            }
            for piece in pieces(&text) {
                count += words.count(piece);
            }
        }
        Ok(Tokens::new(count))
    }

    /// Loads the vocabulary: the first use takes a tenth of a second.
    pub fn load(self) {
        let _ = self.words();
    }

    fn words(self) -> Option<&'static Words> {
        static CL100K: LazyLock<Option<Words>> =
            LazyLock::new(|| Words::of(tiktoken_rs::cl100k_base().ok()?, CL100K_PATTERN));
        static O200K: LazyLock<Option<Words>> =
            LazyLock::new(|| Words::of(tiktoken_rs::o200k_base().ok()?, O200K_PATTERN));
        match self.0 {
            Vocabulary::Cl100k => CL100K.as_ref(),
            Vocabulary::O200k => O200K.as_ref(),
        }
    }
}

/// How cl100k cuts a text, but for the last of several blanks.
const CL100K_PATTERN: &str =
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+$|\s*[\r\n]|\s+";
/// How o200k does.
const O200K_PATTERN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+",
);

/// A vocabulary and the pattern by which texts are cut for it.
struct Words {
    pattern: Regex,
    table: Table,
}

impl Words {
    /// Takes the tokens up to the first rank that there is none of: special words come behind it.
    fn of(bpe: CoreBPE, pattern: &str) -> Option<Words> {
        let tokens = (0..).map_while(|rank| bpe.decode_bytes(&[rank]).ok());
        let first = Table::new(tokens);
        drop(bpe);
        // A copy takes the place of what was let go, so that the end of the heap can be given back.
        let table = first.clone();
        drop(first);
        Some(Words { pattern: Regex::new(pattern).ok()?, table })
    }

    fn count(&self, text: &str) -> u64 {
        let (mut count, mut at) = (0, 0);
        while let Some(end) = self.end(text, at) {
            let word = text.get(at..end).unwrap_or_default();
            let taken = at + taken(word, end == text.len());
            count += self.table.count(text.as_bytes().get(at..taken).unwrap_or_default());
            at = taken.max(at + 1);
        }
        count
    }

    /// Returns where the word that begins at `at` ends: every character begins one.
    fn end(&self, text: &str, at: usize) -> Option<usize> {
        let here = Input::new(text).range(at..).anchored(Anchored::Yes);
        self.pattern.search_half(&here).map(|found| found.offset())
    }
}

/// Returns how much of what was found is one word: the last of several blanks belongs to the word behind them.
fn taken(word: &str, last: bool) -> usize {
    match word.chars().next_back() {
        Some(c) if !last && c.is_whitespace() && !matches!(c, '\r' | '\n') && word.len() > c.len_utf8() => {
            word.len() - c.len_utf8()
        }
        _ => word.len(),
    }
}

/// Says whether one character is repeated for longer than is counted.
fn repeats(text: &str) -> bool {
    let (mut last, mut run) = ('\0', 0);
    text.len() > LONGEST_REPEAT
        && text.chars().any(|c| {
            run = if c == last { run + 1 } else { 1 };
            last = c;
            run > LONGEST_REPEAT
        })
}

/// Cuts a text wherever a run of white or of other characters is longer than 4 KiB.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, after) = rest.split_at(cut(rest));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns where the first piece of a text ends.
fn cut(text: &str) -> usize {
    if text.len() <= LONGEST_RUN {
        return text.len();
    }
    let (mut start, mut white) = (0, None);
    for (at, c) in text.char_indices() {
        if white != Some(c.is_whitespace()) {
            (start, white) = (at, Some(c.is_whitespace()));
        }
        if at - start >= LONGEST_RUN {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(text: &str) -> Result<Tokens, Uncounted> {
        Tokenizer::of("gpt-4o").expect("known").count([Cow::Borrowed(text)])
    }

    #[test]
    fn a_plain_text_has_the_tokens_that_its_provider_counts() {
        for (model, text, tokens) in [
            ("gpt-4o", "hello world", 2),
            ("gpt-4o", "", 0),
            ("gpt-4o-mini", "The quick brown fox jumps over the lazy dog.", 10),
            ("gpt-4", "tiktoken is great!", 6),
        ] {
            let tokenizer = Tokenizer::of(model).expect("known");
            assert_eq!(tokenizer.count([Cow::Borrowed(text)]), Ok(Tokens::new(tokens)), "{model} {text}");
        }
    }

    #[test]
    fn a_special_word_is_the_text_that_it_is() {
        assert!(count("<|endoftext|>").expect("counted").count() > 1);
    }

    #[test]
    fn models_without_a_published_tokenizer_have_none() {
        for model in ["claude-sonnet-4-6", "gemini-2.5-flash", "deepseek-chat", ""] {
            assert_eq!(Tokenizer::of(model), None, "{model}");
        }
    }

    #[test]
    fn bombs_are_refused_or_counted_and_never_break() {
        let letters = ["a", " ", "\t", "\n", "😀", "e\u{301}", "QUJD", "가", "\u{200d}"];
        for letter in letters {
            // The last is as large as a body may be.
            for length in [4_095, 4_097, 9_999, 300_000, (32 << 20) / letter.len()] {
                let text = letter.repeat(length);
                let counted = count(&text);
                assert_eq!(counted == Err(Uncounted::TooLarge), text.len() > MOST_BYTES, "{letter} {length}");
                assert_ne!(counted, Err(Uncounted::Failed));
                assert!(counted.is_ok_and(|tokens| tokens.count() <= text.len() as u64) || counted.is_err());
            }
        }
        assert_eq!(count(&" ".repeat(10_001)), Err(Uncounted::TooLarge));
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_text_and_none_has_a_long_run(
            words in proptest::collection::vec(("[a-z가 ]{1,3}", 1_usize..5_000), 1..5),
        ) {
            let text: String = words.iter().map(|(word, times)| word.repeat(*times)).collect();
            let parts: Vec<&str> = pieces(&text).collect();
            prop_assert_eq!(&parts.concat(), &text);
            for part in parts {
                let long = part.split(char::is_whitespace).any(|run| run.len() > LONGEST_RUN + 4);
                prop_assert!(!long);
            }
        }

        #[test]
        fn a_text_has_the_tokens_that_its_own_library_counts(
            text in "([a-zA-Z가é'0-9/.]{0,9}[ \t\r\n\u{a0}]{0,3}){0,12}", any in any::<String>(),
        ) {
            for text in [text, any] {
                let theirs = tiktoken_rs::o200k_base_singleton().count_ordinary(&text) as u64;
                prop_assert_eq!(count(&text), Ok(Tokens::new(theirs)), "o200k {:?}", text);
                let theirs = tiktoken_rs::cl100k_base_singleton().count_ordinary(&text) as u64;
                let ours = Tokenizer::of("gpt-4").expect("known").count([Cow::Borrowed(text.as_str())]);
                prop_assert_eq!(ours, Ok(Tokens::new(theirs)), "cl100k {:?}", text);
            }
        }

        #[test]
        fn no_text_has_more_tokens_than_bytes(text in any::<String>()) {
            prop_assert!(count(&text).expect("short").count() <= text.len() as u64);
        }
    }
}
