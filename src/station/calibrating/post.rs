//! What is wanted of the thread that calibrates.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// When somebody last looked.
    pub(super) looked_at: Option<Instant>,
    /// Frames are to be gathered for a grid of PSFs.
    pub(super) begin: Option<(usize, usize)>,
    /// The frames that there are shall do.
    pub(super) is_enough: bool,
    /// What is being done is to be broken off.
    pub(super) is_cancelled: bool,
    /// What was found is to be written.
    pub(super) save: bool,
    /// The thread is to end.
    pub(super) is_over: bool,
}

/// Where it is noted, and whoever waits for it is woken.
#[derive(Debug, Default)]
pub(super) struct Post {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

impl Post {
    /// Notes what is wanted.
    pub(super) fn want(&self, note: impl FnOnce(&mut Wanted)) {
        note(&mut self.wanted());
        self.changed.notify_all();
    }

    /// What is wanted now.
    pub(super) fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something `is_due`.
    pub(super) fn wait(&self, is_due: impl Fn(&Wanted) -> bool) {
        let waited = self.changed.wait_while(self.wanted(), |wanted| !is_due(wanted));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for so long, or less where something new is wanted.
    pub(super) fn pause(&self, pause: Duration) {
        let waited = self.changed.wait_timeout(self.wanted(), pause);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Wanted {
    /// Whether somebody looked within that time.
    pub(super) fn is_looked_at(&self, patience: Duration) -> bool {
        self.looked_at.is_some_and(|at| at.elapsed() < patience)
    }

    /// Whether nobody needs frames to be looked at any more.
    pub(super) fn ends(&self, patience: Duration) -> bool {
        self.is_over || !self.is_looked_at(patience)
    }

    /// Whether what is being done is to end.
    pub(super) fn breaks_off(&self) -> bool {
        self.is_cancelled || self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_gone_is_not_waited_for() {
        let (patience, now) = (Duration::from_secs(20), Some(Instant::now()));
        let ends = |wanted: &Wanted, patience| wanted.ends(patience);
        assert!(ends(&Wanted::default(), patience), "nobody ever looked");
        let looked_at = Wanted { looked_at: now, ..Wanted::default() };
        assert!(!ends(&looked_at, patience));
        assert!(ends(&looked_at, Duration::ZERO), "it was too long ago");
        assert!(ends(&Wanted { is_over: true, ..looked_at }, patience));
    }
}
