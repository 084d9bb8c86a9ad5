//! `outlay doctor`: checks what can be wrong, and says what to do.

use std::io::{self, Write};
use std::process::ExitCode;

use super::context::{Context, now};
use crate::report::text;
use crate::store::{Reader, Store};

/// Runs it; with `books_only` it balances the books and nothing else.
pub fn run(context: &Context, books_only: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut faults = 0_u32;
    if !books_only {
        faults += settings(context, &mut out)?;
    }
    faults += books(context, &mut out)?;
    writeln!(out, "{}", if faults == 0 { "all is well" } else { "see the lines marked with !" })?;
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn settings(context: &Context, out: &mut dyn Write) -> io::Result<u32> {
    let file = context.settings.file.as_ref();
    let name = file.map_or_else(|| "none, built-in settings".to_owned(), |path| path.display().to_string());
    writeln!(out, "  configuration  {name}")?;
    writeln!(
        out,
        "  zone           {}, now {}",
        context.calendar.name(),
        context.calendar.minute_text(now())
    )?;
    let mut faults = 0;
    match context.prices() {
        Ok(book) => writeln!(out, "  prices         {} models and dates", book.list().len())?,
        Err(error) => {
            faults += 1;
            writeln!(out, "! prices         {error:#}")?;
        }
    }
    let feeds = context.feeds();
    if feeds.is_empty() {
        writeln!(out, "! feeds          none found: add a [[feed]] (`outlay config init`), or use --ledger")?;
        faults += 1;
    }
    for feed in &feeds {
        let found = feed.expand();
        writeln!(out, "  feed           {}: {} files", feed.pattern, found.files.len())?;
        for problem in found.problems {
            faults += 1;
            writeln!(out, "! feed           {problem}")?;
        }
    }
    Ok(faults)
}

fn books(context: &Context, out: &mut dyn Write) -> anyhow::Result<u32> {
    let path = &context.settings.store;
    if !path.exists() {
        writeln!(out, "  store          {}: not there yet, made at the first reading", path.display())?;
        return Ok(0);
    }
    drop(Store::open(path)?);
    let reader = Reader::open(path)?;
    let calls = text::tokens(reader.call_count()?);
    writeln!(out, "  store          {}: {calls} calls", path.display())?;
    let faults = reader.check_books()?;
    if faults.is_empty() {
        writeln!(out, "  books          balance to the nanodollar")?;
    }
    for fault in &faults {
        writeln!(out, "! books          {fault}")?;
    }
    let sources = reader.sources()?;
    let bad: u64 = sources.iter().map(|source| source.tally.bad).sum();
    if bad > 0 {
        writeln!(out, "  bad lines      {}: `outlay report --verify` shows them", text::tokens(bad))?;
    }
    let lost: u64 = sources.iter().map(|source| source.tally.lost).sum();
    if lost > 0 {
        writeln!(out, "  lost           {} bytes were cut away before they were read", text::tokens(lost))?;
    }
    Ok(u32::try_from(faults.len()).unwrap_or(u32::MAX))
}
