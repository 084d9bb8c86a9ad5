//! A report as one JSON object, or as one object per row.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Report, Row};
use crate::domain::rollup::Sums;

/// Writes one object with rows, total and sources.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let head = json!({"by": report.by.iter().map(|by| by.as_str()).collect::<Vec<_>>(), "zone": report.zone});
    write!(out, "{{\"outlay\":1,\"tz\":{},\"by\":{},\"rows\":[", head["zone"], head["by"])?;
    for (index, row) in report.rows.iter().enumerate() {
        write!(out, "{}\n {}", if index == 0 { "" } else { "," }, object(report, row))?;
    }
    writeln!(out, "],")?;
    writeln!(out, "\"total\":{},", Value::Object(figures(&report.total)))?;
    write!(out, "\"bad_lines\":{},\"duplicates\":{},\"sources\":[", report.bad_lines(), report.duplicates())?;
    for (index, source) in report.sources.iter().enumerate() {
        let object = json!({
            "source": source.source.as_str(),
            "format": source.format.as_str(),
            "calls": source.calls,
            "bad_lines": source.tally.bad,
            "duplicates": source.duplicates(),
            "lines": source.tally.lines,
            "skipped": source.tally.skipped.iter().sum::<u64>(),
            "failed_calls": source.failed,
            "outside": source.outside,
            "note": source.note,
        });
        write!(out, "{}\n {object}", if index == 0 { "" } else { "," })?;
    }
    writeln!(out, "]}}")
}

/// Writes one object a line: the rows alone.
pub fn write_lines(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for row in &report.rows {
        writeln!(out, "{}", object(report, row))?;
    }
    Ok(())
}

fn object(report: &Report, row: &Row) -> Value {
    let mut object = Map::new();
    for (by, cell) in report.by.iter().zip(&row.key) {
        object.insert(by.as_str().to_owned(), Value::from(cell.as_str()));
    }
    object.append(&mut figures(&row.sums));
    Value::Object(object)
}

fn figures(sums: &Sums) -> Map<String, Value> {
    let tokens = &sums.tokens;
    let mut object = Map::new();
    object.insert("calls".to_owned(), sums.calls.into());
    let tokens = json!({
        "input": tokens.input.count(),
        "cache_read": tokens.cache_read.count(),
        "cache_write_short": tokens.cache_write_short.count(),
        "cache_write_long": tokens.cache_write_long.count(),
        "output": tokens.output.count(),
        "reasoning": tokens.reasoning.count(),
    });
    object.insert("tokens".to_owned(), tokens);
    object.insert("cost_usd".to_owned(), sums.cost.to_dollars().into());
    object.insert("unpriced_calls".to_owned(), sums.unpriced.into());
    object.insert("reported_usd".to_owned(), sums.reported.to_dollars().into());
    object.insert("failed_calls".to_owned(), sums.failed.into());
    object
}
