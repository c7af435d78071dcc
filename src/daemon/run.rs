//! The daemon: a station that runs, and all that a service does beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::watch::watch;
use super::{Attendant, DaemonError, ServiceManager, Shutdown, Thermal, pages};
use crate::config::SinkConfig;
use crate::executor::Sequential;
use crate::exit::ExitStatus;
use crate::metrics::Metrics;
use crate::optics::Calibration;
use crate::pipeline::Pipeline;
use crate::restore::cpu::residual::KernelChoice;
use crate::station::{
    Golden, Loaded, Material, Outputs, Phase, Reloader, Running, StationError, Watcher, load,
};
use crate::web::{Server, Wishes};

/// Runs the station that the configuration at `path` describes until it ends or is told to; `note`
/// is given lines for whoever started the program.
///
/// # Errors
/// Where it cannot be run, or did not end as it should.
pub fn run(path: &Path, shutdown: &Shutdown, note: &dyn Fn(&str)) -> Result<(), DaemonError> {
    let manager = ServiceManager::of_process();
    let served = serve(path, shutdown, &manager, note);
    manager.stopping();
    if let Err(error) = &served {
        manager.failed(&error.to_string(), error.errno());
    }
    served
}

fn serve(
    path: &Path,
    shutdown: &Shutdown,
    manager: &ServiceManager,
    note: &dyn Fn(&str),
) -> Result<(), DaemonError> {
    // Nothing is lost yet, and planning cannot be interrupted.
    let starting = shutdown.hasty();
    manager.status("loading and planning");
    let thermal = Thermal::of_device();
    let material = Material::read(path)?;
    let loaded = material.load()?;
    // A start has nothing to lose: unlike a reload it needs no process of its own for the trial.
    let golden = Golden::restore(&loaded.recipe(Arc::new(Sequential)))?;
    log::info!("golden frame {golden}");
    note(&device(&loaded, &thermal));
    // The servers end when they are dropped, after the pipeline.
    let camera = loaded.camera.clone();
    let wishes = Arc::<Wishes>::default();
    let (pipeline, _servers, running) = build(path, loaded, &wishes, note)?;
    log::info!("steps {pipeline:?}");
    let (source, format) = (running.config.source.clone(), running.format);
    let watcher = |camera: &Calibration, metrics: &Metrics| {
        let watcher = Watcher::new(camera, &source, format, Instant::now());
        watcher.begin(metrics);
        watcher
    };
    let mut watched = watcher(&camera, &pipeline.metrics);
    let mut reloader = Reloader::new(running, Material::attempt);
    let mut attendant = Attendant::new(manager, thermal);
    let running = pipeline.start()?;
    drop(starting);
    watch(running, shutdown, note, |running| {
        if shutdown.requested().is_some() {
            return manager.stopping();
        }
        if let Some(wish) = wishes.take() {
            reloader.tune(pages::tuning(wish));
        }
        reloader.attend(shutdown.reloads(), running, &mut |phase| match phase {
            Phase::Begun => manager.reloading(),
            Phase::Over => manager.ready(),
        });
        if let Some(camera) = reloader.changed() {
            watched = watcher(&camera, running.metrics());
        }
        watched.attend(Instant::now(), running);
        attendant.attend(running.metrics());
    })
}

/// Puts the pipeline together; also says what a reload has to fit.
fn build(
    path: &Path,
    loaded: Loaded,
    wishes: &Arc<Wishes>,
    note: &dyn Fn(&str),
) -> Result<(Pipeline, Vec<Server>, Running), DaemonError> {
    let assembly = loaded.assembly()?;
    let format = assembly.source.format();
    let executor = Arc::clone(&assembly.recipe.executor);
    let mut servers = Vec::new();
    let pipeline = assembly.build(|metrics| {
        let Outputs { sinks, pages } =
            Outputs::open(&loaded.config.sinks).map_err(StationError::from)?;
        // The configuration and the station have them in the same order.
        let listeners = loaded.config.sinks.iter().filter_map(SinkConfig::http);
        for (http, page) in listeners.zip(pages) {
            let server = pages::serve(http, page, metrics, wishes)?;
            note(&format!("live page: http://{}/", server.local_addr()));
            servers.push(server);
        }
        Ok::<_, DaemonError>(sinks)
    })?;
    let (path, config) = (path.to_owned(), loaded.config);
    Ok((pipeline, servers, Running { path, config, format, executor }))
}

/// What the work is done on.
fn device(loaded: &Loaded, thermal: &Thermal) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = loaded.threads();
    let heat = thermal.hottest().map_or("unknown".to_owned(), |reading| reading.to_string());
    let kernel = load::kernel(loaded.model.as_deref(), KernelChoice::fastest());
    format!(
        "device: {cores} cores, {threads} threads for filters and networks, kernel {kernel}, \
         temperature {heat}"
    )
}
