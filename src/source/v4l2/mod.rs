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
#[cfg(test)]
mod scripts;
mod session;
mod stand_in;
mod supervisor;
mod webcam;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::v4l2::Setting;

use super::unpack::{PixelFormat, RawOptions, UnpackError};
use super::{Filled, Source, SourceError};
use crate::frame::{Extent, Frame, FrameRate, PictureFormat};
use crate::metrics::SourceMetrics;
use crate::v4l2::{Damage, ErrorKind, V4l2Error};
use supervisor::Supervisor;
use webcam::Webcam;

/// Which camera, and how.
#[derive(Debug, Clone)]
pub struct V4l2Options {
    /// The device, by any of its names.
    pub device: PathBuf,
    /// Pixel formats that will do, the best first; at least one.
    pub formats: Vec<PixelFormat>,
    /// Width and height to ask for.
    pub extent: Extent,
    /// Frames a second to ask for.
    pub rate: FrameRate,
    /// Buffers to ask for.
    pub buffers: u32,
    /// Time without a picture after which a camera counts as silent.
    pub silence: Duration,
    /// Equal pictures after which a camera counts as frozen; 0 for never.
    pub frozen_frames: u32,
    /// Openings without a picture after which a camera that is there is given up; 0 for never.
    pub reopens: u32,
    /// See [`super::unpack::UnpackOptions`].
    pub sample_shift: u8,
    /// What becomes of the mosaics of sensors.
    pub raw: RawOptions,
    /// Controls to set at each opening, by name.
    pub controls: Vec<(String, Setting)>,
}

impl V4l2Options {
    /// The pixel formats that will do where nobody says otherwise: those with colour and without
    /// compression first, then MJPEG, then luma alone, then mosaics.
    pub fn usual_formats() -> Vec<PixelFormat> {
        let place = |format: &PixelFormat| match &format.fourcc() {
            _ if format.is_bayer() => 4,
            b"GREY" | b"Y10 " | b"Y12 " | b"Y16 " => 3,
            _ if format.is_compressed() => 2,
            b"RGB3" | b"BGR3" => 1,
            _ => 0,
        };
        let mut formats = PixelFormat::ALL.to_vec();
        formats.sort_by_key(place);
        formats
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_comes_after_colour_and_before_gray() {
        let usual: Vec<String> =
            V4l2Options::usual_formats().iter().map(PixelFormat::to_string).collect();
        let place = |name: &str| usual.iter().position(|it| it == name).expect("a usual format");
        assert_eq!(usual.len(), PixelFormat::ALL.len());
        assert!(place("YUYV") < place("RGB3") && place("RGB3") < place("MJPG"), "{usual:?}");
        assert!(place("MJPG") < place("GREY") && place("Y16") < place("RG10"), "{usual:?}");
    }
}
