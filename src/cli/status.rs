//! `outlay status`: one line for the status bar of a terminal or a shell, read from the store as it stands.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::args::CapFormat;
use super::caps::print;
use super::context::{Context, now};
use crate::domain::amount::Unit;
use crate::domain::burn::Live;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::TenantId;
use crate::domain::cap::Mode;
use crate::domain::forecast::{Forecast, Habit, Present, Reach};
use crate::domain::gate::Standing;
use crate::domain::money::Money;
use crate::domain::outlook::{left, reach, urgency};
use crate::domain::period::periods;
use crate::domain::scope::Account;
use crate::domain::time::{Millis, Timestamp};
use crate::domain::window::Window;
use crate::store::guard::Base;
use crate::store::{Lately, Reader, StoreError};
use crate::tui::text;

/// With more calls in the last quarters than this, the burn is told by their sums, with a `~`.
const COUNTED: i64 = 4_000;
/// Of so many caps, the nearest at the present burn, the past is read: each costs a millisecond or two.
const FORETOLD: usize = 2;

/// What the line says.
struct Status {
    today: Live,
    burn: Live,
    /// Whether the burn is told by sums of 15 minutes.
    about: bool,
    /// Hard caps that are reached.
    reached: Vec<Standing>,
    next: Option<(Standing, Timestamp)>,
}

