//! One of several cameras: its station while it runs, and its next start while it does not.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::daemon::attend::{progress, sentence};
use crate::daemon::care::Care;
use crate::daemon::start::{Built, build, desk, load};
use crate::daemon::watch::conclude;
use crate::daemon::{DaemonError, Feeder, herald, pages};
use crate::exit::{ExitStatus, Status};
use crate::fleet::Presence;
use crate::metrics::{Metrics, short};
use crate::owner;
use crate::pace::Backoff;
use crate::pipeline::{Report, RunningPipeline, Seats};
use crate::sink::ShowcaseSink;
use crate::station::{Entry, Fault, Page, Phase, check_cameras};
use crate::web::Face;

/// Pauses before a station that failed is started again.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// A camera.
pub(super) struct Slot {
    entry: Entry,
    pub(super) name: String,
    step: Step,
    /// What viewers see, and whether that is another one since it was last asked.
    pub(super) face: Face,
    pub(super) is_changed: bool,
    backoff: Backoff,
    feeder: Option<Feeder>,
    patience: Option<Duration>,
}

/// What becomes of it.
enum Step {
    Starting(JoinHandle<Result<Started, DaemonError>>),
    Running(Box<Station>),
    /// It failed; whether it is to be started again.
    Failed(DaemonError, bool),
    /// Its frames are over.
    Over,
}

/// A station that was just started.
struct Started {
    pipeline: RunningPipeline,
    care: Care,
    face: Option<Face>,
    config: Config,
    presence: Option<Presence>,
}

/// A station that runs.
struct Station {
    pipeline: RunningPipeline,
    care: Care,
    config: Config,
    /// Its place in a fleet, where it has one, for as long as it runs.
    _presence: Option<Presence>,
    /// Reloads that were asked for before it ran.
    base: u64,
    is_reloading: bool,
    since: Instant,
    /// Frames that had been restored at the last look, and when that was.
    looked: (u64, Instant),
}

/// What the stations of a process share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) seats: Arc<Seats>,
    /// Those that run, so that a new one does not write where they read or write.
    pub(super) others: Vec<(String, Config)>,
}

impl Slot {
    /// A camera that is being started.
    pub(super) fn start(
        entry: Entry,
        name: &str,
        shared: &Shared,
        patience: Option<Duration>,
    ) -> Self {
        let face = Face {
            name: name.to_owned(),
            sink: ShowcaseSink::NAME.to_owned(),
            showcase: ShowcaseSink::new(1, 1).showcase(),
            metrics: Arc::new(Metrics::new(&[ShowcaseSink::NAME.to_owned()])),
            desk: None,
            ended: None,
        };
        let mut slot = Self {
            step: Step::Over,
            entry,
            name: name.to_owned(),
            face,
            is_changed: true,
            backoff: Backoff::new(PAUSE_FIRST, PAUSE_LONGEST),
            feeder: None,
            patience,
        };
        slot.begin(shared);
        slot
    }

    /// Does what is due; to be called often. `reloads` is how often a reload was asked for. Whether it is
    /// time for another start.
    pub(super) fn attend(&mut self, reloads: u64, note: &dyn Fn(&str)) -> bool {
        let step = std::mem::replace(&mut self.step, Step::Over);
        match step {
            Step::Starting(starting) if starting.is_finished() => {
                let panicked =
                    || DaemonError::from(Fault::Threads(std::io::Error::other("panicked")));
                match starting.join().unwrap_or_else(|_| Err(panicked())) {
                    Ok(started) => self.take(started, reloads),
                    Err(error) => self.fail(error),
                }
            }
            Step::Running(mut station) => {
                if station.pipeline.wait_for(Duration::ZERO) {
                    let report = station.pipeline.finish().map_err(DaemonError::from);
                    self.end(report, note);
                    return false;
                }
                if owner::work_for(&self.name, || station.attend(reloads)) {
                    self.backoff.succeed();
                }
                self.step = Step::Running(station);
            }
            step => self.step = step,
        }
        matches!(self.step, Step::Failed(_, true)) && self.backoff.is_due(Instant::now())
    }

