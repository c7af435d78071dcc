//! What a camera did not do.

use std::path::PathBuf;

use crate::source::unpack::UnpackError;
use crate::v4l2::{Damage, ErrorKind, Field, V4l2Error};

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
    /// It gives fields of frames, each in a buffer or a part of one.
    #[error("{}: the camera gives fields ({field}) instead of frames (expected whole or interlaced ones; choose another input or standard)", device.display())]
    Fields {
        /// The device.
        device: PathBuf,
        /// What it says of them.
        field: Field,
    },
    /// A buffer holds a field although frames were agreed on.
    #[error("the buffer holds a field ({0}) instead of a frame")]
    Field(Field),
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
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Device(error) => error.kind(),
            Self::Damaged(_) | Self::Field(_) => ErrorKind::Transient,
            Self::Refused { .. }
            | Self::Fields { .. }
            | Self::Picture(_)
            | Self::GivenUp { .. } => ErrorKind::Unsupported,
        }
    }
}
