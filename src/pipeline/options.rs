//! How frames move, as it is configured.

use std::num::NonZero;
use std::time::Duration;

use serde::Deserialize;

use super::queue::Overflow;
use crate::keys;
use crate::priority::{Priority, Standings};

/// How frames move, and how many threads share the work on each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineOptions {
    /// Frames that wait before each thread, at least one.
    #[serde(deserialize_with = "keys::within::<1, 64, _, _>")]
    pub queue_capacity: usize,
    /// What full queues do.
    pub overflow: Overflow,
    /// Age from which frames are dropped, but where none may be lost; zero for none.
    #[serde(rename = "deadline_ms", deserialize_with = "keys::millis::<0, 60_000, _>")]
    pub deadline: Duration,
    /// Threads for filters and networks; 0 for one a core.
    #[serde(deserialize_with = "keys::within::<0, 256, _, _>")]
    pub threads: usize,
    /// How urgent it is, beside all else that the machine does.
    pub priority: Priority,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        let deadline = Duration::from_millis(500);
        Self { deadline, ..Self::new(Overflow::DropOldest) }
    }
}

impl PipelineOptions {
    /// Queues of one frame and one thread a core, without a deadline.
    pub const fn new(overflow: Overflow) -> Self {
        Self {
            queue_capacity: 1,
            overflow,
            deadline: Duration::ZERO,
            threads: 0,
            priority: Priority::Normal,
        }
    }

    /// Threads for filters and networks, at least one.
    pub fn threads(&self) -> usize {
        match self.threads {
            0 => cores(),
            threads => threads,
        }
    }

    /// How threads stand that move frames from a source, which a device paces where `is_paced`.
    pub fn standings(&self, is_paced: bool) -> Standings {
        Standings::plan(self.priority, self.threads(), cores(), is_paced)
    }

    /// Whether the newest frame is worth more than each.
    pub(super) fn is_live(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Age from which frames are dropped, where there is one.
    pub(super) fn live_deadline(&self) -> Option<Duration> {
        (self.is_live() && !self.deadline.is_zero()).then_some(self.deadline)
    }
}

/// Cores that the process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
