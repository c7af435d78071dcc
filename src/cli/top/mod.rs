//! `deblurd top`: a running daemon, or a fleet of them, live in the terminal.

mod draw;
mod fleet;
mod fold;
mod screen;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use clap::Args;

use super::client::{Client, ClientError, Daemon};
use super::exit::{Context, Failure, Result};
use super::fleet::follow;
use crate::daemon::Shutdown;
use crate::web::State;
use draw::View;
use fold::shown;
use screen::{Key, Line, Screen};

/// Time between two questions to the daemon.
const EVERY: Duration = Duration::from_millis(500);
/// How soon a key or a signal is noticed.
const GLANCE: Duration = Duration::from_millis(100);

/// Shows a running daemon live in the terminal; q quits, arrows move over what does not fit.
///
/// Times are upper bounds of bins a fifth wide.
#[derive(Debug, Args)]
pub(super) struct Top {
    #[command(flatten)]
    daemon: Daemon,
    /// Show all cameras of all hosts instead, by Zenoh with this configuration file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "token_file"])]
    fleet: Option<PathBuf>,
}

impl Top {
    pub(super) fn run(&self, shutdown: &Shutdown) -> Result<()> {
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            let why = "top needs a terminal (expected one; `deblurd status` needs none)";
            return Err(Failure::usage(why));
        }
        if let Some(config) = &self.fleet {
            let roster = follow(config)?;
            return live(shutdown, |size, above| {
                shown(&fleet::told(&roster.members()), size, above)
            });
        }
        let client = self.daemon.client()?;
        let mut view = View::new(client.url().to_owned());
        let answers = ask_again_and_again(client).context("cannot start a thread")?;
        live(shutdown, |(width, height), above| {
            answers.try_iter().for_each(|answer| view.take(answer));
            view.lines(width, height, above)
        })
    }
}

/// Shows lines until somebody has seen enough: those behind so many above, on so many columns and rows,
/// and how many are above them.
fn live(
    shutdown: &Shutdown,
    mut lines: impl FnMut((usize, usize), usize) -> (Vec<Line>, usize),
) -> Result<()> {
    let mut above = 0;
    let mut screen = Screen::open().context("the terminal cannot be used")?;
    loop {
        if let Some(signal) = shutdown.requested() {
            drop(screen);
            return Err(Failure::interrupted(signal));
        }
        screen.show(|width, height| {
            let (lines, shown_above) = lines((width, height), above);
            above = shown_above;
            lines
        })?;
        match screen.wait(GLANCE)? {
            Some(Key::Quit) => return Ok(()),
            Some(Key::Move(by)) => above = above.saturating_add_signed(by),
            Some(Key::Other) | None => {}
        }
    }
}

/// Asks on a thread of its own, so that a daemon that is slow to answer does not hold up keys.
fn ask_again_and_again(client: Client) -> std::io::Result<Receiver<Result<State, ClientError>>> {
    let (sender, answers) = sync_channel(1);
    let ask = move || {
        while sender.send(client.state()).is_ok() {
            std::thread::sleep(EVERY);
        }
    };
    std::thread::Builder::new().name("client".to_owned()).spawn(ask)?;
    Ok(answers)
}
