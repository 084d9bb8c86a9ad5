//! How long a cap counts before it begins anew.

use std::fmt;

use super::time::Millis;
use super::words;

/// The stretch of time that a cap counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// A minute of the clock.
    Minute,
    /// An hour of the zone's clock.
    Hour,
    /// From midnight to midnight in the zone: 23, 24 or 25 hours.
    Day,
    /// From Monday to Monday in the zone.
    Week,
    /// A calendar month in the zone.
    Month,
    /// The last so many seconds, at every moment.
    Rolling(Lookback),
    /// For ever.
    Total,
}

/// How far a rolling window reaches back: 60 seconds to 400 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lookback(u32);

impl Lookback {
    /// The shortest, in seconds.
    pub const SHORTEST: u64 = 60;
    /// The longest, in seconds.
    pub const LONGEST: u64 = 400 * 86_400;

    /// Takes seconds; `None` where the window is too short or too long.
    pub fn from_seconds(seconds: u64) -> Option<Lookback> {
        let fits = (Lookback::SHORTEST..=Lookback::LONGEST).contains(&seconds);
        fits.then(|| u32::try_from(seconds).ok().map(Lookback))?
    }

    /// Returns the seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Returns the length.
    pub fn length(self) -> Millis {
        Millis::new(u64::from(self.0) * 1000)
    }
}

impl Window {
    /// Reads `minute`, `hour`, `day`, `week`, `month`, `total` or `rolling:30d`.
    ///
    /// The error says what was expected.
    pub fn parse(text: &str) -> Result<Window, String> {
        match text {
            "minute" => Ok(Window::Minute),
            "hour" => Ok(Window::Hour),
            "day" => Ok(Window::Day),
            "week" => Ok(Window::Week),
            "month" => Ok(Window::Month),
            "total" => Ok(Window::Total),
            _ => rolling(text),
        }
    }

    /// Returns the number under which its periods are stored. It never changes: calendar windows and
    /// `total` are 0 to 5, rolling windows their length in seconds.
    pub fn code(self) -> i64 {
        match self {
            Window::Total => 0,
            Window::Minute => 1,
            Window::Hour => 2,
            Window::Day => 3,
            Window::Week => 4,
            Window::Month => 5,
            Window::Rolling(back) => i64::from(back.0),
        }
    }
}

fn rolling(text: &str) -> Result<Window, String> {
    let Some(length) = text.strip_prefix("rolling:") else {
        return Err(format!(
            "window `{text}` is not known: expected minute, hour, day, week, month, total or rolling:30d"
        ));
    };
    let seconds = words::seconds(length);
    let seconds = seconds.ok_or_else(|| {
        format!("rolling window `{length}` is no length of time: expected one like 30d, 12h or 90m")
    })?;
    let back = Lookback::from_seconds(seconds);
    back.map(Window::Rolling)
        .ok_or_else(|| format!("rolling window `{length}` is too short or too long: expected 1m to 400d"))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::Minute => f.pad("minute"),
            Window::Hour => f.pad("hour"),
            Window::Day => f.pad("day"),
            Window::Week => f.pad("week"),
            Window::Month => f.pad("month"),
            Window::Total => f.pad("total"),
            Window::Rolling(back) => write!(f, "rolling:{}", words::length(u64::from(back.0))),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn windows() -> impl Strategy<Value = Window> {
        let back = Lookback::SHORTEST..=Lookback::LONGEST;
        (0_u8..7, back).prop_map(|(kind, seconds)| match kind {
            0 => Window::Minute,
            1 => Window::Hour,
            2 => Window::Day,
            3 => Window::Week,
            4 => Window::Month,
            5 => Window::Total,
            _ => Window::Rolling(Lookback::from_seconds(seconds).expect("in range")),
        })
    }

    #[test]
    fn what_is_no_window_is_named() {
        for text in
            ["", "year", "rolling", "rolling:", "rolling:x", "rolling:1s", "rolling:401d", "rolling:-1d"]
        {
            assert!(Window::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_window_prints_as_it_is_read_and_has_its_own_code(a in windows(), b in windows()) {
            prop_assert_eq!(Window::parse(&a.to_string()), Ok(a));
            prop_assert_eq!(a.code() == b.code(), a == b);
        }
    }
}
