//! The screen in a real pseudo-terminal, read through a terminal emulator.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use outlay::domain::calendar::Calendar;
use outlay::domain::time::Timestamp;
use outlay::tui::theme::UNICODE;
use outlay::tui::{App, Depth, Setup, Themes};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::home::{Home, line};

/// A guard against a hung test, never a measure.
pub const PATIENCE: Duration = Duration::from_mins(1);
pub const FAR: &str = "2026-11-20T09:00:00Z";
/// Set where the test program shows a screen that panics; its value says in which thread.
const PANICS: &str = "SCREEN_PANICS_IN";

pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    pub parser: vt100::Parser,
    /// The terminal's mode before the program started.
    mode: String,
}

impl Screen {
    /// Shows a ledger.
    pub fn start(home: &Home, ledger: &str, extra: &[(&str, &str)]) -> Screen {
        Screen::run(home, env!("CARGO_BIN_EXE_outlay"), &["--ledger", ledger], extra)
    }

    pub fn run(home: &Home, program: &str, arguments: &[&str], extra: &[(&str, &str)]) -> Screen {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mode = mode_of(pair.master.as_ref());
        let mut command = CommandBuilder::new(program);
        command.env_clear();
        for (key, value) in home.environment() {
            command.env(key, value);
        }
        for (key, value) in extra {
            command.env(key, value);
        }
        command.args(arguments);
        command.cwd(home.path(""));
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
        let parser = vt100::Parser::new(cells(24), cells(80), 0);
        Screen { child, master: pair.master, keys, bytes, seen: Vec::new(), parser, mode }
    }

    /// Reads until the screen shows a text.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> String {
        self.until_it(text, |screen| screen.contents().contains(text))
    }

    /// Reads until something holds for the screen.
    #[track_caller]
    pub fn until_it(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) -> String {
        loop {
            let shown = self.parser.screen().contents();
            if holds(self.parser.screen()) {
                return shown;
            }
            match self.bytes.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.seen.extend(bytes);
                }
                Err(_) => panic_with(what, &shown),
            }
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("a terminal that takes keys");
    }

    /// Waits until the terminal has been quiet for longer than a burst of keys lasts: as a hand does.
    pub fn rest(&mut self) {
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(80)) {
            self.parser.process(&bytes);
            self.seen.extend(bytes);
        }
    }

    /// Ends the program as a hand does: a `q` at once after other keys would be taken for pasted text.
    pub fn quit(&mut self) {
        self.rest();
        self.press("q");
    }

    /// Types a command as a hand does, and runs it.
    #[track_caller]
    pub fn command(&mut self, text: &str) {
        self.rest();
        self.press(":");
        self.until("Command");
        self.rest();
        self.press(text);
        self.until(&format!(": {text}"));
        self.rest();
        self.press("\r");
    }

    fn process(&self) -> Pid {
        let id = self.child.process_id().and_then(|id| i32::try_from(id).ok()).expect("a process");
        Pid::from_raw(id).expect("a process")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("a signal");
    }

    /// Waits for the end, and returns the exit code and all that was written. The terminal must be
    /// as it was found.
    #[track_caller]
    pub fn end(self) -> (u32, String) {
        let Screen { child, master, keys, bytes, mut seen, mode, .. } = self;
        let status = wait(child);
        assert_eq!(mode_of(master.as_ref()), mode, "the terminal is left in another mode");
        drop((keys, master));
        // The reader ends with the terminal, and the channel with the reader.
        while let Ok(bytes) = bytes.recv_timeout(PATIENCE) {
            seen.extend(bytes);
        }
        (status.exit_code(), String::from_utf8_lossy(&seen).into_owned())
    }
}

/// Waits for a program's end, but not for ever.
#[track_caller]
pub fn wait(mut child: Box<dyn Child + Send + Sync>) -> ExitStatus {
    let (sender, ended) = sync_channel(1);
    std::thread::spawn(move || sender.send(child.wait()));
    ended.recv_timeout(PATIENCE).expect("an end in time").expect("a status")
}

fn mode_of(master: &(dyn MasterPty + Send)) -> String {
    let mode = master.get_termios().expect("a mode");
    format!("{:?} {:?} {:?}", mode.input_flags, mode.output_flags, mode.local_flags)
}

#[track_caller]
fn panic_with(text: &str, shown: &str) -> ! {
    panic!("`{text}` never came; the screen shows:\n{shown}")
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("at least one")
}

#[track_caller]
pub fn assert_given_back(written: &str) {
    for code in ["\u{1b}[?1049l", "\u{1b}[?25h", "\u{1b}[?2004l", "\u{1b}[?7h"] {
        assert!(written.contains(code), "{code:?} was not written");
    }
    for query in ["\u{1b}[6n", "\u{1b}[c", "\u{1b}]11;?"] {
        assert!(!written.contains(query), "{query:?} asks the terminal");
    }
}

