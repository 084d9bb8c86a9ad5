//! Whose history the lines of a rollout are: the thread's own, or a copy of the thread it was forked from.

use std::path::Path;

use super::record::Meta;
use crate::domain::time::Timestamp;

/// Milliseconds between two copied lines that are no longer taken for one burst.
const PAUSE: u64 = 500;
/// The same, before the line that opens a turn.
const PAUSE_BEFORE_TURN: u64 = 5;

/// The thread of a file, the threads whose history it may hold, and whose line is being read.
pub struct Family {
    own: Box<str>,
    /// Whether a header of the file itself has been seen.
    named: Named,
    root: Root,
    /// Threads named in headers, with the instant in their identity.
    known: Vec<(Box<str>, Option<u64>)>,
    owner: Box<str>,
    /// Turns of this story carry the instant in their identity, so that pauses need not be guessed from.
    dated: bool,
    /// First line number of its own part, in files that are read in pages.
    own_from: Option<u64>,
    latest: Option<Timestamp>,
    gap: u64,
}

#[derive(PartialEq, Eq)]
enum Named {
    ByFile,
    ByHeader,
}

#[derive(PartialEq, Eq)]
enum Root {
    Root,
    Child,
}

impl Family {
    /// Names the thread after the file, until its header is read. The directory does not count: an archived
    /// file is the same file.
    pub fn of_file(path: &Path) -> Family {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".zst").unwrap_or(&name);
        let stem = name.strip_suffix(".jsonl").unwrap_or(name);
        let thread =
            stem.len().checked_sub(36).and_then(|at| stem.get(at..)).filter(|id| instant(id).is_some());
        let own: Box<str> = thread.unwrap_or(stem).into();
        Family {
            owner: own.clone(),
            own,
            named: Named::ByFile,
            root: Root::Root,
            known: Vec::new(),
            dated: false,
            own_from: None,
            latest: None,
            gap: 0,
        }
    }

    /// Returns the file's own thread.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Returns the thread whose lines are being read.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Says whether the thread was started by the user.
    pub fn is_root(&self) -> bool {
        self.root == Root::Root
    }

    /// Takes note of a line's time and number.
    pub fn line(&mut self, at: Option<Timestamp>, ordinal: Option<u64>) {
        if let Some(at) = at {
            self.gap = self.latest.map_or(0, |latest| at.since(latest).count());
            self.latest = Some(at);
        }
        if let (Some(from), Some(ordinal)) = (self.own_from, ordinal)
            && ordinal >= from
        {
            self.owner = self.own.clone();
            self.own_from = None;
        }
        if !self.dated && self.own_from.is_none() && self.gap >= PAUSE {
            self.owner = self.own.clone();
        }
    }

    /// Takes note of a header, and says whether it is the file's own: the first one. One of another thread
    /// begins copied history.
    pub fn meta(&mut self, meta: &Meta<'_>) -> bool {
        let first = self.named == Named::ByFile;
        let own = self.own.clone();
        let id = match meta.id.text().filter(|id| !id.is_empty()) {
            Some(id) => id,
            // A header without a name is that of the file it opens.
            None if first => std::borrow::Cow::Borrowed(&*own),
            None => return false,
        };
        if first {
            self.named = Named::ByHeader;
            self.own = (&*id).into();
            self.own_from = meta.subagent_history_start_ordinal.count().ok().flatten();
            if meta.parent_thread_id.text().is_some_and(|parent| !parent.is_empty()) {
                self.root = Root::Child;
            }
        }
        self.owner = (&*id).into();
        self.know(&id);
        for raw in [meta.forked_from_id, meta.parent_thread_id] {
            self.know(&raw.text().unwrap_or_default());
        }
        first
    }

    /// Takes note of the settings of a thread. Those of the file's own end the copy.
    pub fn settings(&mut self, thread: &str) {
        if thread == &*self.own {
            self.owner = self.own.clone();
            self.own_from = None;
        }
    }

    /// Takes note of the beginning of a turn.
    ///
    /// Identities of threads and turns begin with the instant they were made at. A turn belongs to the latest
    /// thread made before it: history was copied when the later thread began.
    pub fn turn(&mut self, turn: &str) {
        if self.own_from.is_some() {
            return;
        }
        let made = instant(turn);
        if let (Some(made), Some(_)) = (made, instant(&self.own)) {
            self.dated = true;
            let before = |known: &&(Box<str>, Option<u64>)| known.1.is_some_and(|at| at <= made);
            if let Some((thread, _)) = self.known.iter().filter(before).max_by_key(|known| known.1) {
                self.owner = thread.clone();
            }
        } else if self.gap >= PAUSE_BEFORE_TURN {
            self.owner = self.own.clone();
        }
    }

    fn know(&mut self, thread: &str) {
        if !thread.is_empty() && !self.known.iter().any(|(known, _)| &**known == thread) {
            self.known.push((thread.into(), instant(thread)));
        }
    }
}

/// Returns the milliseconds that a version 7 UUID begins with.
fn instant(id: &str) -> Option<u64> {
    let bytes = id.as_bytes();
    if bytes.len() != 36 || bytes[8] != b'-' || bytes[13] != b'-' || bytes[14] != b'7' {
        return None;
    }
    let high = u64::from_str_radix(id.get(..8)?, 16).ok()?;
    let low = u64::from_str_radix(id.get(9..13)?, 16).ok()?;
    Some((high << 16) | low)
}
