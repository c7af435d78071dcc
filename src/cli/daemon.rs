//! `deblurd run`: the daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;

use super::assemble::{Assembly, Recipe, executor, open_sinks, open_source, sink_names};
use super::attend::Attendant;
use super::exit::{Interrupted, Unusable, errno};
use super::options;
use super::reload::{Reloader, Running};
use super::{load, terminal};
use crate::config::{Config, ConfigError};
use crate::executor::Executor;
use crate::metrics::{Metrics, Reason, Snapshot};
use crate::optics::{Calibration, Psf};
use crate::pipeline::{Pipeline, Report, RunningPipeline, Stop};
use crate::plan::network::Model;
use crate::restore::cpu::residual::KernelChoice;
use crate::service::{Shutdown, Supervisor, Thermal};
use crate::simulate::DegradeOptions;
use crate::sink::SinkError;
use crate::web::{Server, WebError};

/// Time between two lines of statistics in the log.
const STATISTICS_EVERY: Duration = Duration::from_secs(60);

/// How soon a signal is noticed.
pub(super) const GLANCE: Duration = Duration::from_millis(50);

/// Time the threads get to end after a signal, less than the process gets.
pub(super) const STOP_PATIENCE: Duration = Duration::from_millis(1400);

/// Runs the daemon: source, PSF, model, stages and sinks as the configuration says.
#[derive(Debug, Args)]
#[command(after_help = "\
Every key of the configuration can be overridden by a variable DEBLURD_SECTION__KEY:
  DEBLURD_RESTORE__SIGMA=5 DEBLURD_SINK__0__LISTEN=127.0.0.1:9000 deblurd run --config deblurd.toml

SIGTERM and SIGINT end it within 2 s, a second one at once. SIGHUP loads [restore] and [simulate]
again, with PSF and model, and has them serve once a golden frame was restored with them.
Under systemd it is ready with the first restored frame or when it is known that there is none to
be had, and feeds the watchdog while frames are restored or waited for.")]
pub(super) struct Run {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Run {
    pub(super) fn run(&self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let supervisor = Supervisor::of_process();
        let served = self.serve(shutdown, &supervisor);
        supervisor.stopping();
        if let Err(error) = &served {
            supervisor.failed(&format!("{error:#}"), errno(error));
        }
        served
    }

    fn serve(&self, shutdown: &Shutdown, supervisor: &Supervisor) -> anyhow::Result<()> {
        // Nothing is lost yet, and planning cannot be interrupted.
        let starting = shutdown.hasty();
        supervisor.status("loading and planning");
        let thermal = Thermal::of_device();
        let loaded = Loaded::from_file(&self.config)?;
        tell_device(&loaded, &thermal);
        // The servers end when they are dropped, after the pipeline.
        let (pipeline, _servers, origin) = self.build(loaded)?;
        log::info!("steps {pipeline:?}");
        let mut reloader = Reloader::new(supervisor, origin);
        let mut attendant = Attendant::new(supervisor, thermal);
        let running = pipeline.start()?;
        drop(starting);
        watch(running, shutdown, |running| {
            if shutdown.requested().is_some() {
                return supervisor.stopping();
            }
            reloader.attend(shutdown.reloads(), running);
            attendant.attend(running.metrics());
        })
    }

    /// Puts the pipeline together; also tells what a reload has to fit.
    fn build(&self, loaded: Loaded) -> anyhow::Result<(Pipeline, Vec<Server>, Running)> {
        let assembly = loaded.assembly().context(Unusable)?;
        let format = assembly.source.format();
        let executor = Arc::clone(&assembly.recipe.executor);
        let sinks = &loaded.config.sinks;
        let mut servers = Vec::new();
        let built = assembly.build(|metrics| open_sinks(sinks, metrics, &mut servers));
        // A place that cannot be written to or listened on speaks for itself.
        let blame = |error: anyhow::Error| match error.is::<SinkError>() || error.is::<WebError>() {
            true => error,
            false => error.context(Unusable),
        };
        let pipeline = built.map_err(blame)?;
        let (path, config) = (self.config.clone(), loaded.config);
        Ok((pipeline, servers, Running { path, config, format, executor }))
    }
}

/// Tells what the work is done on.
fn tell_device(loaded: &Loaded, thermal: &Thermal) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = loaded.threads();
    let heat = thermal.hottest().map_or("unknown".to_owned(), |reading| reading.to_string());
    let kernel = load::kernel(loaded.model.as_deref(), KernelChoice::fastest());
    terminal::note(&format!(
        "device: {cores} cores, {threads} threads for filters and networks, kernel {kernel}, \
         temperature {heat}"
    ));
}

/// A configuration and what it names, loaded.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) psf: Psf,
    pub(super) model: Option<Arc<Model>>,
    /// The PSF of the simulated blur, where there is one.
    simulated: Option<(Psf, DegradeOptions)>,
}

