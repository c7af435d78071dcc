//! One position of the target: its geometry, its light and its blur, each refined by the others.
//!
//! With the blur k and the geometry, the share of white `s = k * x` that reaches every sample is
//! known, and with it the light: `y = B (1 - s) + W s`, linear in the quadratics B and W. A small
//! change of the geometry's numbers moves s by `grad s . e` with e the shift that it is in samples:
//! linear again, so both are found at once (Gauss and Newton). Then x is rendered anew, and k
//! solved for. A shift of the target and one of the PSF are the same thing: the PSF's centroid is
//! made zero, and the target takes the shift.

use super::super::linear::Normal;
use super::curve::Curve;
use super::geometry::{Geometry, PARAMETERS, Point, distance, solve2};
use super::light::{ENOUGH, Illumination, QUADRATIC, row, thinned};
use super::pattern::Pattern;
use super::psf::{centroid, gaussian, normalised, padded};
use super::regression::{Equations, Gram, Moments};
use super::render::render;
use super::window::{Run, Window, count, middle};
use crate::executor::Executor;
use crate::frame::Plane;

/// Samples on a side of the PSF at first.
pub(super) const FIRST_SIDE: usize = 15;
/// Smoothness while geometry and light are still being found.
pub(super) const ROUGH: f64 = 1e-4;
/// Samples by which a PSF is found while geometry and light are: in the middle, where the noise is.
const FEW: usize = 40_000;
/// The most samples that the regression takes in the end.
const MOST: usize = 120_000;
/// Damping of the geometry's numbers: what the samples hardly tell stays as it is.
const DAMPING: f64 = 1e-5;

/// A position of the target and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct View<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) window: Window,
    /// Mean of the frames in the window, encoded.
    pub(super) seen: Plane<f32>,
    pub(super) curve: Curve,
    pub(super) geometry: Geometry,
    /// The target as an ideal camera sees it.
    pub(super) sharp: Plane<f32>,
    pub(super) illumination: Illumination,
    /// Samples on a side of the PSF.
    pub(super) side: usize,
    pub(super) psf: Vec<f64>,
    /// Whether the target takes the shift that makes the PSF's centroid zero; or the one that
    /// explains most.
    pub(super) is_centred: bool,
}

impl<'a> View<'a> {
    /// A view whose blur is not known yet: a Gaussian stands in for it until the light is found.
    pub(super) fn new(
        pattern: &'a Pattern,
        geometry: Geometry,
        window: Window,
        seen: Plane<f32>,
        curve: Curve,
        executor: &dyn Executor,
    ) -> Option<Self> {
        let sharp = render(pattern, &geometry, &window, executor);
        let side = FIRST_SIDE;
        let illumination = Illumination::new(window.extent(), &[]);
        let psf = gaussian(side, 1.5);
        let mut view = Self {
            pattern,
            window,
            seen,
            curve,
            geometry,
            sharp,
            illumination,
            side,
            psf,
            is_centred: true,
        };
        view.relight()?;
        Some(view)
    }

    /// Samples that tell of a PSF of the view's extent.
    pub(super) fn runs(&self) -> Vec<Run> {
        // One more, for slopes.
        self.window.inner(&self.geometry, self.pattern, self.side / 2 + 1)
    }

    /// Those of them in the middle of the target, as many as are needed to go on.
    pub(super) fn few_runs(&self) -> Vec<Run> {
        middle(self.runs(), FEW)
    }

    /// Those of them in the middle of the target, as many as there is time for.
    pub(super) fn most_runs(&self) -> Vec<Run> {
        middle(self.runs(), MOST)
    }

    /// Light in the window.
    pub(super) fn light(&self) -> Plane<f32> {
        self.curve.decoded(&self.seen)
    }

    /// The share of white that reaches every sample.
    pub(super) fn blurred(&self, runs: &[Run]) -> Plane<f32> {
        convolved(&self.sharp, &self.psf, self.side, runs)
    }

    /// Fits the light to the blur as it is known.
    pub(super) fn relight(&mut self) -> Option<()> {
        let runs = self.runs();
        let share = self.blurred(&runs);
        self.illumination = Illumination::fit(&self.light(), &share, &runs)?;
        Some(())
    }

    /// Sums over x of the view's samples.
    pub(super) fn gram(&self, runs: &[Run], executor: &dyn Executor) -> Gram {
        Gram::new(&self.sharp, runs, self.side, executor)
    }

    /// Sums over the encoded samples `seen`.
    pub(super) fn moments(&self, seen: &Plane<f32>, runs: &[Run]) -> Moments {
        let evened = self.illumination.evened(&self.curve.decoded(seen), runs);
        Moments::new(&self.sharp, &evened, runs, self.side)
    }

    /// Finds the blur under the geometry and the light as they are.
    pub(super) fn resolve(&mut self, gram: &Gram, runs: &[Run]) -> Option<Equations> {
        let equations = gram.equations(&self.moments(&self.seen, runs));
        self.psf = normalised(equations.non_negative(ROUGH, Some(&self.psf))?)?;
        Some(equations)
    }

    /// Gives the PSF another extent, what is known of it in the middle.
    pub(super) fn resize(&mut self, side: usize) {
        self.psf = padded(&self.psf, self.side, side);
        self.side = side;
    }

