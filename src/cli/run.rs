//! `deblurd run`: the daemon.

use std::path::PathBuf;

use clap::Args;

use super::exit::Result;
use super::terminal;
use crate::daemon::{self, Shutdown};

/// Runs the daemon: source, PSF, model and sinks as the configuration says.
#[derive(Debug, Args)]
#[command(after_help = "\
Every key of the configuration can be overridden by a variable DEBLURD_SECTION__KEY:
  DEBLURD_RESTORE__SIGMA=5 DEBLURD_SINK__0__LISTEN=127.0.0.1:9000 deblurd run --config deblurd.toml

SIGTERM and SIGINT end it within 2 s, a second one at once. SIGHUP loads [restore] and [simulate]
again, with PSF and model; they are used once a golden frame was restored with them.
Under systemd it is ready after the first restored frame, or when no frame comes for now, and feeds
the watchdog while frames are restored or waited for.")]
pub(super) struct Run {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Run {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        Ok(daemon::run(&self.config, shutdown, &terminal::note)?)
    }
}
