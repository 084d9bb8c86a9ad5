//! A report as aligned columns for people, or as a Markdown table.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{Report, text};
use crate::domain::rollup::Sums;

const FIGURES: [&str; 6] = ["calls", "input", "cache read", "cache write", "output", "cost"];

/// Writes aligned columns and what a reader must know about the total.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (head, rows) = cells(report, &|cell| cell.to_owned());
    let names = report.by.len();
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(index, (cell, width))| {
            let space = " ".repeat(width.saturating_sub(cell.width()));
            if index < names { format!("{cell}{space}") } else { format!("{space}{cell}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&head))?;
    let total = rows.len().saturating_sub(1);
    for (index, row) in rows.iter().enumerate() {
        if index == total {
            writeln!(
                out,
                "{}",
                "-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1))
            )?;
        }
        writeln!(out, "{}", line(row))?;
    }
    remarks(report, out)
}

/// Writes a Markdown table.
pub fn write_markdown(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (head, rows) = cells(report, &escape);
    let rule = (0..head.len()).map(|index| if index < report.by.len() { "---" } else { "---:" });
    writeln!(out, "| {} |", head.join(" | "))?;
    writeln!(out, "| {} |", rule.collect::<Vec<_>>().join(" | "))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

fn cells(report: &Report, name: &dyn Fn(&str) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let head = report.by.iter().map(|by| by.as_str()).chain(FIGURES).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .map(|row| row.key.iter().map(|cell| name(cell.as_str())).chain(figures(&row.sums)).collect())
        .collect();
    let names = report.by.iter().enumerate().map(|(index, _)| if index == 0 { "total" } else { "" });
    rows.push(names.map(str::to_owned).chain(figures(&report.total)).collect());
    (head, rows)
}

fn figures(sums: &Sums) -> [String; 6] {
    let tokens = &sums.tokens;
    let written = tokens.cache_write_short + tokens.cache_write_long;
    [
        text::count(sums.calls),
        text::tokens(tokens.input.count()),
        text::tokens(tokens.cache_read.count()),
        text::tokens(written.count()),
        text::tokens(tokens.output.count()),
        text::money(sums),
    ]
}

fn remarks(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "days in {}", report.zone)?;
    if report.total.unpriced > 0 {
        let count = text::count(report.total.unpriced);
        writeln!(out, "{count} calls have no known price and are not in the sum: see `outlay prices set`")?;
    }
    if report.total.failed > 0 {
        writeln!(out, "{} failed calls are not counted: see --by status", text::count(report.total.failed))?;
    }
    if report.bad_lines() > 0 {
        writeln!(out, "{} lines could not be read: see --verify", text::tokens(report.bad_lines()))?;
    }
    Ok(())
}

fn escape(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        if matches!(c, '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '#') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}
