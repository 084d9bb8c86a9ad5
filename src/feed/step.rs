//! What a look at a file means, given how far it had been read.

use super::mark::Proofs;
use crate::domain::mark::{Mark, Sight};

/// What to do about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing has changed.
    Nothing,
    /// Read from here.
    Read {
        /// Byte offset of a line.
        from: u64,
    },
    /// Another file lies at the path: finish the old one, then read the new one from its start.
    Rotated,
    /// It is shorter than what was read: read from the start.
    Truncated,
    /// It holds other content than what was read: read from the start.
    Replaced,
    /// Nothing lies at the path: finish the old one.
    Gone,
}

/// Judges a look. `proofs` hashes the file at the mark's offset, and is asked only where it matters.
///
/// A saved offset is used only where the identity, the length and both hashes say that it is the same
/// file (`reliability.md` T2).
pub fn step(mark: Option<&Mark>, sight: Option<&Sight>, proofs: impl FnOnce(u64) -> Option<Proofs>) -> Step {
    let (mark, sight) = match (mark, sight) {
        (None, None) => return Step::Nothing,
        (None, Some(_)) => return Step::Read { from: 0 },
        (Some(_), None) => return Step::Gone,
        (Some(mark), Some(sight)) => (mark, sight),
    };
    if sight.file != mark.sight.file {
        return Step::Rotated;
    }
    if *sight == mark.sight {
        return Step::Nothing;
    }
    if sight.size < mark.offset {
        return Step::Truncated;
    }
    let read_whole = mark.offset > 0 && mark.offset == mark.sight.size && sight.size == mark.sight.size;
    if read_whole && sight.modified != mark.sight.modified {
        // Written to and no longer than before: what was read is not what is there now, even where both
        // ends are alike.
        return Step::Replaced;
    }
    match proofs(mark.offset) {
        Some(found) if found == (Proofs { head: mark.head, tail: mark.tail }) => {
            Step::Read { from: mark.offset }
        }
        _ => Step::Replaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;
    use crate::domain::mark::FileId;

    const SAME: Proofs = Proofs { head: 1, tail: 2 };

    fn look(inode: u64, size: u64, changed: i128) -> Sight {
        Sight { file: FileId { device: 1, inode }, size, modified: changed, changed }
    }

    #[track_caller]
    fn check(sight: Option<Sight>, proofs: Proofs, want: Step) {
        let mark = Mark {
            path: "a".into(),
            format: Label::new("native"),
            sight: look(7, 100, 5),
            offset: 90,
            head: SAME.head,
            tail: SAME.tail,
            half: None,
            cursor: None,
        };
        assert_eq!(step(Some(&mark), sight.as_ref(), |_| Some(proofs)), want);
    }

    #[test]
    fn an_equal_look_needs_no_proof() {
        check(Some(look(7, 100, 5)), Proofs { head: 0, tail: 0 }, Step::Nothing);
    }

    #[test]
    fn growth_is_read_from_the_mark() {
        check(Some(look(7, 120, 6)), SAME, Step::Read { from: 90 });
        check(Some(look(7, 100, 6)), SAME, Step::Read { from: 90 });
    }

    #[test]
    fn other_content_is_read_from_the_start() {
        check(Some(look(7, 89, 6)), SAME, Step::Truncated);
        check(Some(look(7, 0, 6)), SAME, Step::Truncated);
        check(Some(look(7, 120, 6)), Proofs { head: 1, tail: 3 }, Step::Replaced);
        check(Some(look(7, 100, 6)), Proofs { head: 0, tail: 2 }, Step::Replaced);
    }

    #[test]
    fn a_file_read_whole_and_written_to_without_growth_holds_something_else() {
        let mark = Mark {
            path: "a".into(),
            format: Label::new("native"),
            sight: look(7, 100, 5),
            offset: 100,
            head: SAME.head,
            tail: SAME.tail,
            half: None,
            cursor: None,
        };
        let judge = |sight: Sight| step(Some(&mark), Some(&sight), |_| Some(SAME));
        assert_eq!(judge(look(7, 100, 6)), Step::Replaced);
        assert_eq!(judge(Sight { modified: 5, ..look(7, 100, 6) }), Step::Read { from: 100 });
        assert_eq!(judge(look(7, 101, 6)), Step::Read { from: 100 });
    }

    #[test]
    fn another_file_or_none_ends_the_old_one() {
        check(Some(look(8, 120, 6)), SAME, Step::Rotated);
        check(None, SAME, Step::Gone);
        assert_eq!(step(None, None, |_| None), Step::Nothing);
        assert_eq!(step(None, Some(&look(1, 5, 1)), |_| None), Step::Read { from: 0 });
    }
}
