//! A connection to the fleet, by Zenoh.
//!
//! It is opened on a thread of its own, again and again until that succeeds: a router that is away must
//! not hold up a camera. Once open, the engine itself connects again whenever a connection is lost. All
//! that use one configuration file share one link.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use zenoh::{Config, Session, Wait};

use super::farewell::farewell;
use crate::fleet::{Directive, FleetError};
use crate::metrics::short;
use crate::pace::Backoff;

/// Configuration files larger than this are none.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a message that is received, at most; larger ones the engine drops before anybody sees them. The
/// largest that is meant for us is a calibration.
const MESSAGE_BYTES_MAX: usize = Directive::BODY_BYTES_MAX + (64 << 10);
const MESSAGE_BYTES: &str = "transport/link/rx/max_message_size";

/// Pauses before another attempt.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_LONGEST: Duration = Duration::from_secs(15);

/// How often somebody looks who waits for it to open.
const GLANCE: Duration = Duration::from_millis(20);

/// The links of this process.
static LINKS: Mutex<Vec<Weak<Link>>> = Mutex::new(Vec::new());

/// A connection to the fleet, open or about to be.
#[derive(Debug)]
pub struct Link {
    path: PathBuf,
    session: OnceLock<Session>,
}

impl Link {
    /// The link of a configuration file, which opens by itself.
    ///
    /// # Errors
    /// Where the file is none, or the system gives no thread.
    pub fn open(path: &Path) -> Result<Arc<Self>, FleetError> {
        let config = read(path)?;
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.strong_count() > 0);
        let known = links.iter().filter_map(Weak::upgrade).find(|link| link.path == path);
        if let Some(link) = known {
            return Ok(link);
        }
        let link = Arc::new(Self { path: path.to_owned(), session: OnceLock::new() });
        let wanted = Arc::downgrade(&link);
        let thread = std::thread::Builder::new().name("fleet".to_owned());
        thread.spawn(move || open(&wanted, &config)).map_err(FleetError::Thread)?;
        links.push(Arc::downgrade(&link));
        Ok(link)
    }

    /// Waits until it is open; whether it is then.
    pub fn wait(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.session().is_none() && Instant::now() < deadline {
            sleep(GLANCE);
        }
        self.session().is_some()
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.session.get()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            farewell(move || drop(session.close().wait()));
        }
    }
}

/// Checks that a configuration file can be read, and connects with nobody.
///
/// # Errors
/// Where it cannot.
pub fn check(path: &Path) -> Result<(), FleetError> {
    read(path).map(drop)
}

fn read(path: &Path) -> Result<Config, FleetError> {
    let wrong =
        |cause: zenoh::Error| FleetError::Config { path: path.to_owned(), cause: reason(&cause) };
    check_file(path)?;
    let mut config = Config::from_file(path).map_err(wrong)?;
    let asked = config.get_json(MESSAGE_BYTES).map_err(wrong)?.parse().unwrap_or(usize::MAX);
    let most = asked.min(MESSAGE_BYTES_MAX).to_string();
    config.insert_json5(MESSAGE_BYTES, &most).map_err(wrong)?;
    Ok(config)
}

/// The engine reads whatever there is, to its end.
fn check_file(path: &Path) -> Result<(), FleetError> {
    let wrong = |cause| FleetError::Config { path: path.to_owned(), cause };
    let found = path.metadata().map_err(|error| wrong(error.to_string()))?;
    if found.is_file() && found.len() <= CONFIG_BYTES_MAX {
        return Ok(());
    }
    let is = if found.is_file() { "longer than that" } else { "no file" };
    Err(wrong(format!("it is {is} (expected a file of {} MiB at most)", CONFIG_BYTES_MAX >> 20)))
}

/// What an error of the engine says, but for where in its sources it was found.
pub(super) fn reason(error: &zenoh::Error) -> String {
    let text = error.to_string();
    short(text.split(" at /").next().unwrap_or_default().trim_end())
}

/// Pauses between attempts at what the engine refuses.
pub(super) fn backoff() -> Backoff {
    Backoff::new(PAUSE_FIRST, PAUSE_LONGEST)
}

fn open(wanted: &Weak<Link>, config: &Config) {
    let mut backoff = backoff();
    while wanted.strong_count() > 0 {
        match zenoh::open(config.clone()).wait() {
            Ok(session) => {
                if let Some(link) = wanted.upgrade() {
                    log::info!("{}: the fleet is joined", link.path.display());
                    // Nobody else sets it.
                    let _ = link.session.set(session);
                }
                return;
            }
            Err(error) => {
                let why = reason(&error);
                log::warn!("the fleet cannot be joined, which is tried again: {why}");
                backoff.fail(Instant::now());
                sleep(backoff.left(Instant::now()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(path: &Path, words: &str) {
        let told = check(path).expect_err("no configuration").to_string();
        assert!(told.contains(words) && told.contains(&path.display().to_string()), "{told}");
    }

    #[test]
    fn what_is_no_small_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        check_refused(Path::new("/dev/zero"), "no file (expected a file of 1 MiB at most)");
        check_refused(folder.path(), "no file");
        let large = folder.path().join("large.json5");
        let file = std::fs::File::create(&large).expect("a file");
        file.set_len(CONFIG_BYTES_MAX + 1).expect("a hole");
        check_refused(&large, "longer than that");
        let small = folder.path().join("small.json5");
        std::fs::write(&small, "{ mode: 'client' }").expect("a file");
        check(&small).expect("a configuration");
    }
}
