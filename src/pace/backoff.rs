//! When to try again what failed: after a pause, and then after longer and longer ones.

use std::time::{Duration, Instant};

/// Pauses between attempts that fail. The first attempt, and one after a success, is due at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// The last failure and the pause after it.
    failed: Option<(Instant, Duration)>,
}

impl Backoff {
    /// Pauses that double from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failed: None }
    }

    /// Whether it is time for an attempt.
    pub fn is_due(&self, now: Instant) -> bool {
        self.left(now).is_zero()
    }

    /// Time until the next attempt.
    pub fn left(&self, now: Instant) -> Duration {
        self.failed
            .map_or(Duration::ZERO, |(at, pause)| (at + pause).saturating_duration_since(now))
    }

    /// Notes a failure; whether it is the first one since a success.
    pub fn fail(&mut self, now: Instant) -> bool {
        let pause = self.failed.map_or(self.first, |(_, pause)| 2 * pause).min(self.longest);
        self.failed.replace((now, pause)).is_none()
    }

    /// Notes a success; whether there were failures before it.
    pub fn succeed(&mut self) -> bool {
        self.failed.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_a_success_ends_them() {
        let second = Duration::from_secs(1);
        let (mut backoff, mut now) = (Backoff::new(second, 30 * second), Instant::now());
        assert!(backoff.is_due(now) && backoff.fail(now), "the first failure");
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let early = now + Duration::from_millis(seconds * 1000 - 1);
            assert_eq!(backoff.left(early), Duration::from_millis(1), "{seconds}");
            assert!(!backoff.is_due(early), "{seconds}");
            now += Duration::from_secs(seconds);
            assert!(backoff.is_due(now) && !backoff.fail(now), "{seconds}");
        }
        assert!(backoff.succeed() && !backoff.succeed(), "the end of the failures");
        assert!(backoff.is_due(now) && backoff.fail(now), "the first failure again");
    }
}
