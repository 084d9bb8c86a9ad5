//! Where the files are: the patterns, what lies at the paths, and which files lie at none of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Tailer;
use super::tailed::Tailed;
use crate::domain::mark::{FileId, Sight};
use crate::domain::time::Timestamp;
use crate::feed::Trouble;
use crate::feed::mark::sight;

impl Tailer {
    pub(super) fn list(&mut self, now: Timestamp) {
        self.listed = Some(now);
        self.listing.clear();
        self.pattern_problems.clear();
        self.has_links = false;
        let mut known: HashSet<Arc<Path>> = HashSet::new();
        for (index, ledger) in self.ledgers.iter().enumerate() {
            let found = ledger.expand();
            self.pattern_problems.extend(found.problems);
            self.has_links |= found.has_links;
            let files = found.files.into_iter().map(Arc::from).filter(|path| known.insert(Arc::clone(path)));
            self.listing.extend(files.map(|path| (path, index)));
        }
        // A path that was followed is looked at even when it is no file any more.
        for tailed in self.files.values() {
            if !known.contains(tailed.path.as_path()) {
                let path: Arc<Path> = tailed.path.as_path().into();
                known.insert(Arc::clone(&path));
                self.listing.push((path, tailed.ledger));
            }
        }
        self.problems.retain(|path, _| known.contains(path.as_path()));
        self.unknown.retain(|path, _| known.contains(path.as_path()));
    }

    /// Returns how the files look that exist.
    pub(super) fn look(&mut self, at: Option<&HashSet<PathBuf>>) -> Vec<(Arc<Path>, usize, Sight)> {
        let mut seen = Vec::new();
        self.hidden.clear();
        for (path, ledger) in &self.listing {
            if at.is_some_and(|at| !at.contains(&**path)) {
                continue;
            }
            let trouble = match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_file() => {
                    seen.push((Arc::clone(path), *ledger, sight(&metadata)));
                    None
                }
                Ok(_) => Some(Trouble::NotAFile),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    path.is_symlink().then_some(Trouble::NotAFile)
                }
                Err(error) => {
                    self.hidden.insert(path.to_path_buf());
                    Some(Trouble::from_io(&error))
                }
            };
            match trouble {
                Some(trouble) => drop(self.problems.insert(path.to_path_buf(), trouble)),
                None if self.problems.get(&**path).is_some_and(Trouble::is_of_path) => {
                    self.problems.remove(&**path);
                }
                None => {}
            }
        }
        seen
    }

    /// Returns the files that lie at none of the paths that were looked at.
    ///
    /// Where the path cannot be looked at, the file may still be there: it waits.
    pub(super) fn missing(&self, met: &HashSet<FileId>, at: Option<&HashSet<PathBuf>>) -> Vec<FileId> {
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
}

/// Says whether a file lies at its path no more. Where that cannot be looked at, it may still be there.
pub(super) fn is_gone(path: &Path, id: FileId) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => sight(&metadata).file != id,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
