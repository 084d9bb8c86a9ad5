//! The first start: nothing is configured, nothing is kept. What was found is offered, and written once that is
//! agreed to.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

use super::args::{Cli, DemoArgs};
use super::caps::author_of;
use super::context::{Context, now, variable, write_whole};
use super::{demo, screen, terminal};
use crate::config::paths;
use crate::domain::cap::Cap;
use crate::domain::switch::Switch;
use crate::store::Store;
use crate::tui::first::{Agreed, First, Offer};
use crate::tui::{App, Effect, Layout, Setup, Themes};

/// Says whether this is the first start, on a terminal, with nothing said of what to watch.
pub fn is_first(context: &Context, cli: &Cli) -> bool {
    let said = cli.config.is_some() || cli.store.is_some() || !cli.ledgers.is_empty();
    let flags = &cli.screen;
    let plain = flags.once || flags.json || flags.watch.is_some();
    let dumb = variable("TERM").is_none_or(|term| term == "dumb");
    let shown = io::stdout().is_terminal() && io::stdin().is_terminal() && !dumb;
    let configured = context.settings.file.as_ref().is_some_and(|file| file.exists());
    let kept = context.settings.store.as_ref().is_none_or(|store| store.exists());
    !said && !plain && shown && !configured && !kept && !context.settings.origins.contains_key("store")
}

/// Offers what was found, does what is agreed to, and goes on with it.
pub fn run(cli: &Cli, context: Context) -> anyhow::Result<ExitCode> {
    let Some(agreed) = ask(&context, cli)? else { return Ok(ExitCode::SUCCESS) };
    let Agreed::Begin { config, limit } = agreed else {
        return demo::run(context, &DemoArgs { speed: 1, picture: None, screen: cli.screen.clone() });
    };
    let file = paths::config_file(&variable)
        .ok_or_else(|| anyhow::anyhow!("no place for the configuration: {}", paths::NO_HOME))?;
    write_whole(&file, &config)?;
    let context = Context::new(cli)?;
    if let Some(limit) = limit {
        let cap = Cap::parse(&format!("all {limit}/month --soft")).map_err(anyhow::Error::msg)?;
        let mut store = Store::open(context.store_path()?)?;
        let rev = store.cap_revision()?;
        store.set_cap(&cap, rev, &author_of(&context.person(), Some("first start")))?;
    }
    screen::run(&context, &cli.screen, &[])
}

/// Shows the offers, and returns what was agreed to; nothing where the user left.
fn ask(context: &Context, cli: &Cli) -> anyhow::Result<Option<Agreed>> {
    let found = terminal::found(context, &cli.screen);
    let (themes, _) = Themes::new(found.depth, found.glyphs, &[]);
    let file = paths::config_file(&variable).map_or_else(String::new, |path| path.display().to_string());
    let store = context.store_path()?.display().to_string();
    let setup = Setup {
        calendar: context.calendar.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: String::new(),
        themes: themes.names(),
        theme: context.settings.ui.theme.clone(),
        keys: context.keys.clone(),
        layout: Layout::default(),
        read_only: None,
        price_list: None,
        manners: terminal::manners(context, &found),
    };
    let mut app = App::new(setup, now());
    app.offer(First::new(offers(context), &context.settings.zone, &file, &store));
    let (events, received) = sync_channel(64);
    let agreed = RefCell::new(None);
    let mut handle = |effect| {
        if let Effect::Begin(said) = effect {
            agreed.replace(Some(*said));
        }
    };
    let status = crate::tui::run(&received, &events, app, themes, &mut handle)?;
    if status.code() != 0 {
        std::process::exit(status.code());
    }
    Ok(agreed.into_inner())
}

/// Returns what there is to watch: what was found, the guard's calls, made-up data.
fn offers(context: &Context) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for ledger in context.feeds() {
        let files = ledger.expand().files.len();
        // What stands in the file is read again as it stands here.
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let mut lines = vec!["[[feed]]".to_owned(), format!("ledger = {}", quoted(&ledger.pattern))];
        lines.extend(
            ledger.format.as_ref().map(|format| format!("format = {}", quoted(format.name().as_str()))),
        );
        let found = format!("found, {files} file{}", if files == 1 { "" } else { "s" });
        let what =
            ledger.format.as_ref().map_or("a log of calls", |format| format.name().as_str()).to_owned();
        offers.push(Offer { what, place: ledger.pattern, found, lines, chosen: Switch::On });
    }
    let made_up = "nine tenants, made up".to_owned();
    if offers.is_empty() {
        let lines = vec!["# calls that pass `outlay guard` are in the store".to_owned()];
        let (what, place) = ("the guard's calls".to_owned(), "outlay guard".to_owned());
        let found = "no ledger was found".to_owned();
        offers.push(Offer { what, place, found, lines, chosen: Switch::On });
    }
    let (what, place) = ("demo data".to_owned(), made_up);
    offers.push(Offer {
        what,
        place,
        found: "writes nothing".to_owned(),
        lines: Vec::new(),
        chosen: Switch::Off,
    });
    offers
}
