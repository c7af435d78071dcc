//! The kinds of picture that viewers ask for, and a frame encoded as one of them.

use hyper::body::Bytes;

use crate::frame::{Extent, Frame, FrameMeta, Picture};
use crate::metrics::PsnrSnapshot;
use crate::sink::SinkError;
use crate::sink::encode::{encode_jpeg, encode_jpeg_stack, encode_png, stack_step};

/// Quality of a still JPEG: what is kept should lose nothing that can be seen.
const STILL_QUALITY: u8 = 97;

/// Which of the two pictures of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// As captured.
    Before,
    /// Restored.
    After,
}

/// What is encoded at most once a frame, for all viewers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Before above after in one JPEG, for the page.
    Pair,
    /// A JPEG of a stream that goes on.
    Moving(Side),
    /// One JPEG to keep.
    Jpeg(Side),
    /// One PNG to keep, which loses nothing.
    Png(Side),
}

impl View {
    pub(super) const ALL: [Self; 7] = [
        Self::Pair,
        Self::Moving(Side::Before),
        Self::Moving(Side::After),
        Self::Jpeg(Side::Before),
        Self::Jpeg(Side::After),
        Self::Png(Side::Before),
        Self::Png(Side::After),
    ];

    /// Whether a stand-in for a picture that the camera does not give will do: whoever watches
    /// stays connected, whoever keeps a picture wants a real one.
    pub(super) fn takes_placeholders(self) -> bool {
        matches!(self, Self::Pair | Self::Moving(_))
    }

    /// Whether whoever took one will soon want the next.
    pub(super) fn goes_on(self) -> bool {
        matches!(self, Self::Pair | Self::Moving(_))
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Png(_) => "image/png",
            _ => "image/jpeg",
        }
    }

    /// Encodes a frame; `quality` is that of pictures that are shown, not kept.
    pub(super) fn encode(self, frame: &Frame, quality: u8) -> Result<Bytes, SinkError> {
        let bytes = match self {
            Self::Pair => encode_jpeg_stack(&[&frame.blurred, &frame.restored], quality),
            Self::Moving(side) => encode_jpeg(side.of(frame), quality),
            Self::Jpeg(side) => encode_jpeg(side.of(frame), STILL_QUALITY),
            Self::Png(side) => encode_png(side.of(frame)),
        };
        bytes.map(Bytes::from)
    }
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
pub(super) struct Shot {
    /// Counts the frames shown, from 1.
    pub(super) number: u64,
    pub(super) meta: FrameMeta,
    /// Extent of one picture.
    pub(super) extent: Extent,
    pub(super) bytes: Bytes,
}

impl Shot {
    /// Row of a pair at which the restored picture begins; the blurred one begins at 0.
    pub(super) fn step(&self) -> usize {
        stack_step(self.extent)
    }

    /// Time since the picture was taken, in milliseconds.
    pub(super) fn age_ms(&self) -> f64 {
        self.meta.captured_at.elapsed().as_secs_f64() * 1e3
    }

    /// When the picture was taken, in seconds since 1970; 0 where the clock says before that.
    pub(super) fn timestamp_s(&self) -> f64 {
        let now = std::time::SystemTime::now();
        let taken = now.checked_sub(self.meta.captured_at.elapsed());
        let since = taken.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0.0, |since| since.as_secs_f64())
    }

    /// Ratios of the blurred and the restored picture in dB, where the truth is known.
    pub(super) fn psnr_db(&self) -> Option<PsnrSnapshot> {
        let psnr = self.meta.psnr?;
        let (blurred, restored) = (psnr.blurred_db.into(), psnr.restored_db.into());
        Some(PsnrSnapshot { blurred, restored })
    }

    /// What a viewer must know to show the frame, as names and values of headers.
    pub(super) fn describe(&self) -> impl Iterator<Item = (&'static str, String)> {
        let psnr = self
            .psnr_db()
            .map(|psnr| ("x-deblurd-psnr", format!("{:.2} {:.2}", psnr.blurred, psnr.restored)));
        [
            ("x-timestamp", format!("{:.6}", self.timestamp_s())),
            ("x-deblurd-number", self.number.to_string()),
            ("x-deblurd-sequence", self.meta.sequence.to_string()),
            ("x-deblurd-extent", self.extent.to_string()),
            ("x-deblurd-effort", self.meta.effort.name().to_owned()),
            ("x-deblurd-placeholder", self.meta.placeholder.to_string()),
            ("x-deblurd-age-ms", format!("{:.1}", self.age_ms())),
        ]
        .into_iter()
        .chain(psnr)
    }
}
