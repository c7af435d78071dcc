//! Factors by which the coefficients of a plane are multiplied.

use super::Complex;
use crate::frame::Extent;

/// Factors of the coefficients of one extent, column by column, scaled so that forward transform,
/// product and inverse transform need no further scaling.
#[derive(Debug, Clone)]
pub enum Filter {
    /// Real factors, as of the null-space projection.
    Real(Vec<f32>),
    /// Complex factors, as of a blur and of its inverse.
    Complex(Vec<Complex>),
}

impl Filter {
    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn real(extent: Extent, mut factor: impl FnMut(usize) -> f64) -> Self {
        let scale = scale(extent);
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        Self::Real((0..coefficients(extent)).map(|index| (factor(index) * scale) as f32).collect())
    }

    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn complex(extent: Extent, mut factor: impl FnMut(usize) -> Complex) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let scale = scale(extent) as f32;
        Self::Complex((0..coefficients(extent)).map(|index| factor(index) * scale).collect())
    }

    /// Number of factors.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Real(factors) => factors.len(),
            Self::Complex(factors) => factors.len(),
        }
    }

    /// Multiplies coefficients, of which the first is that at `start`.
    pub(super) fn apply(&self, start: usize, values: &mut [Complex]) {
        match self {
            Self::Real(factors) => {
                values.iter_mut().zip(&factors[start..]).for_each(|(value, f)| *value *= *f);
            }
            Self::Complex(factors) => {
                values.iter_mut().zip(&factors[start..]).for_each(|(value, f)| *value *= *f);
            }
        }
    }
}

/// Number of coefficients kept for a plane of `extent`.
pub fn coefficients(extent: Extent) -> usize {
    half_width(extent) * extent.height
}

/// Horizontal and vertical frequency, in cycles a sample, of the coefficient at `index`.
pub fn frequency(extent: Extent, index: usize) -> (f64, f64) {
    let (x, y) = (index / extent.height, index % extent.height);
    (x as f64 / extent.width as f64, y as f64 / extent.height as f64)
}

/// Columns of coefficients that are kept.
pub(super) fn half_width(extent: Extent) -> usize {
    extent.width / 2 + 1
}

/// Transforms scale by the number of samples, and pairs of rows are told apart without halving.
fn scale(extent: Extent) -> f64 {
    0.5 / extent.area() as f64
}
