//! The coefficients that are kept of a plane, and their order: column by column.

use crate::frame::Extent;

/// A complex coefficient.
pub type Complex = rustfft::num_complex::Complex32;

/// Number of coefficients kept for a plane of `extent`.
pub fn coefficients(extent: Extent) -> usize {
    half_width(extent) * extent.height
}

/// Horizontal and vertical frequency, in cycles a sample, of the coefficient at `index`.
pub fn frequency(extent: Extent, index: usize) -> (f64, f64) {
    let (x, y) = (index / extent.height, index % extent.height);
    (x as f64 / extent.width as f64, y as f64 / extent.height as f64)
}

/// As [`frequency`], from -1/2 to 1/2.
pub fn signed_frequency(extent: Extent, index: usize) -> (f64, f64) {
    let (u, v) = frequency(extent, index);
    (u, if v > 0.5 { v - 1.0 } else { v })
}

/// How often the coefficient at `index` stands in the whole spectrum, with its conjugate.
pub fn multiplicity(extent: Extent, index: usize) -> f64 {
    let x = index / extent.height;
    if x == 0 || 2 * x == extent.width { 1.0 } else { 2.0 }
}

/// Columns of coefficients that are kept.
pub fn half_width(extent: Extent) -> usize {
    extent.width / 2 + 1
}
