//! When a command that has ended is started again: after longer and longer pauses, unless it had run
//! for a while.

use std::time::{Duration, Instant};

use crate::pace::Backoff;

/// The first pause, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// A command that ran for so long had not failed to start.
const STEADY: Duration = Duration::from_secs(10);

/// The pauses between an end and the next start.
#[derive(Debug)]
pub struct Pauses {
    backoff: Backoff,
    begun: Option<Instant>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { backoff: Backoff::new(PAUSES.0, PAUSES.1), begun: None }
    }
}

impl Pauses {
    /// Time until the next start.
    pub fn left(&self, now: Instant) -> Duration {
        self.backoff.left(now)
    }

    /// Notes a start.
    pub fn begin(&mut self, now: Instant) {
        self.begun = Some(now);
    }

    /// Notes an end, or that there was no start.
    pub fn over(&mut self, now: Instant) {
        let begun = self.begun.take();
        if begun.is_some_and(|begun| now.saturating_duration_since(begun) >= STEADY) {
            self.backoff.succeed();
        }
        self.backoff.fail(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_ran_for_a_while_comes_back_soon() {
        let (mut pauses, mut now) = (Pauses::default(), Instant::now());
        assert_eq!(pauses.left(now), Duration::ZERO);
        for (ran_s, pause_ms) in [(0, 500), (9, 1000), (1, 2000), (0, 4000), (0, 8000), (0, 8000)] {
            pauses.begin(now);
            now += Duration::from_secs(ran_s);
            pauses.over(now);
            assert_eq!(pauses.left(now), Duration::from_millis(pause_ms), "{ran_s}");
        }
        pauses.over(now);
        assert_eq!(pauses.left(now), Duration::from_secs(8), "it could not be started");
        pauses.begin(now);
        now += STEADY;
        pauses.over(now);
        assert_eq!(pauses.left(now), PAUSES.0);
    }
}
