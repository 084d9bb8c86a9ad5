//! What a report is asked for: grouping, span and zone, and the key that a call falls under.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::domain::calendar::{Calendar, Span};
use crate::domain::call::{Status, Tier};
use crate::domain::label::Label;
use crate::domain::rollup::Slice;
use crate::domain::time::Timestamp;

/// Something a report can be summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Hour of the zone's clock.
    Hour,
    /// Calendar day.
    Day,
    /// ISO week, named by its Monday.
    Week,
    /// Calendar month.
    Month,
    /// Who the calls were made for.
    Tenant,
    /// Which model answered.
    Model,
    /// Who bills.
    Provider,
    /// Where it was read.
    Source,
    /// How it ended.
    Status,
    /// Why it failed.
    Failure,
    /// Service tier.
    Tier,
}

impl By {
    /// All, in the order the help lists them.
    pub const ALL: [By; 11] = [
        By::Hour,
        By::Day,
        By::Week,
        By::Month,
        By::Tenant,
        By::Model,
        By::Provider,
        By::Source,
        By::Status,
        By::Failure,
        By::Tier,
    ];

    /// Returns its name on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            By::Hour => "hour",
            By::Day => "day",
            By::Week => "week",
            By::Month => "month",
            By::Tenant => "tenant",
            By::Model => "model",
            By::Provider => "provider",
            By::Source => "source",
            By::Status => "status",
            By::Failure => "failure",
            By::Tier => "tier",
        }
    }

    /// Reads a comma-separated list such as `day,tenant,model`.
    ///
    /// The error names the word that is not known, and the words that are.
    pub fn parse_list(list: &str) -> Result<Vec<By>, String> {
        let mut found = Vec::new();
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let by = By::ALL.into_iter().find(|by| by.as_str() == word);
            let by = by.ok_or_else(|| {
                let known: Vec<_> = By::ALL.iter().map(|by| by.as_str()).collect();
                format!("cannot sum by `{word}`: expected any of {}", known.join(", "))
            })?;
            if !found.contains(&by) {
                found.push(by);
            }
        }
        Ok(found)
    }
}

/// What a report is asked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// What to sum by.
    pub by: Vec<By>,
    /// First instant that counts.
    pub since: Option<Timestamp>,
    /// First instant that no longer counts.
    pub until: Option<Timestamp>,
    /// The zone of days.
    pub calendar: Calendar,
    /// When it is asked: a call that claims to be made later counts now (`reliability.md` T11).
    pub now: Timestamp,
}

impl Query {
    /// Says whether a call of this time is asked for.
    pub fn wants(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Returns the span asked for, where either end is given.
    pub fn span(&self) -> Option<Span> {
        (self.since.is_some() || self.until.is_some()).then(|| Span {
            start: self.since.unwrap_or(Timestamp::EPOCH),
            end: self.until.unwrap_or(Timestamp::from_millis(i64::MAX)),
        })
    }

    /// Says whether rows of nothing but failures are asked for: only where the report tells them apart.
    pub fn shows_failures(&self) -> bool {
        self.by.iter().any(|by| matches!(by, By::Status | By::Failure))
    }
}

/// The cells that a row is summed under.
pub type Key = Box<[Label]>;

/// Gives every call the number of its row, remembering rows and periods it has seen.
pub struct Keys<'a> {
    query: &'a Query,
    rows: Vec<Key>,
    /// One step for each cell: from the number of what stands before it (0 before the first) and the
    /// cell's own to a number for both. Small, so that it stays in the processor's cache.
    known: HashMap<u64, u32, RandomState>,
    prefixes: u32,
    periods: [Option<Period>; By::ALL.len()],
    statuses: [Label; Status::ALL.len()],
    tiers: [Label; Tier::ALL.len()],
}

#[derive(Clone, Copy)]
struct Period {
    span: Span,
    text: Label,
}

impl<'a> Keys<'a> {
    /// Starts without rows.
    pub fn new(query: &'a Query) -> Keys<'a> {
        Keys {
            query,
            rows: Vec::new(),
            known: HashMap::default(),
            prefixes: 0,
            periods: [None; By::ALL.len()],
            statuses: Status::ALL.map(|status| Label::new(status.as_str())),
            tiers: Tier::ALL.map(|tier| Label::new(tier.as_str())),
        }
    }

    /// Returns the number of the row that a call at this time, in this slice, belongs to.
    #[inline]
    pub fn row(&mut self, at: Timestamp, slice: &Slice) -> u32 {
        let mut cells = [slice.source; By::ALL.len()];
        let by: &'a [By] = &self.query.by;
        for (cell, &by) in cells.iter_mut().zip(by) {
            *cell = self.cell(by, at, slice);
        }
        self.number(&cells[..by.len().min(By::ALL.len())])
    }

    /// Returns the number of the row with these cells, one for each that is asked for.
    #[inline]
    pub fn number(&mut self, cells: &[Label]) -> u32 {
        let Some((&last, first)) = cells.split_last() else {
            self.rows.resize(1, Key::default());
            return 0;
        };
        let mut prefix = 0;
        for &cell in first {
            prefix = *self.known.entry(step(prefix, cell)).or_insert_with(|| {
                self.prefixes += 1;
                self.prefixes
            });
        }
        let step = step(prefix, last);
        if let Some(&row) = self.known.get(&step) {
            return row;
        }
        let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(cells.into());
        self.known.insert(step, row);
        row
    }

    /// Returns the keys of all rows, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.rows.iter()
    }

