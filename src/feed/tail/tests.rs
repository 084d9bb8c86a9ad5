//! Files under a tailer: written, rotated, cut, removed, and what came of their lines.

use super::*;
use crate::domain::observation::BadLine;
use crate::feed::table::NoTables;
use crate::wire::format::Format;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use tempfile::TempDir;

/// A directory with a tailer over it. What was read is told by the tally: the decoders are tested elsewhere.
struct Bench {
    root: TempDir,
    tailer: Tailer,
    now: Timestamp,
    lines: u64,
    lost: u64,
    notes: Vec<String>,
    /// Output tokens of the calls, which tell the lines apart.
    calls: Vec<u64>,
    bad: Vec<BadLine>,
    /// As the store keeps them.
    marks: BTreeMap<(u64, u64), Mark>,
}

fn tailer(root: &Path, marks: Marks) -> Tailer {
    let pattern = format!("{}/*.jsonl*", root.display());
    let ledger = Ledger { pattern, format: Some(Format::Native), tenant: None };
    Tailer::new(vec![ledger], marks, Arc::new(NoTables))
}

impl Bench {
    fn new() -> Bench {
        let root = tempfile::tempdir().unwrap();
        let tailer = tailer(root.path(), Marks::default());
        let (now, marks) = (Timestamp::from_seconds(1), BTreeMap::new());
        let (notes, calls, bad) = (Vec::new(), Vec::new(), Vec::new());
        Bench { root, tailer, now, lines: 0, lost: 0, notes, calls, bad, marks }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn append(&self, name: &str, text: &[u8]) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.unwrap().write_all(text).unwrap();
    }

    fn poll(&mut self) {
        self.after(1);
    }

    fn after(&mut self, seconds: u64) {
        self.now = self.now.after(Millis::new(seconds * 1000));
        let Bench { tailer, lines, lost, notes, calls, bad, marks, .. } = self;
        let listening = tailer.poll(self.now, &Look::Patterns, &mut |batch| {
            *lines += batch.decoded.tally.lines;
            *lost += batch.decoded.tally.lost;
            calls.extend(batch.decoded.calls.iter().map(|call| call.tokens.output.count()));
            bad.extend(batch.decoded.bad);
            notes.extend(batch.note);
            if let Some(mark) = batch.mark {
                marks.insert((mark.sight.file.device, mark.sight.file.inode), mark);
            }
            true
        });
        assert!(listening);
    }

    fn after_each(&mut self, pauses: &[u64]) {
        for seconds in pauses {
            self.after(*seconds);
        }
    }

    fn restart(&mut self) {
        self.tailer = tailer(self.root.path(), Marks::new(self.marks.values().cloned()));
    }

    fn restart_as_is(&mut self) {
        let ledgers = std::mem::take(&mut self.tailer.ledgers);
        self.tailer = Tailer::new(ledgers, Marks::new(self.marks.values().cloned()), Arc::new(NoTables));
    }

    /// Writes a file anew in place, with a modification time of its own: two writes may share a tick.
    fn rewrite(&self, name: &str, text: &[u8], time: u64) {
        fs::write(self.path(name), text).unwrap();
        let file = File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(time)).unwrap();
    }

    fn pack(&self, text: &[u8], name: &str) {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        fs::write(self.path(name), packed.finish().unwrap()).unwrap();
    }

    fn trouble(&self) -> Option<Trouble> {
        let mut troubles = self.tailer.problems().into_iter().map(|problem| problem.trouble);
        troubles.find(|trouble| *trouble != Trouble::NothingMatches)
    }

    #[track_caller]
    fn check(&self, lines: u64, lost: u64) {
        assert_eq!((self.lines, self.lost), (lines, lost), "lines and lost bytes; {:?}", self.notes);
    }
}

#[test]
fn a_line_in_two_writes_is_read_once() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", "{\"a\":\"한".as_bytes());
    bench.poll();
    bench.append("a.jsonl", &"빛".as_bytes()[..1]);
    bench.poll();
    bench.check(0, 0);
    bench.append("a.jsonl", &"빛".as_bytes()[1..]);
    bench.append("a.jsonl", b"\"}\n");
    bench.poll();
    bench.check(1, 0);
}

