//! Which way pictures go, and which buffers are meant.

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
    pub(super) fn code(self) -> u32 {
        match (self.direction, self.multiplanar) {
            (Direction::Capture, false) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE,
            (Direction::Capture, true) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
            (Direction::Output, false) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT,
            (Direction::Output, true) => raw::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
        }
    }

    pub(super) fn is_output(self) -> bool {
        self.direction == Direction::Output
    }
}
