//! How fast a tenant may call: a token bucket in whole numbers.

use std::fmt;

use super::time::{Millis, Timestamp};
use super::words;

/// So many calls in so much time: 1 to 1,000,000 calls in 1 second to 1 day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallRate {
    calls: u32,
    seconds: u32,
}

/// The most calls of a rate.
const MOST_CALLS: u64 = 1_000_000;
/// The longest time of a rate, in seconds.
const LONGEST: u64 = 86_400;

impl CallRate {
    /// Reads `10 calls/60s`. The error says what was expected.
    pub fn parse(text: &str) -> Result<CallRate, String> {
        CallRate::read(text).ok_or_else(|| {
            format!(
                "rate `{text}` is not known: expected one like `10 calls/60s`, 1 to 1000000 calls in 1s to 1d"
            )
        })
    }

    fn read(text: &str) -> Option<CallRate> {
        let (calls, length) = text.trim().split_once('/')?;
        let (digits, word) = calls.trim_end().split_once(' ')?;
        let word = matches!(word.trim(), "calls" | "call");
        let calls = words::count(digits).filter(|calls| word && (1..=MOST_CALLS).contains(calls))?;
        let seconds = words::seconds(length.trim()).filter(|seconds| (1..=LONGEST).contains(seconds))?;
        Some(CallRate { calls: u32::try_from(calls).ok()?, seconds: u32::try_from(seconds).ok()? })
    }

    /// What one call costs in drops. A drop is the `1 / seconds-in-millis` part of a call, so that each
    /// millisecond brings a whole number of them.
    fn price(self) -> u64 {
        u64::from(self.seconds) * 1000
    }

    fn capacity(self) -> u64 {
        self.price() * u64::from(self.calls)
    }
}

impl fmt::Display for CallRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls/{}", self.calls, words::length(u64::from(self.seconds)))
    }
}

/// A token bucket: full at first, refilled steadily, emptied by calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: CallRate,
    drops: u64,
    at: Timestamp,
}

impl Bucket {
    /// Returns a full bucket.
    pub fn new(rate: CallRate, now: Timestamp) -> Bucket {
        Bucket { rate, drops: rate.capacity(), at: now }
    }

    /// Takes one call out, or says how long to wait until there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Millis> {
        self.refill(now);
        let price = self.rate.price();
        match self.drops.checked_sub(price) {
            Some(rest) => {
                self.drops = rest;
                Ok(())
            }
            None => Err(Millis::new((price - self.drops).div_ceil(u64::from(self.rate.calls)))),
        }
    }

    /// Puts back the call of one that was refused after all. It never overflows.
    pub fn refund(&mut self) {
        self.drops = (self.drops + self.rate.price()).min(self.rate.capacity());
    }

    /// Says whether it is full again, so that nothing is lost by forgetting it.
    pub fn is_full(mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.drops == self.rate.capacity()
    }

    /// Refills for the time that has passed. A clock that goes back brings nothing, and nothing twice.
    fn refill(&mut self, now: Timestamp) {
        let passed = now.since(self.at).count();
        let gained = passed.saturating_mul(u64::from(self.rate.calls));
        self.drops = self.drops.saturating_add(gained).min(self.rate.capacity());
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_burst_empties_it_and_the_wait_is_exact() {
        let mut bucket = Bucket::new(CallRate::parse("10 calls/60s").expect("a rate"), at(0));
        assert!((0..10).all(|_| bucket.take(at(0)).is_ok()));
        assert_eq!(bucket.take(at(1)), Err(Millis::new(5_999)));
        assert_eq!(bucket.take(at(5_999)), Err(Millis::new(1)));
        assert_eq!(bucket.take(at(6_000)), Ok(()));
    }

    #[test]
    fn what_is_put_back_can_be_taken_once() {
        let mut bucket = Bucket::new(CallRate::parse("1 call/1d").expect("a rate"), at(0));
        bucket.refund();
        assert_eq!(bucket.take(at(0)), Ok(()));
        bucket.refund();
        assert!(bucket.is_full(at(0)));
        assert_eq!((bucket.take(at(0)), bucket.take(at(0))), (Ok(()), Err(Millis::new(86_400_000))));
    }

    #[test]
    fn a_clock_that_goes_back_brings_nothing() {
        let mut bucket = Bucket::new(CallRate::parse("1 calls/1s").expect("a rate"), at(10_000));
        assert_eq!(bucket.take(at(10_000)), Ok(()));
        for millis in [0, 9_999, 10_000, 0, 10_000] {
            assert!(bucket.take(at(millis)).is_err());
        }
    }

    #[test]
    fn what_is_no_rate_is_named() {
        for text in
            ["", "10", "10/60s", "0 calls/60s", "1000001 calls/1s", "5 calls/0s", "5 calls/2d", "-1 calls/1s"]
        {
            assert!(CallRate::parse(text).expect_err("no rate").contains(text));
        }
    }

    proptest! {
        #[test]
        fn a_rate_prints_as_it_is_read(calls in 1_u32..=1_000_000, seconds in 1_u32..=86_400) {
            let rate = CallRate { calls, seconds };
            prop_assert_eq!(CallRate::parse(&rate.to_string()), Ok(rate));
        }

        #[test]
        fn no_stretch_of_time_sees_more_than_a_burst_and_its_refill(
            calls in 1_u32..20, seconds in 1_u32..5, steps in proptest::collection::vec(0_i64..900, 1..200),
        ) {
            let rate = CallRate { calls, seconds };
            let (mut bucket, mut now, mut taken) = (Bucket::new(rate, at(0)), 0, Vec::new());
            for step in steps {
                now += step;
                match bucket.take(at(now)) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        let (mut early, mut due) = (bucket, bucket);
                        let wait = i64::try_from(wait.count()).expect("short");
                        prop_assert!(early.take(at(now + wait - 1)).is_err());
                        prop_assert!(due.take(at(now + wait)).is_ok());
                    }
                }
            }
            for (index, first) in taken.iter().enumerate() {
                for (count, last) in taken[index..].iter().enumerate() {
                    let refill = (last - first) * i64::from(calls) / (i64::from(seconds) * 1000);
                    let most = i64::from(calls) + refill;
                    prop_assert!(i64::try_from(count).expect("few") < most.max(1));
                }
            }
        }
    }
}
