//! The loop: waits for events, hands them to the state, draws what changed.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ratatui::Terminal;
use ratatui::layout::Rect;

use super::allowance::Allowance;
use super::app::App;
use super::draw::{draw, grid};
use super::event::{Effect, Event};
use super::export::Grid;
use super::link::Link;
use super::mouse::Mouse;
use super::term::{self, Screen};
use super::theme::Themes;
use crate::domain::time::Timestamp;

/// The same while nobody looks.
const UNFOCUSED: Duration = Duration::from_secs(5);
/// Events taken in before the next frame.
const MOST_AT_ONCE: usize = 256;

/// Why the screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The user quit.
    Quit,
    /// A signal ended it: the program should exit with 128 and this.
    Signal(i32),
}

impl ExitStatus {
    /// Returns the number to exit with.
    pub const fn code(self) -> i32 {
        match self {
            ExitStatus::Quit => 0,
            ExitStatus::Signal(signal) => 128 + signal,
        }
    }
}

/// Takes the terminal and shows the screen until it ends.
///
/// `receiver` is fed by whoever holds the sender, and by a thread of keys that is started here.
/// `handle` is called for each effect that is not the terminal's own; it must not block: answers
/// come as events.
pub fn run(
    receiver: &Receiver<Event>,
    sender: &SyncSender<Event>,
    app: App,
    themes: Themes,
    handle: &mut dyn FnMut(Effect),
) -> io::Result<ExitStatus> {
    term::watch(sender)?;
    term::enter()?;
    let mut farewell = None;
    let result = Loop::start(sender, app, themes).and_then(|mut it| {
        let status = it.run(receiver, handle);
        // However it ends, how the pages were looked at is kept.
        handle(Effect::SaveLayout(Box::new(it.app.layout())));
        farewell = it.app.farewell();
        status
    });
    // A terminal that went away is found by whoever uses it first.
    let result =
        if result.is_err() && term::is_gone() { Ok(ExitStatus::Signal(term::HANG_UP)) } else { result };
    term::leave();
    if let (Ok(ExitStatus::Quit), Some(line)) = (&result, farewell) {
        term::say_goodbye(&line);
    }
    result
}

struct Loop {
    app: App,
    themes: Themes,
    link: Link,
    terminal: Terminal<Screen>,
    begun: Instant,
    drawn: Instant,
    allowance: Allowance,
    /// How many cells the last frame had.
    cells: u32,
    /// Something may look different since the last frame.
    dirty: bool,
    /// A key was pressed since the last frame.
    urgent: bool,
}

impl Loop {
    fn start(sender: &SyncSender<Event>, app: App, themes: Themes) -> io::Result<Loop> {
        listen(sender)?;
        let terminal = Terminal::new(Screen::new())?;
        if app.has_mouse() {
            term::mouse(true)?;
        }
        let link = Link::default();
        let begun = instant();
        let allowance = Allowance::new(Duration::ZERO);
        Ok(Loop {
            app,
            themes,
            link,
            terminal,
            begun,
            drawn: begun,
            allowance,
            cells: 0,
            dirty: true,
            urgent: true,
        })
    }

