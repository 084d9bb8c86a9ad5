//! The screen's manners in a real pseudo-terminal: what it sends at the start and at the end, other shells, other
//! terminals, two screens at once, a terminal that takes nothing.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::Signal;

use crate::home::{Home, line};
use crate::pty::{FAR, Screen, assert_given_back, home, wait};

const PROGRAM: &str = env!("CARGO_BIN_EXE_outlay");

/// Returns a home, a ledger of one call by `acme`, and the arguments that keep it in a store.
fn kept() -> (Home, Vec<String>) {
    let (home, ledger) = home();
    let store = home.path("books.db").display().to_string();
    let arguments = ["--store", &store, "--ledger", &ledger].map(str::to_owned).to_vec();
    (home, arguments)
}

fn start(home: &Home, arguments: &[String], extra: &[(&str, &str)]) -> Screen {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut screen = Screen::run(home, PROGRAM, &arguments, extra);
    screen.until("acme");
    screen
}

/// Returns the numbers of each colour code in what was written.
fn colours(written: &str) -> Vec<Vec<u16>> {
    let codes = written.split("\u{1b}[").filter_map(|rest| rest.split_once('m').map(|(code, _)| code));
    let numbers =
        |code: &str| code.split(';').map(|part| part.parse::<u16>().ok()).collect::<Option<Vec<_>>>();
    codes.filter_map(numbers).collect()
}

#[test]
fn it_takes_the_terminal_without_asking_it_anything_and_without_the_mouse() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    let shown = screen.parser.screen();
    assert!(shown.alternate_screen() && shown.hide_cursor() && shown.bracketed_paste());
    assert_eq!(shown.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    screen.quit();
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert_given_back(&written);
    let (_, after) = written.rsplit_once("\u{1b}[?1049l").expect("the screen was left");
    assert!(after.contains("outlay: ") && after.contains("month"), "a summary stays: {after:?}");
}

#[test]
fn bash_stops_it_and_brings_it_back() {
    let (home, ledger) = home();
    let mut screen = Screen::run(&home, "/bin/bash", &["--norc", "-i"], &[("PS1", "ready> ")]);
    screen.until("ready>");
    screen.press(&format!("{PROGRAM} --ledger {ledger}\n"));
    screen.until("[1 Overview]");
    screen.until("acme");
    screen.rest();
    screen.press("\u{c}");
    screen.rest();
    screen.press("\u{1a}");
    crate::pty::goes_on(screen);
}

#[test]
fn after_a_storm_of_sizes_it_looks_as_one_that_was_started_so() {
    let (home, arguments) = kept();
    let mut screen = start(&home, &arguments, &[]);
    for (rows, cols) in [(40, 120), (20, 60), (1, 1), (60, 200), (2, 300), (500, 200), (24, 80)] {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        screen.master.resize(size).expect("a size");
        screen.rest();
    }
    // What was drawn for other sizes is wiped by the last frame, which is whole.
    screen.rest();
    screen.press("\u{c}");
    screen.rest();
    let mut fresh = start(&home, &arguments, &[]);
    for screen in [&mut screen, &mut fresh] {
        screen.until("live");
        screen.rest();
    }
    let without_time =
        |text: String| text.lines().skip(1).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    let stormed = without_time(screen.parser.screen().contents());
    assert_eq!(stormed, without_time(fresh.parser.screen().contents()));
    for mut screen in [screen, fresh] {
        screen.quit();
        assert_eq!(screen.end().0, 0);
    }
}

