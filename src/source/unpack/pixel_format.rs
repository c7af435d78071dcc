//! The pixel formats that can be unpacked, under the codes that V4L2 gives them.

use std::fmt;
use std::str::FromStr;

use crate::frame::{Layout, Range};

/// How the samples of a picture lie in a camera's buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PixelFormat {
    fourcc: [u8; 4],
    pub(super) coding: Coding,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Coding {
    /// Two pixels in four bytes; places of the first luma, of blue and of red difference.
    Packed { luma: u8, blue: u8, red: u8 },
    /// Luma, then pairs of chroma of half width and height, in `buffers` buffers.
    SemiPlanar { swapped: bool, buffers: u8 },
    /// Luma, blue and red difference of half width and height, in `buffers` buffers.
    Planar { buffers: u8 },
    /// Luma of so many bits, in bytes or little-endian words.
    Gray { depth: u8 },
    /// Bytes of red, green and blue, or the other way round.
    Rgb { reversed: bool },
    /// One JPEG picture.
    Jpeg,
    /// A mosaic of colours of so many bits, in bytes or little-endian words.
    Bayer { mosaic: Mosaic, depth: u8 },
}

/// Where red is in a cell of two by two pixels; blue is in the opposite corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mosaic {
    /// Column of red, 0 or 1.
    pub(super) red_x: u8,
    /// Row of red, 0 or 1.
    pub(super) red_y: u8,
}

impl Mosaic {
    /// What is left below so many rows.
    pub(super) fn below(self, rows: usize) -> Self {
        let red_y = if rows.is_multiple_of(2) { self.red_y } else { 1 - self.red_y };
        Self { red_y, ..self }
    }

    const RGGB: Self = Self { red_x: 0, red_y: 0 };
    const GRBG: Self = Self { red_x: 1, red_y: 0 };
    const GBRG: Self = Self { red_x: 0, red_y: 1 };
    const BGGR: Self = Self { red_x: 1, red_y: 1 };
}

/// Names beside the codes, as the documentation of V4L2 has them.
const ALIASES: &[(&str, &str)] = &[("RGB24", "RGB3"), ("BGR24", "BGR3"), ("MJPEG", "MJPG")];

