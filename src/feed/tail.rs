//! Follows files while they grow, are rotated, truncated, replaced and removed.
//!
//! [`Tailer::poll`] is the whole of it, given the time; the thread in [`mod@super::follow`] only calls it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ledger::Ledger;
use super::mark::{Marks, proofs, proves, sight};
use super::open::{Packing, Unpacked, open, open_regular, packing};
use super::pump::{Last, Subject, origin, pump, sending, source};
use super::read::{Buffer, Flow, Stretch};
use super::step::{Step, step};
use super::table::{Opener, SHORT, Table};
use super::{Problem, Trouble};
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::{Batch, Decoded};
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
    /// How files looked that held nothing known: not opened again until they change.
    unknown: HashMap<PathBuf, Sight>,
    /// Marks of content that is gone from its file, by which a copy made late (packed) is recognised.
    ended: VecDeque<Mark>,
    buffer: Buffer,
    rank: u32,
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
    lost: u64,
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
            unknown: HashMap::new(),
            ended: VecDeque::new(),
            buffer: Buffer::default(),
            rank: 0,
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
        if due || *what == Look::Patterns {
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
            let hopeless = self.unknown.get(path) == Some(seen);
            if hopeless || !met.insert(seen.file) || self.is_read(now, (path, *ledger), seen) {
                continue;
            }
            if !self.start(now, (path, *ledger), sink) {
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
        self.problems.retain(|path, _| known.contains(path));
        self.unknown.retain(|path, _| known.contains(path));
    }

    /// Returns how the files look that exist.
    fn look(&mut self, at: Option<&HashSet<PathBuf>>) -> Vec<(PathBuf, usize, Sight)> {
        let mut seen = Vec::new();
        for (path, ledger) in &self.listing {
            if at.is_some_and(|at| !at.contains(path)) {
                continue;
            }
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => seen.push((path.clone(), *ledger, sight(&metadata))),
                Ok(_) => drop(self.problems.insert(path.clone(), Trouble::NotAFile)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    self.problems.remove(path);
                }
                Err(error) => drop(self.problems.insert(path.clone(), Trouble::from_io(&error))),
            }
        }
        seen
    }

    /// Returns the files that lie at none of the paths that were looked at.
    fn missing(&self, met: &HashSet<FileId>, at: Option<&HashSet<PathBuf>>) -> Vec<FileId> {
        let asked = |tailed: &Tailed| at.is_none_or(|at| at.contains(&tailed.path));
        let mut missing: Vec<(u32, FileId)> = self
            .files
            .iter()
            .filter(|(id, tailed)| !met.contains(id) && asked(tailed))
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
            tailed.file = tailed.file.take().or_else(|| find(&tailed.path, id));
        }
        let Some(seen) = tailed.file.as_ref().and_then(|file| Some(sight(&file.metadata().ok()?))) else {
            return self.lose(tailed, "removed before it was read to its end", sink);
        };
        if !self.grow(now, &mut tailed, seen, sink) {
            return false;
        }
        if now.since(tailed.grown) < KEEP {
            self.files.insert(id, tailed);
            return true;
        }
        self.lose(tailed, "ended in the middle of a line", sink)
    }

    /// Lets go of a file; what was seen of it and never read is counted.
    fn lose(&mut self, mut tailed: Tailed, why: &str, sink: Sink<'_>) -> bool {
        let lines = tailed.packing == Packing::Plain && tailed.table.is_none() && !tailed.tried;
        let lost = if lines { tailed.mark.sight.size.saturating_sub(tailed.mark.offset) } else { 0 };
        tailed.lost += lost;
        let listening = tailed.lost == 0 || {
            let mut decoded = Decoded::default();
            decoded.tally.lost = tailed.lost;
            let format = tailed.format.name();
            let note = Some(why.to_owned());
            sink(Batch { source: source(&tailed.path), format, decoded, mark: None, note })
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
        let known = self.ledgers[ledger].format.clone().or_else(|| Format::parse(mark.format.as_str()));
        let Some(format) = known.filter(|format| format.name() == mark.format) else { return false };
        if format.container() == Container::Sqlite {
            return false;
        }
        let tailed = Tailed {
            path: path.to_owned(),
            ledger,
            rank: self.rank,
            format,
            packing: Packing::Plain,
            mark: mark.clone(),
            line: 0,
            file: None,
            decoder: None,
            table: None,
            grown: now,
            missed: None,
            tried: true,
            note: None,
            lost: 0,
        };
        self.rank = self.rank.saturating_add(1);
        self.files.insert(seen.file, tailed);
        true
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
            lost: 0,
        };
        self.rank = self.rank.saturating_add(1);
        if let (Some(table), Some(mark)) = (&mut tailed.table, self.marks.get(id)) {
            table.resume(mark);
        }
        if let Some(mark) = self.resume(&tailed, &opened.sight) {
            tailed.line = 0;
            tailed.tried = mark.sight == opened.sight;
            tailed.mark = mark;
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
            // A story that has not changed needs no decoder until it grows.
            return Some(mark.clone());
        }
        if tailed.packing != Packing::Plain || tailed.format.container() != Container::Lines {
            return None;
        }
        let file = tailed.file.as_ref()?;
        if let Some(mark) = mark.filter(|mark| proves(file, mark)) {
            return Some(mark.clone());
        }
        let mark = self.originals(tailed).find(|mark| mark.offset <= seen.size && proves(file, mark))?;
        let own = Sight { file: seen.file, ..Sight::default() };
        Some(Mark { sight: own, path: tailed.mark.path.clone(), ..mark.clone() })
    }

    fn end(&mut self, mark: Mark) {
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(mark);
    }

    /// Returns the marks of files that this one may be a copy of, furthest first.
    fn originals(&self, tailed: &Tailed) -> impl Iterator<Item = &Mark> {
        let mine = stem(&tailed.path);
        let id = tailed.mark.sight.file;
        let format = tailed.format.name();
        let followed = self.files.values().map(|tailed| &tailed.mark);
        let all = self.marks.iter().chain(followed).chain(&self.ended);
        let mut marks: Vec<&Mark> = all
            .filter(|mark| mark.offset > 0 && mark.format == format && mark.sight.file != id)
            .filter(|mark| stem(Path::new(&*mark.path)) == mine)
            .collect();
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.offset));
        marks.into_iter()
    }

    /// Remembers a file, and closes the one that has been quiet the longest where too many are open.
    fn keep(&mut self, id: FileId, tailed: Tailed) {
        self.marks.insert(tailed.mark.clone());
        self.files.insert(id, tailed);
        let open = self.files.values().filter(|tailed| tailed.file.is_some()).count();
        if open > OPEN {
            let named =
                self.files.values_mut().filter(|tailed| tailed.file.is_some() && tailed.missed.is_none());
            if let Some(quiet) = named.min_by_key(|tailed| tailed.grown) {
                quiet.file = None;
            }
        }
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
            tailed.mark.sight = seen;
            return true;
        }
        match step(Some(&tailed.mark), Some(&seen), |offset| proofs(file, offset).ok()) {
            Step::Read { .. } => self.read(tailed, seen, sink),
            Step::Truncated => self.restart(now, tailed, seen, (Step::Truncated, sink)),
            Step::Replaced => self.restart(now, tailed, seen, (Step::Replaced, sink)),
            Step::Nothing | Step::Rotated | Step::Gone => true,
        }
    }

    /// Begins a file anew whose content is another one now.
    fn restart(
        &mut self,
        now: Timestamp,
        tailed: &mut Tailed,
        seen: Sight,
        (why, sink): (Step, Sink<'_>),
    ) -> bool {
        let old = std::mem::replace(&mut tailed.mark, empty_mark(&tailed.path, &tailed.format, seen.file));
        tailed.line = 1;
        tailed.decoder = None;
        tailed.note = Some(match why {
            Step::Truncated => "truncated: read from its start".to_owned(),
            _ => "replaced: read from its start".to_owned(),
        });
        let ledger = &self.ledgers[tailed.ledger];
        if let (None, Ok(opened)) = (&ledger.format, open(&tailed.path, ledger, &*self.opener)) {
            tailed.format = opened.format.unwrap_or_else(|| tailed.format.clone());
        }
        let pending = old.sight.size.saturating_sub(old.offset);
        if !self.copied(now, tailed, &old, sink) {
            return false;
        }
        if !self
            .files
            .values()
            .any(|other| other.mark.offset > old.offset && stem(&other.path) == stem(&tailed.path))
        {
            tailed.lost += pending;
        }
        self.read(tailed, seen, sink)
    }

    /// Finishes a truncated file from a copy beside it (copytruncate), where there is one.
    fn copied(&mut self, now: Timestamp, tailed: &Tailed, old: &Mark, sink: Sink<'_>) -> bool {
        self.end(old.clone());
        if tailed.format.container() != Container::Lines {
            return true;
        }
        let Some(directory) = tailed.path.parent() else { return true };
        let Ok(entries) = std::fs::read_dir(directory) else { return true };
        let mine = stem(&tailed.path);
        let beside = entries.flatten().map(|entry| entry.path());
        let beside = beside.filter(|path| *path != tailed.path && stem(path) == mine);
        let copies: Vec<PathBuf> = beside
            .filter(|path| {
                let Ok(file) = open_regular(path) else { return false };
                let id = file.metadata().map(|metadata| sight(&metadata).file).unwrap_or_default();
                !self.files.contains_key(&id) && id != old.sight.file && proves(&file, old)
            })
            .collect();
        copies.iter().all(|path| self.start(now, (path, tailed.ledger), sink))
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
        let story = tailed.format.container() == Container::Story;
        let begin = match &tailed.decoder {
            None if story => Place { offset: 0, line: 1 },
            _ => Place { offset: tailed.mark.offset, line: tailed.line },
        };
        let ledger = &self.ledgers[tailed.ledger];
        if tailed.decoder.is_none() {
            tailed.decoder = tailed.format.decoder(&origin(&tailed.path, ledger, &seen, tailed.rank));
        }
        let (Some(decoder), Some(file)) = (tailed.decoder.as_deref_mut(), &tailed.file) else { return true };
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
                self.problems.remove(&tailed.path);
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
        out.tally.lost += std::mem::take(&mut tailed.lost);
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
        let mut offset = if lines && !packed { tailed.mark.offset } else { 0 };
        if packed && lines {
            let known = self.originals(tailed).find(|mark| passes(Unpacked::new(file, tailed.packing), mark));
            offset = known.map_or(0, |mark| mark.offset);
        }
        let mut stretch = Stretch { file, at: offset, end: seen.size };
        let stream: &mut dyn Read = if packed { skip(&mut stream, offset) } else { &mut stretch };
        let proof = (!packed).then_some(file);
        let subject = Subject { path: &tailed.path, format: &tailed.format, proof, sight: seen };
        let place = Place { offset, line: if offset == 0 { 1 } else { tailed.line } };
        let mut out = Decoded::default();
        let ended = {
            let mut full = sending(subject, sink);
            pump(stream, (place, Last::Try), &mut *decoder, &mut out, (&mut self.buffer, &mut full))
        };
        let Ok(ended) = ended else { return true };
        if !packed && ended.pending > 0 && out.calls.is_empty() {
            // Still in the middle of a line: counted as lost if its writer never comes back.
            return true;
        }
        tailed.tried = true;
        if packed {
            tailed.mark.offset = ended.place.offset;
        } else if !lines {
            // All but the last line has been counted before.
            out.tally = crate::domain::observation::Tally::default();
            out.bad.clear();
        }
        sink(subject.batch(out, Some(tailed.mark.clone()))) && ended.flow == Flow::On
    }
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
        cursor: None,
    }
}

