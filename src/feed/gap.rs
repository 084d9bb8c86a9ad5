//! What was seen of a file and can never be read: where it stood, and since when it is gone.

use crate::domain::mark::Mark;
use crate::domain::observation::BadLine;

/// Returns the gap behind a mark whose file ended there; `None` where all that was seen has been read.
///
/// `at` is when the file came to hold something else, in nanoseconds since the epoch.
pub fn gap(mark: &Mark, at: i128, why: &str) -> Option<BadLine> {
    mark.half?;
    let (offset, end) = (mark.offset, mark.sight.size);
    let length = end.checked_sub(offset).filter(|length| *length > 0)?;
    let seconds = i64::try_from(at / 1_000_000_000).ok();
    let when = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let when = when.map_or(String::new(), |when| format!(" at {when}"));
    let reason = format!("{why}{when}: bytes {offset} to {end} were never read");
    Some(BadLine { offset, line: 0, length, reason, excerpt: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::Label;
    use crate::domain::mark::Sight;

    #[track_caller]
    fn check((offset, size): (u64, u64), half: Option<u64>, want: Option<&str>) {
        let sight = Sight { size, ..Sight::default() };
        let format = Label::new("native");
        let mark = Mark { path: "a".into(), format, sight, offset, head: 0, tail: 0, half, cursor: None };
        let found = gap(&mark, 1_795_132_800_999_999_999, "truncated");
        assert_eq!(found.as_ref().map(|gap| gap.reason.as_str()), want);
        assert_eq!(found.map_or(0, |gap| gap.length), want.map_or(0, |_| size - offset));
    }

    #[test]
    fn a_gap_names_its_bytes_and_its_time() {
        check((6, 10), Some(0), Some("truncated at 2026-11-20T00:00:00Z: bytes 6 to 10 were never read"));
        check((10, 10), Some(0), None);
        check((12, 10), Some(0), None);
    }

    #[test]
    fn a_last_line_that_was_read_without_its_end_leaves_no_gap() {
        check((6, 10), None, None);
    }
}
