//! The curve by which samples encode light.

use serde::{Deserialize, Serialize};

use crate::frame::Plane;
use crate::optics::Transfer;

/// A transfer curve: a known one, or a power.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// One of the standards, or none.
    Known(Transfer),
    /// Light is the sample to this power.
    Gamma(f64),
}

impl Curve {
    /// The curves of which `auto` takes one: the standards first, then powers.
    pub(super) fn candidates() -> impl Iterator<Item = Self> {
        let known = [Transfer::None, Transfer::Srgb, Transfer::Bt709].map(Self::Known);
        let powers = (0..8).map(|step| Self::Gamma(1.2 + f64::from(step) * 0.25));
        known.into_iter().chain(powers)
    }

    /// Light of an encoded value, both from 0 to 1.
    pub fn decode(self, encoded: f64) -> f64 {
        match self {
            Self::Known(transfer) => transfer.decode(encoded),
            Self::Gamma(power) => encoded.max(0.0).powf(power),
        }
    }

    /// Encoded value of light, both from 0 to 1.
    pub fn encode(self, light: f64) -> f64 {
        match self {
            Self::Known(transfer) => transfer.encode(light),
            Self::Gamma(power) => light.max(0.0).powf(1.0 / power),
        }
    }

    /// Slope of the way to light at an encoded value.
    pub(super) fn slope(self, encoded: f64) -> f64 {
        const STEP: f64 = 1e-3;
        let low = encoded.clamp(STEP, 1.0);
        (self.decode(low + STEP) - self.decode(low - STEP)) / (2.0 * STEP)
    }

    /// Light of encoded samples. Between 4096 of its values the curve is a line.
    #[expect(clippy::cast_possible_truncation, reason = "light from 0 to 1")]
    pub(super) fn decoded(self, encoded: &Plane<f32>) -> Plane<f32> {
        const STEPS: usize = 4096;
        let table: Vec<f32> =
            (0..=STEPS + 1).map(|step| self.decode(step as f64 / STEPS as f64) as f32).collect();
        let light = |value: f32| {
            let place = value.clamp(0.0, 1.0) * STEPS as f32;
            let index = place as usize;
            table[index] + (place - index as f32) * (table[index + 1] - table[index])
        };
        let samples = encoded.samples().iter().map(|&value| light(value)).collect();
        Plane::from_samples(encoded.extent(), samples).unwrap_or_default()
    }
}
