//! Looks at files, and the proofs that a file is still the one that was read.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use foldhash::fast::RandomState;
use xxhash_rust::xxh3::xxh3_64;

use crate::domain::mark::{FileId, Mark, Sight};

/// Bytes hashed at either end of what was read.
pub const PROOF: usize = 1024;

/// Returns what a look at a file's metadata showed.
pub fn sight(metadata: &Metadata) -> Sight {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Sight {
        file: FileId { device: metadata.dev(), inode: metadata.ino() },
        size: metadata.len(),
        modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
        changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Hashes of the first and the last bytes before an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// Of the first `min(1024, offset)` bytes.
    pub head: u64,
    /// Of the last `min(1024, offset)` bytes before the offset.
    pub tail: u64,
}

/// Hashes both ends of the first `offset` bytes.
///
/// A file that is shorter by now gives an error.
pub fn proofs(file: &File, offset: u64) -> io::Result<Proofs> {
    let mut bytes = [0_u8; PROOF];
    let length = offset.min(PROOF as u64);
    let bytes = &mut bytes[..usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(bytes, 0)?;
    let head = xxh3_64(bytes);
    file.read_exact_at(bytes, offset - length)?;
    Ok(Proofs { head, tail: xxh3_64(bytes) })
}

/// Says whether a file still holds what a mark says was read from it.
pub fn proves(file: &File, mark: &Mark) -> bool {
    proofs(file, mark.offset).is_ok_and(|proofs| proofs == Proofs { head: mark.head, tail: mark.tail })
}

/// Hashes the first bytes from `offset` up to `end`; `None` where there are none, or the file is shorter by
/// now.
pub fn half(file: &File, offset: u64, end: u64) -> Option<u64> {
    let length = end.checked_sub(offset).filter(|length| *length > 0)?;
    let mut bytes = [0_u8; PROOF];
    let bytes = &mut bytes[..usize::try_from(length).unwrap_or(PROOF).min(PROOF)];
    file.read_exact_at(bytes, offset).ok()?;
    Some(xxh3_64(bytes))
}

/// Says whether the half line that was seen behind a mark still stands there, where there was one.
pub fn goes_on(file: &File, mark: &Mark) -> bool {
    mark.half.is_none_or(|hash| half(file, mark.offset, mark.sight.size) == Some(hash))
}

/// Returns a name without what rotation adds to it: `log.jsonl.2.gz` is `log.jsonl`.
pub fn stem(name: &str) -> &str {
    let packed = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end));
    packed.unwrap_or(name).trim_end_matches(|c: char| c.is_ascii_digit() || ".-_".contains(c))
}

/// How far each file has been read, by identity: a path is only a label.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    by_file: HashMap<FileId, Mark, RandomState>,
    by_stem: HashMap<Box<str>, Vec<FileId>, RandomState>,
}

impl Marks {
    /// Takes the marks of an earlier run.
    pub fn new(marks: impl IntoIterator<Item = Mark>) -> Marks {
        let mut all = Marks::default();
        marks.into_iter().for_each(|mark| all.insert(mark));
        all
    }

    /// Returns a file's mark.
    pub fn get(&self, file: FileId) -> Option<&Mark> {
        self.by_file.get(&file)
    }

    /// Remembers a mark.
    pub fn insert(&mut self, mark: Mark) {
        let file = mark.sight.file;
        match self.by_file.get_mut(&file) {
            Some(known) if known.path == mark.path => *known = mark,
            _ => {
                self.remove(file);
                self.by_stem.entry(stem(&mark.path).into()).or_default().push(file);
                self.by_file.insert(file, mark);
            }
        }
    }

    /// Forgets a file that is gone for good.
    pub fn remove(&mut self, file: FileId) {
        let Some(mark) = self.by_file.remove(&file) else { return };
        if let Some(files) = self.by_stem.get_mut(stem(&mark.path)) {
            files.retain(|other| *other != file);
            if files.is_empty() {
                self.by_stem.remove(stem(&mark.path));
            }
        }
    }

    /// Returns all marks.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.by_file.values()
    }

    /// Returns the marks of files whose names differ only by what rotation adds.
    pub fn of_stem(&self, stem: &str) -> impl Iterator<Item = &Mark> {
        self.by_stem.get(stem).into_iter().flatten().filter_map(|file| self.by_file.get(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;

    #[test]
    fn a_rotated_name_keeps_its_stem() {
        for name in ["a.jsonl", "a.jsonl.1", "a.jsonl-20261125", "a.jsonl.2.gz", "a.jsonl_3.zst"] {
            assert_eq!(stem(name), "a.jsonl");
        }
        assert_ne!(stem("b.jsonl"), stem("a.jsonl"));
    }

    #[test]
    fn marks_are_found_by_file_and_by_stem_wherever_they_move() {
        let mark = |inode, path: &str| Mark {
            path: path.into(),
            format: Label::new("native"),
            sight: Sight { file: FileId { device: 1, inode }, ..Sight::default() },
            offset: inode,
            head: 0,
            tail: 0,
            half: None,
            cursor: None,
        };
        let mut marks = Marks::new([mark(1, "a"), mark(2, "a.1"), mark(3, "b")]);
        assert_eq!(marks.of_stem("a").count(), 2);
        marks.insert(mark(1, "b.1"));
        assert_eq!((marks.of_stem("a").count(), marks.of_stem("b").count(), marks.iter().count()), (1, 2, 3));
        marks.remove(FileId { device: 1, inode: 2 });
        assert_eq!((marks.of_stem("a").count(), marks.get(FileId { device: 1, inode: 2 })), (0, None));
    }
}
