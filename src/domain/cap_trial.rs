//! What a change of a cap would mean: when the cap is reached, and how carefully to ask before it is made.

use super::amount::Unit;
use super::budget::Budget;
use super::cap::{Cap, Limit, Mode, OnBreach};
use super::rollup::Sums;
use super::time::{Millis, Timestamp};
use super::window::Window;

/// Milliseconds of an hour.
const HOUR: u128 = 3_600_000;
/// A limit that is so many times the one before, or so small a part of it, is taken for a slip.
const SLIP: u128 = 10;

/// What one account has used in one window, as the stored sums say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// What guards count against a cap: charged and held.
    pub budget: Budget,
    /// What all ledgers say, calls that passed no guard included.
    pub ledger: Sums,
    /// What all ledgers say of the last 15 minutes.
    pub quarter: Sums,
    /// When the window empties; `None` is never.
    pub resets_at: Option<Timestamp>,
}

impl Used {
    /// Returns how fast it grows, in its unit an hour; `None` where that is not known.
    pub fn per_hour(&self, unit: Unit) -> Option<u128> {
        measure(&self.quarter, unit).map(|quarter| quarter.saturating_mul(4))
    }
}

/// Returns what some calls come to in a unit; `None` where a part of their cost is not known.
pub fn measure(sums: &Sums, unit: Unit) -> Option<u128> {
    let count = |count: i64| u128::try_from(count).unwrap_or(0);
    match unit {
        Unit::Money if sums.unpriced > 0 => None,
        Unit::Money => Some(count(sums.cost.nanos())),
        Unit::Calls => Some(count(sums.calls.saturating_add(sums.failed))),
        Unit::Tokens => Some(u128::from(sums.tokens.total().count())),
    }
}

/// When a cap is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is reached, or passed.
    Now,
    /// Then, if it goes on as in the last quarter of an hour.
    At(Timestamp),
    /// Not before the window empties.
    NotInWindow,
    /// It cannot be said: nothing was spent lately, or a price is missing.
    Unknown,
}

/// Foretells when `used` comes to `limit`, growing by so much an hour, unless the window ends before.
pub fn reach(
    limit: u64,
    used: u128,
    per_hour: Option<u128>,
    ends: Option<Timestamp>,
    now: Timestamp,
) -> Reach {
    let left = u128::from(limit).saturating_sub(used);
    if left == 0 {
        return Reach::Now;
    }
    let Some(per_hour) = per_hour.filter(|growth| *growth > 0) else { return Reach::Unknown };
    let wait = left.saturating_mul(HOUR).div_ceil(per_hour);
    let at = now.after(Millis::new(u64::try_from(wait).unwrap_or(u64::MAX)));
    match ends {
        Some(ends) if at >= ends => Reach::NotInWindow,
        _ if at > Timestamp::MAX => Reach::NotInWindow,
        _ => Reach::At(at),
    }
}

/// Returns when what is used now no longer counts: a rolling window has let go of it after its own length.
pub fn ends(window: Window, resets_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match window {
        Window::Rolling(back) => Some(now.after(back.length())),
        _ => resets_at,
    }
}

/// How carefully to ask before a cap is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asking {
    /// It harms nobody: saying so is enough.
    Once,
    /// It is stricter: it is to be said again.
    Twice,
    /// It stops calls at once, takes a hard cap away or may be a slip: a name is to be typed.
    ByName,
}

/// Judges how carefully to ask before `new` takes the place of `old`, with so much used of its window.
pub fn asking(old: Option<&Cap>, new: &Cap, used: u128) -> Asking {
    let (before, after) = (old.and_then(bound), bound(new));
    let sizes = old.and_then(|old| old.limit.size()).zip(new.limit.size());
    let stops = after.is_some_and(|limit| u128::from(limit) <= used);
    let frees = before.is_some() && after.is_none();
    if stops || frees || sizes.is_some_and(|(old, new)| is_slip(old, new)) {
        return Asking::ByName;
    }
    let lower = after.is_some_and(|after| before.is_none_or(|before| after < before));
    let removed = old.is_some_and(|old| old.limit.size().is_some()) && new.limit.size().is_none();
    if lower || removed || strictness(new) > old.map_or(0, strictness) {
        return Asking::Twice;
    }
    Asking::Once
}

