//! Why the process ends.

use std::path::PathBuf;

use displaydoc::Display;
use thiserror::Error;

use crate::exit::{ExitStatus, Status};
use crate::fleet::FleetError;
use crate::pipeline::PipelineError;
use crate::sink::SinkError;
use crate::source::SourceError;
use crate::station::{Fault, StationError};
use crate::web::{TokenError, WebError};

/// Why a daemon cannot start, or ended.
#[derive(Debug, Display, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum DaemonError {
    /// {0}
    Station(#[from] StationError),
    /// {0}
    Web(#[from] WebError),
    /// {0}
    Fleet(#[from] FleetError),
    /// the configuration cannot be run: the token in {path}: {cause}
    Token { path: PathBuf, cause: TokenError },
    /// {0}
    Pipeline(#[from] PipelineError),
    /// the source gave up: {0}
    Source(SourceError),
    /// sink {name}: {cause}
    Sink { name: String, cause: SinkError },
    /// camera {name}: {cause}
    Camera { name: String, cause: Box<DaemonError> },
    /// ended by signal {signal} before the work was done: {cause}
    Interrupted { signal: i32, cause: PipelineError },
}

impl From<Fault> for DaemonError {
    fn from(fault: Fault) -> Self {
        Self::Station(fault.into())
    }
}

impl DaemonError {
    fn cause(&self) -> &dyn ExitStatus {
        match self {
            Self::Station(error) => error,
            Self::Web(error) => error,
            Self::Fleet(error) => error,
            Self::Token { cause, .. } => cause,
            Self::Pipeline(error) | Self::Interrupted { cause: error, .. } => error,
            Self::Source(error) => error,
            Self::Sink { cause, .. } => cause,
            Self::Camera { cause, .. } => cause.as_ref(),
        }
    }
}

impl ExitStatus for DaemonError {
    fn status(&self) -> Status {
        match self {
            Self::Interrupted { signal, .. } => Status::Signal(*signal),
            error => error.cause().status(),
        }
    }

    fn errno(&self) -> Option<i32> {
        self.cause().errno()
    }
}
