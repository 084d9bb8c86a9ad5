//! `outlay import`: ledgers into the store, once; and the catching up before a report.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};

use super::context::{Context, now};
use crate::domain::observation::Batch;
use crate::domain::price::PriceBook;
use crate::feed::Databases;
use crate::feed::ledger::Ledger;
use crate::feed::mark::Marks;
use crate::feed::scan::{ScanReport, scan_in_order};
use crate::report::text;
use crate::store::Store;

/// Batches that wait for the store.
const WAITING: usize = 8;
/// Calls and batches recorded in one transaction: each page of the store is then written for many calls.
const CALLS_AT_ONCE: usize = 1 << 17;
const BATCHES_AT_ONCE: usize = 1 << 12;

/// What an import did.
#[derive(Debug, Default)]
pub struct Imported {
    /// Calls seen for the first time.
    pub added: u64,
    /// Records dropped as copies.
    pub copies: u64,
    /// What the scan found.
    pub scan: ScanReport,
}

/// Runs it.
pub fn run(context: &Context, given: &[String]) -> anyhow::Result<ExitCode> {
    let imported = catch_up(context, &context.ledgers(given)?)?;
    let scan = &imported.scan;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} calls added, {} duplicates dropped, {} lines could not be read; {} files, {} of them unchanged",
        text::tokens(imported.added),
        text::tokens(imported.copies),
        text::tokens(scan.tally.bad),
        text::tokens(scan.files),
        text::tokens(scan.unchanged),
    )?;
    context.tell(&scan.problems);
    let nothing = scan.files == 0 && !scan.problems.is_empty();
    Ok(if nothing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Opens the store, and prices the calls that had no price under the prices it was last opened with.
/// Returns how many those are as well.
pub fn open(path: &Path, book: &PriceBook) -> anyhow::Result<(Store, u64)> {
    let mut store = Store::open(path)?;
    let mut pricer = book.pricer();
    let found = store.reprice_unpriced(book.fingerprint(), &mut |call| pricer.cost(call))?;
    Ok((store, found))
}

/// Reads what is new in the ledgers into the store.
pub fn catch_up(context: &Context, ledgers: &[Ledger]) -> anyhow::Result<Imported> {
    let book = context.prices()?;
    let (mut store, _) = open(context.store_path()?, &book)?;
    if ledgers.is_empty() {
        return Ok(Imported::default());
    }
    record(&mut store, &book, ledgers)
}

/// Scans the ledgers from where the store stands, and records what is found as it comes.
fn record(store: &mut Store, book: &PriceBook, ledgers: &[Ledger]) -> anyhow::Result<Imported> {
    let marks = Marks::new(store.marks()?);
    let mut pricer = book.pricer();
    let mut imported = Imported::default();
    let (sender, receiver) = sync_channel::<Batch>(WAITING);
    let shows = io::stderr().is_terminal();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        // The scan ends by itself once the receiver is gone: a failed send is its `false`.
        let scanning = scope.spawn(move || {
            scan_in_order(ledgers, &marks, &Databases, &|_, batch| sender.send(batch).is_ok())
        });
        let mut done = Ok(());
        loop {
            let batches = gather(&receiver);
            if batches.is_empty() {
                break;
            }
            match store.import_all(&batches, &mut |call| pricer.cost(call), now()) {
                Ok(applied) => {
                    imported.added += applied.added;
                    imported.copies += applied.copies.values().sum::<u64>();
                    if shows && imported.added > 50_000 {
                        let _ = write!(io::stderr(), "\r{} calls ", text::tokens(imported.added));
                    }
                }
                Err(error) => {
                    done = Err(error);
                    break;
                }
            }
        }
        drop(receiver);
        imported.scan = scanning.join().unwrap_or_default();
        if shows && imported.added > 50_000 {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        Ok(done?)
    })?;
    Ok(imported)
}

/// Waits for as many batches as go into one transaction; fewer come only at the end.
fn gather(receiver: &Receiver<Batch>) -> Vec<Batch> {
    let (mut batches, mut calls) = (Vec::new(), 0);
    while calls < CALLS_AT_ONCE && batches.len() < BATCHES_AT_ONCE {
        let Ok(batch) = receiver.recv() else { break };
        calls += batch.decoded.calls.len();
        batches.push(batch);
    }
    batches
}
