//! `outlay caps`: sets, shows and tries caps.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::Usage;
use super::args::{BacktestArgs, CapFormat, CapsAction, SetCap};
use super::context::{Context, now};
use crate::domain::amount::Unit;
use crate::domain::backtest::{Backtest, TOLD};
use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::{ModelId, Provider};
use crate::domain::cap::{Cap, CapRev, Mode};
use crate::domain::cap_log::{CapChange, Changed};
use crate::domain::downgrade::circle;
use crate::domain::gate::Standing;
use crate::domain::label::Label;
use crate::domain::money::Money;
use crate::domain::scope::{PlanId, Scope};
use crate::domain::time::Timestamp;
use crate::domain::until;
use crate::report::query::parse_when;
use crate::report::text;
use crate::store::guard::{Author, ChangeError};
use crate::store::{Reader, Store};

/// A cap is reached.
const REACHED: u8 = 3;

/// Runs it.
pub fn run(context: &Context, action: &CapsAction) -> anyhow::Result<ExitCode> {
    match action {
        CapsAction::List { format } => list(context, *format),
        CapsAction::Set(cap) => set(context, cap),
        CapsAction::Remove { scope, window, why } => remove(context, scope, window, why.as_deref()),
        CapsAction::Undo { rev, why } => undo(context, *rev, why.as_deref()),
        CapsAction::Log { format } => log(context, *format),
        CapsAction::Check { format } => check(context, *format),
        CapsAction::PassThrough { until, why } => pass_through(context, until, why),
        CapsAction::Backtest(args) => backtest(context, args),
    }
}

/// Returns who changes something now: the user of this system.
pub fn author(context: &Context, why: Option<&str>) -> anyhow::Result<Author> {
    context.may_change().map_err(Usage)?;
    Ok(author_of(&context.person(), why))
}

/// Returns who makes a change now, and why.
pub fn author_of(person: &str, why: Option<&str>) -> Author {
    Author { by: Label::new(person), at: now(), why: Label::new(why.unwrap_or_default()) }
}

/// Says what was done, and which change it was.
pub fn tell(what: &str, rev: CapRev) -> anyhow::Result<ExitCode> {
    writeln!(io::stdout(), "{what} (revision {})", rev.0)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an object as one line.
pub fn print(value: &Value) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{value}")?;
    Ok(())
}

/// Opens the store for a change: what came to its end before is written down first.
fn open(context: &Context) -> anyhow::Result<Store> {
    let mut store = Store::open(context.store_path()?)?;
    store.end_caps(&context.base(), now())?;
    Ok(store)
}

fn set(context: &Context, wish: &SetCap) -> anyhow::Result<ExitCode> {
    let mut words = vec![wish.limit.clone()];
    if wish.soft {
        words.push("--soft".to_owned());
    }
    words.extend(wish.on_breach.iter().map(|word| format!("--on-breach {word}")));
    words.extend(wish.warn.iter().map(|word| format!("--warn {word}")));
    let scope = Scope::parse(&wish.scope).map_err(Usage)?;
    let mut cap = Cap::parse_for(scope, &words.join(" ")).map_err(Usage)?;
    cap.note = Label::new(wish.note.as_deref().unwrap_or_default());
    let until = wish.until.as_deref().map(|text| until::parse(text, &context.calendar, now()));
    cap.until = until.transpose().map_err(Usage)?;
    let mut store = open(context)?;
    let book = Reader::open(context.store_path()?)?.cap_book(&context.base(), now())?;
    if let Some(way) = circle(&book, &cap) {
        let way: Vec<String> = way.iter().map(ToString::to_string).collect();
        return Err(Usage(format!("{} leads back to the first: nothing is set", way.join(" > "))).into());
    }
    let expected = store.cap_revision()?;
    let rev = store.set_cap(&cap, expected, &author(context, wish.note.as_deref())?)?;
    tell(&format!("set: {cap}"), rev)
}

fn remove(context: &Context, scope: &str, window: &str, why: Option<&str>) -> anyhow::Result<ExitCode> {
    let scope = Scope::parse(scope).map_err(Usage)?;
    let unit = window.split_once('/').map_or_else(|| format!("none/{window}"), |_| format!("none {window}"));
    let key = Cap::parse_for(scope, &unit).map_err(Usage)?.key();
    let mut store = open(context)?;
    let expected = store.cap_revision()?;
    let reader = Reader::open(context.store_path()?)?;
    if !reader.cap_book(&context.base(), now())?.caps().any(|cap| cap.key() == key) {
        return Err(ChangeError::NoSuchCap(format!("{scope} per {window}")).into());
    }
    let rev = store.remove_cap(key, expected, &author(context, why)?)?;
    tell(&format!("removed: {scope} per {window}"), rev)
}

