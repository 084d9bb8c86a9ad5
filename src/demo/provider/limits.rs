//! Rate limits of the simulated provider: two buckets per key, and the headers that tell them.

use std::collections::HashMap;

use super::route::Family;
use crate::domain::time::Timestamp;

/// What happens to a request past the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// It is answered; the limits are only told.
    #[default]
    Tell,
    /// It is refused with 429.
    Refuse,
}

/// Limits of each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests in a minute.
    pub requests: u64,
    /// Tokens in a minute, of prompt and answer together.
    pub tokens: u64,
    /// What happens past them.
    pub manner: Manner,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { requests: 100_000, tokens: 100_000_000, manner: Manner::Tell }
    }
}

const MINUTE_MS: u64 = 60_000;

/// A bucket that fills again over a minute. Counted in 1/60,000 of a unit, so that each millisecond adds
/// a whole number.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    limit: u64,
    level: u64,
}

impl Bucket {
    fn full(limit: u64) -> Bucket {
        Bucket { limit, level: limit.saturating_mul(MINUTE_MS) }
    }

    fn fill(&mut self, millis: u64) {
        let top = self.limit.saturating_mul(MINUTE_MS);
        self.level = self.level.saturating_add(self.limit.saturating_mul(millis)).min(top);
    }

    fn take(&mut self, count: u64) -> bool {
        let fits = count.saturating_mul(MINUTE_MS) <= self.level;
        self.level = self.level.saturating_sub(count.saturating_mul(MINUTE_MS));
        fits
    }

    fn told(&self, wanted: u64) -> Told {
        let missing = self.limit.saturating_mul(MINUTE_MS) - self.level;
        let short = wanted.saturating_mul(MINUTE_MS).saturating_sub(self.level);
        Told {
            limit: self.limit,
            remaining: self.level / MINUTE_MS,
            full_in_ms: missing.div_ceil(self.limit.max(1)),
            wait_ms: short.div_ceil(self.limit.max(1)),
        }
    }
}

/// One bucket, as headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub limit: u64,
    pub remaining: u64,
    pub full_in_ms: u64,
    /// How long until the request would fit; zero where it did.
    pub wait_ms: u64,
}

/// Both buckets, after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub requests: Told,
    pub tokens: Told,
    /// Whether the request is let in.
    pub fits: bool,
}

/// The buckets of every key.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    keys: HashMap<String, (Timestamp, Bucket, Bucket)>,
}

impl Buckets {
    /// Takes one request of `tokens` from the buckets of a key. A refused one takes nothing.
    pub fn take(&mut self, key: &str, tokens: u64, limits: Limits, now: Timestamp) -> State {
        if !self.keys.contains_key(key) {
            let fresh = (now, Bucket::full(limits.requests), Bucket::full(limits.tokens));
            self.keys.insert(key.to_owned(), fresh);
        }
        let full = (now, Bucket::full(limits.requests), Bucket::full(limits.tokens));
        let kept = self.keys.get_mut(key).map_or(full, |kept| *kept);
        let (then, mut requests, mut each) = kept;
        let passed = now.since(then).count();
        requests.fill(passed);
        each.fill(passed);
        let (before, before_tokens) = (requests, each);
        let fits = requests.take(1) & each.take(tokens);
        let refused = !fits && limits.manner == Manner::Refuse;
        if refused {
            (requests, each) = (before, before_tokens);
        }
        if let Some(kept) = self.keys.get_mut(key) {
            *kept = (now, requests, each);
        }
        let wanted = if refused { (1, tokens) } else { (0, 0) };
        State { requests: requests.told(wanted.0), tokens: each.told(wanted.1), fits: !refused }
    }
}

/// Returns the headers of a provider's family.
pub(super) fn headers(family: Family, state: &State, now: Timestamp) -> Vec<(&'static str, String)> {
    let (requests, tokens) = (&state.requests, &state.tokens);
    match family {
        Family::OpenAi => vec![
            ("x-ratelimit-limit-requests", requests.limit.to_string()),
            ("x-ratelimit-limit-tokens", tokens.limit.to_string()),
            ("x-ratelimit-remaining-requests", requests.remaining.to_string()),
            ("x-ratelimit-remaining-tokens", tokens.remaining.to_string()),
            ("x-ratelimit-reset-requests", length(requests.full_in_ms)),
            ("x-ratelimit-reset-tokens", length(tokens.full_in_ms)),
        ],
        Family::Anthropic => {
            let (requests_reset, tokens_reset) = (instant(now, requests), instant(now, tokens));
            vec![
                ("anthropic-ratelimit-requests-limit", requests.limit.to_string()),
                ("anthropic-ratelimit-requests-remaining", requests.remaining.to_string()),
                ("anthropic-ratelimit-requests-reset", requests_reset),
                ("anthropic-ratelimit-tokens-limit", tokens.limit.to_string()),
                ("anthropic-ratelimit-tokens-remaining", tokens.remaining.to_string()),
                ("anthropic-ratelimit-tokens-reset", tokens_reset),
            ]
        }
        Family::Gemini => Vec::new(),
    }
}

/// Writes a length as `OpenAI` does: `12ms`, `1.5s`, `6m0s`.
pub(super) fn length(millis: u64) -> String {
    let (minutes, rest) = (millis / MINUTE_MS, millis % MINUTE_MS);
    let seconds = match (rest / 1000, rest % 1000) {
        (whole, 0) => format!("{whole}s"),
        (0, part) if minutes == 0 => return format!("{part}ms"),
        (whole, part) => format!("{}s", format!("{whole}.{part:03}").trim_end_matches('0')),
    };
    if minutes == 0 { seconds } else { format!("{minutes}m{seconds}") }
}

fn instant(now: Timestamp, told: &Told) -> String {
    let at = now.millis().saturating_add(i64::try_from(told.full_in_ms).unwrap_or(i64::MAX));
    // Whole seconds, rounded up: the bucket is full by then.
    jiff::Timestamp::from_second(at.div_euclid(1000) + i64::from(at.rem_euclid(1000) != 0))
        .map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Millis;

    #[test]
    fn a_bucket_fills_again_over_a_minute() {
        let limits = Limits { requests: 60, tokens: 600, manner: Manner::Refuse };
        let (mut buckets, start) = (Buckets::default(), Timestamp::from_seconds(1_000));
        let state = buckets.take("a", 500, limits, start);
        assert_eq!((state.fits, state.requests.remaining, state.tokens.remaining), (true, 59, 100));
        let state = buckets.take("a", 200, limits, start);
        assert_eq!((state.fits, state.tokens.remaining, state.tokens.wait_ms), (false, 100, 10_000));
        assert!(buckets.take("b", 500, limits, start).fits, "another key has its own");
        assert!(buckets.take("a", 200, limits, start.after(Millis::new(10_000))).fits);
    }

    #[test]
    fn limits_that_are_only_told_refuse_nobody() {
        let limits = Limits { requests: 1, tokens: 10, manner: Manner::Tell };
        let mut buckets = Buckets::default();
        for _ in 0..3 {
            assert!(buckets.take("a", 50, limits, Timestamp::EPOCH).fits);
        }
    }

    #[test]
    fn lengths_are_written_as_openai_does() {
        for (millis, text) in
            [(0, "0s"), (12, "12ms"), (1500, "1.5s"), (360_000, "6m0s"), (61_040, "1m1.04s")]
        {
            assert_eq!(length(millis), text);
        }
    }
}
