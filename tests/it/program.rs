//! The program run for real: the contract of the command line.

use std::fs;

use serde_json::Value;

use crate::home::{Home, line};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_report_sums_in_nanodollars_and_counts_each_call_once() {
    let home = Home::new();
    let calls = [
        line("a", "2026-11-20T09:00:00Z", "acme", "0.000000001"),
        line("a", "2026-11-20T09:00:00Z", "acme", "0.000000001"),
        line("b", "2026-11-20T23:59:59.999Z", "acme", "0.1"),
        "{half a line\n".to_owned(),
    ];
    let ledger = home.write("calls.jsonl", &calls.concat());
    let report = json(&home.print(&["report", "--ledger", &ledger, "--format", "json"]));
    assert_eq!(report["rows"][0]["day"], "2026-11-20");
    assert_eq!(report["rows"][0]["calls"], 2);
    assert_eq!(report["total"]["cost_usd"], "0.100000001");
    assert_eq!((&report["bad_lines"], &report["duplicates"]), (&Value::from(1), &Value::from(1)));
}

#[test]
fn two_programs_that_make_the_store_at_the_same_time_both_go_on() {
    for _ in 0..50 {
        let home = &Home::new();
        let statuses = std::thread::scope(|scope| {
            let make = |tenant| scope.spawn(move || home.run(&["keys", "create", tenant]).status.success());
            [make("acme"), make("other")].map(|made| made.join().expect("it ends"))
        });
        assert_eq!(statuses, [true, true]);
        let keys = home.print(&["keys", "list"]);
        assert!(keys.contains("acme") && keys.contains("other"), "{keys}");
    }
}

#[test]
fn days_are_cut_in_the_zone_asked_for() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", "2026-11-20T23:30:00Z", "acme", "1"));
    let report = home.print(&["report", "--tz", "Asia/Seoul", "--ledger", &ledger, "--format", "csv"]);
    assert!(report.contains("2026-11-21,acme"), "{report}");
}

#[test]
fn what_was_imported_stays_when_its_source_goes_and_is_never_counted_twice() {
    let home = Home::new();
    let calls =
        line("a", "2026-11-20T09:00:00Z", "acme", "1") + &line("b", "2026-11-20T09:00:00Z", "acme", "2");
    let ledger = home.write("calls.jsonl", &calls);
    let copy = home.write("copy.jsonl", &calls);
    home.print(&["import", &ledger]);
    home.print(&["import", &ledger, &copy]);
    fs::remove_file(&ledger).expect("the ledger");
    let report = json(&home.print(&["report", "--format", "json"]));
    assert_eq!((&report["total"]["calls"], &report["total"]["cost_usd"]), (&2.into(), &"3.000000000".into()));
    assert!(home.print(&["doctor", "--books"]).contains("balance to the nanodollar"));
}

#[test]
fn a_dry_run_shows_what_a_mapping_makes_and_touches_no_store() {
    let home = Home::new();
    let config = home.write(
        "o.toml",
        "[mapping.front]\ncolumns = { time = \"t\", tenant = { path = \"job\", capture = \"^(\\\\w+):\" }, model = \"m\", input = \"i\" }\n",
    );
    let rows = "{\"t\":\"2026-11-20T09:00:00Z\",\"job\":\"ants:1\",\"m\":\"gpt-4o\",\"i\":1000000}\n{\"t\":\"soon\",\"i\":1}\n";
    let ledger = home.write("rows.jsonl", rows);
    let shown = home.print(&["--config", &config, "import", "--dry-run", &format!("{ledger}=front")]);
    assert!(shown.contains("1 calls, 1 refused"), "{shown}");
    assert!(shown.contains("2026-11-20 09:00 tenant=ants model=gpt-4o input=1000000 $2.5"), "{shown}");
    assert!(shown.contains("! line 2: time in `t` is \"soon\""), "{shown}");
    assert!(home.print(&["doctor", "--books"]).contains("not there yet"));
}

#[test]
fn an_unpriced_call_is_never_shown_as_nothing() {
    let home = Home::new();
    let call =
        r#"{"ts":"2026-11-20T09:00:00Z","tenant":"a","model":"house-model","input":1000000,"output":1}"#;
    let ledger = home.write("calls.jsonl", call);
    let before = home.print(&["report", "--ledger", &ledger]);
    assert!(before.contains("unpriced") && !before.contains("$0"), "{before}");
    home.print(&["import", &ledger]);
    home.print(&["prices", "set", "house-model", "--input", "2.50", "--output", "10"]);
    let after = json(&home.print(&["report", "--format", "json"]));
    assert_eq!(
        (&after["total"]["cost_usd"], &after["total"]["unpriced_calls"]),
        (&"2.500010000".into(), &0.into())
    );
}

#[test]
fn a_report_is_filtered_as_the_screen_is() {
    let home = Home::new();
    let far = "2026-11-20T09:00:00Z";
    let lines = [line("a", far, "acme", "2"), line("b", far, "globex", "3"), line("c", far, "acme-2", "5")];
    let ledger = home.write("calls.jsonl", &lines.concat());
    let sums = |filter: &str| {
        let report = home.print(&["report", "--ledger", &ledger, "--format", "json", "--filter", filter]);
        let report = json(&report);
        (
            report["rows"].as_array().map_or(0, Vec::len),
            report["total"]["cost_usd"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(sums("tenant:acme*"), (2, Some("7.000000000".to_owned())));
    assert_eq!(sums("-acme"), (1, Some("3.000000000".to_owned())));
    assert_eq!(sums("cost>2.5 -globex"), (1, Some("5.000000000".to_owned())));
    let refused = home.run(&["report", "--ledger", &ledger, "--filter", "provider:x"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2));
    assert!(error.contains("--filter: `provider` is not known here"), "{error}");
}

#[test]
fn keys_that_clash_or_are_not_known_are_told_with_file_and_line() {
    let home = Home::new();
    let config = home.write("outlay.toml", "[keys]\nsort = \"w\"\nfliter = \"F5\"\npause = \"ctrl\"\n");
    let output = home.run(&["--config", &config, "config", "show"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    for words in [
        ":2: keys.sort: `w` is the key of `window` too",
        ":3: keys.fliter: there is no such action; did you mean `filter`?",
        ":4: keys.pause: `ctrl` is no key",
    ] {
        assert!(error.contains(words), "no `{words}` in {error}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let home = Home::new();
    for arguments in [
        &["report", "--by", "colour"][..],
        &["report", "--since", "soon"],
        &["report", "--tz", "Mars/X"],
        &["--nope"],
    ] {
        assert_eq!(home.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(home.run(&["report", "--ledger", "missing.jsonl"]).status.code(), Some(1));
}

#[test]
fn a_store_that_is_none_is_left_as_it_is() {
    let home = Home::new();
    let store = home.write("calls.db", "this is no database, and more than a header of one hundred bytes long, to be sure of what is found here.");
    let before = fs::read(&store).expect("the file");
    let output = home.run(&["report", "--store", &store]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("calls.db"));
    assert_eq!(fs::read(&store).expect("the file"), before);
}

#[test]
fn a_pipe_gets_plain_text_once() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", "2026-11-20T09:00:00Z", "acme\\u001b[31m", "1"));
    let text = home.print(&["--ledger", &ledger]) + &home.print(&["report", "--ledger", &ledger]);
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("acme"));
}

#[test]
fn text_that_a_spreadsheet_would_run_is_defused() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", "2026-11-20T09:00:00Z", "=cmd()", "1"));
    assert!(home.print(&["report", "--ledger", &ledger, "--format", "csv"]).contains(",'=cmd(),"));
}
