//! What a graphics card does, by its own clock.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// What a graphics card does.
#[derive(Debug, Default)]
pub struct CardMetrics {
    frames: Counter,
    /// In all, in nanoseconds.
    worked: Counter,
    /// At the newest frame, in nanoseconds.
    newest: AtomicU64,
}

/// [`CardMetrics`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CardSnapshot {
    /// Frames it worked at.
    pub frames: u64,
    /// Seconds it worked at the newest.
    pub newest_s: f64,
    /// Seconds it worked at one, in the mean.
    pub mean_s: f64,
}

impl CardMetrics {
    /// Counts a frame at which it worked for so many seconds.
    pub fn record(&self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let nanoseconds = (seconds * 1e9).round() as u64;
        self.newest.store(nanoseconds, Ordering::Relaxed);
        self.worked.add(nanoseconds);
        self.frames.add(1);
    }

    /// What is known now; nothing before it has worked at a frame.
    pub fn snapshot(&self) -> Option<CardSnapshot> {
        let frames = self.frames.get();
        let seconds = |nanoseconds: u64| nanoseconds as f64 / 1e9;
        (frames > 0).then(|| CardSnapshot {
            frames,
            newest_s: seconds(self.newest.load(Ordering::Relaxed)),
            mean_s: seconds(self.worked.get()) / frames as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_averaged() {
        let card = CardMetrics::default();
        assert_eq!(card.snapshot(), None);
        [0.001, 0.003].into_iter().for_each(|seconds| card.record(seconds));
        let expected = CardSnapshot { frames: 2, newest_s: 0.003, mean_s: 0.002 };
        assert_eq!(card.snapshot(), Some(expected));
    }
}