impl Loaded {
    pub(super) fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = load::config(path).context(Unusable)?;
        let config = read_config(&text).with_context(|| path.display().to_string())?;
        Self::load(config).context(Unusable)
    }

    pub(super) fn load(config: Config) -> anyhow::Result<Self> {
        let psf = load::psf(&config.restore.psf)?;
        let model = load::model(&config.restore.model)?;
        load::warn_of_noise(model.as_deref(), config.restore.sigma);
        let simulated = match &config.simulate {
            None => None,
            Some(simulate) => {
                let psf = simulate.psf.as_deref().map_or_else(|| Ok(psf.clone()), load::psf)?;
                let (edges, sigma, seed) = (simulate.edges, simulate.sigma, simulate.seed);
                Some((psf, DegradeOptions { edges, sigma, seed }))
            }
        };
        Ok(Self { config, psf, model, simulated })
    }

    /// Threads for filters and networks.
    pub(super) fn threads(&self) -> usize {
        let asked = u16::try_from(self.config.pipeline.threads).ok().filter(|&threads| threads > 0);
        options::Threads { threads: asked }.count()
    }

    pub(super) fn assembly(&self) -> anyhow::Result<Assembly> {
        let stop = Stop::default();
        let metrics = Arc::new(Metrics::new(&sink_names(&self.config.sinks)));
        Ok(Assembly {
            source: open_source(&self.config.source, self.simulated.as_ref(), &metrics.source)?,
            recipe: self.recipe(executor(self.threads(), &stop)?),
            pipeline: self.config.pipeline_options(),
            metrics,
            stop,
        })
    }

    /// What a restorer is made of.
    pub(super) fn recipe(&self, executor: Arc<dyn Executor>) -> Recipe {
        let restore = &self.config.restore;
        let camera = Calibration::new(self.psf.clone(), restore.sigma);
        let camera = Calibration { transfer: restore.transfer, ..camera };
        Recipe { camera, model: self.model.clone(), options: restore.options(), executor }
    }
}

fn read_config(text: &str) -> Result<Config, ConfigError> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // The level of the log is no key.
        let name = name.into_string().ok().filter(|name| name != "DEBLURD_LOG")?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    Config::read(text, variables)
}

/// Lets a pipeline run to its end or until a signal, and tells how it went.
/// Where all sinks are gone there is nothing left to run for.
/// `attend` is called every [`GLANCE`].
pub(super) fn watch(
    mut running: RunningPipeline,
    shutdown: &Shutdown,
    mut attend: impl FnMut(&RunningPipeline),
) -> anyhow::Result<()> {
    let mut last = Instant::now();
    let report = loop {
        if running.wait_for(GLANCE) {
            break running.finish()?;
        }
        attend(&running);
        if let Some(signal) = shutdown.requested() {
            break running.stop(STOP_PATIENCE).context(Interrupted(signal))?;
        }
        if !running.has_sinks() {
            break running.stop(Duration::from_secs(3600))?;
        }
        if last.elapsed() >= STATISTICS_EVERY {
            last = Instant::now();
            log::info!("{}", describe(&running.metrics().snapshot()));
        }
    };
    conclude(report)
}

/// Tells the books of a pipeline that ended, and why, where it was not as it should be.
pub(super) fn conclude(report: Report) -> anyhow::Result<()> {
    terminal::note(&describe(&report.metrics.snapshot()));
    if let Some(failure) = report.source_failure {
        return Err(failure).context("the source gave up");
    }
    for (name, failure) in report.sink_failures {
        match failure {
            // Whoever read has had enough: an end like any other.
            SinkError::Closed(_) => log::info!("sink {name}: {failure}"),
            failure => return Err(failure).with_context(|| format!("sink {name}")),
        }
    }
    Ok(())
}

/// The books, latencies and gains in a few lines.
pub(super) fn describe(snapshot: &Snapshot) -> String {
    let mut lines = vec![format!("captured {}", snapshot.trunk)];
    for sink in &snapshot.sinks {
        let (name, books, latency) = (&sink.name, sink.books, sink.latency);
        let (p50, p99) = (latency.p50_ms, latency.p99_ms);
        lines.push(format!("{name}: {books}; latency p50 {p50:.1} ms, p99 {p99:.1} ms"));
        if books.dropped_by(Reason::SinkFailed) > 0 {
            lines.push(format!("{name} failed and lost frames"));
        }
    }
    let stage =
        |stage: &crate::metrics::StageSnapshot| format!("{} {:.1}", stage.name, stage.busy.mean_ms);
    let stages: Vec<String> = snapshot.stages.iter().map(stage).collect();
    lines.push(format!("ms a frame: {}", stages.join(", ")));
    if let Some(psnr) = snapshot.psnr_db {
        lines.push(format!(
            "PSNR: blurred {:.2} dB, restored {:.2} dB",
            psnr.blurred, psnr.restored
        ));
    }
    lines.join("\n")
}