#[test]
fn a_cap_that_stops_calls_needs_the_right_name() {
    let (home, arguments) = kept();
    let store = home.path("books.db").display().to_string();
    home.print(&["--store", &store, "caps", "set", "tenant:acme", "50/day"]);
    let mut screen = start(&home, &arguments, &[]);
    screen.until("50/d");
    screen.rest();
    screen.press("c");
    screen.until("Cap: acme (rev 1)");
    screen.rest();
    screen.press("none/day\t\t\t\t\tno cap now");
    screen.until("no cap now");
    screen.rest();
    screen.press("\u{13}");
    screen.until("type acme to confirm");
    for (name, says) in [("acne", "that is not the name"), ("acme", "50.00/day > none/day")] {
        screen.rest();
        screen.press("\u{15}");
        screen.rest();
        screen.press(name);
        screen.until(name);
        screen.rest();
        screen.press("\u{13}");
        screen.until(says);
    }
    screen.quit();
    assert_eq!(screen.end().0, 0);
    let log = home.print(&["--store", &store, "caps", "log"]);
    assert!(log.lines().count() == 2 && log.contains("# no cap now"), "{log}");
}

#[test]
fn of_two_screens_that_change_the_same_cap_the_second_is_asked() {
    let (home, arguments) = kept();
    let store = home.path("books.db").display().to_string();
    let mut screens = [start(&home, &arguments, &[]), start(&home, &arguments, &[])];
    for (screen, amount) in screens.iter_mut().zip(["60", "70"]) {
        screen.rest();
        screen.press("c");
        screen.until("Cap: acme");
        screen.rest();
        screen.press(&format!("{amount}/day\t\t\t\t\tas it is {amount}"));
        screen.until(&format!("as it is {amount}"));
        screen.rest();
    }
    let [first, second] = &mut screens;
    for screen in [&mut *first, &mut *second] {
        screen.press("\u{13}");
        screen.until("y applies it");
        screen.rest();
    }
    first.press("y");
    first.until("NOT enforced, no guard is running");
    second.press("y");
    let shown = second.until("Nothing is saved.");
    assert!(shown.contains("60.00/day") && shown.contains("70.00/day"), "{shown}");
    second.rest();
    second.press("k");
    second.rest();
    for key in ["\u{13}", "y"] {
        second.press(key);
        second.rest();
    }
    second.until("NOT enforced, no guard is running");
    for mut screen in screens {
        screen.quit();
        assert_eq!(screen.end().0, 0);
    }
    let log = home.print(&["--store", &store, "caps", "log"]);
    assert!(log.contains("as it is 60") && log.contains("as it is 70"), "neither is lost: {log}");
}

#[test]
fn no_terminal_gets_colours_that_it_does_not_have() {
    for term in ["xterm", "xterm-256color", "screen", "tmux-256color", "linux", "vt100"] {
        for colorterm in ["", "truecolor"] {
            let (home, ledger) = home();
            let arguments = ["--theme", "dusk", "--ledger", &ledger];
            let extra = [("TERM", term), ("COLORTERM", colorterm)];
            let mut screen = Screen::run(&home, PROGRAM, &arguments, &extra);
            screen.until("acme");
            screen.quit();
            let (code, written) = screen.end();
            assert_eq!(code, 0, "{term}");
            let pairs: Vec<[u16; 2]> = colours(&written)
                .iter()
                .flat_map(|code| code.windows(2).map(|pair| [pair[0], pair[1]]).collect::<Vec<_>>())
                .collect();
            let of =
                |kind: u16| pairs.iter().filter(|pair| matches!(pair[0], 38 | 48) && pair[1] == kind).count();
            assert_eq!(of(2) > 0, colorterm == "truecolor", "24 bits on {term} {colorterm}");
            let table = colorterm.is_empty() && term.contains("256color");
            assert_eq!(of(5) > 16, table, "256 colours on {term} {colorterm}: {}", of(5));
        }
    }
}

