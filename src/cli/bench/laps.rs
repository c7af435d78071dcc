//! The times of one frame's steps.

use std::time::{Duration, Instant};

use crate::restore::{RestoreError, Watch};

/// Times the steps of one frame.
pub(super) struct Laps {
    start: Instant,
    since: Instant,
    laps: Vec<Duration>,
    on_card: Option<Duration>,
}

impl Laps {
    pub(super) fn start() -> Self {
        let now = Instant::now();
        Self { start: now, since: now, laps: Vec::new(), on_card: None }
    }

    /// The times of all steps, then that of the whole frame and, where there is one, that of the card.
    pub(super) fn end(mut self) -> Vec<Duration> {
        self.laps.push(self.start.elapsed());
        self.laps.extend(self.on_card);
        self.laps
    }
}

impl Watch for Laps {
    fn done(&mut self, _: usize, _: Option<&RestoreError>) {
        self.laps.push(self.since.elapsed());
        self.since = Instant::now();
    }

    fn worked(&mut self, seconds: f64) {
        self.on_card = Duration::try_from_secs_f64(seconds).ok();
    }
}
