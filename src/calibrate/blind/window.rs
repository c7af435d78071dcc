//! The part of a scene that the refinement works on, at any scale, made periodic.

use super::scene::{CELL, Scene};
use crate::fft::good_size;
use crate::frame::{Extent, Plane};

/// The longest side of a window: more tells little of a blur and takes long.
pub(super) const LONGEST: usize = 320;

/// Cells beside each other by which windows are moved in the search for the best.
const STRIDE: usize = 4;

/// The window of a scene that has the most gradients for its blur to show in, and whatever is not to
/// be used of it filled with the mean; and how much there is of them. `None` where more than a twentieth
/// is not to be used.
pub(super) fn window(scene: &Scene) -> Option<(f64, Plane<f32>)> {
    let Extent { width, height } = scene.extent();
    let extent = Extent::new(shorter(width.min(LONGEST)), shorter(height.min(LONGEST)));
    let step = STRIDE * CELL;
    let places = |length: usize, side: usize| (0..=(length - side) / step).map(move |i| i * step);
    let mut best: Option<(f64, usize, usize)> = None;
    for top in places(height, extent.height) {
        for left in places(width, extent.width) {
            let Some(value) = value(scene, (left, top), extent) else { continue };
            if best.is_none_or(|(most, ..)| value > most) {
                best = Some((value, left, top));
            }
        }
    }
    let (value, left, top) = best?;
    let mut window = Plane::new(extent, 0.0);
    window.copy_window(&scene.light, left, top);
    let mean = window.mean();
    for (y, row) in window.rows_mut().enumerate() {
        for (x, sample) in row.iter_mut().enumerate() {
            if !scene.usable.row((top + y) / CELL)[(left + x) / CELL] {
                *sample = mean;
            }
        }
    }
    Some((value, window))
}

/// Mean absolute difference of neighbours in a window: of strong edges more than of noise.
fn value(scene: &Scene, (left, top): (usize, usize), extent: Extent) -> Option<f64> {
    let (mut unusable, mut cells, mut sum) = (0, 0, 0.0);
    for row in (top..top + extent.height).step_by(CELL) {
        let samples = &scene.light.row(row)[left..left + extent.width];
        sum += samples.windows(3).map(|w| f64::from((w[2] - w[0]).powi(2))).sum::<f64>();
        for column in (left..left + extent.width).step_by(CELL) {
            cells += 1;
            unusable += usize::from(!scene.usable.row(row / CELL)[column / CELL]);
        }
    }
    (20 * unusable <= cells).then_some(sum)
}

/// The longest length up to `length` whose transforms are fast.
fn shorter(length: usize) -> usize {
    (2..=length).rev().find(|&length| good_size(length) == length).unwrap_or(2)
}

/// The window at `scale` of its extent, its border blended into its opposite border over `margin`
/// samples.
pub(super) fn periodic(window: &Plane<f32>, scale: f64, margin: usize) -> Plane<f32> {
    let reduced = if scale < 1.0 { reduced(window, scale) } else { window.clone() };
    let Extent { width, height } = reduced.extent();
    let mut cut = reduced;
    cut.crop(0, 0, Extent::new(shorter(width), shorter(height)));
    tapered(&cut, margin.min(width.min(height) / 4))
}

/// The plane reduced, antialiased.
fn reduced(plane: &Plane<f32>, scale: f64) -> Plane<f32> {
    let soft = smooth(plane, 0.5 * (scale.powi(-2) - 1.0).sqrt(), Beyond::Edge);
    let Extent { width, height } = plane.extent();
    let extent = Extent::new(scaled(width, scale), scaled(height, scale));
    let place = |x: usize, to: usize, from: usize| (x as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    Plane::from_fn(extent, |x, y| {
        sample(&soft, place(x, extent.width, width), place(y, extent.height, height))
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than it was")]
fn scaled(length: usize, scale: f64) -> usize {
    ((length as f64 * scale).round() as usize).max(8)
}

/// The plane at a place between samples, linearly; beyond its edge, the edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the plane")]
pub(super) fn sample(plane: &Plane<f32>, x: f64, y: f64) -> f32 {
    let Extent { width, height } = plane.extent();
    let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (a, b) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let row = |y: usize| plane.row(y)[left] * (1.0 - a) + plane.row(y)[right] * a;
    row(top) * (1.0 - b) + row(bottom) * b
}

fn tapered(plane: &Plane<f32>, margin: usize) -> Plane<f32> {
    let Extent { width, height } = plane.extent();
    let soft = smooth(plane, margin as f64 / 3.0, Beyond::Wrap);
    let (columns, rows) = (ramp(width, margin), ramp(height, margin));
    Plane::from_fn(plane.extent(), |x, y| {
        let weight = columns[x] * rows[y];
        weight * plane.row(y)[x] + (1.0 - weight) * soft.row(y)[x]
    })
}

/// 1 inside, falling to 0 at both ends.
fn ramp(length: usize, margin: usize) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let value = |x: usize| {
        let depth = (x.min(length - 1 - x) as f64 + 0.5) / margin.max(1) as f64;
        if depth >= 1.0 { 1.0 } else { (0.5 - 0.5 * (depth * std::f64::consts::PI).cos()) as f32 }
    };
    (0..length).map(value).collect()
}

/// What lies beyond a plane's edges.
#[derive(Clone, Copy)]
enum Beyond {
    Edge,
    Wrap,
}

/// The plane convolved with a Gaussian.
fn smooth(plane: &Plane<f32>, sigma: f64, beyond: Beyond) -> Plane<f32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few samples")]
    let reach = (4.0 * sigma).ceil() as usize;
    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
    let tap =
        |i: usize| (-0.5 * ((i as f64 - reach as f64) / sigma.max(1e-3)).powi(2)).exp() as f32;
    let mut taps: Vec<f32> = (0..=2 * reach).map(tap).collect();
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= sum);
    let along = |plane: &Plane<f32>| {
        let Extent { width, height } = plane.extent();
        let place = |x: usize, i: usize| match beyond {
            Beyond::Edge => (x + i).saturating_sub(reach).min(width - 1),
            Beyond::Wrap => (x + i + reach * width - reach) % width,
        };
        Plane::from_fn(Extent::new(height, width), |y, x| {
            let row = plane.row(y);
            taps.iter().enumerate().map(|(i, tap)| tap * row[place(x, i)]).sum()
        })
    };
    along(&along(plane))
}
