//! What a camera did not do.

use std::path::PathBuf;

use crate::source::unpack::UnpackError;
use crate::v4l2::{Damage, ErrorKind, Field, V4l2Error};

/// What a camera did not do.
#[derive(Debug, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum CameraError {
    /// {0}
    Device(#[from] V4l2Error),
    #[displaydoc(
        "{device}: the camera has none of {wishes} in a form that can be used; it has (size at most frames/s)\n{offers}"
    )]
    Refused { device: PathBuf, wishes: String, offers: String },
    /// {device}: the camera gives fields ({field}) instead of frames (expected whole or interlaced ones; choose another input or standard)
    Fields { device: PathBuf, field: Field },
    /// the buffer holds a field ({0}) instead of a frame
    Field(Field),
    /// {0}
    Damaged(Damage),
    /// {0}
    Picture(#[from] UnpackError),
    /// the camera is given up after {tries} openings: {cause}
    GivenUp { tries: u32, cause: String },
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
