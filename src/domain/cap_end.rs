//! Caps that hold for a while: which of them are over, and what comes back.
//!
//! A temporary cap is not in force any more from its last instant on, whether or not anyone has written that
//! down: of each scope, window and unit the newest change counts that is not over. What came to its end is
//! written into the audit trail once, by whoever writes next.

use super::cap::{Cap, CapKey, CapRev, Limit};
use super::cap_log::{CapChange, Changed};
use super::time::Timestamp;

/// The end of a temporary cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The change that made it.
    pub rev: CapRev,
    /// When it ended.
    pub at: Timestamp,
    /// The cap as it was until then.
    pub old: Cap,
    /// The cap that came back; one without a limit where there was none.
    pub new: Cap,
}

impl Cap {
    /// Says whether it is over at an instant.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// A cap as it was set, with the number of the change.
type Set<'a> = (CapRev, &'a Cap);

/// Returns every end of a temporary cap that is past and not in the audit trail yet, in order of time. `stated` are
/// the caps of the configuration, which come back like those that were set.
pub fn ended<'a>(
    stated: impl IntoIterator<Item = &'a Cap>,
    log: &'a [CapChange],
    now: Timestamp,
) -> Vec<Ended> {
    let stated: Vec<Set<'a>> = stated.into_iter().map(|cap| (CapRev(0), cap)).collect();
    let mut keys: Vec<CapKey> = Vec::new();
    let mut known: Vec<CapRev> = Vec::new();
    for change in log {
        match &change.what {
            Changed::Cap { new, .. } if new.until.is_some() && !keys.contains(&new.key()) => {
                keys.push(new.key());
            }
            Changed::Ended { rev, .. } => known.push(*rev),
            Changed::Cap { .. }
            | Changed::Price { .. }
            | Changed::Plan { .. }
            | Changed::PassThrough { .. } => {}
        }
    }
    let mut ended: Vec<Ended> = Vec::new();
    for key in keys {
        let of_key = stated.iter().copied().filter(|(_, cap)| cap.key() == key);
        let sets: Vec<Set<'_>> = of_key.chain(changes(log, key)).collect();
        ended.extend(of_one(&sets, now).into_iter().filter(|end| !known.contains(&end.rev)));
    }
    ended.sort_by_key(|end| (end.at, end.rev));
    ended
}

/// Returns what was set under a key, oldest first.
fn changes(log: &[CapChange], key: CapKey) -> impl Iterator<Item = Set<'_>> {
    log.iter().filter_map(move |change| match &change.what {
        Changed::Cap { new, .. } if new.key() == key => Some((change.rev, new)),
        _ => None,
    })
}

