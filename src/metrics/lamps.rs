//! Light beyond white, as far as it was looked for.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Where light beyond white was looked for.
#[derive(Debug, Default)]
pub struct LampMetrics {
    tiles: AtomicU64,
    postponed: AtomicU64,
}

/// [`LampMetrics`] at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LampSnapshot {
    /// Tiles of the newest frame that such light may reach.
    pub tiles: u64,
    /// Those that a later frame has time for.
    pub postponed: u64,
}

impl LampMetrics {
    /// Takes in the newest frame.
    pub fn record(&self, tiles: usize, postponed: usize) {
        self.tiles.store(tiles as u64, Ordering::Relaxed);
        self.postponed.store(postponed as u64, Ordering::Relaxed);
    }

    /// What is known now.
    pub fn snapshot(&self) -> LampSnapshot {
        let [tiles, postponed] =
            [&self.tiles, &self.postponed].map(|it| it.load(Ordering::Relaxed));
        LampSnapshot { tiles, postponed }
    }
}
