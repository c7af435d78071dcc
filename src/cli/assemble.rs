//! From what was asked for to a pipeline that can be started.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::load;
use crate::config::{SinkConfig, SourceConfig};
use crate::frame::{Extent, FrameRate, PictureFormat};
use crate::metrics::{Metrics, SourceMetrics};
use crate::pipeline::{Pipeline, PipelineOptions, Stop, Stoppable};
use crate::restore::degrade::{Degrade, DegradeOptions, Scenery};
use crate::restore::executor::Executor;
use crate::restore::psf::Psf;
use crate::restore::residual::ResidualModel;
use crate::restore::{Assess, RestoreOptions, Restorer, Stage};
use crate::sink::{
    HttpOptions, HttpSink, Iceoryx2Options, Iceoryx2Sink, PngSink, RecordSink, Sink, V4l2Sink,
    V4l2SinkOptions, Y4mSink,
};
use crate::source::{
    FilesOptions, FilesSource, SceneOptions, SceneSource, Source, V4l2Source, Y4mOptions, Y4mSource,
};

/// How long the address of a live page may be taken when the daemon starts.
const BIND_PATIENCE: Duration = Duration::from_secs(3);

/// Everything a pipeline is made of but its sinks.
pub(super) struct Assembly<'a> {
    pub(super) source: Box<dyn Source>,
    pub(super) recipe: Recipe<'a>,
    pub(super) pipeline: PipelineOptions,
    /// Where everything is counted, made for the names of the sinks.
    pub(super) metrics: Arc<Metrics>,
    /// What stops the pipeline, and with it the executor of the recipe.
    pub(super) stop: Stop,
}

/// What the stages are planned from, for the pictures of any source.
pub(super) struct Recipe<'a> {
    /// Where the blur is simulated: by which PSF and how.
    pub(super) degradation: Option<(&'a Psf, DegradeOptions)>,
    pub(super) psf: &'a Psf,
    pub(super) model: Option<&'a ResidualModel>,
    pub(super) options: RestoreOptions,
    pub(super) executor: Arc<dyn Executor>,
}

/// What is done to frames in order, and the format of those that come of it.
pub(super) struct Planned {
    pub(super) stages: Vec<Box<dyn Stage>>,
    pub(super) format: PictureFormat,
}

impl Assembly<'_> {
    /// Plans all stages and puts the pipeline together with the sinks that `sinks` opens.
    pub(super) fn build(
        self,
        sinks: impl FnOnce(&Arc<Metrics>) -> anyhow::Result<Vec<Box<dyn Sink>>>,
    ) -> anyhow::Result<Pipeline> {
        let Self { source, recipe, pipeline: options, metrics, stop } = self;
        let Planned { stages, format: restored } = recipe.plan(source.format())?;
        let groups = vec![stages];
        let sinks = sinks(&metrics)?;
        Ok(Pipeline { source, groups, sinks, restored, options, metrics, stop })
    }
}

impl Recipe<'_> {
    /// The stages for pictures of `format`, in one group: each divides its work among the executor's
    /// threads, so a second group would not make more frames, but hold more and have each wait
    /// for the other's parts.
    pub(super) fn plan(&self, mut format: PictureFormat) -> anyhow::Result<Planned> {
        let mut stages: Vec<Box<dyn Stage>> = Vec::new();
        if let Some((psf, options)) = self.degradation {
            let degrade = Degrade::plan(psf, options, format)?;
            format = degrade.degraded_format();
            stages.push(Box::new(degrade));
        }
        load::check_fit(self.psf, format.extent)?;
        let restorer =
            Restorer::plan(&self.options, self.psf, self.model, format, &self.executor, 1)?;
        stages.extend(restorer.into_stages());
        if self.degradation.is_some() {
            stages.push(Box::new(Assess));
        }
        Ok(Planned { stages, format })
    }
}

/// Threads that share the network's work and leave it when the pipeline is told to stop.
pub(super) fn executor(threads: usize, stop: &Stop) -> anyhow::Result<Arc<dyn Executor>> {
    let executor = super::options::executor(threads)?;
    Ok(Arc::new(Stoppable { executor, stop: stop.clone() }))
}

/// Opens the source of a configuration, which tells of itself in `metrics`; `degradation` tells
/// what will be cut off its frames.
pub(super) fn open_source(
    config: &SourceConfig,
    degradation: Option<(&Psf, DegradeOptions)>,
    metrics: &Arc<SourceMetrics>,
) -> anyhow::Result<Box<dyn Source>> {
    Ok(match config {
        SourceConfig::V4l2(camera) => {
            Box::new(V4l2Source::open(camera.options(), Arc::clone(metrics))?)
        }
        SourceConfig::Files(files) => Box::new(FilesSource::open(&FilesOptions {
            paths: files.paths.clone(),
            rate: FrameRate::per_second(files.rate),
            live: files.live,
            repeat: files.repeat,
        })?),
        SourceConfig::Y4m(stream) => open_y4m_source(&stream.path, stream.live)?,
        SourceConfig::Scene(scene) => Box::new(SceneSource::new(SceneOptions {
            extent: grown(scene.extent, degradation),
            rate: FrameRate::per_second(scene.rate),
            seed: scene.seed,
            live: scene.live,
            frames: scene.frames,
        })?),
    })
}

