//! Taking leave of content that is gone: it is finished from a copy, or told as lost.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::copies::{beside, find};
use super::tailed::{Tailed, tell};
use super::{Sink, Tailer};
use crate::domain::mark::{FileId, Mark};
use crate::domain::observation::{BadLine, Batch, Decoded};
use crate::domain::time::{Millis, Timestamp};
use crate::feed::gap::gap;
use crate::feed::mark::sight;
use crate::feed::pump::source;

/// How long a file without a name is kept without growth.
const KEEP: Millis = Millis::new(10_000);
/// Marks kept of content that is gone.
const ENDED: usize = 256;

impl Tailer {
    /// Finishes a file whose name is gone, and lets go of it once it is quiet.
    pub(super) fn missed(&mut self, now: Timestamp, id: FileId, sink: Sink<'_>) -> bool {
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

    /// Takes leave of what was read from a file whose number another one has now.
    pub(super) fn forget(&mut self, tailed: &mut Tailed, old: Mark, at: i128) {
        if old.half.is_some() {
            let lost = self.unread((Path::new(&*old.path), tailed.ledger), &old, (at, "replaced"));
            tailed.gaps.extend(lost);
        }
        self.end(old);
    }

    /// Takes leave of what stood in a file that was cut or written anew.
    pub(super) fn tell_gap(&mut self, tailed: &mut Tailed, old: Mark, (at, why): (i128, &str)) {
        let lost = self.unread((&tailed.path, tailed.ledger), &old, (at, why));
        let cut = lost.as_ref().map(|gap| gap.reason.clone());
        tailed.note = Some(format!("{}; read from its start", cut.as_deref().unwrap_or(why)));
        tailed.gaps.extend(lost);
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
}
