//! What is counted while frames flow, as plain atomics, and a snapshot of it that can be sent.

mod calibrating;
mod counter;
mod faults;
mod fleet;
mod fusion;
mod card;
mod guard;
mod lamps;
mod histogram;
mod ledger;
mod load;
mod quality;
mod reload;
mod restoration;
mod scheduling;
mod snapshot;
mod source;
mod text;
mod watch;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

pub use calibrating::{
    Artefacts, CalibratingMetrics, CalibratingPhase, CalibratingSnapshot, FoundCalibration,
};
pub use card::{CardMetrics, CardSnapshot};
pub use counter::Counter;
pub use faults::{FaultMetrics, FaultSnapshot};
pub use fleet::{FleetMetrics, FleetSnapshot};
pub use fusion::{FusionMetrics, FusionSnapshot};
pub use guard::{GuardMetrics, GuardSnapshot};
pub use histogram::{Histogram, Summary};
pub use lamps::{LampMetrics, LampSnapshot};
pub use ledger::{Books, Ledger, Reason, Ticket};
pub use load::{Level, LoadMetrics, LoadSnapshot};
pub use quality::Quality;
pub use reload::{ReloadMetrics, ReloadSnapshot};
pub use restoration::{Restoration, RestorationMetrics};
pub use scheduling::{SchedulingMetrics, ThreadSnapshot};
pub use snapshot::{PsnrSnapshot, QueueSnapshot, SinkSnapshot, Snapshot, StageSnapshot};
pub use source::{SourceMetrics, SourceSnapshot, SourceState};
pub use text::{harmless, short};
pub use watch::{WatchMetrics, WatchSnapshot};

/// Everything the pipeline counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// What the source gives, and its state.
    pub source: Arc<SourceMetrics>,
    /// From the source to the end of the last stage.
    pub trunk: Arc<Ledger>,
    /// One entry a stage, in order; the stages change when a configuration is reloaded.
    stages: RwLock<Vec<Arc<StageMetrics>>>,
    /// One entry a queue, in order.
    queues: RwLock<Vec<Arc<QueueMetrics>>>,
    /// One entry a sink.
    pub sinks: Vec<SinkMetrics>,
    /// How much is done to frames.
    pub load: LoadMetrics,
    /// What restores frames.
    pub restoration: RestorationMetrics,
    /// What averaging over frames makes of them.
    pub fusion: FusionMetrics,
    /// Hot and dead pixels.
    pub faults: FaultMetrics,
    /// What is held back of restored frames.
    pub guard: GuardMetrics,
    /// Where light beyond white was looked for.
    pub lamps: LampMetrics,
    /// What a graphics card does of it.
    pub card: CardMetrics,
    /// How threads stand beside others.
    pub scheduling: SchedulingMetrics,
    /// Whether its calibration still holds.
    pub watch: WatchMetrics,
    /// How far a calibration from the target is.
    pub calibrating: CalibratingMetrics,
    /// What became of reloads.
    pub reload: ReloadMetrics,
    /// What the fleet is told, where the station takes part in one.
    pub fleet: OnceLock<Arc<FleetMetrics>>,
    /// Distance to the truth, where it is known.
    pub quality: Quality,
}

/// What one stage did.
#[derive(Debug)]
pub struct StageMetrics {
    /// Its name.
    pub name: String,
    /// Frames on which it failed.
    pub failed: Counter,
    /// Time it took a frame.
    pub busy: Histogram,
    /// Time from capture until it was done with the frame.
    pub age: Histogram,
}

/// What waits in one queue.
#[derive(Debug, Default)]
pub struct QueueMetrics {
    /// Its name: the thread that takes from it.
    pub name: String,
    /// Frames it holds, at most.
    pub capacity: usize,
    depth: AtomicUsize,
}

/// What one sink did.
#[derive(Debug)]
pub struct SinkMetrics {
    /// Its name.
    pub name: String,
    /// Frames offered to it.
    pub ledger: Arc<Ledger>,
    /// Time from capture until it had taken the frame.
    pub latency: Histogram,
}

impl Metrics {
    /// Empty books for the named sinks. Stages and queues come when they are made.
    pub fn new(sinks: &[String]) -> Self {
        let sink = |name: &String| SinkMetrics {
            name: name.clone(),
            ledger: Arc::default(),
            latency: Histogram::default(),
        };
        Self { sinks: sinks.iter().map(sink).collect(), ..Self::default() }
    }

    /// Makes these the stages, in this order, and gives their books. A stage that was there before
    /// keeps what was counted under its name.
    pub fn set_stages(&self, names: &[String]) -> Vec<Arc<StageMetrics>> {
        let mut stages = self.stages.write().unwrap_or_else(PoisonError::into_inner);
        let books = |name: &String| match stages.iter().find(|stage| stage.name == *name) {
            Some(known) => Arc::clone(known),
            None => Arc::new(StageMetrics::new(name)),
        };
        *stages = names.iter().map(books).collect();
        stages.clone()
    }

    /// The stages, in order.
    pub fn stages(&self) -> Vec<Arc<StageMetrics>> {
        self.stages.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the books of one more queue.
    pub fn add_queue(&self, name: &str, capacity: usize) -> Arc<QueueMetrics> {
        let queue =
            Arc::new(QueueMetrics { name: name.to_owned(), capacity, depth: AtomicUsize::new(0) });
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        queues.push(Arc::clone(&queue));
        queue
    }

    /// The queues, in order.
    pub fn queues(&self) -> Vec<Arc<QueueMetrics>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl StageMetrics {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            failed: Counter::default(),
            busy: Histogram::default(),
            age: Histogram::default(),
        }
    }
}

impl QueueMetrics {
    /// Notes how many frames wait.
    pub fn set_depth(&self, depth: usize) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// Frames that wait.
    pub fn depth(&self) -> usize {
        self.depth.load(Ordering::Relaxed)
    }
}
