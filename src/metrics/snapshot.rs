//! [`Metrics`] at one moment, written by a daemon and read by its clients.

use serde::{Deserialize, Serialize};

use super::{
    Books, CardSnapshot, FaultSnapshot, FleetSnapshot, FusionSnapshot, GuardSnapshot, LampSnapshot,
    LoadSnapshot, Metrics, QueueMetrics, ReloadSnapshot, Restoration, SinkMetrics, SourceSnapshot,
    StageMetrics, Summary, ThreadSnapshot, WatchSnapshot,
};

/// [`Metrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What the source is doing.
    pub source: SourceSnapshot,
    /// From the source to the end of the last stage.
    pub trunk: Books,
    /// One entry a stage, in order.
    pub stages: Vec<StageSnapshot>,
    /// One entry a queue, in order.
    pub queues: Vec<QueueSnapshot>,
    /// One entry a sink.
    pub sinks: Vec<SinkSnapshot>,
    /// How much is done to frames.
    pub load: LoadSnapshot,
    /// What restores frames, once that is known.
    #[serde(default)]
    pub restoration: Option<Restoration>,
    /// What averaging over frames made of the newest, where frames are averaged.
    #[serde(default)]
    pub fusion: Option<FusionSnapshot>,
    /// Hot and dead pixels that were mended.
    #[serde(default)]
    pub faults: FaultSnapshot,
    /// What the guard held back, once it has looked at a frame.
    #[serde(default)]
    pub guard: Option<GuardSnapshot>,
    /// Where light beyond white was looked for.
    #[serde(default)]
    pub lamps: LampSnapshot,
    /// What a graphics card does, while it does.
    #[serde(default)]
    pub card: Option<CardSnapshot>,
    /// How threads stand beside others that want a core, those that were given more or less than usual.
    #[serde(default)]
    pub scheduling: Vec<ThreadSnapshot>,
    /// Whether the calibration still holds, where it is watched.
    #[serde(default)]
    pub watch: Option<WatchSnapshot>,
    /// What became of reloads.
    pub reload: ReloadSnapshot,
    /// What the fleet is told, where the station takes part in one.
    #[serde(default)]
    pub fleet: Option<FleetSnapshot>,
    /// Mean distance to the truth, where it is known.
    pub psnr_db: Option<PsnrSnapshot>,
}

/// [`StageMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSnapshot {
    /// Its name.
    pub name: String,
    /// Frames on which it failed.
    pub failed: u64,
    /// Time it took a frame.
    pub busy: Summary,
    /// Time from capture until it was done with the frame.
    pub age: Summary,
}

/// [`QueueMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueSnapshot {
    /// The thread that takes from it.
    pub name: String,
    /// Frames it holds, at most.
    pub capacity: usize,
    /// Frames that wait.
    pub depth: usize,
}

/// [`SinkMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkSnapshot {
    /// Its name.
    pub name: String,
    /// Frames offered to it.
    pub books: Books,
    /// Time from capture until it had taken the frame.
    pub latency: Summary,
}

/// Mean peak signal-to-noise ratios in dB.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PsnrSnapshot {
    /// Of the blurred pictures.
    pub blurred: f64,
    /// Of the restored pictures.
    pub restored: f64,
}

impl Metrics {
    /// Everything, at one moment.
    pub fn snapshot(&self) -> Snapshot {
        let psnr = |(blurred, restored)| PsnrSnapshot { blurred, restored };
        Snapshot {
            source: self.source.snapshot(),
            // What leaves the trunk enters the sinks: they are read first, so as not to be ahead.
            sinks: self.sinks.iter().map(SinkMetrics::snapshot).collect(),
            trunk: self.trunk.books(),
            stages: self.stages().iter().map(|stage| stage.snapshot()).collect(),
            queues: self.queues().iter().map(|queue| queue.snapshot()).collect(),
            load: self.load.snapshot(),
            restoration: self.restoration.snapshot(),
            fusion: self.fusion.snapshot(),
            faults: self.faults.snapshot(),
            guard: self.guard.snapshot(),
            lamps: self.lamps.snapshot(),
            card: self.card.snapshot().filter(|_| self.restoration.is_served_by("gpu")),
            scheduling: self.scheduling.snapshot(),
            watch: self.watch.snapshot(),
            reload: self.reload.snapshot(),
            fleet: self.fleet.get().map(|fleet| fleet.snapshot()),
            psnr_db: self.quality.mean_db().map(psnr),
        }
    }
}

impl StageMetrics {
    fn snapshot(&self) -> StageSnapshot {
        StageSnapshot {
            name: self.name.clone(),
            failed: self.failed.get(),
            busy: self.busy.summary(),
            age: self.age.summary(),
        }
    }
}

impl QueueMetrics {
    fn snapshot(&self) -> QueueSnapshot {
        QueueSnapshot { name: self.name.clone(), capacity: self.capacity, depth: self.depth() }
    }
}

impl SinkMetrics {
    fn snapshot(&self) -> SinkSnapshot {
        SinkSnapshot {
            name: self.name.clone(),
            books: self.ledger.books(),
            latency: self.latency.summary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    use crate::metrics::{FleetMetrics, Level, Reason, SourceState};

    #[test]
    fn what_is_written_is_read() {
        let metrics = Metrics::new(&["http".to_owned(), "png".to_owned()]);
        let stages = metrics.set_stages(&["wiener".to_owned()]);
        stages[0].busy.record(Duration::from_millis(3));
        metrics.add_queue("sink http", 2).set_depth(1);
        for reason in Reason::ALL {
            metrics.trunk.enter().lose(reason);
        }
        metrics.sinks[1].ledger.enter().deliver();
        metrics.source.enter(SourceState::Frozen, "the same picture");
        metrics.load.set_level(Level::Alternate);
        metrics.load.set_temperature(Some(61.5));
        let restoration =
            Restoration { psf: "disk:3".to_owned(), width: 1.5, ..Restoration::default() };
        metrics.restoration.set(restoration, Vec::new());
        metrics.watch.set(Some(WatchSnapshot { scale: Some(1.04), ..WatchSnapshot::default() }));
        metrics.fusion.record(0.75, 0.5);
        metrics.reload.refuse("no such PSF");
        metrics.faults.record(7, 5);
        metrics.faults.record_stripes(1.5, 0.0);
        metrics.guard.record(0.125);
        metrics.lamps.record(12, 4);
        metrics.restoration.serve_by("gpu");
        metrics.card.record(0.002);
        metrics.scheduling.give("sink http", "nice 10");
        metrics.quality.record(20.5, 31.25);
        metrics.fleet.get_or_init(|| Arc::new(FleetMetrics::new(Duration::from_secs(2))));
        let snapshot = metrics.snapshot();
        let json = serde_json::to_string(&snapshot).expect("JSON");
        assert_eq!(serde_json::from_str::<Snapshot>(&json).expect("a snapshot"), snapshot);
    }
}
