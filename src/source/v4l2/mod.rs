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

mod error; // what it did not do
mod options; // which camera, and how
mod host; // where it is
mod names; // how it is found again
mod choose; // what to ask it for
mod rates; // how fast
mod tegra; // what one driver needs
mod camera; // opened, read, closed
mod fields; // of interlaced frames
mod shift; // where samples lie in words
mod session; // from one opening to the next closing
mod recovery; // what is done about trouble
#[cfg(test)]
mod fake;
#[cfg(test)]
mod scripts;

use std::sync::Arc;

pub use crate::v4l2::Setting;
pub use error::CameraError;
pub use options::{SampleShift, Tone, V4l2Options};

use super::{Filled, Source, SourceError};
use crate::frame::{Frame, FrameRate, PictureFormat};
use crate::metrics::SourceMetrics;
use crate::optics::Clue;
use host::System;
use recovery::Recovery;

/// A camera.
#[derive(Debug)]
pub struct V4l2Source(Recovery<System>);

impl V4l2Source {
    /// Opens a camera. One that is absent, busy or broken is waited for; the format of the stream
    /// is then that of the options.
    ///
    /// # Errors
    /// Where the camera is there and cannot do what is asked for: it has none of the formats, or
    /// not a control, or not the value of one.
    pub fn open(options: V4l2Options, metrics: Arc<SourceMetrics>) -> Result<Self, SourceError> {
        Ok(Self(Recovery::start(System, options, metrics)?))
    }
}

impl Source for V4l2Source {
    fn format(&self) -> PictureFormat {
        self.0.format()
    }

    fn rate(&self) -> FrameRate {
        self.0.rate()
    }

    fn is_paced(&self) -> bool {
        true
    }

    fn pixel_format(&self) -> Option<String> {
        self.0.pixel_format().map(|format| format.to_string())
    }

    fn clue(&self) -> Clue {
        self.0.clue()
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Filled, SourceError> {
        Ok(self.0.fill(frame)?)
    }
}
