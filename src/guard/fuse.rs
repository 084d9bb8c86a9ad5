//! The fuse of a stream: output is counted as it passes, and past the bound that was sent it is cut.

use std::borrow::Cow;

use crate::count::Tokenizer;
use crate::domain::tokens::Tokens;

/// The longest text that is kept to be counted anew; what is before it is taken as counted.
const MOST: usize = 32 << 10;

/// Counts the output of one stream. An honest answer never burns it: what it counts is at most what its
/// provider counts, but for tokenizers that are not published, which get a quarter of slack.
pub struct Fuse {
    bound: u64,
    tokenizer: Tokenizer,
    /// Tokens of texts that are settled.
    counted: u64,
    /// Text since then.
    text: String,
    /// Bytes that may come before the count can pass the bound: no token is less than one.
    patience: u64,
}

/// Whose tokens are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The model's own, by its tokenizer.
    Exact(Tokenizer),
    /// Roughly, by another's.
    Like(Tokenizer),
}

impl Fuse {
    /// Makes a fuse for `bound` tokens.
    pub fn new(bound: Tokens, count: Count) -> Fuse {
        let (bound, tokenizer) = match count {
            Count::Exact(tokenizer) => (bound.count(), tokenizer),
            Count::Like(tokenizer) => (bound.count().saturating_mul(5).div_ceil(4), tokenizer),
        };
        Fuse { bound, tokenizer, counted: 0, text: String::new(), patience: bound }
    }

    /// Takes a piece of output; the answer says whether the bound still holds.
    pub fn feed(&mut self, text: &str) -> bool {
        self.text.push_str(text);
        let length = text.len() as u64;
        if let Some(left) = self.patience.checked_sub(length) {
            self.patience = left;
            return true;
        }
        let open = self.count(&self.text);
        if self.counted + open > self.bound {
            return false;
        }
        self.patience = self.bound - self.counted - open;
        if self.text.len() > MOST {
            self.settle();
        }
        true
    }

    /// Returns the tokens that have passed.
    pub fn tokens(&self) -> Tokens {
        Tokens::new(self.counted + self.count(&self.text))
    }

    /// Counts all but the last words for good, at a blank, where the tokenizer cuts too.
    fn settle(&mut self) {
        let Some(end) = self.text.rfind(' ').filter(|end| *end > 0) else { return };
        self.counted += self.count(self.text.get(..end).unwrap_or_default());
        self.text.drain(..end);
    }

    /// Counts a text; one that cannot be counted has the fewest tokens that its bytes can be.
    fn count(&self, text: &str) -> u64 {
        const LONGEST_TOKEN: u64 = 128;
        let counted = self.tokenizer.count([Cow::Borrowed(text)]);
        counted.map_or(text.len() as u64 / LONGEST_TOKEN, Tokens::count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        Tokenizer::of("gpt-4o").expect("known")
    }

    fn words_that_pass(bound: u64, count: Count) -> u64 {
        let mut fuse = Fuse::new(Tokens::new(bound), count);
        (0..1_000_000).take_while(|_| fuse.feed(" word")).count() as u64
    }

    #[test]
    fn exactly_the_bound_passes() {
        for bound in [0, 1, 2, 100, 5_000, 20_000] {
            assert_eq!(words_that_pass(bound, Count::Exact(tokenizer())), bound);
        }
    }

    #[test]
    fn a_tokenizer_that_is_not_known_gets_a_quarter_more() {
        assert_eq!(words_that_pass(1_000, Count::Like(tokenizer())), 1_250);
    }

    #[test]
    fn what_has_passed_is_counted() {
        let mut fuse = Fuse::new(Tokens::new(10), Count::Exact(tokenizer()));
        assert!(fuse.feed("hello") && fuse.feed(" world"));
        assert_eq!(fuse.tokens(), Tokens::new(2));
    }
}