#[test]
fn a_story_is_not_counted_again_after_a_restart() {
    let story = |bench: &Bench| {
        let pattern = format!("{}/*.jsonl*", bench.root.path().display());
        let ledger = Ledger { pattern, format: Some(Format::Codex), tenant: None };
        Tailer::new(vec![ledger], Marks::new(bench.marks.values().cloned()), Arc::new(NoTables))
    };
    let mut bench = Bench::new();
    bench.tailer = story(&bench);
    bench.append("a.jsonl", b"{\"type\":\"one\"}\n{\"type\":\"two\"}\n");
    bench.poll();
    bench.check(2, 0);
    for lines in 3..6 {
        bench.tailer = story(&bench);
        bench.poll();
        bench.append("a.jsonl", b"{\"type\":\"more\"}\n");
        bench.poll();
        bench.check(lines, 0);
    }
}

#[test]
fn a_rotated_file_is_finished_before_the_new_one() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\n");
    bench.poll();
    bench.append("a.jsonl", b"2\n");
    fs::rename(bench.path("a.jsonl"), bench.path("gone")).unwrap();
    bench.append("a.jsonl", b"3\n");
    bench.append("gone", b"4\n");
    bench.poll();
    bench.check(4, 0);
    bench.append("gone", b"5\n");
    bench.after(5);
    bench.check(5, 0);
}

#[test]
fn a_file_renamed_within_the_pattern_is_not_read_again() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\n");
    bench.poll();
    fs::rename(bench.path("a.jsonl"), bench.path("a.jsonl.1")).unwrap();
    bench.append("a.jsonl", b"2\n");
    bench.poll();
    bench.check(2, 0);
}

#[test]
fn truncation_begins_anew_and_counts_what_was_cut_away() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"first\nhalf");
    bench.poll();
    fs::write(bench.path("a.jsonl"), b"x\n").unwrap();
    bench.poll();
    bench.check(2, 4);
    assert!(bench.notes[0].starts_with("truncated at 20"), "{:?}", bench.notes);
    assert!(bench.notes[0].ends_with("Z: bytes 6 to 10 were never read; read from its start"));
}

#[test]
fn a_copy_made_before_truncation_is_read_from_where_we_stood() {
    for copy in ["a.jsonl.1", "a.jsonl-20261125"] {
        let mut bench = Bench::new();
        bench.append("a.jsonl", b"first\nsecond\n");
        bench.poll();
        bench.append("a.jsonl", b"third\n");
        fs::copy(bench.path("a.jsonl"), bench.path(copy)).unwrap();
        fs::write(bench.path("a.jsonl"), b"4\n").unwrap();
        bench.poll();
        bench.check(4, 0);
    }
}

#[test]
fn a_packed_copy_is_not_counted_again_and_finishes_what_was_cut_away() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"first\nsecond\n");
    bench.poll();
    fs::write(bench.path("a.jsonl"), b"4\n").unwrap();
    bench.poll();
    bench.check(3, 0);
    bench.pack(b"first\nsecond\nthird\n", "a.jsonl.1.gz");
    bench.poll();
    bench.after(3);
    bench.after(3);
    bench.check(4, 0);
}

#[test]
fn a_replaced_file_is_read_whole() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"old1\nold2\n");
    bench.poll();
    fs::write(bench.path("new"), b"new1\nnew2\n").unwrap();
    fs::rename(bench.path("new"), bench.path("a.jsonl")).unwrap();
    bench.poll();
    bench.check(4, 0);
    fs::write(bench.path("a.jsonl"), b"few1\nfew2\n").unwrap();
    bench.poll();
    bench.check(6, 0);
}

#[test]
fn a_removed_file_and_its_successor_are_both_read() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\n");
    bench.poll();
    bench.append("a.jsonl", b"2\n");
    fs::remove_file(bench.path("a.jsonl")).unwrap();
    bench.poll();
    bench.check(2, 0);
    bench.after(11);
    assert_eq!(bench.tailer.files(), 0);
    bench.append("a.jsonl", b"3\n4\n5\n");
    bench.poll();
    bench.check(5, 0);
}

