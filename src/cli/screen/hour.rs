//! The calls of the last hour as the librarian keeps them: read once, then only what is new.

use crate::domain::hour::Hour;
use crate::domain::time::{Millis, Timestamp};
use crate::store::{Reader, StoreError};

/// How often everything is read anew: a better record of a call takes an older one's place unnoticed.
const ANEW: Millis = Millis::from_minutes(5);

/// The last hour, and how far it was read.
#[derive(Default)]
pub(super) struct HourDesk {
    hour: Hour,
    row: i64,
    /// When it was read whole; nothing where it never was.
    read: Option<Timestamp>,
}

impl HourDesk {
    /// Returns the last hour as it is now.
    pub(super) fn look(&mut self, reader: &Reader, now: Timestamp) -> Result<&Hour, StoreError> {
        if self.read.is_none_or(|read| now < read || now.since(read) >= ANEW) {
            let mut hour = Hour::default();
            let since = now.before(Millis::from_minutes(60));
            self.row = reader.latest_calls(since, &mut |call, cost| hour.add(call, cost, now))?;
            (self.hour, self.read) = (hour, Some(now));
        }
        loop {
            let hour = &mut self.hour;
            let last = reader.calls_after(self.row, &mut |call, cost| hour.add(call, cost, now))?;
            if std::mem::replace(&mut self.row, last) == last {
                break;
            }
        }
        self.hour.roll(now);
        Ok(&self.hour)
    }
}
