//! Reading what is new in a file: what grew, what was written anew, and what waited for it to be quiet.

use std::io::Read;

use super::copies::{passes, skip};
use super::tailed::{Tailed, empty_mark, tell};
use super::{Sink, Tailer};
use crate::domain::mark::Sight;
use crate::domain::observation::Decoded;
use crate::domain::time::{Millis, Timestamp};
use crate::feed::Trouble;
use crate::feed::mark::{goes_on, proofs, sight};
use crate::feed::open::{Packing, Unpacked, open, open_regular, packing};
use crate::feed::pump::{Last, Subject, origin, pump, replay, sending};
use crate::feed::read::{Flow, Stretch};
use crate::feed::step::{Step, step};
use crate::wire::Place;
use crate::wire::format::Container;

/// After this long without growth, a last line without line end is tried.
const SETTLED: Millis = Millis::new(2_000);

impl Tailer {
    /// Reads what a look says is new.
    pub(super) fn grow(&mut self, now: Timestamp, tailed: &mut Tailed, seen: Sight, sink: Sink<'_>) -> bool {
        if tailed.table.is_some() {
            return self.table(tailed, &seen, sink);
        }
        if seen == tailed.mark.sight {
            return self.quiet(now, tailed, sink);
        }
        if tailed.file.is_none() {
            match open_regular(&tailed.path) {
                Ok(file) => {
                    tailed.packing = packing(&file);
                    tailed.file = Some(file);
                }
                Err(trouble) => {
                    self.problems.insert(tailed.path.clone(), trouble);
                    return true;
                }
            }
        }
        // The descriptor has the last word: the name may have moved on since the look.
        let Some(file) = &tailed.file else { return true };
        let Ok(seen) = file.metadata().map(|metadata| sight(&metadata)) else { return true };
        if seen.file != tailed.mark.sight.file {
            tailed.file = None;
            return true;
        }
        tailed.grown = now;
        tailed.tried = false;
        if tailed.packing != Packing::Plain {
            if tailed.mark.head != 0 && (tailed.mark.offset > 0 || tailed.mark.half.is_some()) {
                // The number of a plain file that is gone went to a packed one.
                let empty = empty_mark(&tailed.path, &tailed.format, seen.file);
                let old = std::mem::replace(&mut tailed.mark, empty);
                self.forget(tailed, old, seen.modified);
            }
            tailed.mark.sight = seen;
            return true;
        }
        match step(Some(&tailed.mark), Some(&seen), |offset| proofs(file, offset).ok()) {
            Step::Read { .. } => {
                if !goes_on(file, &tailed.mark) {
                    // All that had been read is there, but not the half line after it.
                    let old = tailed.mark.clone();
                    self.tell_gap(tailed, old, (seen.modified, "truncated"));
                }
                self.read(tailed, seen, sink)
            }
            Step::Truncated => self.restart(tailed, seen, ("truncated", sink)),
            Step::Replaced => self.restart(tailed, seen, ("replaced", sink)),
            Step::Nothing | Step::Rotated | Step::Gone => true,
        }
    }

