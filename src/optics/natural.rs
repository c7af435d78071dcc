//! What pictures are like on average.

use std::f64::consts::PI;
use std::fmt;

use crate::fft::frequency;
use crate::frame::Extent;

/// Mean power spectrum of natural images at the coefficient `index` of a plane, for samples in [0, 1]:
/// `exp(-3.92) G^-1.753`, `G = 4 sin^2(pi u) + 4 sin^2(pi v)`, fitted to 200 photographs.
pub fn natural_power(extent: Extent, index: usize) -> f64 {
    (-3.92_f64).exp() * laplacian(extent, index).max(1e-6).powf(-1.753)
}

/// What the Laplacian makes of the coefficient at `index` of a plane: `G`, from 0 to 8.
pub fn laplacian(extent: Extent, index: usize) -> f64 {
    let (u, v) = frequency(extent, index);
    4.0 * (PI * u).sin().powi(2) + 4.0 * (PI * v).sin().powi(2)
}

/// The same of differences of colour as they are in chroma samples, each of which stands for `share` samples
/// of luma: `exp(-7.71) share G^-1.4`, fitted to 82 photographs at full, half and quarter size.
pub fn natural_chroma_power(extent: Extent, share: f64, index: usize) -> f64 {
    let (u, v) = frequency(extent, index);
    let laplacian = 4.0 * (PI * u).sin().powi(2) + 4.0 * (PI * v).sin().powi(2);
    share * (-7.71_f64).exp() * laplacian.max(1e-6).powf(-1.4)
}

/// How much fainter than an ordinary picture one is: its amplitudes over those, from
/// [`Contrast::LEAST`] to 1. Twelve bits low in sixteen, fog and night have less than 1; the power of
/// their spectrum is less by the square. What has more than an ordinary picture counts as one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Contrast(f64);

impl Contrast {
    /// That of an ordinary picture.
    pub const USUAL: Self = Self(1.0);

    /// The least there is: an eight-bit picture low in sixteen bits, and half of that.
    pub const LEAST: f64 = 1.0 / 512.0;

    /// The nearest contrast to a ratio of amplitudes.
    pub const fn saturating(ratio: f64) -> Self {
        Self(ratio.clamp(Self::LEAST, 1.0))
    }

    /// The ratio of amplitudes.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Default for Contrast {
    fn default() -> Self {
        Self::USUAL
    }
}

impl fmt::Display for Contrast {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}
