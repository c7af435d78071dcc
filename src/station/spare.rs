//! Work in the time that frames leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::executor::Executor;
use crate::metrics::Metrics;

/// How long a part waits for a moment without frames, in such pauses. A station that is always busy
/// is watched as well, a part at a time.
const PAUSE: Duration = Duration::from_millis(1);
const PAUSES: u32 = 10;
/// Work that is done between two waits, at least: parts may be far shorter than a wait.
const STRETCH: Duration = Duration::from_millis(5);

/// Does a part after another, each while no frame is under way, as far as there is such a time.
#[derive(Debug)]
pub(super) struct Spare(Arc<Metrics>);

impl Spare {
    pub(super) fn new(metrics: &Arc<Metrics>) -> Self {
        Self(Arc::clone(metrics))
    }

    fn wait(&self) {
        for _ in 0..PAUSES {
            if self.0.trunk.books().in_flight == 0 {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Executor for Spare {
    fn run(&self, count: usize, part: &(dyn Fn(usize) + Sync)) {
        let mut since = None;
        for index in 0..count {
            if since.is_none_or(|since: Instant| since.elapsed() >= STRETCH) {
                self.wait();
                since = Some(Instant::now());
            }
            part(index);
        }
    }

    fn threads(&self) -> usize {
        1
    }
}
