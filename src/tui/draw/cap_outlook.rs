//! What a change of a cap would mean, from the numbers at hand: the lower half of the form.

use super::cap_form::Sheet;
use super::cap_words::{figure, limit_of, reached};
use crate::domain::amount::Unit;
use crate::domain::cap::{Cap, Mode, OnBreach};
use crate::domain::cap_trial::{Reach, Used, ends, measure, reach};
use crate::domain::enforcement::{Enforcement, LATE};
use crate::domain::window::Window;
use crate::tui::app::App;
use crate::tui::cap_form::CapForm;
use crate::tui::text;

/// Guards that are named one by one.
const NAMED: usize = 4;

/// Says what the change would mean.
pub(super) fn say(sheet: &mut Sheet, app: &App, form: &CapForm) {
    let cap = match form.cap() {
        Ok(cap) => cap,
        Err(fault) => return sheet.say("!", &fault),
    };
    let old = app.live.caps.find(cap.key());
    match form.used_in(cap.window) {
        None => sheet.say("Used", "reading the sums..."),
        Some(used) => {
            spent(sheet, &cap, used);
            foretold(sheet, app, (&cap, old), used);
            then(sheet, form, &cap, used);
            worst(sheet, (&cap, old), used);
        }
    }
    if let Err(fault) = form.check_downgrade(&app.live.caps.book) {
        sheet.say("!", &fault);
    }
    sheet.say("Guard", &guards(app));
    let others =
        app.live.caps.book.caps().filter(|other| other.scope == cap.scope && other.key() != cap.key());
    let others: Vec<String> = others.map(|other| limit_of(other)).collect();
    if !others.is_empty() {
        sheet.say("Also", &others.join("; "));
    }
}

fn spent(sheet: &mut Sheet, cap: &Cap, used: &Used) {
    let unit = cap.limit.unit();
    let exposure = used.budget.exposure(unit);
    let held = used.budget.reserved.of(unit);
    let held =
        if held == 0 { String::new() } else { format!(", {} of it in flight", figure(unit, held.into())) };
    let words = match cap.limit.size() {
        None => format!("{} {}{held}", figure(unit, exposure), in_window(cap.window)),
        Some(limit) => {
            let limit = u128::from(limit);
            let share = text::share(small(exposure), small(limit));
            let left = limit.saturating_sub(exposure);
            let (used, all) = (figure(unit, exposure), figure(unit, limit));
            format!("{used} of {all}, {share}, left {}{held}", figure(unit, left))
        }
    };
    sheet.say("Used", &words);
    match measure(&used.ledger, unit) {
        Some(ledger) if ledger <= exposure => {}
        Some(ledger) => {
            let all = figure(unit, ledger);
            sheet.say("Ledgers", &format!("{all} in all: what passed no guard does not count"));
        }
        None => sheet.say("Ledgers", "some calls have no price: a hard cap on money stops such calls"),
    }
}

fn foretold(sheet: &mut Sheet, app: &App, (cap, old): (&Cap, Option<&Cap>), used: &Used) {
    let Some(limit) = cap.limit.size() else {
        return sheet.say("!", "the cap is taken away");
    };
    let unit = cap.limit.unit();
    let exposure = used.budget.exposure(unit);
    let per_hour = used.per_hour(unit);
    let until = ends(cap.window, used.resets_at, app.now);
    let at = |limit: u64| reach(limit, exposure, per_hour, until, app.now);
    let calendar = &app.setup.calendar;
    if at(limit) == Reach::Now {
        let resets =
            used.resets_at.map(|at| format!(" until {}", calendar.minute_text(at))).unwrap_or_default();
        let over = figure(unit, exposure.saturating_sub(limit.into()));
        sheet.say("!", &format!("already passed, by {over}"));
        return match (cap.mode, cap.on_breach) {
            (Mode::Soft, _) => {}
            (Mode::Hard, OnBreach::Reject) => sheet.say("!", &format!("calls are REJECTED at once{resets}")),
            (Mode::Hard, OnBreach::Downgrade(to)) => {
                sheet.say("!", &format!("calls go to {to} at once{resets}"));
            }
        };
    }
    let pace = match per_hour {
        Some(growth) if growth > 0 => format!(" at {}/h", figure(unit, growth)),
        _ => String::new(),
    };
    let was = old.and_then(|old| old.limit.size()).filter(|old| *old != limit).map(at);
    let was = was.map(|was| match was {
        Reach::Unknown => String::new(),
        was => format!(" (was {})", reached(was, calendar, app.now)),
    });
    let now = reached(at(limit), calendar, app.now);
    sheet.say("Reached", &format!("{now}{pace}{}", was.unwrap_or_default()));
}

