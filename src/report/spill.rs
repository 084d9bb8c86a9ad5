//! A temporary file in which the parts of many streams lie as they came.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Streams.
pub const PARTITIONS: usize = 128;
/// Bytes of a stream that are collected before they are written: those of all fit the processor's cache.
const BLOCK: usize = 1 << 13;

/// Streams that are too large for memory.
pub struct Spill {
    file: File,
    /// Blocks in the file.
    blocks: u64,
    streams: Vec<Stream>,
}

/// What was written of one stream, and what waits to be.
#[derive(Default)]
struct Stream {
    /// The numbers of its blocks in the file.
    written: Vec<u64>,
    waiting: Vec<u8>,
}

impl Spill {
    /// Makes the file; it has no name, and is gone with the last handle to it.
    pub fn new() -> io::Result<Spill> {
        let streams = (0..PARTITIONS).map(|_| Stream::default()).collect();
        Ok(Spill { file: tempfile::tempfile()?, blocks: 0, streams })
    }

    /// Adds to a stream, which is below [`PARTITIONS`].
    pub fn write(&mut self, stream: usize, bytes: &[u8]) -> io::Result<()> {
        let stream = &mut self.streams[stream];
        stream.waiting.extend_from_slice(bytes);
        while stream.waiting.len() >= BLOCK {
            self.file.write_all_at(&stream.waiting[..BLOCK], self.blocks * BLOCK as u64)?;
            stream.waiting.drain(..BLOCK);
            stream.written.push(self.blocks);
            self.blocks += 1;
        }
        Ok(())
    }

    /// Reads a whole stream, and adds it to `bytes`.
    pub fn read(&self, stream: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let stream = &self.streams[stream];
        let before = bytes.len();
        bytes.resize(before + stream.written.len() * BLOCK, 0);
        for (place, block) in bytes[before..].chunks_exact_mut(BLOCK).zip(&stream.written) {
            self.file.read_exact_at(place, block * BLOCK as u64)?;
        }
        bytes.extend_from_slice(&stream.waiting);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn each_stream_comes_back_as_it_went(
            parts in proptest::collection::vec((0_usize..3, 0_u8..255, 1_usize..20_000), 0..40),
        ) {
            let (mut spill, mut want) = (Spill::new().expect("a file"), [Vec::new(), Vec::new(), Vec::new()]);
            for &(stream, byte, length) in &parts {
                let part = vec![byte; length];
                spill.write(stream, &part).expect("room");
                want[stream].extend_from_slice(&part);
            }
            for (stream, want) in want.iter().enumerate() {
                let mut bytes = vec![1, 2, 3];
                spill.read(stream, &mut bytes).expect("what was written");
                prop_assert_eq!(&bytes[..3], &[1, 2, 3]);
                prop_assert_eq!(&bytes[3..], want);
            }
        }
    }
}
