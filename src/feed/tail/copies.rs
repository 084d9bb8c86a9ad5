//! Recognising a file that moved, and copies of what has been read.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::domain::mark::{FileId, Mark};
use crate::feed::mark::{PROOF, proves, sight, stem};
use crate::feed::open::{Unpacked, open_regular};

/// Returns the furthest of `marks` whose content a plain file begins with.
///
/// `marks` come furthest first. The first bytes are read once: among thousands of files that are named
/// alike, few begin alike.
pub fn original<'a>(file: &File, size: u64, marks: impl Iterator<Item = &'a Mark>) -> Option<&'a Mark> {
    let mut head = [0_u8; PROOF];
    let read = read_at(file, &mut head)?;
    let begins = |mark: &Mark| {
        let length = usize::try_from(mark.offset).unwrap_or(PROOF).min(PROOF);
        head[..read].get(..length).is_some_and(|head| xxh3_64(head) == mark.head)
    };
    let mut alike = marks.filter(|mark| mark.offset <= size && begins(mark));
    alike.find(|mark| proves(file, mark))
}

fn read_at(file: &File, bytes: &mut [u8]) -> Option<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64).ok()? {
            0 => break,
            read => filled += read,
        }
    }
    Some(filled)
}

/// Hashes the first bytes of the half line after a mark; `None` where there is none, or the file is too
/// short for it by now.
pub fn half(file: &File, mark: &Mark) -> Option<u64> {
    let length = mark.sight.size.checked_sub(mark.offset).filter(|length| *length > 0)?;
    let mut bytes = [0_u8; PROOF];
    let bytes = &mut bytes[..usize::try_from(length).unwrap_or(PROOF).min(PROOF)];
    file.read_exact_at(bytes, mark.offset).ok()?;
    Some(xxh3_64(bytes))
}

/// Returns the files beside a path that begin with what a mark says was read from it, and go on with the
/// half line after it where that is known.
pub fn beside(path: &Path, old: &Mark, rest: Option<u64>) -> Vec<(PathBuf, FileId)> {
    let Some(entries) = path.parent().and_then(|directory| std::fs::read_dir(directory).ok()) else {
        return Vec::new();
    };
    let alike = |other: &PathBuf| other != path && stem(&other.to_string_lossy()) == stem(&old.path);
    let copy = |path: PathBuf| {
        let file = open_regular(&path).ok()?;
        let id = sight(&file.metadata().ok()?).file;
        let goes_on = rest.map_or(old.offset > 0, |rest| half(&file, old) == Some(rest));
        (goes_on && id != old.sight.file && proves(&file, old)).then_some((path, id))
    };
    entries.flatten().map(|entry| entry.path()).filter(alike).filter_map(copy).collect()
}

/// Looks in a directory for a file that was renamed.
pub fn find(path: &Path, id: FileId) -> Option<File> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let entry = entries.flatten().find(|entry| entry.ino() == id.inode)?;
    let file = open_regular(&entry.path()).ok()?;
    (sight(&file.metadata().ok()?).file == id).then_some(file)
}

/// Says whether a stream begins with what a mark says was read.
pub fn passes(mut stream: Unpacked<'_>, mark: &Mark) -> bool {
    let length = usize::try_from(mark.offset.min(1024)).unwrap_or(1024);
    let (mut head, mut window, mut chunk) = (None, Vec::new(), vec![0_u8; 64 << 10]);
    let mut left = mark.offset;
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        let Ok(read @ 1..) = stream.read(&mut chunk[..room]) else { return false };
        left -= read as u64;
        window.extend_from_slice(&chunk[..read]);
        if window.len() >= length {
            head = head.or_else(|| Some(xxh3_64(&window[..length])));
            window.drain(..window.len() - length);
        }
    }
    head == Some(mark.head) && xxh3_64(&window) == mark.tail
}

/// Reads over the first bytes of a stream.
pub fn skip<'a>(stream: &'a mut Unpacked<'_>, offset: u64) -> &'a mut dyn Read {
    drop(std::io::copy(&mut stream.take(offset), &mut std::io::sink()));
    stream
}
