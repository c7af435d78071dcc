//! Why a station cannot be made.

use std::path::PathBuf;

use displaydoc::Display;
use thiserror::Error;

use super::load::LoadError;
use super::trial::TrialError;
use crate::config::ConfigError;
use crate::exit::{ExitStatus, Status};
use crate::pipeline::PipelineError;
use crate::restore::RestoreError;
use crate::simulate::DegradeError;
use crate::sink::SinkError;
use crate::source::SourceError;

/// Why a station cannot be made as its configuration says.
#[derive(Debug, Display, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum StationError {
    /// {path}: {cause}
    Config { path: PathBuf, cause: ConfigError },
    /// the configuration cannot be run: {0}
    Unusable(Fault),
    /// {0}
    Output(#[from] SinkError),
}

/// What is wrong with a part of a station.
#[derive(Debug, Display, Error)]
pub enum Fault {
    /// {0}
    Config(#[from] ConfigError),
    /// {0}
    Load(#[from] LoadError),
    /// {0}
    Source(#[from] SourceError),
    /// {0}
    Degrade(#[from] DegradeError),
    /// {0}
    Restore(#[from] RestoreError),
    /// {0}
    Golden(#[from] GoldenError),
    /// {0}
    Trial(#[from] TrialError),
    /// {0}
    Pipeline(#[from] PipelineError),
    /// cannot start threads: {0}
    Threads(std::io::Error),
}

/// Why there is no golden frame, or it is not good.
#[derive(Debug, Display, Error)]
pub enum GoldenError {
    /// the golden frame is worse after ({after:.2} dB) than before ({before:.2} dB)
    Worse { before: f64, after: f64 },
    /// the golden frame cannot be drawn
    NoScene,
}

impl From<Fault> for StationError {
    fn from(fault: Fault) -> Self {
        Self::Unusable(fault)
    }
}

impl ExitStatus for StationError {
    fn status(&self) -> Status {
        match self {
            // A camera on a network may come up later than this machine.
            Self::Unusable(Fault::Source(error @ SourceError::Command { .. })) => error.status(),
            Self::Config { .. } | Self::Unusable(_) => Status::Config,
            Self::Output(error) => error.status(),
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Config { .. } => None,
            Self::Unusable(fault) => fault.errno(),
            Self::Output(error) => error.errno(),
        }
    }
}

impl Fault {
    fn cause(&self) -> Option<&dyn ExitStatus> {
        match self {
            Self::Config(error) => Some(error),
            Self::Load(error) => Some(error),
            Self::Source(error) => Some(error),
            Self::Degrade(error) => Some(error),
            Self::Restore(error) => Some(error),
            Self::Pipeline(error) => Some(error),
            Self::Threads(error) => Some(error),
            Self::Trial(TrialError::System(error)) => Some(error),
            Self::Golden(_) | Self::Trial(_) => None,
        }
    }
}

impl ExitStatus for Fault {
    fn status(&self) -> Status {
        self.cause().map_or(Status::Data, ExitStatus::status)
    }

    fn errno(&self) -> Option<i32> {
        self.cause().and_then(ExitStatus::errno)
    }
}