    fn period(&mut self, by: By, at: Timestamp) -> Label {
        if let Some(period) = self.periods[by as usize]
            && period.span.contains(at)
        {
            return period.text;
        }
        let calendar = &self.query.calendar;
        let date = calendar.date(at);
        let (span, text) = match by {
            By::Hour => {
                let span = calendar.hour(at);
                (span, calendar.hour_text(span.start))
            }
            By::Week => (calendar.day(at), Calendar::week_of(date).to_string()),
            By::Month => (calendar.month(at), date.strftime("%Y-%m").to_string()),
            _ => (calendar.day(at), date.to_string()),
        };
        let text = Label::new(&text);
        self.periods[by as usize] = Some(Period { span, text });
        text
    }

    fn cell(&mut self, by: By, at: Timestamp, slice: &Slice) -> Label {
        match by {
            By::Hour | By::Day | By::Week | By::Month => self.period(by, at),
            By::Tenant => slice.tenant.label(),
            By::Model => slice.model.label(),
            By::Provider => slice.provider.label(),
            By::Source => slice.source,
            By::Status => self.statuses[slice.status as usize],
            By::Failure => slice.failure,
            By::Tier => self.tiers[slice.tier as usize],
        }
    }
}

fn step(prefix: u32, cell: Label) -> u64 {
    u64::from(prefix) << 32 | u64::from(cell.number())
}

/// Reads a point in time as people write it: `7d`, `36h`, `2w`, `today`, `yesterday`, `2026-11-01`,
/// `2026-11`, or an instant with a clock.
///
/// The error shows the forms that are understood.
pub fn parse_when(text: &str, calendar: &Calendar, now: Timestamp) -> Result<Timestamp, String> {
    let word = text.trim().to_ascii_lowercase();
    let today = calendar.day(now);
    match word.as_str() {
        "now" => return Ok(now),
        "today" => return Ok(today.start),
        "yesterday" => return Ok(calendar.day(Timestamp::from_millis(today.start.millis() - 1)).start),
        _ => {}
    }
    if let Some(at) = ago(&word, calendar, now) {
        return Ok(at);
    }
    let dated = if word.len() == 7 { format!("{word}-01") } else { word.clone() };
    if dated.len() == 10
        && let Ok(date) = dated.parse::<jiff::civil::Date>()
    {
        return Ok(calendar.start(date));
    }
    if let Some(at) = with_clock(text.trim(), calendar) {
        return Ok(at);
    }
    Err(format!(
        "time `{text}` is not understood: expected 7d, 36h, today, yesterday, 2026-11-01 or 2026-11-01T09:00Z"
    ))
}

/// Reads an instant with a clock: at its own offset, or without one by the zone's clocks.
fn with_clock(text: &str, calendar: &Calendar) -> Option<Timestamp> {
    let clock = text.get(11..)?;
    let at = crate::wire::time::parse_calendar(text.as_bytes())?;
    if clock.contains(['Z', 'z', '+', '-']) || clock.ends_with("UTC") {
        return Some(at);
    }
    let shown = jiff::Timestamp::from_millisecond(at.millis()).ok()?;
    Some(calendar.instant(jiff::tz::TimeZone::UTC.to_datetime(shown)))
}

/// Whole days and weeks go back by the calendar, from the start of today; hours and minutes by the clock.
fn ago(word: &str, calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
    let unit = word.chars().last()?;
    let count: i64 = word.strip_suffix(unit)?.parse().ok().filter(|&count| (0..=100_000).contains(&count))?;
    let days = match unit {
        'd' => count,
        'w' => count * 7,
        'h' => return Some(Timestamp::from_millis(now.millis() - count * 3_600_000)),
        'm' => return Some(Timestamp::from_millis(now.millis() - count * 60_000)),
        _ => return None,
    };
    let date = calendar.date(now).saturating_sub(jiff::Span::new().try_days(days).ok()?);
    Some(calendar.start(date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let calendar = Calendar::named("Asia/Seoul").expect("a zone");
        let now = crate::wire::time::parse("2026-11-22T16:00:00Z").expect("an instant");
        let want = crate::wire::time::parse(want).expect("an instant");
        assert_eq!(parse_when(text, &calendar, now), Ok(want), "{text}");
    }

    #[test]
    fn plain_forms_are_read_in_the_zone() {
        check("today", "2026-11-22T15:00:00Z");
        check("yesterday", "2026-11-21T15:00:00Z");
        check("7d", "2026-11-15T15:00:00Z");
        check("36h", "2026-11-21T04:00:00Z");
        check("2026-11-01", "2026-10-31T15:00:00Z");
        check("2026-11", "2026-10-31T15:00:00Z");
        check("2026-11-01T09:00:00Z", "2026-11-01T09:00:00Z");
        check("2026-11-01T09:15:00-04:00", "2026-11-01T13:15:00Z");
        check("2026-11-01T12:00", "2026-11-01T03:00:00Z");
        check("2026-11-01 12:00:30", "2026-11-01T03:00:30Z");
    }

    #[test]
    fn an_hour_that_the_clocks_show_twice_has_two_names() {
        let calendar = Calendar::named("America/New_York").expect("a zone");
        let hour =
            |at| calendar.hour_text(calendar.hour(crate::wire::time::parse(at).expect("an instant")).start);
        assert_ne!(hour("2026-11-01T05:30:00Z"), hour("2026-11-01T06:30:00Z"));
        assert_eq!(hour("2026-11-01T12:30:00Z"), "2026-11-01 07:00");
    }

    #[test]
    fn an_unknown_form_is_named() {
        let error = parse_when("soonish", &Calendar::utc(), Timestamp::EPOCH).unwrap_err();
        assert!(error.contains("soonish") && error.contains("7d"));
        assert!(By::parse_list("day,colour").unwrap_err().contains("colour"));
    }
}
