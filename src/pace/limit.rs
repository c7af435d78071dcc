//! A limit on how many frames a second are used.

use std::time::{Duration, Instant};

/// Lets so many frames a second through, whatever comes.
#[derive(Debug)]
pub struct RateLimit {
    interval: Duration,
    next: Option<Instant>,
}

impl RateLimit {
    /// At most `rate` frames a second in the mean, above 0; a frame may be early by a quarter of
    /// the interval, so that none of a camera that is as fast as the limit is lost to its jitter.
    pub fn per_second(rate: f64) -> Self {
        Self { interval: Duration::from_secs_f64(1.0 / rate.max(1e-6)), next: None }
    }

    /// Whether a frame at `now` is used; it is counted then.
    pub fn admits(&mut self, now: Instant) -> bool {
        let next = self.next.unwrap_or(now);
        if now + self.interval / 4 < next {
            return false;
        }
        // Time in which no frame came is not made up for.
        let due = next.max(now.checked_sub(self.interval / 4).unwrap_or(now));
        self.next = Some(due + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rate: f64, times_ms: impl IntoIterator<Item = u64>, admitted: usize) {
        let (mut limit, start) = (RateLimit::per_second(rate), Instant::now());
        let admits = |&ms: &u64| limit.admits(start + Duration::from_millis(ms));
        assert_eq!(times_ms.into_iter().filter(admits).count(), admitted, "{rate} a second");
    }

    #[test]
    fn the_rate_is_kept_in_the_mean() {
        check(1.0, (0..10_000).step_by(33), 11);
        check(30.0, (0..10_000).step_by(5), 301);
        check(1000.0, 0..1000, 1000);
        check(0.1, (0..60_000).step_by(100), 7);
    }

    #[test]
    fn jitter_loses_nothing() {
        let late = [0, 9, 3, 7].into_iter().cycle();
        let jittery = (0..100).zip(late).map(|(frame, late)| frame * 40 + late);
        check(25.0, jittery, 100);
    }

    #[test]
    fn pauses_are_not_made_up_for() {
        check(10.0, [0, 100, 5000, 5001, 5002, 5050, 5100], 4);
    }
}