    /// Starts it, on a thread of its own.
    pub(super) fn begin(&mut self, shared: &Shared) {
        let (entry, name, shared) = (self.entry.clone(), self.name.clone(), shared.clone());
        let begun = owner::work_for(&self.name, || {
            owner::spawn("start", move || started(entry, &name, &shared))
        });
        match begun {
            Ok(starting) => self.step = Step::Starting(starting),
            Err(error) => self.fail(Fault::Threads(error).into()),
        }
    }

    fn take(&mut self, started: Started, reloads: u64) {
        let Started { pipeline, care, face, config, presence } = started;
        if let Some(face) = face {
            self.face = face;
        }
        self.face.ended = None;
        self.is_changed = true;
        self.feeder = self.patience.map(|patience| Feeder::new(patience, Instant::now()));
        let (base, is_reloading, since) = (reloads, false, Instant::now());
        let looked = (0, since);
        let _presence = presence;
        let station =
            Station { pipeline, care, config, _presence, base, is_reloading, since, looked };
        self.step = Step::Running(Box::new(station));
    }

    /// Takes note of why a station failed.
    fn fail(&mut self, error: DaemonError) {
        // As for a service: a wrong configuration is not mended by starting again.
        let again = !matches!(
            error.outcome(),
            Status::Config | Status::Data | Status::NoInput | Status::Usage
        );
        self.backoff.fail(Instant::now());
        let next = if again { "it is started again" } else { "it is off until the next reload" };
        owner::work_for(&self.name, || log::error!("{error}; {next}, the others go on"));
        self.over(format!("{}; {next}", short(&error.to_string())));
        self.step = Step::Failed(error, again);
    }

    /// Takes note of how a station ended.
    fn end(&mut self, report: Result<Report, DaemonError>, note: &dyn Fn(&str)) {
        let named = |text: &str| {
            text.lines().for_each(|line| note(&format!("{}: {line}", self.name)));
        };
        match report.and_then(|report| conclude(report, &named)) {
            Ok(()) => {
                self.over("its frames are over".to_owned());
                self.step = Step::Over;
            }
            Err(error) => self.fail(error),
        }
    }

    fn over(&mut self, why: String) {
        (self.face.ended, self.face.desk, self.is_changed) = (Some(why), None, true);
        self.feeder = None;
    }

    /// Has it end, without waiting for that.
    pub(super) fn tell_to_stop(&self) {
        if let Step::Running(station) = &self.step {
            station.pipeline.stop_switch().set();
        }
    }

    /// Stops it until `deadline`, because of a signal or because it is no longer wanted.
    ///
    /// # Errors
    /// Where it does not end in time, or fails as it ends.
    pub(super) fn stop(
        mut self,
        signal: Option<i32>,
        deadline: Instant,
        note: &dyn Fn(&str),
    ) -> Result<(), DaemonError> {
        let step = std::mem::replace(&mut self.step, Step::Over);
        let Step::Running(station) = step else { return Ok(()) };
        let left = deadline.saturating_duration_since(Instant::now());
        match (station.pipeline.stop(left), signal) {
            (Ok(report), _) => self.end(Ok(report), note),
            (Err(cause), Some(signal)) => return Err(DaemonError::Interrupted { signal, cause }),
            (Err(cause), None) => return Err(cause.into()),
        }
        self.conclude()
    }

    /// How it ended.
    ///
    /// # Errors
    /// Why it failed, where it did.
    pub(super) fn conclude(self) -> Result<(), DaemonError> {
        match self.step {
            Step::Failed(error, _) => {
                Err(DaemonError::Camera { name: self.name, cause: Box::new(error) })
            }
            _ => Ok(()),
        }
    }

    /// Whether something is to be expected of it.
    pub(super) fn is_at_work(&self) -> bool {
        !matches!(self.step, Step::Over | Step::Failed(_, false))
    }

