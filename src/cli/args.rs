//! What can be said on the command line.

use std::net::SocketAddr;
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
    /// How the screen looks, and what it is to do.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// What to do instead of the screen
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// Returns what was said of the screen, here or of the demo's.
    pub fn flags(&self) -> &ScreenArgs {
        match &self.command {
            Some(Command::Demo(args)) => &args.screen,
            _ => &self.screen,
        }
    }
}

/// How the screen looks, and what it is to do.
#[derive(Clone, Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ScreenArgs {
    /// Begin on this page: overview, limits, budgets, prices, errors, events, sources, guard, audit
    #[arg(long, value_name = "PAGE")]
    pub screen: Option<String>,
    /// Show only these rows, as `/` does: `tenant:docs* used>80%`
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Begin with sums of this window: 1h, 6h, 24h, today, 7d, month
    #[arg(long, value_name = "WINDOW")]
    pub since: Option<String>,
    /// Draw with this theme, this once
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Whether to use color
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Change nothing: the keys that change caps are left out
    #[arg(long)]
    pub read_only: bool,
    /// Neither read nor keep how the pages were looked at
    #[arg(long)]
    pub no_state: bool,
    /// Print today's figures once, as on a pipe
    #[arg(long)]
    pub once: bool,
    /// Print today's figures once, as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Print today's figures every so many seconds, for logs and dumb terminals
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub watch: Option<u32>,
}

/// Whether to use color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// As the terminal can, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also where `NO_COLOR` is set
    Always,
    /// Bold, underlined and reversed only
    Never,
}

