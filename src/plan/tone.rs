//! From the samples of a picture to light and back, in tables.
//!
//! The tables hold the camera's transfer curve for the samples of one picture format, depth and
//! range included: light of every sample, and encoded values of evenly spaced lights.

use crate::frame::PictureFormat;
use crate::frame::colour::Scale;
use crate::optics::Transfer;

/// The way from the samples of one picture format to light and back, in tables.
#[derive(Debug, Clone)]
pub struct ToneCurve {
    scale: Scale,
    /// The greatest sample value.
    white: f32,
    light: Vec<f32>,
    /// Encoded values of lights that are spaced so; empty where the curve is the identity.
    encoded: Vec<f32>,
    spacing: Spacing,
}

/// How the lights of a table of encoded values are spaced from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// Evenly: the curve begins with a straight piece.
    Even,
    /// By their fourth roots: a power up to 4 is infinitely steep at black, but not in these.
    FourthRoots,
}

impl Spacing {
    fn of(transfer: Transfer) -> Self {
        if matches!(transfer, Transfer::Gamma(_)) { Self::FourthRoots } else { Self::Even }
    }

    /// The light at a place of the table, both from 0 to 1.
    fn light(self, place: f64) -> f64 {
        if self == Self::Even { place } else { place.powi(4) }
    }
}

impl ToneCurve {
    const STEPS: u16 = u16::MAX;

    /// The tables for luma, red, green or blue samples of `format`.
    pub fn new(transfer: Transfer, format: PictureFormat) -> Self {
        let white = f32::from(format.white());
        let scale = Scale::luma(format.depth, format.range);
        let spacing = Spacing::of(transfer);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let light = |sample: u16| transfer.decode(f64::from(scale.value(f32::from(sample)))) as f32;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let encoded = |step: u16| {
            transfer.encode(spacing.light(f64::from(step) / f64::from(Self::STEPS))) as f32
        };
        let is_identity = transfer == Transfer::None;
        Self {
            scale,
            white,
            light: (0..=format.white()).map(light).collect(),
            encoded: if is_identity {
                Vec::new()
            } else {
                (0..=Self::STEPS).map(encoded).collect()
            },
            spacing,
        }
    }

    /// Turns samples into light; one above white counts as white.
    pub fn lights(&self, samples: &[u16], lights: &mut [f32]) {
        let pairs = lights.iter_mut().zip(samples);
        if self.encoded.is_empty() {
            let (scale, white) = (self.scale, self.white);
            pairs.for_each(|(light, sample)| {
                *light = scale.value(f32::from(*sample).min(white));
            });
        } else {
            let last = self.light.len() - 1;
            pairs.for_each(|(light, sample)| *light = self.light[usize::from(*sample).min(last)]);
        }
    }

    /// Encoded value of a sample, 1.0 being white.
    pub fn encoded(&self, sample: f32) -> f32 {
        self.scale.value(sample)
    }

    /// Turns encoded values, 1.0 being white, into light, in place: the inverse of
    /// [`ToneCurve::encode`].
    pub fn decode(&self, values: &mut [f32]) {
        if !self.encoded.is_empty() {
            for value in values {
                // The table of light has an entry for each sample value.
                let place = self.scale.sample(*value) / self.white;
                *value = interpolate(&self.light, place);
            }
        }
    }

    /// Turns light into encoded values, 1.0 being white, in place.
    pub fn encode(&self, lights: &mut [f32]) {
        if self.encoded.is_empty() {
            return;
        }
        match self.spacing {
            Spacing::Even => {
                lights.iter_mut().for_each(|light| *light = interpolate(&self.encoded, *light));
            }
            Spacing::FourthRoots => {
                let place = |light: f32| light.max(0.0).sqrt().sqrt();
                lights
                    .iter_mut()
                    .for_each(|light| *light = interpolate(&self.encoded, place(*light)));
            }
        }
    }

    /// The samples of encoded values, rounded and clipped.
    pub fn samples(&self, encoded: &[f32], samples: &mut [u16]) {
        to_samples(self.scale, self.white, encoded, samples);
    }
}

/// The samples of values, rounded and clipped at 0 and `white`.
pub fn to_samples(scale: Scale, white: f32, values: &[f32], samples: &mut [u16]) {
    for (sample, value) in samples.iter_mut().zip(values) {
        let rounded = scale.sample(*value).clamp(0.0, white) + ROUND;
        #[expect(clippy::cast_possible_truncation, reason = "the number is in the low bits")]
        let low_bits = rounded.to_bits() as u16;
        *sample = low_bits;
    }
}

/// 2^23: a number from 0 to 2^16 added to it is rounded to an integer, which then stands in the
/// low bits. Additions and masks are vectorised on every processor; conversions are not.
const ROUND: f32 = 8_388_608.0;

/// The value of a table at a place from 0 to 1.
fn interpolate(table: &[f32], place: f32) -> f32 {
    let place = place.clamp(0.0, 1.0) * (table.len() - 1) as f32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let index = (place as usize).min(table.len() - 2);
    let (low, high) = (table[index], table[index + 1]);
    low + (place - index as f32) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Extent, Layout, Range};

    const CURVES: [Transfer; 6] = [
        Transfer::None,
        Transfer::Srgb,
        Transfer::Bt709,
        Transfer::Gamma(1.0),
        Transfer::Gamma(2.2),
        Transfer::Gamma(4.0),
    ];

    #[test]
    fn every_sample_comes_back_from_light() {
        for transfer in CURVES {
            for (depth, range) in
                [(8, Range::Full), (8, Range::Limited), (10, Range::Limited), (16, Range::Full)]
            {
                let format =
                    PictureFormat { extent: Extent::new(1, 1), layout: Layout::Gray, depth, range };
                let curve = ToneCurve::new(transfer, format);
                let foot = if range == Range::Limited && transfer != Transfer::None {
                    16 << (depth - 8)
                } else {
                    0
                };
                let head = if range == Range::Limited && transfer != Transfer::None {
                    235 << (depth - 8)
                } else {
                    format.white()
                };
                for sample in foot..=head {
                    let (mut value, mut back) = ([0.0], [0]);
                    curve.lights(&[sample], &mut value);
                    curve.encode(&mut value);
                    curve.samples(&value, &mut back);
                    let [back] = back;
                    assert!(
                        back.abs_diff(sample) <= u16::from(depth == 16),
                        "{transfer:?} {depth} {sample} {back}"
                    );
                }
            }
        }
    }
}
