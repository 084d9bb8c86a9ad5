//! Recognising a file that moved, and copies of what has been read.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::path::{Path, PathBuf};

use memchr::memchr;
use xxhash_rust::xxh3::xxh3_64;

use crate::domain::mark::{FileId, Mark};
use crate::feed::mark::{PROOF, goes_on, proves, sight, stem};
use crate::feed::open::{Packing, Unpacked, open_regular, packing};

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

/// Returns the files at a path and beside it that hold what a mark says was in another file: what was read of
/// it, and the half line after that where one was seen. A packed copy has to have the whole of that line,
/// for it grows no more.
pub fn beside(path: &Path, old: &Mark) -> Vec<PathBuf> {
    let Some(entries) = path.parent().and_then(|directory| std::fs::read_dir(directory).ok()) else {
        return Vec::new();
    };
    let alike = |other: &PathBuf| stem(&other.to_string_lossy()) == stem(&old.path);
    let holds = |path: &PathBuf| open_regular(path).is_ok_and(|file| is_copy(&file, old));
    entries.flatten().map(|entry| entry.path()).filter(alike).filter(holds).collect()
}

fn is_copy(file: &File, old: &Mark) -> bool {
    match packing(file) {
        Packing::Plain => {
            let other = id(file).is_some_and(|id| id != old.sight.file);
            other && (old.offset > 0 || old.half.is_some()) && proves(file, old) && goes_on(file, old)
        }
        packing => finishes(&mut Unpacked::new(file, packing), old),
    }
}

fn id(file: &File) -> Option<FileId> {
    Some(sight(&file.metadata().ok()?).file)
}

/// Looks in a directory for a file that was renamed; its number alone proves nothing.
pub fn find(path: &Path, mark: &Mark) -> Option<File> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let entry = entries.flatten().find(|entry| entry.ino() == mark.sight.file.inode)?;
    let file = open_regular(&entry.path()).ok()?;
    let same = packing(&file) != Packing::Plain || (proves(&file, mark) && goes_on(&file, mark));
    (same && id(&file) == Some(mark.sight.file)).then_some(file)
}

/// Says whether a stream begins with what a mark says was read.
pub fn passes(stream: &mut Unpacked<'_>, mark: &Mark) -> bool {
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
    let tail = xxh3_64(&window);
    head.unwrap_or(tail) == mark.head && tail == mark.tail
}

/// Says whether a stream begins with what a mark says was read, and has the whole of the line of which half
/// was seen after it.
fn finishes(stream: &mut Unpacked<'_>, mark: &Mark) -> bool {
    let (Some(hash), Some(length)) = (mark.half, mark.sight.size.checked_sub(mark.offset)) else {
        return false;
    };
    let mut seen = vec![0_u8; usize::try_from(length).unwrap_or(PROOF).min(PROOF)];
    let begins = passes(stream, mark) && stream.read_exact(&mut seen).is_ok() && xxh3_64(&seen) == hash;
    begins && has_line_end(stream)
}

fn has_line_end(stream: &mut dyn Read) -> bool {
    let mut chunk = vec![0_u8; 64 << 10];
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        if memchr(b'\n', &chunk[..read]).is_some() {
            return true;
        }
    }
    false
}

/// Reads over the first bytes of a stream.
pub fn skip<'a>(stream: &'a mut Unpacked<'_>, offset: u64) -> &'a mut dyn Read {
    drop(std::io::copy(&mut stream.take(offset), &mut std::io::sink()));
    stream
}