#[test]
fn without_unicode_only_names_are_more_than_ascii() {
    let home = Home::new();
    let lines = line("a", FAR, "acme", "1") + &line("b", FAR, "한빛-번역", "2");
    let ledger = home.write("calls.jsonl", &lines);
    let mut screen = Screen::start(&home, &ledger, &[("LC_ALL", "C")]);
    screen.until("acme");
    for page in ["?", "\u{1b}", "2", "3", "4", "5", "6", "7", "8", "9"] {
        screen.rest();
        screen.press(page);
    }
    screen.rest();
    screen.quit();
    let (_, written) = screen.end();
    let others: String = written.chars().filter(|c| !c.is_ascii() && !"한빛번역".contains(*c)).collect();
    assert_eq!(others, "");
}

#[test]
fn a_dumb_terminal_and_a_closed_input_get_plain_text_once() {
    let (home, ledger) = home();
    let screen = Screen::run(&home, PROGRAM, &["--ledger", &ledger], &[("TERM", "dumb")]);
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert!(written.contains("spend today") && !written.contains('\u{1b}'), "{written:?}");
    let command = format!("exec {PROGRAM} --ledger {ledger} </dev/null");
    let (code, written) = Screen::run(&home, "/bin/sh", &["-c", &command], &[]).end();
    assert_eq!(code, 0);
    assert!(written.contains("spend today") && !written.contains('\u{1b}'), "{written:?}");
    // And forms that are asked for.
    let (code, written) = Screen::run(&home, PROGRAM, &["--ledger", &ledger, "--json"], &[]).end();
    assert!(code == 0 && written.trim_start().starts_with('{') && !written.contains('\u{1b}'), "{written}");
}

#[test]
fn figures_are_printed_again_and_again_until_it_is_ended() {
    let (home, ledger) = home();
    let mut screen = Screen::run(&home, PROGRAM, &["--ledger", &ledger, "--watch", "1"], &[]);
    screen.until_it("three blocks", |shown| shown.contents().matches("spend today").count() >= 3);
    screen.signal(Signal::INT);
    let (_, written) = screen.end();
    assert!(!written.contains('\u{1b}'), "{written:?}");
}

