//! `deblurd fleet`: the cameras of all hosts, listed and directed.

mod joined;
mod send;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::exit::{Failure, Result};
use super::terminal;
use crate::exit::Status;
use crate::web::{Condition, Member, Roster};
use joined::joined;
use send::Send;
pub(super) use table::{rows, summary};

/// Lists the cameras of all hosts, and sends them reloads and calibrations, by Zenoh.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 69 where nobody can be reached, 75 where a camera is gone, stale or not ready (list),
1 where one did not take what was sent.

Examples:
  deblurd fleet list --config zenoh.json5
  deblurd fleet reload --all --config zenoh.json5 --token-file token
  deblurd fleet calibrate camera.npz jetson-7/left --config zenoh.json5 --token-file token")]
pub(super) struct Fleet {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all cameras, the worst first.
    List(List),
    /// Have cameras load their configurations again.
    Reload {
        #[command(flatten)]
        send: Send,
    },
    /// Have a calibration serve until the next reload.
    Calibrate {
        /// The calibration, an .npz as `deblurd calibrate` writes it.
        calibration: PathBuf,
        #[command(flatten)]
        send: Send,
    },
}

#[derive(Debug, Args)]
struct List {
    /// Configuration file of Zenoh.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Seconds to listen.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
}

impl Fleet {
    pub(super) fn run(&self) -> Result<()> {
        match &self.action {
            Action::List(list) => list.run(),
            Action::Reload { send } => send.reload(),
            Action::Calibrate { calibration, send } => send.calibrate(calibration),
        }
    }
}

impl List {
    fn run(&self) -> Result<()> {
        let roster = follow(&self.config)?;
        std::thread::sleep(Duration::from_secs(self.seconds));
        let members = roster.members();
        if self.json {
            let told = serde_json::to_string(&members);
            let told = told.map_err(|error| Failure::new(error, Status::Failed))?;
            terminal::print(&format!("{told}\n"))?;
        } else {
            let rows = rows(&members).into_iter().map(|(_, row)| row + "\n").collect::<String>();
            terminal::print(&format!("{}\n{rows}", summary(&members)))?;
        }
        if members.iter().any(is_lost) {
            return Err(Failure::new("not all cameras are ready", Status::TryAgain));
        }
        Ok(())
    }
}

fn is_lost(member: &Member) -> bool {
    matches!(member.condition, Condition::Gone | Condition::Stale | Condition::Unready)
}

/// All cameras, by an open connection.
pub(super) fn follow(config: &Path) -> Result<Roster> {
    Ok(Roster::follow(joined(config)?)?)
}