/// The extent of which `extent` is left after the degradation.
fn grown(extent: Extent, degradation: Option<(&Psf, DegradeOptions)>) -> Extent {
    match degradation {
        Some((psf, DegradeOptions { scenery: Scenery::Valid, .. })) => {
            let (x, y) = psf.radius();
            let margin = |radius: usize| 2 * radius.next_multiple_of(2);
            Extent::new(extent.width + margin(x), extent.height + margin(y))
        }
        _ => extent,
    }
}

/// Opens a Y4M stream; `-` is standard input.
pub(super) fn open_y4m_source(path: &Path, live: bool) -> anyhow::Result<Box<dyn Source>> {
    let options = Y4mOptions { live };
    let is_standard = path == Path::new("-");
    Ok(Box::new(if is_standard {
        Y4mSource::stdin(options)?
    } else {
        Y4mSource::open(path, options)?
    }))
}

/// Opens a Y4M stream to write; `-` is standard output.
pub(super) fn open_y4m_sink(path: &Path) -> anyhow::Result<Box<dyn Sink>> {
    let is_standard = path == Path::new("-");
    Ok(Box::new(if is_standard { Y4mSink::stdout()? } else { Y4mSink::create(path)? }))
}

/// As [`open_y4m_sink`]; the readers of a FIFO may come and go.
fn open_live_y4m_sink(path: &Path) -> anyhow::Result<Box<dyn Sink>> {
    let is_standard = path == Path::new("-");
    Ok(Box::new(if is_standard { Y4mSink::stdout()? } else { Y4mSink::create_for_many(path)? }))
}

/// Names under which the sinks of a configuration are counted: their kind, numbered where one
/// kind occurs more than once.
pub(super) fn sink_names(sinks: &[SinkConfig]) -> Vec<String> {
    let kind = |sink: &SinkConfig| match sink {
        SinkConfig::Png(_) => "png",
        SinkConfig::Y4m(_) => "y4m",
        SinkConfig::Record(_) => "record",
        SinkConfig::V4l2(_) => V4l2Sink::NAME,
        SinkConfig::Http(_) => "http",
        SinkConfig::Iceoryx2(_) => "iceoryx2",
    };
    let is_alike = |a: &SinkConfig, b: &SinkConfig| kind(a) == kind(b);
    let name = |(index, sink): (usize, &SinkConfig)| {
        let alike = sinks.iter().filter(|other| is_alike(sink, other)).count();
        let place = sinks[..index].iter().filter(|other| is_alike(sink, other)).count() + 1;
        if alike == 1 { kind(sink).to_owned() } else { format!("{} {place}", kind(sink)) }
    };
    sinks.iter().enumerate().map(name).collect()
}

/// Opens the sinks of a configuration.
pub(super) fn open_sinks(
    configs: &[SinkConfig],
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let open = |config: &SinkConfig| -> anyhow::Result<Box<dyn Sink>> {
        Ok(match config {
            SinkConfig::Png(png) => Box::new(PngSink::create(&png.folder)?),
            SinkConfig::Y4m(stream) => open_live_y4m_sink(&stream.path)?,
            SinkConfig::Record(record) => Box::new(RecordSink::create(record.options())?),
            SinkConfig::V4l2(output) => Box::new(V4l2Sink::open(V4l2SinkOptions {
                device: output.device.clone(),
                format: output.format,
            })?),
            SinkConfig::Http(http) => {
                let sink = HttpSink::bind(
                    HttpOptions {
                        listen: http.listen,
                        quality: u8::try_from(http.quality).unwrap_or(100),
                        clients_max: http.clients as usize,
                        token: load::token(http)?,
                        hosts: http.hosts.clone(),
                        bind_patience: BIND_PATIENCE,
                        ..HttpOptions::default()
                    },
                    Arc::clone(metrics),
                )?;
                super::terminal::note(&format!("live page: http://{}/", sink.local_addr()));
                Box::new(sink)
            }
            SinkConfig::Iceoryx2(shared) => Box::new(Iceoryx2Sink::open(Iceoryx2Options {
                service: shared.service.clone(),
                subscribers: shared.subscribers as usize,
                folder: shared.folder.clone(),
            })?),
        })
    };
    configs.iter().map(open).collect()
}
