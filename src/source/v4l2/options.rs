//! Which camera, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::frame::{Extent, FrameRate};
use crate::keys;
use crate::optics::{Clue, Transfer};
use crate::source::unpack::{Demosaic, PixelFormat, RawOptions};
use crate::source::usual_rate;
use crate::v4l2::{ColourCodes, Setting};

/// Which camera, and how.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct V4l2Options {
    /// The device, by any of its names, best by one that stays with it.
    pub device: PathBuf,
    /// Pixel formats that will do, the best first; at least one.
    #[serde(default = "V4l2Options::usual_formats", deserialize_with = "formats")]
    pub formats: Vec<PixelFormat>,
    /// Width and height to ask for.
    #[serde(default = "usual_extent", deserialize_with = "keys::parsed")]
    pub extent: Extent,
    /// Frames a second to ask for.
    #[serde(default = "usual_rate", deserialize_with = "keys::frame_rate")]
    pub rate: FrameRate,
    /// Buffers to ask for.
    #[serde(default = "usual_buffers", deserialize_with = "keys::within::<2, 32, _, _>")]
    pub buffers: u32,
    /// Time without a picture after which a camera counts as silent.
    #[serde(
        rename = "silence_ms",
        default = "usual_silence",
        deserialize_with = "keys::millis::<100, 60_000, _>"
    )]
    pub silence: Duration,
    /// Equal pictures after which a camera counts as frozen; 0 for never.
    #[serde(default, deserialize_with = "keys::within::<0, 1_000_000, _, _>")]
    pub frozen_frames: u32,
    /// Openings without a picture after which a camera that is there is given up; 0 for never.
    #[serde(default = "usual_reopens", deserialize_with = "keys::within::<0, 1_000_000, _, _>")]
    pub reopens: u32,
    /// Bits below the samples of 16-bit words; see [`crate::source::unpack::UnpackOptions`].
    #[serde(default)]
    pub sample_shift: SampleShift,
    /// Rows above the picture that the camera gives with it, as some sensors do with data of theirs.
    #[serde(default, deserialize_with = "keys::within::<0, 16_383, _, _>")]
    pub skip_rows: u32,
    /// What mosaics become.
    #[serde(default = "usual_demosaic")]
    pub demosaic: Demosaic,
    /// The sensor's value of darkness.
    #[serde(default, deserialize_with = "keys::within::<0, 65_534, _, _>")]
    pub black_level: u16,
    /// Gains of red, green and blue of a mosaic.
    #[serde(default = "usual_white_balance", deserialize_with = "gains")]
    pub white_balance: [f32; 3],
    /// How the light of mosaics is encoded.
    #[serde(default = "usual_tone")]
    pub tone: Tone,
    /// Controls to set at each opening, by name.
    #[serde(default)]
    pub controls: BTreeMap<String, Setting>,
}

/// How the light of a mosaic is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Not at all.
    Linear,
    /// By the curve of sRGB, as viewers expect.
    Srgb,
}

/// How many bits lie below the samples of 16-bit words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleShift {
    /// So many, 0 to 8.
    Bits(u8),
    /// As many as the first frames tell.
    Auto,
}

impl Default for SampleShift {
    fn default() -> Self {
        Self::Bits(0)
    }
}

impl<'de> Deserialize<'de> for SampleShift {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct BitsOrAuto;
        impl Visitor<'_> for BitsOrAuto {
            type Value = SampleShift;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a whole number from 0 to 8 or \"auto\"")
            }

            fn visit_i64<E: Error>(self, bits: i64) -> Result<SampleShift, E> {
                let in_range = u8::try_from(bits).ok().filter(|bits| *bits <= 8);
                let wrong = || E::invalid_value(Unexpected::Signed(bits), &self);
                in_range.map(SampleShift::Bits).ok_or_else(wrong)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SampleShift, E> {
                let wrong = || E::invalid_value(Unexpected::Str(text), &self);
                (text == "auto").then_some(SampleShift::Auto).ok_or_else(wrong)
            }
        }
        from.deserialize_any(BitsOrAuto)
    }
}

impl V4l2Options {
    /// What is told of the curve of samples: by the driver, or by their format.
    pub(super) fn clue(&self, pixel_format: PixelFormat, colours: ColourCodes) -> Clue {
        const COLORSPACE_REC709: u32 = 3;
        const XFER_FUNC_709: u32 = 1;
        const XFER_FUNC_SRGB: u32 = 2;
        const XFER_FUNC_NONE: u32 = 5;
        let is_raw = pixel_format.is_raw();
        match (colours.transfer, colours.colorspace) {
            _ if pixel_format.is_bayer() && self.tone == Tone::Srgb => Clue::Named(Transfer::Srgb),
            _ if pixel_format.is_bayer() => Clue::Raw,
            (XFER_FUNC_709, _) => Clue::Named(Transfer::Bt709),
            (XFER_FUNC_SRGB, _) => Clue::Named(Transfer::Srgb),
            (XFER_FUNC_NONE, _) => Clue::Named(Transfer::None),
            _ if is_raw => Clue::Raw,
            (_, COLORSPACE_REC709) => Clue::Named(Transfer::Bt709),
            _ => Clue::Viewed,
        }
    }

    /// The options of a camera of which nothing but the device is told.
    pub fn of(device: PathBuf) -> Self {
        Self {
            device,
            formats: Self::usual_formats(),
            extent: usual_extent(),
            rate: usual_rate(),
            buffers: usual_buffers(),
            silence: usual_silence(),
            frozen_frames: 0,
            reopens: usual_reopens(),
            sample_shift: SampleShift::default(),
            skip_rows: 0,
            demosaic: usual_demosaic(),
            black_level: 0,
            white_balance: usual_white_balance(),
            tone: usual_tone(),
            controls: BTreeMap::new(),
        }
    }

