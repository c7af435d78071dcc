//! All cameras of a process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::roll::Roll;
use super::slot::{Shared, Slot};
use crate::config::Cameras;
use crate::daemon::{DaemonError, STOP_PATIENCE, ServiceManager, describe, tell_repeats};
use crate::owner;
use crate::pipeline::{PipelineOptions, Seats};
use crate::station::Entry;
use crate::web::Face;

/// Pause between two looks at a station that is still being started when all is to end.
const PAUSE: Duration = Duration::from_millis(10);

/// The cameras, and what they have in common.
pub(super) struct Crew {
    path: PathBuf,
    /// As the program was started with it.
    cameras: Cameras,
    seats: Arc<Seats>,
    slots: Vec<Slot>,
    /// Cameras that are no longer in the configuration and have not ended yet.
    leaving: Vec<Slot>,
    roll: Roll,
    /// Reloads at which those that failed were started again.
    tried: u64,
    patience: Option<Duration>,
    fed_at: Instant,
    looked_at: Instant,
    told_at: Instant,
    is_ready: bool,
    is_reloading: bool,
    is_changed: bool,
}

/// What the service manager is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// All have started, or a reload is over.
    Ready,
    /// A reload has begun.
    Reloading,
}

impl Told {
    pub(super) fn tell(self, manager: &ServiceManager) {
        match self {
            Self::Ready => manager.ready(),
            Self::Reloading => manager.reloading(),
        }
    }
}

impl Crew {
    /// All cameras of the configuration at `path`, which are being started. `patience` is that of the
    /// service manager, where it has a watchdog.
    pub(super) fn new(path: &Path, cameras: Cameras, patience: Option<Duration>) -> Self {
        let now = Instant::now();
        let mut crew = Self {
            path: path.to_owned(),
            seats: Seats::new(threads(&cameras)),
            slots: Vec::new(),
            leaving: Vec::new(),
            roll: Roll::new(path),
            tried: 0,
            patience,
            fed_at: now,
            looked_at: now,
            told_at: now,
            is_ready: false,
            is_reloading: false,
            is_changed: false,
            cameras,
        };
        crew.arrange(&crew.cameras.names.clone());
        crew
    }

    /// Threads that are at work at a time.
    pub(super) fn threads(&self) -> usize {
        threads(&self.cameras)
    }

