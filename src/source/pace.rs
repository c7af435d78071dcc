//! The clock of a source that plays the part of a camera.

use std::time::{Duration, Instant};

use super::SourceError;
use crate::frame::FrameRate;

/// Ticks at a fixed rate that never drift: tick `n` lies at the start plus `n` intervals.
#[derive(Debug)]
pub(super) struct Pacer {
    rate: FrameRate,
    start: Option<Instant>,
    next: u64,
}

impl Pacer {
    /// A clock that begins at the first wait.
    ///
    /// # Errors
    /// Where the rate is not 1 to 1000 a second: slower, and a wait would take over a second.
    pub(super) fn new(rate: FrameRate) -> Result<Self, SourceError> {
        let (pictures, seconds) = (u64::from(rate.numerator), u64::from(rate.denominator));
        if seconds == 0 || pictures < seconds || pictures > 1000 * seconds {
            return Err(SourceError::Setting {
                name: "rate",
                value: format!("{pictures}/{seconds}"),
                expected: "1 to 1000 frames a second",
            });
        }
        Ok(Self { rate, start: None, next: 0 })
    }

    /// Sleeps until the next tick and says which it is. Ticks that passed while nobody waited are
    /// skipped.
    pub(super) fn wait(&mut self) -> u64 {
        let start = *self.start.get_or_insert_with(Instant::now);
        let tick = self.next.max(self.tick_before(start.elapsed()));
        std::thread::sleep(self.time_of(tick).saturating_sub(start.elapsed()));
        self.next = tick + 1;
        tick
    }

    fn time_of(&self, tick: u64) -> Duration {
        let nanoseconds = u128::from(tick) * u128::from(self.rate.denominator) * 1_000_000_000;
        nanos(nanoseconds / u128::from(self.rate.numerator))
    }

    /// The last tick that is not after `elapsed`.
    fn tick_before(&self, elapsed: Duration) -> u64 {
        let ticks = elapsed.as_nanos() * u128::from(self.rate.numerator);
        u64::try_from(ticks / (u128::from(self.rate.denominator) * 1_000_000_000))
            .unwrap_or(u64::MAX)
    }
}

fn nanos(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_drift() {
        let pacer =
            Pacer::new(FrameRate { numerator: 30_000, denominator: 1_001 }).expect("a rate");
        assert_eq!(pacer.time_of(30_000), Duration::from_secs(1_001));
        assert_eq!(pacer.tick_before(Duration::from_secs(1_001)), 30_000);
        assert_eq!(pacer.tick_before(Duration::from_nanos(33_000_000)), 0);
    }

    #[test]
    fn missed_ticks_are_skipped() {
        let mut pacer = Pacer::new(FrameRate::per_second(1)).expect("a rate");
        pacer.start = Instant::now().checked_sub(Duration::from_millis(7_100));
        assert_eq!(pacer.wait(), 7);
        assert_eq!(pacer.next, 8);
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for (numerator, denominator) in [(0, 1), (1, 0), (1, 2), (1001, 1)] {
            let rate = FrameRate { numerator, denominator };
            assert!(Pacer::new(rate).is_err(), "{numerator}/{denominator} was accepted");
        }
    }
}
