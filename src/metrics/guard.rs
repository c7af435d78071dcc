//! What the guard held back of restored frames.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// What the guard held back.
#[derive(Debug, Default)]
pub struct GuardMetrics {
    looked: Counter,
    held: Counter,
    /// Sum of the shares, in millionths.
    shares: Counter,
    /// The share of the newest frame, in millionths.
    newest: AtomicU64,
}

/// [`GuardMetrics`] at one moment. Shares are of the frame, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct GuardSnapshot {
    /// Frames it looked at.
    pub looked: u64,
    /// Frames of which it held something back.
    pub held: u64,
    /// What it held back of the newest frame.
    pub newest: f64,
    /// What it held back of all frames, in the mean.
    pub mean: f64,
}

impl GuardMetrics {
    /// Counts a frame of which the share `share` was held back.
    pub fn record(&self, share: f32) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let millionths = (f64::from(share.clamp(0.0, 1.0)) * 1e6).round() as u64;
        self.newest.store(millionths, Ordering::Relaxed);
        self.shares.add(millionths);
        self.held.add(u64::from(share > 0.0));
        self.looked.add(1);
    }

    /// What is known now; nothing before it has looked at a frame.
    pub fn snapshot(&self) -> Option<GuardSnapshot> {
        let looked = self.looked.get();
        let share = |millionths: u64| millionths as f64 / 1e6;
        (looked > 0).then(|| GuardSnapshot {
            looked,
            held: self.held.get(),
            newest: share(self.newest.load(Ordering::Relaxed)),
            mean: share(self.shares.get()) / looked as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_is_counted() {
        let guard = GuardMetrics::default();
        assert_eq!(guard.snapshot(), None);
        [0.0, 0.5, 0.25].into_iter().for_each(|share| guard.record(share));
        let expected = GuardSnapshot { looked: 3, held: 2, newest: 0.25, mean: 0.25 };
        assert_eq!(guard.snapshot(), Some(expected));
    }
}
