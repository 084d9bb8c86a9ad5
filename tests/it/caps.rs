//! Caps, keys and plans on the command line.

use serde_json::Value;

use crate::home::{Home, line};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn code(home: &Home, arguments: &[&str]) -> Option<i32> {
    home.run(arguments).status.code()
}

#[test]
fn a_cap_is_set_shown_undone_and_every_change_is_on_record() {
    let home = Home::new();
    home.print(&["caps", "set", "tenant:acme", "50.00/day", "--warn", "50,80", "--note", "docs launch"]);
    home.print(&["caps", "set", "tenant:acme", "5/day", "--on-breach", "downgrade:gpt-4o-mini"]);
    home.print(&["caps", "set", "all", "1000 calls/rolling:30d", "--soft"]);
    assert!(
        home.print(&["caps", "list"])
            .contains("tenant:acme 5.00/day --hard --on-breach downgrade:gpt-4o-mini")
    );
    home.print(&["caps", "undo", "2", "--why", "too tight"]);
    home.print(&["caps", "remove", "all", "calls/rolling:30d"]);
    let listed = json(&home.print(&["caps", "list", "--format", "json"]));
    assert_eq!(
        listed["caps"],
        Value::from(vec!["tenant:acme 50.00/day --hard --warn 50,80 --note \"docs launch\""])
    );
    let log = json(&home.print(&["caps", "log", "--format", "json"]));
    assert_eq!(log["changes"].as_array().map(Vec::len), Some(5));
    assert_eq!(log["changes"][3]["why"], "too tight");
    assert_eq!(log["changes"][1]["old"], "tenant:acme 50.00/day --hard --warn 50,80 --note \"docs launch\"");
}

#[test]
fn what_is_no_cap_is_wrong_usage_and_changes_nothing() {
    let home = Home::new();
    for arguments in [
        &["caps", "set", "acme", "5/day"][..],
        &["caps", "set", "all", "-5/day"],
        &["caps", "set", "all", "5/year"],
        &["caps", "set", "all", "5/day", "--soft", "--on-breach", "downgrade:m"],
        &["caps", "backtest", "key:abc", "5/day"],
        &["caps", "set", "all"],
        &["keys", "create", ""],
        &["keys", "create", "acme", "--expires", "2020-01-01"],
    ] {
        assert_eq!(code(&home, arguments), Some(2), "{arguments:?}");
    }
    assert_eq!(code(&home, &["caps", "remove", "all", "day"]), Some(1));
    assert!(home.print(&["caps", "list"]).contains("no caps"));
}

#[test]
fn a_check_ends_with_three_where_a_cap_is_reached_and_with_nothing_where_not() {
    let home = Home::new();
    assert_eq!(code(&home, &["caps", "check"]), Some(0));
    home.print(&["caps", "set", "all", "1/day"]);
    assert_eq!(code(&home, &["caps", "check"]), Some(0));
    home.print(&["caps", "set", "model:m", "0/day"]);
    assert_eq!(code(&home, &["caps", "check"]), Some(3));
    let output = home.run(&["caps", "check", "--format", "json"]);
    let rows = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(
        (&rows["standings"][0]["reached"], &rows["standings"][1]["reached"]),
        (&false.into(), &true.into())
    );
    assert_eq!(rows["standings"][0]["limit"], "1.000000000");
}

#[test]
fn a_backtest_tells_what_a_cap_would_have_stopped_and_when() {
    let home = Home::new();
    let calls = [
        line("a", "2026-11-20T09:00:00Z", "acme", "0.6"),
        line("b", "2026-11-20T10:00:00Z", "acme", "0.5"),
        line("c", "2026-11-20T11:00:00Z", "acme", "0.4"),
        line("d", "2026-11-21T11:00:00Z", "acme", "0.9"),
        line("e", "2026-11-21T11:00:00Z", "other", "7"),
    ];
    let ledger = home.write("calls.jsonl", &calls.concat());
    home.print(&["import", &ledger]);
    let replayed = json(&home.print(&["caps", "backtest", "tenant:acme", "1/day", "--format", "json"]));
    assert_eq!(
        (&replayed["calls"], &replayed["stopped"], &replayed["saved_usd"]),
        (&4.into(), &1.into(), &"0.500000000".into())
    );
    let text = home.print(&["caps", "backtest", "each-tenant", "1/day", "--since", "2026-11-21"]);
    assert!(text.contains("of 2 calls it would have stopped 1, and saved $7.0000"), "{text}");
    assert!(text.contains("2026-11-21 11:00  tenant:other"), "{text}");
}

#[test]
fn a_key_is_shown_once_and_can_be_taken_back() {
    let home = Home::new();
    let key = home.print(&["keys", "create", "acme"]);
    let name = key.trim().strip_prefix("olk_").and_then(|rest| rest.split('_').next()).expect("a key");
    let listed = home.print(&["keys", "list"]);
    assert!(listed.contains(name) && !listed.contains(key.trim()) && listed.contains("active"), "{listed}");
    home.print(&["keys", "create", "acme", "--expires", "9000-01-01"]);
    assert_eq!(code(&home, &["keys", "create", "acme"]), Some(1));
    home.print(&["keys", "revoke", name]);
    home.print(&["keys", "create", "acme"]);
    let keys = json(&home.print(&["keys", "list", "--format", "json"]));
    let states: Vec<_> = keys["keys"].as_array().expect("keys").iter().map(|key| &key["state"]).collect();
    assert_eq!(states.iter().filter(|state| **state == "active").count(), 2);
    assert_eq!(code(&home, &["keys", "revoke", "nobody"]), Some(1));
}

#[test]
fn tenants_are_put_on_plans_and_taken_off() {
    let home = Home::new();
    home.print(&["caps", "set", "plan:free", "0.50/day"]);
    home.print(&["plans", "assign", "acme", "free"]);
    let listed = home.print(&["plans", "list"]);
    assert!(listed.contains("free: 1 tenants") && listed.contains("plan:free 0.50/day --hard"), "{listed}");
    home.print(&["plans", "assign", "acme"]);
    let plans = json(&home.print(&["plans", "list", "--format", "json"]));
    assert_eq!(plans["plans"][0]["tenants"].as_array().map(Vec::len), Some(0));
    assert!(home.print(&["caps", "log"]).contains("acme on the default plan"));
    assert!(home.print(&["doctor", "--books"]).contains("balance to the nanodollar"));
}
