//! `outlay doctor`: checks what can be wrong, and says what to do.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
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
        if let Some(store) = &context.settings.store {
            faults += exposed(store, &mut out)?;
        }
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
    let path = context.store_path()?;
    if !path.exists() {
        writeln!(out, "  store          {}: not there yet, made at the first reading", path.display())?;
        return Ok(0);
    }
    let mut faults = 0_u32;
    match Store::open(path) {
        Ok(_) => {}
        Err(error) if error.leaves_reading() => {
            faults += 1;
            writeln!(out, "! store          {error}")?;
        }
        Err(error) => return Err(error.into()),
    }
    let reader = Reader::open(path)?;
    let calls = text::tokens(reader.call_count()?);
    writeln!(out, "  store          {}: {calls} calls", path.display())?;
    let differences = reader.check_books()?;
    if differences.is_empty() {
        writeln!(out, "  books          balance to the nanodollar")?;
    }
    for difference in &differences {
        writeln!(out, "! books          {difference}")?;
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
    Ok(faults.saturating_add(u32::try_from(differences.len()).unwrap_or(u32::MAX)))
}

/// Names what other users can read of the store: an older version, or a copy, may have left it so.
fn exposed(store: &Path, out: &mut dyn Write) -> io::Result<u32> {
    let mut faults = 0;
    for end in ["", "-wal", "-shm"] {
        let mut name = store.as_os_str().to_owned();
        name.push(end);
        let file = Path::new(&name);
        if fs::metadata(file).is_ok_and(|found| found.mode() & 0o077 != 0) {
            faults += 1;
            writeln!(out, "! store          other users can open {0}: `chmod 600 {0}`", file.display())?;
        }
    }
    Ok(faults)
}
