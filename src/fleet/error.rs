//! Why a fleet cannot be joined or asked.

use std::path::PathBuf;

use super::NOT_BUILT;
use crate::exit::{ExitStatus, Status};

/// Why a fleet cannot be joined or asked.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub enum FleetError {
    /// {NOT_BUILT:}
    NotBuilt,
    /// the Zenoh configuration {path}: {cause}
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// cannot start a thread: {0}
    Thread(std::io::Error),
    /// not connected yet
    Away,
    /// Zenoh does not take it: {0}
    Engine(String),
}

impl ExitStatus for FleetError {
    fn status(&self) -> Status {
        match self {
            Self::NotBuilt | Self::Config { .. } => Status::Config,
            Self::Thread(_) => Status::Failed,
            Self::Away | Self::Engine(_) => Status::Unavailable,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Thread(cause) => cause.raw_os_error(),
            _ => None,
        }
    }
}