    /// Does what is due; to be called often. `requests` is how often a reload was asked for.
    pub(super) fn attend(&mut self, requests: u64, note: &dyn Fn(&str)) {
        if let Some(cameras) = self.roll.attend(requests) {
            self.follow(&cameras);
        }
        let reloads = self.roll.passed();
        let is_new = std::mem::replace(&mut self.tried, reloads) < reloads;
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.attend(reloads, note) || is_new && slot.has_failed() {
                let shared = self.shared();
                self.slots[index].begin(&shared);
            }
        }
        self.let_go(reloads, note);
    }

    /// Does as the configuration has it now: cameras that are gone are stopped, new ones started.
    fn follow(&mut self, cameras: &Cameras) {
        if (cameras.workers, &cameras.http) != (self.cameras.workers, &self.cameras.http) {
            log::warn!("reload: what changed in workers or http needs a restart");
        }
        self.arrange(&cameras.names);
    }

    /// Has these cameras, in this order.
    fn arrange(&mut self, names: &[String]) {
        let mut before = std::mem::take(&mut self.slots);
        for name in names {
            let known = before.iter().position(|slot| slot.name == *name);
            let slot = known.map(|index| before.remove(index));
            let slot = slot.unwrap_or_else(|| {
                owner::work_for(name, || log::info!("starting"));
                let entry = Entry::camera(&self.path, name);
                Slot::start(entry, name, &self.shared(), self.patience)
            });
            self.slots.push(slot);
        }
        for slot in before {
            let why = "no longer in the configuration, stopping";
            owner::work_for(&slot.name, || log::info!("{why}"));
            slot.tell_to_stop();
            self.leaving.push(slot);
        }
        self.is_changed = true;
    }

    /// Ends cameras that are no longer there, each as soon as it has started.
    fn let_go(&mut self, reloads: u64, note: &dyn Fn(&str)) {
        for mut slot in std::mem::take(&mut self.leaving) {
            // One that failed is not started again.
            slot.attend(reloads, note);
            if slot.is_starting() {
                self.leaving.push(slot);
            } else if let Err(error) = slot.stop(None, Instant::now() + STOP_PATIENCE, note) {
                log::error!("{error}");
            }
        }
    }

    fn shared(&self) -> Shared {
        let running = self.slots.iter().filter_map(|slot| Some((slot, slot.config()?)));
        let others = running.map(|(slot, config)| (slot.name.clone(), config.clone()));
        Shared { seats: Arc::clone(&self.seats), others: others.collect() }
    }

    /// Whether anything is to be expected of any camera.
    pub(super) fn is_at_work(&self) -> bool {
        !self.leaving.is_empty() || self.slots.iter().any(Slot::is_at_work)
    }

    /// What viewers see of the cameras.
    pub(super) fn faces(&self) -> Vec<Face> {
        self.slots.iter().map(|slot| slot.face.clone()).collect()
    }

    /// Whether viewers are to see another thing since this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        for slot in &mut self.slots {
            self.is_changed |= std::mem::take(&mut slot.is_changed);
        }
        std::mem::take(&mut self.is_changed)
    }

    /// What the service manager is to be told now, if anything.
    pub(super) fn phase(&mut self) -> Option<Told> {
        if !self.is_ready {
            self.is_ready = self.slots.iter().all(Slot::is_settled);
            return self.is_ready.then_some(Told::Ready);
        }
        let is_reloading = self.roll.is_busy() || self.slots.iter().any(Slot::is_reloading);
        match (std::mem::replace(&mut self.is_reloading, is_reloading), is_reloading) {
            (false, true) => Some(Told::Reloading),
            (true, false) => Some(Told::Ready),
            _ => None,
        }
    }

    /// Whether the watchdog is to be fed: a camera has made progress, or none runs and all that is to be
    /// done is to start them again.
    pub(super) fn is_alive(&mut self) -> bool {
        let Some(patience) = self.patience else { return false };
        let now = Instant::now();
        let runs = self.slots.iter().any(Slot::runs);
        let is_due = now.duration_since(self.fed_at) >= patience / 2;
        let fed = self.slots.iter_mut().any(|slot| slot.feeds(now)) || !runs && is_due;
        if fed {
            self.fed_at = now;
        }
        fed
    }

    /// Whether a look is due, which is done every so often.
    pub(super) fn is_look_due(&self, every: Duration) -> bool {
        self.looked_at.elapsed() >= every
    }

    /// How all go, in one line; they are told how hot the device is.
    pub(super) fn look(&mut self, celsius: Option<f64>) -> String {
        tell_repeats();
        self.looked_at = Instant::now();
        let each: Vec<String> = self.slots.iter_mut().map(|slot| slot.look(celsius)).collect();
        each.join("; ")
    }

    /// Tells the log what is counted, every so often.
    pub(super) fn tell_statistics(&mut self, every: Duration) {
        if self.told_at.elapsed() < every {
            return;
        }
        self.told_at = Instant::now();
        for (slot, metrics) in self.slots.iter().filter_map(|slot| Some((slot, slot.metrics()?))) {
            let told = describe(&metrics.snapshot());
            owner::work_for(&slot.name, || log::info!("{told}"));
        }
    }

    /// Stops all because of a signal.
    ///
    /// # Errors
    /// Where one does not end in time.
    pub(super) fn stop(mut self, signal: i32, note: &dyn Fn(&str)) -> Result<(), DaemonError> {
        let deadline = Instant::now() + STOP_PATIENCE;
        let mut slots: Vec<Slot> = self.slots.drain(..).chain(self.leaving.drain(..)).collect();
        slots.iter().for_each(Slot::tell_to_stop);
        while slots.iter().any(Slot::is_starting) && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
            for slot in slots.iter_mut().filter(|slot| slot.is_starting()) {
                slot.attend(0, note);
                slot.tell_to_stop();
            }
        }
        let ended = slots.into_iter().map(|slot| slot.stop(Some(signal), deadline, note));
        // Each is given its end before the first failure is told.
        ended.collect::<Vec<_>>().into_iter().collect()
    }

    /// How all ended.
    ///
    /// # Errors
    /// Why the first of them failed, where one did.
    pub(super) fn conclude(self) -> Result<(), DaemonError> {
        self.slots.into_iter().try_for_each(Slot::conclude)
    }
}

fn threads(cameras: &Cameras) -> usize {
    let threads = cameras.workers.threads;
    PipelineOptions { threads, ..PipelineOptions::default() }.threads()
}
