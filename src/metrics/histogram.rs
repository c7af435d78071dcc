//! How durations are distributed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Durations counted in buckets whose bounds grow by the fourth root of 2, from 1 µs to 64 s:
/// quantiles are exact to a fifth.
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; Self::BUCKETS],
    total_ns: AtomicU64,
}

impl Histogram {
    const PER_OCTAVE: usize = 4;
    const BUCKETS: usize = 26 * Self::PER_OCTAVE;

    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.total_ns.fetch_add(nanoseconds, Ordering::Relaxed);
        self.buckets[Self::bucket(duration)].fetch_add(1, Ordering::Relaxed);
    }

    /// The durations counted so far, in buckets one octave wide: upper bound in seconds, and number
    /// of durations up to it. The last bound is infinite.
    pub fn octaves(&self) -> Vec<(f64, u64)> {
        let mut below = 0;
        let last = Self::BUCKETS / Self::PER_OCTAVE - 1;
        let octave = |(octave, buckets): (usize, &[AtomicU64])| {
            below += buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum::<u64>();
            let bound = ((octave + 1) * Self::PER_OCTAVE - 1) as f64 / Self::PER_OCTAVE as f64;
            (if octave == last { f64::INFINITY } else { bound.exp2() * 1e-6 }, below)
        };
        self.buckets.chunks(Self::PER_OCTAVE).enumerate().map(octave).collect()
    }

    /// Sum of all durations in seconds.
    pub fn total_s(&self) -> f64 {
        self.total_ns.load(Ordering::Relaxed) as f64 / 1e9
    }

    /// The durations counted so far.
    pub fn summary(&self) -> Summary {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let count = counts.iter().sum();
        let total_ms = self.total_ns.load(Ordering::Relaxed) as f64 / 1e6;
        Summary {
            count,
            mean_ms: if count == 0 { 0.0 } else { total_ms / count as f64 },
            p50_ms: Self::quantile_ms(&counts, count.div_ceil(2)),
            p99_ms: Self::quantile_ms(&counts, count - count / 100),
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    fn bucket(duration: Duration) -> usize {
        let octaves = (duration.as_secs_f64() * 1e6).max(1.0).log2();
        ((octaves * Self::PER_OCTAVE as f64).ceil() as usize).min(Self::BUCKETS - 1)
    }

    /// Upper bound of the bucket in which the `rank`-th smallest duration lies.
    fn quantile_ms(counts: &[u64], rank: u64) -> f64 {
        let mut seen = 0;
        let reached = |&count: &u64| {
            seen += count;
            seen >= rank && rank > 0
        };
        let bucket = counts.iter().position(reached).unwrap_or(0);
        (bucket as f64 / Self::PER_OCTAVE as f64).exp2() * 1e-3
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; Self::BUCKETS], total_ns: AtomicU64::new(0) }
    }
}

/// What a histogram holds, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of durations.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Their median, rounded up to a bucket's bound.
    pub p50_ms: f64,
    /// The duration that one in a hundred exceeds, rounded up to a bucket's bound.
    pub p99_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_right_to_a_fifth(mut micros in prop::collection::vec(2_u64..10_000_000, 1..200)) {
            let histogram = Histogram::default();
            micros.iter().for_each(|&us| histogram.record(Duration::from_micros(us)));
            micros.sort_unstable();
            let exact = micros[micros.len().div_ceil(2) - 1] as f64 / 1e3;
            let ratio = histogram.summary().p50_ms / exact;
            prop_assert!((0.999..1.2).contains(&ratio), "median off by a factor of {}", ratio);
        }

        #[test]
        fn octaves_count_what_is_not_longer(micros in prop::collection::vec(1_u64..100_000_000, 0..100)) {
            let histogram = Histogram::default();
            micros.iter().for_each(|&us| histogram.record(Duration::from_micros(us)));
            let octaves = histogram.octaves();
            for &(bound, count) in &octaves {
                let exact = micros.iter().filter(|&&us| us as f64 * 1e-6 <= bound * 1.000_001).count();
                prop_assert_eq!(count, exact as u64, "up to {} s", bound);
            }
            prop_assert_eq!(octaves.last().map(|last| last.1), Some(micros.len() as u64));
        }
    }
}
