//! The screen in a real pseudo-terminal, read through a terminal emulator.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::home::{Home, line};

/// A guard against a hung test, never a measure.
const PATIENCE: Duration = Duration::from_mins(1);
const FAR: &str = "2026-11-20T09:00:00Z";

struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    parser: vt100::Parser,
}

impl Screen {
    fn start(home: &Home, ledger: &str, extra: &[(&str, &str)]) -> Screen {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_outlay"));
        command.env_clear();
        for (key, value) in home.environment() {
            command.env(key, value);
        }
        for (key, value) in extra {
            command.env(key, value);
        }
        command.args(["--ledger", ledger]);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keys = pair.master.take_writer().expect("a writer");
        let (sender, bytes) = sync_channel(1024);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Screen {
            child,
            master: pair.master,
            keys,
            bytes,
            seen: Vec::new(),
            parser: vt100::Parser::new(cells(24), cells(80), 0),
        }
    }

    /// Reads until the screen shows a text.
    #[track_caller]
    fn until(&mut self, text: &str) -> String {
        loop {
            let shown = self.parser.screen().contents();
            if shown.contains(text) {
                return shown;
            }
            match self.bytes.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.seen.extend(bytes);
                }
                Err(_) => panic_with(text, &shown),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal that takes keys");
    }

    /// Waits for the end, and returns the exit code and all that was written.
    fn end(mut self) -> (u32, String) {
        let status = self.child.wait().expect("an end");
        drop(self.keys);
        drop(self.master);
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(300)) {
            self.seen.extend(bytes);
        }
        (status.exit_code(), String::from_utf8_lossy(&self.seen).into_owned())
    }
}

#[track_caller]
fn panic_with(text: &str, shown: &str) -> ! {
    panic!("`{text}` never came; the screen shows:\n{shown}")
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("at least one")
}

fn assert_given_back(written: &str) {
    for code in ["\u{1b}[?1049l", "\u{1b}[?25h", "\u{1b}[?2004l"] {
        assert!(written.contains(code), "{code:?} was not written");
    }
    for query in ["\u{1b}[6n", "\u{1b}[c", "\u{1b}]11;?"] {
        assert!(!written.contains(query), "{query:?} asks the terminal");
    }
}

#[test]
fn it_shows_a_new_line_and_gives_the_terminal_back() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", FAR, "acme", "1"));
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    let mut file = OpenOptions::new().append(true).open(&ledger).expect("the ledger");
    file.write_all(line("b", FAR, "globex", "2").as_bytes()).expect("an append");
    screen.until("globex");
    screen.press("?");
    screen.until("Keys");
    screen.press("j2");
    screen.until("[2 Prices]");
    screen.press("q");
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert_given_back(&written);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", FAR, "acme", "1"));
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    let id = screen.child.process_id().and_then(|id| i32::try_from(id).ok()).expect("a process");
    let process = rustix::process::Pid::from_raw(id).expect("a process");
    rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("a signal");
    let (code, written) = screen.end();
    assert_eq!(code, 143);
    assert_given_back(&written);
}

#[test]
fn it_lives_through_any_size() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", FAR, "acme", "1"));
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    for (rows, cols) in [(12, 40), (1, 1), (60, 200), (24, 80)] {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        screen.master.resize(size).expect("a size");
    }
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn no_color_means_none() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", FAR, "acme", "1"));
    let mut screen = Screen::start(&home, &ledger, &[("NO_COLOR", "1")]);
    screen.until("acme");
    screen.press("q");
    let (_, written) = screen.end();
    for code in written.split("\u{1b}[").filter_map(|rest| rest.split_once('m').map(|(code, _)| code)) {
        let colours = code.split(';').filter_map(|part| part.parse::<u8>().ok());
        assert!(
            colours.clone().all(|number| !matches!(number, 30..=38 | 40..=48 | 90..=107)),
            "colour in {code:?}"
        );
    }
}
