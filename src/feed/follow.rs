//! The thread that follows ledgers: woken by the system's file events, kept honest by looks at all files.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::Problem;
use super::ledger::Ledger;
use super::mark::Marks;
use super::table::Opener;
use super::tail::{Look, Tailer};
use crate::domain::observation::Batch;
use crate::domain::time::Timestamp;

/// How often every file is looked at, whatever the events say.
const TICK: Duration = Duration::from_secs(1);
/// The same once nothing has come for [`QUIET`]: an idle screen should cost next to nothing.
const SLOW_TICK: Duration = Duration::from_secs(2);
/// The same where nothing can change that the system does not tell of.
///
/// A look each second (`reliability.md` T1) finds nothing there that an event has not told before. This one
/// is for what is told by none all the same: writes through a mapping of the file or through another name of
/// it, and folders for which there was no watch left.
const WATCHED_TICK: Duration = Duration::from_secs(10);
/// After this long without a new line the looks become rarer.
const QUIET: Duration = Duration::from_secs(5);
/// Shortest time between two looks: a busy writer makes one batch of many lines.
const PAUSE: Duration = Duration::from_millis(15);
/// Shortest time between two look-ups of the patterns.
const LIST_PAUSE: Duration = Duration::from_millis(100);
/// Events waiting; where more come, every file is looked at.
const EVENTS: usize = 1024;

/// A running follower. Dropping it tells its thread to stop, without waiting.
pub struct Follow {
    stop: Arc<AtomicBool>,
    wake: SyncSender<Hint>,
    problems: Arc<Mutex<Vec<Problem>>>,
    thread: Option<JoinHandle<()>>,
}

/// What a follower cannot read right now.
#[derive(Clone)]
pub struct Problems(Arc<Mutex<Vec<Problem>>>);

impl Problems {
    /// Returns them as they stand.
    pub fn now(&self) -> Vec<Problem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an event says.
enum Hint {
    /// Look at these files.
    Files(Vec<PathBuf>),
    /// Names came or went.
    Names(Vec<PathBuf>),
    /// Nothing: look whether to stop.
    Wake,
}

impl Follow {
    /// Returns a view of what cannot be read, that stays current.
    pub fn problems(&self) -> Problems {
        Problems(Arc::clone(&self.problems))
    }

    /// Says whether the thread still runs.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops, and waits until nothing more will be sent. The receiver must be read or dropped meanwhile.
    pub fn stop(mut self) {
        self.tell();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }

    fn tell(&self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.wake.try_send(Hint::Wake));
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Follows ledgers on a thread of its own until it is stopped, or `sink` is closed.
///
/// A full `sink` makes the thread wait: nothing is dropped, the files keep what is not read yet.
pub fn follow(
    ledgers: Vec<Ledger>,
    marks: Marks,
    opener: Arc<dyn Opener>,
    sink: SyncSender<Batch>,
) -> std::io::Result<Follow> {
    let (wake, events) = sync_channel(EVENTS);
    let stop = Arc::new(AtomicBool::new(false));
    let problems = Arc::new(Mutex::new(Vec::new()));
    let overflow = Arc::new(AtomicBool::new(false));
    let watch = Watch::new(&ledgers, wake.clone(), Arc::clone(&overflow));
    let shell = Shell {
        tailer: Tailer::new(ledgers, marks, opener),
        watch,
        events,
        overflow,
        stop: Arc::clone(&stop),
        problems: Arc::clone(&problems),
        started: clock(),
    };
    let thread = std::thread::Builder::new().name("feed".to_owned()).spawn(move || shell.run(&sink))?;
    Ok(Follow { stop, wake, problems, thread: Some(thread) })
}

#[expect(clippy::disallowed_methods, reason = "the shell's one look at the clock")]
fn clock() -> Instant {
    Instant::now()
}

struct Shell {
    tailer: Tailer,
    watch: Watch,
    events: Receiver<Hint>,
    overflow: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    problems: Arc<Mutex<Vec<Problem>>>,
    started: Instant,
}

/// What has to be looked at, gathered until it is time.
#[derive(Default)]
struct Due {
    files: HashSet<PathBuf>,
    names: bool,
}

impl Shell {
    fn run(mut self, sink: &SyncSender<Batch>) {
        let (mut looked, mut listed) = (clock(), clock());
        let mut active = looked;
        let mut look = Look::Patterns;
        let mut due = Due::default();
        loop {
            let millis = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
            let now = Timestamp::from_millis(millis);
            if look == Look::Patterns || look == Look::Files {
                self.watch.renew();
                looked = clock();
            }
            if look == Look::Patterns {
                listed = looked;
            }
            let mut came = false;
            let mut send = |batch| {
                came = true;
                sink.send(batch).is_ok()
            };
            if !self.tailer.poll(now, &look, &mut send) {
                return;
            }
            *self.problems.lock().unwrap_or_else(PoisonError::into_inner) = self.tailer.problems();
            let polled = clock();
            // Where names came or went, a file may have to be looked at again once it is quiet.
            active = if came || look == Look::Patterns { polled } else { active };
            let is_told = || self.watch.tells_all() && !self.tailer.has_links();
            let tick = if polled.duration_since(active) < QUIET {
                TICK
            } else if is_told() {
                WATCHED_TICK
            } else {
                SLOW_TICK
            };
            look = loop {
                if self.stop.load(Ordering::Relaxed) {
                    return;
                }
                let soon = if due.names { (listed + LIST_PAUSE).max(polled + PAUSE) } else { polled + PAUSE };
                let until = if due.names || !due.files.is_empty() { soon } else { looked + tick };
                if !self.wait(until.min((looked + tick).max(polled + PAUSE)), &mut due) {
                    break self.next(&mut due, looked + tick);
                }
            };
        }
    }