#[test]
fn a_half_line_that_is_never_finished_is_a_counted_loss() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\nhalf");
    bench.poll();
    fs::remove_file(bench.path("a.jsonl")).unwrap();
    bench.poll();
    bench.after(11);
    bench.after(11);
    assert_eq!(bench.lost, 4);
}

#[test]
fn a_file_of_unknown_content_is_named_and_read_once_it_is_known() {
    let mut bench = Bench::new();
    bench.tailer.ledgers[0].format = None;
    bench.append("a.jsonl", b"hello\n");
    bench.append("b.jsonl", b"");
    bench.poll();
    bench.poll();
    assert_eq!(bench.tailer.problems()[0].trouble, Trouble::UnknownFormat);
    bench.append("a.jsonl", b"{\"resourceSpans\":[]}\n");
    bench.append("b.jsonl", b"{\"resourceLogs\":[]}\n");
    bench.poll();
    bench.check(3, 0);
    assert_eq!(bench.tailer.problems(), []);
}

#[test]
fn a_restart_goes_on_where_the_marks_say() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\n2\n");
    bench.poll();
    bench.append("a.jsonl", b"3\n");
    bench.restart();
    bench.poll();
    bench.check(3, 0);
}

#[test]
fn a_gap_is_told_with_its_file_its_bytes_and_its_time() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\nhalf");
    bench.poll();
    bench.restart();
    fs::write(bench.path("a.jsonl"), b"2\n").unwrap();
    bench.poll();
    bench.check(2, 4);
    let gap = bench.bad.iter().find(|bad| bad.reason.contains("never read")).unwrap();
    assert_eq!((gap.offset, gap.length), (2, 4));
    assert!(gap.reason.starts_with("replaced at 20"), "{}", gap.reason);
    assert!(gap.reason.ends_with("Z: bytes 2 to 6 were never read"), "{}", gap.reason);
}

#[test]
fn a_half_line_gone_before_a_restart_is_told_once() {
    let cut = |bench: &Bench, length| {
        OpenOptions::new().write(true).open(bench.path("a.jsonl")).unwrap().set_len(length).unwrap();
    };
    let remove = |bench: &Bench| fs::remove_file(bench.path("a.jsonl")).unwrap();
    let gone: [&dyn Fn(&Bench); 3] = [&|bench| cut(bench, 0), &|bench| cut(bench, 2), &remove];
    for (whole, gone) in
        [("1\n", 0), ("", 0), ("1\n", 1), ("1\n", 2), ("", 2)].map(|(whole, n)| (whole, gone[n]))
    {
        for looks in 0..2 {
            let mut bench = Bench::new();
            bench.append("a.jsonl", format!("{whole}half").as_bytes());
            bench.poll();
            gone(&bench);
            // A removed file is still waited for when the run ends, a cut one was told before that.
            (0..looks).for_each(|_| bench.poll());
            for _ in 0..2 {
                bench.restart_as_is();
                bench.poll();
                bench.after(11);
            }
            assert_eq!(bench.lost, 4, "{whole:?} {looks} {:?}", bench.notes);
            assert_eq!(bench.bad.iter().filter(|bad| bad.reason.contains("never read")).count(), 1);
        }
    }
}

#[test]
fn a_half_line_that_moved_out_of_sight_before_a_restart_is_waited_for() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\nhalf");
    bench.poll();
    fs::rename(bench.path("a.jsonl"), bench.path("aside")).unwrap();
    bench.restart_as_is();
    bench.poll();
    bench.append("aside", b" done\n");
    bench.poll();
    bench.after(11);
    bench.check(2, 0);
}

