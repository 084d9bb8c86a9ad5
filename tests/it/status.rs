//! `outlay status`: the line for a status bar, from the store as it stands.

use std::fs;

use serde_json::Value;

use crate::home::{Home, line};

#[test]
fn before_anything_is_recorded_it_says_so_and_makes_no_store() {
    let home = Home::new();
    assert!(home.print(&["status"]).starts_with("nothing is recorded yet"));
    let told: Value = serde_json::from_str(&home.print(&["status", "--format", "json"])).expect("JSON");
    assert_eq!(told["recorded"], false);
    assert!(home.print(&["doctor", "--books"]).contains("not there yet"));
}

#[test]
fn it_is_one_line_of_what_the_store_holds_and_reads_no_ledger() {
    let home = Home::new();
    let ledger = home.write("calls.jsonl", &line("a", "2026-11-20T09:00:00Z", "acme", "6"));
    home.print(&["import", &ledger]);
    fs::remove_file(&ledger).expect("the ledger");
    home.print(&["caps", "set", "tenant:acme", "5.00/total"]);
    let told = home.print(&["status"]);
    assert_eq!(told.lines().count(), 1);
    assert!(told.starts_with("today $") && told.contains("burn $"), "{told}");
    assert!(told.ends_with("  reached acme 5.00/total\n"), "{told}");
    let told: Value = serde_json::from_str(&home.print(&["status", "--format", "json"])).expect("JSON");
    assert_eq!((&told["reached"][0]["account"], &told["next"]), (&"tenant:acme".into(), &Value::Null));
}

#[test]
fn a_store_that_cannot_be_read_is_a_failure_and_stays_as_it_is() {
    let home = Home::new();
    let text = "this is no database, and more than a header of one hundred bytes long, to be sure of what is found here.";
    let store = home.write("calls.db", text);
    assert_eq!(home.run(&["status", "--store", &store]).status.code(), Some(1));
    assert_eq!(fs::read_to_string(&store).expect("the file"), text);
}