    /// Waits for one event; returns whether it is too early to look.
    fn wait(&mut self, until: Instant, due: &mut Due) -> bool {
        let left = until.saturating_duration_since(clock());
        match self.events.recv_timeout(left) {
            Ok(Hint::Files(paths)) => due.files.extend(paths),
            Ok(Hint::Names(paths)) => {
                due.names = true;
                self.watch.forget(&paths);
                due.files.extend(paths);
            }
            Ok(Hint::Wake) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        }
        !left.is_zero()
    }

    fn next(&self, due: &mut Due, all_due: Instant) -> Look {
        let overflow = self.overflow.swap(false, Ordering::Relaxed);
        if due.names || overflow {
            *due = Due::default();
            Look::Patterns
        } else if due.files.is_empty() || all_due <= clock() {
            due.files.clear();
            Look::Files
        } else {
            Look::At(std::mem::take(&mut due.files))
        }
    }
}

/// The directories that are watched. Where the system refuses, the look every second stands in.
struct Watch {
    watcher: Option<RecommendedWatcher>,
    wanted: Vec<(PathBuf, RecursiveMode)>,
    watched: HashSet<PathBuf>,
    /// Whether the watched directories lie on file systems that only this system writes to.
    local: bool,
}

impl Watch {
    fn new(ledgers: &[Ledger], wake: SyncSender<Hint>, overflow: Arc<AtomicBool>) -> Watch {
        let mode = |ledger: &Ledger| {
            if ledger.is_deep() { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive }
        };
        let mut wanted: Vec<(PathBuf, RecursiveMode)> =
            ledgers.iter().map(|ledger| (ledger.base(), mode(ledger))).collect();
        wanted.sort_by(|one, other| one.0.cmp(&other.0));
        wanted.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same && later.1 == RecursiveMode::Recursive {
                first.1 = RecursiveMode::Recursive;
            }
            same
        });
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Some(hint) = hint(event) else { return };
            if wake.try_send(hint).is_err() {
                overflow.store(true, Ordering::Relaxed);
            }
        });
        Watch { watcher: watcher.ok(), wanted, watched: HashSet::new(), local: true }
    }

    /// Watches directories that have come into being, and forgets those that are gone.
    fn renew(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for (directory, mode) in &self.wanted {
            if !directory.is_dir() {
                self.watched.remove(directory);
            } else if !self.watched.contains(directory) && watcher.watch(directory, *mode).is_ok() {
                self.local &= is_local(directory);
                self.watched.insert(directory.clone());
            }
        }
    }

    /// Has those of the directories watched anew that were moved or removed: what lies there now is another.
    fn forget(&mut self, gone: &[PathBuf]) {
        self.watched.retain(|directory| !gone.iter().any(|gone| gone == without_dot(directory)));
    }

    /// Says whether the system tells of whatever happens in the directories.
    fn tells_all(&self) -> bool {
        self.local && self.wanted.iter().all(|(directory, _)| self.watched.contains(directory))
    }
}

/// Says whether a directory lies on a file system of which all writers are on this system: events tell of no
/// others.
#[cfg(target_os = "linux")]
fn is_local(directory: &Path) -> bool {
    // The numbers of `statfs(2)`: btrfs, ext, f2fs, overlayfs, tmpfs, xfs, zfs.
    const LOCAL: [u64; 7] =
        [0x9123_683e, 0xef53, 0xf2f5_2010, 0x794c_7630, 0x0102_1994, 0x5846_5342, 0x2fc1_2fc1];
    let kind = rustix::fs::statfs(directory).map(|found| found.f_type);
    kind.is_ok_and(|kind| u64::try_from(kind).is_ok_and(|kind| LOCAL.contains(&kind)))
}

