//! What the light does to black and white, and the way from samples to light.

use super::super::linear::Normal;
use super::window::{Run, count};
use crate::frame::{Extent, Plane};

/// Terms of a quadratic in two coordinates.
pub(super) const QUADRATIC: usize = 6;
/// The most samples that an illumination is fitted to.
pub(super) const ENOUGH: usize = 20_000;

/// Light of black and of white over a window, both quadratic in its coordinates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Illumination {
    extent: Extent,
    black: [f64; QUADRATIC],
    white: [f64; QUADRATIC],
}

impl Illumination {
    /// With the quadratics' terms, those of black first.
    pub(super) fn new(extent: Extent, terms: &[f64]) -> Self {
        let part =
            |from: usize| std::array::from_fn(|k| terms.get(from + k).copied().unwrap_or(0.0));
        Self { extent, black: part(0), white: part(QUADRATIC) }
    }

    /// The one under which `light` is best explained by `share`, what of white reaches a sample.
    pub(super) fn fit(light: &Plane<f32>, share: &Plane<f32>, runs: &[Run]) -> Option<Self> {
        let extent = light.extent();
        let mut normal = Normal::new(2 * QUADRATIC);
        for (x, y) in thinned(runs, ENOUGH) {
            let row = row(extent, x, y, f64::from(share.row(y)[x]));
            normal.add(&row, f64::from(light.row(y)[x]), 1.0);
        }
        Some(Self::new(extent, &normal.solve(1e-10)?))
    }

    /// Light of black and of white at a sample.
    pub(super) fn at(&self, x: usize, y: usize) -> (f64, f64) {
        let terms = terms(self.extent, x, y);
        let sum = |factors: &[f64; QUADRATIC]| factors.iter().zip(terms).map(|(a, b)| a * b).sum();
        (sum(&self.black), sum(&self.white))
    }

    /// What of white reaches each sample of the runs: light less black, over white less black.
    #[expect(clippy::cast_possible_truncation, reason = "about 0 to 1")]
    pub(super) fn evened(&self, light: &Plane<f32>, runs: &[Run]) -> Plane<f32> {
        let mut evened = Plane::new(self.extent, 0.0);
        for run in runs {
            for x in run.columns.clone() {
                let (black, white) = self.at(x, run.row);
                let share = (f64::from(light.row(run.row)[x]) - black) / (white - black).max(1e-3);
                evened.row_mut(run.row)[x] = share as f32;
            }
        }
        evened
    }
}

/// The equation of a sample of which `share` is white: factors of the terms of black and white.
pub(super) fn row(extent: Extent, x: usize, y: usize, share: f64) -> [f64; 2 * QUADRATIC] {
    let terms = terms(extent, x, y);
    std::array::from_fn(|k| terms[k % QUADRATIC] * if k < QUADRATIC { 1.0 - share } else { share })
}

fn terms(extent: Extent, x: usize, y: usize) -> [f64; QUADRATIC] {
    let scale = |value: usize, length: usize| 2.0 * value as f64 / length as f64 - 1.0;
    let (x, y) = (scale(x, extent.width), scale(y, extent.height));
    [1.0, x, y, x * x, x * y, y * y]
}

/// Samples of the runs, about `most` of them, evenly.
pub(super) fn thinned(runs: &[Run], most: usize) -> impl Iterator<Item = (usize, usize)> {
    let step = count(runs).div_ceil(most).max(1);
    let all = runs.iter().flat_map(|run| run.columns.clone().map(move |x| (x, run.row)));
    all.step_by(step)
}
