//! From what was asked for to a pipeline that can be started.

use std::path::Path;
use std::sync::Arc;

use super::error::Fault;
use super::following::{Following, Hear};
use super::recipe::Recipe;
use crate::config::SourceConfig;
use crate::executor::{Executor, Sequential};
use crate::metrics::{Metrics, SourceMetrics};
use crate::optics::{Blur, GrayLevels};
use crate::pipeline::{
    LadderOptions, Pipeline, PipelineOptions, Seats, Stop, Stoppable, Workers, stand,
};
use crate::priority::Standing;
use crate::simulate::{DegradeOptions, Simulated, grown};
use crate::sink::{Sink, SinkError, Y4mSink};
use crate::source::{
    CommandSource, FilesSource, SceneOptions, SceneSource, Source, V4l2Source, Y4mSource,
};

/// Everything a pipeline is made of but its sinks.
pub struct Assembly {
    /// Where frames come from.
    pub source: Box<dyn Source>,
    /// What is done to them.
    pub recipe: Recipe,
    /// How they move.
    pub pipeline: PipelineOptions,
    /// When less is done to each of them, where that may be.
    pub ladder: Option<LadderOptions>,
    /// Where everything is counted, made for the names of the sinks.
    pub metrics: Arc<Metrics>,
    /// Who hears of the level of the frames where the restorer itself follows it: the deviation of the
    /// noise, where that is given, and whoever hears.
    pub follow: Option<(Option<GrayLevels>, Hear)>,
    /// What stops the pipeline, and with it the executor of the recipe.
    pub stop: Stop,
}

impl Assembly {
    /// Makes the restorer and puts the pipeline together with the sinks that `sinks` opens.
    ///
    /// # Errors
    /// Where the frames cannot be restored, or a sink cannot be opened.
    pub fn build<E: From<Fault>>(
        self,
        sinks: impl FnOnce(&Arc<Metrics>) -> Result<Vec<Box<dyn Sink>>, E>,
    ) -> Result<Pipeline, E> {
        let Self { source, recipe, pipeline: options, ladder, metrics, follow, stop } = self;
        let format = source.format();
        let restorer = match follow {
            Some((given, hear)) => Box::new(Following::new(recipe, format, given, hear)?),
            None => recipe.restorer(format)?,
        };
        let sinks = sinks(&metrics)?;
        Ok(Pipeline { source, restorer, sinks, options, ladder, metrics, stop })
    }
}

impl std::fmt::Debug for Assembly {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = self.source.format();
        out.debug_struct("Assembly").field("format", &format).finish_non_exhaustive()
    }
}

/// What does the parts of a restoration, on so many threads.
///
/// # Errors
/// Where the system gives no more threads.
pub fn executor(threads: usize) -> Result<Arc<dyn Executor>, Fault> {
    if threads == 1 {
        return Ok(Arc::new(Sequential));
    }
    Ok(Arc::new(Workers::start(threads).map_err(Fault::Threads)?))
}

/// The same, whose threads stand as that of the restorer, which is noted in `metrics`.
fn standing_executor(
    threads: usize,
    standing: Standing,
    metrics: &Arc<Metrics>,
) -> Result<Arc<dyn Executor>, Fault> {
    if threads == 1 || standing == Standing::Inherited {
        return executor(threads);
    }
    let metrics = Arc::clone(metrics);
    let first = move |thread: &str| stand(thread, standing, &metrics.scheduling);
    Ok(Arc::new(Workers::start_with(threads, first).map_err(Fault::Threads)?))
}

/// As [`executor`], on threads that stand as `standing` says, but parts are left undone once the pipeline is told to stop, and wait for one of the
/// `seats` where stations share them.
///
/// # Errors
/// Where the system gives no more threads.
pub fn stoppable(
    (threads, standing): (usize, Standing),
    seats: Option<&Arc<Seats>>,
    stop: &Stop,
    metrics: &Arc<Metrics>,
) -> Result<Arc<dyn Executor>, Fault> {
    let executor = standing_executor(threads, standing, metrics)?;
    let executor = match seats {
        None => executor,
        Some(seats) => Arc::new(seats.join(executor)),
    };
    Ok(Arc::new(Stoppable { executor, stop: stop.clone() }))
}

/// Opens the source of a configuration, which notes its state in `metrics`; if the blur is
/// simulated, `simulated` says which and how.
///
/// # Errors
/// Where it cannot be opened.
pub fn open_source(
    config: &SourceConfig,
    simulated: Option<&(Blur, DegradeOptions)>,
    metrics: &Arc<SourceMetrics>,
) -> Result<Box<dyn Source>, Fault> {
    let source: Box<dyn Source> = match config {
        SourceConfig::V4l2(camera) => {
            Box::new(V4l2Source::open(camera.clone(), Arc::clone(metrics))?)
        }
        SourceConfig::Command(program, options) => {
            let (program, options) = (program.clone(), options.clone());
            Box::new(CommandSource::open(program, options, Arc::clone(metrics))?)
        }
        SourceConfig::Files(files) => Box::new(FilesSource::open(files)?),
        SourceConfig::Y4m(stream) => Box::new(Y4mSource::open(stream)?),
        SourceConfig::Scene(scene) => Box::new(SceneSource::new(SceneOptions {
            extent: simulated
                .map_or(scene.extent, |(blur, options)| grown(scene.extent, blur, options.edges)),
            ..*scene
        })?),
    };
    Ok(match simulated {
        Some((blur, options)) => Box::new(Simulated::new(source, blur, *options)?),
        None => source,
    })
}

/// Opens a Y4M stream to write; `-` is standard output.
///
/// # Errors
/// Where it cannot be written.
pub fn open_y4m_sink(path: &Path) -> Result<Box<dyn Sink>, SinkError> {
    let is_standard = path == Path::new("-");
    Ok(Box::new(if is_standard { Y4mSink::stdout()? } else { Y4mSink::create(path)? }))
}