/// Says what happens once it is reached, in money an hour.
fn then(sheet: &mut Sheet, form: &CapForm, cap: &Cap, used: &Used) {
    let unit = cap.limit.unit();
    let Some(per_hour) = used.per_hour(unit).filter(|growth| *growth > 0) else { return };
    if cap.limit.size().is_some_and(|limit| used.budget.exposure(unit) >= u128::from(limit)) {
        // What happens now is said above.
        return;
    }
    let (now, free) = (figure(unit, per_hour), figure(unit, 0));
    let words = match (cap.limit.size(), cap.mode, cap.on_breach) {
        (None, ..) => return,
        (_, Mode::Soft, _) => format!("it warns, and {now}/h go on"),
        (_, Mode::Hard, OnBreach::Reject) => format!("calls are refused: {free}/h in place of {now}/h"),
        (_, Mode::Hard, OnBreach::Downgrade(to)) => {
            let costs = form.in_place(to, used).filter(|_| unit == Unit::Money);
            let cheap = costs.and_then(|(cheap, dear)| {
                let nanos = |money: crate::domain::money::Money| u128::try_from(money.nanos()).ok();
                per_hour.checked_mul(nanos(cheap)?)?.checked_div(nanos(dear)?)
            });
            match cheap {
                Some(cheap) => {
                    format!("downgraded calls cost about {}/h in place of {now}/h", figure(unit, cheap))
                }
                None => format!("calls go to {to}; what that costs an hour is not known"),
            }
        }
    };
    sheet.say("Then", &words);
}

/// Says what can be spent at most in the running window: what is charged is gone, what is in flight may come back.
fn worst(sheet: &mut Sheet, (cap, old): (&Cap, Option<&Cap>), used: &Used) {
    let unit = cap.limit.unit();
    let bound = |cap: &Cap| {
        let limit = cap.limit.size().filter(|_| cap.mode == Mode::Hard)?;
        Some(u128::from(limit).saturating_sub(used.budget.spent(unit)))
    };
    let words = match (bound(cap), old.and_then(bound)) {
        (None, None) | (Some(0), _) => return,
        (None, Some(old)) => format!("no bound any more ({} with the present cap)", figure(unit, old)),
        (Some(new), Some(old)) if new == old => {
            format!("up to {} more {}", figure(unit, new), in_window(cap.window))
        }
        (Some(new), old) => {
            let old = old.map_or_else(|| "no bound".to_owned(), |old| figure(unit, old));
            format!("up to {} more {} ({old} with the present cap)", figure(unit, new), in_window(cap.window))
        }
    };
    sheet.say("Worst", &words);
}

fn in_window(window: Window) -> String {
    match window {
        Window::Total => "in all".to_owned(),
        Window::Rolling(_) => format!("in any {}", window.to_string().replace("rolling:", "")),
        _ => format!("this {window}"),
    }
}

/// Says which guards will apply it, and when each was last heard of.
fn guards(app: &App) -> String {
    let beats = &app.live.caps.guards;
    match app.enforcement() {
        Enforcement::Nobody => return "none is running: nothing will enforce this".to_owned(),
        Enforcement::Late { name, age } => {
            let rev = beats.iter().find(|beat| beat.name == name).map_or(0, |beat| beat.rev.0);
            return format!(
                "{name} not heard of for {}: it keeps rev {rev} until it is back",
                text::age(age)
            );
        }
        Enforcement::Passing { until } => {
            let until = app.setup.calendar.minute_text(until);
            return format!("every call passes until {until}: it holds after that");
        }
        Enforcement::Held { .. } | Enforcement::Behind { .. } => {}
    }
    let one = |beat: &crate::domain::enforcement::Heartbeat| {
        let age = app.now.since(beat.seen);
        let late = if age >= LATE { " LATE" } else { "" };
        format!("{} {}{late}", beat.name, text::age(age))
    };
    let named: Vec<String> = beats.iter().take(NAMED).map(one).collect();
    let more = beats.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}: in force within a tenth of a second", named.join(", "))
}

fn small(size: u128) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