/// Returns a name without what rotation adds to it: `log.jsonl.2.gz` is `log.jsonl`.
fn stem(path: &Path) -> String {
    let name = path.to_string_lossy();
    let packed = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end));
    let name = packed.unwrap_or(&name);
    name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-_".contains(c)).to_owned()
}

/// Looks in a directory for a file that was renamed.
fn find(path: &Path, id: FileId) -> Option<File> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let entry = entries.flatten().find(|entry| entry.ino() == id.inode)?;
    let file = open_regular(&entry.path()).ok()?;
    (sight(&file.metadata().ok()?).file == id).then_some(file)
}

/// Says whether a stream begins with what a mark says was read.
fn passes(mut stream: Unpacked<'_>, mark: &Mark) -> bool {
    let length = usize::try_from(mark.offset.min(1024)).unwrap_or(1024);
    let (mut head, mut window, mut chunk) = (None, Vec::new(), vec![0_u8; 64 << 10]);
    let mut left = mark.offset;
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        let Ok(read @ 1..) = stream.read(&mut chunk[..room]) else { return false };
        left -= read as u64;
        window.extend_from_slice(&chunk[..read]);
        if window.len() >= length {
            head = head.or_else(|| Some(xxhash_rust::xxh3::xxh3_64(&window[..length])));
            window.drain(..window.len() - length);
        }
    }
    head == Some(mark.head) && xxhash_rust::xxh3::xxh3_64(&window) == mark.tail
}

