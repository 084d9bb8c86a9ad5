//! A foreign database that another program writes to is followed live, and never written to.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use outlay::config;
use outlay::domain::mark::Mark;
use outlay::domain::time::{Millis, Timestamp};
use outlay::feed::ledger::Ledger;
use outlay::feed::mark::Marks;
use outlay::feed::tail::{Look, Tailer};
use outlay::feed::{Databases, Trouble};
use outlay::wire::format::Format;
use rusqlite::Connection;
use tempfile::TempDir;

/// A table of calls as a program of somebody's own keeps it.
const CALLS: &str = "CREATE TABLE calls (at INTEGER, model TEXT, input INTEGER, output INTEGER)";
const MAPPING: &str = r#"
[mapping.theirs]
table = "calls"
mode = "append"
columns = { time = "at", model = "model", input = "input", output = "output" }
"#;
/// The part of OpenCode's table that is read: rows are updated, and say when.
const MESSAGES: &str = "CREATE TABLE message (id TEXT PRIMARY KEY, time_updated INTEGER, data TEXT)";

/// Another program's database, and a follower of it.
struct Bench {
    root: TempDir,
    format: Format,
    tailer: Tailer,
    now: Timestamp,
    /// Output tokens of the calls that came, in order.
    outputs: Vec<u64>,
    lines: u64,
    mark: Option<Mark>,
}

fn tailer(path: &str, format: &Format, marks: Marks) -> Tailer {
    let ledger = Ledger { pattern: path.to_owned(), format: Some(format.clone()), tenant: None };
    Tailer::new(vec![ledger], marks, Arc::new(Databases))
}

impl Bench {
    fn new(format: Format) -> Bench {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("their.db").display().to_string();
        let tailer = tailer(&path, &format, Marks::default());
        let now = Timestamp::from_seconds(1);
        Bench { root, format, tailer, now, outputs: Vec::new(), lines: 0, mark: None }
    }

    /// A database of calls whose rows are only added.
    fn calls(journal: &str) -> (Bench, Connection) {
        let mut bench = Bench::new(Format::Llm);
        fs::write(bench.path("config.toml"), MAPPING).expect("a file");
        let settings = config::load(Some(&bench.path("config.toml")), &|_| None).expect("settings");
        bench.format = settings.format("theirs").expect("the mapping");
        bench.restart();
        let theirs = bench.connect();
        theirs.execute_batch(&format!("PRAGMA journal_mode = {journal}; {CALLS}")).expect("a table");
        (bench, theirs)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn connect(&self) -> Connection {
        let theirs = Connection::open(self.path("their.db")).expect("a database");
        theirs.execute_batch("PRAGMA synchronous = OFF").expect("a setting");
        theirs
    }

    fn poll(&mut self) {
        self.now = self.now.after(Millis::new(1000));
        let (outputs, lines, mark) = (&mut self.outputs, &mut self.lines, &mut self.mark);
        let listening = self.tailer.poll(self.now, &Look::Patterns, &mut |batch| {
            outputs.extend(batch.decoded.calls.iter().map(|call| call.tokens.output.count()));
            *lines += batch.decoded.tally.lines;
            if batch.mark.is_some() {
                *mark = batch.mark;
            }
            true
        });
        assert!(listening);
    }

    /// Looks, and returns the output tokens of the calls that came.
    fn read(&mut self) -> Vec<u64> {
        self.outputs.clear();
        self.poll();
        std::mem::take(&mut self.outputs)
    }

    fn restart(&mut self) {
        let marks = Marks::new(self.mark.clone());
        self.tailer = tailer(&self.path("their.db").display().to_string(), &self.format, marks);
    }

    fn trouble(&self) -> Option<Trouble> {
        self.tailer.problems().first().map(|problem| problem.trouble.clone())
    }
}

fn add(theirs: &Connection, outputs: std::ops::Range<u64>) {
    for output in outputs {
        let sql = "INSERT INTO calls VALUES (1795132800, 'm', 1, ?1)";
        theirs.execute(sql, [i64::try_from(output).expect("small")]).expect("a row");
    }
}

fn message(theirs: &Connection, id: &str, updated: i64, output: u64) {
    let data = format!(
        r#"{{"role":"assistant","tokens":{{"input":1,"output":{output}}},"modelID":"m","providerID":"p","time":{{"created":1795315838342}}}}"#
    );
    let sql =
        "INSERT INTO message VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET time_updated = ?2, data = ?3";
    theirs.execute(sql, (id, updated, data)).expect("a row");
}

#[test]
fn each_row_comes_once_as_it_is_written() {
    for journal in ["delete", "truncate", "wal"] {
        let (mut bench, theirs) = Bench::calls(journal);
        add(&theirs, 1..4);
        assert_eq!(bench.read(), [1, 2, 3], "{journal}");
        assert_eq!(bench.read(), [0; 0], "{journal}");
        add(&theirs, 4..5);
        assert_eq!(bench.read(), [4], "{journal}");
        // A look each after the connection was let go, for want of anything new.
        for _ in 0..12 {
            assert_eq!(bench.read(), [0; 0], "{journal}");
        }
        add(&theirs, 5..7);
        assert_eq!(bench.read(), [5, 6], "{journal}");
        assert_eq!((bench.lines, bench.trouble()), (6, None), "{journal}");
    }
}

#[test]
fn a_writer_at_full_speed_loses_no_row_and_is_not_held_up() {
    for journal in ["delete", "wal"] {
        let (mut bench, theirs) = Bench::calls(journal);
        let writer = std::thread::spawn(move || {
            for first in (0..5000).step_by(50) {
                theirs.execute_batch("BEGIN IMMEDIATE").expect("our reading lets it through");
                add(&theirs, first..first + 50);
                theirs.execute_batch("COMMIT").expect("our reading lets it through");
            }
        });
        while !writer.is_finished() {
            bench.poll();
        }
        writer.join().expect("no row was refused");
        bench.poll();
        assert!(bench.outputs.iter().copied().eq(0..5000), "{journal}: {}", bench.outputs.len());
    }
}

#[test]
fn a_large_table_comes_in_bounded_batches() {
    let (mut bench, theirs) = Bench::calls("wal");
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)
                INSERT INTO calls SELECT 1795132800, 'm', 1, i FROM n";
    theirs.execute_batch(many).expect("rows");
    let mut largest = 0;
    let mut sum = 0;
    bench.tailer.poll(bench.now, &Look::Patterns, &mut |batch| {
        largest = largest.max(batch.decoded.calls.len());
        sum += batch.decoded.calls.len();
        true
    });
    assert_eq!((largest, sum), (4096, 70_000));
}

