//! Token counts: how many, of which class, never overlapping.

use std::ops::{Add, AddAssign, Sub};

/// A number of tokens, 0 to 2^63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tokens(u64);

impl Tokens {
    /// No tokens.
    pub const ZERO: Tokens = Tokens(0);
    /// The largest count that a single record may state, 2^40; more is taken for a fault
    /// (`reliability.md` T9).
    pub const MAX_PER_CALL: u64 = 1 << 40;

    /// Takes a count.
    pub const fn new(count: u64) -> Tokens {
        Tokens(count)
    }

    /// Returns the count.
    pub const fn count(self) -> u64 {
        self.0
    }

    /// Returns the difference, zero where `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Tokens) -> Tokens {
        Tokens(self.0.saturating_sub(other.0))
    }
}

impl Add for Tokens {
    type Output = Tokens;
    fn add(self, other: Tokens) -> Tokens {
        Tokens(self.0.saturating_add(other.0))
    }
}

impl Sub for Tokens {
    type Output = Tokens;
    fn sub(self, other: Tokens) -> Tokens {
        self.saturating_sub(other)
    }
}

impl AddAssign for Tokens {
    fn add_assign(&mut self, other: Tokens) {
        *self = *self + other;
    }
}

/// The tokens of one call or of many, by price class.
///
/// The classes never overlap, but for `reasoning`, which is a part of `output`
/// (`providers.md` part C says how each source is brought to this form).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenCount {
    /// Prompt tokens neither read from a cache nor written to one.
    pub input: Tokens,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Tokens,
    /// Prompt tokens written to the cache for its short life, or for a life that is not recorded.
    pub cache_write_short: Tokens,
    /// Prompt tokens written to the cache for its long life.
    pub cache_write_long: Tokens,
    /// Every generated token.
    pub output: Tokens,
    /// The part of `output` spent on reasoning.
    pub reasoning: Tokens,
}

impl TokenCount {
    /// Returns the counts of a source whose prompt count includes cache reads and writes.
    ///
    /// No class falls below zero, whatever the source says.
    pub fn from_inclusive(prompt: u64, cache_read: u64, writes: (u64, u64), output: u64) -> TokenCount {
        let cache_read = cache_read.min(prompt);
        let short = writes.0.min(prompt - cache_read);
        let long = writes.1.min(prompt - cache_read - short);
        TokenCount {
            input: Tokens(prompt - cache_read - short - long),
            cache_read: Tokens(cache_read),
            cache_write_short: Tokens(short),
            cache_write_long: Tokens(long),
            output: Tokens(output),
            reasoning: Tokens::ZERO,
        }
    }

    /// Returns the same counts with `reasoning` of the output marked as reasoning.
    #[must_use]
    pub fn with_reasoning(mut self, reasoning: u64) -> TokenCount {
        self.reasoning = Tokens(reasoning.min(self.output.0));
        self
    }

    /// Returns the whole prompt: input, cache reads and cache writes.
    pub fn prompt(&self) -> Tokens {
        self.input + self.cache_read + self.cache_write_short + self.cache_write_long
    }

    /// Returns prompt and output together.
    pub fn total(&self) -> Tokens {
        self.prompt() + self.output
    }
}

impl Add for TokenCount {
    type Output = TokenCount;
    fn add(self, other: TokenCount) -> TokenCount {
        TokenCount {
            input: self.input + other.input,
            cache_read: self.cache_read + other.cache_read,
            cache_write_short: self.cache_write_short + other.cache_write_short,
            cache_write_long: self.cache_write_long + other.cache_write_long,
            output: self.output + other.output,
            reasoning: self.reasoning + other.reasoning,
        }
    }
}

impl Sub for TokenCount {
    type Output = TokenCount;
    fn sub(self, other: TokenCount) -> TokenCount {
        TokenCount {
            input: self.input - other.input,
            cache_read: self.cache_read - other.cache_read,
            cache_write_short: self.cache_write_short - other.cache_write_short,
            cache_write_long: self.cache_write_long - other.cache_write_long,
            output: self.output - other.output,
            reasoning: self.reasoning - other.reasoning,
        }
    }
}

impl AddAssign for TokenCount {
    fn add_assign(&mut self, other: TokenCount) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_inclusive_prompt_is_the_sum_of_its_parts(
            prompt in 0_u64..1 << 41, read in 0_u64..1 << 41, short in 0_u64..1 << 41, long in 0_u64..1 << 41,
        ) {
            let count = TokenCount::from_inclusive(prompt, read, (short, long), 7);
            prop_assert_eq!(count.prompt().count(), prompt);
        }
    }

    #[test]
    fn reasoning_never_exceeds_the_output() {
        let count = TokenCount { output: Tokens::new(5), ..TokenCount::default() };
        assert_eq!(count.with_reasoning(9).reasoning, Tokens::new(5));
    }
}
