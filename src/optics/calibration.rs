//! All that is known of a camera, how it was found, and how sure it is.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::blur::Blur;
use super::noise::{GrayLevels, SensorNoise};
use super::transfer::Transfer;
use crate::frame::{Extent, Plane};

/// All that is known of a camera: what a restoration of its frames is planned from.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// What becomes of a point of light.
    pub blur: Blur,
    /// Deviation of the noise of its samples.
    pub noise: GrayLevels,
    /// The same by brightness, where it was found.
    pub sensor: Option<SensorNoise>,
    /// The curve by which it encodes light.
    pub transfer: Transfer,
    /// The extent of its frames, where it is known: a PSF in samples holds for no other.
    pub extent: Option<Extent>,
    /// The pixel format in which they came, as the camera names it: `YUYV`.
    pub pixel_format: Option<String>,
    /// Its controls and what they were set to when it was calibrated.
    pub controls: BTreeMap<String, i64>,
    /// Its temperature then, in degrees Celsius.
    pub temperature: Option<f64>,
    /// Power spectra of its frames then, one a row: what later frames are held against.
    pub reference: Option<Plane<f64>>,
    /// How all this was found.
    pub origin: Option<Origin>,
    /// How sure it is.
    pub certainty: Option<Certainty>,
}

/// How a calibration was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// From what.
    pub method: Method,
    /// Number of frames it was made from.
    #[serde(default)]
    pub frames: u32,
    /// Program that made it, with its version.
    #[serde(default)]
    pub program: String,
    /// When, as whoever made it writes dates; empty where nobody said.
    #[serde(default)]
    pub date: String,
}

/// From what a calibration was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Frames of a known target.
    Target,
    /// Frames of anything.
    Estimate,
    /// A formula.
    Formula,
    /// A file that held a PSF.
    File,
}

/// How sure a calibration is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certainty {
    /// How far its PSF may be trusted.
    pub trust: Trust,
    /// Expected norm of the error of the PSF, relative to that of the PSF.
    #[serde(default)]
    pub relative_error: Option<f64>,
    /// What frames differ from what the calibration makes of their scene, in deviations of the
    /// noise: 1 where all is explained.
    #[serde(default)]
    pub residual: Option<f64>,
}

/// How far a PSF may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// It was measured on something known.
    Measured,
    /// It was estimated from frames of something unknown.
    Estimated,
    /// Somebody says so.
    Guessed,
}

impl Calibration {
    /// A camera of which the blur and the noise are known, and whose samples are restored as they are.
    pub fn new(blur: impl Into<Blur>, noise: GrayLevels) -> Self {
        Self {
            blur: blur.into(),
            noise,
            sensor: None,
            transfer: Transfer::None,
            extent: None,
            pixel_format: None,
            controls: BTreeMap::new(),
            temperature: None,
            reference: None,
            origin: None,
            certainty: None,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Target => "target",
            Self::Estimate => "estimate",
            Self::Formula => "formula",
            Self::File => "file",
        })
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Measured => "measured",
            Self::Estimated => "estimated",
            Self::Guessed => "guessed",
        })
    }
}