/// Returns the limit that stops calls; `None` where the cap only warns, or is none.
fn bound(cap: &Cap) -> Option<u64> {
    if cap.mode == Mode::Hard { cap.limit.size() } else { None }
}

fn is_slip(old: u64, new: u64) -> bool {
    let (old, new) = (u128::from(old), u128::from(new));
    new > old * SLIP || new * SLIP < old
}

fn strictness(cap: &Cap) -> u8 {
    match (cap.mode, cap.on_breach) {
        _ if matches!(cap.limit, Limit::Uncapped(_)) => 0,
        (Mode::Soft, _) => 0,
        (Mode::Hard, OnBreach::Downgrade(_)) => 1,
        (Mode::Hard, OnBreach::Reject) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

    fn cap(text: &str) -> Cap {
        Cap::parse(&format!("tenant:acme {text}")).expect("a cap")
    }

    #[track_caller]
    fn check(old: &str, new: &str, dollars: u128, want: Asking) {
        let old = (!old.is_empty()).then(|| cap(old));
        assert_eq!(asking(old.as_ref(), &cap(new), dollars * 1_000_000_000), want, "{old:?} to {new}");
    }

    #[test]
    fn what_harms_nobody_is_asked_once() {
        check("200/day", "250/day", 186, Asking::Once);
        check("200/day", "200/day --warn 50", 186, Asking::Once);
        check("200/day", "250/day --on-breach downgrade:m", 186, Asking::Once);
        check("", "10/day --soft", 186, Asking::Once);
        check("20/day --soft", "10/day --soft", 186, Asking::Once);
    }

    #[test]
    fn what_is_stricter_is_asked_twice() {
        check("200/day", "190/day", 186, Asking::Twice);
        check("200/day --on-breach downgrade:m", "200/day", 186, Asking::Twice);
        check("200/day --soft", "200/day", 186, Asking::Twice);
        check("", "200/day", 186, Asking::Twice);
        check("none/day", "200/day", 186, Asking::Twice);
        check("200/day --soft", "none/day", 186, Asking::Twice);
    }

    #[test]
    fn what_stops_calls_or_frees_them_or_may_be_a_slip_is_asked_by_name() {
        check("200/day", "150/day", 186, Asking::ByName);
        check("200/day", "150/day --on-breach downgrade:m", 150, Asking::ByName);
        check("", "0/day", 0, Asking::ByName);
        check("200/day", "none/day", 0, Asking::ByName);
        check("200/day", "200/day --soft", 0, Asking::ByName);
        check("200/day", "2001/day", 0, Asking::ByName);
        check("200/day --soft", "19/day --soft", 0, Asking::ByName);
    }

    #[test]
    fn a_cap_is_reached_when_the_rest_is_spent() {
        let hour = NOW.after(Millis::new(3_600_000));
        assert_eq!(reach(100, 50, Some(50), None, NOW), Reach::At(hour));
        assert_eq!(reach(100, 50, Some(50), Some(hour), NOW), Reach::NotInWindow);
        assert_eq!(reach(100, 100, None, None, NOW), Reach::Now);
        assert_eq!(reach(100, 50, Some(0), None, NOW), Reach::Unknown);
        assert_eq!(reach(100, 50, None, None, NOW), Reach::Unknown);
        assert_eq!(reach(u64::MAX, 0, Some(1), None, NOW), Reach::NotInWindow);
    }

    #[test]
    fn a_missing_price_makes_money_unknown_and_nothing_else() {
        let quarter = Sums { calls: 3, unpriced: 1, ..Sums::default() };
        let used = Used { budget: Budget::default(), ledger: quarter, quarter, resets_at: None };
        assert_eq!((used.per_hour(Unit::Money), used.per_hour(Unit::Calls)), (None, Some(12)));
    }

    proptest! {
        #[test]
        fn more_used_is_never_asked_less_carefully(
            old in 0_u64..1_000, new in 0_u64..1_000, less in 0_u128..1_000, more in 0_u128..1_000,
        ) {
            let cap = |dollars: u64| cap(&format!("{dollars} calls/day"));
            let asked = |used| asking(Some(&cap(old)), &cap(new), used);
            prop_assert!(asked(less.min(more)) <= asked(less.max(more)));
        }
    }
}
