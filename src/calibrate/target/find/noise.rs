//! Which way the target lies: the noise that is seen against that of the pattern.

use super::super::geometry::{Geometry, Point};
use super::super::pattern::{PATCH, Pattern};
use crate::frame::Plane;

/// The least correlation of one noise. Of two that have nothing to do with each other it has a
/// deviation of 1/64, one over the root of the number of cells.
pub(super) const LEAST_CORRELATION: f64 = 0.1;

/// A way in which a square lies on itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Way {
    pub(super) quarters: usize,
    pub(super) mirrored: bool,
    pub(super) correlation: f64,
}

/// The way with the greatest correlation, where `geometry` takes the frame to a target that lies
/// somehow.
pub(super) fn best_way(frame: &Plane<f32>, pattern: &Pattern, geometry: &Geometry) -> Way {
    let (left, top, extent) = pattern.noise_area();
    let side = extent.width;
    let seen = without_light(Plane::from_fn(extent, |x, y| {
        let cell = [(left + x) as f64 + 0.5, (top + y) as f64 + 0.5];
        geometry.point(cell).map_or(0.0, |point| sample(frame, point))
    }));
    let mut best = Way { quarters: 0, mirrored: false, correlation: f64::NEG_INFINITY };
    for quarters in 0..4 {
        for mirrored in [false, true] {
            let drawn = without_light(Plane::from_fn(extent, |x, y| {
                let (x, y) = turned((x, y), side, quarters, mirrored);
                pattern.cells().row(top + y)[left + x]
            }));
            let correlation = correlation(&seen, &drawn);
            if correlation > best.correlation {
                best = Way { quarters, mirrored, correlation };
            }
        }
    }
    best
}

/// Where a cell comes to lie: mirrored first, then turned.
fn turned(
    (mut x, mut y): (usize, usize),
    side: usize,
    quarters: usize,
    mirrored: bool,
) -> (usize, usize) {
    if mirrored {
        x = side - 1 - x;
    }
    for _ in 0..quarters {
        (x, y) = (side - 1 - y, x);
    }
    (x, y)
}

/// Samples less the mean of their block of 8 x 8, which is one half on the target.
fn without_light(mut samples: Plane<f32>) -> Plane<f32> {
    let extent = samples.extent();
    for block in 0..extent.area() / 64 {
        let (x, y) = (block % (extent.width / 8) * 8, block / (extent.width / 8) * 8);
        let mean =
            (y..y + 8).map(|y| samples.row(y)[x..x + 8].iter().sum::<f32>()).sum::<f32>() / 64.0;
        (y..y + 8).for_each(|y| samples.row_mut(y)[x..x + 8].iter_mut().for_each(|v| *v -= mean));
    }
    samples
}

fn correlation(a: &Plane<f32>, b: &Plane<f32>) -> f64 {
    let product = |a: &Plane<f32>, b: &Plane<f32>| -> f64 {
        a.samples().iter().zip(b.samples()).map(|(&a, &b)| f64::from(a * b)).sum()
    };
    let powers = product(a, a) * product(b, b);
    if powers > 0.0 { product(a, b) / powers.sqrt() } else { 0.0 }
}

/// The frame between its samples; its edge goes on outside.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the frame")]
pub(super) fn sample(frame: &Plane<f32>, [x, y]: Point) -> f32 {
    let extent = frame.extent();
    let split = |value: f64, last: usize| {
        let value = value.clamp(0.0, last as f64);
        let low = value.floor();
        (low as usize, (low as usize + 1).min(last), (value - low) as f32)
    };
    let (left, right, across) = split(x, extent.width - 1);
    let (top, bottom, down) = split(y, extent.height - 1);
    let mix = |row: &[f32]| row[left] * (1.0 - across) + row[right] * across;
    mix(frame.row(top)) * (1.0 - down) + mix(frame.row(bottom)) * down
}

/// Light of the white patches less that of the black ones, in their middles.
pub(super) fn contrast(frame: &Plane<f32>, pattern: &Pattern, geometry: &Geometry) -> f64 {
    let mean = |eighths: u8| {
        let (mut sum, mut count) = (0.0, 0.0_f64);
        for patch in pattern.patches().into_iter().filter(|patch| patch.eighths == eighths) {
            let middle = [patch.at.0, patch.at.1].map(|at| at as f64 + PATCH as f64 / 2.0);
            if let Some(point) = geometry.point(middle) {
                sum += f64::from(sample(frame, point));
                count += 1.0;
            }
        }
        sum / count.max(1.0)
    };
    mean(8) - mean(0)
}