    fn run(&mut self, receiver: &Receiver<Event>, handle: &mut dyn FnMut(Effect)) -> io::Result<ExitStatus> {
        loop {
            self.draw_if_due()?;
            let first = match receiver.recv_timeout(self.wait()) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Event::Tick,
                Err(RecvTimeoutError::Disconnected) => return Ok(ExitStatus::Quit),
            };
            if let Some(status) = self.take(first, handle)? {
                return Ok(status);
            }
            for _ in 0..MOST_AT_ONCE {
                match receiver.try_recv() {
                    Ok(event) => {
                        if let Some(status) = self.take(event, handle)? {
                            return Ok(status);
                        }
                    }
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
        }
    }

    fn take(&mut self, event: Event, handle: &mut dyn FnMut(Effect)) -> io::Result<Option<ExitStatus>> {
        self.dirty = true;
        if matches!(event, Event::Key(_)) {
            term::key_taken();
        }
        self.urgent |= matches!(
            event,
            Event::Key(_) | Event::Paste(_) | Event::Resize | Event::Focus(_) | Event::Mouse(_)
        );
        let stopped = if let Event::Stop(signal) = event { Some(ExitStatus::Signal(signal)) } else { None };
        if let Event::Themes(themes) = &event {
            self.themes = Themes::clone(themes);
        }
        for effect in self.app.update(event, now()) {
            match effect {
                Effect::Quit => return Ok(Some(stopped.unwrap_or(ExitStatus::Quit))),
                Effect::Begin(agreed) => {
                    handle(Effect::Begin(agreed));
                    return Ok(Some(ExitStatus::Quit));
                }
                Effect::Suspend => term::suspend()?,
                Effect::Resume => {
                    term::enter()?;
                    term::mouse(self.app.has_mouse())?;
                    self.redraw()?;
                }
                Effect::Redraw => self.redraw()?,
                Effect::Mouse(on) => term::mouse(on)?,
                Effect::Copy(text) => self.copy(&text)?,
                Effect::CopyRow => {
                    if let Some(text) = self.grid()?.row() {
                        self.copy(&text)?;
                    }
                }
                Effect::Title(text) => term::title(&text)?,
                Effect::Notify(sequence) => term::notify(&sequence)?,
                Effect::Glyphs(glyphs) => self.themes.set_glyphs(*glyphs),
                Effect::Export(form, file) => {
                    let text = self.grid()?.text(form);
                    let name = file.unwrap_or_else(|| self.app.export_name(form));
                    handle(Effect::WriteExport(name, text));
                }
                other => handle(other),
            }
        }
        Ok(None)
    }

    /// Hands over a text that is copied: to the program that was said, else to the terminal.
    fn copy(&mut self, text: &str) -> io::Result<()> {
        let command = self.app.copy_command();
        if command.is_empty() {
            return term::copy(text);
        }
        if let Err(why) = term::copy_with(command, text) {
            self.app.not_copied(&why);
        }
        Ok(())
    }

    /// Returns the page in view as text.
    fn grid(&self) -> io::Result<Grid> {
        let theme = self.themes.get(self.app.theme());
        theme.map(|theme| grid(&self.app, theme)).ok_or_else(|| io::Error::other("no theme could be read"))
    }

    /// Empties the terminal and what is known of it, so that the next frame draws every cell.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.urgent = true;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        if !self.dirty || (!self.urgent && !self.rest().is_zero()) {
            return Ok(());
        }
        if self.terminal.backend().is_torn() {
            self.redraw()?;
        }
        let (begun, sent) = (instant(), self.terminal.backend().written());
        let Some(theme) = self.themes.get(self.app.theme()) else {
            return Err(io::Error::other("no theme could be read"));
        };
        let app = &self.app;
        let mut seen = super::app::Seen::default();
        self.cells = self.terminal.draw(|frame| seen = draw(frame, app, theme))?.area.area();
        self.app.seen(seen);
        if !self.urgent {
            let sent = self.terminal.backend().written() - sent;
            self.allowance.spend(sent, self.cells, self.begun.elapsed());
        }
        self.link.took(begun.elapsed());
        self.app.take_link(self.link.is_slow());
        // What was broken off is drawn anew, as soon as the line takes it.
        let torn = self.terminal.backend().is_torn();
        (self.dirty, self.urgent, self.drawn) = (torn, false, instant());
        Ok(())
    }

    fn interval(&self) -> Duration {
        let pace = Duration::from_millis(self.app.pace().count()).max(self.link.interval());
        if self.app.is_focused() { pace } else { pace.max(UNFOCUSED) }
    }

    /// Returns how long news has to wait for the next frame.
    fn rest(&self) -> Duration {
        let pace = self.interval().saturating_sub(self.drawn.elapsed());
        pace.max(self.allowance.wait(self.cells, self.begun.elapsed()))
    }

    /// How long nothing can change by itself.
    fn wait(&self) -> Duration {
        let now = now().millis();
        let minute = 60_000 - now.rem_euclid(60_000);
        let due = self.app.due().map_or(minute, |due| due.millis() - now);
        let due = Duration::from_millis(u64::try_from(minute.min(due)).unwrap_or(0).max(1));
        if self.dirty { due.min(self.rest()) } else { due }
    }
}

/// Whoever hears the keys: of two screens one after the other, the second.
static LISTENER: Mutex<Option<SyncSender<Event>>> = Mutex::new(None);

/// Hands the keys to a screen from now on. One thread reads them for the whole run of the program: a second one
/// would take every other key.
fn listen(events: &SyncSender<Event>) -> io::Result<()> {
    let mut listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    let begins = listener.is_none();
    *listener = Some(events.clone());
    if begins {
        std::thread::Builder::new().name("keys".to_owned()).spawn(read_keys)?;
    }
    Ok(())
}

fn read_keys() {
    use crossterm::event::{Event as Input, MouseButton, MouseEventKind};
    while let Ok(input) = crossterm::event::read() {
        let event = match input {
            Input::Key(key) => Event::Key(key),
            Input::Paste(text) => Event::Paste(text),
            Input::Resize(..) => Event::Resize,
            Input::FocusGained => Event::Focus(true),
            Input::FocusLost => Event::Focus(false),
            Input::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollDown => Event::Mouse(Mouse::WheelDown),
                MouseEventKind::ScrollUp => Event::Mouse(Mouse::WheelUp),
                MouseEventKind::Down(MouseButton::Left) => {
                    Event::Mouse(Mouse::Click(mouse.column, mouse.row))
                }
                _ => continue,
            },
        };
        if matches!(event, Event::Key(_)) {
            term::key_read();
        }
        let events = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Between two screens nobody listens.
        let _ = events.map(|events| events.send(event));
    }
}

#[expect(clippy::disallowed_methods, reason = "the loop is the shell that reads the clock")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "frames are timed by the steady clock")]
fn instant() -> Instant {
    Instant::now()
}
