//! Why a server cannot serve.

use std::io;
use std::net::SocketAddr;

use crate::exit::{ExitStatus, Status};

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error, displaydoc::Display)]
pub enum WebError {
    /// cannot listen on {address}: {cause}
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// {0} can be reached from other machines (expected a token)
    Unprotected(SocketAddr),
    /// the key `clients` is {clients}, and the process may have {files} files open (expected at most {most}, or a higher limit, LimitNOFILE= of a unit)
    Files {
        /// Connections asked for.
        clients: usize,
        /// Files that may be open.
        files: usize,
        /// Connections that there is room for.
        most: usize,
    },
    /// the thread of the live page panicked
    Panicked,
}

impl ExitStatus for WebError {
    fn status(&self) -> Status {
        match self {
            Self::Listen { .. } => Status::Unavailable,
            Self::Unprotected(_) | Self::Files { .. } => Status::Config,
            Self::Panicked => Status::Failed,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Listen { cause, .. } => cause.raw_os_error(),
            Self::Unprotected(_) | Self::Files { .. } | Self::Panicked => None,
        }
    }
}