/// How the demo is shown.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// How many seconds of the tenants' day pass in one
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub speed: u32,
    /// Draw pictures of the screens into this folder as SVG, and show nothing
    #[arg(long, value_name = "DIR")]
    pub picture: Option<PathBuf>,
    /// How the screen looks, and what it is to do.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What to do instead of the screen.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print sums
    Report(ReportArgs),
    /// Print one line for a status bar: spend today, burn, the next cap to be reached and when
    Status {
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
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
    /// Set, show and try caps on spending
    Caps {
        /// What to do
        #[command(subcommand)]
        action: CapsAction,
    },
    /// Make, show and take back the keys of tenants
    Keys {
        /// What to do
        #[command(subcommand)]
        action: KeysAction,
    },
    /// Show plans and put tenants on them
    Plans {
        /// What to do
        #[command(subcommand)]
        action: PlansAction,
    },
    /// Check configuration, feeds, store and books; say what to do
    Doctor {
        /// Only balance the books, to the nanodollar
        #[arg(long, conflicts_with = "terminal")]
        books: bool,
        /// Only say what was found out about the terminal, and why
        #[arg(long)]
        terminal: bool,
    },
    /// Make a theme of your own
    Theme {
        /// What to do
        #[command(subcommand)]
        action: ThemeAction,
    },
    /// Stand in front of the providers: meter each call, and hold tenants to their caps
    Guard(GuardArgs),
    /// Show all of it at work, with nothing to set up: a simulated provider, the guard, nine tenants, the screen
    Demo(DemoArgs),
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

/// How the guard is run; what is not said here the configuration says.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Where applications reach it [default: 127.0.0.1:4180]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Where health and metrics are read [default: 127.0.0.1:4181]
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<SocketAddr>,
    /// Allow addresses that other machines can reach
    #[arg(long)]
    pub expose: bool,
    /// Only check the configuration, the keys and the prices
    #[arg(long)]
    pub check: bool,
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
    /// Only these rows, as on the screen: `tenant:docs* -model:gpt-4o cost>5`
    #[arg(long, value_name = "FILTER", conflicts_with = "verify", allow_hyphen_values = true)]
    pub filter: Option<String>,
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

/// What to do with themes.
#[derive(Debug, Subcommand)]
pub enum ThemeAction {
    /// List the themes there are
    List,
    /// Make a theme from a scheme of another program
    Import {
        /// Of which kind the file is
        kind: SchemeKind,
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// The kinds of color schemes that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemeKind {
    /// A base16 scheme, YAML with base00 to base0F
    Base16,
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
    /// Why: kept with the change
    #[arg(long)]
    pub why: Option<String>,
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

/// How caps, keys and plans are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CapFormat {
    /// Lines for people
    Table,
    /// One object
    Json,
}

/// What to do with caps.
#[derive(Debug, Subcommand)]
pub enum CapsAction {
    /// Print the caps in force
    List {
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
    /// Set a cap; it takes the place of the one on the same scope, window and unit
    Set(SetCap),
    /// Take a cap away
    Remove {
        /// What it is set on
        scope: String,
        /// Its window, as in `day`; for calls or tokens `calls/day`
        window: String,
        /// Why, for the log
        #[arg(long)]
        why: Option<String>,
    },
    /// Take back the newest change of a cap
    Undo {
        /// Its number in the log
        rev: u64,
        /// Why, for the log
        #[arg(long)]
        why: Option<String>,
    },
    /// Print every change: who, when, what before, what then, why
    Log {
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
    /// Print how each cap stands; exit code 3 where one is reached
    Check {
        /// How to print it
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
    /// Let every call pass for a while, so that caps only warn; or enforce them again
    PassThrough {
        /// Until when, a day ahead at most: 1h, 18:00; or `off`
        until: String,
        /// Why, for the log
        #[arg(long)]
        why: String,
    },
    /// Replay the calls of the store against a cap: what would it have stopped?
    Backtest(BacktestArgs),
}

/// A cap to set.
#[derive(Debug, Args)]
pub struct SetCap {
    /// all, each-tenant, tenant:NAME, tenant:NAME+model:NAME, plan:NAME, model:NAME, provider:NAME, key:NAME
    pub scope: String,
    /// How much in which window: 50.00/day, "1000 calls/rolling:30d", "2000000 tokens/month", 0/day, none/day
    pub limit: String,
    /// Refuse what does not fit (the default)
    #[arg(long, conflicts_with = "soft")]
    pub hard: bool,
    /// Only warn
    #[arg(long)]
    pub soft: bool,
    /// What happens to a call that does not fit: reject, or downgrade:MODEL
    #[arg(long, value_name = "WHAT")]
    pub on_breach: Option<String>,
    /// Shares of the limit at which to warn: 50,80, or none
    #[arg(long, value_name = "LIST")]
    pub warn: Option<String>,
    /// Until when, after which the cap before is back: 2h, 18:00, "Mon 09:00", 2026-11-30
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// Why it is as it is
    #[arg(long)]
    pub note: Option<String>,
}

/// A cap to try on the past.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// What it would be set on
    pub scope: String,
    /// How much in which window
    pub limit: String,
    /// From when: 7d, 36h, yesterday, 2026-11-01, or an instant [default: the first call]
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// Until when, not included
    #[arg(long, value_name = "T")]
    pub until: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value = "table")]
    pub format: CapFormat,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Make a key for a tenant; it is shown this once
    Create {
        /// Whose it is
        tenant: String,
        /// When it ends: a date or an instant [default: never]
        #[arg(long, value_name = "T")]
        expires: Option<String>,
    },
    /// Print the keys, without their secrets
    List {
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
    /// Take a key back, by its public name
    Revoke {
        /// The name: the part between `olk_` and the next `_`
        name: String,
    },
}

/// What to do with plans.
#[derive(Debug, Subcommand)]
pub enum PlansAction {
    /// Print plans, their caps and who was put on them
    List {
        /// How to print them
        #[arg(long, value_enum, default_value = "table")]
        format: CapFormat,
    },
    /// Put a tenant on a plan
    Assign {
        /// The tenant
        tenant: String,
        /// The plan; without it, the default plan
        plan: Option<String>,
        /// Why, for the log
        #[arg(long)]
        why: Option<String>,
    },
}
