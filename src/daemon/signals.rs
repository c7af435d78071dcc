//! Signals become requests.
//!
//! SIGINT and SIGTERM ask the program to end. The first is noted for whoever asks, and gives the
//! program [`PATIENCE`] to end by itself; when that is over, at a second signal, or while there is
//! nothing to be finished ([`Shutdown::hasty`]), the process is ended. Files are written aside and
//! renamed when whole, so nothing half-written is left under its final name whichever way it goes;
//! what was written aside is cleaned away first.
//!
//! SIGHUP asks a daemon to load its configuration again; any other program it ends as SIGTERM
//! does. SIGPIPE is ignored by Rust's runtime: a reader that went away is an error of the write. So
//! is a file that would grow beyond what the process may write, for which SIGXFSZ is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::exit::Status;

/// Time from a signal until the process is ended by force.
pub const PATIENCE: Duration = Duration::from_millis(1500);

/// Time that the last words in the log may take: nobody may read it.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What was asked of the program by signals: its end, or a reload.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Noted>);

/// What SIGHUP asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// The end, as whoever looked at the terminal is gone.
    End,
    /// That the configuration is loaded again.
    Reload,
}

/// While this lives, the first signal ends the process at once.
#[derive(Debug)]
pub struct Hasty(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    signal: AtomicI32,
    reloads: AtomicU64,
    is_hasty: AtomicBool,
}

impl Shutdown {
    /// Listens to signals from now on. `clean_up` is called before the process is ended by force.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub fn listen(hang_up: HangUp, clean_up: fn()) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        // Nobody looks at this flag: the write that was too much fails with EFBIG.
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        let noted = Arc::clone(&shutdown.0);
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if signal == SIGHUP && hang_up == HangUp::Reload {
                    noted.reloads.fetch_add(1, Ordering::SeqCst);
                } else {
                    noted.ask_to_end(signal, clean_up);
                }
            }
        })?;
        Ok(shutdown)
    }

    /// The signal that asked the program to end.
    pub fn requested(&self) -> Option<i32> {
        Some(self.0.signal.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
    }

    /// How often a reload was asked for so far.
    pub fn reloads(&self) -> u64 {
        self.0.reloads.load(Ordering::SeqCst)
    }

    /// From now until the guard goes there is nothing to be finished: a signal ends the process at
    /// once. For the long work before the first frame, which nobody can interrupt.
    #[must_use = "the process is in haste only while the guard lives"]
    pub fn hasty(&self) -> Hasty {
        self.0.is_hasty.store(true, Ordering::SeqCst);
        Hasty(Arc::clone(&self.0))
    }
}

impl Noted {
    fn ask_to_end(&self, signal: i32, clean_up: fn()) {
        let is_second = self.signal.swap(signal, Ordering::SeqCst) != 0;
        // Sequential consistency: a guard that goes now is either seen gone here, or whoever
        // dropped it sees the signal.
        if is_second || self.is_hasty.load(Ordering::SeqCst) {
            end(signal, clean_up);
        }
        end_after_patience(signal, clean_up);
    }
}

impl Drop for Hasty {
    fn drop(&mut self) {
        self.0.is_hasty.store(false, Ordering::SeqCst);
    }
}

fn end(signal: i32, clean_up: fn()) -> ! {
    clean_up();
    std::process::exit(Status::Signal(signal).code().into());
}

fn end_after_patience(signal: i32, clean_up: fn()) {
    let ended = std::thread::Builder::new().name("patience".to_owned()).spawn(move || {
        std::thread::sleep(PATIENCE);
        say_last_words();
        end(signal, clean_up);
    });
    if ended.is_err() {
        end(signal, clean_up);
    }
}

/// Tells of the forced end, unless whoever should read the log holds it up.
fn say_last_words() {
    let (sender, told) = mpsc::sync_channel(1);
    let speaker = std::thread::Builder::new().spawn(move || {
        log::error!("still at work {PATIENCE:?} after the signal: ending by force");
        log::logger().flush();
        sender.send(())
    });
    if speaker.is_ok() {
        // Either the words are out or they never will be: the process ends now.
        let _ = told.recv_timeout(LAST_WORDS);
    }
}
