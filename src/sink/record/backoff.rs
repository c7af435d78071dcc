//! When to try again what failed: after a second, and then after longer and longer.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses between attempts that fail.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: Option<(Instant, Duration)>,
}

impl Backoff {
    /// Whether it is time for an attempt.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.failed.is_none_or(|(at, pause)| now.saturating_duration_since(at) >= pause)
    }

    /// Notes a failure; whether it is the first one since a success.
    pub(super) fn fail(&mut self, now: Instant) -> bool {
        let pause = self.failed.map_or(FIRST, |(_, pause)| (2 * pause).min(LONGEST));
        self.failed.replace((now, pause)).is_none()
    }

    /// Notes a success; whether there were failures before it.
    pub(super) fn succeed(&mut self) -> bool {
        self.failed.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_a_success_ends_them() {
        let (mut backoff, mut now) = (Backoff::default(), Instant::now());
        assert!(backoff.is_due(now) && backoff.fail(now), "the first failure");
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(!backoff.is_due(now + Duration::from_millis(seconds * 1000 - 1)), "{seconds}");
            now += Duration::from_secs(seconds);
            assert!(backoff.is_due(now) && !backoff.fail(now), "{seconds}");
        }
        assert!(backoff.succeed() && !backoff.succeed(), "the end of the failures");
        assert!(backoff.is_due(now) && backoff.fail(now), "the first failure again");
    }
}
