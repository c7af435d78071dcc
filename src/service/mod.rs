//! Being a well-behaved process: signals, the service manager, the log, the device.
//!
//! Nothing here knows frames. Signals become requests that whoever runs asks for ([`Shutdown`]);
//! the service manager is told how it goes ([`Supervisor`]) and that it goes at all ([`Watch`]);
//! the log folds what repeats ([`start_log`]); [`Thermal`] reads how hot the device is.

mod fold;
mod journal;
mod notify;
mod signals;
mod thermal;
mod watch;

pub use journal::{start_log, tell_repeats};
pub use notify::Supervisor;
pub use signals::{HangUp, Hasty, PATIENCE, Shutdown, exit_code};
pub use thermal::{Reading, Thermal};
pub use watch::{Progress, Watch};
