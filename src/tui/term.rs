//! The terminal: taken, given back on every way out, and written to once a frame.

use std::io::{self, Read, Stdin, Stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Once};
use std::time::Duration;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use rustix::event::{PollFd, PollFlags};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::event::Event;

/// Alternate screen, hidden cursor, bracketed paste, focus reports.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h";
/// All of it undone, and a synchronized update ended.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";
/// How long the loop has to end in good order after a signal.
const GRACE: Duration = Duration::from_secs(1);

static ENTERED: AtomicBool = AtomicBool::new(false);
static GONE: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Takes the terminal. A panic gives it back before it prints.
pub fn enter() -> io::Result<()> {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            before(info);
        }));
    });
    ENTERED.store(true, Ordering::SeqCst);
    let entered = crossterm::terminal::enable_raw_mode();
    let entered = entered.and_then(|()| write_all(io::stdout().as_fd(), ENTER));
    if entered.is_err() {
        leave();
    }
    entered
}

/// Gives the terminal back: from any thread, twice, and when it is gone already.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) || GONE.load(Ordering::SeqCst) {
        return;
    }
    let _ = write_all(io::stdout().as_fd(), LEAVE);
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Gives the terminal back, stops until the shell continues us, and takes it again.
pub fn suspend() -> io::Result<()> {
    leave();
    rustix::process::kill_process_group(rustix::process::getpgrp(), rustix::process::Signal::TSTP)?;
    enter()
}

/// Tells the loop of SIGTERM, SIGINT and SIGHUP, and of a terminal that went away. If the loop
/// does not end by itself within a second, the program ends here.
pub fn watch(events: &SyncSender<Event>) -> io::Result<()> {
    let (mut reader, writer) = UnixStream::pair()?;
    let latest = Arc::new(AtomicUsize::new(0));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let number = usize::try_from(signal).unwrap_or(0);
        signal_hook::flag::register_usize(signal, Arc::clone(&latest), number)?;
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    let sender = events.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let _writer = writer;
        if reader.read_exact(&mut [0]).is_ok() {
            let signal = i32::try_from(latest.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
            end(&sender, signal, &mut reader);
        }
    })?;
    let sender = events.clone();
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
        wait_for_hang_up(&io::stdin());
        if let Ok((mut never, _kept)) = UnixStream::pair() {
            end(&sender, SIGHUP, &mut never);
        }
    })?;
    Ok(())
}

fn end(events: &SyncSender<Event>, signal: i32, next: &mut UnixStream) {
    if signal == SIGHUP {
        GONE.store(true, Ordering::SeqCst);
    }
    let _ = events.try_send(Event::Stop(signal));
    let _ = next.set_read_timeout(Some(GRACE));
    let _ = next.read_exact(&mut [0]);
    leave();
    std::process::exit(128 + signal);
}

fn wait_for_hang_up(stdin: &Stdin) {
    loop {
        let mut fds = [PollFd::new(stdin, PollFlags::empty())];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
                rustix::event::poll(&mut fds, None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A backend that gathers a frame and writes it at once; a frame without a change writes nothing.
/// It never asks the terminal anything.
pub struct Screen {
    frame: Vec<u8>,
    stdout: Stdout,
}

impl Screen {
    /// Returns a backend for standard output.
    pub fn new() -> Screen {
        Screen { frame: Vec::new(), stdout: io::stdout() }
    }
}

impl Default for Screen {
    fn default() -> Screen {
        Screen::new()
    }
}

impl Backend for Screen {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        CrosstermBackend::new(&mut self.frame).draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, _position: P) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        CrosstermBackend::new(&mut self.frame).clear()
    }

    fn clear_region(&mut self, _clear_type: ClearType) -> io::Result<()> {
        CrosstermBackend::new(&mut self.frame).clear()
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = crossterm::terminal::size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.frame);
        if bytes.is_empty() || GONE.load(Ordering::SeqCst) {
            return Ok(());
        }
        let frame = [FRAME_BEGINS, &bytes, FRAME_ENDS].concat();
        write_all(self.stdout.as_fd(), &frame)
    }
}