#[test]
fn a_restart_goes_on_after_the_last_row() {
    for journal in ["delete", "wal"] {
        let (mut bench, theirs) = Bench::calls(journal);
        add(&theirs, 1..100);
        bench.poll();
        bench.restart();
        assert_eq!(bench.read(), [0; 0]);
        add(&theirs, 100..102);
        bench.restart();
        assert_eq!(bench.read(), [100, 101]);
        bench.restart();
        add(&theirs, 102..103);
        assert_eq!(bench.read(), [102]);
        assert_eq!(bench.lines, 102);
    }
}

#[test]
fn a_table_that_was_emptied_and_filled_again_is_read_whole() {
    let (mut bench, theirs) = Bench::calls("delete");
    add(&theirs, 1..6);
    bench.poll();
    theirs.execute_batch("DELETE FROM calls").expect("gone");
    bench.poll();
    add(&theirs, 10..13);
    assert_eq!(bench.read(), [10, 11, 12]);
    theirs.execute_batch("DELETE FROM calls").expect("gone");
    add(&theirs, 20..30);
    assert!(bench.read().ends_with(&(20..30).collect::<Vec<_>>()));
    bench.restart();
    theirs.execute_batch("DELETE FROM calls").expect("gone");
    add(&theirs, 40..60);
    assert!(bench.read().ends_with(&(40..60).collect::<Vec<_>>()));
}

#[test]
fn an_updated_row_comes_again_and_a_deleted_one_disturbs_nothing() {
    for journal in ["delete", "wal"] {
        let mut bench = Bench::new(Format::OpenCode);
        let theirs = bench.connect();
        theirs.execute_batch(&format!("PRAGMA journal_mode = {journal}; {MESSAGES}")).expect("a table");
        for (id, updated) in [("a", 10), ("b", 20), ("c", 30)] {
            message(&theirs, id, updated, 1);
        }
        assert_eq!(bench.read(), [1, 1, 1]);
        message(&theirs, "b", 40, 7);
        assert_eq!(bench.read(), [7]);
        theirs.execute_batch("DELETE FROM message WHERE id = 'a'").expect("gone");
        assert_eq!(bench.read(), [0; 0]);
        message(&theirs, "d", 50, 9);
        bench.restart();
        assert_eq!(bench.read(), [9]);
        // The row at which reading stands goes: what is left is read again, and recognised.
        theirs.execute_batch("DELETE FROM message WHERE id = 'd'").expect("gone");
        assert_eq!(bench.read(), [1, 7]);
    }
}