    /// One step of geometry and light together, then the PSF's centroid to zero. Returns how far
    /// the target moved, in samples.
    pub(super) fn register(&mut self, executor: &dyn Executor) -> Option<f64> {
        let runs = self.runs();
        let (light, share) = (self.light(), self.blurred(&runs));
        let mut normal = Normal::new(2 * QUADRATIC + PARAMETERS);
        for (x, y) in thinned(&runs, ENOUGH) {
            let (terms, step) = self.equation(&share, x, y);
            let all: Vec<f64> = terms.into_iter().chain(step).collect();
            normal.add(&all, f64::from(light.row(y)[x]), 1.0);
        }
        let solved = normal.solve(DAMPING)?;
        self.illumination = Illumination::new(self.window.extent(), &solved[..2 * QUADRATIC]);
        let moved = self.geometry.moved(&solved[2 * QUADRATIC..]);
        let apart = self.apart(&moved);
        let shift = if self.is_centred { centroid(&self.psf, self.side) } else { [0.0; 2] };
        self.place(moved.shifted(shift), executor);
        apart
    }

    /// Takes the target to be seen `shift` samples further right and down.
    pub(super) fn shift(&mut self, shift: Point, executor: &dyn Executor) {
        self.place(self.geometry.shifted(shift), executor);
    }

    fn place(&mut self, geometry: Geometry, executor: &dyn Executor) {
        self.geometry = geometry;
        self.sharp = render(self.pattern, &self.geometry, &self.window, executor);
    }

    /// Factors of the illumination's terms, and of the geometry's steps, in the light of a sample.
    fn equation(
        &self,
        share: &Plane<f32>,
        x: usize,
        y: usize,
    ) -> ([f64; 2 * QUADRATIC], [f64; PARAMETERS]) {
        let at = |x: usize, y: usize| f64::from(share.row(y)[x]);
        let slope = [(at(x + 1, y) - at(x - 1, y)) / 2.0, (at(x, y + 1) - at(x, y - 1)) / 2.0];
        let (black, white) = self.illumination.at(x, y);
        let point = self.window.point(x as f64, y as f64);
        let jacobian = self.geometry.jacobian(point);
        let steps = self.geometry.slopes(point).map(|cells| {
            let [dx, dy] = solve2(jacobian, cells).unwrap_or_default();
            (white - black) * (slope[0] * dx + slope[1] * dy)
        });
        (row(self.window.extent(), x, y, at(x, y)), steps)
    }

    /// The greatest distance between two geometries over the target.
    fn apart(&self, other: &Geometry) -> Option<f64> {
        let (width, height) =
            (self.pattern.extent().width as f64, self.pattern.extent().height as f64);
        let mut apart: f64 = 0.0;
        for cell in [[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]] {
            let (a, b) = (self.geometry.point(cell)?, other.point(cell)?);
            apart = apart.max(distance(a, b));
        }
        Some(apart)
    }
}

/// `sum over u of k(u) x(p - u)` at the samples of the runs and one more on each side.
#[expect(clippy::cast_possible_truncation, reason = "about 0 to 1")]
pub(super) fn convolved(x: &Plane<f32>, psf: &[f64], side: usize, runs: &[Run]) -> Plane<f32> {
    let (mut result, reach) = (Plane::new(x.extent(), 0.0), side / 2);
    let (width, height) = (x.extent().width, x.extent().height);
    let first = runs.first().map_or(0, |run| run.row.saturating_sub(1));
    let last = runs.last().map_or(0, |run| run.row + 2);
    for y in first.max(reach)..last.min(height.saturating_sub(reach)) {
        let target = result.row_mut(y);
        for (u, &k) in psf.iter().enumerate().filter(|(_, k)| **k != 0.0) {
            let source = &x.row(y + reach - u / side)[2 * reach - u % side..];
            let inner = &mut target[reach..width - reach];
            inner.iter_mut().zip(source).for_each(|(sum, x)| *sum += k as f32 * x);
        }
    }
    result
}

impl View<'_> {
    /// The encoded samples that the view expects.
    #[expect(clippy::cast_possible_truncation, reason = "from 0 to 1")]
    pub(super) fn expected(&self, runs: &[Run]) -> Plane<f32> {
        let (share, mut expected) = (self.blurred(runs), Plane::new(self.window.extent(), 0.0));
        for run in runs {
            for x in run.columns.clone() {
                let (black, white) = self.illumination.at(x, run.row);
                let light = black + (white - black) * f64::from(share.row(run.row)[x]);
                expected.row_mut(run.row)[x] = self.curve.encode(light) as f32;
            }
        }
        expected
    }

    /// Mean square of what the view leaves unexplained in the encoded samples.
    pub(super) fn residual(&self, runs: &[Run]) -> f64 {
        let expected = self.expected(runs);
        let squares = runs.iter().flat_map(|run| {
            let columns = run.columns.clone();
            let pairs =
                self.seen.row(run.row)[columns.clone()].iter().zip(&expected.row(run.row)[columns]);
            pairs.map(|(seen, expected)| f64::from(seen - expected).powi(2))
        });
        squares.sum::<f64>() / count(runs).max(1) as f64
    }
}
