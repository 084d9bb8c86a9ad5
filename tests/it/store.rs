//! The store under the program run for real: what it refuses, what it keeps, who may read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::home::{Home, line};

const AT: &str = "2026-11-20T09:00:00Z";

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn files_are_for_their_owner_alone_whatever_the_mask() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", AT, "acme", "1"));
    let script = format!(
        "umask 000; \"$0\" import {ledger} --log-file log && \"$0\" config init && \"$0\" prices set m --input 1 --output 1 \
         && \"$0\" report --ledger missing --log-file log; true"
    );
    let mut command = Command::new("sh");
    command.env_clear().envs(home.environment()).current_dir(home.path("."));
    let output = command.args(["-c", &script, env!("CARGO_BIN_EXE_outlay")]).output().expect("a shell");
    assert!(output.status.success(), "{}", said(&output));
    for file in [
        ".local/state/outlay/outlay.db",
        ".config/outlay/config.toml",
        ".local/share/outlay/own-prices.tsv",
        "log",
    ] {
        assert_eq!(mode(&home.path(file)), 0o600, "{file}");
    }
    for folder in [".local", ".local/state/outlay", ".config/outlay", ".local/share/outlay"] {
        assert_eq!(mode(&home.path(folder)), 0o700, "{folder}");
    }
}

#[test]
fn without_a_home_it_says_what_to_set_and_writes_nothing() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", AT, "acme", "1"));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
        command.env_clear().current_dir(home.path(".")).args(arguments).output().expect("the program starts")
    };
    for arguments in
        [&["import", &ledger][..], &["report"], &["prices", "set", "m", "--input", "1", "--output", "1"]]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said(&output).contains("HOME"), "{}", said(&output));
    }
    assert_eq!(fs::read_dir(home.path(".")).expect("the folder").count(), 1);
    let store = home.path("named.db").display().to_string();
    assert!(run(&["import", &ledger, "--store", &store]).status.success());
    assert!(run(&["report", "--ledger", &ledger]).status.success());
}

#[test]
fn a_newer_store_is_refused_with_both_versions_and_not_a_byte_is_changed() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", AT, "acme", "1"));
    home.print(&["import", &ledger, "--store", "s.db"]);
    let store = home.path("s.db");
    let mut bytes = fs::read(&store).expect("the store");
    // The schema's number stands at byte 60 of every SQLite file.
    bytes[60..64].copy_from_slice(&77_u32.to_be_bytes());
    fs::write(&store, &bytes).expect("the store");
    for arguments in [
        &["import", &ledger][..],
        &["report"],
        &["doctor"],
        &["prices", "set", "m", "--input", "1", "--output", "1"],
    ] {
        let output = home.run(&[arguments, &["--store", "s.db"]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let error = said(&output);
        assert!(error.contains("schema 77") && error.contains(env!("CARGO_PKG_VERSION")), "{error}");
        assert_eq!(fs::read(&store).expect("the store"), bytes, "{arguments:?}");
    }
}

#[test]
fn what_is_no_store_is_named_and_left_as_it_is() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", AT, "acme", "1"));
    home.print(&["import", &ledger, "--store", "s.db"]);
    let whole = fs::read(home.path("s.db")).expect("the store");
    let torn = [&whole[..4096], &vec![0xa5; whole.len() - 4096]].concat();
    for (name, content) in [("text", &b"notes, not a store"[..]), ("torn", &torn)] {
        let path = home.path(name);
        fs::write(&path, content).expect("a file");
        let output = home.run(&["report", "--store", name]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(said(&output).contains("damaged"), "{name}: {}", said(&output));
        assert_eq!(fs::read(&path).expect("the file"), content, "{name}");
    }
    fs::create_dir(home.path("folder")).expect("a folder");
    let output = home.run(&["report", "--store", "folder"]);
    assert!(output.status.code() == Some(1) && said(&output).contains("is a folder"), "{}", said(&output));
    fs::write(home.path("empty"), "").expect("a file");
    home.print(&["import", &ledger, "--store", "empty"]);
    assert_eq!(json(&home.print(&["report", "--store", "empty", "--format", "json"]))["total"]["calls"], 1);
}

#[test]
fn a_store_that_cannot_be_written_is_still_reported_from() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", AT, "acme", "1"));
    home.print(&["import", &ledger, "--store", "s.db"]);
    // What a read-only disk does, whoever runs the test: the log cannot be made.
    fs::create_dir(home.path("s.db-wal")).expect("a folder");
    let output = home.run(&["report", "--store", "s.db", "--format", "json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("not up to date"), "{}", said(&output));
    assert_eq!(json(&String::from_utf8_lossy(&output.stdout))["total"]["calls"], 1);
    assert_eq!(home.run(&["import", &ledger, "--store", "s.db"]).status.code(), Some(1));
}

#[test]
fn calls_without_a_price_get_one_as_soon_as_the_book_knows_it() {
    let home = Home::new();
    let call = |id: &str, model: &str| {
        format!(
            "{{\"id\":\"{id}\",\"ts\":\"{AT}\",\"tenant\":\"a\",\"model\":\"{model}\",\"input\":1000000,\"output\":0}}\n"
        )
    };
    let ledger = home.write("calls.jsonl", &(call("a", "house-model") + &call("b", "gpt-4o")));
    home.print(&["import", &ledger]);
    let cost = || {
        let total = json(&home.print(&["report", "--format", "json"]))["total"].clone();
        (total["cost_usd"].as_str().unwrap_or_default().to_owned(), total["unpriced_calls"].clone())
    };
    let (before, unpriced) = cost();
    assert_eq!(unpriced, 1);
    let price = |model: &str| format!("[[price]]\nmodel = \"{model}\"\ninput = \"3\"\noutput = \"9\"\n");
    home.write(".config/outlay/config.toml", &(price("house-model") + &price("gpt-4o")));
    let dollars = |text: &str| text.replace('.', "").parse::<u64>().expect("dollars");
    let (after, unpriced) = cost();
    assert_eq!(
        (dollars(&after), unpriced),
        (dollars(&before) + 3_000_000_000, 0.into()),
        "what had a price keeps it"
    );
    home.write(".config/outlay/config.toml", "");
    assert_eq!(cost(), (after, 0.into()), "a price once found stays");
}

#[test]
fn a_story_imported_again_after_it_grew_has_the_counters_of_one_import() {
    let home = Home::new();
    let header = "request_id,startTime,model,prompt_tokens,completion_tokens,spend,team_id\n";
    let row = |id: &str| format!("{id},2026-11-20 09:00:00,gpt-4o,100,10,0.5,acme\n");
    let first = format!("{header}{}broken\n{}", row("a"), row("a"));
    let ledger = home.write("calls.csv", &first);
    let name = format!("{ledger}=litellm-csv");
    home.print(&["import", &name, "--store", "twice.db"]);
    fs::write(&ledger, format!("{first}{}{}", row("b"), row("a"))).expect("the ledger");
    home.print(&["import", &name, "--store", "twice.db"]);
    home.print(&["import", &name, "--store", "once.db"]);
    let report = |store: &str| json(&home.print(&["report", "--store", store, "--format", "json"]));
    let (twice, once) = (report("twice.db"), report("once.db"));
    assert_eq!(once["total"]["calls"], 2, "{once}");
    assert_eq!(once["duplicates"], 2, "{once}");
    assert_eq!(twice["sources"], once["sources"]);
}
