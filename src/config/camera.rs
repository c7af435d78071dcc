//! Section `[source]` of a camera.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::default_rate;
use super::read::{parsed, within};
use crate::frame::{Extent, FrameRate};
use crate::optics::Transfer;
use crate::source::unpack::{Demosaic, PixelFormat, RawOptions};
use crate::source::{Setting, V4l2Options};

/// A camera.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct V4l2Config {
    /// The device, best by a name that stays with it.
    pub device: PathBuf,
    /// Pixel formats that will do, the best first.
    #[serde(default = "V4l2Options::usual_formats", deserialize_with = "formats")]
    pub formats: Vec<PixelFormat>,
    /// Width and height to ask for.
    #[serde(default = "default_extent", deserialize_with = "parsed")]
    pub extent: Extent,
    /// Frames a second to ask for.
    #[serde(default = "default_rate", deserialize_with = "within::<1, 240, _>")]
    pub rate: u32,
    /// Buffers shared with the driver.
    #[serde(default = "default_buffers", deserialize_with = "within::<2, 32, _>")]
    pub buffers: u32,
    /// Milliseconds without a picture after which the camera counts as silent.
    #[serde(default = "default_silence", deserialize_with = "within::<100, 60_000, _>")]
    pub silence_ms: u32,
    /// Equal pictures after which the camera counts as frozen; 0 for never.
    #[serde(default, deserialize_with = "within::<0, 1_000_000, _>")]
    pub frozen_frames: u32,
    /// Openings without a picture after which the process ends; 0 for never.
    #[serde(default = "default_reopens", deserialize_with = "within::<0, 1_000_000, _>")]
    pub reopens: u32,
    /// Bits below the samples of 16-bit words.
    #[serde(default, deserialize_with = "within::<0, 8, _>")]
    pub sample_shift: u32,
    /// What mosaics become.
    #[serde(default = "default_demosaic")]
    pub demosaic: Demosaic,
    /// The sensor's value of darkness.
    #[serde(default, deserialize_with = "within::<0, 65_534, _>")]
    pub black_level: u32,
    /// Gains of red, green and blue of a mosaic.
    #[serde(default = "default_white_balance", deserialize_with = "gains")]
    pub white_balance: [f32; 3],
    /// How the light of mosaics is encoded.
    #[serde(default = "default_tone")]
    pub tone: Tone,
    /// Controls to set, by name.
    #[serde(default, deserialize_with = "controls")]
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

impl V4l2Config {
    /// As the source wants them.
    pub fn options(&self) -> V4l2Options {
        let encode: fn(f64) -> f64 = |light| Transfer::Srgb.encode(light);
        // Numbers are within their ranges, which were checked when they were read.
        V4l2Options {
            device: self.device.clone(),
            formats: self.formats.clone(),
            extent: self.extent,
            rate: FrameRate::per_second(self.rate),
            buffers: self.buffers,
            silence: Duration::from_millis(self.silence_ms.into()),
            frozen_frames: self.frozen_frames,
            reopens: self.reopens,
            sample_shift: u8::try_from(self.sample_shift).unwrap_or(u8::MAX),
            raw: RawOptions {
                demosaic: self.demosaic,
                black_level: u16::try_from(self.black_level).unwrap_or(u16::MAX),
                white_balance: self.white_balance,
                encode: (self.tone == Tone::Srgb).then_some(encode),
            },
            controls: self.controls.iter().map(|(name, to)| (name.clone(), to.clone())).collect(),
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

/// Reads values of controls, which are of several types.
fn controls<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Setting>, D::Error> {
    let values = BTreeMap::<String, toml::Value>::deserialize(from)?;
    let setting = |(name, value)| match value {
        toml::Value::Boolean(on) => Ok((name, Setting::Switch(on))),
        toml::Value::Integer(number) => Ok((name, Setting::Integer(number))),
        toml::Value::String(text) => Ok((name, Setting::Text(text))),
        other => Err(D::Error::custom(format!(
            "{name} is {other} (expected true, false, a whole number or a text)"
        ))),
    };
    values.into_iter().map(setting).collect()
}

fn default_extent() -> Extent {
    Extent::new(640, 480)
}

fn default_buffers() -> u32 {
    4
}

fn default_silence() -> u32 {
    2000
}

fn default_reopens() -> u32 {
    30
}

fn default_demosaic() -> Demosaic {
    Demosaic::Luma
}

fn default_white_balance() -> [f32; 3] {
    [1.0; 3]
}

fn default_tone() -> Tone {
    Tone::Srgb
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, SourceConfig};

    fn read(keys: &str) -> Result<V4l2Config, String> {
        let text = format!(
            "[restore]\npsf = 'disk:3'\nsigma = 2.55\n[[sink]]\nkind = 'http'\n\
             [source]\nkind = 'v4l2'\n{keys}"
        );
        match Config::read(&text, []) {
            Ok(Config { source: SourceConfig::V4l2(camera), .. }) => Ok(camera),
            Ok(other) => panic!("{:?} is no camera", other.source),
            Err(error) => Err(error.to_string()),
        }
    }

    #[track_caller]
    fn check_refused(keys: &str, words: &str) {
        let error = read(&format!("device = '/dev/video0'\n{keys}")).expect_err("a refusal");
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_key_value_and_expectation() {
        assert_eq!(read(""), Err("source: missing field `device`".to_owned()));
        check_refused(
            "formats = ['YUYV', 'H264']",
            "source.formats: 'H264' is no pixel format (exp",
        );
        check_refused("formats = []", "source.formats: [] (expected at least one pixel format)");
        check_refused("extent = 'big'", "source.extent: 'big' is not WIDTHxHEIGHT");
        check_refused("rate = 0", "source.rate: 0 (expected a whole number from 1 to 240)");
        check_refused("buffers = 1", "source.buffers: 1 (expected a whole number from 2 to 32)");
        check_refused("silence_ms = 5", "source.silence_ms: 5 (expected a whole number from 100");
        check_refused(
            "sample_shift = 9",
            "source.sample_shift: 9 (expected a whole number from 0 to",
        );
        check_refused("black_level = -1", "source.black_level: -1 (expected a whole number from 0");
        check_refused(
            "white_balance = [1, 2]",
            "source.white_balance: [1.0, 2.0] (expected gains of",
        );
        check_refused("white_balance = [1, 2, 0]", "[1.0, 2.0, 0.0] (expected gains of red");
        check_refused("demosaic = 'ahd'", "source.demosaic: unknown variant `ahd`");
        check_refused("tone = 'log'", "source.tone: unknown variant `log`");
        check_refused(
            "[source.controls]\nfocus = 1.5",
            "source.controls: focus is 1.5 (expected true",
        );
        check_refused("focus = 1", "source.focus: unknown field `focus`");
    }

    #[test]
    fn controls_are_of_several_types() {
        let camera = read("device = '/dev/video0'\n[source.controls]\na = true\nb = -3\nc = 'x'");
        let wanted = [
            ("a".to_owned(), Setting::Switch(true)),
            ("b".to_owned(), Setting::Integer(-3)),
            ("c".to_owned(), Setting::Text("x".to_owned())),
        ];
        assert_eq!(camera.expect("a camera").options().controls, wanted);
    }
}
