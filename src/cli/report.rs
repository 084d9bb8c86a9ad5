//! `outlay report`: sums of ledgers or of the store.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;

use super::args::{OutputFormat, ReportArgs};
use super::context::{Context, now};
use super::{Usage, import};
use crate::domain::label::Label;
use crate::domain::price::PriceBook;
use crate::feed::ledger::Ledger;
use crate::feed::mark::Marks;
use crate::feed::scan::{scan, threads};
use crate::feed::{Databases, Problem};
use crate::report::build::Builder;
use crate::report::desk::Desk;
use crate::report::query::{By, Query, parse_when};
use crate::report::resolve::Way;
use crate::report::{Report, SourceLine, csv, filter, json, table, verify};
use crate::store::{Reader, StoreError};

/// Runs it.
pub fn run(context: &Context, args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let query = query(context, args)?;
    let wanted = args.filter.as_deref().unwrap_or_default();
    let wanted = filter::parse(wanted, &query.by)
        .map_err(|fault| Usage(format!("--filter: {} (--by says what rows are summed by)", fault.reason)))?;
    let mut report = if args.ledgers.is_empty() {
        stored(context, &query)?
    } else {
        let (mut report, problems) =
            from_ledgers(&context.prices()?, &context.ledgers(&args.ledgers)?, &query)?;
        context.tell(&problems);
        if report.sources.is_empty() && !problems.is_empty() {
            report.keep(&wanted);
            print(&report, args, &mut io::stdout().lock())?;
            return Ok(ExitCode::from(1));
        }
        report
    };
    report.keep(&wanted);
    print(&report, args, &mut io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn query(context: &Context, args: &ReportArgs) -> anyhow::Result<Query> {
    let when = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse_when(text, &context.calendar, now()).map(Some).map_err(Usage),
    };
    Ok(Query {
        by: By::parse_list(&args.by).map_err(Usage)?,
        since: when(&args.since)?,
        until: when(&args.until)?,
        calendar: context.calendar.clone(),
        now: now(),
    })
}

/// Reads just these ledgers, and touches no store. Returns the report and what could not be read.
fn from_ledgers(
    book: &PriceBook,
    ledgers: &[Ledger],
    query: &Query,
) -> anyhow::Result<(Report, Vec<Problem>)> {
    for way in [Way::Quick, Way::Careful] {
        if let (Some(report), problems) = read_by(way, book, ledgers, query)? {
            return Ok((report, problems));
        }
    }
    anyhow::bail!("the ledgers changed in a way that left no figure to trust: try again")
}

/// Reads them once; no report where that was too quick.
fn read_by(
    way: Way,
    book: &PriceBook,
    ledgers: &[Ledger],
    query: &Query,
) -> anyhow::Result<(Option<Report>, Vec<Problem>)> {
    let desk = Desk::new(query, book, way, threads());
    let scanned = scan(ledgers, &Marks::default(), &Databases, &|thread, batch| desk.read(thread, batch));
    let room = || "the report is large and needs room for temporary files: set TMPDIR to a folder with some";
    let report = desk.finish().with_context(room)?;
    Ok((report, scanned.problems))
}

/// Brings the store up to date with the feeds, and sums it.
fn stored(context: &Context, query: &Query) -> anyhow::Result<Report> {
    let caught_up = import::catch_up(context, &context.feeds());
    let reader = match caught_up {
        Ok(_) => Reader::open(context.store_path()?)?,
        Err(error) => as_it_stands(context, error)?,
    };
    let mut builder = Builder::new(query, Way::Careful);
    let whole_days = context.calendar.name() == "UTC" && !query.by.contains(&By::Hour);
    let visit = &mut |at, slice: &_, sums: &_| builder.add(at, slice, *sums);
    if whole_days {
        reader.rollups_by_day(query.span(), visit)?;
    } else {
        reader.rollups(query.span(), visit)?;
    }
    for row in reader.sources()? {
        let line = SourceLine {
            source: row.source,
            format: row.format,
            calls: row.calls,
            failed: row.failed,
            outside: 0,
            tally: row.tally,
            copies: row.copies,
            note: row.note,
        };
        builder.source(line);
    }
    builder.bad(reader.bad_lines(100)?);
    builder.finish()?.context("the sums of the store are of calls counted once")
}

/// Opens a store that cannot be brought up to date, and says so; what it holds is shown all the same.
fn as_it_stands(context: &Context, error: anyhow::Error) -> anyhow::Result<Reader> {
    if !error.downcast_ref::<StoreError>().is_some_and(StoreError::leaves_reading) {
        return Err(error);
    }
    let Ok(reader) = Reader::open(context.store_path()?) else { return Err(error) };
    let warning = format!("the figures are not up to date with the ledgers: {error:#}");
    context.log(&warning);
    let _ = writeln!(io::stderr(), "outlay: {warning}");
    Ok(reader)
}

fn print(report: &Report, args: &ReportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(out);
    match args.format {
        OutputFormat::Table => table::write(report, &mut out)?,
        OutputFormat::Json => json::write(report, &mut out)?,
        OutputFormat::Jsonl => json::write_lines(report, &mut out)?,
        OutputFormat::Csv => csv::write(report, &mut out)?,
        OutputFormat::Markdown => table::write_markdown(report, &mut out)?,
    }
    if args.verify {
        if args.format == OutputFormat::Table {
            verify::write(report, &mut out)?;
        } else {
            verify::write(report, &mut io::stderr())?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Prints today's sums by tenant, for pipes and dumb terminals.
pub fn today(
    context: &Context,
    ledgers: &[String],
    filter: Option<&str>,
    format: OutputFormat,
) -> anyhow::Result<ExitCode> {
    let args = ReportArgs {
        by: "tenant".to_owned(),
        since: Some("today".to_owned()),
        until: None,
        filter: filter.map(str::to_owned),
        format,
        ledgers: ledgers.to_vec(),
        verify: false,
    };
    if format == OutputFormat::Table {
        writeln!(io::stdout(), "spend today, {}", Label::new(&context.calendar.minute_text(now())))?;
    }
    run(context, &args)
}
