//! The terminal: taken, given back on every way out, and written to once a frame.

use std::io::{self, Read, Stdin, Stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use super::clipboard;
use super::event::Event;

/// Alternate screen, hidden cursor, bracketed paste, focus reports; no line runs on into the next.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[?7l";
/// Clicks and the wheel are told of, with places beyond column 223.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";
/// All of it undone, and a synchronized update ended.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[?1006l\x1b[?1000l\x1b[?7h\x1b[?1004l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";
const FRAME_BEGINS: &[u8] = b"\x1b[?2026h";
const FRAME_ENDS: &[u8] = b"\x1b[?2026l";
/// How long the loop has to end in good order after a signal.
const GRACE: Duration = Duration::from_secs(1);
/// How long a terminal may take nothing before it is left as it is.
const STUCK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// The signal that tells of a terminal that went away.
pub const HANG_UP: i32 = SIGHUP;
/// What the program exits with after a fault of its own.
const FAULT: i32 = 70;
/// The signals that end the program, in the order of their weight; then those that stop and continue it.
const SIGNALS: [i32; 6] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGCONT];

static ENTERED: AtomicBool = AtomicBool::new(false);
static GONE: AtomicBool = AtomicBool::new(false);
static LEAVING: Mutex<()> = Mutex::new(());
static HOOK: Once = Once::new();

/// Takes the terminal, also where the program was stopped without notice and holds it already.
///
/// A panic in any thread gives the terminal back, tells why, and ends the program: nothing could
/// draw over the message, and nothing runs on half.
pub fn enter() -> io::Result<()> {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            before(info);
            let text = b"outlay: a fault in the program ended it; what was read is kept. Please report the lines above.\n";
            let _ = write_all(io::stderr().as_fd(), text);
            std::process::exit(FAULT);
        }));
    });
    if ENTERED.swap(true, Ordering::SeqCst) {
        // The shell may have changed the mode meanwhile: what is known of it is forgotten.
        crossterm::terminal::disable_raw_mode()?;
    }
    let entered = crossterm::terminal::enable_raw_mode();
    let entered = entered.and_then(|()| write_all(io::stdout().as_fd(), ENTER));
    if entered.is_err() {
        leave();
    }
    entered
}

/// Gives the terminal back: from any thread, twice, and when it is gone already. Whoever comes second may
/// end the program, and so waits for the first.
pub fn leave() {
    let _alone = LEAVING.lock();
    if !ENTERED.swap(false, Ordering::SeqCst) || GONE.load(Ordering::SeqCst) {
        return;
    }
    let stdout = io::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    if rustix::event::poll(&mut fds, Some(&STUCK)).is_ok_and(|ready| ready > 0) {
        let _ = write_all(stdout.as_fd(), LEAVE);
    }
    let _ = crossterm::terminal::disable_raw_mode();
}

/// Gives the terminal back and stops, with all that was started together. Once the shell continues
/// it, [`Event::Continued`] comes.
///
/// Nothing happens in the group of the session's leader: no shell is there that could continue it.
pub fn suspend() -> io::Result<()> {
    let group = rustix::process::getpgrp();
    if rustix::process::getsid(None)? == group {
        return Ok(());
    }
    leave();
    // SIGTSTP has a handler, and would only come back to it.
    rustix::process::kill_process_group(group, rustix::process::Signal::STOP)?;
    Ok(())
}

/// Takes the mouse, or leaves it to the terminal.
pub fn mouse(on: bool) -> io::Result<()> {
    write_all(io::stdout().as_fd(), if on { MOUSE_ON } else { MOUSE_OFF })
}

/// Sends a text to the terminal's clipboard, as far as it takes one: `tmux` has a way of its own, `screen` hands
/// through what is wrapped for it.
pub fn copy(text: &str) -> io::Result<()> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("TMUX") && into_tmux(text).is_ok() {
        return Ok(());
    }
    write_all(io::stdout().as_fd(), clipboard::sequence(text, set("STY")).as_bytes())
}

fn into_tmux(text: &str) -> io::Result<()> {
    use std::process::{Command, Stdio};
    let mut tmux = Command::new("tmux");
    tmux.args(["load-buffer", "-w", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = tmux.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        io::Write::write_all(&mut stdin, text.as_bytes())?;
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other("tmux took nothing")) }
}

/// Writes a line below the screen that was left.
pub fn say_goodbye(line: &str) {
    let _ = write_all(io::stdout().as_fd(), format!("{line}\n").as_bytes());
}

/// Tells the loop of the signals that end, stop and continue a program, and of a terminal that went
/// away. If the loop does not end by itself within a second, the program ends here.
pub fn watch(events: &SyncSender<Event>) -> io::Result<()> {
    let (mut reader, writer) = UnixStream::pair()?;
    let mut raised = Vec::new();
    for signal in SIGNALS {
        let flag = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
        signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        raised.push((signal, flag));
    }
    let sender = events.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let _writer = writer;
        while reader.read_exact(&mut [0]).is_ok() {
            for signal in raised.iter().filter(|it| it.1.swap(false, Ordering::SeqCst)).map(|it| it.0) {
                match signal {
                    SIGTSTP => drop(sender.send(Event::Suspend)),
                    SIGCONT => drop(sender.send(Event::Continued)),
                    _ => end(&sender, signal, &mut reader),
                }
            }
        }
    })?;
    let sender = events.clone();
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(move || {
        is_hung_up(&io::stdin(), None);
        GONE.store(true, Ordering::SeqCst);
        if let Ok((mut never, _kept)) = UnixStream::pair() {
            end(&sender, SIGHUP, &mut never);
        }
    })?;
    Ok(())
}

fn end(events: &SyncSender<Event>, signal: i32, next: &mut UnixStream) {
    let _ = events.try_send(Event::Stop(signal));
    let _ = next.set_read_timeout(Some(GRACE));
    let _ = next.read_exact(&mut [0]);
    leave();
    std::process::exit(128 + signal);
}

/// Says whether the terminal went away. From then on it is left alone.
pub fn is_gone() -> bool {
    if is_hung_up(&io::stdin(), Some(&AT_ONCE)) {
        GONE.store(true, Ordering::SeqCst);
    }
    GONE.load(Ordering::SeqCst)
}

/// Waits for the end of a terminal, for ever or as long as is said; says whether it came.
fn is_hung_up(stdin: &Stdin, timeout: Option<&Timespec>) -> bool {
    loop {
        let mut fds = [PollFd::new(stdin, PollFlags::empty())];
        match rustix::event::poll(&mut fds, timeout) {
            Ok(0) if timeout.is_some() => return false,
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                return true;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return true,
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
        if bytes.is_empty() || !ENTERED.load(Ordering::SeqCst) || GONE.load(Ordering::SeqCst) {
            return Ok(());
        }
        let frame = [FRAME_BEGINS, &bytes, FRAME_ENDS].concat();
        match write_all(self.stdout.as_fd(), &frame) {
            // The terminal is gone: the watch for that ends the program.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(()),
            result => result,
        }
    }
}
