//! `outlay` itself: wires feeds, store and screen together.
//!
//! Four threads beside the screen: the feed reads, the recorder owns the writing connection, the
//! librarian answers what the screen asks of the store, the clerk of the caps tells how they stand and
//! saves what is changed. All meet in bounded channels.

mod librarian;
mod hour;
mod sheet;
mod overview;
mod budget_desk;
mod book;
mod price_table;
mod pages;
mod caps;
mod recorder;
mod sources;
mod own;
mod plain;
mod begin;
mod desk;
mod onlooker;
pub mod picture;
mod themes;
#[cfg(test)]
mod tests;

pub use own::own_themes;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::args::ScreenArgs;
use super::context::{Context, now, variable};
use super::terminal;
use crate::tui::{App, Effect, Event, Found, Layout, Setup, Themes};
use caps::Order;
use desk::Desk;
use librarian::Question;

/// Events waiting for the screen; when it is full, readers wait.
const EVENTS: usize = 256;
/// Batches waiting for the store.
const BATCHES: usize = 32;
/// Why no cap can be set where nothing is kept.
const NO_STORE: &str = "caps are kept in a store: start without --ledger, or name one with --store";

/// Shows the screen; on a pipe or a dumb terminal, prints today's sums once.
pub fn run(context: &Context, flags: &ScreenArgs, given: &[String]) -> anyhow::Result<ExitCode> {
    let dumb = variable("TERM").is_none_or(|term| term == "dumb");
    let told = flags.once || flags.json || flags.watch.is_some();
    if told || !io::stdout().is_terminal() || !io::stdin().is_terminal() || dumb {
        return plain::run(context, flags, given);
    }
    let begin = begin::wishes(flags)?;
    let explicit = context.settings.origins.contains_key("store");
    // Ledgers named on the command line are looked at alone, and nothing is kept unless a store is named.
    let passing = if given.is_empty() || explicit { None } else { Some(tempfile::tempdir()?) };
    let path = match &passing {
        Some(folder) => folder.path().join("passing.db"),
        None => context.store_path()?.to_owned(),
    };
    let ledgers = if given.is_empty() { context.feeds() } else { context.ledgers(given)? };
    let (events, received) = sync_channel(EVENTS);
    let office = desk::open(context, &path, ledgers, &events)?;
    let read_only = passing.is_some().then(|| NO_STORE.to_owned());
    let read_only = read_only.or(office.only_read).or_else(|| read_only_by(context));
    let desk = Desk { questions: office.questions, orders: office.orders, read_only, keeps: !flags.no_state };
    let wall = Wall { found: terminal::found(context, flags), begin };
    let status = show(context, &received, &events, (&desk, wall))?;
    // With the receiver gone nobody waits for the screen, so the readers can end.
    drop(received);
    office.bringer.stop();
    drop(passing);
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

/// What the screen hangs on: the terminal, and what was said of the page to begin with.
struct Wall {
    found: Found,
    begin: begin::Wishes,
}

/// Returns why nothing can be changed, where that was said.
fn read_only_by(context: &Context) -> Option<String> {
    let said = context.settings.ui.read_only.is_on();
    let from = context.settings.origins.get("ui.read_only");
    let from = from.map_or_else(String::new, |from| format!(" ({from})"));
    let why = || format!("caps are only looked at here: read-only was asked for{from}");
    said.then(why).or_else(|| context.may_change().err())
}

fn show(
    context: &Context,
    received: &Receiver<Event>,
    events: &SyncSender<Event>,
    (desk, wall): (&Desk, Wall),
) -> anyhow::Result<i32> {
    let (mut themes, mut faults) = Themes::new(wall.found.depth, wall.found.glyphs, &own::own_themes());
    let color = context.settings.ui.env.as_ref().map_or("", |env| env.color.as_str());
    if !color.is_empty() {
        faults.extend(themes.set_label(color).err());
    }
    for fault in faults {
        context.log(&fault);
    }
    let mut layout = if desk.keeps { own::layout() } else { Layout::default() };
    if let Some(window) = &wall.begin.window {
        layout.window.clone_from(window);
    }
    let setup = Setup {
        calendar: context.calendar.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: own::host(),
        themes: themes.names(),
        theme: own::theme(context, desk.keeps),
        keys: context.keys.clone(),
        layout,
        read_only: desk.read_only.clone(),
        manners: terminal::manners(context, &wall.found),
        price_list: own::price_list(&context.calendar),
    };
    let watch = themes::Watch::start(&wall.found, color, events)?;
    let mut app = App::new(setup, now());
    app.begin(wall.begin.tab, &wall.begin.filter);
    let mut handle = |effect| do_as_asked(effect, context, events, desk);
    let status = crate::tui::run(received, events, app, themes, &mut handle)?.code();
    drop(watch);
    Ok(status)
}

/// Hands an effect to whoever does it.
fn do_as_asked(effect: Effect, context: &Context, events: &SyncSender<Event>, desk: &Desk) {
    let order = |order| {
        // So many wait already that the next key or minute asks again; a change waits in its form.
        let _ = desk.orders.try_send(order);
    };
    let question = match effect {
        Effect::LoadUsed(scope, window) => return order(Order::Used(scope, window)),
        Effect::SaveCap(wish) => return order(Order::Save(wish)),
        Effect::SavePrice(wish) => return order(Order::Price(wish)),
        Effect::SavePass(wish) => return order(Order::Pass(wish)),
        Effect::Reload => Question::Everything,
        Effect::SetZone(zone) => Question::Zone(zone),
        Effect::LoadWindow(window) => Question::Window(window),
        Effect::LoadDetail(tenant, window) => Question::Detail(tenant, window),
        Effect::LoadPrices(window) => Question::Prices(window),
        Effect::LoadPrice(model) => Question::Price(model),
        Effect::Load(ask) => Question::Page(ask),
        Effect::SaveTheme(_) | Effect::SaveLayout(_) if !desk.keeps => return,
        Effect::SaveTheme(theme) => {
            if let Err(error) = own::keep_theme(&theme) {
                context.log(&format!("cannot keep the theme: {error}"));
            }
            return;
        }
        Effect::SaveLayout(layout) => {
            if let Err(error) = own::keep_layout(&layout) {
                context.log(&format!("cannot keep how the pages are looked at: {error}"));
            }
            return;
        }
        Effect::WriteExport(name, text) => {
            // The screen's own thread: its channel may be full, and then it hears nothing.
            let _ = events.try_send(Event::Exported(own::export(&name, &text)));
            return;
        }
        // These are the terminal's, and done already.
        Effect::Quit
        | Effect::Begin(_)
        | Effect::Suspend
        | Effect::Resume
        | Effect::Redraw
        | Effect::Mouse(_)
        | Effect::Copy(_)
        | Effect::CopyRow
        | Effect::Title(_)
        | Effect::Notify(_)
        | Effect::Glyphs(_)
        | Effect::Export(..) => return,
    };
    // The librarian is busy with as many questions as it can hold: the next key asks again.
    let _ = desk.questions.try_send(question);
}
