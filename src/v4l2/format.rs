//! Formats of pictures as drivers name them.

use std::fmt;
use std::str::FromStr;

use crate::frame::{Extent, FrameRate};

/// Four letters that name a layout of pixels, as `YUYV` or `MJPG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FourCc([u8; 4]);

impl FourCc {
    /// From its letters, blanks at the end included: `*b"Y10 "`.
    pub const fn new(letters: [u8; 4]) -> Self {
        Self(letters)
    }

    /// From the kernel's number.
    pub(super) const fn from_code(code: u32) -> Self {
        Self(code.to_le_bytes())
    }

    /// The kernel's number.
    pub(super) const fn code(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
}

impl fmt::Display for FourCc {
    /// The letters without blanks at the end; `-BE` follows where samples are big-endian.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_big_endian = self.0[3] & 0x80 != 0;
        let letters = self.0.map(|letter| char::from(letter & 0x7F));
        let shown = letters.map(|letter| if letter.is_ascii_graphic() { letter } else { ' ' });
        let text: String = shown.iter().collect();
        write!(out, "{}{}", text.trim_end(), if is_big_endian { "-BE" } else { "" })
    }
}

impl FromStr for FourCc {
    type Err = String;

    /// Reads what [`FourCc`] displays.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, is_big_endian) = text.strip_suffix("-BE").map_or((text, 0), |name| (name, 0x80));
        let is_name =
            (1..=4).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            return Err(format!("'{text}' (expected up to four letters, as YUYV or Y10)"));
        }
        let mut letters = [b' '; 4];
        letters[..name.len()].copy_from_slice(name.as_bytes());
        letters[3] |= is_big_endian;
        Ok(Self(letters))
    }
}

/// A format that a device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatDescription {
    /// Its name.
    pub fourcc: FourCc,
    /// What the driver says about it.
    pub description: String,
    /// Whether pictures are compressed.
    pub compressed: bool,
    /// Whether a library, not the device, makes it.
    pub emulated: bool,
}

/// Sizes that a device has in a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameSizes {
    /// One size.
    Discrete(Extent),
    /// All sizes from `least` to `most` in steps.
    Stepwise {
        /// The least.
        least: Extent,
        /// The greatest.
        most: Extent,
        /// From one to the next.
        step: Extent,
    },
}

/// Time from one frame to the next, in seconds, as a fraction with a denominator of at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Interval {
    /// A fraction; `None` where it is none or its inverse is none.
    pub(super) fn of(numerator: u32, denominator: u32) -> Option<Self> {
        (numerator > 0 && denominator > 0).then_some(Self { numerator, denominator })
    }

    /// Time between pictures at a rate.
    pub const fn at(rate: FrameRate) -> Self {
        Self { numerator: rate.denominator, denominator: rate.numerator }
    }

    /// Pictures a second.
    pub const fn rate(self) -> FrameRate {
        FrameRate { numerator: self.denominator, denominator: self.numerator }
    }

    /// Pictures a second, as a number.
    pub fn per_second(self) -> f64 {
        f64::from(self.denominator) / f64::from(self.numerator)
    }
}

/// Intervals that a device has for a format and a size. `None` stands for a fraction that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameIntervals {
    /// One interval.
    Discrete(Option<Interval>),
    /// All intervals from `least` to `most` in steps.
    Stepwise {
        /// The least, thus the highest rate.
        least: Option<Interval>,
        /// The greatest, thus the lowest rate.
        most: Option<Interval>,
        /// From one to the next.
        step: Option<Interval>,
    },
}

/// A format to ask for. The driver may answer with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatWish {
    /// Width and height.
    pub extent: Extent,
    /// Layout of pixels.
    pub fourcc: FourCc,
    /// What numbers mean which colours; cameras decide that for themselves.
    pub colours: ColourCodes,
}

impl FormatWish {
    /// A format whose colours are the driver's choice.
    pub fn new(fourcc: FourCc, extent: Extent) -> Self {
        Self { extent, fourcc, colours: ColourCodes::default() }
    }
}