#[test]
fn a_half_line_finished_and_packed_while_nobody_looked_is_no_gap() {
    let (first, second) = (record(1), record(2));
    let (half, end) = second.split_at(40);
    for before in ["", &first] {
        for (packed, lost) in [(end, 0), (&end[..20], 40), ("", 40)] {
            for restarts in [0, 1] {
                let mut bench = Bench::new();
                bench.append("a.jsonl", format!("{before}{half}").as_bytes());
                bench.poll();
                (0..restarts).for_each(|_| bench.restart_as_is());
                bench.pack(format!("{before}{half}{packed}").as_bytes(), "a.jsonl.1.gz");
                fs::write(bench.path("a.jsonl"), record(3)).unwrap();
                bench.after_each(&[1, 3, 3]);
                bench.calls.sort_unstable();
                let mut calls = vec![3];
                calls.extend((!before.is_empty()).then_some(1));
                calls.extend((lost == 0).then_some(2));
                calls.sort_unstable();
                assert_eq!((&bench.calls, bench.lost), (&calls, lost), "{packed:?} {:?}", bench.notes);
            }
        }
    }
}

#[test]
fn a_half_line_that_goes_on_in_a_file_put_in_its_place_is_no_gap() {
    for restarts in [0, 1] {
        let mut bench = Bench::new();
        bench.append("a.jsonl", b"1\nhalf");
        bench.poll();
        fs::write(bench.path("new"), b"1\nhalf done\n").unwrap();
        fs::rename(bench.path("new"), bench.path("a.jsonl")).unwrap();
        (0..restarts).for_each(|_| bench.restart_as_is());
        bench.after_each(&[1, 11, 11]);
        bench.check(2, 0);
    }
}

#[test]
fn a_last_line_read_without_its_end_is_read_once_and_never_lost() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", record(1).trim_end().as_bytes());
    bench.after_each(&[1, 3, 3]);
    bench.restart_as_is();
    bench.after_each(&[1, 3, 3]);
    assert_eq!((&bench.calls[..], bench.lines), (&[1][..], 1));
    fs::remove_file(bench.path("a.jsonl")).unwrap();
    bench.restart_as_is();
    bench.after_each(&[1, 11, 11]);
    bench.check(1, 0);
}

#[test]
fn an_older_rotation_beside_it_hides_no_gap() {
    let mut bench = Bench::new();
    bench.append("a.jsonl.1", b"long ago\nlong ago\n");
    bench.append("a.jsonl", b"1\nhalf");
    bench.poll();
    fs::write(bench.path("a.jsonl"), b"").unwrap();
    bench.poll();
    bench.check(3, 4);
}

#[test]
fn a_file_cut_and_filled_beyond_its_old_end_between_two_looks_is_read_whole() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"first\n");
    bench.poll();
    fs::write(bench.path("a.jsonl"), b"").unwrap();
    bench.append("a.jsonl", b"second\nthird\n");
    bench.poll();
    bench.check(3, 0);
    // Cut in the middle: what is left is read again, and recognised by what it says.
    OpenOptions::new().write(true).open(bench.path("a.jsonl")).unwrap().set_len(7).unwrap();
    bench.append("a.jsonl", b"4\n");
    bench.poll();
    bench.check(5, 0);
}

#[test]
fn a_file_rewritten_in_place_with_both_ends_kept_is_read_again() {
    let mut bench = Bench::new();
    let text = |middle: &str| format!("{}{middle}\n{}", "x\n".repeat(1000), "y\n".repeat(1000));
    bench.rewrite("a.jsonl", text("old").as_bytes(), 1_000_000_000);
    bench.poll();
    bench.check(2001, 0);
    bench.rewrite("a.jsonl", text("new").as_bytes(), 1_000_000_001);
    bench.poll();
    bench.check(4002, 0);
    bench.poll();
    bench.check(4002, 0);
}

#[test]
fn an_old_writer_goes_on_after_each_of_many_rotations() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"0\n");
    bench.poll();
    let mut old: Option<File> = None;
    for round in 0..20 {
        let writer = OpenOptions::new().append(true).open(bench.path("a.jsonl")).unwrap();
        fs::rename(bench.path("a.jsonl"), bench.path("old")).unwrap();
        bench.append("a.jsonl", format!("new {round}\n").as_bytes());
        (&writer).write_all(b"late\n").unwrap();
        if let Some(mut old) = old.replace(writer) {
            old.write_all(b"later\n").unwrap();
        }
        bench.poll();
    }
    bench.check(1 + 20 + 20 + 19, 0);
    bench.after(11);
    bench.after(11);
    assert_eq!(bench.tailer.files(), 1);
}

