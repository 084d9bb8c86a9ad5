//! Caps and their figures in words, the same wherever they are shown.

use super::super::text;
use crate::domain::amount::Unit;
use crate::domain::calendar::Calendar;
use crate::domain::cap::{Cap, Fraction, Limit, Mode, OnBreach};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::cap_trial::Reach;
use crate::domain::enforcement::Enforcement;
use crate::domain::forecast::Reach as Outlook;
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::scope::Scope;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::until;
use crate::domain::window::Window;
use crate::tui::cap_act::Mine;
use crate::tui::caps::{CapState, share, state, subject};

/// Returns a figure of a cap in its unit.
pub(super) fn figure(unit: Unit, size: u128) -> String {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    match unit {
        Unit::Money => text::money(Money::from_nanos(size)),
        Unit::Calls => text::plural(size, "call"),
        Unit::Tokens => format!("{} tokens", text::short(size)),
    }
}

/// Returns how much of a cap is used, in whole per cents; a `!` after it says that it warns.
pub(super) fn used_of(standing: &Standing, state: CapState) -> String {
    let sign = if state == CapState::Ok { ' ' } else { '!' };
    format!("{}%{sign}", (share(standing) / 100).min(999))
}

/// Returns how a cap stands: `200.00/day, reject: 186.40 used, 93%! warn`.
pub(super) fn standing_line(standing: &Standing, held: Enforcement) -> String {
    let (cap, state) = (&standing.touch.cap, state(standing, held));
    let used = figure(cap.limit.unit(), standing.exposure());
    let whose = match cap.scope {
        Scope::Tenant(_) | Scope::TenantModel(..) => String::new(),
        scope => format!("{scope} "),
    };
    format!("{whose}{}: {used} used, {} {}", limit_of(cap), used_of(standing, state), state.says())
}

/// Returns a limit in few columns: `250/d`, `1.00k calls/m`.
pub(super) fn short_limit(cap: &Cap) -> String {
    let limit = match cap.limit {
        Limit::Money(money) => {
            let text = text::money(money);
            text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
        }
        Limit::Calls(calls) => format!("{}c", text::short(i64::try_from(calls).unwrap_or(i64::MAX))),
        Limit::Tokens(tokens) => {
            format!("{}t", text::short(i64::try_from(tokens.count()).unwrap_or(i64::MAX)))
        }
        Limit::Uncapped(_) => "none".to_owned(),
    };
    let window = match cap.window {
        Window::Minute => "min".to_owned(),
        Window::Hour => "h".to_owned(),
        Window::Day => "d".to_owned(),
        Window::Week => "w".to_owned(),
        Window::Month => "m".to_owned(),
        Window::Total => "all".to_owned(),
        Window::Rolling(_) => cap.window.to_string().replace("rolling:", ""),
    };
    format!("{limit}/{window}")
}

/// Returns a limit and what happens at it: `200.00/day, reject`.
pub(super) fn limit_of(cap: &Cap) -> String {
    let then = match (cap.limit, cap.mode, cap.on_breach) {
        (Limit::Uncapped(_), ..) => String::new(),
        (_, Mode::Soft, _) => ", notify".to_owned(),
        (_, Mode::Hard, OnBreach::Reject) => ", reject".to_owned(),
        (_, Mode::Hard, OnBreach::Downgrade(to)) => format!(", downgrade to {to}"),
    };
    format!("{}/{}{then}", cap.limit, cap.window)
}

/// Returns all of a cap but what it is set on.
pub(super) fn cap_line(cap: &Cap) -> String {
    let shares: Vec<String> = cap.warn_at.iter().map(Fraction::to_string).collect();
    let warns = if shares.is_empty() { String::new() } else { format!(", warns at {}%", shares.join(", ")) };
    let until = cap.until.map_or_else(String::new, |at| format!(", until {}", until::text(at)));
    format!("{}{warns}{until}", limit_of(cap))
}

