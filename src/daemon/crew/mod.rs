//! Several cameras in one process, side by side on the same workers.
//!
//! Each camera is a [`Slot`]: its station while it runs, and its next start while it does not. A start is
//! made on a thread of its own, so that one that hangs holds up no other; a station that fails is started
//! again where that may help, and whatever becomes of one, the others go on. A reload asks who the cameras
//! are: those that are gone are stopped, those that are new are started, the others load again each for
//! itself.

mod all; // all of them
mod roll; // who they are, asked again
mod slot; // one of them

use std::path::Path;
use std::time::Duration;

use self::all::Crew;
use super::attend::LOOK_EVERY;
use super::{DaemonError, GLANCE, ServiceManager, Shutdown, pages};
use crate::config::Cameras;
use crate::station::{Thermal, check_each};
use crate::web::{Faces, Server};

/// Time between two lines of statistics in the log.
const STATISTICS_EVERY: Duration = Duration::from_secs(60);

/// Runs the cameras of the configuration at `path` until none is left, or until told to end.
///
/// # Errors
/// Where the configuration is wrong, the page cannot be served, or cameras ended that should not have.
pub(super) fn serve(
    path: &Path,
    cameras: Cameras,
    shutdown: &Shutdown,
    manager: &ServiceManager,
    note: &dyn Fn(&str),
) -> Result<(), DaemonError> {
    manager.status("loading and planning");
    check_each(path, &cameras.names)?;
    let mut crew = Crew::new(path, cameras.clone(), manager.patience());
    let thermal = Thermal::of_device();
    note(&device(&crew, &thermal));
    // It ends when it is dropped, after the pipelines.
    let server = match &cameras.http {
        None => None,
        Some(http) => {
            let server = pages::bind(http, Faces::Named(crew.faces()))?;
            note(&server.announcement(None));
            Some(server)
        }
    };
    while crew.is_at_work() {
        std::thread::sleep(GLANCE);
        if let Some(signal) = shutdown.requested() {
            manager.stopping();
            return crew.stop(signal, note);
        }
        crew.attend(shutdown.reloads(), note);
        show(&mut crew, server.as_ref());
        report(&mut crew, manager, &thermal);
    }
    crew.conclude()
}

fn show(crew: &mut Crew, server: Option<&Server>) {
    if let (true, Some(server)) = (crew.take_changed(), server) {
        server.show(Faces::Named(crew.faces()));
    }
}

/// Tells the service manager how it goes, and the stations how hot it is.
fn report(crew: &mut Crew, manager: &ServiceManager, thermal: &Thermal) {
    if let Some(phase) = crew.phase() {
        phase.tell(manager);
    }
    if crew.is_alive() {
        manager.alive();
    }
    if crew.is_look_due(LOOK_EVERY) {
        let celsius = thermal.hottest().map(|reading| reading.celsius);
        manager.status(&crew.look(celsius));
    }
    crew.tell_statistics(STATISTICS_EVERY);
}

/// What the work is done on.
fn device(crew: &Crew, thermal: &Thermal) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let heat = thermal.hottest().map_or("unknown".to_owned(), |reading| reading.to_string());
    let (threads, cameras) = (crew.threads(), crew.faces().len());
    format!(
        "device: {cores} cores, {threads} threads for filters and networks of {cameras} cameras, \
         temperature {heat}"
    )
}
