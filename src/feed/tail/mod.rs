//! Follows files while they grow, are rotated, truncated, replaced and removed.
//!
//! [`Tailer::poll`] is the whole of it, given the time; the thread in [`mod@super::follow`] only calls it.

mod copies;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::copies::{beside, find, original, passes, skip};
use super::gap::gap;
use super::ledger::Ledger;
use super::mark::{Marks, goes_on, proofs, proves, sight, stem};
use super::open::{Packing, Unpacked, open, open_regular, packing};
use super::pump::{Last, Subject, origin, pump, replay, sending, source};
use super::read::{Buffer, Flow, Stretch};
use super::step::{Step, step};
use super::table::{Opener, SHORT, Table};
use super::{Problem, Trouble};
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::{BadLine, Batch, Decoded};
use crate::domain::time::{Millis, Timestamp};
use crate::wire::format::{Container, Format};
use crate::wire::{Decoder, Place};

/// Descriptors kept open, so that a file can be read to its end after its name is gone.
const OPEN: usize = 400;
/// Marks kept of content that is gone.
const ENDED: usize = 256;
/// How often the patterns are looked up again.
const LIST_EVERY: Millis = Millis::new(10_000);
/// How long a file without a name is kept without growth.
const KEEP: Millis = Millis::new(10_000);
/// After this long without growth, a last line without line end is tried.
const SETTLED: Millis = Millis::new(2_000);

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// At these files, which something has happened to.
    At(HashSet<PathBuf>),
    /// At all known files.
    Files,
    /// At the patterns and all files.
    Patterns,
}

/// The files of some ledgers, each read as far as it goes.
pub struct Tailer {
    ledgers: Vec<Ledger>,
    marks: Marks,
    opener: Arc<dyn Opener>,
    files: HashMap<FileId, Tailed>,
    listing: Vec<(PathBuf, usize)>,
    listed: Option<Timestamp>,
    problems: HashMap<PathBuf, Trouble>,
    pattern_problems: Vec<Problem>,
    /// Paths that could not be looked at.
    hidden: HashSet<PathBuf>,
    /// How files looked that held nothing known: not opened again until they change.
    unknown: HashMap<PathBuf, Sight>,
    /// Marks of content that is gone from its file, by which a copy made late (packed) is recognised.
    ended: VecDeque<Mark>,
    /// Copies of content that is gone from its file, to be read where they are not followed yet.
    copies: Vec<(PathBuf, usize)>,
    buffer: Buffer,
    rank: u32,
    /// Descriptors that may have been opened since some were closed.
    opened: usize,
}

/// One file that is followed.
struct Tailed {
    path: PathBuf,
    ledger: usize,
    rank: u32,
    format: Format,
    packing: Packing,
    mark: Mark,
    /// Line number at the mark; 0 where it is not known.
    line: u64,
    file: Option<File>,
    decoder: Option<Box<dyn Decoder>>,
    table: Option<Table>,
    /// When it last grew.
    grown: Timestamp,
    /// When its name was first missed.
    missed: Option<Timestamp>,
    /// Whether the pending last line has been tried, or a packed file has been read.
    tried: bool,
    note: Option<String>,
    /// What was cut away, to be told with the next batch.
    gaps: Vec<BadLine>,
}

impl Tailed {
    /// Says whether a look shows that nothing has changed and nothing waits for the file to be quiet.
    fn is_settled(&self, path: &Path, seen: &Sight) -> bool {
        let whole = self.packing == Packing::Plain && self.mark.offset == self.mark.sight.size;
        self.mark.sight == *seen
            && self.table.is_none()
            && self.missed.is_none()
            && (self.tried || whole)
            && self.path == path
    }
}

impl Tailed {
    /// Goes on where a mark says, without opening the file.
    fn of(mark: &Mark, (path, ledger, rank): (&Path, usize, u32), format: Format, now: Timestamp) -> Tailed {
        Tailed {
            path: path.to_owned(),
            ledger,
            rank,
            format,
            packing: Packing::Plain,
            mark: mark.clone(),
            line: 0,
            file: None,
            decoder: None,
            table: None,
            grown: now,
            missed: None,
            tried: false,
            note: None,
            gaps: Vec::new(),
        }
    }
}

type Sink<'a> = &'a mut dyn FnMut(Batch) -> bool;

