//! The same done to many pictures: one that is bad is told and does not keep the others from being
//! done.

use super::exit::{Failure, Result};
use super::terminal;
use crate::daemon::Shutdown;

/// What is done to pictures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// As it is called while it is done: `restoring`.
    pub(super) doing: &'static str,
    /// What some of them are where it fails: `pictures were not restored`.
    pub(super) undone: &'static str,
}

impl Work {
    /// Does all of it, each with its number and with what tells a line.
    ///
    /// # Errors
    /// The first failure, once everything else is done; or where the command is to end.
    pub(super) fn each<T>(
        self,
        pictures: &[T],
        shutdown: &Shutdown,
        mut one: impl FnMut((usize, &T), &dyn Fn(&str)) -> Result<()>,
    ) -> Result<()> {
        let progress = terminal::progress(pictures.len(), self.doing);
        let mut failures = Vec::new();
        for numbered in pictures.iter().enumerate() {
            if let Some(signal) = shutdown.requested() {
                return Err(Failure::interrupted(signal));
            }
            let note = |line: &str| progress.suspend(|| terminal::note(line));
            if let Err(failure) = one(numbered, &note) {
                if pictures.len() > 1 {
                    note(&failure.to_string());
                }
                failures.push(failure);
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        conclude(failures, pictures.len(), self.undone)
    }
}

/// What failures of so many come to: nothing, the one, or the first with their number.
///
/// # Errors
/// Where there are any.
pub(super) fn conclude(failures: Vec<Failure>, all: usize, undone: &str) -> Result<()> {
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some(failure) if all == 1 => Err(failure),
        Some(failure) => Err(failure.context(format!("{failed} of {all} {undone}; the first"))),
    }
}