    /// Begins a file anew whose content is another one now, and finishes the old content from a copy beside
    /// it (copytruncate), where there is one.
    fn restart(&mut self, tailed: &mut Tailed, seen: Sight, (why, sink): (&str, Sink<'_>)) -> bool {
        let old = std::mem::replace(&mut tailed.mark, empty_mark(&tailed.path, &tailed.format, seen.file));
        tailed.line = 1;
        tailed.decoder = None;
        let ledger = &self.ledgers[tailed.ledger];
        if let (None, Ok(opened)) = (&ledger.format, open(&tailed.path, ledger, &*self.opener)) {
            tailed.format = opened.format.unwrap_or_else(|| tailed.format.clone());
        }
        self.tell_gap(tailed, old, (seen.modified, why));
        self.read(tailed, seen, sink)
    }

    fn table(&mut self, tailed: &mut Tailed, seen: &Sight, sink: Sink<'_>) -> bool {
        let Some(table) = &mut tailed.table else { return true };
        let origin = origin(&tailed.path, &self.ledgers[tailed.ledger], seen, tailed.rank);
        match table.read(&origin, &*self.opener, sink) {
            Ok(listening) => {
                self.problems.remove(&tailed.path);
                tailed.mark = table.mark().unwrap_or_else(|| tailed.mark.clone());
                listening
            }
            Err(trouble) => {
                self.problems.insert(tailed.path.clone(), trouble);
                true
            }
        }
    }

    /// Reads a file from its mark to its end.
    fn read(&mut self, tailed: &mut Tailed, seen: Sight, sink: Sink<'_>) -> bool {
        let ledger = &self.ledgers[tailed.ledger];
        let told = tailed.decoder.is_some() || tailed.format.container() != Container::Story;
        if tailed.decoder.is_none() {
            tailed.decoder = tailed.format.decoder(&origin(&tailed.path, ledger, &seen, tailed.rank));
        }
        let (Some(decoder), Some(file)) = (tailed.decoder.as_deref_mut(), &tailed.file) else { return true };
        let begin = if told {
            Ok(Place { offset: tailed.mark.offset, line: tailed.line })
        } else {
            replay(file, tailed.mark.offset, decoder, &mut self.buffer)
        };
        let begin = match begin {
            Ok(begin) => begin,
            Err(error) => {
                tailed.decoder = None;
                self.problems.insert(tailed.path.clone(), Trouble::from_io(&error));
                return true;
            }
        };
        let subject = Subject { path: &tailed.path, format: &tailed.format, proof: Some(file), sight: seen };
        let mut stretch = Stretch { file, at: begin.offset, end: u64::MAX };
        let mut out = Decoded::default();
        let ended = {
            let mut full = sending(subject, sink);
            pump(&mut stretch, (begin, Last::Leave), decoder, &mut out, (&mut self.buffer, &mut full))
        };
        match ended {
            Ok(ended) if ended.flow == Flow::Stop => return false,
            Ok(ended) => {
                if tailed.missed.is_none() {
                    self.problems.remove(&tailed.path);
                }
                tailed.line = ended.place.line;
                if let Some(mark) = subject.mark(ended.place.offset) {
                    tailed.mark = mark;
                }
            }
            Err(error) => {
                tailed.decoder = None;
                self.problems.insert(tailed.path.clone(), Trouble::from_io(&error));
                return sink(subject.batch(out, None));
            }
        }
        tell(&mut tailed.gaps, &mut out);
        let mut batch = subject.batch(out, Some(tailed.mark.clone()));
        batch.note = tailed.note.take();
        if tailed.format.container() == Container::Lines {
            // Nothing is carried from line to line: a decoder costs memory and is cheap to make.
            tailed.decoder = None;
        }
        sink(batch)
    }

    /// Reads what only makes sense once a file stays as it is: a packed file, a last line without end.
    fn quiet(&mut self, now: Timestamp, tailed: &mut Tailed, sink: Sink<'_>) -> bool {
        let packed = tailed.packing != Packing::Plain;
        let pending = tailed.mark.sight.size > tailed.mark.offset;
        if tailed.tried || !(packed || pending) || now.since(tailed.grown) < SETTLED {
            return true;
        }
        tailed.file = tailed.file.take().or_else(|| open_regular(&tailed.path).ok());
        let Some(file) = &tailed.file else { return true };
        let seen = tailed.mark.sight;
        let origin = origin(&tailed.path, &self.ledgers[tailed.ledger], &seen, tailed.rank);
        let Some(mut decoder) = tailed.format.decoder(&origin) else { return true };
        let lines = tailed.format.container() == Container::Lines;
        let mut stream = Unpacked::new(file, tailed.packing);
        let mut offset = if packed { 0 } else { tailed.mark.offset };
        if packed && lines {
            let known =
                self.originals(tailed).find(|mark| passes(&mut Unpacked::new(file, tailed.packing), mark));
            offset = known.map_or(0, |mark| mark.offset);
        }
        let mut stretch = Stretch { file, at: offset, end: seen.size };
        let stream: &mut dyn Read = if packed { skip(&mut stream, offset) } else { &mut stretch };
        let proof = (!packed).then_some(file);
        let subject = Subject { path: &tailed.path, format: &tailed.format, proof, sight: seen };
        let mut place = Place { offset, line: if offset == 0 { 1 } else { tailed.line } };
        if !(packed || lines) {
            let Ok(reached) = replay(file, offset, &mut *decoder, &mut self.buffer) else { return true };
            place = reached;
        }
        let mut out = Decoded::default();
        let ended = {
            let mut full = sending(subject, sink);
            pump(stream, (place, Last::Try), &mut *decoder, &mut out, (&mut self.buffer, &mut full))
        };
        let Ok(ended) = ended else { return true };
        tailed.tried = true;
        if !packed && ended.pending > 0 {
            // Still in the middle of a line: counted as lost if its writer never comes back.
            return true;
        }
        tailed.mark.half = None;
        if packed {
            tailed.mark.offset = ended.place.offset;
        }
        tell(&mut tailed.gaps, &mut out);
        sink(subject.batch(out, Some(tailed.mark.clone()))) && ended.flow == Flow::On
    }
}
