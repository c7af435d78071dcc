//! What a source asks of a camera: a trait, so that a scripted one can take its place in tests.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::CameraError;
use crate::frame::{FrameRate, Range};
use crate::source::unpack::{Memory, PixelFormat};
use crate::v4l2::{Damage, V4l2Error};

/// A camera that can be opened, read and closed again and again. It is closed at first.
pub(super) trait Camera: Debug + Send {
    /// Opens it, agrees on a format, sets the controls and starts the stream. Whatever was opened
    /// is closed again where that fails.
    fn open(&mut self) -> Result<Agreed, CameraError>;

    /// Stops the stream and starts it again.
    fn restart(&mut self) -> Result<(), V4l2Error>;

    /// Closes everything.
    fn close(&mut self);

    /// Whether there is something to open.
    fn is_there(&self) -> bool;

    /// Hands the newest frame to `reader`, waiting for `patience` at most; whether there was one.
    fn take(
        &mut self,
        patience: Duration,
        reader: &mut dyn FnMut(&Shot<'_>),
    ) -> Result<bool, V4l2Error>;

    /// The clock.
    fn now(&self) -> Instant;

    /// Lets time pass.
    fn rest(&mut self, pause: Duration);
}

/// What was agreed with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) pixel_format: PixelFormat,
    pub(super) memory: Memory,
    pub(super) range: Range,
    /// `None` where the camera does not tell.
    pub(super) rate: Option<FrameRate>,
}

impl std::fmt::Display for Agreed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.pixel_format, self.memory.extent)?;
        match self.rate {
            None => Ok(()),
            Some(rate) => write!(out, " at {rate} frames/s"),
        }
    }
}

/// A frame as it lies in the driver's buffers.
#[derive(Debug)]
pub(super) struct Shot<'a> {
    /// The bytes in use of each buffer.
    pub(super) buffers: [&'a [u8]; 3],
    /// How many buffers there are.
    pub(super) count: usize,
    /// Why the frame is not what it should be, where it is not.
    pub(super) damage: Option<Damage>,
    /// Number of the frame as the driver counts them.
    pub(super) sequence: u32,
    /// Frames that went back unseen because this one is newer.
    pub(super) skipped: usize,
    pub(super) captured_at: Instant,
}
