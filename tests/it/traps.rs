//! The tables of known mistakes, and the tests that they name: each is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TABLES: [&str; 2] = ["docs/traps.md", "docs/traps-guard.md"];

/// Returns what stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns every function of the sources and tests.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        let files = walkdir::WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        let files = files.into_iter().map(|entry| entry.expect("an entry").into_path());
        for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
            let text = fs::read_to_string(path).expect("a source file");
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
    found
}

#[test]
fn every_test_that_the_tables_name_is_there() {
    let (root, functions) = (Path::new(env!("CARGO_MANIFEST_DIR")), functions());
    for table in TABLES {
        let text = fs::read_to_string(root.join(table)).expect("a table");
        let mut named = 0;
        for name in quoted(&text) {
            // A test's name is a sentence; a room or a field is a word or two.
            let is_sentence = name.matches('_').count() > 2 && !name.contains([' ', '.', '/', ':']);
            if is_sentence {
                assert!(functions.contains(name), "{table} names {name}, and there is no such test");
                named += 1;
            }
            if name.starts_with("tests/") || name.starts_with("benches/") {
                let file = name.split(' ').next().unwrap_or(name);
                assert!(root.join(file).exists(), "{table} names {file}, and there is no such file");
            }
        }
        assert!(named > 20, "{table} names {named} tests");
    }
}
