//! Files of JSON that is one record a line, or documents over many lines, one after the other.

use std::ops::Range;

use super::{Place, bad_line};
use crate::domain::observation::{Decoded, Skip};

/// The largest document that is kept until its end is seen, in bytes.
const MAX_DOCUMENT: usize = 512 << 20;

/// Gathers lines to documents where they are parts of one.
#[derive(Default)]
pub struct Documents {
    shape: Shape,
}

/// What is to become of a whole record: its text, and where it begins.
pub type Read<'a> = &'a mut dyn FnMut(&[u8], Place, &mut Decoded);

/// How the file lies, as far as it has been read.
#[derive(Default)]
enum Shape {
    /// Nothing but blank lines so far, or since the last document.
    #[default]
    Unknown,
    /// One record a line.
    Lines,
    /// One document over many lines, of which these have come.
    Document(Document),
}

/// The lines of a document that has not ended.
#[derive(Default)]
struct Document {
    text: Vec<u8>,
    lines: Vec<(Place, Range<usize>)>,
    /// Its length when an attempt to read it last failed.
    tried: usize,
    /// How many of its lines have been accounted for, in case it never ends.
    told: usize,
}

impl Documents {
    /// Takes the next line; hands on what it completes.
    pub fn line(&mut self, line: &[u8], place: Place, out: &mut Decoded, read: Read<'_>) {
        match std::mem::replace(&mut self.shape, Shape::Lines) {
            Shape::Lines => read(line, place, out),
            Shape::Unknown if line.trim_ascii().is_empty() => {
                self.shape = Shape::Unknown;
                out.tally.skip(Skip::Blank);
            }
            Shape::Unknown => self.begin(line, place, out, read),
            // Within a document an object at the margin has no place: the first line was a torn record.
            Shape::Document(document) if line.starts_with(b"{") => {
                document.scatter(out, read);
                read(line, place, out);
            }
            Shape::Document(mut document) => {
                document.push(line, place);
                if document.may_end(line) {
                    self.close(document, out, read);
                } else {
                    self.shape = Shape::Document(document);
                }
            }
        }
    }

    /// Reads a document that is whole but for its last line end.
    pub fn pause(&mut self, out: &mut Decoded, read: Read<'_>) {
        match std::mem::replace(&mut self.shape, Shape::Lines) {
            Shape::Document(document) => self.close(document, out, read),
            shape => self.shape = shape,
        }
        if let Shape::Document(document) = &mut self.shape {
            document.tell(out);
        }
    }

    /// Takes a first line that is not blank, and tells from it how the file lies.
    fn begin(&mut self, line: &[u8], place: Place, out: &mut Decoded, read: Read<'_>) {
        let open = line.trim_ascii_start().starts_with(b"{") || line.trim_ascii_start().starts_with(b"[");
        match serde_json::from_slice::<serde::de::IgnoredAny>(line) {
            Err(error) if error.is_eof() && open => {
                let mut document = Document::default();
                document.push(line, place);
                self.shape = Shape::Document(document);
            }
            _ => {
                self.shape = Shape::Lines;
                read(line, place, out);
            }
        }
    }

    /// Reads a document if all of it is there; otherwise waits for more, or reads its lines one by one
    /// where it can no longer become one.
    fn close(&mut self, mut document: Document, out: &mut Decoded, read: Read<'_>) {
        document.tried = document.text.len();
        match serde_json::from_slice::<serde::de::IgnoredAny>(&document.text) {
            Ok(_) => {
                self.shape = Shape::Unknown;
                out.tally.lines += document.told as u64;
                let first = document.lines.first().map(|line| line.0).unwrap_or_default();
                for _ in 1..document.lines.len() {
                    out.tally.skip(Skip::OtherRecord);
                }
                read(&document.text, first, out);
            }
            Err(error) if error.is_eof() && document.text.len() < MAX_DOCUMENT => {
                self.shape = Shape::Document(document);
            }
            Err(_) => document.scatter(out, read),
        }
    }
}

impl Document {
    fn push(&mut self, line: &[u8], place: Place) {
        let from = self.text.len();
        self.text.extend_from_slice(line);
        self.lines.push((place, from..self.text.len()));
        self.text.push(b'\n');
    }

    /// Says whether the line may be the last: it ends what the first line began. After a failed attempt
    /// the document must double first, so that it is not read over and over.
    fn may_end(&self, line: &[u8]) -> bool {
        let ends = line.starts_with(b"}") || line.starts_with(b"]");
        ends && self.text.len() >= self.tried.saturating_mul(2) || self.text.len() >= MAX_DOCUMENT
    }

    /// Accounts for its lines as far as they have come. They count anew once the document is read.
    fn tell(&mut self, out: &mut Decoded) {
        for (index, (place, range)) in self.lines.iter().enumerate().skip(self.told) {
            match index {
                0 => out.bad(bad_line(&self.text[range.clone()], *place, "the document has no end yet")),
                _ => out.tally.skip(Skip::OtherRecord),
            }
        }
        self.told = self.lines.len();
    }

    fn scatter(&self, out: &mut Decoded, read: Read<'_>) {
        out.tally.lines += self.told as u64;
        for (place, range) in &self.lines {
            read(&self.text[range.clone()], *place, out);
        }
    }
}