impl Tailer {
    /// Starts to follow; `marks` says what earlier runs have read.
    pub fn new(ledgers: Vec<Ledger>, marks: Marks, opener: Arc<dyn Opener>) -> Tailer {
        Tailer {
            ledgers,
            marks,
            opener,
            files: HashMap::new(),
            listing: Vec::new(),
            listed: None,
            problems: HashMap::new(),
            pattern_problems: Vec::new(),
            hidden: HashSet::new(),
            unknown: HashMap::new(),
            ended: VecDeque::new(),
            copies: Vec::new(),
            buffer: Buffer::default(),
            rank: 0,
            opened: 0,
        }
    }

    /// Returns what cannot be read right now, sorted by source.
    pub fn problems(&self) -> Vec<Problem> {
        let files = self.problems.iter();
        let files = files.map(|(path, trouble)| Problem { source: source(path), trouble: trouble.clone() });
        let mut all: Vec<Problem> = files.chain(self.pattern_problems.iter().cloned()).collect();
        all.sort_by_key(|problem| problem.source);
        all
    }

    /// Returns how many files are followed.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Looks, and reads what is new; returns whether the receiver still listens.
    pub fn poll(&mut self, now: Timestamp, what: &Look, sink: Sink<'_>) -> bool {
        let due = self.listed.is_none_or(|listed| now.since(listed) >= LIST_EVERY);
        let listed = due || *what == Look::Patterns;
        if listed {
            self.list(now);
        }
        let at = match what {
            Look::At(paths) if !due => Some(paths),
            _ => None,
        };
        let seen = self.look(at);
        let (known, fresh): (Vec<_>, Vec<_>) =
            seen.iter().partition(|(_, _, seen)| self.files.contains_key(&seen.file));
        let mut met = HashSet::new();
        for (path, ledger, seen) in known {
            if met.insert(seen.file) && !self.known(now, (path, *ledger), *seen, sink) {
                return false;
            }
        }
        let missing = self.missing(&met, at);
        if !missing.into_iter().all(|id| self.missed(now, id, sink)) {
            return false;
        }
        for (path, ledger, seen) in fresh {
            // One may have been taken up meanwhile, as the copy of another.
            let hopeless = self.unknown.get(path) == Some(seen) || self.files.contains_key(&seen.file);
            if hopeless || !met.insert(seen.file) || self.is_read(now, (path, *ledger), seen) {
                continue;
            }
            if !self.start(now, (path, *ledger), sink) {
                return false;
            }
        }
        if listed && !self.adopt(now, &met, sink) {
            return false;
        }
        while let Some((path, ledger)) = self.copies.pop() {
            if !self.start(now, (&path, ledger), sink) {
                return false;
            }
        }
        true
    }

    fn list(&mut self, now: Timestamp) {
        self.listed = Some(now);
        self.listing.clear();
        self.pattern_problems.clear();
        let mut known = HashSet::new();
        for (index, ledger) in self.ledgers.iter().enumerate() {
            let found = ledger.expand();
            self.pattern_problems.extend(found.problems);
            let files = found.files.into_iter().filter(|path| known.insert(path.clone()));
            self.listing.extend(files.map(|path| (path, index)));
        }
        // A path that was followed is looked at even when it is no file any more.
        let followed = self.files.values().filter(|tailed| known.insert(tailed.path.clone()));
        self.listing.extend(followed.map(|tailed| (tailed.path.clone(), tailed.ledger)));
        self.problems.retain(|path, _| known.contains(path));
        self.unknown.retain(|path, _| known.contains(path));
    }

