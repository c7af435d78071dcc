//! What every sink offers, and why one loses frames.

use std::path::PathBuf;

use crate::exit::{ExitStatus, Status};
use crate::fleet::{FleetError, NameError};
use crate::frame::{Frame, FrameRate, PictureFormat, StreamNotes};
use crate::v4l2::V4l2Error;

/// Something that takes restored frames.
pub trait Sink: Send {
    /// Short name for logs and statistics.
    fn name(&self) -> &str;

    /// Whether it looks at frames as captured, too: those of other sinks may come without.
    fn shows_captured(&self) -> bool {
        false
    }

    /// Whether it gives way to all else: nobody waits for its frames in a loop.
    fn gives_way(&self) -> bool {
        false
    }

    /// Called once, before [`Self::start`], with what the stream says of itself, for sinks that can
    /// pass it on.
    fn heed(&mut self, _notes: &StreamNotes) {}

    /// Called once, before the first frame, with the format of every restored picture and the
    /// rate they are meant to be shown at.
    ///
    /// # Errors
    /// Where the sink cannot take such frames.
    fn start(&mut self, format: PictureFormat, rate: FrameRate) -> Result<(), SinkError>;

    /// Takes one frame; the frame's buffers are lent for the time of the call. Returns within a
    /// second where the sink waits for somebody.
    ///
    /// # Errors
    /// Where this and every further frame is lost; [`SinkError::Busy`] where only this one is, and
    /// [`SinkError::Later`] where this one may be offered again.
    fn deliver(&mut self, frame: &Frame) -> Result<(), SinkError>;

    /// Called after the last frame: flushes and closes. Returns within a second where the sink waits
    /// for somebody.
    ///
    /// # Errors
    /// Where frames already taken could not be kept; [`SinkError::Later`] where it is not done yet and
    /// may be called again.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// Why a sink lost frames.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
pub enum SinkError {
    /// cannot write {path}: {cause}
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// cannot encode {what}: {cause}
    Encode {
        /// What was to be encoded.
        what: String,
        /// What the encoder said.
        cause: String,
    },
    /// this frame cannot be taken; a further one may be
    Busy,
    /// cannot use {cause}; {advice}
    Device {
        /// Which device, and why not.
        cause: Box<V4l2Error>,
        /// What a person can do about it.
        advice: String,
    },
    /// cannot publish as '{service}': {cause}
    Publish {
        /// The name of the service.
        service: String,
        /// Why not.
        cause: String,
    },
    /// {0}
    Fleet(#[from] FleetError),
    /// {0}
    Name(#[from] NameError),
    /// the command {command} cannot be used: {cause}
    Command {
        /// Its short name.
        command: String,
        /// Why not.
        cause: String,
    },
    /// not now; it may be tried again
    Later,
    /// the reader of {0} went away
    Closed(PathBuf),
}

impl ExitStatus for SinkError {
    fn status(&self) -> Status {
        match self {
            Self::Publish { .. } => Status::Unavailable,
            Self::Fleet(cause) => cause.status(),
            Self::Name(_) => Status::Config,
            Self::Write { .. } | Self::Device { .. } | Self::Command { .. } => Status::CannotCreate,
            _ => Status::Failed,
        }
    }

    fn errno(&self) -> Option<i32> {
        match self {
            Self::Write { cause, .. } => cause.raw_os_error(),
            Self::Fleet(cause) => cause.errno(),
            _ => None,
        }
    }
}
