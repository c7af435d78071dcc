//! Whether the calibration still holds, as far as was seen.

use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::text::short;

/// What the watch over the calibration says.
#[derive(Debug, Default)]
pub struct WatchMetrics(RwLock<Option<WatchSnapshot>>);

/// [`WatchMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct WatchSnapshot {
    /// `holds`, `watch` where the blur seems to change, `stale` where it is another.
    pub standing: String,
    /// How many times as wide as it was the blur is, once enough frames have told.
    pub scale: Option<f64>,
    /// Frames that told of the width.
    pub told: u64,
    /// Frames that told nothing.
    pub passed: u64,
    /// Why the last frame told nothing; empty where it did.
    pub unfit: String,
    /// What is certainly not as it was; empty where nothing is known of.
    pub alarm: String,
}

impl WatchSnapshot {
    /// All standings, from the best downwards.
    pub const STANDINGS: [&str; 3] = ["holds", "watch", "stale"];
}

impl WatchMetrics {
    /// Notes what is known now; nothing where nobody watches. Long texts are cut.
    pub fn set(&self, watch: Option<WatchSnapshot>) {
        let tidy = |it: WatchSnapshot| WatchSnapshot { alarm: short(&it.alarm), ..it };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = watch.map(tidy);
    }

    /// What is known now.
    pub fn snapshot(&self) -> Option<WatchSnapshot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
