//! A report as CSV that no spreadsheet takes for a formula.

use std::io::{self, Write};

use super::Report;

/// Writes a header and one record per row. Text that a spreadsheet would run gets a leading `'`
/// (`reliability.md` S9).
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(out);
    let figures = [
        "calls",
        "input",
        "cache_read",
        "cache_write_short",
        "cache_write_long",
        "output",
        "reasoning",
        "cost_usd",
        "unpriced_calls",
        "reported_usd",
        "failed_calls",
    ];
    csv.write_record(report.by.iter().map(|by| by.as_str()).chain(figures))?;
    for row in &report.rows {
        let tokens = &row.sums.tokens;
        let figures = [
            row.sums.calls.to_string(),
            tokens.input.count().to_string(),
            tokens.cache_read.count().to_string(),
            tokens.cache_write_short.count().to_string(),
            tokens.cache_write_long.count().to_string(),
            tokens.output.count().to_string(),
            tokens.reasoning.count().to_string(),
            row.sums.cost.to_dollars(),
            row.sums.unpriced.to_string(),
            row.sums.reported.to_dollars(),
            row.sums.failed.to_string(),
        ];
        csv.write_record(row.key.iter().map(|cell| harmless(cell.as_str())).chain(figures))?;
    }
    csv.flush()
}

/// Puts a `'` before text that a spreadsheet would take for a formula.
pub fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn formulas_are_defused() {
        assert_eq!(harmless("=cmd()"), "'=cmd()");
        assert_eq!(harmless("-1+2"), "'-1+2");
        assert_eq!(harmless("acme"), "acme");
    }
}
