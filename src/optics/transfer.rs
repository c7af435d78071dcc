//! Transfer curves: from the samples of a picture to light, and back.
//!
//! Blur is linear in light, but pictures hold gamma-encoded samples. Where the camera's curve is
//! known it is undone before the restoration and redone after it. Curves: IEC 61966-2-1 (sRGB)
//! and ITU-R BT.709, with their exact inverses.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The curve by which a camera encodes light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Transfer {
    /// Samples are restored as they are.
    #[default]
    None,
    /// IEC 61966-2-1, of computer pictures.
    Srgb,
    /// ITU-R BT.709, of video.
    Bt709,
}

/// The constants of BT.709 to the precision at which its two parts meet.
const BT709_ALPHA: f64 = 1.099_296_826_809_44;
const BT709_BETA: f64 = 0.018_053_968_510_807;

impl Transfer {
    /// Light of an encoded value, both from 0 to 1.
    pub fn decode(self, encoded: f64) -> f64 {
        match self {
            Self::None => encoded,
            Self::Srgb if encoded <= 0.040_45 => encoded.max(0.0) / 12.92,
            Self::Srgb => ((encoded + 0.055) / 1.055).powf(2.4),
            Self::Bt709 if encoded < 4.5 * BT709_BETA => encoded.max(0.0) / 4.5,
            Self::Bt709 => ((encoded + BT709_ALPHA - 1.0) / BT709_ALPHA).powf(1.0 / 0.45),
        }
    }

    /// Encoded value of light, both from 0 to 1.
    pub fn encode(self, light: f64) -> f64 {
        match self {
            Self::None => light,
            Self::Srgb if light <= 0.003_130_8 => light.max(0.0) * 12.92,
            Self::Srgb => 1.055 * light.powf(1.0 / 2.4) - 0.055,
            Self::Bt709 if light < BT709_BETA => light.max(0.0) * 4.5,
            Self::Bt709 => BT709_ALPHA * light.powf(0.45) - (BT709_ALPHA - 1.0),
        }
    }

    /// The factor by which noise of encoded samples grows on the way to light: the root mean
    /// square slope of the curve over all encoded values.
    pub fn noise_gain(self) -> f64 {
        const STEPS: u32 = 1000;
        let slope = |step: u32| {
            let (low, high) =
                (f64::from(step) / f64::from(STEPS), f64::from(step + 1) / f64::from(STEPS));
            (self.decode(high) - self.decode(low)) * f64::from(STEPS)
        };
        ((0..STEPS).map(|step| slope(step).powi(2)).sum::<f64>() / f64::from(STEPS)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_of_the_curves() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 5e-4, "{a} is not {b}");
        close(Transfer::Srgb.decode(0.5), 0.2140);
        close(Transfer::Bt709.decode(0.5), 0.2597);
        close(Transfer::None.noise_gain(), 1.0);
        assert!(
            Transfer::Srgb.noise_gain() > 1.0,
            "the curve is steeper where there is more light"
        );
    }
}
