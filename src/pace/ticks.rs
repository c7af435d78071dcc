//! A steady rhythm, as that of a source that plays the part of a camera.

use std::time::{Duration, Instant};

/// Ticks at a fixed rate that never drift: tick `n` lies at the start plus `n` intervals.
#[derive(Debug)]
pub struct Ticks {
    ticks: u32,
    seconds: u32,
    start: Option<Instant>,
    next: u64,
}

impl Ticks {
    /// What rates there are, in words.
    pub const EXPECTED: &str = "1 to 1000 a second";

    /// So many `ticks` in so many `seconds`, from the first wait on; `None` where that is not 1 to
    /// 1000 a second: slower, and a wait would take over a second.
    pub fn new(ticks: u32, seconds: u32) -> Option<Self> {
        let is_in_range = seconds > 0 && ticks >= seconds && ticks <= seconds.saturating_mul(1000);
        is_in_range.then_some(Self { ticks, seconds, start: None, next: 0 })
    }

    /// Sleeps until the next tick and says which it is. Ticks that passed while nobody waited are
    /// skipped.
    pub fn wait(&mut self) -> u64 {
        let start = *self.start.get_or_insert_with(Instant::now);
        let (tick, time) = self.due(start.elapsed());
        std::thread::sleep(time.saturating_sub(start.elapsed()));
        tick
    }

    /// Takes the next tick at or after `elapsed`, or the one that passed last, and says when it is.
    fn due(&mut self, elapsed: Duration) -> (u64, Duration) {
        let tick = self.next.max(self.tick_before(elapsed));
        self.next = tick + 1;
        (tick, self.time_of(tick))
    }

    fn time_of(&self, tick: u64) -> Duration {
        let nanoseconds = u128::from(tick) * u128::from(self.seconds) * 1_000_000_000;
        nanos(nanoseconds / u128::from(self.ticks))
    }

    /// The last tick that is not after `elapsed`.
    fn tick_before(&self, elapsed: Duration) -> u64 {
        let ticks = elapsed.as_nanos() * u128::from(self.ticks);
        u64::try_from(ticks / (u128::from(self.seconds) * 1_000_000_000)).unwrap_or(u64::MAX)
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
        let ticks = Ticks::new(30_000, 1_001).expect("a rate");
        assert_eq!(ticks.time_of(30_000), Duration::from_secs(1_001));
        assert_eq!(ticks.tick_before(Duration::from_secs(1_001)), 30_000);
        assert_eq!(ticks.tick_before(Duration::from_nanos(33_000_000)), 0);
    }

    #[test]
    fn missed_ticks_are_skipped() {
        let mut ticks = Ticks::new(1, 1).expect("a rate");
        assert_eq!(ticks.due(Duration::from_millis(7_100)), (7, Duration::from_secs(7)));
        assert_eq!(ticks.due(Duration::from_millis(7_200)), (8, Duration::from_secs(8)));
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for (ticks, seconds) in [(0, 1), (1, 0), (1, 2), (1001, 1)] {
            assert!(Ticks::new(ticks, seconds).is_none(), "{ticks}/{seconds} was accepted");
        }
    }
}
