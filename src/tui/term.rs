//! The terminal: taken, given back on every way out, and written to once a frame.

use std::io::{self, Read, Stdin, Stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use super::clipboard;
use super::encode::encode;
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
/// A sequence that was broken off is dropped by the terminal.
const CANCEL: &[u8] = b"\x18";
/// The terminal's own title is put aside, and taken back.
const TITLE_ASIDE: &[u8] = b"\x1b[22;2t";
const TITLE_BACK: &[u8] = b"\x1b[23;2t";
/// How much is written at once: a terminal that takes no more must not hold up a key.
const PIECE: usize = 512;
/// How long a frame waits for a terminal that takes nothing while a key waits for an answer.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };
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
static TITLED: AtomicBool = AtomicBool::new(false);
/// Keys that were read and that the loop has not taken yet.
static KEYS_WAIT: AtomicUsize = AtomicUsize::new(0);
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
        if TITLED.swap(false, Ordering::SeqCst) {
            let _ = write_all(stdout.as_fd(), TITLE_BACK);
        }
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

/// Takes note that a key was read: a frame that the terminal does not take is broken off for it.
pub fn key_read() {
    KEYS_WAIT.fetch_add(1, Ordering::SeqCst);
}

/// Takes note that the loop has taken a key that was read.
pub fn key_taken() {
    KEYS_WAIT.fetch_sub(1, Ordering::SeqCst);
}

/// Writes the terminal's title. The one there was comes back when the terminal is given back.
pub fn title(text: &str) -> io::Result<()> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let aside = if TITLED.swap(true, Ordering::SeqCst) { &[][..] } else { TITLE_ASIDE };
    write_all(io::stdout().as_fd(), &[aside, b"\x1b]2;", text.as_bytes(), b"\x07"].concat())
}

/// Sends a notice to the terminal, as it is to be sent.
pub fn notify(sequence: &str) -> io::Result<()> {
    write_all(io::stdout().as_fd(), sequence.as_bytes())
}

/// Hands a text to the program that takes what is copied. The error says which, and what went wrong.
pub fn copy_with(command: &[String], text: &str) -> Result<(), String> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    hand_over(program, &arguments, text).map_err(|error| format!("{program}: {error}"))
}

/// Sends a text to the terminal's clipboard, as far as it takes one: `tmux` has a way of its own, `screen` hands
/// through what is wrapped for it.
pub fn copy(text: &str) -> io::Result<()> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("TMUX") && hand_over("tmux", &["load-buffer", "-w", "-"], text).is_ok() {
        return Ok(());
    }
    write_all(io::stdout().as_fd(), clipboard::sequence(text, set("STY")).as_bytes())
}

fn hand_over(program: &str, arguments: &[&str], text: &str) -> io::Result<()> {
    use std::process::{Command, Stdio};
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        io::Write::write_all(&mut stdin, text.as_bytes())?;
    }
    if child.wait()?.success() { Ok(()) } else { Err(io::Error::other("it took nothing")) }
}

/// Writes lines below the screen that was left.
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

/// Writes a frame as far as the terminal takes it. Says whether it was taken whole: it is broken off where the
/// terminal takes nothing while a key waits.
fn write_frame(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<bool> {
    for piece in bytes.chunks(PIECE) {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
        while rustix::event::poll(&mut fds, Some(&PATIENCE)).unwrap_or(0) == 0 {
            if KEYS_WAIT.load(Ordering::SeqCst) > 0 {
                return Ok(false);
            }
        }
        write_all(fd, piece)?;
    }
    Ok(true)
}

/// A backend that gathers a frame and writes it at once; a frame without a change writes nothing.
/// It never asks the terminal anything.
pub struct Screen {
    frame: Vec<u8>,
    stdout: Stdout,
    /// The last frame was broken off: what the terminal shows is not known.
    torn: bool,
    /// Bytes that were written in all.
    written: usize,
}

impl Screen {
    /// Returns a backend for standard output.
    pub fn new() -> Screen {
        Screen { frame: Vec::new(), stdout: io::stdout(), torn: false, written: 0 }
    }

    /// Returns how many bytes were written in all.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Says whether the last frame was broken off, so that the next has to draw every cell.
    pub fn is_torn(&self) -> bool {
        self.torn
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
        self.frame.extend_from_slice(encode(content).as_bytes());
        Ok(())
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
        let mended = if self.torn { CANCEL } else { &[] };
        let frame = [mended, FRAME_BEGINS, &bytes, FRAME_ENDS].concat();
        self.written = self.written.saturating_add(frame.len());
        match write_frame(self.stdout.as_fd(), &frame) {
            // The terminal is gone: the watch for that ends the program.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(()),
            Err(error) => Err(error),
            Ok(whole) => {
                self.torn = !whole;
                Ok(())
            }
        }
    }
}
