//! How fast the terminal takes frames, and how seldom they are drawn where it takes them slowly.

use std::time::Duration;

/// A frame that takes longer to hand over tells of a slow line.
const SLOW: Duration = Duration::from_millis(100);
/// One that takes no longer tells of a fast one.
const FAST: Duration = Duration::from_millis(20);
/// The first interval on a slow line, and the longest.
const LEAST: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(10);

/// The line to the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    interval: Duration,
}

impl Link {
    /// Takes note of how long a frame took to hand over; one that was broken off took as long as was waited.
    pub fn took(&mut self, time: Duration) {
        if time > SLOW {
            self.interval = (self.interval * 2).clamp(LEAST, MOST);
        } else if time <= FAST {
            let half = self.interval / 2;
            self.interval = if half < LEAST { Duration::ZERO } else { half };
        }
    }

    /// Returns the least time between two frames that no key asked for; nothing on a fast line.
    pub fn interval(self) -> Duration {
        self.interval
    }

    /// Says whether the line is slow.
    pub fn is_slow(self) -> bool {
        !self.interval.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_is_used_seldom_and_recovers_by_itself() {
        let mut link = Link::default();
        link.took(Duration::from_millis(90));
        assert!(!link.is_slow());
        for want in [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000] {
            link.took(Duration::from_millis(101));
            assert_eq!(link.interval(), Duration::from_millis(want));
        }
        link.took(Duration::from_millis(50));
        assert_eq!(link.interval(), MOST, "neither slow nor fast changes nothing");
        let mut frames = 0;
        while link.is_slow() {
            link.took(Duration::from_millis(1));
            frames += 1;
        }
        assert_eq!(frames, 5);
    }
}
