//! The kinds of picture that viewers ask for, and a frame encoded as one of them.

use std::time::{SystemTime, UNIX_EPOCH};

use super::mark::marked;
use crate::frame::{Extent, Figures, Frame, FrameMeta, Picture};
use crate::sink::contract::SinkError;
use crate::sink::encode::{encode_jpeg, encode_jpeg_stack, encode_png, stack_step};

/// Quality of a still JPEG: what is kept should lose nothing that can be seen.
const STILL_QUALITY: u8 = 97;

/// Which of the two pictures of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// As captured.
    Before,
    /// Restored.
    After,
}

/// What is encoded at most once a frame, for all viewers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Before above after in one JPEG, for the page.
    Pair,
    /// A JPEG of a stream that goes on.
    Moving(Side),
    /// The same of the restored picture, marked where it was not restored in full.
    Marked,
    /// One JPEG to keep.
    Jpeg(Side),
    /// One PNG to keep, which loses nothing.
    Png(Side),
    /// How sharp the restored picture is and how much it rings, as JSON.
    Figures,
}

impl View {
    pub(super) const ALL: [Self; 9] = [
        Self::Pair,
        Self::Moving(Side::Before),
        Self::Moving(Side::After),
        Self::Marked,
        Self::Jpeg(Side::Before),
        Self::Jpeg(Side::After),
        Self::Png(Side::Before),
        Self::Png(Side::After),
        Self::Figures,
    ];

    /// Whether a stand-in for a picture that the camera does not give will do: whoever watches
    /// stays connected, whoever keeps a picture wants a real one.
    pub(super) fn takes_placeholders(self) -> bool {
        matches!(self, Self::Pair | Self::Moving(_) | Self::Marked)
    }

    /// Whether whoever took one will soon want the next.
    pub(super) fn goes_on(self) -> bool {
        matches!(self, Self::Pair | Self::Moving(_) | Self::Marked)
    }

    /// The type of the bytes, as HTTP names it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png(_) => "image/png",
            Self::Figures => "application/json",
            _ => "image/jpeg",
        }
    }

    /// Encodes a frame; `quality` is that of pictures that are shown, not kept.
    pub(super) fn encode(self, frame: &Frame, quality: u8) -> Result<Vec<u8>, SinkError> {
        match self {
            Self::Pair => encode_jpeg_stack(&[&frame.blurred, &frame.restored], quality),
            Self::Moving(side) => encode_jpeg(side.of(frame), quality),
            Self::Marked => encode_jpeg(&marked(frame), quality),
            Self::Jpeg(side) => encode_jpeg(side.of(frame), STILL_QUALITY),
            Self::Png(side) => encode_png(side.of(frame)),
            Self::Figures => Ok(figures(frame)),
        }
    }
}

fn figures(frame: &Frame) -> Vec<u8> {
    let figures = Figures::of(&frame.blurred, &frame.restored);
    // Two numbers can always be written.
    serde_json::to_vec(&figures).unwrap_or_default()
}

impl Side {
    fn of(self, frame: &Frame) -> &Picture {
        match self {
            Self::Before => &frame.blurred,
            Self::After => &frame.restored,
        }
    }
}

/// A frame, encoded for viewers.
#[derive(Debug)]
pub struct Exhibit {
    /// Counts the frames shown, from 1.
    pub number: u64,
    /// Identity and history of the frame.
    pub meta: FrameMeta,
    /// Extent of one picture.
    pub extent: Extent,
    /// The encoded picture, or pair of pictures.
    pub bytes: Vec<u8>,
}

impl Exhibit {
    /// Row of a pair at which the restored picture begins; the blurred one begins at 0.
    pub fn step(&self) -> usize {
        stack_step(self.extent)
    }

    /// Time since the picture was taken, in milliseconds.
    pub fn age_ms(&self) -> f64 {
        self.meta.captured_at.elapsed().as_secs_f64() * 1e3
    }

    /// When the picture was taken, in seconds since 1970; 0 where the clock says before that.
    pub fn timestamp_s(&self) -> f64 {
        let taken = SystemTime::now().checked_sub(self.meta.captured_at.elapsed());
        let since = taken.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        since.map_or(0.0, |since| since.as_secs_f64())
    }
}
