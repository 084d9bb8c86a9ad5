//! Opens a file without blocking on pipes, looks inside packed ones, and finds out what it holds.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::Trouble;
use super::detect::detect;
use super::ledger::Ledger;
use super::mark::sight;
use super::table::{Opener, SHORT};
use crate::domain::mark::Sight;
use crate::wire::format::Format;

/// Bytes looked at to find out the format.
const SAMPLE: u64 = 64 << 10;

/// How a file's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more Zstandard frames.
    Zstd,
}

/// A file that is open, and what it holds.
#[derive(Debug)]
pub struct Opened {
    /// The descriptor.
    pub file: File,
    /// What the descriptor itself said at that moment.
    pub sight: Sight,
    /// How it is packed.
    pub packing: Packing,
    /// What it holds; `None` where it is too early to say (an empty file).
    pub format: Option<Format>,
}

/// Opens a ledger's file and finds out its format.
pub fn open(path: &Path, ledger: &Ledger, databases: &dyn Opener) -> Result<Opened, Trouble> {
    let file = open_regular(path)?;
    let metadata = file.metadata().map_err(|error| Trouble::from_io(&error))?;
    let packing = packing(&file);
    let mut opened = Opened { sight: sight(&metadata), file, packing, format: ledger.format.clone() };
    if opened.format.is_none() && opened.sight.size > 0 {
        opened.format = look(&opened, path, databases)?;
    }
    Ok(opened)
}

/// Opens a regular file; a pipe is refused instead of waited for.
pub fn open_regular(path: &Path) -> Result<File, Trouble> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| match std::fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() && error.kind() == io::ErrorKind::NotFound => Trouble::NotAFile,
        _ => Trouble::from_io(&error),
    })?;
    let metadata = file.metadata().map_err(|error| Trouble::from_io(&error))?;
    if metadata.is_file() { Ok(file) } else { Err(Trouble::NotAFile) }
}

/// Looks at the first bytes of the content. Nothing but an unfinished first line is no trouble yet.
fn look(opened: &Opened, path: &Path, databases: &dyn Opener) -> Result<Option<Format>, Trouble> {
    let mut sample = Vec::new();
    let mut source = Unpacked::new(&opened.file, opened.packing);
    source.by_ref().take(SAMPLE).read_to_end(&mut sample).map_err(|error| Trouble::from_io(&error))?;
    let tables = || databases.open(path, SHORT);
    let has_table = |name: &str| tables().is_ok_and(|database| matches!(database.columns(name), Ok(Some(_))));
    match (detect(&sample, path, &has_table), source.damage) {
        (Some(format), _) => Ok(Some(format)),
        (None, Some(damage)) => Err(Trouble::Damaged(damage)),
        (None, None) if !sample.contains(&b'\n') && (sample.len() as u64) < SAMPLE => Ok(None),
        (None, None) => Err(Trouble::UnknownFormat),
    }
}

/// Tells from the first bytes how a file is packed.
pub fn packing(file: &File) -> Packing {
    let mut magic = [0_u8; 4];
    match file.read_at(&mut magic, 0) {
        Ok(2..) if magic.starts_with(&[0x1f, 0x8b]) => Packing::Gzip,
        Ok(4) if magic == [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        _ => Packing::Plain,
    }
}

/// The content of a file, unpacked while it is read. Damage ends it early and is remembered.
pub struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    /// What is wrong with the packing, once the reader got there.
    pub damage: Option<String>,
    packing: Packing,
}

impl<'a> Unpacked<'a> {
    /// Starts at the first byte.
    pub fn new(file: &'a File, packing: Packing) -> Unpacked<'a> {
        let whole = super::read::Stretch { file, at: 0, end: u64::MAX };
        let inner: Box<dyn Read + 'a> = match packing {
            Packing::Plain => Box::new(whole),
            Packing::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, whole))),
            Packing::Zstd => Box::new(Frames::Between(BufReader::with_capacity(64 << 10, whole))),
        };
        Unpacked { inner, damage: None, packing }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.damage.is_some() {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Err(error) if self.packing != Packing::Plain && error.kind() != io::ErrorKind::Interrupted => {
                self.damage = Some(error.to_string());
                Ok(0)
            }
            result => result,
        }
    }
}

/// Zstandard frames, one after another.
enum Frames<R: BufRead> {
    Between(R),
    Within(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Done,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Frames::Done) {
                Frames::Done => return Ok(0),
                Frames::Between(mut source) => {
                    if source.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new(source).map_err(io::Error::other)?;
                    *self = Frames::Within(Box::new(frame));
                }
                Frames::Within(mut frame) => {
                    let read = frame.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        *self = Frames::Within(frame);
                        return Ok(read);
                    }
                    *self = Frames::Between(frame.into_inner());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::table::NoTables;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut source = Unpacked::new(&file, packing(&file));
        let mut text = Vec::new();
        source.read_to_end(&mut text).unwrap();
        (text, source.damage)
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        assert_eq!(read(&[gz(b"a\n"), gz(b"b\n")].concat()), (b"a\nb\n".to_vec(), None));
        assert_eq!(read(&[zst(b"a\n"), zst(b"b\n")].concat()), (b"a\nb\n".to_vec(), None));
        assert_eq!(read(b"a\n"), (b"a\n".to_vec(), None));
    }

    #[test]
    fn a_cut_archive_gives_what_is_there_and_says_so() {
        let text: Vec<u8> = (0..20_000).flat_map(|n: u32| format!("{n}\n").into_bytes()).collect();
        for whole in [gz(&text), zst(&text)] {
            let (cut, damage) = read(&whole[..whole.len() - 10]);
            assert!(damage.is_some());
            assert!(text.starts_with(&cut));
        }
    }

    #[test]
    fn a_directory_and_a_dangling_link_are_named() {
        let root = tempfile::tempdir().unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let ledger = Ledger { pattern: String::new(), format: None, tenant: None };
        for path in [root.path(), &link] {
            assert_eq!(open(path, &ledger, &NoTables).err(), Some(Trouble::NotAFile));
        }
    }
}
