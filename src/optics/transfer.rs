//! Transfer curves: from the samples of a picture to light, and back.
//!
//! Blur is linear in light, but pictures hold gamma-encoded samples. Where the camera's curve is
//! known it is undone before the restoration and redone after it. Curves: IEC 61966-2-1 (sRGB)
//! and ITU-R BT.709, with their exact inverses, and a plain power, `light = encoded^G`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The curve by which a camera encodes light. As text: `none`, `srgb`, `bt709` or `gamma:G`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Transfer {
    /// Samples are restored as they are.
    #[default]
    None,
    /// IEC 61966-2-1, of computer pictures.
    Srgb,
    /// ITU-R BT.709, of video.
    Bt709,
    /// A power: light is the encoded value to this exponent, [1 to 4](Transfer::GAMMA).
    Gamma(f64),
}

/// The constants of BT.709 to the precision at which its two parts meet.
const BT709_ALPHA: f64 = 1.099_296_826_809_44;
const BT709_BETA: f64 = 0.018_053_968_510_807;

impl Transfer {
    /// The exponents that are read.
    pub const GAMMA: RangeInclusive<f64> = 1.0..=4.0;

    /// Light of an encoded value, both from 0 to 1.
    pub fn decode(self, encoded: f64) -> f64 {
        match self {
            Self::None => encoded,
            Self::Srgb if encoded <= 0.040_45 => encoded.max(0.0) / 12.92,
            Self::Srgb => ((encoded + 0.055) / 1.055).powf(2.4),
            Self::Bt709 if encoded < 4.5 * BT709_BETA => encoded.max(0.0) / 4.5,
            Self::Bt709 => ((encoded + BT709_ALPHA - 1.0) / BT709_ALPHA).powf(1.0 / 0.45),
            Self::Gamma(gamma) => encoded.max(0.0).powf(gamma),
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
            Self::Gamma(gamma) => light.max(0.0).powf(1.0 / gamma),
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

impl fmt::Display for Transfer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => out.write_str("none"),
            Self::Srgb => out.write_str("srgb"),
            Self::Bt709 => out.write_str("bt709"),
            Self::Gamma(gamma) => write!(out, "gamma:{gamma}"),
        }
    }
}

impl FromStr for Transfer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let gamma = |text: &str| text.parse().ok().filter(|gamma| Self::GAMMA.contains(gamma));
        match text {
            "none" => Some(Self::None),
            "srgb" => Some(Self::Srgb),
            "bt709" => Some(Self::Bt709),
            _ => text.strip_prefix("gamma:").and_then(gamma).map(Self::Gamma),
        }
        .ok_or_else(|| {
            format!("'{text}' (expected none, srgb, bt709, or gamma:G with G from 1 to 4)")
        })
    }
}

impl TryFrom<String> for Transfer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Transfer> for String {
    fn from(transfer: Transfer) -> Self {
        transfer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_read_back_as_written() {
        for text in ["none", "srgb", "bt709", "gamma:2.2", "gamma:1", "gamma:4"] {
            let transfer: Transfer = text.parse().expect("a curve");
            assert_eq!(transfer.to_string(), text);
            let json = serde_json::to_string(&transfer).expect("JSON");
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Transfer>(&json).expect("a curve"), transfer);
        }
        for text in ["", "sRGB", "gamma", "gamma:", "gamma:0.5", "gamma:4.1", "gamma:nan", "2.2"] {
            let error = text.parse::<Transfer>().expect_err(text);
            assert!(error.contains("gamma:G with G from 1 to 4"), "{error}");
        }
    }

    #[test]
    fn every_curve_is_undone() {
        let curves = [Transfer::None, Transfer::Srgb, Transfer::Bt709, Transfer::Gamma(2.2)];
        for (transfer, step) in curves.iter().flat_map(|curve| (0..=100).map(move |n| (curve, n))) {
            let encoded = f64::from(step) / 100.0;
            let back = transfer.encode(transfer.decode(encoded));
            assert!((back - encoded).abs() < 1e-6, "{transfer}: {encoded} became {back}");
        }
    }

    #[test]
    fn known_points_of_the_curves() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 5e-4, "{a} is not {b}");
        close(Transfer::Srgb.decode(0.5), 0.2140);
        close(Transfer::Bt709.decode(0.5), 0.2597);
        close(Transfer::Gamma(2.2).decode(0.5), 0.2176);
        close(Transfer::None.noise_gain(), 1.0);
        // The root mean square of `G e^(G - 1)` from 0 to 1.
        close(Transfer::Gamma(2.0).noise_gain(), (4.0_f64 / 3.0).sqrt());
        assert!(
            Transfer::Srgb.noise_gain() > 1.0,
            "the curve is steeper where there is more light"
        );
    }
}