#[test]
fn a_terminal_that_takes_nothing_does_not_hold_up_the_key_that_quits() {
    let (home, ledger) = home();
    let size = |cols| PtySize { rows: 60, cols, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size(200)).expect("a terminal");
    let mut command = CommandBuilder::new(PROGRAM);
    command.env_clear();
    home.environment().into_iter().for_each(|(key, value)| command.env(key, value));
    command.args(["--ledger", &ledger]);
    let child = pair.slave.spawn_command(command).expect("the program starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut keys = pair.master.take_writer().expect("a writer");
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains("acme") {
        let count = reader.read(&mut buffer).expect("bytes");
        seen.extend(&buffer[..count]);
    }
    // From here on nobody reads: whole frames soon fill whatever the system keeps for the terminal.
    for round in 0..40 {
        pair.master.resize(size(199 + round % 2)).expect("a size");
        keys.write_all(b"\x0c").expect("a terminal that takes keys");
    }
    // As a hand does: a key that quits, and none after it.
    std::sync::mpsc::sync_channel::<()>(0).1.recv_timeout(Duration::from_millis(200)).expect_err("a pause");
    keys.write_all(b"q").expect("a terminal that takes keys");
    let ended = wait(child);
    assert_eq!(ended.exit_code(), 0);
}

#[test]
fn what_is_copied_goes_to_tmux_where_it_runs_and_to_the_program_that_was_said() {
    let (home, ledger) = home();
    let program = |name: &str| {
        let path = home.write(
            &format!("bin/{name}"),
            &format!("#!/bin/sh\necho \"$@\" > {name}.said\ncat > {name}.took\n"),
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
        path
    };
    program("tmux");
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    let mine = program("mine");
    let config = home.write("o.toml", &format!("[ui]\ncopy_command = [\"{mine}\", \"-in\"]\n"));
    for (config, name, said) in [(None, "tmux", "load-buffer -w -"), (Some(&config), "mine", "-in")] {
        let mut arguments = vec!["--ledger", ledger.as_str()];
        arguments.extend(config.into_iter().flat_map(|config| ["--config", config.as_str()]));
        let mut screen = Screen::run(&home, PROGRAM, &arguments, &[("TMUX", "/x"), ("PATH", &path)]);
        screen.until("acme");
        screen.rest();
        screen.press("y");
        screen.until("clipboard");
        screen.quit();
        let (_, written) = screen.end();
        assert!(!written.contains("\u{1b}]52"), "it went another way");
        let read = |end: &str| std::fs::read_to_string(home.path(&format!("{name}.{end}"))).expect("a file");
        assert_eq!((read("said").trim(), read("took").as_str()), (said, "acme"));
    }
}

#[test]
fn a_theme_that_is_written_is_there_at_once() {
    let (home, ledger) = home();
    let mut screen = Screen::start(&home, &ledger, &[]);
    screen.until("acme");
    home.write(".config/outlay/themes/mine.toml", "name = \"mine-own\"\nbase = \"nord\"\n");
    screen.until("themes read anew");
    screen.command("theme mine-own");
    screen.until("theme: mine-own");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn the_first_start_writes_nothing_before_it_is_agreed_to() {
    let home = Home::new();
    home.write(".claude/projects/x/a.jsonl", "");
    let mut screen = Screen::run(&home, PROGRAM, &[], &[]);
    screen.until("What should outlay watch?");
    screen.rest();
    screen.quit();
    assert_eq!(screen.end().0, 0);
    let config = home.path(".config/outlay/config.toml");
    assert!(!config.exists() && !home.path(".local").exists(), "something was written");
    let mut screen = Screen::run(&home, PROGRAM, &[], &[]);
    screen.until("What should outlay watch?");
    screen.rest();
    screen.press("\t");
    screen.rest();
    screen.press("900");
    screen.rest();
    screen.press("\r");
    screen.until("[1 Overview]");
    screen.rest();
    screen.press("3");
    screen.until("900.00");
    screen.quit();
    assert_eq!(screen.end().0, 0);
    let text = std::fs::read_to_string(config).expect("a configuration");
    assert!(text.starts_with("zone = \"UTC\"\n[[feed]]\nledger = "), "{text}");
    let log = home.print(&["caps", "log"]);
    assert!(log.contains("900.00/month") && log.contains("first start"), "{log}");
}

#[test]
fn a_store_that_cannot_be_written_is_shown_and_not_changed() {
    let (home, arguments) = kept();
    let mut screen = start(&home, &arguments, &[]);
    screen.quit();
    assert_eq!(screen.end().0, 0);
    let store = arguments[1].clone();
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o444)).expect("a closed file");
    let output = home.run(&["--store", &store, "caps", "set", "tenant:acme", "1/day"]);
    // Whoever may write everything is not stopped by the file's mode.
    if output.status.success() {
        return;
    }
    let mut screen = start(&home, &arguments, &[]);
    screen.until("RO");
    screen.quit();
    assert_eq!(screen.end().0, 0);
}

#[test]
fn only_those_who_are_named_change_caps() {
    let (home, arguments) = kept();
    let config = home.write("o.toml", "[access]\nwriters = [\"mira\"]\nwho = \"env:OPS_NAME\"\n");
    let with_config: Vec<String> =
        ["--config", &config].map(str::to_owned).into_iter().chain(arguments).collect();
    for (name, says) in [("jun", "jun may change nothing here: mira may"), ("", "set OPS_NAME to your name")]
    {
        let mut screen = start(&home, &with_config, &[("OPS_NAME", name)]);
        screen.rest();
        screen.press("c");
        screen.until(says);
        screen.quit();
        assert_eq!(screen.end().0, 0);
    }
    let mut screen = start(&home, &with_config, &[("OPS_NAME", "mira")]);
    screen.rest();
    screen.press("c");
    screen.until("Cap: acme");
    screen.rest();
    screen.press("\u{1b}");
    screen.rest();
    screen.quit();
    assert_eq!(screen.end().0, 0);
}
