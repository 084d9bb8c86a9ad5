//! One look at all ledgers, with every core, in bounded memory.

use std::collections::HashSet;
use std::fs::File;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::ledger::Ledger;
use super::mark::{Marks, proves, sight};
use super::open::{Opened, Packing, Unpacked, open};
use super::pump::{Last, Subject, emptied, origin, pump, replay, sending, source};
use super::read::{Buffer, Flow, Stretch, next_line};
use super::table::{LONG, Opener, Table, look};
use super::{Problem, Trouble};
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::{Batch, Decoded, Tally};
use crate::wire::Place;
use crate::wire::format::{Container, Format};

/// A file that is larger than this is read by several threads.
const RANGE: u64 = 32 << 20;

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Files and databases looked at.
    pub files: u64,
    /// Of these, not opened because nothing has changed since the mark.
    pub unchanged: u64,
    /// Bytes that were there to read.
    pub bytes: u64,
    /// Lines read and left out, over all batches.
    pub tally: Tally,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Returns how many threads read at a time.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, NonZero::get).max(2)
}

/// Reads what is new in all ledgers, once, and hands it to `sink` from several threads at a time, each with
/// its number below [`threads`].
///
/// A `false` from the sink ends the scan. Batches of one file may come from several threads; the one
/// that carries the final mark comes last. For whoever keeps nothing of a scan that is cut short.
pub fn scan(
    ledgers: &[Ledger],
    marks: &Marks,
    opener: &dyn Opener,
    sink: &(dyn Fn(usize, Batch) -> bool + Sync),
) -> ScanReport {
    run((ledgers, RANGE), marks, opener, sink)
}

/// Reads like [`scan`], but every file from front to back: each batch carries a mark, so that a scan that
/// is cut short goes on where it stood, and no line is counted twice.
pub fn scan_in_order(
    ledgers: &[Ledger],
    marks: &Marks,
    opener: &dyn Opener,
    sink: &(dyn Fn(usize, Batch) -> bool + Sync),
) -> ScanReport {
    run((ledgers, u64::MAX), marks, opener, sink)
}

/// Reads files that are larger than two ranges in ranges.
fn run(
    (ledgers, range): (&[Ledger], u64),
    marks: &Marks,
    opener: &dyn Opener,
    sink: &(dyn Fn(usize, Batch) -> bool + Sync),
) -> ScanReport {
    let mut report = ScanReport::default();
    let work = list(ledgers, marks, &mut report);
    let shared = Shared {
        ledgers,
        range,
        marks,
        opener,
        sink,
        queue: Mutex::new(Queue { jobs: work, active: 0 }),
        changed: Condvar::new(),
        report: Mutex::new(report),
        stopped: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for number in 0..threads() {
            let shared = &shared;
            scope.spawn(move || shared.work(number));
        }
    });
    let mut report = shared.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.problems.sort_by_key(|problem| problem.source);
    report
}

/// A file to read.
#[derive(Clone, Debug)]
struct Source {
    path: PathBuf,
    ledger: usize,
    rank: u32,
    size: u64,
}

enum Job {
    File(Source),
    Range(Arc<Split>, u64, u64),
}

/// A large file that is read in ranges.
struct Split {
    source: Source,
    opened: Opened,
    format: Format,
    begin: u64,
    left: AtomicUsize,
    end: AtomicU64,
    failed: AtomicBool,
}

/// What a thread has of its own.
struct Worker {
    number: usize,
    buffer: Buffer,
}

struct Queue {
    /// Smallest first, taken from the end.
    jobs: Vec<Job>,
    active: usize,
}

struct Shared<'a> {
    ledgers: &'a [Ledger],
    /// Bytes of a range; a file is cut where it is larger than two.
    range: u64,
    marks: &'a Marks,
    opener: &'a dyn Opener,
    sink: &'a (dyn Fn(usize, Batch) -> bool + Sync),
    queue: Mutex<Queue>,
    changed: Condvar,
    report: Mutex<ScanReport>,
    stopped: AtomicBool,
}

