//! From the samples of a picture to light and back, in tables.
//!
//! The tables hold the camera's transfer curve for the samples of one picture format, depth and
//! range included: light of every sample, and encoded values of lights. These are spaced by their fourth
//! roots: a power up to 4 is infinitely steep at black, but not in these, and 2048 pieces, which stay in the
//! first-level cache, are straight to 4e-7 of white under every curve (a second derivative of 12 at most, times an
//! eighth of the square of a piece).

use crate::frame::PictureFormat;
use crate::frame::colour::{Scale, nearest};
use crate::optics::Transfer;

/// The way from the samples of one picture format to light and back, in tables.
#[derive(Debug, Clone)]
pub struct ToneCurve {
    scale: Scale,
    /// The greatest sample value.
    white: f32,
    light: Vec<f32>,
    /// Light of encoded values, by their samples' parts of white; empty where the curve is the identity.
    decoding: Table,
    /// Encoded values of light, by its fourth root; likewise.
    encoding: Table,
}

/// A function from 0 to 1, straight between evenly spaced places.
#[derive(Debug, Clone, Default)]
struct Table {
    /// Of each piece the value where it begins, and how much that rises to its end.
    pieces: Vec<[f32; 2]>,
}

/// Values whose pieces are found before any is looked up: the one is done to several at a time, the other is not.
const TOGETHER: usize = 64;

impl Table {
    /// Straight between these values, no more than 65,536.
    fn new(values: &[f32]) -> Self {
        let pieces = values.windows(2).map(|ends| [ends[0], ends[1] - ends[0]]);
        Self { pieces: pieces.collect() }
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Makes of each value the function's at `place` of it; places beyond the ends are at these.
    #[inline]
    fn look_up(&self, values: &mut [f32], place: impl Fn(f32) -> f32) {
        let (count, last) = (self.pieces.len() as f32, (self.pieces.len() - 1) as f32);
        let mut pieces = [0; TOGETHER];
        for values in values.chunks_mut(TOGETHER) {
            for (value, piece) in values.iter_mut().zip(&mut pieces) {
                let at = place(*value).clamp(0.0, 1.0) * count;
                // Half a piece less, rounded, is the number of the piece; at its ends that of either does.
                *piece = nearest(at - 0.5, last);
                *value = at - f32::from(*piece);
            }
            for (value, piece) in values.iter_mut().zip(&pieces) {
                let [start, rise] = self.pieces[usize::from(*piece)];
                *value = start + *value * rise;
            }
        }
    }
}

impl ToneCurve {
    /// Pieces of the table of encoded values.
    const PIECES: u16 = 2048;

    /// The tables for luma, red, green or blue samples of `format`.
    pub fn new(transfer: Transfer, format: PictureFormat) -> Self {
        let white = f32::from(format.white());
        let scale = Scale::luma(format.depth, format.range);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let light = |sample: u16| transfer.decode(f64::from(scale.value(f32::from(sample)))) as f32;
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let encoded = |step: u16| {
            let root = f64::from(step) / f64::from(Self::PIECES);
            transfer.encode(root.powi(4)) as f32
        };
        let light: Vec<f32> = (0..=format.white()).map(light).collect();
        let [decoding, encoding] = match transfer {
            Transfer::None => [Table::default(), Table::default()],
            _ => {
                let encoded: Vec<f32> = (0..=Self::PIECES).map(encoded).collect();
                [Table::new(&light), Table::new(&encoded)]
            }
        };
        Self { scale, white, light, decoding, encoding }
    }

    /// Turns samples into light; one above white counts as white.
    pub fn lights(&self, samples: &[u16], lights: &mut [f32]) {
        let pairs = lights.iter_mut().zip(samples);
        if self.decoding.is_empty() {
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
        if !self.decoding.is_empty() {
            // The table of light has an entry for each sample value.
            self.decoding.look_up(values, |value| self.scale.sample(value) / self.white);
        }
    }

    /// Turns light into encoded values, 1.0 being white, in place.
    pub fn encode(&self, lights: &mut [f32]) {
        if !self.encoding.is_empty() {
            self.encoding.look_up(lights, |light| light.max(0.0).sqrt().sqrt());
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
        *sample = nearest(scale.sample(*value), white);
    }
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
