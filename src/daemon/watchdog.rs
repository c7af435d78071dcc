//! Whether the daemon makes progress, and the watchdog is fed.
//!
//! The service manager ends a daemon that it has not heard from for the watchdog's time. A thread
//! with a timer would keep a daemon alive that restores nothing any more. So the watchdog is fed
//! only when frames came out of the restorer or, where no frame comes, when the source reported
//! that it still waits for its camera, and no frame is stuck on the way.

use std::time::{Duration, Instant};

/// How far the daemon has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames that came out of the last stage.
    pub restored: u64,
    /// Frames between the source and the end of the last stage.
    pub in_flight: u64,
    /// Whether the source is in a state in which no frames are to be expected.
    pub is_waiting: bool,
    /// How often the source has shown that it is not stuck.
    pub heartbeats: u64,
}

/// Decides when the watchdog is fed.
#[derive(Debug)]
pub struct Feeder {
    period: Duration,
    fed_at: Instant,
    last: Progress,
}

impl Progress {
    /// Whether the daemon has started: it has restored a frame, or knows that none comes now.
    pub fn is_ready(&self) -> bool {
        self.restored > 0 || self.is_waiting
    }

    /// Whether this is further than `earlier`.
    fn is_beyond(&self, earlier: &Self) -> bool {
        let has_restored = self.restored > earlier.restored;
        let has_waited = self.is_waiting && self.heartbeats > earlier.heartbeats;
        has_restored || (has_waited && self.in_flight == 0)
    }
}

impl Feeder {
    /// Feeds a watchdog that waits for `patience` after half of that time, beginning `now`.
    pub fn new(patience: Duration, now: Instant) -> Self {
        Self { period: patience / 2, fed_at: now, last: Progress::default() }
    }

    /// Whether the watchdog is to be fed now: its time has come, and there was progress since it
    /// was last fed.
    pub fn feeds(&mut self, now: Instant, progress: Progress) -> bool {
        let is_due = now.saturating_duration_since(self.fed_at) >= self.period;
        let feeds = is_due && progress.is_beyond(&self.last);
        if feeds {
            (self.fed_at, self.last) = (now, progress);
        }
        feeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn moving(restored: u64, in_flight: u64) -> Progress {
        Progress { restored, in_flight, ..Progress::default() }
    }

    fn waiting(heartbeats: u64, in_flight: u64) -> Progress {
        Progress { in_flight, is_waiting: true, heartbeats, ..Progress::default() }
    }

    /// Feeds a watchdog that last saw `earlier`.
    fn fed(earlier: Progress, now: Progress) -> bool {
        let start = Instant::now();
        let mut feeder = Feeder { period: PATIENCE / 2, fed_at: start, last: earlier };
        feeder.feeds(start + PATIENCE / 2, now)
    }

    #[test]
    fn only_progress_feeds() {
        assert!(fed(moving(5, 3), moving(6, 3)), "a frame came out");
        assert!(!fed(moving(5, 3), moving(5, 3)), "a stage hangs");
        assert!(!fed(moving(5, 0), moving(5, 0)), "a source that says it is live gives nothing");
        assert!(fed(waiting(1, 0), waiting(2, 0)), "no camera, but looked for");
        assert!(!fed(waiting(2, 0), waiting(2, 0)), "the search for the camera hangs");
        assert!(!fed(waiting(1, 1), waiting(2, 1)), "no camera, and a frame stuck on the way");
        let restored = Progress { restored: 6, ..waiting(2, 1) };
        assert!(fed(Progress { restored: 5, ..waiting(1, 1) }, restored), "stand-in pictures flow");
    }

    #[test]
    fn feeding_waits_for_half_of_the_patience_and_not_longer() {
        let start = Instant::now();
        let mut feeder = Feeder::new(PATIENCE, start);
        assert!(!feeder.feeds(start + PATIENCE / 4, moving(1, 1)));
        assert!(feeder.feeds(start + PATIENCE / 2, moving(1, 1)));
        assert!(!feeder.feeds(start + PATIENCE, moving(1, 1)));
        // A slow frame feeds as soon as it is out.
        assert!(feeder.feeds(start + PATIENCE + PATIENCE / 8, moving(2, 1)));
    }

    #[test]
    fn ready_is_who_restored_or_waits() {
        assert!(!Progress::default().is_ready());
        assert!(moving(1, 0).is_ready() && waiting(0, 0).is_ready());
    }

    proptest! {
        /// Whatever the daemon looks like, one that stands still is fed at most once more.
        #[test]
        fn standing_still_is_never_fed_for_long(
            restored in 0_u64..5, in_flight in 0_u64..3, is_waiting: bool, heartbeats in 0_u64..5,
        ) {
            let start = Instant::now();
            let mut feeder = Feeder::new(PATIENCE, start);
            let progress = Progress { restored, in_flight, is_waiting, heartbeats };
            let times = (1..10).filter(|&n| feeder.feeds(start + n * PATIENCE, progress)).count();
            prop_assert!(times <= 1);
        }
    }
}