/// Lets every call pass until an instant, or with `off` enforces caps again.
fn pass_through(context: &Context, until: &str, why: &str) -> anyhow::Result<ExitCode> {
    let until = match until {
        "off" => None,
        text => Some(until::parse(text, &context.calendar, now()).map_err(Usage)?),
    };
    let mut store = open(context)?;
    let expected = store.cap_revision()?;
    let rev = store.pass_through(until, expected, &author(context, Some(why))?)?;
    tell(&passing(until), rev)
}

fn undo(context: &Context, rev: u64, why: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut store = open(context)?;
    let expected = store.cap_revision()?;
    let done = store.undo_cap(CapRev(rev), expected, &author(context, why)?)?;
    tell(&format!("undone: change {rev}"), done)
}

fn log(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let changes = Reader::open(context.store_path()?)?.cap_log()?;
    if format == CapFormat::Json {
        print(&json!({ "outlay": 1, "changes": changes.iter().map(change).collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    for CapChange { rev, at, by, why, what } in &changes {
        let what = match what {
            Changed::Cap { old: Some(old), new } => format!("{old} -> {new}"),
            Changed::Cap { old: None, new } => new.to_string(),
            Changed::Ended { rev, old, new } => format!("end of {}: {old} -> {new}", rev.0),
            Changed::Price { provider, model, old, new } => {
                format!("price of {}: {}", whole(*provider, *model), now_and_then(*old, *new))
            }
            Changed::Plan { tenant, plan } => format!("{tenant} on {}", plan_name(*plan)),
            Changed::PassThrough { until } => passing(*until),
        };
        let at = context.calendar.minute_text(*at);
        let why = if why.is_empty() { String::new() } else { format!("  # {why}") };
        writeln!(out, "{:>5}  {at}  {by:<12}  {what}{why}", rev.0)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn whole(provider: Provider, model: ModelId) -> String {
    if provider == Provider::new("") { model.to_string() } else { format!("{provider}/{model}") }
}

fn now_and_then(old: Option<Label>, new: Label) -> String {
    old.map_or_else(|| new.to_string(), |old| format!("{old} -> {new}"))
}

/// Says whether every call passes, in words.
fn passing(until: Option<Timestamp>) -> String {
    let until = until.map(|until| format!("every call passes until {}", until::text(until)));
    until.unwrap_or_else(|| "caps hold again".to_owned())
}

fn plan_name(plan: Option<PlanId>) -> String {
    plan.map_or_else(|| "the default plan".to_owned(), |plan| format!("plan {plan}"))
}

fn change(change: &CapChange) -> Value {
    let ended = if let Changed::Ended { rev, .. } = &change.what { Some(rev.0) } else { None };
    let (old, new) = match &change.what {
        Changed::Ended { old, new, .. } => (Some(old.to_string()), new.to_string()),
        Changed::Price { provider, model, old, new } => {
            (old.map(|old| old.to_string()), format!("price of {}: {new}", whole(*provider, *model)))
        }
        Changed::Cap { old, new } => (old.as_ref().map(Cap::to_string), new.to_string()),
        Changed::Plan { tenant, plan } => (None, format!("tenant:{tenant} on {}", plan_name(*plan))),
        Changed::PassThrough { until } => (None, passing(*until)),
    };
    json!({
        "rev": change.rev.0, "at": change.at.millis(), "by": change.by.as_str(), "why": change.why.as_str(),
        "old": old, "new": new, "ended": ended,
    })
}

fn standings(context: &Context) -> anyhow::Result<Vec<Standing>> {
    let path = context.store_path()?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    Ok(Reader::open(path)?.standings(&context.base(), &context.calendar, now())?)
}

fn list(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let path = context.store_path()?;
    let caps: Vec<String> = if path.exists() {
        Reader::open(path)?.cap_book(&context.base(), now())?.caps().map(ToString::to_string).collect()
    } else {
        Vec::new()
    };
    if format == CapFormat::Json {
        print(&json!({ "outlay": 1, "caps": caps }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if caps.is_empty() {
        writeln!(out, "no caps: set one with `outlay caps set tenant:acme 50.00/day`")?;
    }
    for cap in caps {
        writeln!(out, "{cap}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Says whether nothing more fits under a cap.
fn is_reached(standing: &Standing) -> bool {
    standing.exposure() >= u128::from(standing.limit())
}

fn check(context: &Context, format: CapFormat) -> anyhow::Result<ExitCode> {
    let standings = standings(context)?;
    if format == CapFormat::Json {
        let rows: Vec<Value> = standings.iter().map(standing).collect();
        print(&json!({ "outlay": 1, "standings": rows }))?;
    } else {
        table(&standings, &context.calendar)?;
    }
    let reached = standings.iter().any(is_reached);
    Ok(if reached { ExitCode::from(REACHED) } else { ExitCode::SUCCESS })
}

fn table(standings: &[Standing], calendar: &Calendar) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for standing in standings {
        let cap = &standing.touch.cap;
        let unit = cap.limit.unit();
        let mark = if is_reached(standing) { "!" } else { " " };
        let mode = if cap.mode == Mode::Soft { " soft" } else { "" };
        let reserved = u128::from(standing.budget.reserved.of(unit));
        let resets = standing.resets_at.map(|at| format!(", until {}", calendar.minute_text(at)));
        writeln!(
            out,
            "{mark} {:<24} {}/{}{mode}: {} spent, {} held{}",
            standing.touch.account.to_string(),
            cap.limit,
            cap.window,
            figure(unit, standing.budget.spent(unit)),
            figure(unit, reserved),
            resets.unwrap_or_default()
        )?;
    }
    if standings.is_empty() {
        writeln!(out, "nothing is capped, or nothing was spent under a cap")?;
    }
    out.flush()?;
    Ok(())
}

/// Returns a figure of a cap in its unit.
fn figure(unit: Unit, size: u128) -> String {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    match unit {
        Unit::Money => format!("${}", Money::from_nanos(size).rounded(4)),
        Unit::Calls => format!("{} calls", text::count(size)),
        Unit::Tokens => format!("{} tokens", text::count(size)),
    }
}

fn standing(standing: &Standing) -> Value {
    let cap = &standing.touch.cap;
    let unit = cap.limit.unit();
    let exact = |size: u128| match unit {
        Unit::Money => Value::from(Money::from_nanos(i64::try_from(size).unwrap_or(i64::MAX)).to_dollars()),
        Unit::Calls | Unit::Tokens => Value::from(u64::try_from(size).unwrap_or(u64::MAX)),
    };
    json!({
        "cap": cap.to_string(),
        "account": standing.touch.account.to_string(),
        "unit": match unit { Unit::Money => "usd", Unit::Calls => "calls", Unit::Tokens => "tokens" },
        "limit": exact(u128::from(standing.limit())),
        "spent": exact(standing.budget.spent(unit)),
        "held": exact(u128::from(standing.budget.reserved.of(unit))),
        "resets_at": standing.resets_at.map(Timestamp::millis),
        "reached": is_reached(standing),
    })
}

fn backtest(context: &Context, args: &BacktestArgs) -> anyhow::Result<ExitCode> {
    let scope = Scope::parse(&args.scope).map_err(Usage)?;
    let cap = Cap::parse_for(scope, &args.limit).map_err(Usage)?;
    if matches!(scope, Scope::Key(_)) {
        return Err(Usage(
            "the ledger does not say which key a call was made with: name another scope".to_owned(),
        )
        .into());
    }
    let when = |text: &str| parse_when(text, &context.calendar, now()).map_err(Usage);
    let start = args.since.as_deref().map(when).transpose()?.unwrap_or(Timestamp::EPOCH);
    let end = args.until.as_deref().map(when).transpose()?.unwrap_or(Timestamp::MAX);
    let path = context.store_path()?;
    let reader = Reader::open(path).map_err(|error| anyhow!("{error}"))?;
    let plans = reader.cap_book(&context.base(), now())?.plans().clone();
    let mut test = Backtest::new(cap.clone(), plans, context.calendar.clone());
    reader.calls(Span { start, end }, &mut |call, cost| drop(test.step(call, cost)))?;
    if args.format == CapFormat::Json {
        print(&outcome(&cap, &test))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    writeln!(
        out,
        "{cap}: of {} calls it would have stopped {}, and saved ${}",
        text::tokens(test.touched),
        text::tokens(test.stopped),
        test.saved.rounded(4)
    )?;
    if test.unpriced > 0 {
        writeln!(out, "  {} of them because they have no price", text::tokens(test.unpriced))?;
    }
    for stopped in &test.periods {
        let at = context.calendar.minute_text(stopped.first);
        let (calls, saved) = (text::tokens(stopped.calls), stopped.saved.rounded(4));
        writeln!(out, "  {at}  {:<24} {calls} calls, ${saved}", stopped.place.account.to_string())?;
    }
    if test.periods.len() == TOLD {
        writeln!(out, "  later periods are in the sums alone")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn outcome(cap: &Cap, test: &Backtest) -> Value {
    let periods: Vec<Value> = test
        .periods
        .iter()
        .map(|stopped| {
            json!({
                "account": stopped.place.account.to_string(), "first": stopped.first.millis(),
                "calls": stopped.calls, "saved_usd": stopped.saved.to_dollars(),
            })
        })
        .collect();
    json!({
        "outlay": 1, "cap": cap.to_string(), "calls": test.touched, "stopped": test.stopped,
        "unpriced_calls": test.unpriced, "saved_usd": test.saved.to_dollars(), "periods": periods,
    })
}