#[cfg(not(target_os = "linux"))]
fn is_local(_: &Path) -> bool {
    false
}

fn without_dot(path: &Path) -> &Path {
    path.strip_prefix("./").unwrap_or(path)
}

/// Takes from an event what matters; our own reading wakes nobody.
fn hint(event: notify::Result<Event>) -> Option<Hint> {
    let Ok(event) = event else { return Some(Hint::Names(Vec::new())) };
    if event.need_rescan() {
        return Some(Hint::Names(Vec::new()));
    }
    let paths: Vec<PathBuf> = event.paths.iter().map(|path| without_dot(path).to_owned()).collect();
    // The journal of a database comes and goes with each transaction: it is the database that changed.
    let databases: Option<Vec<PathBuf>> = paths.iter().map(|path| database(path)).collect();
    if let Some(databases) = databases.filter(|databases| !databases.is_empty()) {
        return (!matches!(event.kind, EventKind::Access(_))).then_some(Hint::Files(databases));
    }
    match event.kind {
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Any) => {
            Some(Hint::Files(paths))
        }
        _ => Some(Hint::Names(paths)),
    }
}

/// Returns the database that a journal or log belongs to.
fn database(path: &Path) -> Option<PathBuf> {
    let name = path.to_str()?;
    ["-wal", "-journal", "-shm"].iter().find_map(|end| name.strip_suffix(end)).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::table::NoTables;
    use crate::wire::format::Format;

    #[test]
    fn a_journal_that_comes_and_goes_is_news_of_its_database() {
        use notify::event::{CreateKind, RemoveKind};
        let of = |kind, names: &[&str]| {
            let event = names.iter().fold(Event::new(kind), |event, name| event.add_path(name.into()));
            match hint(Ok(event)) {
                Some(Hint::Files(paths)) => format!("files {paths:?}"),
                Some(Hint::Names(paths)) => format!("names {paths:?}"),
                Some(Hint::Wake) | None => "nothing".to_owned(),
            }
        };
        let (created, removed) = (EventKind::Create(CreateKind::File), EventKind::Remove(RemoveKind::File));
        assert_eq!(of(created, &["./a.db-journal"]), "files [\"a.db\"]");
        assert_eq!(of(removed, &["/x/a.db-wal"]), "files [\"/x/a.db\"]");
        assert_eq!(of(created, &["a.jsonl"]), "names [\"a.jsonl\"]");
        assert_eq!(of(removed, &["a.db-wal", "b"]), "names [\"a.db-wal\", \"b\"]");
        assert_eq!(of(EventKind::Access(notify::event::AccessKind::Any), &["a.db-wal"]), "nothing");
        assert_eq!(of(created, &[]), "names []");
    }

    #[test]
    fn the_watch_is_relied_on_only_where_it_tells_of_all() {
        let root = tempfile::tempdir().unwrap();
        let (near, far) = (root.path().join("near"), root.path().join("far"));
        std::fs::create_dir(&near).unwrap();
        let ledgers = [&near, &far].map(|folder| {
            let pattern = format!("{}/*.jsonl", folder.display());
            Ledger { pattern, format: Some(Format::Native), tenant: None }
        });
        let (wake, _events) = sync_channel(EVENTS);
        let mut watch = Watch::new(&ledgers, wake, Arc::new(AtomicBool::new(false)));
        watch.local = true;
        assert!(!watch.tells_all());
        watch.renew();
        assert!(!watch.tells_all(), "a folder is missing");
        std::fs::create_dir(&far).unwrap();
        watch.renew();
        assert_eq!(watch.tells_all(), is_local(&near) && is_local(&far));
        watch.forget(&[near.join("a.jsonl"), far]);
        assert_eq!((watch.watched.len(), watch.tells_all()), (1, false));
        assert!(!is_local(Path::new("/proc")));
    }

    #[test]
    fn an_append_comes_through_and_a_stop_ends_the_thread() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/er/a.jsonl");
        let pattern = format!("{}/**/*.jsonl", root.path().display());
        let ledger = Ledger { pattern, format: Some(Format::Native), tenant: None };
        let (sink, batches) = sync_channel(16);
        let follow = follow(vec![ledger], Marks::default(), Arc::new(NoTables), sink).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "1\n2\n").unwrap();
        let mut lines = 0;
        while lines < 2 {
            lines += batches.recv_timeout(Duration::from_secs(20)).unwrap().decoded.tally.lines;
        }
        assert!(follow.is_running());
        follow.stop();
        assert!(batches.try_recv().is_err());
    }
}
