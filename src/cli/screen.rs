//! `outlay` itself: wires feeds, store and screen together.
//!
//! Three threads beside the screen: the feed reads, the recorder owns the writing connection, the
//! librarian answers what the screen asks of the store. All meet in bounded channels.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::context::{Context, now, variable};
use super::{import, report};
use crate::config;
use crate::domain::books::Books;
use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::{ModelId, Provider, TenantId};
use crate::domain::label::{Label, printable};
use crate::domain::observation::Batch;
use crate::domain::price::PriceBook;
use crate::domain::rollup::{Change, Sign, Sums};
use crate::domain::time::{Millis, Timestamp};
use crate::feed::follow::{self, Problems};
use crate::feed::mark::Marks;
use crate::feed::{Databases, Problem};
use crate::store::{self, Reader, Store, StoreError};
use crate::tui::{
    App, BadRow, Depth, Detail, Effect, Event, Feed, PriceRow, Setup, Snapshot, SourceRow, SourceState, Step,
    Themes, Window,
};

/// Events waiting for the screen; when it is full, readers wait.
const EVENTS: usize = 256;
/// Batches waiting for the store.
const BATCHES: usize = 32;
/// How often the recorder looks for other programs' commits.
const LOOK: Duration = Duration::from_millis(200);
/// Bad lines kept for the screen, in all.
const BAD_LINES: usize = 500;

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
    let (batches, recorded) = sync_channel(BATCHES);
    let marks = Marks::new(store.marks()?);
    let librarian = Librarian {
        reader: Reader::open(&path)?,
        calendar: context.calendar.clone(),
        book: Arc::clone(&book),
    };
    let sources = source_rows(&librarian.reader)?;
    let _ = events.send(Event::Loaded(Box::new(librarian.snapshot()?)));
    let has_feeds = !ledgers.is_empty();
    let follower = follow::follow(ledgers, marks, Arc::new(Databases), batches)?;
    let clerk = Recorder {
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
    std::thread::spawn(move || clerk.run(&recorded));
    if !has_feeds {
        let nothing = "no ledger found: add a [[feed]] (`outlay config init`), or use --ledger GLOB";
        let _ = events.send(Event::FeedState(Feed::Failed(nothing.to_owned())));
    }
    let status = show(context, &received, &events, &questions)?;
    // With the receiver gone nobody waits for the screen, so the readers can end.
    drop(received);
    follower.stop();
    drop(passing);
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

fn show(
    context: &Context,
    received: &Receiver<Event>,
    events: &SyncSender<Event>,
    questions: &SyncSender<Question>,
) -> anyhow::Result<i32> {
    let depth = Depth::detect(
        variable("NO_COLOR").as_deref(),
        variable("COLORTERM").as_deref(),
        variable("TERM").as_deref(),
    );
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let glyphs = crate::tui::theme::Glyphs::detect(locale.each_ref().map(Option::as_deref));
    let (themes, faults) = Themes::new(depth, glyphs, &own_themes());
    for fault in faults {
        context.log(&fault);
    }
    let setup = Setup {
        calendar: context.calendar.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
        themes: themes.names(),
        theme: theme(context),
    };
    let app = App::new(setup, now());
    let mut handle = |effect| {
        let question = match effect {
            Effect::Reload => Question::Everything,
            Effect::LoadWindow(window) => Question::Window(window),
            Effect::LoadDetail(tenant, window) => Question::Detail(tenant, window),
            Effect::LoadPrices(window) => Question::Prices(window),
            Effect::SaveTheme(theme) => {
                if let Err(error) = keep_theme(&theme) {
                    context.log(&format!("cannot keep the theme: {error}"));
                }
                return;
            }
            Effect::Quit | Effect::Suspend | Effect::Resume | Effect::Redraw => return,
        };
        // The librarian is busy with as many questions as it can hold: the next key asks again.
        let _ = questions.try_send(question);
    };
    Ok(crate::tui::run(received, events, app, &themes, &mut handle)?.code())
}

/// Where the theme chosen on the screen is kept: losing it does no harm.
fn kept_theme() -> Option<PathBuf> {
    config::paths::state_dir(&variable).map(|folder| folder.join("tui.toml"))
}

/// Returns the theme to begin with: of the environment, else chosen on the screen, else configured.
fn theme(context: &Context) -> String {
    let configured = &context.settings.ui.theme;
    if let Some(config::From::Environment(_) | config::From::Flag(_)) =
        context.settings.origins.get("ui.theme")
    {
        return configured.clone();
    }
    let kept = kept_theme().and_then(|path| std::fs::read_to_string(path).ok());
    let kept = kept.and_then(|text| text.parse::<toml::Table>().ok());
    let chosen = kept.as_ref().and_then(|table| table.get("theme")).and_then(toml::Value::as_str);
    chosen.unwrap_or(configured).to_owned()
}

/// Keeps the theme for the next start, in one step, so that no reader finds half of it.
fn keep_theme(theme: &str) -> io::Result<()> {
    let Some(path) = kept_theme() else { return Ok(()) };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    // A JSON string is a TOML string.
    writeln!(file, "theme = {}", serde_json::to_string(theme)?)?;
    file.persist(&path)?;
    Ok(())
}

fn own_themes() -> Vec<String> {
    let folder = config::paths::config_dir(&variable).map(|folder| folder.join("themes"));
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
    files.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

fn host() -> String {
    let name = std::fs::read_to_string(Path::new("/etc/hostname")).unwrap_or_default();
    Label::new(name.trim()).as_str().to_owned()
}

/// What the screen asks of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Question {
    Everything,
    Window(Window),
    Detail(TenantId, Window),
    Prices(Window),
}

/// Answers the screen's questions from its own reading connection.
struct Librarian {
    reader: Reader,
    calendar: Calendar,
    book: Arc<PriceBook>,
}

impl Librarian {
    fn answer(&self, asked: &Receiver<Question>, events: &SyncSender<Event>) {
        let mut failing = false;
        while let Ok(first) = asked.recv() {
            let mut questions = vec![first];
            // What was asked again meanwhile is answered once.
            for question in asked.try_iter() {
                if !questions.contains(&question) {
                    questions.push(question);
                }
            }
            for question in questions {
                let answer = self.answer_one(question);
                let healed = (failing && answer.is_ok()).then_some(Event::FeedState(Feed::Live));
                failing = answer.is_err();
                let event = answer.unwrap_or_else(|error| Event::FeedState(Feed::Failed(error.to_string())));
                if std::iter::once(event).chain(healed).any(|event| events.send(event).is_err()) {
                    return;
                }
            }
        }
    }

    fn answer_one(&self, question: Question) -> Result<Event, StoreError> {
        Ok(match question {
            Question::Everything => Event::Loaded(Box::new(self.snapshot()?)),
            Question::Window(window) => Event::Window(window, self.reader.tenants(self.span(window))?),
            Question::Detail(tenant, window) => Event::Detail(Box::new(self.detail(tenant, window)?)),
            Question::Prices(window) => Event::Prices(window, self.prices(window)?),
        })
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let now = now();
        let (today, month) = (self.calendar.day(now), self.calendar.month(now));
        let minutes = self.reader.minutes(now.before(Millis::from_minutes(60)))?;
        let (today, month) = (self.reader.tenants(today)?, self.reader.tenants(month)?);
        let books = Books::load(self.calendar.clone(), now, today, month, minutes);
        let sources = source_rows(&self.reader)?.into_values().collect();
        Ok(Snapshot { books, sources })
    }

    fn span(&self, window: Window) -> Span {
        let now = now();
        let end = Timestamp::from_millis(now.millis() + 300_000);
        match (window, window.minutes()) {
            (_, Some(minutes)) => Span { start: now.before(Millis::from_minutes(minutes)), end },
            (Window::Month, None) => self.calendar.month(now),
            (_, None) => self.calendar.day(now),
        }
    }

    fn detail(&self, tenant: TenantId, window: Window) -> Result<Detail, StoreError> {
        let span = self.span(window);
        let mut models: Vec<(ModelId, Sums)> = Vec::new();
        for (_, model, sums) in self.reader.models(tenant, span)? {
            match models.iter_mut().find(|(known, _)| *known == model) {
                Some((_, known)) => *known += sums,
                None => models.push((model, sums)),
            }
        }
        Ok(Detail { tenant, window, models, steps: self.steps(tenant, span, window.step())? })
    }

    /// Returns what each step of a span came to; the first is whole, also where the span cuts it.
    fn steps(&self, tenant: TenantId, span: Span, step: Step) -> Result<Vec<(Timestamp, Sums)>, StoreError> {
        if step == Step::Minute {
            return Ok(Vec::new());
        }
        let start = step.of(&self.calendar, span.start).start;
        let hours = self.reader.hours(tenant, Span { start, ..span })?;
        let mut steps: Vec<(Timestamp, Sums)> = Vec::new();
        for (at, sums) in hours {
            let start = step.of(&self.calendar, at).start;
            match steps.last_mut().filter(|last| last.0 == start) {
                Some(last) => last.1 += sums,
                None => steps.push((start, sums)),
            }
        }
        Ok(steps)
    }

    /// The price table: every model used in the window, then every other with a price.
    fn prices(&self, window: Window) -> Result<Vec<PriceRow>, StoreError> {
        let now = now();
        let mut all: HashMap<(Provider, ModelId), Sums> = HashMap::new();
        self.reader.rollups_by_day(Some(self.span(window)), &mut |_, slice, sums| {
            *all.entry((slice.provider, slice.model)).or_default() += *sums;
        })?;
        let mut rows: Vec<PriceRow> = Vec::new();
        for ((provider, model), used) in all {
            let price = self.book.find(provider, model, now);
            rows.push(PriceRow {
                model,
                provider,
                input: price.as_ref().and_then(crate::domain::price::Price::input),
                cached: price.as_ref().and_then(crate::domain::price::Price::cached),
                output: price.as_ref().and_then(crate::domain::price::Price::output),
                used,
                from: price.map_or_else(|| "none".to_owned(), |price| price.source().as_str().to_owned()),
            });
        }
        let known: std::collections::HashSet<_> = rows.iter().map(|row| (row.provider, row.model)).collect();
        let mut newest: HashMap<(Provider, ModelId), PriceRow> = HashMap::new();
        for price in self.book.list() {
            if price.in_force_since().is_some_and(|since| since > now) {
                continue;
            }
            let key = (Provider::new(price.provider()), ModelId::new(price.model()));
            let (input, cached, output) = (price.input(), price.cached(), price.output());
            let from = price.source().as_str().to_owned();
            let row = PriceRow {
                provider: key.0,
                model: key.1,
                input,
                cached,
                output,
                used: Sums::default(),
                from,
            };
            newest.insert(key, row);
        }
        rows.extend(newest.into_iter().filter(|(key, _)| !known.contains(key)).map(|(_, row)| row));
        Ok(rows)
    }
}

/// Records what the feeds bring, and tells the screen what changed.
struct Recorder {
    store: Store,
    book: Arc<PriceBook>,
    sources: HashMap<Label, SourceRow>,
    problems: Problems,
    /// The problems that the screen knows of.
    told: Vec<Problem>,
    events: SyncSender<Event>,
    questions: SyncSender<Question>,
}

impl Recorder {
    fn run(mut self, recorded: &Receiver<Batch>) {
        let book = Arc::clone(&self.book);
        let mut pricer = book.pricer();
        let mut version = self.store.data_version().ok();
        let (mut live, mut failing) = (false, false);
        loop {
            let first = match recorded.recv_timeout(LOOK) {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    // The first quiet moment: all that was there has been read.
                    if !live && !self.sources.is_empty() {
                        live = self.events.send(Event::FeedState(Feed::Live)).is_ok();
                    }
                    self.tell_problems();
                    let seen = self.store.data_version().ok();
                    if seen != version {
                        version = seen;
                        let _ = self.questions.try_send(Question::Everything);
                    }
                    continue;
                }
            };
            let batches: Vec<Batch> =
                std::iter::once(first).chain(recorded.try_iter().take(BATCHES)).collect();
            let event = match self.store.record_all(&batches, &mut |call| pricer.cost(call), now()) {
                Ok(applied) => Event::Changed(applied.changes.clone(), self.rows(&batches, &applied)),
                Err(error) => Event::FeedState(Feed::Failed(error.to_string())),
            };
            let failed = matches!(event, Event::FeedState(_));
            let healed = (failing && !failed).then_some(Event::FeedState(Feed::Live));
            failing = failed;
            if std::iter::once(event).chain(healed).any(|event| self.events.send(event).is_err()) {
                return;
            }
        }
    }

    /// Tells the screen which sources cannot be read, when that has changed.
    fn tell_problems(&mut self) {
        let problems = self.problems.now();
        if problems == self.told {
            return;
        }
        let mut touched = Vec::new();
        for healed in self.told.iter().filter(|old| !problems.contains(old)) {
            if let Some(row) = self.sources.get_mut(&healed.source) {
                row.state = SourceState::Ok;
                row.note = String::new();
                touched.push(row.clone());
            }
        }
        for problem in &problems {
            let none = Label::new("");
            let row = self.sources.entry(problem.source).or_insert_with(|| empty_row(problem.source, none));
            row.state = SourceState::Error;
            row.note = printable(&problem.trouble.to_string(), 200);
            touched.push(row.clone());
        }
        self.told = problems;
        let _ = self.events.send(Event::Changed(Vec::new(), touched));
    }

    /// Brings the lines of the sources table up to date, and returns those that changed.
    fn rows(&mut self, batches: &[Batch], applied: &store::Applied) -> Vec<SourceRow> {
        let mut touched = Vec::new();
        for batch in batches {
            let row =
                self.sources.entry(batch.source).or_insert_with(|| empty_row(batch.source, batch.format));
            row.bad += batch.decoded.tally.bad;
            row.note = batch.note.clone().unwrap_or_default();
            let bad = batch.decoded.bad.iter().map(|line| bad_row(batch.source, line));
            row.bad_lines.extend(bad);
            let over = row.bad_lines.len().saturating_sub(BAD_LINES);
            row.bad_lines.drain(..over);
            touched.push(batch.source);
        }
        for change in &applied.changes {
            self.count(change);
        }
        for (&source, copies) in &applied.copies {
            if let Some(row) = self.sources.get_mut(&source) {
                row.copies += copies;
                touched.push(source);
            }
        }
        touched.sort();
        touched.dedup();
        touched.iter().filter_map(|source| self.sources.get(source).cloned()).collect()
    }

    fn count(&mut self, change: &Change) {
        if let Some(row) = self.sources.get_mut(&change.slice.source) {
            let calls = change.sums.calls.unsigned_abs();
            row.calls = match change.sign {
                Sign::Adds => row.calls.saturating_add(calls),
                Sign::TakesBack => row.calls.saturating_sub(calls),
            };
        }
    }
}

fn source_rows(reader: &Reader) -> Result<HashMap<Label, SourceRow>, StoreError> {
    let mut rows = HashMap::new();
    for source in reader.sources()? {
        let mut row = empty_row(source.source, source.format);
        row.calls = source.calls.unsigned_abs();
        row.bad = source.tally.bad;
        row.copies = source.copies.iter().sum();
        row.note = source.note.unwrap_or_default();
        rows.insert(source.source, row);
    }
    for (source, line) in reader.bad_lines(BAD_LINES)? {
        if let Some(row) = rows.get_mut(&source) {
            row.bad_lines.push(bad_row(source, &line));
        }
    }
    Ok(rows)
}

fn empty_row(source: Label, format: Label) -> SourceRow {
    SourceRow {
        source,
        format,
        state: SourceState::Ok,
        calls: 0,
        bad: 0,
        copies: 0,
        note: String::new(),
        bad_lines: Vec::new(),
    }
}

fn bad_row(file: Label, line: &crate::domain::observation::BadLine) -> BadRow {
    BadRow { file, line: line.line, reason: line.reason.clone(), excerpt: line.excerpt.clone() }
}
