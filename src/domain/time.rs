//! Instants as numbers handed in, never read from a clock here.

/// Milliseconds since 1970-01-01 UTC. Always an argument in this ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A length of time in milliseconds, not negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

impl Timestamp {
    /// The latest instant that is taken for real: 9999-12-30T22:00:00Z, the end of what a calendar can
    /// show in every zone.
    pub const MAX: Timestamp = Timestamp(253_402_207_200_000);
    /// The earliest: the epoch itself.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// Takes milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Takes seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1000))
    }

    /// Returns milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns this instant moved later.
    #[must_use]
    pub fn after(self, length: Millis) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(length.0).unwrap_or(i64::MAX)))
    }

    /// Returns this instant moved earlier.
    #[must_use]
    pub fn before(self, length: Millis) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(length.0).unwrap_or(i64::MAX)))
    }

    /// Returns the time since `earlier`, zero where `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Millis {
        Millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Millis {
    /// Takes milliseconds.
    pub const fn new(millis: u64) -> Millis {
        Millis(millis)
    }

    /// Takes minutes.
    pub const fn from_minutes(minutes: u64) -> Millis {
        Millis(minutes * 60_000)
    }

    /// Returns the milliseconds.
    pub const fn count(self) -> u64 {
        self.0
    }
}
