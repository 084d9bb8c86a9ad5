//! Whether the caps that are saved are held by a guard, as far as the guards tell.

use super::cap::CapRev;
use super::label::Label;
use super::time::{Millis, Timestamp};

/// A guard that tells nothing of itself for this long is late. They do about once a second.
pub const LATE: Millis = Millis::new(5_000);

/// What a guard whose process lives last told of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its name.
    pub name: Label,
    /// The caps it judges by.
    pub rev: CapRev,
    /// When it told so.
    pub seen: Timestamp,
}

/// What holds the caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Nothing: no guard is running.
    Nobody,
    /// A guard has told nothing of itself for so long: nobody knows what it does.
    Late {
        /// Which.
        name: Label,
        /// For how long.
        age: Millis,
    },
    /// A guard still judges by older caps.
    Behind {
        /// Which.
        name: Label,
        /// The caps it judges by.
        rev: CapRev,
    },
    /// Every call passes, by an order that is saved: caps only warn.
    Passing {
        /// Until when.
        until: Timestamp,
    },
    /// Every guard judges by the caps that are saved.
    Held {
        /// How many guards.
        guards: usize,
        /// How long ago the last of them said so.
        age: Millis,
    },
}

impl Enforcement {
    /// Says whether a cap of the saved revision stops calls now.
    pub const fn holds(self) -> bool {
        matches!(self, Enforcement::Held { .. })
    }
}

/// Judges whether the caps of revision `saved` are in force: as well as the worst of the guards holds them. By those
/// caps every call passes until `passes`, where that is said.
pub fn enforcement(
    guards: &[Heartbeat],
    saved: CapRev,
    passes: Option<Timestamp>,
    now: Timestamp,
) -> Enforcement {
    let Some(last) = guards.iter().min_by_key(|guard| guard.seen) else { return Enforcement::Nobody };
    let age = now.since(last.seen);
    if age >= LATE {
        return Enforcement::Late { name: last.name, age };
    }
    match guards.iter().find(|guard| guard.rev < saved) {
        Some(guard) => Enforcement::Behind { name: guard.name, rev: guard.rev },
        None => match passes.filter(|until| now < *until) {
            Some(until) => Enforcement::Passing { until },
            None => Enforcement::Held { guards: guards.len(), age },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn guard(name: &str, rev: u64, ago: u64) -> Heartbeat {
        Heartbeat { name: Label::new(name), rev: CapRev(rev), seen: NOW.before(Millis::new(ago)) }
    }

    #[track_caller]
    fn check(guards: &[Heartbeat], want: Enforcement) {
        assert_eq!(enforcement(guards, CapRev(41), None, NOW), want);
    }

    #[test]
    fn caps_hold_where_every_guard_says_so() {
        check(&[], Enforcement::Nobody);
        let held = Enforcement::Held { guards: 2, age: Millis::new(900) };
        check(&[guard("a", 41, 900), guard("b", 42, 100)], held);
        assert!(held.holds() && !Enforcement::Nobody.holds());
    }

    #[test]
    fn no_cap_holds_while_calls_are_passed_through() {
        let guards = [guard("a", 41, 100)];
        let until = NOW.after(Millis::new(1));
        let passing = enforcement(&guards, CapRev(41), Some(until), NOW);
        assert_eq!(passing, Enforcement::Passing { until });
        assert!(!passing.holds());
        assert!(enforcement(&guards, CapRev(41), Some(NOW), NOW).holds(), "it is over at its last instant");
        assert_eq!(enforcement(&[], CapRev(41), Some(until), NOW), Enforcement::Nobody);
    }

    #[test]
    fn the_worst_guard_counts() {
        let behind = Enforcement::Behind { name: Label::new("b"), rev: CapRev(40) };
        check(&[guard("a", 41, 0), guard("b", 40, 0)], behind);
        let late = Enforcement::Late { name: Label::new("a"), age: LATE };
        check(&[guard("a", 41, 5_000), guard("b", 40, 0)], late);
    }
}