#[test]
fn a_number_that_goes_to_another_file_starts_a_new_story() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"first\n");
    bench.poll();
    // Only the mark is known after a restart, so that the number is free once the file is removed.
    bench.restart();
    bench.poll();
    let before = sight(&fs::metadata(bench.path("a.jsonl")).unwrap());
    for round in 1..30 {
        fs::remove_file(bench.path("a.jsonl")).unwrap();
        bench.append("a.jsonl", format!("other {round}\n").as_bytes());
        bench.poll();
        bench.check(1 + round, 0);
        bench.restart();
        bench.poll();
    }
    // Where the system gives numbers out at once, the last file has that of the first.
    assert_eq!(sight(&fs::metadata(bench.path("a.jsonl")).unwrap()).file.device, before.file.device);
}

#[test]
fn files_that_begin_alike_are_never_mixed_up() {
    let mut bench = Bench::new();
    let head = "same beginning\n".repeat(500);
    for (name, end) in
        [("a.jsonl.1", "1\n"), ("a.jsonl.2", "2\n"), ("a.jsonl.3", "3\n4\n"), ("a.jsonl.4", "")]
    {
        bench.append(name, format!("{head}{end}").as_bytes());
    }
    for (name, text) in [("b.jsonl", "s\n"), ("c.jsonl", "s\n"), ("d.jsonl", ""), ("e.jsonl", "")] {
        bench.append(name, text.as_bytes());
    }
    bench.poll();
    bench.check(4 * 500 + 4 + 2, 0);
    for name in ["d.jsonl", "e.jsonl"] {
        bench.append(name, b"s\n");
    }
    bench.restart();
    bench.poll();
    bench.check(4 * 500 + 4 + 4, 0);
}

#[test]
fn a_second_name_of_a_file_and_a_link_that_moves_on_add_nothing_twice() {
    let mut bench = Bench::new();
    bench.append("one", b"1\n");
    bench.append("two", b"2\n3\n");
    std::os::unix::fs::symlink("one", bench.path("a.jsonl")).unwrap();
    bench.poll();
    fs::hard_link(bench.path("one"), bench.path("b.jsonl")).unwrap();
    bench.poll();
    bench.check(1, 0);
    fs::remove_file(bench.path("a.jsonl")).unwrap();
    std::os::unix::fs::symlink("two", bench.path("a.jsonl")).unwrap();
    bench.append("one", b"4\n");
    bench.poll();
    bench.check(4, 0);
}

#[test]
fn a_hole_before_a_record_is_counted_and_the_record_is_read() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", record(1).as_bytes());
    bench.poll();
    // The writer keeps its place when the file is cut under it.
    let writer = OpenOptions::new().write(true).open(bench.path("a.jsonl")).unwrap();
    let place = record(1).len() as u64;
    writer.set_len(0).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&writer, record(2).as_bytes(), place).unwrap();
    bench.poll();
    assert_eq!(bench.calls, [1, 2]);
    assert_eq!(bench.bad.len(), 1);
    assert_eq!((bench.bad[0].offset, bench.bad[0].length), (0, place));
    assert!(bench.bad[0].reason.contains("NUL bytes"));
}

#[test]
fn bad_lines_are_told_apart_and_the_next_line_is_read() {
    let mut bench = Bench::new();
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 8] = [
        b"\xff\xfe{",
        b"{\"id\":\"\\ud800\"",
        deep.as_bytes(),
        b"{\"v\":1,\"input\":1e400}",
        b"{\"v\":1,\"input\":NaN}",
        b"{\"v\":1,\"input\":-1,\"output\":18446744073709551616}",
        b"{} {}",
        b"\x00",
    ];
    for (number, line) in (1..).zip(bad) {
        bench.append("a.jsonl", line);
        bench.append("a.jsonl", b"\r\n");
        bench.append("a.jsonl", record(number).as_bytes());
    }
    bench.append("a.jsonl", b"\n");
    bench.poll();
    assert_eq!(bench.calls, (1..=8).collect::<Vec<_>>());
    let mut offset = 0;
    for (number, (line, told)) in (1..).zip(bad.iter().zip(&bench.bad)) {
        assert_eq!((told.line, told.offset), (number * 2 - 1, offset), "{told:?}");
        assert!(!told.reason.is_empty());
        offset += (line.len() + 2 + record(number).len()) as u64;
    }
    assert_eq!(bench.bad.len(), 8);
}

