//! How a command fails: what is told, and the exit status.

use std::fmt::Display;
use std::process::ExitCode;

use crate::exit::{ExitStatus, Status};

/// What a command gives.
pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

/// An error with the exit status that it asks for.
#[derive(Debug)]
pub(super) struct Failure {
    error: anyhow::Error,
    status: Status,
}

/// As [`Failure::context`], of results.
pub(super) trait Context<T> {
    fn context(self, what: impl Display) -> Result<T>;
    fn with_context<C: Display>(self, what: impl FnOnce() -> C) -> Result<T>;
}

impl Failure {
    /// The command line asks for what cannot be.
    pub(super) fn usage(problem: impl Display) -> Self {
        Self::new(problem, Status::Usage)
    }

    /// Something that no error says went wrong.
    pub(super) fn new(problem: impl Display, status: Status) -> Self {
        Self { error: anyhow::Error::msg(problem.to_string()), status }
    }

    /// The program was asked to end before its work was done.
    pub(super) fn interrupted(signal: i32) -> Self {
        let problem = format!("ended by signal {signal} before the work was done");
        Self::new(problem, Status::Signal(signal))
    }

    /// Says what was being done when it failed; the exit status stays.
    pub(super) fn context(self, what: impl Display) -> Self {
        Self { error: self.error.context(what.to_string()), ..self }
    }
}

impl Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:#}", self.error)
    }
}

impl<E: ExitStatus> From<E> for Failure {
    fn from(error: E) -> Self {
        let status = error.outcome();
        // Errors name their causes themselves.
        Self { error: anyhow::Error::msg(error.to_string()), status }
    }
}

impl<T, E: Into<Failure>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Display) -> Result<T> {
        self.with_context(|| what)
    }

    fn with_context<C: Display>(self, what: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| error.into().context(what()))
    }
}

/// Tells the error, if any, and gives its exit status.
pub(super) fn code(result: Result<()>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    super::terminal::note(&tidy(&format!("deblurd: {failure}")));
    // Threads that could not be stopped may still hold files.
    crate::sink::remove_unfinished();
    ExitCode::from(failure.status.code())
}

/// Characters of an error that are told, at most.
const TOLD_MAX: usize = 2000;

/// The text without characters that would do something to a terminal, but for ends of lines. What
/// stands in files and answers is part of it.
fn tidy(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { '?' } else { c };
    text.chars().take(TOLD_MAX).map(shown).collect()
}
