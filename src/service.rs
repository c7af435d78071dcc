//! Being a well-behaved process: signals.
//!
//! SIGINT and SIGTERM ask the program to end. The first is noted for whoever asks, and gives the
//! program [`PATIENCE`] to end by itself; when that is over, or at a second signal, the process is
//! ended. Files are written aside and renamed when whole, so nothing half-written is left under
//! its final name whichever way it goes; what was written aside is cleaned away first.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Time from a signal until the process is ended by force.
pub const PATIENCE: Duration = Duration::from_millis(1500);

/// Whether the program was asked to end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    signal: Arc<AtomicI32>,
}

impl Shutdown {
    /// Listens to SIGINT and SIGTERM from now on. `clean_up` is called before the process is ended
    /// by force.
    ///
    /// # Errors
    /// Where the system does not let us.
    pub fn listen(clean_up: fn()) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let noted = shutdown.clone();
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if noted.signal.swap(signal, Ordering::Relaxed) != 0 {
                    end(signal, clean_up);
                }
                end_after_patience(signal, clean_up);
            }
        })?;
        Ok(shutdown)
    }

    /// The signal that asked the program to end.
    pub fn requested(&self) -> Option<i32> {
        Some(self.signal.load(Ordering::Relaxed)).filter(|&signal| signal != 0)
    }
}

/// The exit status of a program that ended because of a signal.
pub const fn exit_code(signal: i32) -> i32 {
    128 + signal
}

fn end(signal: i32, clean_up: fn()) -> ! {
    clean_up();
    std::process::exit(exit_code(signal));
}

fn end_after_patience(signal: i32, clean_up: fn()) {
    let ended = std::thread::Builder::new().name("patience".to_owned()).spawn(move || {
        std::thread::sleep(PATIENCE);
        log::error!("still at work {PATIENCE:?} after the signal: ending by force");
        end(signal, clean_up);
    });
    if ended.is_err() {
        end(signal, clean_up);
    }
}