#[test]
fn a_mark_and_a_carriage_return_split_between_writes_belong_to_no_record() {
    let mut bench = Bench::new();
    let record = record(1).replace('\n', "\r\n");
    let text = [b"\xef\xbb\xbf", record.as_bytes(), record.as_bytes()].concat();
    for byte in text {
        bench.append("a.jsonl", &[byte]);
        bench.poll();
    }
    assert_eq!((&bench.calls[..], bench.lines, bench.bad.len()), (&[1, 1][..], 2, 0));
}

#[test]
fn thousands_of_files_are_found_at_once_and_later_with_few_descriptors() {
    const MANY: u64 = 1500;
    let mut bench = Bench::new();
    let pattern = format!("{}/**/*.jsonl*", bench.root.path().display());
    bench.tailer.ledgers[0].pattern.clone_from(&pattern);
    bench.poll();
    let write = |bench: &Bench, from: u64, text: &str| {
        for number in from..from + MANY {
            let folder = format!("deep/{}", number % 50);
            fs::create_dir_all(bench.path(&folder)).unwrap();
            bench.append(&format!("{folder}/{number}.jsonl"), text.as_bytes());
        }
    };
    let open = |bench: &Bench| bench.tailer.files.values().filter(|tailed| tailed.file.is_some()).count();
    write(&bench, 0, "1\n");
    bench.poll();
    bench.check(MANY, 0);
    assert!(open(&bench) <= OPEN);
    write(&bench, MANY, "1\n2\n");
    write(&bench, 0, "3\n");
    bench.poll();
    bench.check(4 * MANY, 0);
    assert!(open(&bench) <= OPEN);
    bench.restart();
    bench.tailer.ledgers[0].pattern = pattern;
    bench.poll();
    bench.check(4 * MANY, 0);
    fs::rename(bench.path("deep"), bench.path("moved")).unwrap();
    bench.poll();
    bench.check(4 * MANY, 0);
    fs::remove_dir_all(bench.path("moved")).unwrap();
    bench.poll();
    assert!(open(&bench) <= OPEN);
    bench.after(11);
    bench.after(11);
    bench.check(4 * MANY, 0);
    assert_eq!(bench.tailer.files(), 0);
}