    /// Returns how the files look that exist.
    fn look(&mut self, at: Option<&HashSet<PathBuf>>) -> Vec<(PathBuf, usize, Sight)> {
        let mut seen = Vec::new();
        self.hidden.clear();
        for (path, ledger) in &self.listing {
            if at.is_some_and(|at| !at.contains(path)) {
                continue;
            }
            let trouble = match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => {
                    seen.push((path.clone(), *ledger, sight(&metadata)));
                    None
                }
                Ok(_) => Some(Trouble::NotAFile),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    path.is_symlink().then_some(Trouble::NotAFile)
                }
                Err(error) => {
                    self.hidden.insert(path.clone());
                    Some(Trouble::from_io(&error))
                }
            };
            match trouble {
                Some(trouble) => drop(self.problems.insert(path.clone(), trouble)),
                None if self.problems.get(path).is_some_and(Trouble::is_of_path) => {
                    self.problems.remove(path);
                }
                None => {}
            }
        }
        seen
    }

    /// Returns the files that lie at none of the paths that were looked at.
    ///
    /// Where the path cannot be looked at, the file may still be there: it waits.
    fn missing(&self, met: &HashSet<FileId>, at: Option<&HashSet<PathBuf>>) -> Vec<FileId> {
        let asked = |tailed: &Tailed| at.is_none_or(|at| at.contains(&tailed.path));
        let gone = |tailed: &Tailed| asked(tailed) && !self.hidden.contains(&tailed.path);
        let mut missing: Vec<(u32, FileId)> = self
            .files
            .iter()
            .filter(|(id, tailed)| !met.contains(id) && gone(tailed))
            .map(|(id, tailed)| (tailed.rank, *id))
            .collect();
        missing.sort_unstable_by_key(|(rank, _)| *rank);
        missing.into_iter().map(|(_, id)| id).collect()
    }

    /// Goes on with a file that is followed already.
    fn known(&mut self, now: Timestamp, (path, ledger): (&Path, usize), seen: Sight, sink: Sink<'_>) -> bool {
        if self.files.get(&seen.file).is_some_and(|tailed| tailed.is_settled(path, &seen)) {
            return true;
        }
        let Some(mut tailed) = self.files.remove(&seen.file) else { return true };
        tailed.missed = None;
        // A second name of a file that keeps its first one is no rename.
        let stays = |old: &Path| std::fs::metadata(old).is_ok_and(|old| sight(&old).file == seen.file);
        if tailed.path != path && !stays(&tailed.path) {
            path.clone_into(&mut tailed.path);
            tailed.ledger = ledger;
            tailed.note = Some("renamed".to_owned());
        }
        let listening = self.grow(now, &mut tailed, seen, sink);
        self.keep(seen.file, tailed);
        listening
    }

    /// Finishes a file whose name is gone, and lets go of it once it is quiet.
    fn missed(&mut self, now: Timestamp, id: FileId, sink: Sink<'_>) -> bool {
        let Some(mut tailed) = self.files.remove(&id) else { return true };
        if tailed.table.is_some() {
            return true;
        }
        if tailed.missed.is_none() {
            tailed.missed = Some(now);
            tailed.grown = now;
            tailed.file = tailed.file.take().or_else(|| find(&tailed.path, &tailed.mark));
        }
        let Some(seen) = tailed.file.as_ref().and_then(|file| Some(sight(&file.metadata().ok()?))) else {
            return self.lose(tailed, "removed", sink);
        };
        if !self.grow(now, &mut tailed, seen, sink) {
            return false;
        }
        if now.since(tailed.grown) < KEEP {
            self.keep(id, tailed);
            return true;
        }
        self.lose(tailed, "ended in the middle of a line", sink)
    }

    /// Lets go of a file; what was seen of it and never read is told.
    fn lose(&mut self, mut tailed: Tailed, why: &str, sink: Sink<'_>) -> bool {
        let half = tailed.mark.half.is_some();
        if half {
            let at = tailed.mark.sight.modified;
            let lost = self.unread((&tailed.path, tailed.ledger), &tailed.mark, (at, why));
            tailed.gaps.extend(lost);
        }
        let listening = (tailed.gaps.is_empty() && !half) || {
            let note = tailed.gaps.last().map(|gap| gap.reason.clone());
            let mut decoded = Decoded::default();
            tell(&mut tailed.gaps, &mut decoded);
            let format = tailed.format.name();
            // What has been told is not told again by whoever meets this mark.
            tailed.mark.sight.size = tailed.mark.offset;
            tailed.mark.half = None;
            sink(Batch {
                source: source(&tailed.path),
                format,
                decoded,
                mark: Some(tailed.mark.clone()),
                note,
            })
        };
        let removed =
            tailed.file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|data| data.nlink() == 0);
        if removed {
            // Its number may go to another file that happens to begin alike.
            self.marks.remove(tailed.mark.sight.file);
            self.end(tailed.mark);
        } else {
            self.marks.insert(tailed.mark);
        }
        listening
    }

    /// Takes up a file that an earlier run has read to its end and nobody has touched since, unopened.
    fn is_read(&mut self, now: Timestamp, (path, ledger): (&Path, usize), seen: &Sight) -> bool {
        let Some(mark) = self.marks.get(seen.file).filter(|mark| mark.sight == *seen) else { return false };
        let Some(format) = self.format(mark, ledger) else { return false };
        if format.container() == Container::Sqlite || mark.half.is_some() {
            return false;
        }
        let tailed = Tailed { tried: true, ..Tailed::of(mark, (path, ledger, self.rank), format, now) };
        self.rank = self.rank.saturating_add(1);
        self.files.insert(seen.file, tailed);
        true
    }

    /// Returns the format of a mark, where its ledger is still read as that.
    fn format(&self, mark: &Mark, ledger: usize) -> Option<Format> {
        let known = self.ledgers[ledger].format.clone().or_else(|| Format::parse(mark.format.as_str()));
        known.filter(|format| format.name() == mark.format)
    }

    /// Takes up the files of which an earlier run saw half a line and that are at none of the paths any more:
    /// they are waited for like any whose name is gone, and what is not found is told.
    fn adopt(&mut self, now: Timestamp, met: &HashSet<FileId>, sink: Sink<'_>) -> bool {
        let known = |id: &FileId| met.contains(id) || self.files.contains_key(id);
        let pending = self.marks.iter().filter(|mark| mark.half.is_some() && !known(&mark.sight.file));
        let adopted = pending.filter_map(|mark| {
            let path = Path::new(&*mark.path);
            let ledger = self.ledgers.iter().position(|ledger| ledger.covers(path))?;
            let gone = is_gone(path, mark.sight.file);
            gone.then_some(Tailed::of(mark, (path, ledger, self.rank), self.format(mark, ledger)?, now))
        });
        let adopted: Vec<Tailed> = adopted.collect();
        adopted.into_iter().all(|tailed| {
            let id = tailed.mark.sight.file;
            self.files.insert(id, tailed);
            self.missed(now, id, sink)
        })
    }

    /// Begins with a file that was not followed before.
    fn start(&mut self, now: Timestamp, (path, ledger): (&Path, usize), sink: Sink<'_>) -> bool {
        let opened = match open(path, &self.ledgers[ledger], &*self.opener) {
            Ok(opened) => opened,
            Err(trouble) => {
                if let (Trouble::UnknownFormat, Ok(metadata)) = (&trouble, std::fs::metadata(path)) {
                    self.unknown.insert(path.to_owned(), sight(&metadata));
                }
                self.problems.insert(path.to_owned(), trouble);
                return true;
            }
        };
        self.problems.remove(path);
        let Some(format) = opened.format else {
            // Too early to tell what an empty file is.
            self.unknown.insert(path.to_owned(), opened.sight);
            return true;
        };
        self.unknown.remove(path);
        let id = opened.sight.file;
        if self.files.contains_key(&id) {
            return true;
        }
        let sqlite = format.container() == Container::Sqlite;
        let mut tailed = Tailed {
            path: path.to_owned(),
            ledger,
            rank: self.rank,
            mark: empty_mark(path, &format, id),
            packing: opened.packing,
            line: 1,
            // Closing a descriptor of a database would end the locks of the connection to it.
            file: (!sqlite).then_some(opened.file),
            decoder: None,
            table: sqlite.then(|| Table::new(path, format.clone(), SHORT)),
            format,
            grown: now,
            missed: None,
            tried: false,
            note: None,
            gaps: Vec::new(),
        };
        self.rank = self.rank.saturating_add(1);
        let known = self.marks.get(id).filter(|mark| mark.format == tailed.format.name()).cloned();
        if let (Some(table), Some(mark)) = (&mut tailed.table, self.marks.get(id)) {
            table.resume(mark);
        }
        if let Some(mark) = self.resume(&tailed, &opened.sight) {
            tailed.line = 0;
            tailed.tried = mark.sight == opened.sight && mark.half.is_none();
            tailed.mark = mark;
        }
        if let Some(old) = known.filter(|old| old.sight != tailed.mark.sight) {
            self.forget(&mut tailed, old, opened.sight.modified);
        }
        let listening = self.grow(now, &mut tailed, opened.sight, sink);
        self.keep(id, tailed);
        listening
    }

    /// Returns where to go on in a file that is new here: from its own mark, or from that of the file
    /// it is a copy of.
    fn resume(&self, tailed: &Tailed, seen: &Sight) -> Option<Mark> {
        let mark = self.marks.get(seen.file).filter(|mark| mark.format == tailed.format.name());
        if let Some(mark) = mark.filter(|mark| mark.sight == *seen) {
            return Some(mark.clone());
        }
        if tailed.packing != Packing::Plain || tailed.format.container() == Container::Sqlite {
            return None;
        }
        let file = tailed.file.as_ref()?;
        let own = mark.filter(|mark| proves(file, mark));
        // A mark at the first byte proves nothing, but for the half line after it.
        let half = |mark: &Mark| mark.half.is_some() && goes_on(file, mark);
        if let Some(mark) = own.filter(|mark| mark.offset > 0 || half(mark)) {
            return Some(mark.clone());
        }
        if tailed.format.container() != Container::Lines {
            return None;
        }
        let Some(mark) = original(file, seen.size, self.originals(tailed)) else { return own.cloned() };
        let own = Sight { file: seen.file, ..Sight::default() };
        Some(Mark { sight: own, path: tailed.mark.path.clone(), ..mark.clone() })
    }

    /// Takes leave of what was read from a file whose number another one has now.
    fn forget(&mut self, tailed: &mut Tailed, old: Mark, at: i128) {
        if old.half.is_some() {
            let lost = self.unread((Path::new(&*old.path), tailed.ledger), &old, (at, "replaced"));
            tailed.gaps.extend(lost);
        }
        self.end(old);
    }

    /// Finishes what stood in a file from the copies beside it, where there are any; without one, what had
    /// been seen and not read of it is lost.
    fn unread(
        &mut self,
        (path, ledger): (&Path, usize),
        old: &Mark,
        (at, why): (i128, &str),
    ) -> Option<BadLine> {
        let copies = beside(path, old);
        // What stands in a copy is read from there, or lost with it.
        let lost = gap(old, at, why).filter(|_| copies.is_empty());
        self.copies.extend(copies.into_iter().map(|copy| (copy, ledger)));
        lost
    }

    fn end(&mut self, mark: Mark) {
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(mark);
    }

    /// Returns the marks of files that this one may be a copy of, furthest first.
    fn originals(&self, tailed: &Tailed) -> impl Iterator<Item = &Mark> {
        let mine = stem(&tailed.mark.path);
        let id = tailed.mark.sight.file;
        let format = tailed.format.name();
        let ended = self.ended.iter().filter(|mark| stem(&mark.path) == mine);
        let mut marks: Vec<&Mark> = self.marks.of_stem(mine).chain(ended).collect();
        marks.retain(|mark| mark.offset > 0 && mark.format == format && mark.sight.file != id);
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.offset));
        marks.into_iter()
    }

    /// Remembers a file; every so often, closes those that have been quiet the longest.
    ///
    /// At most [`OPEN`] descriptors are open: half of them at rest, and those opened since then.
    fn keep(&mut self, id: FileId, tailed: Tailed) {
        self.opened += usize::from(tailed.file.is_some());
        self.marks.insert(tailed.mark.clone());
        self.files.insert(id, tailed);
        if self.opened < OPEN / 2 {
            return;
        }
        self.opened = 0;
        let mut open: Vec<&mut Tailed> = self.files.values_mut().filter(|file| file.file.is_some()).collect();
        // A file without a name cannot be opened again: those go last.
        open.sort_unstable_by_key(|tailed| {
            std::cmp::Reverse((tailed.missed.is_some(), tailed.grown, tailed.rank))
        });
        open.into_iter().skip(OPEN / 2).for_each(|quiet| quiet.file = None);
    }

    /// Reads what a look says is new.
    fn grow(&mut self, now: Timestamp, tailed: &mut Tailed, seen: Sight, sink: Sink<'_>) -> bool {
        if tailed.table.is_some() {
            return self.table(tailed, &seen, sink);
        }
        if seen == tailed.mark.sight {
            return self.quiet(now, tailed, sink);
        }
        if tailed.file.is_none() {
            match open_regular(&tailed.path) {
                Ok(file) => {
                    tailed.packing = packing(&file);
                    tailed.file = Some(file);
                }
                Err(trouble) => {
                    self.problems.insert(tailed.path.clone(), trouble);
                    return true;
                }
            }
        }
        // The descriptor has the last word: the name may have moved on since the look.
        let Some(file) = &tailed.file else { return true };
        let Ok(seen) = file.metadata().map(|metadata| sight(&metadata)) else { return true };
        if seen.file != tailed.mark.sight.file {
            tailed.file = None;
            return true;
        }
        tailed.grown = now;
        tailed.tried = false;
        if tailed.packing != Packing::Plain {
            if tailed.mark.head != 0 && (tailed.mark.offset > 0 || tailed.mark.half.is_some()) {
                // The number of a plain file that is gone went to a packed one.
                let empty = empty_mark(&tailed.path, &tailed.format, seen.file);
                let old = std::mem::replace(&mut tailed.mark, empty);
                self.forget(tailed, old, seen.modified);
            }
            tailed.mark.sight = seen;
            return true;
        }
        match step(Some(&tailed.mark), Some(&seen), |offset| proofs(file, offset).ok()) {
            Step::Read { .. } => {
                if !goes_on(file, &tailed.mark) {
                    // All that had been read is there, but not the half line after it.
                    let old = tailed.mark.clone();
                    self.tell_gap(tailed, old, (seen.modified, "truncated"));
                }
                self.read(tailed, seen, sink)
            }
            Step::Truncated => self.restart(tailed, seen, ("truncated", sink)),
            Step::Replaced => self.restart(tailed, seen, ("replaced", sink)),
            Step::Nothing | Step::Rotated | Step::Gone => true,
        }
    }

    /// Begins a file anew whose content is another one now, and finishes the old content from a copy beside
    /// it (copytruncate), where there is one.
    fn restart(&mut self, tailed: &mut Tailed, seen: Sight, (why, sink): (&str, Sink<'_>)) -> bool {
        let old = std::mem::replace(&mut tailed.mark, empty_mark(&tailed.path, &tailed.format, seen.file));
        tailed.line = 1;
        tailed.decoder = None;
        let ledger = &self.ledgers[tailed.ledger];
        if let (None, Ok(opened)) = (&ledger.format, open(&tailed.path, ledger, &*self.opener)) {
            tailed.format = opened.format.unwrap_or_else(|| tailed.format.clone());
        }
        self.tell_gap(tailed, old, (seen.modified, why));
        self.read(tailed, seen, sink)
    }

    /// Takes leave of what stood in a file that was cut or written anew.
    fn tell_gap(&mut self, tailed: &mut Tailed, old: Mark, (at, why): (i128, &str)) {
        let lost = self.unread((&tailed.path, tailed.ledger), &old, (at, why));
        let cut = lost.as_ref().map(|gap| gap.reason.clone());
        tailed.note = Some(format!("{}; read from its start", cut.as_deref().unwrap_or(why)));
        tailed.gaps.extend(lost);
        self.end(old);
    }

    fn table(&mut self, tailed: &mut Tailed, seen: &Sight, sink: Sink<'_>) -> bool {
        let Some(table) = &mut tailed.table else { return true };
        let origin = origin(&tailed.path, &self.ledgers[tailed.ledger], seen, tailed.rank);
        match table.read(&origin, &*self.opener, sink) {
            Ok(listening) => {
                self.problems.remove(&tailed.path);
                tailed.mark = table.mark().unwrap_or_else(|| tailed.mark.clone());
                listening
            }
            Err(trouble) => {
                self.problems.insert(tailed.path.clone(), trouble);
                true
            }
        }
    }

    /// Reads a file from its mark to its end.
    fn read(&mut self, tailed: &mut Tailed, seen: Sight, sink: Sink<'_>) -> bool {
        let ledger = &self.ledgers[tailed.ledger];
        let told = tailed.decoder.is_some() || tailed.format.container() != Container::Story;
        if tailed.decoder.is_none() {
            tailed.decoder = tailed.format.decoder(&origin(&tailed.path, ledger, &seen, tailed.rank));
        }
        let (Some(decoder), Some(file)) = (tailed.decoder.as_deref_mut(), &tailed.file) else { return true };
        let begin = if told {
            Ok(Place { offset: tailed.mark.offset, line: tailed.line })
        } else {
            replay(file, tailed.mark.offset, decoder, &mut self.buffer)
        };
        let begin = match begin {
            Ok(begin) => begin,
            Err(error) => {
                tailed.decoder = None;
                self.problems.insert(tailed.path.clone(), Trouble::from_io(&error));
                return true;
            }
        };
        let subject = Subject { path: &tailed.path, format: &tailed.format, proof: Some(file), sight: seen };
        let mut stretch = Stretch { file, at: begin.offset, end: u64::MAX };
        let mut out = Decoded::default();
        let ended = {
            let mut full = sending(subject, sink);
            pump(&mut stretch, (begin, Last::Leave), decoder, &mut out, (&mut self.buffer, &mut full))
        };
        match ended {
            Ok(ended) if ended.flow == Flow::Stop => return false,
            Ok(ended) => {
                if tailed.missed.is_none() {
                    self.problems.remove(&tailed.path);
                }
                tailed.line = ended.place.line;
                if let Some(mark) = subject.mark(ended.place.offset) {
                    tailed.mark = mark;
                }
            }
            Err(error) => {
                tailed.decoder = None;
                self.problems.insert(tailed.path.clone(), Trouble::from_io(&error));
                return sink(subject.batch(out, None));
            }
        }
        tell(&mut tailed.gaps, &mut out);
        let mut batch = subject.batch(out, Some(tailed.mark.clone()));
        batch.note = tailed.note.take();
        if tailed.format.container() == Container::Lines {
            // Nothing is carried from line to line: a decoder costs memory and is cheap to make.
            tailed.decoder = None;
        }
        sink(batch)
    }

    /// Reads what only makes sense once a file stays as it is: a packed file, a last line without end.
    fn quiet(&mut self, now: Timestamp, tailed: &mut Tailed, sink: Sink<'_>) -> bool {
        let packed = tailed.packing != Packing::Plain;
        let pending = tailed.mark.sight.size > tailed.mark.offset;
        if tailed.tried || !(packed || pending) || now.since(tailed.grown) < SETTLED {
            return true;
        }
        tailed.file = tailed.file.take().or_else(|| open_regular(&tailed.path).ok());
        let Some(file) = &tailed.file else { return true };
        let seen = tailed.mark.sight;
        let origin = origin(&tailed.path, &self.ledgers[tailed.ledger], &seen, tailed.rank);
        let Some(mut decoder) = tailed.format.decoder(&origin) else { return true };
        let lines = tailed.format.container() == Container::Lines;
        let mut stream = Unpacked::new(file, tailed.packing);
        let mut offset = if packed { 0 } else { tailed.mark.offset };
        if packed && lines {
            let known =
                self.originals(tailed).find(|mark| passes(&mut Unpacked::new(file, tailed.packing), mark));
            offset = known.map_or(0, |mark| mark.offset);
        }
        let mut stretch = Stretch { file, at: offset, end: seen.size };
        let stream: &mut dyn Read = if packed { skip(&mut stream, offset) } else { &mut stretch };
        let proof = (!packed).then_some(file);
        let subject = Subject { path: &tailed.path, format: &tailed.format, proof, sight: seen };
        let mut place = Place { offset, line: if offset == 0 { 1 } else { tailed.line } };
        if !(packed || lines) {
            let Ok(reached) = replay(file, offset, &mut *decoder, &mut self.buffer) else { return true };
            place = reached;
        }
        let mut out = Decoded::default();
        let ended = {
            let mut full = sending(subject, sink);
            pump(stream, (place, Last::Try), &mut *decoder, &mut out, (&mut self.buffer, &mut full))
        };
        let Ok(ended) = ended else { return true };
        tailed.tried = true;
        if !packed && ended.pending > 0 {
            // Still in the middle of a line: counted as lost if its writer never comes back.
            return true;
        }
        tailed.mark.half = None;
        if packed {
            tailed.mark.offset = ended.place.offset;
        }
        tell(&mut tailed.gaps, &mut out);
        sink(subject.batch(out, Some(tailed.mark.clone()))) && ended.flow == Flow::On
    }
}

/// Says whether a file lies at its path no more. Where that cannot be looked at, it may still be there.
fn is_gone(path: &Path, id: FileId) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => sight(&metadata).file != id,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Puts what was cut away among what could not be read.
fn tell(gaps: &mut Vec<BadLine>, out: &mut Decoded) {
    out.tally.lost += gaps.iter().map(|gap| gap.length).sum::<u64>();
    out.bad.append(gaps);
}

fn empty_mark(path: &Path, format: &Format, file: FileId) -> Mark {
    let empty = xxhash_rust::xxh3::xxh3_64(b"");
    let sight = Sight { file, ..Sight::default() };
    Mark {
        path: path.to_string_lossy().into(),
        format: format.name(),
        sight,
        offset: 0,
        head: empty,
        tail: empty,
        half: None,
        cursor: None,
    }
}

#[cfg(test)]
mod tests;
