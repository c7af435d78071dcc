//! From what was asked for to a pipeline that can be started.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::load;
use crate::config::{SinkConfig, SourceConfig};
use crate::executor::Executor;
use crate::frame::{FrameRate, PictureFormat};
use crate::metrics::{Metrics, SourceMetrics};
use crate::optics::{Calibration, Psf};
use crate::pipeline::{Pipeline, PipelineOptions, Stop, Stoppable};
use crate::plan::network::Model;
use crate::plan::{RestoreOptions, RestorePlan};
use crate::restore::{Backend, CpuBackend, Restorer};
use crate::simulate::{DegradeOptions, Simulated, grown};
use crate::sink::{
    Iceoryx2Options, Iceoryx2Sink, PngSink, RecordSink, ShowcaseSink, Sink, V4l2Sink,
    V4l2SinkOptions, Y4mSink,
};
use crate::source::{
    FilesOptions, FilesSource, SceneOptions, SceneSource, Source, V4l2Source, Y4mOptions, Y4mSource,
};
use crate::web::{Face, HttpOptions, Server, WebError};

/// How long the address of a live page may be taken when the daemon starts.
const BIND_PATIENCE: Duration = Duration::from_secs(3);

/// Name of the one station in the addresses of the live page.
const STATION: &str = "camera";

/// Everything a pipeline is made of but its sinks.
pub(super) struct Assembly {
    pub(super) source: Box<dyn Source>,
    pub(super) recipe: Recipe,
    pub(super) pipeline: PipelineOptions,
    /// Where everything is counted, made for the names of the sinks.
    pub(super) metrics: Arc<Metrics>,
    /// What stops the pipeline, and with it the executor of the recipe.
    pub(super) stop: Stop,
}

/// What a restorer is made of, for the pictures of any source.
pub(super) struct Recipe {
    pub(super) camera: Calibration,
    pub(super) model: Option<Arc<Model>>,
    pub(super) options: RestoreOptions,
    pub(super) executor: Arc<dyn Executor>,
}

impl Assembly {
    /// Makes the restorer and puts the pipeline together with the sinks that `sinks` opens.
    pub(super) fn build(
        self,
        sinks: impl FnOnce(&Arc<Metrics>) -> anyhow::Result<Vec<Box<dyn Sink>>>,
    ) -> anyhow::Result<Pipeline> {
        let Self { source, recipe, pipeline: options, metrics, stop } = self;
        let restorer = recipe.restorer(source.format())?;
        let sinks = sinks(&metrics)?;
        Ok(Pipeline { source, restorer, sinks, options, metrics, stop })
    }
}

impl Recipe {
    /// A restorer of pictures of `format`.
    pub(super) fn restorer(&self, format: PictureFormat) -> anyhow::Result<Box<dyn Restorer>> {
        let plan = RestorePlan::new(&self.camera, self.model.clone(), &self.options, format)?;
        Ok(CpuBackend::new(Arc::clone(&self.executor)).load(plan)?)
    }
}

/// Threads that share the network's work and leave it when the pipeline is told to stop.
pub(super) fn executor(threads: usize, stop: &Stop) -> anyhow::Result<Arc<dyn Executor>> {
    let executor = super::options::executor(threads)?;
    Ok(Arc::new(Stoppable { executor, stop: stop.clone() }))
}

/// Opens the source of a configuration, which tells of itself in `metrics`; where the blur is
/// simulated, `simulated` says by which PSF and how.
pub(super) fn open_source(
    config: &SourceConfig,
    simulated: Option<&(Psf, DegradeOptions)>,
    metrics: &Arc<SourceMetrics>,
) -> anyhow::Result<Box<dyn Source>> {
    let source: Box<dyn Source> = match config {
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
            extent: simulated
                .map_or(scene.extent, |(psf, options)| grown(scene.extent, psf, options.edges)),
            rate: FrameRate::per_second(scene.rate),
            seed: scene.seed,
            live: scene.live,
            frames: scene.frames,
        })?),
    };
    Ok(match simulated {
        Some((psf, options)) => Box::new(Simulated::new(source, psf, *options)?),
        None => source,
    })
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
        SinkConfig::Http(_) => ShowcaseSink::NAME,
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

/// Opens the sinks of a configuration. The servers that show what some of them hold go to
/// `servers`; they end when they are dropped.
pub(super) fn open_sinks(
    configs: &[SinkConfig],
    metrics: &Arc<Metrics>,
    servers: &mut Vec<Server>,
) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let names = sink_names(configs);
    let open = |(config, name): (&SinkConfig, &String)| -> anyhow::Result<Box<dyn Sink>> {
        Ok(match config {
            SinkConfig::Png(png) => Box::new(PngSink::create(&png.folder)?),
            SinkConfig::Y4m(stream) => open_live_y4m_sink(&stream.path)?,
            SinkConfig::Record(record) => Box::new(RecordSink::create(record.options())?),
            SinkConfig::V4l2(output) => Box::new(V4l2Sink::open(V4l2SinkOptions {
                device: output.device.clone(),
                format: output.format,
            })?),
            SinkConfig::Http(http) => {
                let options = HttpOptions {
                    listen: http.listen,
                    quality: u8::try_from(http.quality).unwrap_or(100),
                    clients_max: http.clients as usize,
                    token: load::token(http)?,
                    hosts: http.hosts.clone(),
                    bind_patience: BIND_PATIENCE,
                    ..HttpOptions::default()
                };
                let (sink, server) = open_page(options, name, metrics)?;
                super::terminal::note(&format!("live page: http://{}/", server.local_addr()));
                servers.push(server);
                Box::new(sink)
            }
            SinkConfig::Iceoryx2(shared) => Box::new(Iceoryx2Sink::open(Iceoryx2Options {
                service: shared.service.clone(),
                subscribers: shared.subscribers as usize,
                folder: shared.folder.clone(),
            })?),
        })
    };
    configs.iter().zip(&names).map(open).collect()
}

/// A showcase that is counted under `sink`, and the server that shows it.
pub(super) fn open_page(
    options: HttpOptions,
    sink: &str,
    metrics: &Arc<Metrics>,
) -> Result<(ShowcaseSink, Server), WebError> {
    let showcase = ShowcaseSink::new(options.quality, options.rate_max);
    let face = Face {
        name: STATION.to_owned(),
        sink: sink.to_owned(),
        showcase: showcase.showcase(),
        metrics: Arc::clone(metrics),
    };
    Ok((showcase, Server::bind(options, vec![face])?))
}