#[test]
fn a_lock_is_named_the_last_figures_stand_and_reading_goes_on_after_it() {
    let (mut bench, theirs) = Bench::calls("delete");
    add(&theirs, 1..3);
    assert_eq!(bench.read(), [1, 2]);
    theirs.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    add(&theirs, 3..5);
    for _ in 0..3 {
        assert_eq!(bench.read(), [0; 0]);
        assert_eq!(bench.trouble(), Some(Trouble::Locked));
    }
    theirs.execute_batch("COMMIT").expect("no reader in the way");
    assert_eq!(bench.read(), [3, 4]);
    assert_eq!(bench.trouble(), None);
}

#[test]
fn a_lock_at_the_start_is_waited_out() {
    for lock in ["BEGIN EXCLUSIVE", "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE"] {
        let (mut bench, theirs) = Bench::calls(if lock.contains("PRAGMA") { "wal" } else { "delete" });
        add(&theirs, 1..3);
        drop(theirs);
        let theirs = bench.connect();
        theirs.execute_batch(lock).expect("a lock");
        add(&theirs, 3..4);
        assert_eq!(bench.read(), [0; 0], "{lock}");
        assert_eq!(bench.trouble(), Some(Trouble::Locked), "{lock}");
        theirs.execute_batch("COMMIT").expect("no reader in the way");
        drop(theirs);
        assert_eq!(bench.read(), [1, 2, 3], "{lock}");
        assert_eq!(bench.trouble(), None, "{lock}");
    }
}

#[test]
fn one_that_is_locked_does_not_keep_others_from_being_read() {
    let (mut bench, theirs) = Bench::calls("delete");
    add(&theirs, 1..2);
    theirs.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    fs::copy(bench.path("their.db"), bench.path("tother.db")).expect("a copy");
    let pattern = bench.path("t*.db").display().to_string();
    bench.tailer = tailer(&pattern, &bench.format, Marks::default());
    assert_eq!(bench.read(), [1]);
    assert_eq!(bench.trouble(), Some(Trouble::Locked));
}

#[test]
fn a_database_replaced_by_another_is_read_from_its_first_row() {
    for journal in ["delete", "wal"] {
        let (mut bench, theirs) = Bench::calls(journal);
        add(&theirs, 1..6);
        bench.poll();
        let new = Connection::open(bench.path("new.db")).expect("a database");
        new.execute_batch(CALLS).expect("a table");
        add(&new, 10..12);
        new.close().expect("closed");
        theirs.close().expect("closed");
        for end in ["-wal", "-shm"] {
            drop(fs::remove_file(bench.path(&format!("their.db{end}"))));
        }
        fs::rename(bench.path("new.db"), bench.path("their.db")).expect("renamed");
        assert_eq!(bench.read(), [10, 11], "{journal}");
        assert_eq!(bench.trouble(), None, "{journal}");
        let theirs = bench.connect();
        add(&theirs, 12..13);
        assert_eq!(bench.read(), [12], "{journal}");
    }
}

#[test]
fn a_changed_schema_is_read_anew_and_an_unfit_one_is_named() {
    let (mut bench, theirs) = Bench::calls("wal");
    add(&theirs, 1..3);
    bench.poll();
    theirs.execute_batch("ALTER TABLE calls RENAME COLUMN output TO out").expect("renamed");
    assert_eq!(bench.read(), [0; 0]);
    let why = bench.trouble();
    assert!(matches!(&why, Some(Trouble::Table(why)) if why.contains("output")), "{why:?}");
    theirs.execute_batch("ALTER TABLE calls RENAME COLUMN out TO output").expect("renamed");
    theirs.execute_batch("ALTER TABLE calls ADD COLUMN extra TEXT").expect("added");
    add_wide(&theirs, 3);
    assert!(bench.read().ends_with(&[3]));
    assert_eq!(bench.trouble(), None);
    theirs.execute_batch("DROP TABLE calls").expect("dropped");
    bench.poll();
    assert!(matches!(bench.trouble(), Some(Trouble::Table(_))));
}

