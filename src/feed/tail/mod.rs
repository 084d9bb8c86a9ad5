//! Follows files while they grow, are rotated, truncated, replaced and removed.
//!
//! [`Tailer::poll`] is the whole of it, given the time; the thread in [`mod@super::follow`] only calls it.

mod copies;
mod tailed;
mod look;
mod begin;
mod grow;
mod leave;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::tailed::Tailed;
use super::ledger::Ledger;
use super::mark::{Marks, sight};
use super::pump::source;
use super::read::Buffer;
use super::table::Opener;
use super::{Problem, Trouble};
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::observation::Batch;
use crate::domain::time::{Millis, Timestamp};

/// Descriptors kept open, so that a file can be read to its end after its name is gone.
const OPEN: usize = 400;
/// How often the patterns are looked up again.
const LIST_EVERY: Millis = Millis::new(10_000);

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
    listing: Vec<(Arc<Path>, usize)>,
    /// Whether a link was met on the way to one of them.
    has_links: bool,
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
            has_links: false,
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

    /// Says whether a file may be reached through a link, so that the events of its folder do not tell of it.
    pub fn has_links(&self) -> bool {
        self.has_links
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
            if met.insert(seen.file) && !self.known(now, (&**path, *ledger), *seen, sink) {
                return false;
            }
        }
        let missing = self.missing(&met, at);
        if !missing.into_iter().all(|id| self.missed(now, id, sink)) {
            return false;
        }
        for (path, ledger, seen) in fresh {
            // One may have been taken up meanwhile, as the copy of another.
            let hopeless = self.unknown.get(&**path) == Some(seen) || self.files.contains_key(&seen.file);
            if hopeless || !met.insert(seen.file) || self.is_read(now, (&**path, *ledger), seen) {
                continue;
            }
            if !self.start(now, (&**path, *ledger), sink) {
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
}

#[cfg(test)]
mod tests;