    /// Whether it failed, whatever is done about that.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.step, Step::Failed(..))
    }

    /// Whether it is being started.
    pub(super) fn is_starting(&self) -> bool {
        matches!(self.step, Step::Starting(_))
    }

    /// Whether its station runs.
    pub(super) fn runs(&self) -> bool {
        matches!(self.step, Step::Running(_))
    }

    /// Whether it is known how it goes: frames come, or it is known why none do.
    pub(super) fn is_settled(&self) -> bool {
        match &self.step {
            Step::Starting(_) => false,
            Step::Running(station) => progress(station.pipeline.metrics()).is_ready(),
            Step::Failed(..) | Step::Over => true,
        }
    }

    pub(super) fn is_reloading(&self) -> bool {
        matches!(&self.step, Step::Running(station) if station.is_reloading)
    }

    /// Whether it has made progress for which the watchdog is to be fed.
    pub(super) fn feeds(&mut self, now: Instant) -> bool {
        let Step::Running(station) = &self.step else { return false };
        let progress = progress(station.pipeline.metrics());
        self.feeder.as_mut().is_some_and(|feeder| feeder.feeds(now, progress))
    }

    /// As its station was started with it, where it runs.
    pub(super) fn config(&self) -> Option<&Config> {
        match &self.step {
            Step::Running(station) => Some(&station.config),
            _ => None,
        }
    }

    /// What is counted, where it runs.
    pub(super) fn metrics(&self) -> Option<&Metrics> {
        match &self.step {
            Step::Running(station) => Some(station.pipeline.metrics()),
            _ => None,
        }
    }

    /// How it goes, in one sentence.
    pub(super) fn look(&mut self, celsius: Option<f64>) -> String {
        match &mut self.step {
            Step::Running(station) => format!("{}: {}", self.name, station.look(celsius)),
            Step::Starting(_) => format!("{}: starting", self.name),
            Step::Failed(error, _) => format!("{}: failed: {error}", self.name),
            Step::Over => format!("{}: over", self.name),
        }
    }
}

impl Station {
    /// Does what is due; whether it has run for long.
    fn attend(&mut self, reloads: u64) -> bool {
        if !self.pipeline.has_sinks() {
            // All of them failed: why is in the report, which comes soon.
            self.pipeline.stop_switch().set();
        }
        let is_reloading = &mut self.is_reloading;
        self.care.attend(reloads.saturating_sub(self.base), &self.pipeline, &mut |phase| {
            *is_reloading = phase == Phase::Begun;
        });
        self.since.elapsed() >= PAUSE_LONGEST
    }

    fn look(&mut self, celsius: Option<f64>) -> String {
        let metrics = self.pipeline.metrics();
        metrics.load.set_temperature(celsius);
        let (restored, now) = (metrics.load.frames(), Instant::now());
        let (before, since) = std::mem::replace(&mut self.looked, (restored, now));
        let seconds = now.duration_since(since).as_secs_f64();
        sentence(&metrics.snapshot(), (restored - before) as f64 / seconds.max(1e-3))
    }
}

/// Loads a camera's configuration and starts its station.
fn started(entry: Entry, name: &str, shared: &Shared) -> Result<Started, DaemonError> {
    let loaded = load(&entry)?;
    check_apart(&entry, (name, &loaded.config), &shared.others)?;
    let desk = desk(&entry);
    let Built { pipeline, pages, post, running } = build(entry, loaded, Some(&shared.seats))?;
    // There is one page at most: that of all cameras.
    let page: Option<Page> = pages.into_iter().next();
    let face = page.map(|page| pages::face(name, page, &pipeline.metrics, &desk));
    let presence =
        post.map(|post| herald::take_post(post, &pipeline.metrics, &desk)).transpose()?;
    let pipeline = pipeline.start()?;
    let config = running.config.clone();
    let care = Care::begin(running, desk, &pipeline)?;
    Ok(Started { pipeline, care, face, config, presence })
}

fn check_apart(
    entry: &Entry,
    camera: (&str, &Config),
    others: &[(String, Config)],
) -> Result<(), DaemonError> {
    let others = others.iter().map(|(name, config)| (name.as_str(), config));
    let cameras: Vec<_> = others.filter(|(name, _)| *name != camera.0).chain([camera]).collect();
    Ok(check_cameras(&entry.path, &cameras)?)
}
