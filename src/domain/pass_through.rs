//! Pass-through: for a while every call passes, and caps only warn, because somebody decided so.
//!
//! It always has an end, which needs nobody to write anything: from that instant on caps hold again.

use super::time::{Millis, Timestamp};

/// The longest time for which calls may pass: a day.
pub const LONGEST: Millis = Millis::from_minutes(24 * 60);

/// Checks that calls may pass until an instant. The error says why not.
pub fn check(until: Timestamp, now: Timestamp) -> Result<(), String> {
    if until <= now {
        return Err("calls are to pass until an instant that is still to come".to_owned());
    }
    if until.since(now) > LONGEST {
        return Err("calls may pass for a day at most: then say so again".to_owned());
    }
    Ok(())
}

/// A time in which calls passed, or were to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passing {
    /// From when.
    pub from: Timestamp,
    /// Until when, not included.
    pub until: Timestamp,
}

/// Returns the times in which calls passed, of the orders to let them pass (until when) and to enforce caps again
/// (`None`), oldest first: each order ends the one before.
pub fn passings(orders: impl IntoIterator<Item = (Timestamp, Option<Timestamp>)>) -> Vec<Passing> {
    let mut passings: Vec<Passing> = Vec::new();
    for (at, until) in orders {
        if let Some(last) = passings.last_mut() {
            last.until = last.until.min(at.max(last.from));
        }
        passings.extend(until.map(|until| Passing { from: at, until }));
    }
    passings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + minute * 60)
    }

    #[test]
    fn calls_pass_for_a_day_at_most_and_not_until_a_time_that_is_past() {
        assert_eq!(check(at(1), at(0)), Ok(()));
        assert_eq!(check(at(24 * 60), at(0)), Ok(()));
        assert!(check(at(24 * 60 + 1), at(0)).unwrap_err().contains("a day at most"));
        assert!(check(at(0), at(0)).unwrap_err().contains("still to come"));
    }

    #[test]
    fn each_order_ends_the_one_before() {
        let orders = [(at(0), Some(at(60))), (at(10), Some(at(20))), (at(15), None), (at(90), Some(at(100)))];
        let passing = |from, until| Passing { from: at(from), until: at(until) };
        assert_eq!(passings(orders), [passing(0, 10), passing(10, 15), passing(90, 100)]);
        assert_eq!(passings([(at(0), None)]), []);
    }
}