/// Returns what was changed: `200.00/day, reject > 250.00/day, reject`.
pub(super) fn change_line(change: &CapChange) -> String {
    match &change.what {
        Changed::Cap { old: Some(old), new } if limit_of(old) == limit_of(new) => {
            format!("{} > {}", cap_line(old), cap_line(new))
        }
        Changed::Cap { old: Some(old), new } => format!("{} > {}", limit_of(old), limit_of(new)),
        Changed::Cap { old: None, new } => format!("new: {}", limit_of(new)),
        Changed::Ended { rev, old, new } => {
            format!("end of rev {}: {} > {}", rev.0, limit_of(old), limit_of(new))
        }
        Changed::Price { old: Some(old), new, .. } => format!("{old} > {new}"),
        Changed::Price { old: None, new, .. } => format!("new: {new}"),
        Changed::PassThrough { until: Some(until) } => {
            format!("every call passes until {}", until::text(*until))
        }
        Changed::PassThrough { until: None } => "caps hold again".to_owned(),
        Changed::Plan { plan, .. } => match plan {
            Some(plan) => format!("on plan {plan}"),
            None => "on the default plan".to_owned(),
        },
    }
}

/// Returns when a cap is reached.
pub(super) fn reached(reach: Reach, calendar: &Calendar, now: Timestamp) -> String {
    match reach {
        Reach::Now => "now".to_owned(),
        Reach::NotInWindow => "not in this window".to_owned(),
        Reach::Unknown => "cannot be said: no priced call in the last 15 minutes".to_owned(),
        Reach::At(at) if calendar.day(now).contains(at) => {
            let (hour, minute) = calendar.clock(at);
            format!("{hour:02}:{minute:02}")
        }
        Reach::At(at) => calendar.minute_text(at),
    }
}

/// Returns an instant in few words: `15:36` today, `Mon 01:53` within six days, else with its date.
pub(super) fn clock(calendar: &Calendar, at: Timestamp, now: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let (hour, minute) = calendar.clock(at);
    let date = calendar.date(at);
    let near = now.after(Millis::from_minutes(6 * 1440)) > at && now.before(Millis::from_minutes(1440)) < at;
    if calendar.day(now).contains(at) {
        return format!("{hour:02}:{minute:02}");
    }
    let place = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
    match DAYS.get(place).filter(|_| near && at > now) {
        Some(day) => format!("{day} {hour:02}:{minute:02}"),
        None => calendar.minute_text(at).split_off("2026-".len()),
    }
}

/// Returns when a cap is reached, and the range of four of five outcomes: `15:36 (15:12-16:04)`.
pub(super) fn runs_out(reach: Outlook, calendar: &Calendar, now: Timestamp) -> (String, String) {
    let clock = |at| clock(calendar, at, now);
    match reach {
        Outlook::Now => ("now".to_owned(), String::new()),
        Outlook::Never => ("-".to_owned(), String::new()),
        Outlook::Unknown => ("?".to_owned(), String::new()),
        Outlook::At { at, range } => {
            let late = |late: Option<Timestamp>| late.map_or_else(|| "never".to_owned(), clock);
            let range = range.map(|(early, last)| format!("({}-{})", clock(early), late(last)));
            (clock(at), range.unwrap_or_default())
        }
    }
}

/// Returns a change in few words: `docs-rag 200.00/day > 250.00/day`; with what happens at the limit where
/// that alone is another.
fn brief(change: &CapChange) -> String {
    let subject = subject(change);
    let whose = subject.strip_prefix("tenant:").unwrap_or(&subject);
    let limit = |cap: &Cap| format!("{}/{}", cap.limit, cap.window);
    match &change.what {
        Changed::Cap { old: Some(old), new } if limit(old) != limit(new) => {
            format!("{whose} {} > {}", limit(old), limit(new))
        }
        _ => format!("{whose} {}", change_line(change)),
    }
}

/// Returns what has become of the change that was made last from here.
pub(super) fn outcome(mine: &Mine, held: Enforcement) -> String {
    let what = brief(&mine.change);
    match (mine.held, held) {
        (Some(at), held) if held.holds() => {
            let tenths = at.since(mine.saved).count().div_ceil(100);
            format!("enforced after {}.{}s: {what}   u undo", tenths / 10, tenths % 10)
        }
        (_, Enforcement::Passing { .. }) => format!("saved, but every call passes just now: {what}   u undo"),
        (_, Enforcement::Nobody) => format!("saved, NOT enforced, no guard is running: {what}   u undo"),
        _ => format!("saved, waiting for the guard: {what}"),
    }
}
