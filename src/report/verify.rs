//! Explains a report's figures: what was read, what was dropped by which rule, what was skipped and why.

use std::io::{self, Write};

use super::{Report, SourceLine, text};
use crate::domain::claim::Copy;
use crate::domain::observation::Skip;

/// Writes the account of every source, then the lines that could not be read.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nhow this figure came about:")?;
    for source in &report.sources {
        account(source, out)?;
    }
    if !report.bad.is_empty() {
        writeln!(out, "lines that could not be read ({} in all):", text::tokens(report.bad_lines()))?;
    }
    for (source, line) in &report.bad {
        let place =
            if line.line > 0 { format!("line {}", line.line) } else { format!("byte {}", line.offset) };
        writeln!(out, "  {source}, {place}: {}\n    {}", line.reason, line.excerpt)?;
    }
    Ok(())
}

fn account(source: &SourceLine, out: &mut dyn Write) -> io::Result<()> {
    let tally = &source.tally;
    writeln!(out, "  {} ({})", source.source, source.format)?;
    writeln!(
        out,
        "    {} lines read, {} calls counted",
        text::tokens(tally.lines),
        text::count(source.calls)
    )?;
    if source.failed != 0 {
        writeln!(out, "    {} failed calls", text::count(source.failed))?;
    }
    if source.outside > 0 {
        writeln!(out, "    {} calls outside the time asked for", text::tokens(source.outside))?;
    }
    for (why, &count) in Copy::ALL.iter().zip(&source.copies).filter(|(_, count)| **count > 0) {
        writeln!(out, "    {} duplicates dropped: {}", text::tokens(count), why.as_str())?;
    }
    for (why, &count) in Skip::ALL.iter().zip(&tally.skipped).filter(|(_, count)| **count > 0) {
        writeln!(out, "    {} lines skipped: {}", text::tokens(count), why.as_str())?;
    }
    if tally.bad > 0 {
        writeln!(out, "    {} lines could not be read", text::tokens(tally.bad))?;
    }
    if tally.lost > 0 {
        writeln!(out, "    {} bytes were cut away before they were read", text::tokens(tally.lost))?;
    }
    source.note.as_ref().map_or(Ok(()), |note| writeln!(out, "    {note}"))
}
