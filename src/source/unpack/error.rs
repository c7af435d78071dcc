//! Why buffers cannot be turned into pictures.

use displaydoc::Display;

use super::jpeg::JpegError;
use crate::frame::Extent;

/// Samples in a row or column, at most.
pub const SIDE_MAX: usize = 16_384;

/// Why buffers cannot be turned into a picture.
#[derive(Debug, Clone, PartialEq, Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum UnpackError {
    /// a picture of {is} cannot be unpacked (expected sides of {least} to {SIDE_MAX:})
    Extent { is: Extent, least: usize },
    /// rows in buffer {buffer} are {stride} bytes apart (expected {least} or a little more)
    Stride { buffer: usize, stride: usize, least: usize },
    /// {name} is {value} (expected {expected})
    Setting { name: &'static str, value: String, expected: String },
    /// the picture comes in {is} buffers (expected {expected})
    Buffers { is: usize, expected: usize },
    /// buffer {buffer} holds {held} bytes (expected {needed})
    Short { buffer: usize, held: usize, needed: usize },
    /// JPEG: {0}
    Jpeg(#[from] JpegError),
}