/// Lists the files to read, smallest first, without those that have not changed.
fn list(ledgers: &[Ledger], marks: &Marks, report: &mut ScanReport) -> Vec<Job> {
    let (mut sources, mut known) = (Vec::new(), HashSet::<FileId, RandomState>::default());
    for (index, ledger) in ledgers.iter().enumerate() {
        let found = ledger.expand();
        report.problems.extend(found.problems);
        sources.extend(found.files.into_iter().map(|path| (path, index)));
    }
    let mut wanted = Vec::new();
    for (rank, (path, ledger)) in sources.into_iter().enumerate() {
        let Ok(seen) = std::fs::metadata(&path).map(|metadata| sight(&metadata)) else { continue };
        if !known.insert(seen.file) {
            continue;
        }
        report.files += 1;
        let same = |seen: Sight| marks.get(seen.file).is_some_and(|mark| mark.sight == seen);
        if same(seen) || look(&path).is_ok_and(same) {
            report.unchanged += 1;
            continue;
        }
        report.bytes += seen.size;
        wanted.push(Source { path, ledger, rank: u32::try_from(rank).unwrap_or(u32::MAX), size: seen.size });
    }
    wanted.sort_by_key(|source| (source.size, std::cmp::Reverse(source.rank)));
    wanted.into_iter().map(Job::File).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared<'_> {
    fn work(&self, number: usize) {
        let mut worker = Worker { number, buffer: Buffer::default() };
        while let Some(job) = self.take() {
            // Counts the job as done even when a decoder panics: the other threads must not wait for ever.
            let _done = Done(self);
            match job {
                Job::File(source) => self.file(source, &mut worker),
                Job::Range(split, begin, end) => self.range(&split, (begin, end), &mut worker),
            }
        }
    }

    fn take(&self) -> Option<Job> {
        let mut queue = lock(&self.queue);
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = queue.jobs.pop() {
                queue.active += 1;
                return Some(job);
            }
            if queue.active == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn send(&self, number: usize, batch: Batch) -> bool {
        lock(&self.report).tally.add(&batch.decoded.tally);
        let listening = (self.sink)(number, batch);
        if !listening {
            self.stopped.store(true, Ordering::Relaxed);
        }
        listening && !self.stopped.load(Ordering::Relaxed)
    }

    fn problem(&self, path: &Path, trouble: Trouble) {
        lock(&self.report).problems.push(Problem { source: source(path), trouble });
    }

    fn file(&self, from: Source, worker: &mut Worker) {
        let ledger = &self.ledgers[from.ledger];
        let opened = match open(&from.path, ledger, self.opener) {
            Ok(opened) => opened,
            Err(trouble) => return self.problem(&from.path, trouble),
        };
        let Some(format) = opened.format.clone() else {
            if opened.sight.size > 0 {
                self.problem(&from.path, Trouble::UnknownFormat);
            }
            return;
        };
        let plain = opened.packing == Packing::Plain;
        let lines = plain && format.container() == Container::Lines;
        let begin = match self.marks.get(opened.sight.file) {
            Some(mark) if plain && mark.format == format.name() && proves(&opened.file, mark) => mark.offset,
            _ => 0,
        };
        if format.container() == Container::Sqlite {
            self.table(&from, format, worker.number);
        } else if lines && opened.sight.size.saturating_sub(begin) > self.range.saturating_mul(2) {
            self.split(from, opened, format, begin);
        } else {
            self.whole(&from, &opened, (&format, begin), worker);
        }
    }

    fn table(&self, from: &Source, format: Format, number: usize) {
        let seen = look(&from.path).unwrap_or_default();
        let origin = origin(&from.path, &self.ledgers[from.ledger], &seen, from.rank);
        let mut table = Table::new(&from.path, format, LONG);
        if let Some(mark) = self.marks.get(seen.file) {
            table.resume(mark);
        }
        if let Err(trouble) = table.read(&origin, self.opener, &mut |batch| self.send(number, batch)) {
            self.problem(&from.path, trouble);
        }
    }

    fn whole(&self, from: &Source, opened: &Opened, (format, begin): (&Format, u64), worker: &mut Worker) {
        let Worker { number, buffer } = worker;
        let origin = origin(&from.path, &self.ledgers[from.ledger], &opened.sight, from.rank);
        let Some(mut decoder) = format.decoder(&origin) else {
            return self.problem(&from.path, Trouble::UnknownFormat);
        };
        let plain = opened.packing == Packing::Plain;
        let proof = plain.then_some(&opened.file);
        let subject = Subject { path: &from.path, format, proof, sight: opened.sight };
        let start = match format.container() {
            Container::Story if begin > 0 => replay(&opened.file, begin, &mut *decoder, buffer),
            _ => Ok(Place { offset: begin, line: u64::from(begin == 0) }),
        };
        let start = match start {
            Ok(start) => start,
            Err(error) => return self.problem(&from.path, Trouble::from_io(&error)),
        };
        let mut packed = Unpacked::new(&opened.file, opened.packing);
        let mut stretch = Stretch { file: &opened.file, at: begin, end: opened.sight.size };
        let stream: &mut dyn std::io::Read = if plain { &mut stretch } else { &mut packed };
        let mut out = Decoded::default();
        let mut send = |batch| self.send(*number, batch);
        let ended = {
            let mut full = sending(subject, &mut send);
            pump(stream, (start, Last::Try), &mut *decoder, &mut out, (buffer, &mut full))
        };
        if let Some(damage) = packed.damage {
            self.problem(&from.path, Trouble::Damaged(damage));
        }
        match ended {
            Ok(ended) if ended.flow == Flow::On => {
                let mark = subject.mark(ended.place.offset);
                let mark = mark.map(|mark| Mark { half: mark.half.filter(|_| ended.pending > 0), ..mark });
                self.send(*number, subject.batch(out, mark));
            }
            Ok(_) => {}
            Err(error) => {
                self.send(*number, subject.batch(out, None));
                self.problem(&from.path, Trouble::from_io(&error));
            }
        }
    }

    /// Cuts a large file into ranges that begin at lines, for whoever is free.
    fn split(&self, source: Source, opened: Opened, format: Format, begin: u64) {
        let size = opened.sight.size;
        let mut cuts = vec![begin];
        while let Some(last) = cuts.last().copied().filter(|&last| last < size) {
            match next_line(&opened.file, last.saturating_add(self.range).min(size), size) {
                Ok(cut) => cuts.push(cut),
                Err(error) => return self.problem(&source.path, Trouble::from_io(&error)),
            }
        }
        let split = Arc::new(Split {
            source,
            opened,
            format,
            begin,
            left: AtomicUsize::new(cuts.len() - 1),
            end: AtomicU64::new(begin),
            failed: AtomicBool::new(false),
        });
        let ranges = cuts.windows(2).map(|pair| Job::Range(Arc::clone(&split), pair[0], pair[1]));
        lock(&self.queue).jobs.extend(ranges.rev());
        self.changed.notify_all();
    }

    fn range(&self, split: &Split, (begin, end): (u64, u64), worker: &mut Worker) {
        let Worker { number, buffer } = worker;
        let (from, sight) = (&split.source, split.opened.sight);
        let file: &File = &split.opened.file;
        let origin = origin(&from.path, &self.ledgers[from.ledger], &sight, from.rank);
        let Some(mut decoder) = split.format.decoder(&origin) else { return };
        let subject = Subject { path: &from.path, format: &split.format, proof: Some(file), sight };
        let mut stretch = Stretch { file, at: begin, end };
        let start = Place { offset: begin, line: u64::from(begin == 0 && split.begin == 0) };
        let mut out = Decoded::default();
        let ended = pump(
            &mut stretch,
            (start, Last::Try),
            &mut *decoder,
            &mut out,
            (buffer, &mut |out, _| {
                // No mark: earlier ranges may not be recorded yet.
                if self.send(*number, subject.batch(emptied(out), None)) { Flow::On } else { Flow::Stop }
            }),
        );
        match ended {
            Ok(ended) if ended.flow == Flow::On => {
                split.end.fetch_max(ended.place.offset, Ordering::Relaxed);
                self.send(*number, subject.batch(out, None));
            }
            Ok(_) => split.failed.store(true, Ordering::Relaxed),
            Err(error) => {
                split.failed.store(true, Ordering::Relaxed);
                self.problem(&from.path, Trouble::from_io(&error));
            }
        }
        let last = split.left.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && !split.failed.load(Ordering::Relaxed) {
            let mark = subject.mark(split.end.load(Ordering::Relaxed));
            self.send(*number, subject.batch(Decoded::default(), mark));
        }
    }
}

struct Done<'a>(&'a Shared<'a>);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).active -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::table::NoTables;
    use std::io::Write;

    fn native(root: &Path) -> Vec<Ledger> {
        let pattern = format!("{}/*", root.display());
        vec![Ledger { pattern, format: Some(Format::Native), tenant: None }]
    }

    fn read(ledgers: &[Ledger], marks: &Marks) -> (ScanReport, Vec<Mark>) {
        let found = Mutex::new(Vec::new());
        let report = scan(ledgers, marks, &NoTables, &|_, batch| {
            lock(&found).extend(batch.mark);
            true
        });
        (report, found.into_inner().unwrap())
    }

    #[test]
    fn a_second_scan_reads_only_what_is_new() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.jsonl");
        std::fs::write(&path, "1\n2\n").unwrap();
        std::fs::write(root.path().join("b.jsonl"), "1\n").unwrap();
        let ledgers = native(root.path());
        let (report, marks) = read(&ledgers, &Marks::default());
        assert_eq!((report.files, report.unchanged, report.tally.lines), (2, 0, 3));
        let (report, _) = read(&ledgers, &Marks::new(marks.clone()));
        assert_eq!((report.files, report.unchanged, report.tally.lines), (2, 2, 0));
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"3\n").unwrap();
        let (report, _) = read(&ledgers, &Marks::new(marks));
        assert_eq!((report.files, report.unchanged, report.tally.lines), (2, 1, 1));
    }

    #[test]
    fn a_story_that_has_grown_counts_only_its_new_lines() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.jsonl");
        std::fs::write(&path, "{\"type\":\"one\"}\nnot json\n").unwrap();
        let mut ledgers = native(root.path());
        ledgers[0].format = Some(Format::Codex);
        let (report, marks) = read(&ledgers, &Marks::default());
        assert_eq!((report.tally.lines, report.tally.bad), (2, 1));
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"nor this\n").unwrap();
        let (report, _) = read(&ledgers, &Marks::new(marks));
        assert_eq!((report.tally.lines, report.tally.bad), (1, 1));
    }

    #[test]
    fn in_order_a_large_file_is_marked_as_it_is_read() {
        let root = tempfile::tempdir().unwrap();
        // Lines that cannot be read are handed on two hundred at a time.
        std::fs::write(root.path().join("a.jsonl"), format!("{}\n", "x".repeat(99_999)).repeat(1000))
            .unwrap();
        let offsets = Mutex::new(Vec::new());
        scan_in_order(&native(root.path()), &Marks::default(), &NoTables, &|_, batch| {
            lock(&offsets).extend(batch.mark.map(|mark| mark.offset));
            true
        });
        let offsets = offsets.into_inner().unwrap();
        assert!(offsets.len() >= 5 && offsets.is_sorted(), "{offsets:?}");
        assert_eq!(offsets.last(), Some(&100_000_000));
    }

    #[test]
    fn a_large_file_is_read_in_ranges_and_marked_once_at_its_end() {
        let root = tempfile::tempdir().unwrap();
        let line = format!("{}\n", "x".repeat(999));
        std::fs::write(root.path().join("a.jsonl"), line.repeat(100_000)).unwrap();
        let (report, marks) = read(&native(root.path()), &Marks::default());
        assert_eq!(report.tally.lines, 100_000);
        assert_eq!(marks.iter().map(|mark| mark.offset).collect::<Vec<_>>(), [100_000_000]);
    }

    #[test]
    fn what_is_no_ledger_is_named_and_the_rest_is_read() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.jsonl"), "hello\n").unwrap();
        std::fs::write(root.path().join("b.jsonl"), "{\"resourceSpans\":[]}\n").unwrap();
        let mut ledgers = native(root.path());
        ledgers[0].format = None;
        let (report, _) = read(&ledgers, &Marks::default());
        assert_eq!(report.problems.len(), 1);
        assert_eq!(report.problems[0].trouble, Trouble::UnknownFormat);
        assert_eq!(report.tally.lines, 1);
    }

    #[test]
    fn a_receiver_that_is_gone_ends_the_scan() {
        let root = tempfile::tempdir().unwrap();
        for name in 0..50 {
            std::fs::write(root.path().join(format!("{name}.jsonl")), "1\n").unwrap();
        }
        let sent = AtomicUsize::new(0);
        scan(&native(root.path()), &Marks::default(), &NoTables, &|_, _| {
            sent.fetch_add(1, Ordering::Relaxed);
            false
        });
        assert!(sent.into_inner() <= 16);
    }
}
