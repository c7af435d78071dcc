//! All that is done for a running station beside its frames: reloads, what viewers want, the
//! calibration, the watch over it, the level of the noise.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{DaemonError, pages};
use crate::config::SourceConfig;
use crate::fleet::Directive;
use crate::frame::PictureFormat;
use crate::metrics::Metrics;
use crate::optics::Calibration;
use crate::pipeline::RunningPipeline;
use crate::station::{
    Bench, Calibrator, Fault, Keeper, Material, Phase, Reloader, Running, StationError, Tuning,
    Watcher,
};
use crate::web::{Desk, Order};

/// How long somebody counts as looking at the page of the calibration who asked for its state.
const INTEREST: Duration = Duration::from_secs(1);

/// Cares for one station.
pub(super) struct Care {
    desk: Arc<Desk>,
    /// Reloads that were asked for from afar.
    directed: u64,
    calibrator: Calibrator,
    reloader: Reloader,
    watched: Watcher,
    kept: Keeper,
    source: SourceConfig,
    format: PictureFormat,
}

impl Care {
    /// Cares for the station that is `served` by a pipeline that runs, and whose viewers leave what they
    /// want at `desk`.
    ///
    /// # Errors
    /// Where the system gives no more threads.
    pub(super) fn begin(
        served: Running,
        desk: Arc<Desk>,
        pipeline: &RunningPipeline,
    ) -> Result<Self, DaemonError> {
        let (source, format) = (served.config.source.clone(), served.format);
        let calibrator = Calibrator::start(Bench {
            tap: pipeline.taps().calibration.clone(),
            format,
            source: source.clone(),
            metrics: Arc::clone(pipeline.metrics()),
            configuration: served.entry.clone(),
            file: served.config.calibrate.file.clone(),
        });
        let no_thread = |error| StationError::from(Fault::Threads(error));
        let calibrator = calibrator.map_err(no_thread)?;
        let watched = watcher(&served.recipe.camera, &source, format, pipeline.metrics());
        let kept = Keeper::new(&served.recipe, format, served.follows, Instant::now());
        let reloader = Reloader::new(served, Material::attempt);
        Ok(Self { desk, directed: 0, calibrator, reloader, watched, kept, source, format })
    }

    /// Does what is due; to be called often. `requests` is how often a reload was asked for since the
    /// station runs; `tell` is called where one begins and where it is over.
    pub(super) fn attend(
        &mut self,
        requests: u64,
        pipeline: &RunningPipeline,
        tell: &mut dyn FnMut(Phase),
    ) {
        self.heed();
        self.reloader.attend(requests + self.directed, pipeline, tell);
        if let Some((recipe, follows)) = self.reloader.changed() {
            let metrics = pipeline.metrics();
            self.watched = watcher(&recipe.camera, &self.source, self.format, metrics);
            self.kept = Keeper::new(&recipe, self.format, follows, Instant::now());
        }
        if let Some(level) = self.kept.attend(Instant::now(), pipeline) {
            self.reloader.tell_level(level);
        }
        self.watched.attend(Instant::now(), pipeline);
    }

    /// Passes on what viewers want, and what is directed from afar.
    fn heed(&mut self) {
        let Self { desk, directed, calibrator, reloader, .. } = self;
        if let Some(wish) = desk.take_wish() {
            reloader.tune(pages::tuning(wish));
        }
        match desk.take_directive() {
            None => {}
            Some(Directive::Reload) => *directed += 1,
            Some(Directive::Calibration(bytes)) => {
                reloader.tune(Tuning::default().calibrated(bytes));
            }
        }
        if desk.is_looked_at(INTEREST) {
            calibrator.look();
        }
        match desk.take_order() {
            None => {}
            Some(Order::Start { grid: [columns, rows] }) => calibrator.begin((columns, rows)),
            Some(Order::Enough) => calibrator.be_content(),
            Some(Order::Cancel) => calibrator.cancel(),
            Some(Order::Save) => calibrator.save(),
            Some(Order::Use) => {
                if let Some(bytes) = calibrator.found() {
                    reloader.tune(Tuning::default().calibrated(bytes));
                }
            }
        }
    }
}

/// A watch over what is known of a camera, which says so in the metrics.
fn watcher(
    camera: &Calibration,
    source: &SourceConfig,
    format: PictureFormat,
    metrics: &Metrics,
) -> Watcher {
    let watcher = Watcher::new(camera, source, format, Instant::now());
    watcher.begin(metrics);
    watcher
}
