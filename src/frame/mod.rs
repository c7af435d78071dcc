//! What flows: pictures, the planes the restoration works on, and the frames that carry both.
//!
//! Nothing here knows where a frame comes from or what is done to it. Buffers are allocated when a
//! pool is made and travel inside frames afterwards; a frame dropped anywhere brings them home.
//!
//! Samples of a [`Picture`] are what a camera or a file gave: gamma-encoded integers. Samples of a
//! [`Workspace`] are real numbers, 1.0 being white; they are linear light when a transfer curve
//! was configured.

mod picture;
mod plane;
mod pool;

pub use picture::{FrameRate, Layout, Picture, PictureFormat, Range};
pub use plane::{Extent, Plane};
pub use pool::{Lease, Pool, Shared};

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
    /// Working planes, held only between the first and the last stage of the restoration.
    pub work: Option<Lease<Workspace>>,
}

impl Frame {
    /// A frame whose buffers hold pictures of `format` without further allocation.
    pub fn new(format: PictureFormat) -> Self {
        Self {
            meta: FrameMeta::new(0),
            blurred: Picture::new(format),
            restored: Picture::new(format),
            truth: None,
            work: None,
        }
    }
}

/// Identity and history of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameMeta {
    /// Number of the frame since the source started, gaps included.
    pub sequence: u64,
    /// When the picture was taken, on the monotonic clock.
    pub captured_at: Instant,
    /// How much is done to the frame.
    pub effort: Effort,
    /// Whether the picture is a stand-in for one that the source could not give.
    pub placeholder: bool,
    /// Number of the plan by which the frame is restored; stages of one plan serve it from the
    /// first to the last.
    pub plan: u64,
    /// Whether a stage failed on this frame and was passed over.
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
            captured_at: Instant::now(),
            effort: Effort::Full,
            placeholder: false,
            plan: 0,
            degraded: false,
            psnr: None,
        }
    }
}

/// The planes a restoration works on, one set a channel.
#[derive(Debug)]
pub struct Workspace {
    /// Luma alone, or red, green and blue.
    pub channels: Vec<Channel>,
}

impl Workspace {
    /// Planes of `extent` for `channels` channels.
    pub fn new(extent: Extent, channels: usize) -> Self {
        Self { channels: (0..channels).map(|_| Channel::new(extent)).collect() }
    }
}

/// The planes of one channel; all have the extended extent and, but for `mean`, zero mean.
#[derive(Debug)]
pub struct Channel {
    /// Mean of the captured channel, set aside from every plane below.
    pub mean: f32,
    /// The blurred plane `y`, extended to the extent of the transforms.
    pub y: Plane<f32>,
    /// The Wiener estimate `x_w`.
    pub x_w: Plane<f32>,
    /// The residual network's output `f`.
    pub f: Plane<f32>,
    /// The restored plane `g`.
    pub g: Plane<f32>,
}

impl Channel {
    fn new(extent: Extent) -> Self {
        let plane = || Plane::new(extent, 0.0);
        Self { mean: 0.0, y: plane(), x_w: plane(), f: plane(), g: plane() }
    }
}
