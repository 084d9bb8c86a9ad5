//! The simulated provider's own prices and its own arithmetic; shares nothing with the price book.

use crate::domain::money::Money;
use crate::domain::tokens::TokenCount;

/// What a model costs, in picodollars per token, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The model's name.
    pub model: String,
    /// Prompt tokens that touch no cache.
    pub input: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Prompt tokens written for the short life.
    pub write_short: u64,
    /// Prompt tokens written for the long life.
    pub write_long: u64,
    /// Answer tokens.
    pub output: u64,
    /// The part of the answer that is reasoning.
    pub reasoning: u64,
    /// The longest prompt, in tokens.
    pub context: u64,
    /// The longest answer, in tokens.
    pub longest: u64,
}

/// Model; input, cache read, short write, long write, output in picodollars per token; context, answer.
type Row = (&'static str, [u64; 5], u64, u64);

const ROWS: &[Row] = &[
    ("gpt-4.1", [2_000_000, 500_000, 2_000_000, 2_000_000, 8_000_000], 1_047_576, 32_768),
    ("gpt-4o-mini", [150_000, 75_000, 150_000, 150_000, 600_000], 128_000, 16_384),
    ("gpt-5.4", [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000], 272_000, 128_000),
    ("gpt-6-sol", [2_000_000, 200_000, 2_500_000, 5_000_000, 10_000_000], 272_000, 128_000),
    ("gpt-6-luna", [100_000, 10_000, 125_000, 250_000, 500_000], 272_000, 128_000),
    ("text-embedding-3-small", [20_000, 20_000, 20_000, 20_000, 0], 1_000_000, 0),
    ("claude-sonnet-4-6", [3_000_000, 300_000, 3_750_000, 6_000_000, 15_000_000], 1_000_000, 64_000),
    ("claude-haiku-4-5", [1_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000], 200_000, 64_000),
    ("claude-opus-4-5", [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000], 200_000, 64_000),
    ("gemini-2.5-flash", [300_000, 30_000, 300_000, 300_000, 2_500_000], 1_048_576, 65_536),
    ("deepseek-chat", [280_000, 28_000, 280_000, 280_000, 420_000], 128_000, 8_192),
];

/// Returns the prices that a provider starts with.
pub fn prices() -> Vec<Price> {
    ROWS.iter()
        .map(|&(model, [input, cache_read, write_short, write_long, output], context, longest)| Price {
            model: model.to_owned(),
            input,
            cache_read,
            write_short,
            write_long,
            output,
            reasoning: output,
            context,
            longest,
        })
        .collect()
}

impl Price {
    /// Returns what `tokens` cost: summed exactly, rounded up to the nanodollar once.
    pub fn bill(&self, tokens: &TokenCount) -> Money {
        let said = tokens.output.count() - tokens.reasoning.count().min(tokens.output.count());
        let lines = [
            (tokens.input.count(), self.input),
            (tokens.cache_read.count(), self.cache_read),
            (tokens.cache_write_short.count(), self.write_short),
            (tokens.cache_write_long.count(), self.write_long),
            (said, self.output),
            (tokens.reasoning.count(), self.reasoning),
        ];
        let picos: u128 = lines.iter().map(|&(count, rate)| u128::from(count) * u128::from(rate)).sum();
        Money::from_nanos(i64::try_from(picos.div_ceil(1000)).unwrap_or(i64::MAX))
    }
}

/// Finds a model's price: by its name, or by its name without a date at the end.
pub(super) fn find<'p>(prices: &'p [Price], model: &str) -> Option<&'p Price> {
    let named = |name: &str| prices.iter().find(|price| price.model == name);
    named(model).or_else(|| named(undated(model)))
}

/// Takes a date such as `-2026-04-14` or `-20260414` off a model's name.
fn undated(model: &str) -> &str {
    let dated = ["-2026-04-14".len(), "-20260414".len()].into_iter().find_map(|length| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(length)?)?;
        let digits = date.bytes().filter(u8::is_ascii_digit).count();
        (digits == 8 && date.starts_with('-')).then_some(name)
    });
    dated.unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tokens::Tokens;

    #[test]
    fn every_class_has_its_price_and_the_sum_is_rounded_up_once() {
        let price = Price {
            model: "m".to_owned(),
            input: 1,
            cache_read: 20,
            write_short: 300,
            write_long: 4000,
            output: 50_000,
            reasoning: 600_000,
            context: 9,
            longest: 9,
        };
        let [one, two] = [1, 2].map(Tokens::new);
        let tokens = TokenCount {
            input: one,
            cache_read: one,
            cache_write_short: one,
            cache_write_long: one,
            output: two,
            reasoning: one,
        };
        assert_eq!(price.bill(&tokens), Money::from_nanos(655));
        assert_eq!(price.bill(&TokenCount::default()), Money::ZERO);
    }

    #[test]
    fn a_date_at_the_end_of_a_name_changes_no_price() {
        let prices = prices();
        for (asked, known) in [
            ("gpt-4.1-2025-04-14", "gpt-4.1"),
            ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
            ("gpt-4o-mini", "gpt-4o-mini"),
        ] {
            assert_eq!(find(&prices, asked).map(|price| price.model.as_str()), Some(known));
        }
        assert_eq!(find(&prices, "gpt-4.1-5"), None);
    }
}
