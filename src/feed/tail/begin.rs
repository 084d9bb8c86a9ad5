//! Taking files up: where to go on in one, by its own mark or by that of the file it is a copy of.

use std::collections::HashSet;
use std::path::Path;

use super::copies::original;
use super::look::is_gone;
use super::tailed::{Tailed, empty_mark};
use super::{Sink, Tailer};
use crate::domain::mark::{FileId, Mark, Sight};
use crate::domain::time::Timestamp;
use crate::feed::Trouble;
use crate::feed::mark::{goes_on, proves, sight, stem};
use crate::feed::open::{Packing, open};
use crate::feed::table::{SHORT, Table};
use crate::wire::format::{Container, Format};

impl Tailer {
    /// Takes up a file that an earlier run has read to its end and nobody has touched since, unopened.
    pub(super) fn is_read(&mut self, now: Timestamp, (path, ledger): (&Path, usize), seen: &Sight) -> bool {
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

    /// Takes up the files of which an earlier run saw half a line and that are at none of the paths any more:
    /// they are waited for like any whose name is gone, and what is not found is told.
    pub(super) fn adopt(&mut self, now: Timestamp, met: &HashSet<FileId>, sink: Sink<'_>) -> bool {
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
    pub(super) fn start(&mut self, now: Timestamp, (path, ledger): (&Path, usize), sink: Sink<'_>) -> bool {
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

    /// Returns the marks of files that this one may be a copy of, furthest first.
    pub(super) fn originals(&self, tailed: &Tailed) -> impl Iterator<Item = &Mark> {
        let mine = stem(&tailed.mark.path);
        let id = tailed.mark.sight.file;
        let format = tailed.format.name();
        let ended = self.ended.iter().filter(|mark| stem(&mark.path) == mine);
        let mut marks: Vec<&Mark> = self.marks.of_stem(mine).chain(ended).collect();
        marks.retain(|mark| mark.offset > 0 && mark.format == format && mark.sight.file != id);
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.offset));
        marks.into_iter()
    }

    /// Returns the format of a mark, where its ledger is still read as that.
    fn format(&self, mark: &Mark, ledger: usize) -> Option<Format> {
        let known = self.ledgers[ledger].format.clone().or_else(|| Format::parse(mark.format.as_str()));
        known.filter(|format| format.name() == mark.format)
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
}
