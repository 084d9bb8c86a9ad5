//! Until when something is to last, as people write it: `2h`, `18:00`, `Mon 09:00`, `2026-11-30`.

use jiff::civil::{Date, DateTime, Time};

use super::calendar::Calendar;
use super::time::{Millis, Timestamp};
use super::words;

/// The days of the week, by their first three letters.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads an instant that is still to come. A time without a date is the next one; a day of the week is the next of
/// its name; a date alone is its first instant. All by the clocks of the zone.
///
/// The error says what was expected.
pub fn parse(text: &str, calendar: &Calendar, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let expected = || {
        format!(
            "`{text}` is no time: expected one like 2h, 18:00, `Mon 09:00`, 2026-11-30 or `2026-11-30 18:00`"
        )
    };
    let at = length(text, now)
        .or_else(|| clock(text).and_then(|time| next(calendar, now, |_| true, time)))
        .or_else(|| weekday(text, calendar, now))
        .or_else(|| dated(text, calendar))
        .ok_or_else(expected)?;
    if at <= now {
        return Err(format!("`{text}` is past: it is {} now", calendar.minute_text(now)));
    }
    if at > Timestamp::MAX { Err(expected()) } else { Ok(at) }
}

/// Reads an instant as [`text`] writes it.
pub fn instant(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    let at = Timestamp::from_millis(at.as_millisecond());
    (Timestamp::EPOCH..=Timestamp::MAX).contains(&at).then_some(at)
}

/// Writes an instant in UTC: `2026-11-23T09:00:00Z`.
pub fn text(at: Timestamp) -> String {
    let at = at.clamp(Timestamp::EPOCH, Timestamp::MAX);
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| String::new(), |at| at.to_string())
}

fn length(text: &str, now: Timestamp) -> Option<Timestamp> {
    let seconds = words::seconds(text).filter(|seconds| *seconds > 0)?;
    Some(now.after(Millis::new(seconds.checked_mul(1_000)?)))
}

/// Reads a time of day: `9:00`, `18:30`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| -> Option<i8> {
        let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok())?
    };
    let minute = number(minute).filter(|_| minute.len() == 2)?;
    Time::new(number(hour)?, minute, 0, 0).ok()
}

/// Returns the next instant at which the clocks show a time on a day that will do.
fn next(
    calendar: &Calendar,
    now: Timestamp,
    will_do: impl Fn(Date) -> bool,
    time: Time,
) -> Option<Timestamp> {
    let today = calendar.date(now);
    let days = (0..=8).map(|days| today.saturating_add(jiff::Span::new().days(days)));
    let mut instants =
        days.filter(|date| will_do(*date)).map(|date| calendar.instant(DateTime::from_parts(date, time)));
    instants.find(|at| *at > now)
}

fn weekday(text: &str, calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_ascii_lowercase();
    let time = words.next().map_or(Some(Time::midnight()), clock)?;
    if words.next().is_some() || !name.is_char_boundary(3) || name.len() > "wednesday".len() {
        return None;
    }
    let place = DAYS.iter().position(|day| name.get(..3) == Some(day))?;
    let place = i8::try_from(place).ok()?;
    next(calendar, now, |date| date.weekday().to_monday_zero_offset() == place, time)
}

fn dated(text: &str, calendar: &Calendar) -> Option<Timestamp> {
    if text.len() == "2026-11-30".len()
        && let Ok(date) = text.parse::<Date>()
    {
        return Some(calendar.start(date));
    }
    let has_offset =
        text.ends_with(['Z', 'z']) || text.get(16..).is_some_and(|rest| rest.contains(['+', '-']));
    if has_offset {
        return instant(text);
    }
    let (date, time) = text.split_once([' ', 'T'])?;
    let date = date.parse::<Date>().ok()?;
    Some(calendar.instant(DateTime::from_parts(date, clock(time)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sunday, 2026-11-22, 14:05 UTC; in Seoul 23:05.
    const NOW: Timestamp = Timestamp::from_seconds(1_795_356_300);

    #[track_caller]
    fn check(zone: &str, written: &str, want: &str) {
        let calendar = Calendar::named(zone).expect("a zone");
        assert_eq!(parse(written, &calendar, NOW).map(text), Ok(want.to_owned()), "{written}");
    }

    #[test]
    fn a_time_is_the_next_one_of_the_zone() {
        check("UTC", "2h", "2026-11-22T16:05:00Z");
        check("UTC", "18:00", "2026-11-22T18:00:00Z");
        check("UTC", "9:00", "2026-11-23T09:00:00Z");
        check("UTC", "14:05", "2026-11-23T14:05:00Z");
        check("Asia/Seoul", "9:00", "2026-11-23T00:00:00Z");
        check("UTC", "Mon 09:00", "2026-11-23T09:00:00Z");
        check("UTC", "sunday 18:00", "2026-11-22T18:00:00Z");
        check("UTC", "Sun 09:00", "2026-11-29T09:00:00Z");
        check("Asia/Seoul", "Mon", "2026-11-22T15:00:00Z");
        check("UTC", "2026-11-30", "2026-11-30T00:00:00Z");
        check("Asia/Seoul", "2026-11-30 18:00", "2026-11-30T09:00:00Z");
        check("UTC", "2026-11-30T18:00:00+09:00", "2026-11-30T09:00:00Z");
    }

    #[test]
    fn what_is_past_or_no_time_is_refused() {
        let refused = |text: &str| parse(text, &Calendar::utc(), NOW).expect_err("a fault");
        assert!(refused("2026-11-22").contains("is past"));
        assert!(refused("2026-11-22 14:05").contains("is past"));
        for text in [
            "",
            "soon",
            "0s",
            "25:00",
            "9:5",
            "Mon 9",
            "Mon 09:00 x",
            "99999999999d",
            "2026-13-01",
            "montag-heute",
        ] {
            assert!(refused(text).contains("no time"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_instant_to_come_or_a_fault(
            text in "(Mon|sun|[0-9]{1,4}|:|-| |T|Z|2026-11-30|18:00|2h|d|가|\u{301}){0,6}",
        ) {
            if let Ok(at) = parse(&text, &Calendar::utc(), NOW) {
                prop_assert!(at > NOW && at <= Timestamp::MAX);
            }
        }

        #[test]
        fn an_instant_is_read_as_it_is_written(millis in 0_i64..253_402_207_200_000) {
            let at = Timestamp::from_millis(millis);
            prop_assert_eq!(instant(&text(at)), Some(at));
        }
    }
}
