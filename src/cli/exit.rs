//! From errors to exit statuses, as in `sysexits.h`.

use std::process::ExitCode;

use super::client::ClientError;
use crate::config::ConfigError;
use crate::optics::PsfError;
use crate::pipeline::PipelineError;
use crate::restore::RestoreError;
use crate::restore::model::ModelError;
use crate::service::exit_code;
use crate::sink::SinkError;
use crate::source::SourceError;
use crate::v4l2::V4l2Error;
use crate::web::WebError;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const DATA: u8 = 65;
const NO_INPUT: u8 = 66;
const UNAVAILABLE: u8 = 69;
const CANNOT_CREATE: u8 = 73;
const TRY_AGAIN: u8 = 75;
const CONFIG: u8 = 78;

/// The program was asked to end before its work was done.
#[derive(Debug, thiserror::Error)]
#[error("ended by signal {0} before the work was done")]
pub(super) struct Interrupted(pub(super) i32);

/// The command line asks for what cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// What a configuration names cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be run")]
pub(super) struct Unusable;

/// An input cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {cause}", path.display())]
pub(super) struct NoInput {
    pub(super) path: std::path::PathBuf,
    pub(super) cause: std::io::Error,
}

/// Tells the error, if any, and gives its exit status.
pub(super) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    super::terminal::note(&format!("deblurd: {error:#}"));
    // Threads that could not be stopped may still hold files.
    crate::sink::remove_unfinished();
    ExitCode::from(status(&error))
}

/// The error number of the system, where it was the system that failed.
pub(super) fn errno(error: &anyhow::Error) -> Option<i32> {
    error.chain().find_map(of_system)
}

fn of_system(cause: &(dyn std::error::Error + 'static)) -> Option<i32> {
    if let Some(NoInput { cause, .. }) = cause.downcast_ref() {
        return cause.raw_os_error();
    }
    if let Some(SourceError::Read { cause, .. }) = cause.downcast_ref() {
        return cause.raw_os_error();
    }
    if let Some(SinkError::Write { cause, .. }) = cause.downcast_ref() {
        return cause.raw_os_error();
    }
    if let Some(WebError::Listen { cause, .. }) = cause.downcast_ref() {
        return cause.raw_os_error();
    }
    if let Some(PipelineError::Sink { cause, .. }) = cause.downcast_ref() {
        return of_system(cause);
    }
    cause.downcast_ref::<std::io::Error>()?.raw_os_error()
}

fn status(error: &anyhow::Error) -> u8 {
    // The outermost cause that says anything decides.
    if let Some(Interrupted(signal)) = error.downcast_ref() {
        return u8::try_from(exit_code(*signal)).unwrap_or(FAILED);
    }
    if error.is::<Unusable>() || error.is::<ConfigError>() {
        return CONFIG;
    }
    error.chain().find_map(of_cause).unwrap_or(FAILED)
}

fn client(error: &ClientError) -> u8 {
    match error {
        ClientError::Unreachable { .. } => UNAVAILABLE,
        ClientError::Unready(_) => TRY_AGAIN,
        ClientError::Locked { .. } => USAGE,
        ClientError::Strange { .. } => DATA,
    }
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    let source = |error: &SourceError| match error {
        SourceError::Read { .. } => NO_INPUT,
        SourceError::Setting { .. } => USAGE,
        SourceError::Camera(_) => TRY_AGAIN,
        _ => DATA,
    };
    let sink = |error: &SinkError| match error {
        SinkError::Publish { .. } => UNAVAILABLE,
        SinkError::Write { .. } | SinkError::Device { .. } => CANNOT_CREATE,
        _ => FAILED,
    };
    let web = |error: &WebError| match error {
        WebError::Listen { .. } => UNAVAILABLE,
        WebError::Unprotected(_) => CONFIG,
        WebError::Panicked => FAILED,
    };
    if let Some(error) = cause.downcast_ref() {
        return Some(source(error));
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(sink(error));
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(web(error));
    }
    if let Some(PipelineError::Sink { cause, .. }) = cause.downcast_ref() {
        return Some(sink(cause));
    }
    if let Some(error) = cause.downcast_ref() {
        return Some(client(error));
    }
    if cause.is::<V4l2Error>() {
        return Some(NO_INPUT);
    }
    if cause.is::<Usage>() {
        return Some(USAGE);
    }
    if cause.is::<NoInput>() {
        return Some(NO_INPUT);
    }
    let is_data = cause.is::<PsfError>() || cause.is::<ModelError>() || cause.is::<RestoreError>();
    is_data.then_some(DATA)
}
