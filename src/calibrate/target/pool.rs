//! Frames of one position of the target, pooled.
//!
//! The mean of still frames has less noise, and their differences tell how much there was. Left out
//! are frames in which the target moved, and those that are clipped.

use super::super::linear::Normal;
use super::light::thinned;
use super::window::{Run, Window, count};
use crate::frame::colour::{Scale, luma_row};
use crate::frame::{Layout, Picture, Plane};

/// The greatest part of clipped samples of a frame that is used.
pub(super) const MOST_CLIPPED: f64 = 1e-3;
/// The farthest that the target may lie from where it is in most frames, in samples.
const FARTHEST: f64 = 0.1;
/// How much less alike than most a frame may be, in root mean square.
const LEAST_ALIKE: f64 = 2.0;
/// Samples by which the shift between frames is found.
const ENOUGH: usize = 20_000;

/// Frames of one position, pooled.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    /// Mean of the frames, encoded.
    pub(super) mean: Plane<f32>,
    /// Means of the frames of even and of odd number; none of fewer than two.
    pub(super) halves: Option<[Plane<f32>; 2]>,
    /// The frames that were used.
    pub(super) frames: Vec<Plane<f32>>,
    pub(super) moved: usize,
    pub(super) clipped: usize,
    /// The greatest parts of samples at black and at white of the frames.
    pub(super) at_black: f64,
    pub(super) at_white: f64,
}

/// Luma of a picture, encoded, 0 at black and 1 at white.
pub fn luma(picture: &Picture) -> Plane<f32> {
    let scale = Scale::luma(picture.format().depth, picture.format().range);
    let mut plane = Plane::new(picture.extent(), 0.0);
    for (y, row) in plane.rows_mut().enumerate() {
        if picture.format().layout == Layout::Rgb {
            row.iter_mut()
                .zip(luma_row(picture.planes(), y))
                .for_each(|(value, luma)| *value = scale.value(luma));
        } else {
            let samples = picture.planes()[0].row(y);
            row.iter_mut()
                .zip(samples)
                .for_each(|(value, &luma)| *value = scale.value(f32::from(luma)));
        }
    }
    plane
}

impl Pool {
    /// Pools frames, of which `runs` of the window show the target.
    pub(super) fn new(frames: &[Picture], window: &Window, runs: &[Run]) -> Self {
        let mut pool = Self {
            mean: Plane::default(),
            halves: None,
            frames: Vec::new(),
            moved: 0,
            clipped: 0,
            at_black: 0.0,
            at_white: 0.0,
        };
        let mut parts = Vec::with_capacity(frames.len());
        for frame in frames {
            let part = window.cut(&luma(frame));
            let (black, white) = clipped(&part, runs);
            pool.at_black = pool.at_black.max(black);
            pool.at_white = pool.at_white.max(white);
            if black.max(white) > MOST_CLIPPED {
                pool.clipped += 1;
            } else {
                parts.push(part);
            }
        }
        let still = still(&parts, runs);
        pool.moved = still.iter().filter(|is_still| !**is_still).count();
        pool.frames = parts
            .into_iter()
            .zip(still)
            .filter_map(|(part, still)| still.then_some(part))
            .collect();
        pool.mean = mean(pool.frames.iter());
        if pool.frames.len() > 1 {
            let half = |odd: usize| mean(pool.frames.iter().skip(odd).step_by(2));
            pool.halves = Some([half(0), half(1)]);
        }
        pool
    }
}

/// Parts of the samples that are black or darker, and white or brighter.
fn clipped(part: &Plane<f32>, runs: &[Run]) -> (f64, f64) {
    let all = count(runs).max(1) as f64;
    let samples = || runs.iter().flat_map(|run| &part.row(run.row)[run.columns.clone()]);
    let share =
        |is: &dyn Fn(f32) -> bool| samples().filter(|&&value| is(value)).count() as f64 / all;
    (share(&|value| value <= 0.0), share(&|value| value >= 1.0))
}

/// Which frames show the target where most do.
fn still(parts: &[Plane<f32>], runs: &[Run]) -> Vec<bool> {
    let Some(first) = parts.first() else { return Vec::new() };
    let apart: Vec<_> = parts.iter().map(|part| shift(first, part, runs)).collect();
    let middle = |value: &dyn Fn(&[f64; 3]) -> f64| {
        let mut values: Vec<f64> = apart.iter().flatten().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    let (x, y, rest) = (middle(&|s| s[0]), middle(&|s| s[1]), middle(&|s| s[2]));
    let is_still = |shift: &Option<[f64; 3]>| {
        shift.is_some_and(|s| {
            (s[0] - x).hypot(s[1] - y) < FARTHEST && s[2] <= LEAST_ALIKE * rest + 1e-6
        })
    };
    apart.iter().map(is_still).collect()
}

/// How far `part` is seen from `first`, right and down, and the root mean square of what remains,
/// whatever the exposure: `part = a first + b - dx first_x - dy first_y`.
fn shift(first: &Plane<f32>, part: &Plane<f32>, runs: &[Run]) -> Option<[f64; 3]> {
    let (mut normal, mut square) = (Normal::new(4), 0.0);
    let row = |x: usize, y: usize| {
        let at = |x: usize, y: usize| f64::from(first.row(y)[x]);
        let slope = [(at(x + 1, y) - at(x - 1, y)) / 2.0, (at(x, y + 1) - at(x, y - 1)) / 2.0];
        [-slope[0], -slope[1], at(x, y), 1.0]
    };
    for (x, y) in thinned(runs, ENOUGH) {
        normal.add(&row(x, y), f64::from(part.row(y)[x]), 1.0);
    }
    let solved = normal.solve(1e-9)?;
    let mut samples = 0.0;
    for (x, y) in thinned(runs, ENOUGH) {
        let fitted: f64 = row(x, y).iter().zip(&solved).map(|(a, b)| a * b).sum();
        square += (f64::from(part.row(y)[x]) - fitted).powi(2);
        samples += 1.0;
    }
    // The first frame is all of itself, whatever its noise.
    Some([solved[0], solved[1], (square / samples).sqrt()])
}

fn mean<'a>(parts: impl ExactSizeIterator<Item = &'a Plane<f32>>) -> Plane<f32> {
    let weight = 1.0 / parts.len() as f32;
    let mut sum = Plane::default();
    for part in parts {
        sum.reshape(part.extent(), 0.0);
        sum.samples_mut()
            .iter_mut()
            .zip(part.samples())
            .for_each(|(sum, value)| *sum += weight * value);
    }
    sum
}
