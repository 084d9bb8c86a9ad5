//! Days, weeks and months in a zone: where a window begins and ends.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::time::Timestamp;

/// A calendar in one time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    name: String,
}

/// A span of time: from its start up to, but not with, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant after.
    pub end: Timestamp,
}

impl Span {
    /// Says whether an instant lies inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

impl Calendar {
    /// The calendar of UTC.
    pub fn utc() -> Calendar {
        Calendar { zone: TimeZone::UTC, name: "UTC".to_owned() }
    }

    /// Finds a zone by its IANA name (`Asia/Seoul`), `UTC`, or `local` for the system's.
    ///
    /// The error says which name is not known.
    pub fn named(name: &str) -> Result<Calendar, String> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Calendar::utc());
        }
        if name.eq_ignore_ascii_case("local") {
            let zone = TimeZone::system();
            let name = zone.iana_name().unwrap_or("local").to_owned();
            return Ok(Calendar { zone, name });
        }
        let zone = TimeZone::get(name).map_err(|_| {
            format!("time zone `{name}` is not known: expected a name like Europe/Berlin or UTC")
        })?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Calendar { zone, name })
    }

    /// Returns the zone's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the date at an instant.
    pub fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(instant(at)).date()
    }

    /// Returns hour (0 to 23) and minute at an instant.
    pub fn clock(&self, at: Timestamp) -> (i8, i8) {
        let time = self.zone.to_datetime(instant(at)).time();
        (time.hour(), time.minute())
    }

    /// Returns when it was last this minute of the day, counted from midnight by the clock on the wall.
    pub fn last(&self, minute: u16, now: Timestamp) -> Timestamp {
        let (hour, minute) =
            (i8::try_from(minute / 60 % 24).unwrap_or(0), i8::try_from(minute % 60).unwrap_or(0));
        let today = self.date(now);
        let at = |date: Date| self.instant(date.at(hour, minute, 0, 0));
        let then = at(today);
        if then <= now { then } else { today.yesterday().map_or(then, at) }
    }

    /// Returns the first instant of a date: midnight, or where the clocks skip it, the first instant after.
    pub fn start(&self, date: Date) -> Timestamp {
        let start = date.to_zoned(self.zone.clone()).map(|zoned| zoned.timestamp().as_millisecond());
        Timestamp::from_millis(start.unwrap_or(0))
    }

    /// Reads a date like 2026-11-20, and returns its first instant.
    pub fn parse_date(&self, text: &str) -> Option<Timestamp> {
        text.parse::<Date>().ok().filter(|_| text.len() == "2026-11-20".len()).map(|date| self.start(date))
    }

    /// Returns the day around an instant. It has 23 or 25 hours where the clocks change.
    pub fn day(&self, at: Timestamp) -> Span {
        let date = self.date(at);
        Span { start: self.start(date), end: self.start(date.saturating_add(jiff::Span::new().days(1))) }
    }

    /// Returns the calendar month around an instant.
    pub fn month(&self, at: Timestamp) -> Span {
        let first = self.date(at).first_of_month();
        Span { start: self.start(first), end: self.start(first.saturating_add(jiff::Span::new().months(1))) }
    }

    /// Returns the hour around an instant, by the zone's clock.
    pub fn hour(&self, at: Timestamp) -> Span {
        let offset = i64::from(self.zone.to_offset(instant(at)).seconds()) * 1000;
        let local = at.millis().saturating_add(offset);
        let start = Timestamp::from_millis(local - local.rem_euclid(3_600_000) - offset);
        Span { start, end: Timestamp::from_millis(start.millis() + 3_600_000) }
    }

    /// Returns the first day (Monday) of the ISO week of a date.
    pub fn week_of(date: Date) -> Date {
        let days = i64::from(date.weekday().to_monday_zero_offset());
        date.saturating_sub(jiff::Span::new().days(days))
    }

    /// Returns the instant at which this zone's clocks show a date and time. Where they show it twice, the
    /// first; where they skip it, the same time later.
    pub fn instant(&self, shown: jiff::civil::DateTime) -> Timestamp {
        let zoned = shown.to_zoned(self.zone.clone());
        Timestamp::from_millis(zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
    }

    /// Returns an hour's name, `2026-11-20 09:00`; with its offset where the clocks show that hour twice.
    pub fn hour_text(&self, at: Timestamp) -> String {
        let text = self.minute_text(at);
        let beside = [-3_600_000, 3_600_000].map(|step| Timestamp::from_millis(at.millis() + step));
        if beside.into_iter().any(|other| self.minute_text(other) == text) {
            let offset = self.zone.to_offset(instant(at)).to_string();
            return format!("{text} {offset}");
        }
        text
    }

    /// Returns the time of day as `09:00:07`, in this zone.
    pub fn time_text(&self, at: Timestamp) -> String {
        self.zone.to_datetime(instant(at)).strftime("%H:%M:%S").to_string()
    }

    /// Returns an instant as `2026-11-20 09:00`, in this zone.
    pub fn minute_text(&self, at: Timestamp) -> String {
        self.zone.to_datetime(instant(at)).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(zone: &str, at: &str, hours: i64) {
        let calendar = Calendar::named(zone).expect("a zone");
        let at: jiff::Timestamp = at.parse().expect("an instant");
        let day = calendar.day(Timestamp::from_millis(at.as_millisecond()));
        assert_eq!((day.end.millis() - day.start.millis()) / 3_600_000, hours);
    }

    #[test]
    fn days_on_which_the_clocks_change_have_23_or_25_hours() {
        check("Europe/Berlin", "2026-03-29T12:00:00Z", 23);
        check("Europe/Berlin", "2026-10-25T12:00:00Z", 25);
        check("America/Sao_Paulo", "2018-11-04T12:00:00Z", 23);
        check("UTC", "2026-03-29T12:00:00Z", 24);
    }

    #[test]
    fn an_unknown_zone_is_named_in_the_error() {
        assert!(Calendar::named("Mars/Olympus").unwrap_err().contains("Mars/Olympus"));
    }

    proptest! {
        #[test]
        fn every_instant_lies_in_its_day_month_and_hour(millis in 0_i64..4_102_444_800_000) {
            let at = Timestamp::from_millis(millis);
            for zone in ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Apia"] {
                let calendar = Calendar::named(zone).expect("a zone");
                prop_assert!(calendar.day(at).contains(at));
                prop_assert!(calendar.month(at).contains(at));
                prop_assert!(calendar.hour(at).contains(at));
            }
        }
    }
}
