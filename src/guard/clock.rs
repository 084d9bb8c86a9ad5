//! The clocks of the guard: the wall's, and one that nobody can set.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::domain::period_clock::Clocks;
use crate::domain::time::{Millis, Timestamp};

/// Reads the wall clock, milliseconds.
type Wall = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clocks.
#[derive(Clone)]
pub struct Clock {
    wall: Wall,
    start: Instant,
}

impl Clock {
    /// The clocks of this machine.
    pub fn system() -> Clock {
        Clock::with(Arc::new(wall))
    }

    /// Takes another wall clock.
    pub fn with(wall: Wall) -> Clock {
        Clock { wall, start: Instant::now() }
    }

    /// Returns the wall clock's time.
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }

    /// Returns both times.
    pub fn both(&self) -> Clocks {
        Clocks { wall: self.now(), steady: millis(self.start) }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell reads the clock, once an event, and hands it on")]
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(0))
}

/// Returns the time since an instant.
pub fn millis(since: Instant) -> Millis {
    Millis::new(u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}
