//! `outlay` itself: wires feeds, store and screen together.
//!
//! Four threads beside the screen: the feed reads, the recorder owns the writing connection, the
//! librarian answers what the screen asks of the store, the clerk of the caps tells how they stand and
//! saves what is changed. All meet in bounded channels.

mod librarian;
mod hour;
mod sheet;
mod overview;
mod pages;
mod caps;
mod recorder;
mod sources;
mod own;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::context::{Context, now, variable};
use super::{import, report};
use crate::feed::Databases;
use crate::feed::follow;
use crate::feed::mark::Marks;
use crate::store::Reader;
use crate::tui::{App, Depth, Effect, Event, Feed, Setup, Themes};
use caps::{CapClerk, Order};
use librarian::{Librarian, Question};
use recorder::Recorder;

/// Events waiting for the screen; when it is full, readers wait.
const EVENTS: usize = 256;
/// Batches waiting for the store.
const BATCHES: usize = 32;
/// Why no cap can be set where nothing is kept.
const NO_STORE: &str = "caps are kept in a store: start without --ledger, or name one with --store";

/// Shows the screen; on a pipe or a dumb terminal, prints today's sums once.
pub fn run(context: &Context, given: &[String]) -> anyhow::Result<ExitCode> {
    let dumb = variable("TERM").is_none_or(|term| term == "dumb");
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() || dumb {
        return report::today(context, given);
    }
    let explicit = context.settings.origins.contains_key("store");
    // Ledgers named on the command line are looked at alone, and nothing is kept unless a store is named.
    let passing = if given.is_empty() || explicit { None } else { Some(tempfile::tempdir()?) };
    let path = match &passing {
        Some(folder) => folder.path().join("passing.db"),
        None => context.store_path()?.to_owned(),
    };
    let ledgers = if given.is_empty() { context.feeds() } else { context.ledgers(given)? };
    let book = Arc::new(context.prices()?);
    let store = import::open(&path, &book)?.0;
    let (events, received) = sync_channel(EVENTS);
    let (questions, asked) = sync_channel(EVENTS);
    let (batches, read) = sync_channel(BATCHES);
    let marks = Marks::new(store.marks()?);
    let (reader, calendar) = (Reader::open(&path)?, context.calendar.clone());
    let librarian = Librarian::new(reader, calendar, Arc::clone(&book), now);
    let sources = sources::rows(&librarian.reader)?;
    let _ = events.send(Event::Loaded(Box::new(librarian.snapshot()?)));
    let has_feeds = !ledgers.is_empty();
    let follower = follow::follow(ledgers, marks, Arc::new(Databases), batches)?;
    let (orders, ordered) = sync_channel(EVENTS);
    let clerk = CapClerk {
        path: path.clone(),
        reader: Reader::open(&path)?,
        base: context.base(),
        calendar: context.calendar.clone(),
        events: events.clone(),
    };
    let recorder = Recorder {
        store,
        book,
        sources,
        problems: follower.problems(),
        told: Vec::new(),
        events: events.clone(),
        questions: questions.clone(),
    };
    let answering = events.clone();
    std::thread::spawn(move || librarian.answer(&asked, &answering));
    std::thread::spawn(move || recorder.run(&read));
    std::thread::spawn(move || clerk.run(&ordered));
    if !has_feeds {
        let nothing = "no ledger found: add a [[feed]] (`outlay config init`), or use --ledger GLOB";
        let _ = events.send(Event::FeedState(Feed::Failed(nothing.to_owned())));
    }
    let read_only = passing.is_some().then(|| NO_STORE.to_owned());
    let desk = Desk { questions, orders, read_only };
    let status = show(context, &received, &events, &desk)?;
    // With the receiver gone nobody waits for the screen, so the readers can end.
    drop(received);
    follower.stop();
    drop(passing);
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

/// Where the screen's wishes go.
struct Desk {
    questions: SyncSender<Question>,
    orders: SyncSender<Order>,
    /// Why no cap can be changed.
    read_only: Option<String>,
}

fn show(
    context: &Context,
    received: &Receiver<Event>,
    events: &SyncSender<Event>,
    desk: &Desk,
) -> anyhow::Result<i32> {
    let depth = Depth::detect(
        variable("NO_COLOR").as_deref(),
        variable("COLORTERM").as_deref(),
        variable("TERM").as_deref(),
    );
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let glyphs = crate::tui::theme::Glyphs::detect(locale.each_ref().map(Option::as_deref));
    let (themes, faults) = Themes::new(depth, glyphs, &own::own_themes());
    for fault in faults {
        context.log(&fault);
    }
    let setup = Setup {
        calendar: context.calendar.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: own::host(),
        themes: themes.names(),
        theme: own::theme(context),
        keys: context.keys.clone(),
        layout: own::layout(),
        read_only: desk.read_only.clone(),
    };
    let app = App::new(setup, now());
    let mut handle = |effect| do_as_asked(effect, context, events, desk);
    Ok(crate::tui::run(received, events, app, &themes, &mut handle)?.code())
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
        Effect::Reload => Question::Everything,
        Effect::LoadWindow(window) => Question::Window(window),
        Effect::LoadDetail(tenant, window) => Question::Detail(tenant, window),
        Effect::LoadPrices(window) => Question::Prices(window),
        Effect::Load(ask) => Question::Page(ask),
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
        | Effect::Suspend
        | Effect::Resume
        | Effect::Redraw
        | Effect::Mouse(_)
        | Effect::Copy(_)
        | Effect::CopyRow
        | Effect::Export(..) => return,
    };
    // The librarian is busy with as many questions as it can hold: the next key asks again.
    let _ = desk.questions.try_send(question);
}
