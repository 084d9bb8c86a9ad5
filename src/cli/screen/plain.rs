//! The screen's figures as plain text or JSON, once or again and again: for pipes, logs and dumb terminals.

use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::super::Usage;
use super::super::args::{OutputFormat, ScreenArgs};
use super::super::context::Context;
use super::super::report;

/// Prints today's figures.
pub(super) fn run(context: &Context, flags: &ScreenArgs, given: &[String]) -> anyhow::Result<ExitCode> {
    if let Some(page) = flags.screen.as_deref().filter(|page| !page.eq_ignore_ascii_case("overview")) {
        let page = crate::domain::label::Label::new(page);
        let why = format!("--screen {page}: only the overview is printed; `outlay report` prints the rest");
        return Err(Usage(why).into());
    }
    let format = match (flags.json, flags.watch) {
        (true, Some(_)) => OutputFormat::Jsonl,
        (true, None) => OutputFormat::Json,
        (false, _) => OutputFormat::Table,
    };
    let print = || report::today(context, given, flags.filter.as_deref(), format);
    let Some(seconds) = flags.watch else { return print() };
    // Nobody ever sends: it is a wait that ends with the program.
    let (_held, ticks) = sync_channel::<()>(1);
    loop {
        let code = print()?;
        match ticks.recv_timeout(Duration::from_secs(u64::from(seconds))) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(code),
        }
    }
}
