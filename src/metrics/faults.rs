//! Hot and dead pixels of the sensor, as far as frames told.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// Samples that no scene can have made.
#[derive(Debug, Default)]
pub struct FaultMetrics {
    frames: Counter,
    newest: AtomicU64,
}

/// [`FaultMetrics`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FaultSnapshot {
    /// Samples of the newest frame that were mended.
    pub newest: u64,
    /// Frames with such samples.
    pub frames: u64,
}

impl FaultMetrics {
    /// Counts a frame in which `samples` were mended.
    pub fn record(&self, samples: usize) {
        self.newest.store(samples as u64, Ordering::Relaxed);
        self.frames.add(u64::from(samples > 0));
    }

    /// What is known now.
    pub fn snapshot(&self) -> FaultSnapshot {
        FaultSnapshot { newest: self.newest.load(Ordering::Relaxed), frames: self.frames.get() }
    }
}
