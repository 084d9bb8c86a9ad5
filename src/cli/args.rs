//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Watch what LLM calls cost, tenant by tenant, live in the terminal.
///
/// Without a command: the live screen, or, when the output is no terminal, today's figures once.
#[derive(Debug, Parser)]
#[command(
    name = "outlay",
    version,
    about,
    long_about,
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = false
)]
pub struct Cli {
    /// Configuration file [default: the XDG config path]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Store of calls: a path or sqlite:PATH [env: `OUTLAY_STORE`] [default: the XDG state path]
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
    /// Time zone of days: UTC, local, or a name like Asia/Seoul
    #[arg(long, global = true, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Append what goes wrong to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Ledger to watch, and nothing else; may be given several times
    #[arg(long = "ledger", value_name = "GLOB[=FORMAT]")]
    pub ledgers: Vec<String>,
    /// What to do instead of the screen
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of the screen.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print sums
    Report(ReportArgs),
    /// Read ledgers into the store, once
    Import {
        /// Files, folders or globs, each with an optional =FORMAT
        #[arg(required = true, value_name = "GLOB[=FORMAT]")]
        ledgers: Vec<String>,
        /// Only show the first calls and every line that cannot be read
        #[arg(long)]
        dry_run: bool,
    },
    /// Look at and change prices
    Prices {
        /// What to do
        #[command(subcommand)]
        action: PricesAction,
    },
    /// Check configuration, feeds, store and books; say what to do
    Doctor {
        /// Only balance the books, to the nanodollar
        #[arg(long)]
        books: bool,
    },
    /// Show or begin the configuration
    Config {
        /// What to do
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Print shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What a report is to show.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Comma-separated: hour, day, week, month, tenant, model, provider, source, status, failure, tier
    #[arg(long, value_name = "LIST", default_value = "day,tenant,model")]
    pub by: String,
    /// From when: 7d, 36h, today, yesterday, 2026-11-01, or an instant
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// Until when, not included
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub format: OutputFormat,
    /// Read just these files, and touch no store; may be given several times
    #[arg(long = "ledger", value_name = "GLOB[=FORMAT]")]
    pub ledgers: Vec<String>,
    /// Explain the figure: what was read, dropped and skipped, per source
    #[arg(long)]
    pub verify: bool,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Aligned columns
    Table,
    /// One object
    Json,
    /// One object a row
    Jsonl,
    /// For spreadsheets
    Csv,
    /// A Markdown table
    Markdown,
}

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub enum PricesAction {
    /// Print prices, all or those whose name contains a word
    List {
        /// Part of a model's or provider's name
        word: Option<String>,
    },
    /// Set a price of your own, in dollars per million tokens; it wins over all others
    Set(SetPrice),
    /// Take prices from a file in LiteLLM's or models.dev's format
    Update {
        /// A file, or an http(s) address
        #[arg(long, value_name = "FILE|URL")]
        from: String,
    },
    /// Show what an update from a file would change
    Diff {
        /// A file, or an http(s) address
        #[arg(long, value_name = "FILE|URL")]
        from: String,
    },
}

/// A price of the user's own.
#[derive(Debug, Args)]
pub struct SetPrice {
    /// The model, as the ledger names it
    pub model: String,
    /// Who bills for it
    #[arg(long)]
    pub provider: Option<String>,
    /// Dollars per million prompt tokens
    #[arg(long)]
    pub input: String,
    /// Dollars per million generated tokens
    #[arg(long)]
    pub output: String,
    /// Dollars per million tokens read from the cache
    #[arg(long)]
    pub cache_read: Option<String>,
    /// Dollars per million tokens written to the cache
    #[arg(long)]
    pub cache_write: Option<String>,
    /// First day the price holds [default: always]
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every setting and where it came from
    Show,
    /// Write a commented starter file
    Init,
    /// Print the paths in use
    Path,
}
