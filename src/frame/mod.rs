//! What flows: pictures, and the frames that carry them.
//!
//! Nothing here knows where a frame comes from or what is done to it. Buffers are allocated when a
//! pool is made and travel inside frames afterwards; a frame dropped anywhere brings them home.
//!
//! Samples of a [`Picture`] are what a camera or a file gave: gamma-encoded integers.

pub mod colour;
mod figures;
mod notes;
mod picture;
mod plane;
mod pool;
mod tags;

pub use figures::Figures;
pub use notes::StreamNotes;
pub use picture::{FrameRate, Layout, Picture, PictureFormat, Range};
pub use plane::{Extent, Plane};
pub use pool::{Lease, Pool, Shared};
pub use tags::{Density, Length, Tags};

use std::time::Instant;

/// One captured picture on its way to the sinks.
#[derive(Debug)]
pub struct Frame {
    /// Identity and history.
    pub meta: FrameMeta,
    /// The picture as captured, blurred.
    pub blurred: Picture,
    /// The picture as delivered, in the format of `blurred`.
    pub restored: Picture,
    /// The sharp picture, where the blur was simulated and the truth is therefore known.
    pub truth: Option<Picture>,
}

impl Frame {
    /// A frame without pictures.
    pub fn vacant(format: PictureFormat) -> Self {
        let [blurred, restored] = [(); 2].map(|()| Picture::vacant(format));
        Self { meta: FrameMeta::new(0), blurred, restored, truth: None }
    }

    /// A frame whose buffers hold pictures of `format` without further allocation.
    pub fn new(format: PictureFormat) -> Self {
        Self {
            meta: FrameMeta::new(0),
            blurred: Picture::new(format),
            restored: Picture::new(format),
            truth: None,
        }
    }
}

/// Identity and history of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameMeta {
    /// Number of the frame since the source started, gaps included.
    pub sequence: u64,
    /// Frames that the source lost between the last one and this one, as far as it knows.
    pub gap: u64,
    /// When the picture was taken, on the monotonic clock.
    pub captured_at: Instant,
    /// How much is done to the frame.
    pub effort: Effort,
    /// Whether the picture is a stand-in for one that the source could not give.
    pub placeholder: bool,
    /// Whether a step of the restoration failed on this frame and was passed over.
    pub degraded: bool,
    /// How far the pictures are from the truth, where it is known.
    pub psnr: Option<FramePsnr>,
}

/// How much is done to a frame, from nothing upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// The picture passes through as it is.
    Passthrough,
    /// The Wiener filter alone.
    Wiener,
    /// The Wiener filter and the residual networks.
    Full,
}

impl Effort {
    /// The name used in logs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passthrough => "passthrough",
            Self::Wiener => "wiener",
            Self::Full => "full",
        }
    }
}

/// Peak signal-to-noise ratios of a frame against its truth, in dB; 99 where they are equal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FramePsnr {
    /// Of the blurred picture.
    pub blurred_db: f32,
    /// Of the restored picture.
    pub restored_db: f32,
}

impl FrameMeta {
    /// A frame taken now, to be restored in full.
    pub fn new(sequence: u64) -> Self {
        Self {
            sequence,
            gap: 0,
            captured_at: Instant::now(),
            effort: Effort::Full,
            placeholder: false,
            degraded: false,
            psnr: None,
        }
    }
}
