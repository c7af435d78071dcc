//! A camera as a source.
//!
//! That a camera is absent, unplugged, silent, frozen or failing is a state, not an error. The
//! source recovers by itself and gives stand-ins meanwhile; every state is logged when it is
//! entered, and counted.
//!
//! ```text
//! Starting ──▶ Live ◀──────────── a new picture, from every state
//!                │ nothing for `silence`, or no usable picture ▶ Silent, Failing ─┐
//!                │ the same picture `frozen_frames` times      ▶ Frozen ──────────┤
//!                │ a call fails                                ▶ Failing ─────────┤
//!                │ the device is gone                          ▶ Absent           │
//!                ▼                                                                ▼
//!          close everything, open again when it is there ◀── restart the stream first
//! ```
//!
//! What helps is tried in order: the stream is restarted; the device is closed, with all that
//! belongs to it, and opened again by its stable name, at longer and longer intervals up to a
//! second; a camera that is there but does not come back is an error at last, upon which the
//! process ends with a status that makes the service manager start it afresh.

mod adapt;
mod camera;
mod choose;
#[cfg(test)]
mod fake;
mod names;
mod options;
#[cfg(test)]
mod scripts;
mod session;
mod stand_in;
mod supervisor;
mod webcam;

use std::path::PathBuf;
use std::sync::Arc;

pub use crate::v4l2::Setting;
pub use options::{Tone, V4l2Options};

use super::unpack::UnpackError;
use super::{Filled, Source, SourceError};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::SourceMetrics;
use crate::v4l2::{Damage, ErrorKind, V4l2Error};
use supervisor::Supervisor;
use webcam::Webcam;

/// A camera.
#[derive(Debug)]
pub struct V4l2Source(Supervisor);

/// What a camera did not do.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// The device failed or cannot do it.
    #[error(transparent)]
    Device(#[from] V4l2Error),
    /// It has none of the formats asked for.
    #[error("{}: the camera has none of {wishes} in a form that can be used; it has (size at most frames/s)\n{offers}", device.display())]
    Refused {
        /// The device.
        device: PathBuf,
        /// The formats asked for.
        wishes: String,
        /// The formats, sizes and rates that it has.
        offers: String,
    },
    /// A frame is damaged.
    #[error("{0}")]
    Damaged(Damage),
    /// A frame, or what was agreed on, is not what it should be.
    #[error(transparent)]
    Picture(#[from] UnpackError),
    /// It is there but does not come back.
    #[error("the camera is given up after {tries} openings: {cause}")]
    GivenUp {
        /// Openings without a picture.
        tries: u32,
        /// What was wrong at last.
        cause: String,
    },
}

impl CameraError {
    /// What can be done about it.
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Device(error) => error.kind(),
            Self::Damaged(_) => ErrorKind::Transient,
            Self::Refused { .. } | Self::Picture(_) | Self::GivenUp { .. } => {
                ErrorKind::Unsupported
            }
        }
    }
}

impl V4l2Source {
    /// Opens a camera. One that is absent, busy or broken is waited for; the format of the stream
    /// is then that of the options.
    ///
    /// # Errors
    /// Where the camera is there and cannot do what is asked for: it has none of the formats, or
    /// not a control, or not the value of one.
    pub fn open(options: V4l2Options, metrics: Arc<SourceMetrics>) -> Result<Self, SourceError> {
        let camera = Box::new(Webcam::new(options.clone()));
        Ok(Self(Supervisor::start(camera, options, metrics)?))
    }
}

impl Source for V4l2Source {
    fn format(&self) -> PictureFormat {
        self.0.format()
    }

    fn rate(&self) -> FrameRate {
        self.0.rate()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        Ok(self.0.fill(frame)?)
    }
}
