//! What all trials share: where they run, how they wait, and the figures that they report.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::Case;

/// Whatever takes so long hangs: everything here is emulated, at a twentieth of a core's speed.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// The time that a recovery may take once the camera is back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// What was measured, in order: trial, figure, value.
static FIGURES: Mutex<Vec<[String; 3]>> = Mutex::new(Vec::new());

/// The trial that runs.
static TRIAL: Mutex<&str> = Mutex::new("");

/// Runs a test and reports how long it took.
pub(crate) fn run(case: &Case) {
    *TRIAL.lock().unwrap_or_else(PoisonError::into_inner) = case.name();
    let begun = Instant::now();
    (case.test)();
    figure("whole trial", seconds(begun.elapsed()));
}

/// Puts a figure of the trial that runs into the report.
pub(crate) fn figure(name: &str, value: impl Display) {
    let trial = *TRIAL.lock().unwrap_or_else(PoisonError::into_inner);
    let mut figures = FIGURES.lock().unwrap_or_else(PoisonError::into_inner);
    figures.push([trial.to_owned(), name.to_owned(), value.to_string()]);
}

/// Prints all figures.
#[expect(clippy::print_stdout, reason = "the report")]
pub(crate) fn tell_figures() {
    let figures = FIGURES.lock().unwrap_or_else(PoisonError::into_inner);
    if figures.is_empty() {
        return;
    }
    println!("measured, in an emulated machine (QEMU's TCG, two processors):");
    for [trial, name, value] in figures.iter() {
        println!("  {trial:<44} {name:<44} {value}");
    }
}

/// A duration as the report tells it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Waits until there is an answer, and tells how long that took.
///
/// # Panics
/// Where there is none within [`HANG`].
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> (T, Duration) {
    let mut found = None;
    let took = wait_or(
        || what.to_owned(),
        || {
            found = look();
            found.is_some()
        },
    );
    (found.expect("waited for"), took)
}

/// Waits until something is so, and tells how long that took.
///
/// # Panics
/// Where it is not so within [`HANG`].
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) -> Duration {
    wait_or(|| what.to_owned(), is_so)
}

/// Waits until something is so, and tells how long that took.
///
/// # Panics
/// Where it is not so within [`HANG`], with what `lacks`.
#[track_caller]
pub(crate) fn wait_or(lacks: impl Fn() -> String, mut is_so: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        if is_so() {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < HANG, "after {HANG:?} there is no {}", lacks());
        thread::sleep(GLANCE);
    }
}
