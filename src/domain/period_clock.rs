//! The clock of the periods: it never goes back, and no jump of the wall clock opens a new period.

use super::time::{Millis, Timestamp};

/// How far the wall clock may run from the monotonic one before it is a jump.
pub const TOLERANCE: Millis = Millis::from_minutes(10);

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since any fixed moment, on the clock that nobody can set.
    pub steady: Millis,
}

/// What is wrong with the wall clock; the operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is ahead of all that is known by this much. Periods follow the steady clock until
    /// [`PeriodClock::confirm`].
    Ahead(Millis),
    /// It is behind the latest period time by this much. Periods stand still until it has caught up.
    Behind(Millis),
}

/// A period time, and whether the wall clock is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time by which periods are chosen. The store keeps the highest.
    pub at: Timestamp,
    /// What is wrong, if anything.
    pub doubt: Option<Doubt>,
}

/// The state of the clock: where the two clocks were last known to agree, and the highest time given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodClock {
    anchor: Clocks,
    high: Timestamp,
}

impl PeriodClock {
    /// Starts the clock. `high` is the store's high-water time; a new store has none, and then the wall
    /// clock is believed. A wall clock that is more than [`TOLERANCE`] past the high water is in doubt at
    /// first: nobody can tell a pause of the program from a clock that was set.
    pub fn start(high: Option<Timestamp>, now: Clocks) -> PeriodClock {
        let known = high.unwrap_or(now.wall);
        let close = now.wall.since(known) <= TOLERANCE;
        let wall = if close { known.max(now.wall) } else { known };
        PeriodClock { anchor: Clocks { wall, ..now }, high: known }
    }

    /// Takes the high-water time of the store, which another guard may have moved on.
    pub fn observe(&mut self, high: Timestamp) {
        self.high = self.high.max(high);
    }

    /// Returns the period time. It never goes back.
    pub fn read(&mut self, now: Clocks) -> Reading {
        let expected = self.expected(now.steady);
        let ahead = now.wall.since(expected);
        let believed = ahead <= TOLERANCE || mutant!("a-jump-opens-a-period");
        let wall = if believed { now.wall } else { expected };
        self.high = self.high.max(wall);
        let behind = self.high.since(now.wall);
        let doubt = match (believed, behind > TOLERANCE) {
            (false, _) => Some(Doubt::Ahead(ahead)),
            (true, true) => Some(Doubt::Behind(behind)),
            (true, false) => None,
        };
        let at = if mutant!("period-time-goes-back") { wall } else { self.high };
        Reading { at, doubt }
    }

    /// Takes a time that does not come from this machine: a provider's `Date`, or the operator's word.
    ///
    /// The wall clock is believed again where it agrees within [`TOLERANCE`]; `true` says that it does.
    pub fn confirm(&mut self, date: Timestamp, now: Clocks) -> bool {
        let apart = now.wall.since(date).max(date.since(now.wall));
        let agrees = apart <= TOLERANCE;
        if agrees {
            self.anchor = now;
        }
        agrees
    }