/// Reads over the first bytes of a stream.
fn skip<'a>(stream: &'a mut Unpacked<'_>, offset: u64) -> &'a mut dyn Read {
    drop(std::io::copy(&mut stream.take(offset), &mut std::io::sink()));
    stream
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::table::NoTables;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::fs::{self, OpenOptions};
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
        marks: BTreeMap<String, Mark>,
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
            Bench { root, tailer, now, lines: 0, lost: 0, notes: Vec::new(), marks }
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
            let (lines, lost, notes, marks) =
                (&mut self.lines, &mut self.lost, &mut self.notes, &mut self.marks);
            let listening = self.tailer.poll(self.now, &Look::Patterns, &mut |batch| {
                *lines += batch.decoded.tally.lines;
                *lost += batch.decoded.tally.lost;
                notes.extend(batch.note);
                if let Some(mark) = batch.mark {
                    marks.insert(mark.path.to_string(), mark);
                }
                true
            });
            assert!(listening);
        }

        fn restart(&mut self) {
            self.tailer = tailer(self.root.path(), Marks::new(self.marks.values().cloned()));
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
        assert_eq!(bench.notes, ["truncated: read from its start"]);
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
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"first\nsecond\nthird\n").unwrap();
        fs::write(bench.path("a.jsonl"), b"4\n").unwrap();
        bench.poll();
        bench.check(3, 0);
        fs::write(bench.path("a.jsonl.1.gz"), packed.finish().unwrap()).unwrap();
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
        bench.append("a.jsonl", b"1\n2\n3\n");
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

    #[derive(Clone, Debug)]
    enum Act {
        Write,
        Half,
        Rotate,
        Truncate,
        Remove,
        Read,
        Restart,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            4 => Just(Act::Write),
            2 => Just(Act::Half),
            1 => Just(Act::Rotate),
            1 => Just(Act::Truncate),
            1 => Just(Act::Remove),
            3 => Just(Act::Read),
            1 => Just(Act::Restart),
        ];
        proptest::collection::vec(act, 1..40)
    }

    /// What the current file holds.
    #[derive(Default)]
    struct Model {
        serial: u64,
        half: bool,
        want: u64,
    }

    impl Model {
        fn text(&mut self) -> String {
            self.serial += 1;
            format!("{{\"n\":{}}}", self.serial)
        }
    }

    fn act(bench: &mut Bench, model: &mut Model, act: &Act) {
        let name = "a.jsonl";
        match act {
            Act::Write => {
                // An unfinished line is finished first.
                let text = if model.half { "}".to_owned() } else { model.text() };
                bench.append(name, format!("{text}\n").as_bytes());
                model.half = false;
                model.want += 1;
            }
            Act::Half if !model.half => {
                let text = model.text();
                bench.append(name, &text.as_bytes()[..text.len() - 1]);
                model.half = true;
            }
            Act::Rotate if !model.half => {
                let met = |meta: fs::Metadata| bench.tailer.files.contains_key(&sight(&meta).file);
                // A file that was never seen cannot be found once it has left the pattern.
                let seen = fs::metadata(bench.path(name)).is_ok_and(met);
                let place = if seen && model.serial.is_multiple_of(2) { "old-" } else { "a.jsonl." };
                let old = bench.path(&format!("{place}{}", model.serial));
                drop(fs::rename(bench.path(name), old));
            }
            // What is unread when the file is cut or removed is out of reach: read first.
            Act::Truncate if !model.half && bench.path(name).exists() => {
                bench.poll();
                fs::write(bench.path(name), "").unwrap();
                bench.poll();
            }
            Act::Remove if !model.half => {
                bench.poll();
                drop(fs::remove_file(bench.path(name)));
                bench.poll();
            }
            Act::Restart => {
                bench.poll();
                bench.restart();
            }
            Act::Read => bench.poll(),
            _ => {}
        }
        if matches!(act, Act::Rotate) {
            bench.poll();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn whatever_happens_to_a_file_each_line_is_read_once(history in acts()) {
            let mut bench = Bench::new();
            let mut model = Model::default();
            bench.poll();
            for step in &history {
                act(&mut bench, &mut model, step);
            }
            bench.poll();
            prop_assert_eq!((bench.lines, bench.lost), (model.want, 0), "{:?} {:?}", history, bench.notes);
        }
    }
}