/// Runs it.
pub fn run(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let reader = match Reader::open(context.store_path()?) {
        Err(StoreError::Missing { .. }) => {
            let nothing =
                "nothing is recorded yet: `outlay import`, `outlay guard` or `outlay` begins a store";
            match format {
                CapFormat::Table => writeln!(io::stdout(), "{nothing}")?,
                CapFormat::Json => print(&json!({ "outlay": 1, "recorded": false }))?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        opened => opened?,
    };
    let now = now();
    let status = read(&reader, &context.base(), &context.calendar, now)?;
    match format {
        CapFormat::Table => writeln!(io::stdout(), "{}", line(&status, &context.calendar, now))?,
        CapFormat::Json => print(&object(&status, &context.calendar))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(reader: &Reader, base: &Base, calendar: &Calendar, now: Timestamp) -> Result<Status, StoreError> {
    let spent_since = |start| -> Result<HashMap<TenantId, Live>, StoreError> {
        // No call is counted later than it came: without an end, the sums of today's whole day will do.
        Ok(reader.spent(Span { start, end: Timestamp::MAX })?.into_iter().collect())
    };
    let of_today = spent_since(calendar.day(now).start)?;
    let today = total(of_today.values().copied());
    let lately: HashMap<TenantId, Lately> = reader.lately(now)?.into_iter().collect();
    let calls: i64 = lately.values().map(|it| it.quarter.calls + it.before.calls).sum();
    let (burn, about) = if calls <= COUNTED {
        let minutes = reader.minutes(now.before(Millis::from_minutes(14)))?;
        let quarter = total(minutes.iter().map(|row| Live::of(&row.2)));
        (times_four(quarter), false)
    } else {
        let cost = lately.values().map(|it| it.burn(now)).sum();
        let unpriced = lately.values().map(|it| it.quarter.unpriced).sum();
        (Live { cost, unpriced, ..Live::default() }, true)
    };
    let mut reached = Vec::new();
    let mut open = Vec::new();
    let mut windows = HashMap::from([(Window::Day, of_today)]);
    for standing in reader.standings(base, calendar, now)? {
        let cap = &standing.touch.cap;
        if cap.limit.unit() == Unit::Money && !windows.contains_key(&cap.window) {
            let start = Timestamp::from_millis(periods(cap.window, calendar, now).since);
            windows.insert(cap.window, spent_since(start)?);
        }
        let spent =
            windows.get(&cap.window).map_or(Money::ZERO, |spent| spent_of(standing.touch.account, spent));
        match left(&standing, spent) {
            Some(left) if left > Money::ZERO => open.push((standing, spent, left)),
            None if standing.exposure() < u128::from(standing.limit()) => {}
            _ if cap.mode == Mode::Hard => reached.push(standing),
            _ => {}
        }
    }
    let next = next(reader, open, &lately, now)?;
    Ok(Status { today, burn, about, reached, next })
}

/// Returns the cap that is reached first, and when.
fn next(
    reader: &Reader,
    mut open: Vec<(Standing, Money, Money)>,
    lately: &HashMap<TenantId, Lately>,
    now: Timestamp,
) -> Result<Option<(Standing, Timestamp)>, StoreError> {
    let present = |account| match account {
        Account::Tenant(tenant) => lately.get(&tenant).map(|it| present(std::iter::once(it), now)),
        Account::Everything => Some(present(lately.values(), now)),
        _ => None,
    };
    open.retain(|(standing, ..)| matches!(standing.touch.account, Account::Tenant(_) | Account::Everything));
    open.sort_by_cached_key(|(standing, _, left)| {
        let burn = present(standing.touch.account).map_or(0, |present| present.burn.nanos());
        i128::from(left.nanos()).saturating_mul(1_000_000) / i128::from(burn.max(1))
    });
    let mut nearest: Option<(i64, Standing, Timestamp)> = None;
    for (standing, spent, _) in open.into_iter().take(FORETOLD) {
        // What all spend together is not kept by hour: of it, what is spent now goes on.
        let habit = match standing.touch.account {
            Account::Tenant(tenant) => Habit::of(reader.past(tenant, now)?),
            _ => Habit::default(),
        };
        let present = present(standing.touch.account).unwrap_or(Present { now, ..Present::default() });
        let reach = reach(&standing, spent, &Forecast::new(&habit, present), now);
        let Some(Reach::At { at, .. }) = reach else { continue };
        if let Some(urgency) = reach.and_then(urgency)
            && nearest.as_ref().is_none_or(|known| urgency < known.0)
        {
            nearest = Some((urgency, standing, at));
        }
    }
    Ok(nearest.map(|(_, standing, at)| (standing, at)))
}

fn present<'a>(lately: impl Iterator<Item = &'a Lately>, now: Timestamp) -> Present {
    let nothing = Present { now, ..Present::default() };
    lately.fold(nothing, |sum, it| Present {
        now,
        running: sum.running + it.running.cost,
        burn: sum.burn + it.burn(now),
    })
}

fn total(lives: impl Iterator<Item = Live>) -> Live {
    lives.fold(Live::default(), |mut sum, live| {
        sum += live;
        sum
    })
}

fn times_four(quarter: Live) -> Live {
    total(std::iter::repeat_n(quarter, 4))
}

fn spent_of(account: Account, spent: &HashMap<TenantId, Live>) -> Money {
    match account {
        Account::Tenant(tenant) => spent.get(&tenant).map_or(Money::ZERO, |live| live.cost),
        Account::Everything => spent.values().map(|live| live.cost).sum(),
        _ => Money::ZERO,
    }
}

fn line(status: &Status, calendar: &Calendar, now: Timestamp) -> String {
    let about = if status.about { "~" } else { "" };
    let mut parts = vec![
        format!("today {}", text::headline_of(&status.today)),
        format!("burn {about}{}/h", text::headline_of(&status.burn)),
    ];
    if let Some((standing, at)) = &status.next {
        parts.push(format!("next {} {}", name(standing), when(*at, calendar, now)));
    }
    if let Some(first) = status.reached.first() {
        let more = status.reached.len() - 1;
        let more = if more > 0 { format!(" +{more}") } else { String::new() };
        parts.push(format!("reached {}{more}", name(first)));
    }
    parts.join("  ")
}

/// Returns what a cap is on, and how much: `docs-rag 200.00/day`.
fn name(standing: &Standing) -> String {
    let cap = &standing.touch.cap;
    let account = standing.touch.account.to_string();
    let whose = account.strip_prefix("tenant:").unwrap_or(&account);
    format!("{whose} {}/{}", cap.limit, cap.window)
}

/// Returns an instant as `15:36`; with its date where that is another day.
fn when(at: Timestamp, calendar: &Calendar, now: Timestamp) -> String {
    let text = calendar.minute_text(at);
    let cut = if calendar.day(now).contains(at) { "2026-11-20 ".len() } else { "2026-".len() };
    text.get(cut..).unwrap_or(&text).to_owned()
}

fn object(status: &Status, calendar: &Calendar) -> serde_json::Value {
    let cap = |standing: &Standing| standing.touch.cap.to_string();
    json!({
        "outlay": 1,
        "recorded": true,
        "tz": calendar.name(),
        "today_usd": status.today.cost.to_dollars(),
        "unpriced_calls": status.today.unpriced,
        "burn_usd_per_hour": status.burn.cost.to_dollars(),
        "burn_is_about": status.about,
        "next": status.next.as_ref().map(|(standing, at)| json!({
            "account": standing.touch.account.to_string(), "cap": cap(standing), "at": calendar.minute_text(*at),
        })),
        "reached": status.reached.iter().map(|standing| json!({
            "account": standing.touch.account.to_string(), "cap": cap(standing),
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{Call, CallId, Cost, ModelId};
    use crate::domain::cap::Cap;
    use crate::domain::label::Label;
    use crate::domain::observation::{Batch, Decoded};
    use crate::store::Store;
    use crate::store::guard::Author;

    /// Sunday, 2026-11-22, 14:05 UTC.
    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

    /// Returns the line over calls of $1 each, so many minutes ago, under these caps.
    fn line_of(calls: &[(&str, u64)], caps: &[&str]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/outlay.db");
        let mut store = Store::open(&path).expect("a store");
        let mut decoded = Decoded::default();
        for (index, (tenant, ago)) in calls.iter().enumerate() {
            let id = CallId::of("test", &[&index.to_le_bytes()]);
            let at = NOW.before(Millis::from_minutes(*ago));
            decoded.calls.push(Call::new(id, at, TenantId::new(tenant), ModelId::new("m")));
        }
        let (source, format) = (Label::new("s"), Label::new("native"));
        let batch = Batch { source, format, decoded, mark: None, note: None };
        let mut price = |_: &Call| Cost::Priced(Money::from_nanos(1_000_000_000));
        store.record(&batch, &mut price, NOW).expect("recorded");
        for cap in caps {
            let cap = Cap::parse(cap).expect("a cap");
            let author = Author { by: Label::new("mira"), at: NOW, why: Label::new("") };
            let rev = store.cap_revision().expect("a revision");
            store.set_cap(&cap, rev, &author).expect("set");
        }
        let reader = Reader::open(&path).expect("a reader");
        let status = read(&reader, &Base::default(), &Calendar::utc(), NOW).expect("read");
        line(&status, &Calendar::utc(), NOW)
    }

    /// A call every five minutes: $12 an hour.
    fn steady(hours: u64) -> Vec<(&'static str, u64)> {
        (0..hours * 12).map(|index| ("acme", index * 5)).collect()
    }

    #[test]
    fn without_caps_it_says_what_is_spent_and_how_fast() {
        let calls = [("acme", 3), ("beta", 10), ("beta", 20), ("beta", 60 * 15)];
        assert_eq!(line_of(&calls, &[]), "today $3.00  burn $8.00/h");
        assert_eq!(line_of(&[], &[]), "today $0.00  burn $0.00/h");
    }

    #[test]
    fn the_next_cap_is_foretold_by_the_hours_of_past_days() {
        let line = line_of(&steady(50), &["tenant:acme 230.00/day", "tenant:beta 1.00/day"]);
        assert_eq!(line, "today $170.00  burn $12.00/h  next acme 230.00/day 18:52");
        let line = line_of(&steady(50), &["tenant:acme 300.00/day"]);
        assert!(!line.contains("next"), "the day ends before: {line}");
        let line = line_of(&steady(50), &["tenant:acme 800.00/month"]);
        assert!(line.contains("next acme 800.00/month 11-23"), "{line}");
    }

    #[test]
    fn caps_that_are_reached_are_named() {
        let caps = ["tenant:acme 20.00/day", "all 5.00/total", "tenant:acme 10.00/day --soft"];
        let line = line_of(&steady(5), &caps[..2]);
        assert!(line.ends_with("  reached all 5.00/total +1"), "{line}");
        let line = line_of(&steady(5), &caps[2..]);
        assert!(!line.contains("reached") && !line.contains("next"), "a soft cap stops nothing: {line}");
    }
}