fn add_wide(theirs: &Connection, output: i64) {
    let sql = "INSERT INTO calls (at, model, input, output) VALUES (1795132800, 'm', 1, ?1)";
    theirs.execute(sql, [output]).expect("a row");
}

#[test]
fn a_damaged_database_is_named_read_as_far_as_it_goes_and_not_over_and_over() {
    let (mut bench, theirs) = Bench::calls("delete");
    theirs.execute_batch("PRAGMA page_size = 512; VACUUM").expect("small pages");
    add(&theirs, 1..2000);
    theirs.close().expect("closed");
    let mut bytes = fs::read(bench.path("their.db")).expect("the file");
    let whole = bytes.clone();
    let middle = bytes.len() / 2 / 512 * 512;
    bytes[middle..middle + 8 * 512].fill(0xff);
    fs::write(bench.path("their.db"), &bytes).expect("damaged");
    let some = bench.read().len();
    assert!(0 < some && some < 1999, "{some}");
    assert!(matches!(bench.trouble(), Some(Trouble::Table(_))));
    assert_eq!(bench.read(), [0; 0]);
    assert!(matches!(bench.trouble(), Some(Trouble::Table(_))));
    fs::write(bench.path("their.db"), &whole).expect("mended");
    assert!(bench.read().ends_with(&[1998, 1999]));
    assert_eq!(bench.trouble(), None);
    fs::write(bench.path("their.db"), &whole[..whole.len() / 3]).expect("cut");
    bench.poll();
    assert!(matches!(bench.trouble(), Some(Trouble::Table(_))));
}

#[test]
fn a_log_that_is_gone_is_named_instead_of_old_figures_shown() {
    for restarts in [false, true] {
        let (mut bench, theirs) = Bench::calls("wal");
        theirs.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("a setting");
        add(&theirs, 1..3);
        assert_eq!(bench.read(), [1, 2]);
        fs::remove_file(bench.path("their.db-wal")).expect("removed");
        if restarts {
            bench.restart();
        }
        for _ in 0..3 {
            assert_eq!(bench.read(), [0; 0]);
            let why = bench.trouble();
            assert!(matches!(&why, Some(Trouble::Table(why)) if why.contains("log is gone")), "{why:?}");
        }
        theirs.close().expect("closed");
        let theirs = bench.connect();
        theirs.execute_batch(&format!("DROP TABLE IF EXISTS calls; {CALLS}")).expect("made anew");
        add(&theirs, 5..6);
        assert_eq!(bench.read(), [5]);
        assert_eq!(bench.trouble(), None);
    }
}

#[test]
fn nothing_is_ever_written_to_it() {
    for journal in ["delete", "wal"] {
        let (mut bench, theirs) = Bench::calls(journal);
        add(&theirs, 1..500);
        let bytes = |bench: &Bench| {
            let file = |end| fs::read(bench.path(&format!("their.db{end}"))).ok();
            [file(""), file("-wal"), file("-journal")]
        };
        let before = bytes(&bench);
        for _ in 0..3 {
            assert!(bench.read().len() >= 499);
            bench.mark = None;
            bench.restart();
        }
        assert!(before == bytes(&bench), "{journal}");
        add(&theirs, 500..501);
        theirs.close().expect("closed");
        let before = bytes(&bench);
        bench.poll();
        bench.restart();
        bench.poll();
        let after = bytes(&bench);
        assert!(before[0] == after[0], "{journal}");
        assert!(after[1].as_ref().is_none_or(Vec::is_empty) || before[1] == after[1], "{journal}");
    }
}

#[test]
fn its_log_does_not_grow_because_we_look() {
    let (mut bench, theirs) = Bench::calls("wal");
    theirs.execute_batch("PRAGMA wal_autocheckpoint = 100").expect("a setting");
    let size = |bench: &Bench| fs::metadata(bench.path("their.db-wal")).map_or(0, |log| log.len());
    let mut largest = 0;
    for round in 0..40 {
        add(&theirs, round * 100..round * 100 + 100);
        bench.poll();
        largest = largest.max(size(&bench));
    }
    assert_eq!(bench.outputs.len(), 4000);
    assert!(largest < 2 << 20, "{largest}");
}
