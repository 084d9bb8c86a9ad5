//! Holds the house in shape: which room may import which, and what every file begins with.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms with their ring; a room imports only from rings further in.
const RINGS: [(&str, u8); 11] = [
    ("domain", 0),
    ("wire", 1),
    ("count", 1),
    ("store", 2),
    ("feed", 2),
    ("config", 2),
    ("guard", 3),
    ("tui", 3),
    ("demo", 3),
    ("report", 3),
    ("cli", 4),
];

/// Crates that only one room may name.
const OWNED: [(&str, &str); 5] = [
    ("ratatui", "tui"),
    ("crossterm", "tui"),
    ("rusqlite", "store"),
    ("notify", "feed"),
    ("tiktoken_rs", "count"),
];

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).expect("a folder of the project");
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root.join("src")).expect("below src").display().to_string();
            (name, fs::read_to_string(&path).expect("a source file"))
        })
        .collect()
}

fn room(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or(name)
}

fn ring(room: &str) -> Option<u8> {
    RINGS.iter().find(|(name, _)| *name == room).map(|(_, ring)| *ring)
}

#[test]
fn imports_point_inwards() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        let (from, Some(mine)) = (room(&file), ring(room(&file))) else { continue };
        for (number, line) in text.lines().enumerate() {
            let imported = line.split("crate::").skip(1).map(|rest| {
                rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("")
            });
            for to in imported.filter(|to| *to != from) {
                let Some(theirs) = ring(to) else { continue };
                let allowed = theirs < mine || (from == "feed" && to == "store");
                if !allowed {
                    faults.push(format!("{file}:{}: {from} may not import {to}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_crate_with_an_owner_stays_in_its_room() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        for (name, owner) in OWNED.iter().filter(|(_, owner)| *owner != room(&file)) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code
                .clone()
                .any(|line| line.contains(&format!("{name}::")) || line.contains(&format!("use {name}")))
            {
                faults.push(format!("{file} names {name}, which belongs to {owner}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_owns() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "no `//!` on line 1: {silent:?}");
}

#[test]
fn the_domain_has_no_clock_disk_or_thread() {
    let banned =
        ["std::fs", "std::net", "std::thread", "std::env", "SystemTime", "Instant::now", "Timestamp::now()"];
    for (file, text) in sources().into_iter().filter(|(file, _)| matches!(room(file), "domain" | "wire")) {
        for word in banned {
            assert!(!text.contains(word), "{file} names {word}");
        }
    }
}

#[test]
fn every_test_file_is_declared() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).expect("the test root");
    for entry in fs::read_dir(folder).expect("the test folder") {
        let path = entry.expect("an entry").path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "tests/it/{name}.rs is not declared in main.rs");
        }
    }
}