/// Returns a home with a ledger of one call by `acme`.
pub fn home() -> (Home, String) {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", FAR, "acme", "1"));
    (home, ledger)
}

#[test]
fn it_shows_a_new_line_and_gives_the_terminal_back() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    let mut file = OpenOptions::new().append(true).open(&ledger).expect("the ledger");
    file.write_all(line("b", FAR, "globex", "2").as_bytes()).expect("an append");
    screen.until("globex");
    screen.press("?");
    screen.until("Keys");
    screen.press("x4");
    screen.until("[4 Price]");
    screen.quit();
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert_given_back(&written);
    assert!(written.contains("outlay: ") && written.contains("month"), "a last line stays: {written}");
}

#[test]
fn a_new_file_is_shown() {
    let (home, _) = home();
    let mut screen = Screen::start(&home, "*.jsonl", &[]);
    screen.until("acme");
    home.write("more.jsonl", &line("b", FAR, "globex", "2"));
    screen.until("globex");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn what_another_program_records_is_shown() {
    let (home, ledger) = home();
    let store = home.path("books.db").display().to_string();
    let arguments = ["--store", &store, "--ledger", &ledger];
    let mut screen = Screen::run(&home, env!("CARGO_BIN_EXE_outlay"), &arguments, &[]);
    screen.until("acme");
    let other = home.write("other/more.jsonl", &line("b", FAR, "globex", "2"));
    home.print(&["--store", &store, "import", &other]);
    screen.until("globex");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_cap_that_is_set_on_the_screen_is_on_the_command_line_and_can_be_taken_back() {
    let (home, ledger) = home();
    let store = home.path("books.db").display().to_string();
    let caps = |action: &str| home.print(&["--store", &store, "caps", action]);
    let arguments = ["--store", &store, "--ledger", &ledger];
    let mut screen = Screen::run(&home, env!("CARGO_BIN_EXE_outlay"), &arguments, &[]);
    screen.until("acme");
    screen.press("c");
    screen.until("Cap: acme");
    screen.rest();
    screen.press("50/day\t\t\t\t\tdocs launch");
    screen.until("left 50.00");
    screen.until("docs launch");
    screen.rest();
    screen.press("\u{13}");
    screen.until("y applies it");
    assert!(caps("list").contains("no caps"), "nothing is saved before it is said again");
    screen.rest();
    screen.press("y");
    screen.until("NOT enforced, no guard is running");
    screen.until("not enforced");
    assert_eq!(caps("list"), "tenant:acme 50.00/day --hard --note \"docs launch\"\n");
    screen.rest();
    screen.press("u");
    screen.until("undo rev 1");
    screen.rest();
    screen.press("\u{13}");
    screen.until("type acme to confirm");
    screen.rest();
    screen.press("acme");
    screen.rest();
    screen.press("\u{13}");
    screen.until("acme 50.00/day > none/day");
    assert!(caps("list").contains("no caps"));
    let log = caps("log");
    assert!(
        log.lines().count() == 2 && log.contains("# docs launch") && log.contains("# undo rev 1"),
        "{log}"
    );
    screen.press("A");
    screen.until("[9 Audit]");
    screen.until("2 changes");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn pasted_text_sets_no_cap() {
    let (home, ledger) = home();
    let store = home.path("books.db").display().to_string();
    let arguments = ["--store", &store, "--ledger", &ledger];
    let mut screen = Screen::run(&home, env!("CARGO_BIN_EXE_outlay"), &arguments, &[]);
    screen.until("acme");
    screen.rest();
    screen.press("\u{1b}[200~c9999/day\n\u{13}y\u{1b}[201~");
    screen.until("paste ignored");
    screen.rest();
    screen.press("c9999/day\t\t\t\t\tlaunch\r\u{13}y");
    screen.until("wrong window");
    for page in ["2", "3", "4", "5", "6", "7", "8", "9", "1"] {
        screen.rest();
        screen.press(page);
        screen.until(&format!("[{page} "));
        screen.rest();
        screen.press("q c9999/day\t\t\t\t\tlaunch\r\u{13}y quit\r");
        screen.until("wrong window");
    }
    screen.rest();
    screen.quit();
    assert_eq!(screen.end().0, 0);
    assert!(home.print(&["--store", &store, "caps", "log"]).is_empty());
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let signals = [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131), (Signal::HUP, 129)];
    for (signal, code) in signals {
        let (home, ledger) = home();
        let mut screen = Screen::start(&home, &ledger, &[]);
        screen.until("acme");
        screen.signal(signal);
        let (ended, written) = screen.end();
        assert_eq!(ended, code);
        assert_given_back(&written);
    }
}

#[test]
fn it_ends_when_its_terminal_goes_away() {
    // With the signal that tells of it, and where whoever started the program has it ignored.
    for start in ["exec", "trap '' HUP; exec"] {
        let (home, ledger) = home();
        let command = format!("{start} {} --ledger {ledger}", env!("CARGO_BIN_EXE_outlay"));
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut shell = CommandBuilder::new("/bin/sh");
        shell.env_clear();
        home.environment().into_iter().for_each(|(key, value)| shell.env(key, value));
        shell.args(["-c", &command]);
        let child = pair.slave.spawn_command(shell).expect("a shell");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (sender, shown) = sync_channel(1);
        std::thread::spawn(move || {
            let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&seen).contains("acme") {
                let count = reader.read(&mut buffer).expect("bytes");
                seen.extend(&buffer[..count]);
            }
            drop(reader);
            sender.send(()).expect("someone waits");
        });
        shown.recv_timeout(PATIENCE).expect("a screen in time");
        drop(pair.master);
        assert_eq!(wait(child).exit_code(), 129, "{start}");
    }
}

/// Starts an interactive shell, and in it the screen.
fn in_a_shell(home: &Home, ledger: &str) -> Screen {
    let mut screen = Screen::run(home, "/bin/sh", &["-i"], &[("PS1", "ready> ")]);
    screen.until("ready>");
    screen.press(&format!("{} --ledger {ledger}\n", env!("CARGO_BIN_EXE_outlay")));
    screen.until("[1 Overview]");
    screen.until("acme");
    screen
}

/// The shell works, the screen comes back whole, and both end.
pub fn goes_on(mut screen: Screen) {
    let at_prompt = |it: &vt100::Screen| {
        !it.alternate_screen() && !it.hide_cursor() && it.contents().trim_end().ends_with("ready>")
    };
    screen.until_it("the shell's prompt", at_prompt);
    screen.press("echo shell-$((40 + 2))\n");
    let shown = screen.until("shell-42");
    assert!(!shown.contains("[1 Overview]"), "{shown}");
    screen.press("fg\n");
    screen.until_it("the screen again", |it| it.alternate_screen() && it.contents().contains("acme"));
    let shown = screen.until("?help");
    assert!(shown.contains("[1 Overview]") && shown.contains("TENANT"), "{shown}");
    screen.press("4");
    screen.until("[4 Price]");
    screen.quit();
    screen.until_it("the prompt at last", at_prompt);
    screen.press("exit\n");
    let (_, written) = screen.end();
    assert_given_back(&written);
}

#[test]
fn ctrl_z_stops_it_and_fg_brings_it_back() {
    let (home, ledger) = home();
    let mut screen = in_a_shell(&home, &ledger);
    screen.press("\u{1a}");
    goes_on(screen);
}

#[test]
fn a_stop_from_outside_gives_the_terminal_back_too() {
    let (home, ledger) = home();
    let screen = in_a_shell(&home, &ledger);
    // The screen is the job in front, and the only process of its group.
    let front = screen.master.process_group_leader().and_then(Pid::from_raw).expect("a job in front");
    kill_process(front, Signal::TSTP).expect("a signal");
    goes_on(screen);
}

#[test]
fn a_stop_without_notice_ends_in_a_whole_screen() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    screen.signal(Signal::STOP);
    // Somebody writes over the screen meanwhile.
    screen.parser.process(b"\x1b[2J\x1b[Hrubbish");
    screen.signal(Signal::CONT);
    let shown = screen.until("acme");
    assert!(shown.contains("[1 Overview]") && !shown.contains("rubbish"), "{shown}");
    screen.quit();
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert_given_back(&written);
}