impl PixelFormat {
    /// Every format, those with luma as it is first.
    pub const ALL: &'static [Self] = &[
        Self::new(b"GREY", Coding::Gray { depth: 8 }),
        Self::new(b"Y10 ", Coding::Gray { depth: 10 }),
        Self::new(b"Y12 ", Coding::Gray { depth: 12 }),
        Self::new(b"Y16 ", Coding::Gray { depth: 16 }),
        Self::new(b"YUYV", Coding::Packed { luma: 0, blue: 1, red: 3 }),
        Self::new(b"UYVY", Coding::Packed { luma: 1, blue: 0, red: 2 }),
        Self::new(b"YVYU", Coding::Packed { luma: 0, blue: 3, red: 1 }),
        Self::new(b"NV12", Coding::SemiPlanar { swapped: false, buffers: 1 }),
        Self::new(b"NV21", Coding::SemiPlanar { swapped: true, buffers: 1 }),
        Self::new(b"NM12", Coding::SemiPlanar { swapped: false, buffers: 2 }),
        Self::new(b"NM21", Coding::SemiPlanar { swapped: true, buffers: 2 }),
        Self::new(b"YU12", Coding::Planar { buffers: 1 }),
        Self::new(b"YM12", Coding::Planar { buffers: 3 }),
        Self::new(b"RGB3", Coding::Rgb { reversed: false }),
        Self::new(b"BGR3", Coding::Rgb { reversed: true }),
        Self::new(b"MJPG", Coding::Jpeg),
        Self::new(b"JPEG", Coding::Jpeg),
        Self::bayer(b"RGGB", Mosaic::RGGB, 8),
        Self::bayer(b"GRBG", Mosaic::GRBG, 8),
        Self::bayer(b"GBRG", Mosaic::GBRG, 8),
        Self::bayer(b"BA81", Mosaic::BGGR, 8),
        Self::bayer(b"RG10", Mosaic::RGGB, 10),
        Self::bayer(b"BA10", Mosaic::GRBG, 10),
        Self::bayer(b"GB10", Mosaic::GBRG, 10),
        Self::bayer(b"BG10", Mosaic::BGGR, 10),
        Self::bayer(b"RG12", Mosaic::RGGB, 12),
        Self::bayer(b"BA12", Mosaic::GRBG, 12),
        Self::bayer(b"GB12", Mosaic::GBRG, 12),
        Self::bayer(b"BG12", Mosaic::BGGR, 12),
        Self::bayer(b"RG16", Mosaic::RGGB, 16),
        Self::bayer(b"GR16", Mosaic::GRBG, 16),
        Self::bayer(b"GB16", Mosaic::GBRG, 16),
        Self::bayer(b"BYR2", Mosaic::BGGR, 16),
    ];

    const fn new(fourcc: &[u8; 4], coding: Coding) -> Self {
        Self { fourcc: *fourcc, coding }
    }

    const fn bayer(fourcc: &[u8; 4], mosaic: Mosaic, depth: u8) -> Self {
        Self::new(fourcc, Coding::Bayer { mosaic, depth })
    }

    /// The format of a V4L2 code; `None` where it cannot be unpacked.
    pub fn from_fourcc(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.fourcc == fourcc)
    }

    /// Its V4L2 code.
    pub const fn fourcc(self) -> [u8; 4] {
        self.fourcc
    }

    /// Buffers a picture lies in.
    pub const fn buffers(self) -> usize {
        match self.coding {
            Coding::SemiPlanar { buffers, .. } | Coding::Planar { buffers } => buffers as usize,
            _ => 1,
        }
    }

    /// Whether pictures are compressed.
    pub const fn is_compressed(self) -> bool {
        matches!(self.coding, Coding::Jpeg)
    }

    /// Whether pictures are mosaics of a sensor's own samples.
    pub const fn is_bayer(self) -> bool {
        matches!(self.coding, Coding::Bayer { .. })
    }

    /// How the planes of an unpacked picture make colours; mosaics can become either.
    pub(super) const fn layout(self, mosaics: Layout) -> Layout {
        match self.coding {
            Coding::Packed { .. } | Coding::Jpeg => Layout::Yuv422,
            Coding::SemiPlanar { .. } | Coding::Planar { .. } => Layout::Yuv420,
            Coding::Gray { .. } => Layout::Gray,
            Coding::Rgb { .. } => Layout::Rgb,
            Coding::Bayer { .. } => mosaics,
        }
    }

    /// Significant bits of an unpacked sample. Mosaics become fractions of white in 16 bits.
    pub(super) const fn depth(self) -> u8 {
        match self.coding {
            Coding::Gray { depth } => depth,
            Coding::Bayer { .. } => 16,
            _ => 8,
        }
    }

    /// Whether samples are as the sensor gave them: gray, and mosaics.
    pub const fn is_raw(self) -> bool {
        matches!(self.coding, Coding::Gray { .. } | Coding::Bayer { .. })
    }

    /// Bits of a sample that lies in a word of 16 bits; 8 where samples lie in bytes.
    pub const fn depth_in_words(self) -> u8 {
        match self.coding {
            Coding::Gray { depth } | Coding::Bayer { depth, .. } => depth,
            _ => 8,
        }
    }

    /// Values of black and white, from what the driver says: V4L2's codes of colour space and
    /// quantisation. Where it leaves the choice to the colour space, video is of limited range
    /// unless it is JPEG's.
    pub const fn range(self, colorspace: u32, quantization: u32) -> Range {
        const COLORSPACE_JPEG: u32 = 7;
        const QUANTIZATION_FULL: u32 = 1;
        const QUANTIZATION_LIMITED: u32 = 2;
        let is_video = matches!(
            self.coding,
            Coding::Packed { .. } | Coding::SemiPlanar { .. } | Coding::Planar { .. }
        );
        match (self.coding, quantization) {
            (Coding::Jpeg | Coding::Bayer { .. }, _) | (_, QUANTIZATION_FULL) => Range::Full,
            (_, QUANTIZATION_LIMITED) => Range::Limited,
            _ if is_video && colorspace != COLORSPACE_JPEG => Range::Limited,
            _ => Range::Full,
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(String::from_utf8_lossy(&self.fourcc).trim_end())
    }
}

impl FromStr for PixelFormat {
    type Err = String;

    /// Reads a V4L2 code, as `YUYV` or `Y10`, or one of the names RGB24, BGR24 and MJPEG.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.to_ascii_uppercase();
        let alias = ALIASES.iter().find(|(alias, _)| *alias == wanted);
        let code = alias.map_or(wanted.as_str(), |(_, code)| code);
        Self::ALL.iter().copied().find(|format| format.to_string() == code).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
            format!("'{text}' is no pixel format (expected one of {})", known.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_code_and_by_name() {
        for format in PixelFormat::ALL {
            assert_eq!(PixelFormat::from_fourcc(format.fourcc()), Some(*format));
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
        assert_eq!("mjpeg".parse(), Ok(PixelFormat::from_fourcc(*b"MJPG").expect("known")));
        let error = "H264".parse::<PixelFormat>().expect_err("unknown");
        assert!(
            error.starts_with("'H264' is no pixel format (expected one of GREY, Y10"),
            "{error}"
        );
    }

    #[test]
    fn ranges_follow_the_driver_and_then_the_colour_space() {
        let range = |name: &str, colorspace, quantization| {
            name.parse::<PixelFormat>().expect("a format").range(colorspace, quantization)
        };
        assert_eq!(range("YUYV", 0, 0), Range::Limited);
        assert_eq!(range("YUYV", 7, 0), Range::Full);
        assert_eq!(range("NV12", 1, 1), Range::Full);
        assert_eq!(range("GREY", 8, 0), Range::Full);
        assert_eq!(range("GREY", 8, 2), Range::Limited);
        assert_eq!(range("RGB3", 8, 0), Range::Full);
        assert_eq!(range("RGB3", 8, 2), Range::Limited);
        assert_eq!(range("MJPG", 1, 2), Range::Full);
        assert_eq!(range("RG10", 1, 2), Range::Full);
    }
}