/// The format that a device is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// Width and height.
    pub extent: Extent,
    /// Layout of pixels.
    pub fourcc: FourCc,
    /// Whether frames are whole.
    pub field: Field,
    /// How each plane lies in memory.
    pub planes: Vec<PlaneLayout>,
    /// What numbers mean which colours.
    pub colours: ColourCodes,
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.fourcc, self.extent)
    }
}

/// Which rows of a frame lie in a buffer (`V4L2_FIELD_…`). Cameras of television scan every second
/// row, and then, half a frame's time later, those between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// All, scanned one after another; or the driver does not tell.
    Whole,
    /// Those of two fields in turn, so that neighbours were scanned at different times.
    Interlaced,
    /// Those of one field, or of one after the other, under this name.
    Apart(&'static str),
    /// A number that is not known here.
    Unknown(u32),
}

impl Field {
    pub(super) const fn of(code: u32) -> Self {
        match code {
            0 | 1 => Self::Whole,
            4 | 8 | 9 => Self::Interlaced,
            2 => Self::Apart("top"),
            3 => Self::Apart("bottom"),
            5 => Self::Apart("sequential, top first"),
            6 => Self::Apart("sequential, bottom first"),
            7 => Self::Apart("alternate"),
            code => Self::Unknown(code),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => out.write_str("whole frames"),
            Self::Interlaced => out.write_str("interlaced"),
            Self::Apart(name) => out.write_str(name),
            Self::Unknown(code) => write!(out, "number {code}"),
        }
    }
}

/// How a plane lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Bytes from one row to the next; 0 where the format is compressed.
    pub stride: usize,
    /// Bytes of a whole plane, at most.
    pub size: usize,
}

/// The kernel's codes for what numbers mean which colours, whether we know them or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColourCodes {
    /// `V4L2_COLORSPACE_…`.
    pub colorspace: u32,
    /// `V4L2_YCBCR_ENC_…`; 0 for that of the colour space.
    pub encoding: u32,
    /// `V4L2_QUANTIZATION_…`; 0 for that of the colour space.
    pub quantization: u32,
    /// `V4L2_XFER_FUNC_…`; 0 for that of the colour space.
    pub transfer: u32,
}

impl ColourCodes {
    /// Colours of a webcam: sRGB primaries, BT.601, luma from 16 to 235.
    pub const WEBCAM: Self =
        Self { colorspace: SRGB, encoding: ENCODING_601, quantization: LIMITED, transfer: 0 };

    /// Gray as programs expect it: from 0 to 255.
    pub const GRAY: Self = Self { quantization: FULL, ..Self::WEBCAM };
}

const SRGB: u32 = 8;
const ENCODING_601: u32 = 1;
const FULL: u32 = 1;
const LIMITED: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_name(letters: [u8; 4], name: &str) {
        let fourcc = FourCc::new(letters);
        assert_eq!(fourcc.to_string(), name);
        assert_eq!(name.parse(), Ok(fourcc));
        assert_eq!(FourCc::from_code(fourcc.code()), fourcc);
    }

    #[test]
    fn names_are_read_back_as_written() {
        check_name(*b"YUYV", "YUYV");
        check_name(*b"Y10 ", "Y10");
        check_name([b'Y', b'1', b'6', b' ' | 0x80], "Y16-BE");
        for text in ["", "YUYV2", "Y 1", "ÄÖ"] {
            assert!(text.parse::<FourCc>().is_err(), "{text} was accepted");
        }
        assert_eq!(FourCc::from_code(0).to_string(), "");
    }

    #[test]
    fn intervals_are_rates_upside_down() {
        let rate = FrameRate { numerator: 30_000, denominator: 1_001 };
        assert_eq!(Interval::at(rate).rate(), rate);
        assert_eq!(Interval::of(0, 30), None);
        assert_eq!(Interval::of(1, 0), None);
        assert!((Interval::at(rate).per_second() - 29.97).abs() < 0.001);
    }
}
