//! A store that fails under a guard: it closes at once, nothing goes upstream, and it says why.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use outlay::domain::cap::{Cap, CapRev};
use outlay::domain::label::Label;
use outlay::store::Store;
use outlay::store::guard::Author;
use rusqlite::Connection;

use super::world::{APIS, NOW, World};

/// Breaks the store, looks what the guard says, mends it, and looks again.
fn broken(word: &str, breaks: impl Fn(&Path), mends: impl Fn(&Path)) {
    let there = World::new();
    let call = || there.post(APIS[0].path, &APIS[0].with(10, ""));
    assert_eq!(call().status, 200);
    there.exact(1);
    breaks(&there.store);
    for api in APIS {
        let reply = there.post(api.path, &api.with(10, ""));
        assert_eq!(
            (reply.status, reply.header("x-should-retry")),
            (503, Some("true")),
            "{word}: {}",
            api.name
        );
        assert!(reply.header("retry-after").is_some(), "{word}");
    }
    let ready = there.ask_admin("GET", "/health/ready", &[]);
    assert!(ready.status == 503 && ready.text().contains(word), "{word}: {}", ready.text());
    assert_eq!(there.provider.requests(), 1, "{word}: nothing went upstream");
    mends(&there.store);
    there.until(|| there.ask_admin("GET", "/health/ready", &[]).status == 200);
    assert_eq!(call().status, 200, "{word}");
    there.exact(2);
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Moves the store and all beside it.
fn shift(path: &Path, from: &str, to: &str) {
    for end in ["", "-wal", "-shm"] {
        let (from, to) = (beside(path, &format!("{from}{end}")), beside(path, &format!("{to}{end}")));
        if from.exists() {
            fs::rename(from, to).expect("it is moved");
        }
    }
}

#[test]
fn a_guard_whose_store_is_gone_closes() {
    broken("no store at", |path| shift(path, "", ".aside"), |path| shift(path, ".aside", ""));
}

#[test]
fn a_guard_whose_folder_is_gone_closes() {
    let aside = |path: &Path| path.parent().expect("a folder").with_extension("aside");
    broken(
        "no store at",
        |path| fs::rename(path.parent().expect("a folder"), aside(path)).expect("it is moved"),
        |path| fs::rename(aside(path), path.parent().expect("a folder")).expect("it is moved"),
    );
}

#[test]
fn a_guard_whose_store_is_another_closes() {
    let replace = |path: &Path| {
        shift(path, "", ".aside");
        let author = Author { by: Label::new("ann"), at: NOW, why: Label::new("") };
        let cap = Cap::parse("all 1000000/day").expect("a cap");
        Store::open(path).expect("a store").set_cap(&cap, CapRev(0), &author).expect("a change");
    };
    let back = |path: &Path| {
        for end in ["", "-wal", "-shm"] {
            drop(fs::remove_file(beside(path, end)));
        }
        shift(path, ".aside", "");
    };
    broken("another store", replace, back);
}

#[test]
fn a_guard_whose_store_may_not_be_written_closes() {
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    broken("read-only", |path| mode(path, 0o400), |path| mode(path, 0o600));
}

#[test]
fn a_guard_whose_store_has_no_header_closes() {
    let write = |path: &Path, bytes: &[u8]| {
        let file = fs::OpenOptions::new().write(true).open(path).expect("a file");
        file.write_all_at(bytes, 0).expect("it is written");
        // Closing it would give up the locks of this process on the store.
        std::mem::forget(file);
    };
    broken("is damaged", |path| write(path, &[0; 16]), |path| write(path, b"SQLite format 3\0"));
}

#[test]
fn a_guard_whose_store_is_locked_closes() {
    let holder: RefCell<Option<Connection>> = RefCell::default();
    let lock = |path: &Path| {
        let conn = Connection::open(path).expect("a store");
        conn.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        holder.replace(Some(conn));
    };
    broken("is locked", lock, |_| drop(holder.take()));
}
