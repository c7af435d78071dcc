//! Does the calibration of a running station still hold?
//!
//! Once a minute a copy of the newest frame is gauged against the spectra that the calibration keeps,
//! on a thread of its own and in the time that frames leave; many such figures make a verdict
//! ([`calibrate::watch`](crate::calibrate::watch)). What is certain is said at once: an autofocus that
//! is on, focus or zoom that are not where they were. All of it is only told; nothing is replaced.

mod controls; // what the camera says of itself
mod eye; // one frame

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::controls::Controls;
use self::eye::{Eye, Seen};
use super::spare::Spare;
use crate::calibrate::watch::{Reference, Standing, Watch};
use crate::config::SourceConfig;
use crate::frame::{Picture, PictureFormat};
use crate::metrics::{Metrics, WatchSnapshot};
use crate::optics::Calibration;
use crate::owner;
use crate::pipeline::RunningPipeline;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);

/// Watches the calibration of one station. The clock is the caller's.
#[derive(Debug)]
pub struct Watcher {
    step: Step,
    /// When the watch began, and when the next look is due.
    began: Instant,
    next: Instant,
    watch: Watch,
    told: WatchSnapshot,
}

/// What the watch does now.
#[derive(Debug)]
enum Step {
    /// There is nothing to watch.
    Blind,
    Idle(Box<Eye>, Picture),
    /// A frame is asked for.
    Asked(Box<Eye>),
    Looking(JoinHandle<Seen>),
}

impl Watcher {
    /// Watches whether `camera` is as `source` shows it, in frames of `format`. Only a calibration
    /// that keeps spectra of frames can be watched.
    pub fn new(
        camera: &Calibration,
        source: &SourceConfig,
        format: PictureFormat,
        now: Instant,
    ) -> Self {
        let step = match reference(camera) {
            Some(reference) => {
                let eye = Eye::new(camera, reference, Controls::of(camera, source));
                Step::Idle(Box::new(eye), Picture::new(format))
            }
            None => Step::Blind,
        };
        let told = WatchSnapshot {
            standing: Standing::Holds.name().to_owned(),
            ..WatchSnapshot::default()
        };
        Self { step, began: now, next: now, watch: Watch::default(), told }
    }

    /// Says in the metrics whether there is a watch; to be called once it takes over.
    pub fn begin(&self, metrics: &Metrics) {
        let is_blind = matches!(self.step, Step::Blind);
        metrics.watch.set((!is_blind).then(|| self.told.clone()));
    }

    /// Does what is due; to be called often.
    pub fn attend(&mut self, now: Instant, pipeline: &RunningPipeline) {
        self.step = match std::mem::replace(&mut self.step, Step::Blind) {
            Step::Idle(eye, picture) if now >= self.next => {
                self.next = now + EVERY;
                pipeline.taps().watch.ask(picture);
                Step::Asked(eye)
            }
            Step::Asked(eye) => match pipeline.taps().watch.take() {
                Some(picture) => look(*eye, picture, pipeline.metrics()),
                None => Step::Asked(eye),
            },
            Step::Looking(looking) if looking.is_finished() => match looking.join() {
                Ok(seen) => self.note(seen, now, pipeline.metrics()),
                Err(_) => {
                    log::error!("the watch over the calibration panicked and is over");
                    pipeline.metrics().watch.set(None);
                    Step::Blind
                }
            },
            step => step,
        };
    }

    /// Takes what a frame told.
    fn note(&mut self, seen: Seen, now: Instant, metrics: &Metrics) -> Step {
        let Seen { eye, picture, figure, alarm } = seen;
        let seconds = now.saturating_duration_since(self.began).as_secs_f64();
        let changed = self.watch.take(seconds, figure.ok());
        match figure {
            Ok(_) => self.told.told += 1,
            Err(_) => self.told.passed += 1,
        }
        self.told.unfit = figure.err().map_or_else(String::new, |unfit| unfit.to_string());
        self.told.scale = self.watch.scale();
        if let Some(standing) = changed {
            tell(standing, self.told.scale);
        }
        if alarm != self.told.alarm {
            match alarm.as_str() {
                "" => log::info!("the camera is set as it was when it was calibrated"),
                alarm => log::warn!("the calibration cannot hold: {alarm}"),
            }
            self.told.alarm = alarm;
        }
        // What is certain needs no figures.
        let certain = if self.told.alarm.is_empty() { Standing::Holds } else { Standing::Stale };
        self.told.standing = self.watch.standing().max(certain).name().to_owned();
        metrics.watch.set(Some(self.told.clone()));
        Step::Idle(Box::new(eye), picture)
    }
}

/// The spectra that a calibration keeps, where they can be used.
fn reference(camera: &Calibration) -> Option<Reference> {
    let spectra = camera.reference.as_ref()?;
    let read = Reference::from_plane(spectra);
    read.inspect_err(|error| log::warn!("the calibration is not watched: {error}")).ok()
}

/// Looks at a frame on a thread of its own; there is one at a time.
fn look(mut eye: Eye, picture: Picture, metrics: &Arc<Metrics>) -> Step {
    let spare = Spare::new(metrics);
    let started = owner::spawn("watch", move || {
        let (figure, alarm) = eye.look(&picture, &spare);
        Seen { eye, picture, figure, alarm }
    });
    match started {
        Ok(looking) => Step::Looking(looking),
        Err(error) => {
            log::error!("the watch over the calibration is over: no thread: {error}");
            metrics.watch.set(None);
            Step::Blind
        }
    }
}

/// Says once what to think of the calibration from now on.
fn tell(standing: Standing, scale: Option<f64>) {
    let scale = scale.unwrap_or(1.0);
    let (percent, way) =
        (100.0 * (scale - 1.0).abs(), if scale < 1.0 { "narrower" } else { "wider" });
    match standing {
        Standing::Holds => log::info!("the calibration holds again"),
        Standing::Watch => {
            log::warn!("the blur seems to change: {percent:.1} % {way} than it was calibrated");
        }
        Standing::Stale => log::warn!(
            "the calibration is stale: the blur is {percent:.1} % {way} than it was calibrated \
             (expected: calibrate again)"
        ),
    }
}

#[cfg(test)]
mod tests;