#[test]
fn a_path_that_is_no_file_for_a_while_is_named_and_read_again() {
    let mut bench = Bench::new();
    bench.append("a.jsonl", b"1\n");
    bench.poll();
    let path = bench.path("a.jsonl");
    let aside = || fs::rename(bench.root.path().join("a.jsonl"), bench.root.path().join("aside")).unwrap();
    aside();
    fs::create_dir(&path).unwrap();
    bench.poll();
    assert_eq!(bench.trouble(), Some(Trouble::NotAFile));
    bench.after(11);
    fs::remove_dir(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    bench.poll();
    assert_eq!(bench.trouble(), Some(Trouble::NotAFile));
    fs::remove_file(&path).unwrap();
    for target in ["nowhere", "a.jsonl", "/dev/null", "."] {
        std::os::unix::fs::symlink(target, &path).unwrap();
        bench.poll();
        assert!(bench.trouble().is_some() || target == ".", "{target}");
        fs::remove_file(&path).unwrap();
    }
    fs::rename(bench.path("aside"), &path).unwrap();
    bench.append("a.jsonl", b"2\n");
    bench.poll();
    bench.check(2, 0);
    assert_eq!(bench.trouble(), None);
}

/// Lets this thread be bound by permissions, as any user but root is.
#[cfg(target_os = "linux")]
fn be_bound() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let mut sets = capabilities(None).unwrap();
    let free = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    sets.effective.remove(free);
    set_capabilities(None, sets).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_read_is_named_and_goes_on_once_it_may() {
    use std::os::unix::fs::PermissionsExt;
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    be_bound();
    let mut bench = Bench::new();
    let folder = bench.path("folder");
    let file = folder.join("a.jsonl");
    fs::create_dir(&folder).unwrap();
    bench.append("folder/a.jsonl", b"1\nhalf");
    for pattern in ["folder/a.jsonl", "folder/*.jsonl"] {
        bench.tailer.ledgers[0].pattern = bench.path(pattern).display().to_string();
        allow(&file, 0o000);
        bench.restart_as_is();
        bench.poll();
        assert_eq!(bench.trouble(), Some(Trouble::Forbidden), "{pattern}");
        allow(&file, 0o600);
        bench.poll();
        assert_eq!((bench.trouble(), bench.lines), (None, 1), "{pattern}");
        // With the folder out of reach nothing is given up, least of all a half line.
        bench.restart_as_is();
        bench.poll();
        allow(&folder, 0o000);
        for seconds in [1, 11, 11] {
            bench.after(seconds);
            assert_eq!(bench.trouble(), Some(Trouble::Forbidden), "{pattern}");
        }
        allow(&folder, 0o700);
        bench.poll();
        assert_eq!((bench.trouble(), bench.lines, bench.lost), (None, 1, 0), "{pattern}");
    }
    bench.append("folder/a.jsonl", b" done\n2\n");
    bench.poll();
    bench.check(3, 0);
}

fn record(number: u64) -> String {
    format!(
        "{{\"v\":1,\"id\":\"{number}\",\"ts\":\"2026-11-20T10:00:00Z\",\"tenant\":\"t\",\
         \"provider\":\"openai\",\"model\":\"m\",\"input\":1,\"output\":{number}}}\n"
    )
}

/// What can happen to a log and its reader.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Write,
    Half,
    /// Moves it aside, under the pattern or out of it.
    Rotate,
    /// Writes to the file that was moved last, as a writer does that has not heard of it.
    WriteOld,
    /// Copies it, then empties it.
    CopyTruncate,
    /// Packs the file that was moved or copied last.
    Pack,
    Truncate,
    Rewrite,
    /// Puts another file in its place.
    Replace,
    Remove,
    Read,
    /// Reads once it has been quiet for long.
    Wait,
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    use Act::{
        CopyTruncate, Half, Pack, Read, Remove, Replace, Restart, Rewrite, Rotate, Truncate, Wait, Write,
        WriteOld,
    };
    let act = prop_oneof![
        6 => Just(Write),
        3 => Just(Half),
        2 => Just(Rotate),
        1 => Just(WriteOld),
        2 => Just(CopyTruncate),
        2 => Just(Pack),
        4 => Just(Read),
        1 => prop::sample::select(vec![Truncate, Rewrite, Replace, Remove]),
        2 => prop::sample::select(vec![Wait, Restart]),
    ];
    proptest::collection::vec(act, 1..40)
}

const LOG: &str = "a.jsonl";

/// What has been written, and what is out of reach.
#[derive(Default)]
struct Model {
    serial: u64,
    /// The beginning of a line that is not finished.
    half: Option<String>,
    /// Records whose lines were finished.
    whole: Vec<u64>,
    lost: u64,
    /// Names given so far.
    names: u64,
    /// The file moved or copied last, and what it holds if it lies under the pattern and is not packed.
    old: Option<String>,
}

impl Model {
    fn next(&mut self) -> String {
        self.serial += 1;
        record(self.serial)
    }

    /// Finishes the half line, or writes a whole one; returns the text.
    fn write(&mut self) -> String {
        let text = match self.half.take() {
            Some(half) => record(self.serial)[half.len()..].to_owned(),
            None => self.next(),
        };
        self.whole.push(self.serial);
        text
    }

    /// Gives the half line up.
    fn lose(&mut self) {
        self.lost += self.half.take().map_or(0, |half| half.len() as u64);
    }
}