    /// Returns where the wall clock should be, by the steady clock.
    fn expected(&self, steady: Millis) -> Timestamp {
        let passed = steady.count().saturating_sub(self.anchor.steady.count());
        self.anchor.wall.after(Millis::new(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: i64 = 1_763_812_800_000;
    const MINUTE: i64 = 60_000;
    const DAY: i64 = 1_440 * MINUTE;

    /// Clocks, in milliseconds: the wall from noon, the steady one from its start.
    fn clocks(wall: i64, steady: i64) -> Clocks {
        Clocks { wall: Timestamp::from_millis(NOON + wall), steady: Millis::new(steady.unsigned_abs()) }
    }

    fn noon(after: i64) -> Timestamp {
        Timestamp::from_millis(NOON + after)
    }

    #[track_caller]
    fn check(clock: &mut PeriodClock, now: Clocks, at: i64, doubt: Option<Doubt>) {
        assert_eq!(clock.read(now), Reading { at: noon(at), doubt });
    }

    #[test]
    fn time_passes_as_both_clocks_say() {
        let mut clock = PeriodClock::start(None, clocks(0, 0));
        check(&mut clock, clocks(0, 0), 0, None);
        check(&mut clock, clocks(DAY, DAY), DAY, None);
        check(&mut clock, clocks(DAY + 9 * MINUTE, DAY), DAY + 9 * MINUTE, None);
    }

    #[test]
    fn a_jump_ahead_opens_nothing_until_it_is_confirmed() {
        let mut clock = PeriodClock::start(None, clocks(0, 0));
        let jumped = clocks(DAY, MINUTE);
        let doubt = Some(Doubt::Ahead(Millis::new((DAY - MINUTE).unsigned_abs())));
        check(&mut clock, jumped, MINUTE, doubt);
        assert!(!clock.confirm(noon(MINUTE), jumped));
        check(&mut clock, clocks(DAY + 1, MINUTE + 1), MINUTE + 1, doubt);
        assert!(clock.confirm(noon(DAY), jumped));
        check(&mut clock, jumped, DAY, None);
    }

    #[test]
    fn many_small_jumps_are_one_large_jump() {
        let mut clock = PeriodClock::start(None, clocks(0, 0));
        let readings: Vec<Reading> =
            (1..=200).map(|step| clock.read(clocks(step * 9 * MINUTE, step))).collect();
        assert!(
            readings.iter().all(|reading| reading.at <= noon(10 * MINUTE + 200)),
            "{:?}",
            readings.last()
        );
        assert!(readings.last().is_some_and(|last| matches!(last.doubt, Some(Doubt::Ahead(_)))));
    }

    #[test]
    fn a_clock_that_goes_back_or_stands_still_moves_nothing() {
        let mut clock = PeriodClock::start(None, clocks(0, 0));
        check(&mut clock, clocks(-5 * MINUTE, MINUTE), 0, None);
        let hour = Millis::new((60 * MINUTE).unsigned_abs());
        check(&mut clock, clocks(-60 * MINUTE, MINUTE), 0, Some(Doubt::Behind(hour)));
        check(&mut clock, clocks(0, DAY), 0, None);
    }

    #[test]
    fn after_a_pause_the_wall_clock_needs_a_witness() {
        let mut clock = PeriodClock::start(Some(noon(0)), clocks(DAY, 7));
        check(&mut clock, clocks(DAY, 7), 0, Some(Doubt::Ahead(Millis::new(DAY.unsigned_abs()))));
        assert!(clock.confirm(noon(DAY + MINUTE), clocks(DAY, 7)));
        check(&mut clock, clocks(DAY, 7), DAY, None);
        let mut soon = PeriodClock::start(Some(noon(0)), clocks(5 * MINUTE, 7));
        check(&mut soon, clocks(5 * MINUTE, 7), 5 * MINUTE, None);
    }

    #[test]
    fn the_time_of_another_guard_is_not_undone() {
        let mut clock = PeriodClock::start(Some(noon(0)), clocks(0, 0));
        clock.observe(noon(3 * MINUTE));
        check(&mut clock, clocks(MINUTE, MINUTE), 3 * MINUTE, None);
    }

    proptest! {
        #[test]
        fn period_time_never_goes_back_nor_outruns_the_steady_clock(
            steps in proptest::collection::vec((-2 * DAY..2 * DAY, 0..DAY), 1..60),
        ) {
            let mut clock = PeriodClock::start(None, clocks(0, 0));
            let (mut steady, mut last) = (0, noon(0));
            for (wall, passed) in steps {
                steady += passed;
                let reading = clock.read(clocks(wall, steady));
                prop_assert!(reading.at >= last);
                prop_assert!(reading.at <= noon(steady + 10 * MINUTE));
                last = reading.at;
            }
        }
    }
}
