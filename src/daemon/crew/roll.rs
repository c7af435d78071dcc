//! Who the cameras are, asked again at a reload.
//!
//! The file is read on a thread of its own: it may lie where nobody answers. Once it is read, or takes
//! too long, the reload is passed on to the stations; what they make of it is theirs.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::config::Cameras;
use crate::station::cameras;

/// Time that reading may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cameras as the configuration has them now; `None` where it does not tell.
type Read = JoinHandle<Option<Cameras>>;

/// Reads the names of the cameras again whenever a reload is asked for.
#[derive(Debug)]
pub(super) struct Roll {
    path: PathBuf,
    /// Reloads that are being met, and those that were passed on.
    seen: u64,
    passed: u64,
    reading: Option<(Read, Instant)>,
}

impl Roll {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: 0, passed: 0, reading: None }
    }

    /// How many reloads were passed on to the stations.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Whether a reload waits to be passed on.
    pub(super) fn is_busy(&self) -> bool {
        self.passed < self.seen
    }

    /// Takes note of reloads that were asked for; who the cameras are, where that was asked and is known.
    pub(super) fn attend(&mut self, requests: u64) -> Option<Cameras> {
        let is_stuck = self.reading.is_some() && !self.is_busy();
        if requests > self.seen && !self.is_busy() {
            self.seen = requests;
            if is_stuck {
                self.passed = self.seen;
            } else {
                self.begin();
            }
        }
        match self.reading.take() {
            Some((reading, _)) if reading.is_finished() => {
                let is_late = !self.is_busy();
                self.passed = self.seen;
                reading.join().ok().flatten().filter(|_| !is_late)
            }
            Some((reading, since)) => {
                if since.elapsed() >= PATIENCE && self.is_busy() {
                    log::error!("reload: {} cannot be read in {PATIENCE:?}", self.path.display());
                    self.passed = self.seen;
                }
                self.reading = Some((reading, since));
                None
            }
            None => {
                self.passed = self.seen;
                None
            }
        }
    }

    fn begin(&mut self) {
        let path = self.path.clone();
        // What is wrong each station tells, which reads it, too.
        let read = move || cameras(&path).ok().flatten();
        let thread = std::thread::Builder::new().name("cameras".to_owned()).spawn(read);
        match thread {
            Ok(reading) => self.reading = Some((reading, Instant::now())),
            Err(error) => log::error!("reload: cannot start a thread: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[camera]]\nname = 'left'\n";

    #[track_caller]
    fn check(roll: &mut Roll, requests: u64, expected: &[&str]) {
        let mut told = roll.attend(requests);
        while told.is_none() && roll.is_busy() {
            std::thread::yield_now();
            told = roll.attend(requests);
        }
        assert_eq!(told.map(|cameras| cameras.names).unwrap_or_default(), expected);
        assert_eq!(roll.passed(), requests);
    }

    #[test]
    fn a_reload_asks_who_the_cameras_are_and_is_passed_on_whatever_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cameras.toml");
        let mut roll = Roll::new(&path);
        assert!(roll.attend(0).is_none() && !roll.is_busy() && roll.passed() == 0);
        check(&mut roll, 1, &[]);
        std::fs::write(&path, ONE).expect("a file");
        check(&mut roll, 2, &["left"]);
        check(&mut roll, 2, &[]);
        std::fs::write(&path, format!("{ONE}[[camera]]\nname = 'right'\n")).expect("a file");
        check(&mut roll, 5, &["left", "right"]);
        std::fs::write(&path, "[source]\n").expect("a file");
        check(&mut roll, 6, &[]);
    }
}