#[test]
fn without_a_shell_above_ctrl_z_does_nothing() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    screen.press("\u{1a}4");
    screen.until("[4 Price]");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_panic_gives_the_terminal_back_and_tells_why() {
    let program = std::env::current_exe().expect("the test program");
    for thread in ["the loop", "another"] {
        let home = Home::new();
        let arguments = ["--exact", "pty::shows_a_screen_that_panics", "--nocapture"];
        let program = program.display().to_string();
        let mut screen = Screen::run(&home, &program, &arguments, &[(PANICS, thread)]);
        screen.until("[1 Overview]");
        screen.press("w");
        let (code, written) = screen.end();
        assert_eq!(code, 70, "{written}");
        assert_given_back(&written);
        let (_, after) = written.rsplit_once("\u{1b}[?1049l").expect("the screen was left");
        assert!(after.contains("broken on purpose") && after.contains("a fault in the program"), "{after}");
    }
}

/// What the test above runs inside its terminal: the real screen, and behind it something that panics.
#[test]
fn shows_a_screen_that_panics() {
    let Ok(thread) = std::env::var(PANICS) else { return };
    let setup = Setup {
        calendar: Calendar::utc(),
        version: String::new(),
        host: String::new(),
        themes: vec!["dusk".to_owned()],
        theme: "dusk".to_owned(),
        keys: outlay::tui::keys::Keys::default(),
        layout: outlay::tui::Layout::default(),
        read_only: None,
        manners: outlay::tui::Manners::default(),
        price_list: None,
    };
    let (sender, receiver) = sync_channel(16);
    let (themes, _) = Themes::new(Depth::Plain, UNICODE, &[]);
    let app = App::new(setup, Timestamp::EPOCH);
    let mut broken = |_| {
        if thread == "another" {
            std::thread::spawn(|| panic!("broken on purpose"));
        } else {
            panic!("broken on purpose");
        }
    };
    outlay::tui::run(&receiver, &sender, app, themes, &mut broken).expect("a screen");
}

