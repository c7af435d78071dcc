//! Video devices of Linux (V4L2), as cameras and outputs need them.
//!
//! A [`Device`] tells what it is and can do, and is set up through it: formats, rates, controls.
//! [`Capture`] and [`Output`] move frames through buffers shared with the driver. What the driver
//! really did is read back, and codes that nobody knows stay numbers: a driver may be newer than
//! this program.
//!
//! The crate `v4l` gives the numbers and structures of the ioctls and the raw call, nothing else:
//! its streams get stuck after one timeout, and its formats and destructors panic on what drivers
//! say. Unsafe code is in two files: `sys` hands addresses to the kernel, `map` maps its buffers.

mod nodes; // which there are
mod device; // what it is
mod format; // what pictures it has
mod control; // what can be set
mod kernel; // what a queue asks of the kernel
mod queue; // whose each buffer is
mod capture; // frames in
mod output; // frames out
mod error; // what goes wrong
mod sys; // the ioctls
mod map; // the memory
#[cfg(test)]
pub(crate) mod model; // of the kernel
#[cfg(test)]
mod tests;

pub use capture::{Capture, Captured, Clock, Damage};
pub use control::{Automatic, Control, ControlKind, ControlValue, MenuItem, Setting};
pub use device::{Capabilities, Device, Handle};
pub use error::{ErrorKind, Fault, V4l2Error};
pub use format::{
    ColourCodes, Format, FormatDescription, FormatWish, FourCc, FrameIntervals, FrameSizes,
    Interval, PlaneLayout,
};
pub use kernel::{Dequeued, Driver, Events, Kernel, Memory, PLANES_MAX, PlaneUse};
pub use map::Mapping;
pub use nodes::Node;
pub use output::{Output, Vacant};
pub use queue::BUFFERS_MAX;

use v4l::v4l_sys as raw;

/// Which way pictures go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the device, as from a camera.
    Capture,
    /// To the device.
    Output,
}

/// Which buffers of a device are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferKind {
    /// Which way pictures go.
    pub direction: Direction,
    /// Whether buffers have several planes, or could have.
    pub multiplanar: bool,
}

impl BufferKind {
    /// The kernel's number of it.
    fn code(self) -> u32 {
        match (self.direction, self.multiplanar) {
            (Direction::Capture, false) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE,
            (Direction::Capture, true) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
            (Direction::Output, false) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT,
            (Direction::Output, true) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
        }
    }

    fn is_output(self) -> bool {
        self.direction == Direction::Output
    }
}

/// Text of the kernel: bytes up to the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
