//! The blur of a family that explains the spectra best, and how sure that is.
//!
//! Widths are sought continuously from several starts. Between families decides the Bayesian
//! information criterion `2 L / phi + k ln n` (Schwarz 1978), the likelihood divided by its dispersion
//! `phi` (quasi-likelihood: McCullagh and Nelder 1989), for scenes are no Gaussian noise. How sure a
//! width is, the jackknife tells: the widths found without one part of the evidence each.

use super::periodogram::{Bins, Periodogram};
use super::shape::{Kind, Shape};
use super::simplex::{Least, Point, minimise};
use super::whittle::Evidence;
use crate::executor::Executor;

/// What each number of a family must explain, of all that a blur explains. Scenes have a softness and a
/// direction of their own; a family with numbers to spare would take them for the camera's.
const WORTH: f64 = 0.015;

/// The deviation of a width that one tile alone tells.
const UNTOLD: f64 = 0.2;

/// A blur found from spectra.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) kind: Kind,
    pub(crate) at: Point,
    /// Minus the logarithm of the likelihood.
    pub(crate) cost: f64,
    /// The information criterion.
    pub(crate) criterion: f64,
}

impl Fit {
    pub(crate) fn shape(&self) -> Shape {
        self.kind.shape(&self.at)
    }
}

/// The best blur of each of `kinds`, that of the least criterion first.
pub(crate) fn families(evidence: &Evidence, kinds: &[Kind], executor: &dyn Executor) -> Vec<Fit> {
    let mut fits: Vec<Fit> = kinds.iter().map(|&kind| best(evidence, kind, executor)).collect();
    let least = fits.iter().min_by(|a, b| a.cost.total_cmp(&b.cost));
    let dispersion =
        least.map_or(1.0, |fit| evidence.dispersion(&squared(evidence, &fit.shape())).max(1.0));
    let cost_of = |kind| best(evidence, kind, executor).cost;
    let sharp = cost_of(Kind::Delta);
    let explained = 2.0 * (sharp - least.map_or(sharp, |fit| fit.cost)).max(0.0);
    for fit in &mut fits {
        let size = f64::max(evidence.observations().ln(), WORTH * explained / dispersion);
        fit.criterion = 2.0 * fit.cost / dispersion + fit.kind.parameters() as f64 * size;
    }
    fits.sort_by(|a, b| a.criterion.total_cmp(&b.criterion));
    fits
}

/// The blur of a family that explains the spectra best.
pub(crate) fn best(evidence: &Evidence, kind: Kind, executor: &dyn Executor) -> Fit {
    let cost = |at: &Point| evidence.of_all(&squared(evidence, &kind.shape(at)), executor);
    let mut tried: Vec<Least> = starts(kind).into_iter().map(|at| (at, cost(&at))).collect();
    tried.sort_by(|a, b| a.1.total_cmp(&b.1));
    let refine = |(at, _): &Least| minimise(kind.parameters(), *at, 0.12, 2e-4, cost);
    let found = tried.iter().take(2).map(refine).min_by(|a, b| a.1.total_cmp(&b.1));
    let (at, cost) = found.unwrap_or(([0.0; 3], f64::INFINITY));
    Fit { kind, at, cost, criterion: f64::INFINITY }
}

/// The width that part of the evidence gives, from `fit` on.
pub(crate) fn again(evidence: &Evidence, fit: &Fit, executor: &dyn Executor) -> Fit {
    let cost = |at: &Point| evidence.of_all(&squared(evidence, &fit.kind.shape(at)), executor);
    let (at, cost) = minimise(fit.kind.parameters(), fit.at, 0.03, 1e-3, cost);
    Fit { at, cost, ..fit.clone() }
}

/// Relative deviation of the width, by leaving out each of `parts` in turn; of a single part,
/// [`UNTOLD`].
pub(crate) fn spread(
    bins: &Bins,
    parts: &[(Periodogram, f64)],
    fit: &Fit,
    executor: &dyn Executor,
) -> f64 {
    if parts.len() < 2 {
        return UNTOLD;
    }
    let count = parts.len() as f64;
    let without = |left_out: usize| {
        let rest = parts.iter().enumerate().filter(|(index, _)| *index != left_out);
        let rest = Evidence::new(bins, rest.map(|(_, part)| part.clone()).collect());
        again(&rest, fit, executor).shape().width().max(1e-3).ln()
    };
    let widths: Vec<f64> = (0..parts.len()).map(without).collect();
    let mean = widths.iter().sum::<f64>() / count;
    let squares: f64 = widths.iter().map(|width| (width - mean).powi(2)).sum();
    ((count - 1.0) / count * squares).sqrt()
}

/// The squared OTF of a shape in the bins of the evidence.
pub(crate) fn squared(evidence: &Evidence, shape: &Shape) -> Vec<f64> {
    evidence.bins.squared(|u, v| shape.otf(u, v))
}

/// Where the search begins.
fn starts(kind: Kind) -> Vec<Point> {
    let widths = |from: f64, to: f64, count: u32| {
        let step = (to / from).ln() / f64::from(count - 1);
        (0..count).map(move |index| from.ln() + step * f64::from(index))
    };
    let angles = || (0..8).map(|step| (f64::from(step) * 22.5_f64).to_radians());
    match kind {
        Kind::Delta => vec![[0.0; 3]],
        Kind::Disk => widths(0.6, 16.0, 40).map(|r| [r, 0.0, 0.0]).collect(),
        Kind::DiskGaussian => {
            let spread = || widths(0.3, 1.2, 3);
            widths(0.8, 14.0, 24).flat_map(|r| spread().map(move |s| [r, s, 0.0])).collect()
        }
        Kind::Gaussian => widths(0.3, 8.0, 24).map(|s| [s, 0.0, 0.0]).collect(),
        Kind::Ellipse => {
            let ratios = || [0.35, 0.8];
            let pairs = widths(0.5, 6.0, 8).flat_map(move |s| ratios().map(move |r| (s, r)));
            pairs.flat_map(|(s, r)| angles().map(move |a| [s + r / 2.0, s - r / 2.0, a])).collect()
        }
        Kind::Motion => {
            widths(2.0, 30.0, 28).flat_map(|l| angles().map(move |a| [l, a, 0.0])).collect()
        }
        Kind::MotionGaussian => widths(2.0, 30.0, 20)
            .flat_map(|l| angles().map(move |a| [l, a, 0.6_f64.ln()]))
            .collect(),
    }
}
