//! What the daemon does beside a running pipeline: it reports to the service manager, feeds the
//! watchdog, reads the temperature of the device, and has the log print what it held back.

use std::time::{Duration, Instant};

use super::{Feeder, Progress, ServiceManager, tell_repeats};
use crate::metrics::{Metrics, Snapshot, SourceState};
use crate::station::Thermal;

/// Time between two looks at temperature and rates.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks after one pipeline.
#[derive(Debug)]
pub struct Attendant<'a> {
    manager: &'a ServiceManager,
    feeder: Option<Feeder>,
    thermal: Thermal,
    is_ready: bool,
    looked_at: Instant,
    /// Frames that had been restored by then.
    restored: u64,
}

impl<'a> Attendant<'a> {
    /// Looks after the pipeline that is about to start.
    pub fn new(manager: &'a ServiceManager, thermal: Thermal) -> Self {
        let now = Instant::now();
        let feeder = manager.patience().map(|patience| Feeder::new(patience, now));
        Self { manager, feeder, thermal, is_ready: false, looked_at: now, restored: 0 }
    }

    /// Does what is due; to be called often.
    pub fn attend(&mut self, metrics: &Metrics) {
        let (now, progress) = (Instant::now(), progress(metrics));
        if !self.is_ready && progress.is_ready() {
            self.is_ready = true;
            self.manager.ready();
            self.look(now, metrics);
        }
        if self.feeder.as_mut().is_some_and(|feeder| feeder.feeds(now, progress)) {
            self.manager.alive();
        }
        if now.duration_since(self.looked_at) >= LOOK_EVERY {
            self.look(now, metrics);
        }
    }

    /// Notes the temperature and reports to the service manager.
    fn look(&mut self, now: Instant, metrics: &Metrics) {
        tell_repeats();
        metrics.load.set_temperature(self.thermal.hottest().map(|reading| reading.celsius));
        let snapshot = metrics.snapshot();
        let restored = metrics.load.frames();
        let seconds = now.duration_since(self.looked_at).as_secs_f64();
        let rate = (restored - self.restored) as f64 / seconds.max(1e-3);
        (self.looked_at, self.restored) = (now, restored);
        self.manager.status(&sentence(&snapshot, rate));
    }
}

/// Placeholders are no progress: a camera that is away shows in the state of the source.
pub(super) fn progress(metrics: &Metrics) -> Progress {
    let state = metrics.source.state();
    Progress {
        restored: metrics.load.frames(),
        in_flight: metrics.trunk.books().in_flight,
        is_waiting: state.is_waiting(),
        heartbeats: metrics.source.heartbeats.get(),
    }
}

/// The status in one sentence; `rate` in frames a second.
pub(super) fn sentence(snapshot: &Snapshot, rate: f64) -> String {
    let source = &snapshot.source;
    let mut parts = match source.state {
        SourceState::Starting => vec!["waiting for the first frame".to_owned()],
        SourceState::Live => vec![format!("{rate:.1} frames/s")],
        state if source.problem.is_empty() => vec![format!("the source is {}", state.name())],
        state => vec![format!("the source is {}: {}", state.name(), source.problem)],
    };
    if let Some(lessened) = snapshot.load.level.lessened() {
        parts.push(format!("overloaded: {lessened}"));
    }
    let measured = snapshot.sinks.iter().filter(|sink| sink.latency.count > 0);
    let p99_ms = measured.map(|sink| sink.latency.p99_ms).fold(0.0, f64::max);
    if p99_ms > 0.0 {
        parts.push(format!("p99 {p99_ms:.0} ms from capture to sink"));
    }
    let (entered, dropped) = (snapshot.trunk.entered, snapshot.trunk.dropped_in_all());
    parts.push(format!("{dropped} of {entered} frames dropped"));
    if let Some(celsius) = snapshot.load.temperature_c {
        parts.push(format!("{celsius:.0} °C"));
    }
    if !snapshot.reload.problem.is_empty() {
        parts.push(format!("the last reload was refused: {}", snapshot.reload.problem));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_one_sentence() {
        let metrics = Metrics::new(&["http".to_owned()]);
        let told = |rate| sentence(&metrics.snapshot(), rate);
        assert_eq!(told(0.0), "waiting for the first frame, 0 of 0 frames dropped");
        metrics.source.enter(SourceState::Live, "");
        metrics.trunk.enter().deliver();
        metrics.trunk.enter().lose(crate::metrics::Reason::Overflow);
        metrics.sinks[0].latency.record(Duration::from_millis(10));
        metrics.load.set_temperature(Some(48.6));
        let live = told(29.94);
        assert!(live.starts_with("29.9 frames/s, p99 1"), "{live}");
        assert!(live.ends_with(" ms from capture to sink, 1 of 2 frames dropped, 49 °C"), "{live}");
        metrics.load.set_level(crate::metrics::Level::Wiener);
        assert!(told(29.94).starts_with("29.9 frames/s, overloaded: Wiener filter alone, p99 1"));
        metrics.load.set_level(crate::metrics::Level::Full);
        metrics.source.enter(SourceState::Absent, "no such device");
        metrics.reload.refuse("restore.sigma: -1");
        let absent = told(0.0);
        assert!(absent.starts_with("the source is absent: no such device, "), "{absent}");
        assert!(absent.ends_with(", the last reload was refused: restore.sigma: -1"), "{absent}");
    }

    #[test]
    fn progress_is_read_from_the_metrics() {
        let metrics = Metrics::new(&[]);
        assert!(!progress(&metrics).is_ready(), "nothing came yet");
        metrics.source.enter(SourceState::Absent, "no such device");
        assert!(progress(&metrics).is_ready(), "it is known that there is no camera");
        metrics.source.enter(SourceState::Live, "");
        metrics.load.full.add(1);
        metrics.trunk.enter().deliver();
        let ticket = metrics.trunk.enter();
        metrics.source.heartbeats.add(3);
        let expected = Progress { restored: 1, in_flight: 1, is_waiting: false, heartbeats: 3 };
        assert_eq!(progress(&metrics), expected);
        drop(ticket);
    }
}