    /// The pixel formats that will do where nobody says otherwise: those with colour and without
    /// compression first, then MJPEG, then luma alone, then mosaics.
    pub fn usual_formats() -> Vec<PixelFormat> {
        let place = |format: &PixelFormat| match &format.fourcc() {
            _ if format.is_bayer() => 4,
            b"GREY" | b"Y10 " | b"Y12 " | b"Y16 " => 3,
            _ if format.is_compressed() => 2,
            b"RGB3" | b"BGR3" => 1,
            _ => 0,
        };
        let mut formats = PixelFormat::ALL.to_vec();
        formats.sort_by_key(place);
        formats
    }

    /// What becomes of the mosaics of sensors.
    pub(super) fn raw(&self) -> RawOptions {
        let encode: fn(f64) -> f64 = |light| Transfer::Srgb.encode(light);
        RawOptions {
            demosaic: self.demosaic,
            black_level: self.black_level,
            white_balance: self.white_balance,
            encode: (self.tone == Tone::Srgb).then_some(encode),
        }
    }
}

/// Reads names of pixel formats.
fn formats<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PixelFormat>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    if names.is_empty() {
        return Err(D::Error::custom("[] (expected at least one pixel format)"));
    }
    names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
}

/// Reads three gains.
fn gains<'de, D: Deserializer<'de>>(from: D) -> Result<[f32; 3], D::Error> {
    let gains = Vec::<f32>::deserialize(from)?;
    let in_range = gains.iter().all(|gain| (0.01..=100.0).contains(gain));
    let three = <[f32; 3]>::try_from(gains.as_slice()).ok().filter(|_| in_range);
    three.ok_or_else(|| {
        D::Error::custom(format!("{gains:?} (expected gains of red, green and blue, 0.01 to 100)"))
    })
}

fn usual_extent() -> Extent {
    Extent::new(640, 480)
}

fn usual_buffers() -> u32 {
    4
}

fn usual_silence() -> Duration {
    Duration::from_secs(2)
}

fn usual_reopens() -> u32 {
    30
}

fn usual_demosaic() -> Demosaic {
    Demosaic::Luma
}

fn usual_white_balance() -> [f32; 3] {
    [1.0; 3]
}

fn usual_tone() -> Tone {
    Tone::Srgb
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &str) -> Result<V4l2Options, String> {
        toml::from_str(keys).map_err(|error| error.message().to_owned())
    }

    #[track_caller]
    fn check_refused(keys: &str, words: &str) {
        let error = read(&format!("device = '/dev/video0'\n{keys}")).expect_err("a refusal");
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_value_and_expectation() {
        assert_eq!(read(""), Err("missing field `device`".to_owned()));
        check_refused("formats = ['YUYV', 'H264']", "'H264' is no pixel format (exp");
        check_refused("formats = []", "[] (expected at least one pixel format)");
        check_refused("extent = 'big'", "'big' is not WIDTHxHEIGHT");
        check_refused("rate = 0", "0 (expected a whole number from 1 to 240)");
        check_refused("buffers = 1", "1 (expected a whole number from 2 to 32)");
        check_refused("silence_ms = 5", "5 (expected a whole number from 100");
        let shift = "expected a whole number from 0 to 8 or \"auto\"";
        check_refused("sample_shift = 9", &format!("invalid value: integer `9`, {shift}"));
        check_refused("sample_shift = 'top'", &format!("invalid value: string \"top\", {shift}"));
        check_refused("skip_rows = -1", "-1 (expected a whole number from 0");
        check_refused("black_level = -1", "-1 (expected a whole number from 0");
        check_refused("white_balance = [1, 2]", "[1.0, 2.0] (expected gains of");
        check_refused("white_balance = [1, 2, 0]", "[1.0, 2.0, 0.0] (expected gains of red");
        check_refused("demosaic = 'ahd'", "unknown variant `ahd`");
        check_refused("tone = 'log'", "unknown variant `log`");
        check_refused(
            "[controls]\nfocus = 1.5",
            "invalid type: floating point `1.5`, expected true, false, a whole number or a text",
        );
        check_refused("focus = 1", "unknown field `focus`");
    }

    #[test]
    fn what_is_not_told_is_usual() {
        let device = PathBuf::from("/dev/video0");
        assert_eq!(read("device = '/dev/video0'"), Ok(V4l2Options::of(device)));
    }

    #[test]
    fn controls_are_of_several_types() {
        let camera = read("device = '/dev/video0'\n[controls]\na = true\nb = -3\nc = 'x'");
        let wanted = [
            ("a".to_owned(), Setting::Switch(true)),
            ("b".to_owned(), Setting::Integer(-3)),
            ("c".to_owned(), Setting::Text("x".to_owned())),
        ];
        assert_eq!(camera.expect("a camera").controls, BTreeMap::from(wanted));
    }

    #[test]
    fn compression_comes_after_colour_and_before_gray() {
        let usual: Vec<String> =
            V4l2Options::usual_formats().iter().map(PixelFormat::to_string).collect();
        let place = |name: &str| usual.iter().position(|it| it == name).expect("a usual format");
        assert_eq!(usual.len(), PixelFormat::ALL.len());
        assert!(place("YUYV") < place("RGB3") && place("RGB3") < place("MJPG"), "{usual:?}");
        assert!(place("MJPG") < place("GREY") && place("Y16") < place("RG10"), "{usual:?}");
    }
}