#[test]
fn it_lives_through_any_size() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    for (rows, cols) in [(12, 40), (1, 1), (60, 200), (24, 80)] {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        screen.master.resize(size).expect("a size");
    }
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn nothing_is_written_beside_the_screen() {
    let (home, ledger) = home();
    home.write(".config/outlay/themes/broken.toml", "name = 'broken'\n[colors]\ntext = 'no color'\n");
    home.write("bad.jsonl", "{\"v\":1}\nno json\n\u{1b}]0;title\u{7}\n");
    home.write("broken.db", "no database");
    let closed = home.write("closed.jsonl", &line("c", FAR, "hidden", "1"));
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("a closed file");
    let gone = home.write("gone.jsonl", &line("d", FAR, "leaves", "1"));
    let program = env!("CARGO_BIN_EXE_outlay");
    let command = format!("exec {program} --ledger '*.jsonl' --ledger broken.db 2>errors");
    let mut screen = Screen::run(&home, "/bin/sh", &["-c", &command], &[]);
    screen.until("acme");
    screen.until("leaves");
    screen.press("7");
    screen.until("bad.jsonl");
    std::fs::remove_file(&gone).expect("a file to remove");
    let mut file = OpenOptions::new().append(true).open(&ledger).expect("the ledger");
    file.write_all(b"\0\x1b[2Jnonsense\n").expect("an append");
    file.write_all(line("e", FAR, "last", "2").as_bytes()).expect("an append");
    screen.press("1");
    screen.until("last");
    screen.quit();
    assert_eq!(screen.end().0, 0);
    assert_eq!(std::fs::read_to_string(home.path("errors")).expect("a file"), "");
}

#[test]
fn the_theme_that_was_kept_is_there_at_the_next_start() {
    let (home, ledger) = home();
    for theme in ["dusk", "paper"] {
        let mut screen = Screen::start(&home, &ledger, &[]);
        screen.until("acme");
        screen.press("tj");
        screen.until(&format!("▸ {theme}"));
        screen.rest();
        screen.press("\r");
        screen.until(&format!("theme: {theme}"));
        screen.quit();
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn a_text_that_is_typed_at_once_does_not_end_it() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    screen.rest();
    screen.press("quit while you are ahead\rq");
    screen.until("wrong window");
    screen.rest();
    screen.press("4");
    screen.until("[4 Price]");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn how_pages_are_looked_at_is_there_at_the_next_start() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    screen.press("w");
    screen.until("window: 7d");
    screen.command("sort month");
    screen.until("sort: month");
    screen.rest();
    screen.quit();
    assert_eq!(screen.end().0, 0);
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("sort: month");
    screen.until("window: 7d");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn rows_are_copied_and_written_and_the_mouse_is_given_back() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    screen.rest();
    screen.press("y");
    screen.until("clipboard");
    screen.rest();
    screen.press("m");
    screen.until("mouse on");
    screen.command("export md page.md");
    screen.until("written: page.md");
    screen.quit();
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert!(written.contains("\u{1b}]52;c;YWNtZQ==\u{7}"), "acme is not copied");
    let (on, off) = (written.find("\u{1b}[?1000h"), written.rfind("\u{1b}[?1000l"));
    assert!(on.is_some() && off > on, "the mouse is not given back");
    let page = std::fs::read_to_string(home.path("page.md")).expect("a file");
    assert!(page.starts_with("| tenant | window |") && page.contains("| acme | "), "{page}");
}

#[test]
fn no_color_means_none() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[("NO_COLOR", "1")]);
    screen.until("acme");
    screen.quit();
    let (_, written) = screen.end();
    for code in written.split("\u{1b}[").filter_map(|rest| rest.split_once('m').map(|(code, _)| code)) {
        let colours = code.split(';').filter_map(|part| part.parse::<u8>().ok());
        assert!(
            colours.clone().all(|number| !matches!(number, 30..=38 | 40..=48 | 90..=107)),
            "colour in {code:?}"
        );
    }
}
