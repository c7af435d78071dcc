//! Directives on their way to cameras.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::joined::joined;
use crate::cli::exit::{Failure, Result};
use crate::cli::terminal;
use crate::exit::Status;
use crate::fleet::{Directive, Link, Name, Secret, Subject, ask};
use crate::metrics::short;
use crate::source::read_bounded;
use crate::station::{LoadError, load};
use crate::web::Token;

/// How long a camera may take to answer; those of a fleet that is asked as a whole, too.
const PATIENCE: Duration = Duration::from_secs(5);

/// To whom something is sent, and by whose token.
#[derive(Debug, Args)]
pub(super) struct Send {
    /// Cameras, each as HOST/CAMERA.
    #[arg(value_name = "HOST/CAMERA", required_unless_present = "all")]
    cameras: Vec<Name>,
    /// All cameras that answer.
    #[arg(long, conflicts_with = "cameras")]
    all: bool,
    /// Configuration file of Zenoh.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// File with the token of the cameras.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

impl Send {
    pub(super) fn reload(&self) -> Result<()> {
        self.send(&Directive::Reload)
    }

    pub(super) fn calibrate(&self, path: &Path) -> Result<()> {
        let bytes = read_bounded(path, Directive::BODY_BYTES_MAX as u64);
        let bytes = bytes.map_err(|cause| LoadError::Read { path: path.to_owned(), cause })?;
        self.send(&Directive::Calibration(bytes.into()))
    }

    fn send(&self, directive: &Directive) -> Result<()> {
        let text = load::token_text(&self.token_file)?;
        Token::new(&text)?;
        let (secret, link) = (Secret::of_token(&text), joined(&self.config)?);
        let names = if self.all { all(&link)? } else { self.cameras.clone() };
        if names.is_empty() {
            return Err(Failure::new("no camera answers", Status::Unavailable));
        }
        let mut failed = 0;
        for name in &names {
            let told = match sent(&link, &secret, name, directive) {
                Ok(()) => "taken".to_owned(),
                Err(why) => {
                    failed += 1;
                    format!("not taken: {}", short(&why))
                }
            };
            terminal::print(&format!("{name}: {told}\n"))?;
        }
        match failed {
            0 => Ok(()),
            _ => {
                let problem = format!("{failed} of {} cameras did not take it", names.len());
                Err(Failure::new(problem, Status::Failed))
            }
        }
    }
}

/// The cameras that answer.
fn all(link: &Link) -> Result<Vec<Name>> {
    // Challenges are short, states of thousands are not.
    let replies = ask(link, None, Subject::Directive, Vec::new(), PATIENCE)?;
    let mut names: Vec<Name> = replies.into_iter().map(|reply| reply.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Asks one camera for its challenge and answers it with the directive.
fn sent(link: &Link, secret: &Secret, name: &Name, directive: &Directive) -> Result<(), String> {
    let question = |sent| {
        let replies = ask(link, Some(name), Subject::Directive, sent, PATIENCE);
        let reply = replies.map_err(|error| error.to_string())?.into_iter().next();
        reply.ok_or_else(|| "no answer".to_owned())?.answer
    };
    let challenge = question(Vec::new())?;
    let challenge = challenge.try_into().map_err(|_| "it gives no challenge of 16 bytes")?;
    question(directive.signed(secret, name, &challenge)).map(drop)
}