fn act(bench: &mut Bench, model: &mut Model, act: Act) {
    let there = bench.path(LOG).exists();
    match act {
        Act::Write => bench.append(LOG, model.write().as_bytes()),
        Act::Half if model.half.is_none() => {
            let half = model.next();
            let half = half[..half.len() / 2].to_owned();
            bench.append(LOG, half.as_bytes());
            model.half = Some(half);
        }
        Act::Rotate if model.half.is_none() && there => rotate(bench, model),
        Act::WriteOld => {
            if let Some(name) = &model.old {
                model.serial += u64::from(model.half.is_none());
                let (number, name) = (model.serial + 1_000_000, name.clone());
                model.whole.push(number);
                bench.append(&name, record(number).as_bytes());
            }
        }
        Act::CopyTruncate if model.half.is_none() && there => {
            model.names += 1;
            let name = format!("{LOG}.{}", model.names);
            fs::copy(bench.path(LOG), bench.path(&name)).unwrap();
            fs::write(bench.path(LOG), "").unwrap();
            bench.poll();
            model.old = Some(name);
        }
        Act::Pack => {
            if let Some(name) = model.old.take() {
                let text = fs::read(bench.path(&name)).unwrap();
                bench.pack(&text, &format!("{name}.gz"));
                fs::remove_file(bench.path(&name)).unwrap();
                // Until a packed file is read, its number's mark tells what it holds: a restart after
                // that number was given away reads it whole, and its calls are recognised by their ids.
                bench.poll();
                bench.after(3);
            }
        }
        Act::Truncate | Act::Rewrite | Act::Replace | Act::Remove if there => destroy(bench, model, act),
        Act::Read => bench.poll(),
        Act::Wait => bench.after(3),
        Act::Restart => bench.restart_as_is(),
        _ => {}
    }
}

/// Moves the log aside: out of the pattern only where it is known, for nothing could find it there.
fn rotate(bench: &mut Bench, model: &mut Model) {
    let known = |meta: fs::Metadata| bench.tailer.files.contains_key(&sight(&meta).file);
    model.names += 1;
    let out = model.serial.is_multiple_of(2) && fs::metadata(bench.path(LOG)).is_ok_and(known);
    let name = format!("{}{}", if out { "old-" } else { "a.jsonl." }, model.names);
    fs::rename(bench.path(LOG), bench.path(&name)).unwrap();
    if out {
        bench.poll();
    }
    model.old = (!out).then_some(name);
}

/// What is unread when a file is cut or removed is out of reach: it is read first, but for a half line.
fn destroy(bench: &mut Bench, model: &mut Model, act: Act) {
    bench.poll();
    model.lose();
    match act {
        Act::Truncate => fs::write(bench.path(LOG), "").unwrap(),
        Act::Remove => fs::remove_file(bench.path(LOG)).unwrap(),
        Act::Replace => {
            bench.append("new", model.write().as_bytes());
            fs::rename(bench.path("new"), bench.path(LOG)).unwrap();
        }
        _ => {
            let text = model.write() + &model.write();
            bench.rewrite(LOG, text.as_bytes(), 1_000_000_000 + model.serial);
        }
    }
    bench.poll();
}

#[track_caller]
fn run(history: &[Act]) {
    let mut bench = Bench::new();
    let mut model = Model::default();
    // A folder: nothing is lost by it, and no pattern is made anew for each look.
    bench.tailer.ledgers[0].pattern = bench.root.path().display().to_string();
    bench.poll();
    for step in history {
        act(&mut bench, &mut model, *step);
    }
    bench.after_each(&[1, 3, 12, 12]);
    bench.calls.sort_unstable();
    model.whole.sort_unstable();
    assert_eq!(bench.calls, model.whole, "{history:?} {:?}", bench.notes);
    assert_eq!(
        (bench.lines, bench.lost),
        (model.whole.len() as u64, model.lost),
        "{history:?} {:?}",
        bench.notes
    );
    assert_eq!(bench.bad.iter().map(|gap| gap.length).sum::<u64>(), model.lost, "{:?}", bench.bad);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_to_a_file_each_line_is_read_once(history in acts()) {
        run(&history);
    }
}
