//! The daemon: a station that runs, and all that a service does beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::watch::watch;
use super::{Attendant, DaemonError, ServiceManager, Shutdown, pages};
use crate::config::SinkConfig;
use crate::executor::Sequential;
use crate::exit::ExitStatus;
use crate::metrics::{Metrics, short};
use crate::optics::Calibration;
use crate::pipeline::Pipeline;
use crate::restore::cpu::residual::KernelChoice;
use crate::station::{
    Bench, Calibrator, Fault, Golden, Keeper, Loaded, Material, Outputs, Phase, Recipe, Reloader,
    Running, StationError, Thermal, Tuning, Watcher, keep, load,
};
use crate::web::{Desk, Order, Server};

/// How long somebody counts as looking at the page of the calibration who asked for its state.
const INTEREST: Duration = Duration::from_secs(1);

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
        manager.failed(&short(&error.to_string()), error.errno());
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
    // Whoever loads a model may die of it. Of a trial that dies it is known that the configuration is
    // to blame; of a daemon that does, only that it is to be started again.
    if material.has_model_file() {
        material.attempt(None).map_err(Fault::from)?;
    }
    let loaded = material.load()?;
    let golden = Golden::restore(&loaded.recipe(Arc::new(Sequential)))?;
    log::info!("golden frame {golden}");
    note(&device(&loaded, &thermal));
    // The servers end when they are dropped, after the pipeline.
    let desk = Arc::new(desk(path));
    let (pipeline, _servers, running) = build(path, loaded, &desk, note)?;
    log::info!("steps {pipeline:?}");
    let (source, format) = (running.config.source.clone(), running.format);
    let watcher = |camera: &Calibration, metrics: &Metrics| {
        let watcher = Watcher::new(camera, &source, format, Instant::now());
        watcher.begin(metrics);
        watcher
    };
    let keeper = |recipe: &Recipe, follows| Keeper::new(recipe, format, follows, Instant::now());
    let mut watched = watcher(&running.recipe.camera, &pipeline.metrics);
    let mut kept = keeper(&running.recipe, running.follows);
    let mut reloader = Reloader::new(running.clone(), Material::attempt);
    let mut attendant = Attendant::new(manager, thermal);
    let Running { path, config, format, .. } = running;
    let running = pipeline.start()?;
    let calibrator = Calibrator::start(Bench {
        tap: running.taps().calibration.clone(),
        format,
        source: config.source,
        metrics: Arc::clone(running.metrics()),
        configuration: path,
        file: config.calibrate.file,
    })
    .map_err(|error| StationError::from(Fault::Threads(error)))?;
    drop(starting);
    watch(running, shutdown, note, |running| {
        if shutdown.requested().is_some() {
            return manager.stopping();
        }
        heed(&desk, &calibrator, &mut reloader);
        reloader.attend(shutdown.reloads(), running, &mut |phase| match phase {
            Phase::Begun => manager.reloading(),
            Phase::Over => manager.ready(),
        });
        if let Some((recipe, follows)) = reloader.changed() {
            watched = watcher(&recipe.camera, running.metrics());
            kept = keeper(&recipe, follows);
        }
        if let Some(level) = kept.attend(Instant::now(), running) {
            reloader.tell_level(level);
        }
        watched.attend(Instant::now(), running);
        attendant.attend(running.metrics());
    })
}

/// Where viewers leave what they want of the station that the configuration at `path` describes.
fn desk(path: &Path) -> Desk {
    let path = path.to_owned();
    let keeper = move |wish| {
        let kept = keep(&path, &pages::tuning(wish), Material::attempt);
        kept.map_err(|error| error.to_string())
    };
    Desk::new(load::released().map(str::to_owned).collect(), Box::new(keeper))
}

/// Passes on what viewers want.
fn heed(desk: &Desk, calibrator: &Calibrator, reloader: &mut Reloader) {
    if let Some(wish) = desk.take_wish() {
        reloader.tune(pages::tuning(wish));
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

/// Puts the pipeline together; also says what a reload has to fit.
fn build(
    path: &Path,
    mut loaded: Loaded,
    desk: &Arc<Desk>,
    note: &dyn Fn(&str),
) -> Result<(Pipeline, Vec<Server>, Running), DaemonError> {
    let assembly = loaded.assembly()?;
    let format = assembly.source.format();
    let (clue, recipe) = (assembly.source.clue(), assembly.recipe.clone());
    let pixel_format = assembly.source.pixel_format();
    let mut servers = Vec::new();
    let pipeline = assembly.build(|metrics| {
        let Outputs { sinks, pages } =
            Outputs::open(&loaded.config.sinks).map_err(StationError::from)?;
        // The configuration and the station have them in the same order.
        let listeners = loaded.config.sinks.iter().filter_map(SinkConfig::http);
        for (http, page) in listeners.zip(pages) {
            let server = pages::serve(http, page, metrics, desk)?;
            note(&format!("live page: http://{}/", server.local_addr()));
            servers.push(server);
        }
        Ok::<_, DaemonError>(sinks)
    })?;
    let (path, follows, config) = (path.to_owned(), loaded.config.follows(), loaded.config);
    Ok((pipeline, servers, Running { path, config, format, clue, pixel_format, recipe, follows }))
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
