//! Noticing cheaply that a store may have been written to, by whomever.
//!
//! Every commit writes to the log beside the store. To ask SQLite takes some fifty times as long as to look at the times
//! of two files, and whoever waits for news does so many times a second.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Looks at a store's files.
#[derive(Clone, Debug)]
pub struct Stir {
    files: [PathBuf; 2],
    /// As they were at the last look; nothing where there was none.
    seen: Option<[Option<(SystemTime, u64)>; 2]>,
    /// Whether the last look found them changed.
    again: bool,
}

impl Stir {
    /// Returns one that has not looked yet.
    pub fn new(store: &Path) -> Stir {
        let mut log = store.as_os_str().to_owned();
        log.push("-wal");
        Stir { files: [store.to_owned(), log.into()], seen: None, again: false }
    }

    /// Says whether anything may have been written since the last look. What was written but moments after a look that
    /// found something has the same time: so the look after that says so once more.
    pub fn felt(&mut self) -> bool {
        let look = self.files.each_ref().map(|file| {
            let about = file.metadata().ok()?;
            Some((about.modified().ok()?, about.len()))
        });
        let changed = self.seen.as_ref() != Some(&look);
        let felt = changed || self.again;
        (self.seen, self.again) = (Some(look), changed);
        felt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File, OpenOptions};
    use std::io::Write;
    use std::time::Duration;

    #[test]
    fn what_is_written_is_felt_twice_and_quiet_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a.db");
        fs::write(&store, "s").unwrap();
        let mut stir = Stir::new(&store);
        let mut felt = |want: &[bool]| assert_eq!(want.iter().map(|_| stir.felt()).collect::<Vec<_>>(), want);
        felt(&[true, true, false, false]);
        let log = folder.path().join("a.db-wal");
        fs::write(&log, "one").unwrap();
        felt(&[true, true, false]);
        OpenOptions::new().append(true).open(&log).unwrap().write_all(b" more").unwrap();
        felt(&[true, true, false]);
        let later =
            File::open(&log).unwrap().metadata().unwrap().modified().unwrap() + Duration::from_secs(1);
        File::options().write(true).open(&log).unwrap().set_modified(later).unwrap();
        felt(&[true, true, false]);
        fs::remove_file(&store).unwrap();
        felt(&[true, true, false]);
    }
}
