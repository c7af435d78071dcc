//! How strong noise is, in the two units there are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Transfer;
use crate::frame::Range;
use crate::frame::colour::Scale;

/// A standard deviation in gray levels of 8 bits: steps of the samples, whatever their depth.
/// Having one tells that it is from 0 to 128.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct GrayLevels(f64);

/// Noise of a sensor by brightness: the variance of a sample of value `v`, both in 8-bit gray levels,
/// is `read^2 + shot v`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorNoise {
    /// Deviation in darkness.
    pub read: f64,
    /// Variance that a gray level of light adds.
    pub shot: f64,
}

impl SensorNoise {
    /// The deviation of samples of that value in 8-bit gray levels.
    pub fn at(self, value: f64) -> GrayLevels {
        let variance = self.read.mul_add(self.read, self.shot * value.max(0.0));
        GrayLevels::saturating(variance.max(0.0).sqrt())
    }
}

/// A standard deviation in light, 1.0 being white.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Light(pub f64);

impl GrayLevels {
    /// No noise.
    pub const NONE: Self = Self(0.0);

    /// That of an ordinary camera in ordinary light: where nobody says how strong it is.
    pub const USUAL: Self = Self(2.55);

    /// The strongest noise there is a use for.
    const MAX: f64 = 128.0;

    /// A deviation from 0 to 128 gray levels.
    pub fn new(levels: f64) -> Option<Self> {
        (0.0..=Self::MAX).contains(&levels).then_some(Self(levels))
    }

    /// The nearest deviation from 0 to 128 gray levels.
    pub const fn saturating(levels: f64) -> Self {
        Self(levels.clamp(0.0, Self::MAX))
    }

    /// The number of gray levels.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The same noise in light, where samples of `range` are encoded by `transfer`.
    pub fn in_light(self, transfer: Transfer, range: Range) -> Light {
        let levels = f64::from(Scale::luma(8, range).span());
        Light(self.0 / levels * transfer.noise_gain())
    }
}

impl Light {
    /// The same noise in gray levels, the inverse of [`GrayLevels::in_light`].
    pub fn in_gray_levels(self, transfer: Transfer, range: Range) -> GrayLevels {
        let levels = f64::from(Scale::luma(8, range).span());
        GrayLevels::saturating(self.0 * levels / transfer.noise_gain())
    }
}

impl From<GrayLevels> for f64 {
    fn from(levels: GrayLevels) -> Self {
        levels.0
    }
}

impl TryFrom<f64> for GrayLevels {
    type Error = String;

    fn try_from(levels: f64) -> Result<Self, String> {
        Self::new(levels).ok_or_else(|| format!("{levels} (expected gray levels from 0 to 128)"))
    }
}

impl FromStr for GrayLevels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let levels = text.parse().ok().and_then(Self::new);
        levels.ok_or_else(|| format!("'{text}' (expected gray levels from 0 to 128)"))
    }
}

impl fmt::Display for GrayLevels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gray_levels_from_0_to_128_are_read() {
        for text in ["0", "2.55", "128"] {
            assert_eq!(text.parse::<GrayLevels>().expect("gray levels").to_string(), text);
        }
        for text in ["", "-1", "128.1", "nan", "inf", "two"] {
            let error = text.parse::<GrayLevels>().expect_err(text);
            assert!(error.contains("expected gray levels from 0 to 128"), "{error}");
        }
    }

    #[test]
    fn a_sensor_is_noisier_in_light() {
        let sensor = SensorNoise { read: 1.5, shot: 0.04 };
        assert!((sensor.at(0.0).get() - 1.5).abs() < 1e-12);
        assert!((sensor.at(100.0).get() - 2.5).abs() < 1e-12);
    }

    #[test]
    fn noise_grows_with_the_slope_of_the_curve() {
        let levels = GrayLevels::new(25.5).expect("gray levels");
        let linear = levels.in_light(Transfer::None, Range::Full);
        let back = levels.in_light(Transfer::Srgb, Range::Limited);
        let back = back.in_gray_levels(Transfer::Srgb, Range::Limited).get();
        assert!((back - 25.5).abs() < 1e-9, "{back}");
        assert!((linear.0 - 0.1).abs() < 1e-9, "{linear:?}");
        let encoded = levels.in_light(Transfer::Srgb, Range::Full);
        assert!(encoded > linear, "sRGB is steep where there is light");
    }

    /// Between black and white of limited range lie 219 steps.
    #[test]
    fn a_gray_level_of_limited_range_is_more_light() {
        let levels = GrayLevels::new(21.9).expect("gray levels");
        let light = levels.in_light(Transfer::None, Range::Limited);
        assert!((light.0 - 0.1).abs() < 1e-9, "{light:?}");
    }
}
