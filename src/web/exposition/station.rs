//! What is told of one station, and the labels of its series.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{Books, QueueMetrics, Reason, Snapshot, StageMetrics};
use crate::web::face::Face;
use crate::web::openmetrics::{Labels, Series};

/// What is told of one station.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) face: Face,
    /// Whether its series bear its name, as there are others.
    is_told: bool,
    pub(super) ready: bool,
    pub(super) snapshot: Snapshot,
    pub(super) stages: Vec<Arc<StageMetrics>>,
    pub(super) queues: Vec<Arc<QueueMetrics>>,
}

impl Station {
    pub(super) fn new(face: Face, patience: Duration, is_told: bool) -> Self {
        Self {
            is_told,
            ready: face.unreadiness(patience).is_none(),
            snapshot: face.metrics.snapshot(),
            stages: face.metrics.stages(),
            queues: face.metrics.queues(),
            face,
        }
    }

    /// The labels of a series of this station.
    pub(super) fn labels<'a>(&'a self, own: &[(&'static str, &'a str)]) -> Labels<'a> {
        let camera = self.is_told.then_some(("camera", self.face.name.as_str()));
        camera.into_iter().chain(own.iter().copied()).collect()
    }

    /// One series a state, 1 for the present one.
    pub(super) fn states<'a>(
        &'a self,
        label: &'static str,
        states: &[(&'a str, bool)],
    ) -> Series<'a, f64> {
        let one = |&(state, is_it)| (self.labels(&[(label, state)]), f64::from(u8::from(is_it)));
        states.iter().map(one).collect()
    }

    /// The losses of a ledger, one series a reason.
    pub(super) fn dropped<'a>(&'a self, books: &Books, sink: Option<&'a str>) -> Series<'a, u64> {
        let series = |reason: Reason| {
            let sink = sink.map(|sink| ("sink", sink));
            let own: Labels<'a> = sink.into_iter().chain([("reason", reason.name())]).collect();
            (self.labels(&own), books.dropped_by(reason))
        };
        Reason::ALL.map(series).into()
    }
}
