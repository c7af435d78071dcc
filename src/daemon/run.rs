//! The daemon: a station that runs, or several, and all that a service does beside it.

use std::path::Path;
use std::sync::Arc;

use super::care::Care;
use super::start::{Built, build, desk, load};
use super::watch::watch;
use super::{Attendant, DaemonError, ServiceManager, Shutdown, crew, herald, pages};
use crate::config::SinkConfig;
use crate::exit::ExitStatus;
use crate::metrics::{Metrics, short};
use crate::restore::cpu::residual::KernelChoice;
use crate::station::{self, Entry, Loaded, Page, Phase, Thermal};
use crate::web::{Desk, Server};

/// Runs what the configuration at `path` describes until it ends or is told to; `note` is given lines
/// for whoever started the program.
///
/// # Errors
/// Where it cannot be run, or did not end as it should.
pub fn run(path: &Path, shutdown: &Shutdown, note: &dyn Fn(&str)) -> Result<(), DaemonError> {
    let manager = ServiceManager::of_process();
    let served = match station::cameras(path) {
        Ok(None) => serve(path, shutdown, &manager, note),
        Ok(Some(cameras)) => crew::serve(path, cameras, shutdown, &manager, note),
        Err(error) => Err(error.into()),
    };
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
    let (thermal, entry) = (Thermal::of_device(), Entry::file(path));
    let loaded = load(&entry)?;
    note(&device(&loaded, &thermal));
    let desk = desk(&entry);
    let Built { pipeline, pages, post, running: served } = build(entry, loaded, None)?;
    // The servers end when they are dropped, after the pipeline.
    let _servers = serve_pages(&served.config.sinks, pages, &pipeline.metrics, &desk, note)?;
    let _presence =
        post.map(|post| herald::take_post(post, &pipeline.metrics, &desk)).transpose()?;
    let mut attendant = Attendant::new(manager, thermal);
    let running = pipeline.start()?;
    let mut care = Care::begin(served, desk, &running)?;
    drop(starting);
    watch(running, shutdown, note, |running| {
        if shutdown.requested().is_some() {
            return manager.stopping();
        }
        care.attend(shutdown.reloads(), running, &mut |phase| match phase {
            Phase::Begun => manager.reloading(),
            Phase::Over => manager.ready(),
        });
        attendant.attend(running.metrics());
    })
}

/// Serves the pages of a station, each as its sink says.
fn serve_pages(
    sinks: &[SinkConfig],
    pages: Vec<Page>,
    metrics: &Arc<Metrics>,
    desk: &Arc<Desk>,
    note: &dyn Fn(&str),
) -> Result<Vec<Server>, DaemonError> {
    // The configuration and the station have them in the same order.
    let listeners = sinks.iter().filter_map(SinkConfig::http);
    let served = listeners.zip(pages).map(|(http, page)| {
        let server = pages::serve(http, page, metrics, desk)?;
        note(&server.announcement(None));
        Ok(server)
    });
    served.collect()
}

/// What the work is done on.
fn device(loaded: &Loaded, thermal: &Thermal) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = loaded.threads();
    let heat = thermal.hottest().map_or("unknown".to_owned(), |reading| reading.to_string());
    let kernel = station::load::kernel(loaded.model.as_deref(), KernelChoice::fastest());
    format!(
        "device: {cores} cores, {threads} threads for filters and networks, kernel {kernel}, \
         temperature {heat}"
    )
}
