//! The process: its stations, signals, the service manager, the watchdog, the log.
//!
//! [`run`] is the daemon, of one station or of several. Signals become requests, which commands ask for ([`Shutdown`]). An
//! [`Attendant`] looks after what runs: it reports to the service manager ([`ServiceManager`]) and
//! feeds the watchdog while there is progress ([`Feeder`]). The log counts messages that repeat
//! ([`start_log`]).

mod attend;
mod care;
mod error;
mod crew;
mod fold;
mod herald;
mod journal;
mod manager;
mod pages;
mod report;
mod run;
mod signals;
mod start;
mod watch;
mod watchdog;

pub use attend::Attendant;
pub use error::DaemonError;
pub use journal::{start_log, tell_repeats};
pub use manager::ServiceManager;
pub use pages::{open_page, try_page};
pub use report::describe;
pub use run::run;
pub use signals::{HangUp, Hasty, PATIENCE, Shutdown};
pub use watch::{GLANCE, STOP_PATIENCE, conclude, stop, watch};
pub use watchdog::{Feeder, Progress};
