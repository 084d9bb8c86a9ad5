//! How much is sent to the terminal for news alone: a screen that is left open over a thin line stays quiet.
//!
//! News after a quiet while is shown at once. Where it does not end, frames come as often as the allowance lasts, and
//! each shows all that is new by then. What a key asks for is not news, and is always shown at once.

use std::time::Duration;

/// Bytes a second for a screen of 80x24. Others get as much more or less as they are larger or smaller, so that the
/// rows are as fresh: `btop` at its usual pace sends about five times as much (`tests/bench/monitors.py`).
const RATE: u64 = 700;
/// What is saved in a quiet while, in seconds of the rate.
const SAVED: u64 = 4;

/// What may still be sent.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Millibytes; less than nothing after a frame that was larger than what was left.
    left: i64,
    /// Since when that is so, by the steady clock of whoever asks.
    at: Duration,
}

impl Allowance {
    /// Returns a full one.
    pub fn new(at: Duration) -> Allowance {
        Allowance { left: i64::MAX, at }
    }

    /// Takes what a frame has sent.
    pub fn spend(&mut self, bytes: usize, cells: u32, at: Duration) {
        self.left = self
            .left(cells, at)
            .saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(1_000));
        self.at = at;
    }

    /// Returns how long the next frame has to wait.
    pub fn wait(&self, cells: u32, at: Duration) -> Duration {
        let owed = self.left(cells, at).min(0).unsigned_abs();
        Duration::from_millis(owed.div_ceil(rate(cells)))
    }

    fn left(&self, cells: u32, at: Duration) -> i64 {
        let most = rate(cells).saturating_mul(SAVED * 1_000);
        let come = u64::try_from(at.saturating_sub(self.at).as_millis())
            .unwrap_or(u64::MAX)
            .saturating_mul(rate(cells));
        self.left.saturating_add_unsigned(come).min(i64::try_from(most).unwrap_or(i64::MAX))
    }
}

/// Bytes a second, that is millibytes a millisecond, for a screen of so many cells.
fn rate(cells: u32) -> u64 {
    (RATE * u64::from(cells) / (80 * 24)).max(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: u32 = 80 * 24;
    const NOW: Duration = Duration::from_secs(100);

    fn after(millis: u64) -> Duration {
        NOW + Duration::from_millis(millis)
    }

    #[test]
    fn news_after_a_quiet_while_is_shown_at_once_and_an_endless_stream_as_the_rate_allows() {
        let mut allowance = Allowance::new(NOW);
        for _ in 0..14 {
            assert_eq!(allowance.wait(CELLS, NOW), Duration::ZERO);
            allowance.spend(200, CELLS, NOW);
        }
        assert_eq!(allowance.wait(CELLS, NOW), Duration::ZERO, "all is spent and nothing owed");
        allowance.spend(200, CELLS, NOW);
        assert_eq!(allowance.wait(CELLS, NOW), Duration::from_millis(286));
        assert_eq!(allowance.wait(CELLS, after(100)), Duration::from_millis(186));
        assert_eq!(allowance.wait(CELLS, after(286)), Duration::ZERO);
    }

    #[test]
    fn no_minute_costs_more_than_the_rate_and_what_was_saved() {
        let mut allowance = Allowance::new(NOW);
        let mut sent = 0;
        for millis in 0..60_000 {
            if allowance.wait(CELLS, after(millis)).is_zero() {
                allowance.spend(330, CELLS, after(millis));
                sent += 330;
            }
        }
        assert!((42_000..=42_000 + 2_800 + 330).contains(&sent), "{sent}");
    }

    #[test]
    fn larger_screens_may_say_more_and_none_is_mute() {
        assert_eq!(rate(120 * 40), 1_750);
        assert_eq!(rate(1), 100);
        let mut allowance = Allowance::new(NOW);
        allowance.spend(usize::MAX, 0, NOW);
        assert!(allowance.wait(0, NOW) > Duration::from_secs(1), "it does not overflow");
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_changes_nothing() {
        let mut allowance = Allowance::new(NOW);
        allowance.spend(4_000, CELLS, NOW);
        assert_eq!(allowance.wait(CELLS, Duration::ZERO), Duration::from_millis(1_715));
    }
}
