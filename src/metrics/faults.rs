//! Hot and dead pixels of the sensor, and stripes of its rows and columns, as far as frames told.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// What no scene can have made.
#[derive(Debug, Default)]
pub struct FaultMetrics {
    frames: Counter,
    newest: AtomicU64,
    known: AtomicU64,
    /// Bits of the deviations of rows and columns.
    stripes: [AtomicU64; 2],
    striped: Counter,
}

/// [`FaultMetrics`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FaultSnapshot {
    /// Samples of the newest frame that were mended.
    pub newest: u64,
    /// Frames with such samples.
    pub frames: u64,
    /// Samples that nearly all frames told: a map of the sensor.
    #[serde(default)]
    pub known: u64,
    /// Deviation in gray levels of stripes that were taken from the rows of the newest frame.
    #[serde(default)]
    pub rows: f64,
    /// The same of its columns.
    #[serde(default)]
    pub columns: f64,
    /// Frames with stripes.
    #[serde(default)]
    pub striped: u64,
}

impl FaultMetrics {
    /// Counts a frame in which `samples` were mended, where so many of the sensor's are `known`.
    pub fn record(&self, samples: usize, known: usize) {
        self.known.store(known as u64, Ordering::Relaxed);
        self.newest.store(samples as u64, Ordering::Relaxed);
        self.frames.add(u64::from(samples > 0));
    }

    /// Counts a frame from which stripes of these deviations, in gray levels, were taken.
    pub fn record_stripes(&self, rows: f64, columns: f64) {
        for (deviation, bits) in [rows, columns].iter().zip(&self.stripes) {
            bits.store(deviation.to_bits(), Ordering::Relaxed);
        }
        self.striped.add(u64::from(rows > 0.0 || columns > 0.0));
    }

    /// What is known now.
    pub fn snapshot(&self) -> FaultSnapshot {
        let deviation = |bits: &AtomicU64| f64::from_bits(bits.load(Ordering::Relaxed));
        let [rows, columns] = self.stripes.each_ref().map(deviation);
        let (newest, frames) = (self.newest.load(Ordering::Relaxed), self.frames.get());
        let (known, striped) = (self.known.load(Ordering::Relaxed), self.striped.get());
        FaultSnapshot { newest, frames, known, rows, columns, striped }
    }
}
