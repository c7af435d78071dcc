//! What a station tells the fleet of itself, and what it is told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::counter::Counter;

/// What is counted of a station that takes part in a fleet.
#[derive(Debug)]
pub struct FleetMetrics {
    run: u64,
    every: Duration,
    /// Frames that were published; each bears its number among them.
    pub published: Counter,
    /// Frames that were not, as nobody wanted them, or as they were more than may be published.
    pub passed: Counter,
    /// Directives that were signed and taken.
    pub taken: Counter,
    /// Directives that were refused.
    pub refused: Counter,
}

/// [`FleetMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FleetSnapshot {
    /// When publishing began, in nanoseconds since 1970: frames are numbered anew in each run.
    pub run: u64,
    /// Seconds between two states.
    pub every_s: f64,
    /// Frames that were published.
    pub published: u64,
    /// Frames that were not, as nobody wanted them, or as they were more than may be published.
    pub passed: u64,
    /// Directives that were signed and taken.
    pub directives_taken: u64,
    /// Directives that were refused.
    pub directives_refused: u64,
}

impl FleetMetrics {
    /// Empty books of a run that begins now and tells its state after every so much time.
    pub fn new(every: Duration) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX);
        let [published, passed, taken, refused] = Default::default();
        Self { run, every, published, passed, taken, refused }
    }

    /// Which run this is.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Everything, at one moment.
    pub fn snapshot(&self) -> FleetSnapshot {
        FleetSnapshot {
            run: self.run,
            every_s: self.every.as_secs_f64(),
            published: self.published.get(),
            passed: self.passed.get(),
            directives_taken: self.taken.get(),
            directives_refused: self.refused.get(),
        }
    }
}