/// Returns every end of the caps of one key: the newest is in force until it is over, then the newest below it that
/// is not over by then.
fn of_one(sets: &[Set<'_>], now: Timestamp) -> Vec<Ended> {
    let mut ended = Vec::new();
    let mut left = sets;
    while let Some(((rev, cap), below)) = left.split_last() {
        let Some(at) = cap.until.filter(|until| *until <= now) else { break };
        let place = below.iter().rposition(|(_, cap)| !cap.is_over(at));
        left = below.get(..place.map_or(0, |place| place + 1)).unwrap_or(&[]);
        let (scope, window, unit) = cap.key();
        let none = || Cap::new(scope, Limit::Uncapped(unit), window);
        let new = left.last().map_or_else(none, |(_, cap)| Cap::clone(cap));
        ended.push(Ended { rev: *rev, at, old: Cap::clone(cap), new });
    }
    ended
}

/// Returns the cap that is in force of those set under one key, oldest first.
pub fn in_force<'a>(sets: impl DoubleEndedIterator<Item = &'a Cap>, now: Timestamp) -> Option<&'a Cap> {
    sets.rev().find(|cap| !cap.is_over(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn cap(dollars: u32, until: Option<i64>) -> Cap {
        let mut cap = Cap::parse(&format!("tenant:acme {dollars}/day")).expect("a cap");
        cap.until = until.map(at);
        cap
    }

    fn log(caps: &[(u32, Option<i64>)]) -> Vec<CapChange> {
        let change = |(rev, (dollars, until)): (u64, &(u32, Option<i64>))| CapChange {
            rev: CapRev(rev),
            at: at(0),
            by: Label::new("ann"),
            why: Label::new(""),
            what: Changed::Cap { old: None, new: cap(*dollars, *until) },
        };
        (1..).zip(caps).map(change).collect()
    }

    fn record(end: &Ended, rev: u64) -> CapChange {
        CapChange {
            rev: CapRev(rev),
            at: end.at,
            by: Label::new("outlay"),
            why: Label::new(""),
            what: Changed::Ended { rev: end.rev, old: end.old.clone(), new: end.new.clone() },
        }
    }

    fn told(caps: &[(u32, Option<i64>)], now: i64) -> Vec<(u64, i64, String)> {
        let line = |end: Ended| (end.rev.0, end.at.seconds(), end.new.limit.to_string());
        ended(&[], &log(caps), at(now)).into_iter().map(line).collect()
    }

    #[test]
    fn the_cap_before_comes_back_at_the_instant() {
        let caps = [(200, None), (250, Some(100))];
        assert_eq!(told(&caps, 99), []);
        assert_eq!(told(&caps, 100), [(2, 100, "200.00".to_owned())]);
        assert_eq!(told(&caps[1..], 100), [(1, 100, "none".to_owned())]);
    }

    #[test]
    fn of_two_temporary_ones_each_lasts_as_long_as_it_was_to() {
        let caps = [(200, None), (250, Some(180)), (300, Some(170))];
        assert_eq!(told(&caps, 175), [(3, 170, "250.00".to_owned())]);
        assert_eq!(told(&caps, 180), [(3, 170, "250.00".to_owned()), (2, 180, "200.00".to_owned())]);
        let caps = [(200, None), (250, Some(170)), (300, Some(180))];
        assert_eq!(
            told(&caps, 999),
            [(3, 180, "200.00".to_owned())],
            "the lower one was never in force again"
        );
    }

    #[test]
    fn a_change_over_it_ends_it_for_good() {
        assert_eq!(told(&[(200, None), (250, Some(100)), (300, None)], 999), []);
    }

    #[test]
    fn a_cap_of_the_configuration_comes_back_too() {
        let stated = [cap(500, None)];
        let log = log(&[(250, Some(100))]);
        let ended = ended(&stated, &log, at(100));
        assert_eq!(ended.first().map(|end| end.new.clone()), Some(cap(500, None)));
    }

    #[test]
    fn what_is_written_down_is_not_told_again() {
        let mut log = log(&[(200, None), (250, Some(180)), (300, Some(170))]);
        for (rev, now) in [(4, 170), (5, 200)] {
            let ends = ended(&[], &log, at(now));
            assert_eq!(ends.len(), 1);
            log.push(record(&ends[0], rev));
        }
        assert_eq!(ended(&[], &log, at(10_000)), []);
    }

    proptest! {
        #[test]
        fn the_last_end_leaves_what_is_in_force(
            caps in proptest::collection::vec((1_u32..99, proptest::option::of(1_i64..50)), 1..9), now in 0_i64..60,
        ) {
            let log = log(&caps);
            let sets: Vec<Cap> = caps.iter().map(|(dollars, until)| cap(*dollars, *until)).collect();
            let force = in_force(sets.iter(), at(now));
            let ends = ended(&[], &log, at(now));
            prop_assert!(ends.is_sorted_by(|one, next| one.at < next.at));
            match ends.last() {
                Some(last) if force.is_none() => prop_assert_eq!(last.new.limit.size(), None),
                Some(last) => prop_assert_eq!(Some(&last.new), force),
                None => prop_assert_eq!(force, sets.last()),
            }
        }

        #[test]
        fn whenever_it_is_written_each_end_is_written_once(
            caps in proptest::collection::vec((1_u32..99, proptest::option::of(1_i64..50)), 1..9),
            looks in proptest::collection::vec(0_i64..60, 1..6),
        ) {
            let mut log = log(&caps);
            let all = ended(&[], &log, at(60)).len();
            let mut looks = looks;
            looks.sort_unstable();
            looks.push(60);
            let mut written = 0;
            for now in looks {
                for end in ended(&[], &log, at(now)) {
                    written += 1;
                    log.push(record(&end, 100 + written));
                }
            }
            prop_assert_eq!(usize::try_from(written).expect("few"), all);
        }
    }
}
