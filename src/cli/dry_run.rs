//! `outlay import --dry-run`: what would be read, and what would not, without touching the store.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use super::context::Context;
use crate::domain::call::{Call, Cost, Status};
use crate::domain::label::Label;
use crate::domain::observation::{BadLine, Batch, Skip, Tally};
use crate::domain::price::Pricer;
use crate::feed::Databases;
use crate::feed::mark::Marks;
use crate::feed::scan::scan;
use crate::report::text;

/// Calls shown of each source.
const CALLS: usize = 10;
/// Lines shown of each source that could not be read.
const REFUSED: usize = 100;

/// What was seen of one source.
#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    count: u64,
    bad: Vec<BadLine>,
    tally: Tally,
}

/// Runs it.
pub fn run(context: &Context, given: &[String]) -> anyhow::Result<ExitCode> {
    let ledgers = context.ledgers(given)?;
    let seen: Mutex<BTreeMap<Label, Seen>> = Mutex::default();
    let report = scan(&ledgers, &Marks::default(), &Databases, &|_, batch| {
        take(&mut seen.lock().unwrap_or_else(PoisonError::into_inner), batch);
        true
    });
    let book = context.prices()?;
    let mut pricer = book.pricer();
    let mut out = io::stdout().lock();
    for (source, seen) in seen.into_inner().unwrap_or_else(PoisonError::into_inner) {
        writeln!(out, "{source}: {}", summary(&seen))?;
        for call in &seen.calls {
            writeln!(out, "  {}", line(context, call, &mut pricer))?;
        }
        for bad in &seen.bad {
            let place = if bad.line == 0 { "! at".to_owned() } else { format!("! line {}", bad.line) };
            writeln!(out, "  {place}: {}: {}", bad.reason, bad.excerpt)?;
        }
    }
    context.tell(&report.problems);
    let nothing = report.files == 0 && !report.problems.is_empty();
    Ok(if nothing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Keeps the first calls and bad lines of a source; parts of a file may come in any order.
fn take(seen: &mut BTreeMap<Label, Seen>, batch: Batch) {
    let seen = seen.entry(batch.source).or_default();
    seen.count += batch.decoded.calls.len() as u64;
    seen.tally.add(&batch.decoded.tally);
    seen.calls.extend(batch.decoded.calls);
    seen.calls.sort_by_key(|call| call.claim.order);
    seen.calls.truncate(CALLS);
    seen.bad.extend(batch.decoded.bad);
    seen.bad.sort_by_key(|bad| bad.offset);
    seen.bad.truncate(REFUSED);
}

fn summary(seen: &Seen) -> String {
    let mut parts = vec![
        format!("{} calls", text::tokens(seen.count)),
        format!("{} refused", text::tokens(seen.tally.bad)),
    ];
    for (why, count) in Skip::ALL.into_iter().zip(seen.tally.skipped).filter(|(_, count)| *count > 0) {
        parts.push(format!("{} {}", text::tokens(count), why.as_str()));
    }
    parts.join(", ")
}

/// Returns one call, every part of it with its name.
fn line(context: &Context, call: &Call, pricer: &mut Pricer<'_>) -> String {
    let tokens = &call.tokens;
    let cost = match pricer.cost(call) {
        Cost::Priced(money) => format!("${money} by the price book"),
        Cost::Reported(money) => format!("${money} stated"),
        Cost::Unpriced => "no price".to_owned(),
    };
    let mut parts = vec![context.calendar.minute_text(call.at), format!("tenant={}", call.tenant)];
    let names =
        [("model", call.model.as_str()), ("provider", call.provider.as_str()), ("tier", call.tier.as_str())];
    parts.extend(
        names.iter().filter(|(_, word)| !word.is_empty()).map(|(name, word)| format!("{name}={word}")),
    );
    let counts = [
        ("input", tokens.input),
        ("cache_read", tokens.cache_read),
        ("cache_write_short", tokens.cache_write_short),
        ("cache_write_long", tokens.cache_write_long),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
    ];
    let counts = counts.iter().filter(|(_, count)| count.count() > 0);
    parts.extend(counts.map(|(name, count)| format!("{name}={}", count.count())));
    if call.calls != 1 {
        parts.push(format!("calls={}", call.calls));
    }
    if call.status == Status::Failed {
        parts.push(format!("failed={}", call.failure));
    }
    parts.push(cost);
    parts.join(" ")
}
