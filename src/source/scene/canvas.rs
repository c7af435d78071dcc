//! Painting with coverage: every edge is as wide as a pixel, so that nothing has stair-steps.
//!
//! A shape is a function from a point to its colour and to its signed distance from the edge in
//! pixels, positive inside; the coverage of a pixel is that distance plus one half, cut to [0, 1].

pub(super) use super::super::font::coverage;
use crate::frame::{Extent, Picture, Plane};

/// Red, green and blue, 0 to 255.
pub(super) type Colour = [f32; 3];

/// Where the drawing, made for 640x360, lies in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Pixels a unit of the drawing.
    pub(super) scale: f32,
    left: f32,
    top: f32,
}

/// A rectangle in units of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Place {
    /// The largest drawing within `extent`, in the middle, at the bottom.
    pub(super) fn within(extent: Extent) -> Self {
        let (width, height) = (extent.width as f32, extent.height as f32);
        let scale = (width / 640.0).min(height / 360.0);
        Self { scale, left: (width - 640.0 * scale) / 2.0, top: height - 360.0 * scale }
    }

    /// Pixel coordinates of a point of the drawing.
    pub(super) fn point(self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.scale, self.top + y * self.scale)
    }
}

/// Paints the pixels of a square around (`x`, `y`); the shape is asked at offsets from there.
pub(super) fn paint(
    picture: &mut Picture,
    (x, y): (f32, f32),
    reach: f32,
    shape: impl Fn(f32, f32) -> (Colour, f32),
) {
    let Extent { width, height } = picture.extent();
    let [red, green, blue] = picture.planes_mut() else { return };
    for row in cells(y, reach, height) {
        let rows = &mut [red.row_mut(row), green.row_mut(row), blue.row_mut(row)];
        for column in cells(x, reach, width) {
            let (colour, inside) = shape(column as f32 + 0.5 - x, row as f32 + 0.5 - y);
            let coverage = coverage(inside);
            if coverage > 0.0 {
                for (row, value) in rows.iter_mut().zip(colour) {
                    mix(&mut row[column], value, coverage);
                }
            }
        }
    }
}

/// Lays ink over the picture where `mask` (0 to 1) is, its corner at pixel (`left`, `top`).
pub(super) fn stamp(
    picture: &mut Picture,
    mask: &Plane<f32>,
    (left, top): (isize, isize),
    colour: Colour,
) {
    let extent = picture.extent();
    for (plane, value) in picture.planes_mut().iter_mut().zip(colour) {
        for (y, mask) in mask.rows().enumerate() {
            let Some(y) = top.checked_add_unsigned(y).and_then(|y| usize::try_from(y).ok()) else {
                continue;
            };
            if y >= extent.height {
                break;
            }
            let skip = usize::try_from(-left).unwrap_or(0).min(mask.len());
            let start = usize::try_from(left).unwrap_or(0).min(extent.width);
            for (sample, &coverage) in plane.row_mut(y)[start..].iter_mut().zip(&mask[skip..]) {
                mix(sample, value, coverage);
            }
        }
    }
}

/// Moves `sample` towards `value`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(super) fn mix(sample: &mut u16, value: f32, coverage: f32) {
    let under = f32::from(*sample);
    *sample = (under + (value - under) * coverage + 0.5).clamp(0.0, 255.0) as u16;
}

/// Colours between `a` and `b`.
pub(super) fn blend(a: Colour, b: Colour, part: f32) -> Colour {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * part)
}

/// A colour made darker or lighter.
pub(super) fn shade(colour: Colour, factor: f32) -> Colour {
    colour.map(|value| value * factor)
}

/// The nearest pixel.
#[expect(clippy::cast_possible_truncation, reason = "coordinates are small")]
pub(super) fn pixel(coordinate: f32) -> isize {
    coordinate.round() as isize
}

/// What is left of `value` after as many whole periods as it holds.
#[expect(clippy::cast_possible_truncation, reason = "less than `period`")]
pub(super) fn remainder(value: f64, period: f64) -> f32 {
    value.rem_euclid(period) as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn cells(centre: f32, reach: f32, limit: usize) -> std::ops::Range<usize> {
    let end = ((centre + reach).ceil().max(0.0) as usize).min(limit);
    ((centre - reach).floor().max(0.0) as usize).min(end)..end
}
