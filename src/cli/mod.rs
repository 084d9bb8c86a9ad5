//! The command line: what the user said, one thin file per subcommand.

pub mod args;
pub mod context;
pub mod report;
pub mod status;
pub mod import;
pub mod dry_run;
pub mod own_price;
pub mod prices;
pub mod caps;
pub mod keys;
pub mod plans;
pub mod demo;
pub mod doctor;
pub mod guard;
pub mod config;
pub mod shell;
pub mod terminal;
pub mod theme;
pub mod first;
pub mod screen;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use context::Context;

/// Wrong usage or configuration.
const USAGE: u8 = 2;

/// Wrong usage, told apart from what failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Runs the program and returns its exit code: 0 done, 1 failed, 2 wrong usage or configuration,
/// 3 a cap is reached (`caps check` alone).
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "outlay: {error:#}");
            if let Some(path) = &cli.log_file {
                context::append(path, &format!("{error:#}"));
            }
            ExitCode::from(if error.is::<Usage>() { USAGE } else { 1 })
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Some(Command::Completions { shell }) => return shell::completions(*shell),
        Some(Command::Man) => return shell::man(),
        _ => {}
    }
    let context = Context::new(cli)?;
    if let Some(Command::Demo(args)) = &cli.command {
        return demo::run(context, args);
    }
    if cli.command.is_none() && first::is_first(&context, cli) {
        return first::run(cli, context);
    }
    match &cli.command {
        None => screen::run(&context, &cli.screen, &cli.ledgers),
        Some(Command::Report(args)) => report::run(&context, args),
        Some(Command::Status { format }) => status::run(&context, *format),
        Some(Command::Import { ledgers, dry_run: true }) => dry_run::run(&context, ledgers),
        Some(Command::Import { ledgers, dry_run: false }) => import::run(&context, ledgers),
        Some(Command::Prices { action }) => prices::run(&context, action),
        Some(Command::Caps { action }) => caps::run(&context, action),
        Some(Command::Keys { action }) => keys::run(&context, action),
        Some(Command::Plans { action }) => plans::run(&context, action),
        Some(Command::Doctor { terminal: true, .. }) => terminal::run(&context, &cli.screen),
        Some(Command::Doctor { books, .. }) => doctor::run(&context, *books),
        Some(Command::Theme { action }) => theme::run(action),
        Some(Command::Guard(args)) => guard::run(&context, args),
        Some(Command::Config { action }) => config::run(&context, action),
        Some(Command::Completions { .. } | Command::Man | Command::Demo(_)) => Ok(ExitCode::SUCCESS),
    }
}

/// Says whether whoever reads our output has gone, as `head` does: no failure of ours.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
