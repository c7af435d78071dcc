//! What averaging over frames made of the newest one.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// What averaging over frames made of them.
#[derive(Debug, Default)]
pub struct FusionMetrics {
    frames: Counter,
    /// How often an average was begun anew because frames were lost.
    pub forgotten: Counter,
    /// As the bits of what is in the snapshot.
    at_rest: AtomicU64,
    noise_left: AtomicU64,
}

/// [`FusionMetrics`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FusionSnapshot {
    /// Frames that were averaged with those before them.
    pub frames: u64,
    /// Averages that were begun anew because frames were lost.
    pub forgotten: u64,
    /// Part of the newest frame that rests and has as little noise as is aimed at.
    pub at_rest: f64,
    /// Deviation of the noise left in it, over that of a single frame.
    pub noise_left: f64,
}

impl FusionMetrics {
    /// Counts a frame: how much of it rests, and the noise that is left in it.
    pub fn record(&self, at_rest: f64, noise_left: f64) {
        self.at_rest.store(at_rest.to_bits(), Ordering::Relaxed);
        self.noise_left.store(noise_left.to_bits(), Ordering::Relaxed);
        self.frames.add(1);
    }

    /// What is known now; nothing where no frame was averaged.
    pub fn snapshot(&self) -> Option<FusionSnapshot> {
        let frames = self.frames.get();
        let value = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        (frames > 0).then(|| FusionSnapshot {
            frames,
            forgotten: self.forgotten.get(),
            at_rest: value(&self.at_rest),
            noise_left: value(&self.noise_left),
        })
    }
}
