//! Noise as a function of brightness.
//!
//! The variance of light at a sample is that of reading it, plus the light itself in units of
//! photons: `variance = read + shot * light` (Foi, Trimeche, Katkovnik, Egiazarian, "Practical
//! Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE TIP 17, 2008).
//! Variances are taken at each brightness of the encoded samples, from differences of frames where
//! there are several, which no target disturbs, and carried to light by the slope of the curve.

use super::super::linear::Normal;
use super::curve::Curve;
use super::window::Run;
use crate::frame::Plane;

/// Steps of brightness.
const BINS: usize = 64;
/// The fewest samples of a step that say something.
const FEWEST: f64 = 50.0;

/// The variance of light, 1.0 being white: `read + shot * light`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Noise {
    /// Variance without light.
    pub read: f64,
    /// Variance a unit of light.
    pub shot: f64,
}

/// Sums of deviations at each brightness.
#[derive(Debug, Clone)]
pub(super) struct Deviations {
    bins: Vec<[f64; 3]>,
}

impl Deviations {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { bins: vec![[0.0; 3]; BINS] }
    }

    /// Adds the differences of frames that follow each other; changes of all samples of one
    /// brightness alike are of the light, not noise.
    pub(super) fn add_frames(&mut self, frames: &[Plane<f32>], mean: &Plane<f32>, runs: &[Run]) {
        for pair in frames.windows(2) {
            self.add(runs, mean, |x, y| {
                let difference = f64::from(pair[1].row(y)[x]) - f64::from(pair[0].row(y)[x]);
                difference / std::f64::consts::SQRT_2
            });
        }
    }

    /// Adds deviations `of(x, y)` at the samples of the runs, whose brightness is `seen`.
    pub(super) fn add(
        &mut self,
        runs: &[Run],
        seen: &Plane<f32>,
        of: impl Fn(usize, usize) -> f64,
    ) {
        let mut bins = vec![[0.0; 3]; BINS];
        for run in runs {
            for x in run.columns.clone() {
                let deviation = of(x, run.row);
                let bin = &mut bins[bin(f64::from(seen.row(run.row)[x]))];
                *bin = [bin[0] + 1.0, bin[1] + deviation, bin[2] + deviation * deviation];
            }
        }
        for (sum, [count, mean, square]) in self.bins.iter_mut().zip(bins) {
            if count > 1.0 {
                sum[0] += count - 1.0;
                sum[2] += square - mean * mean / count;
            }
        }
    }

    /// Variance of encoded samples of a brightness, where enough are as bright.
    fn variance(&self, bin: usize) -> Option<f64> {
        let [count, _, square] = self.bins[bin];
        (count >= FEWEST).then(|| square / count)
    }

    /// Mean variance of encoded samples over all that were added.
    pub(super) fn mean_variance(&self) -> f64 {
        let sum = |index: usize| self.bins.iter().map(|bin| bin[index]).sum::<f64>();
        sum(2) / sum(0).max(1.0)
    }

    /// Variance of the encoded sample of brightness `encoded`; the mean where none was as bright.
    pub(super) fn at(&self, encoded: f64) -> f64 {
        self.variance(bin(encoded)).unwrap_or_else(|| self.mean_variance())
    }

    /// The noise of light, by least squares of relative errors, neither part negative.
    pub(super) fn noise(&self, curve: Curve) -> Noise {
        let points: Vec<[f64; 3]> = (0..BINS)
            .filter_map(|bin| {
                let encoded = (bin as f64 + 0.5) / BINS as f64;
                let variance = self.variance(bin)? * curve.slope(encoded).powi(2);
                Some([curve.decode(encoded), variance, self.bins[bin][0]])
            })
            .collect();
        let both = fit(&points, |light| [1.0, light]);
        match both {
            Some([read, shot]) if read >= 0.0 && shot >= 0.0 => Noise { read, shot },
            Some([_, shot]) if shot >= 0.0 => {
                Noise { read: 0.0, shot: fit(&points, |light| [light]).map_or(0.0, |[shot]| shot) }
            }
            _ => Noise { read: fit(&points, |_| [1.0]).map_or(0.0, |[read]| read), shot: 0.0 },
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn bin(encoded: f64) -> usize {
    (encoded * BINS as f64).clamp(0.0, BINS as f64 - 1.0) as usize
}

/// Factors of `terms(light)` in the variance. The variance of a variance is in proportion to its
/// square, of the one fitted: two rounds.
fn fit<const N: usize>(points: &[[f64; 3]], terms: impl Fn(f64) -> [f64; N]) -> Option<[f64; N]> {
    let mut factors: Option<[f64; N]> = None;
    for _ in 0..3 {
        let mut normal = Normal::new(N);
        for &[light, variance, count] in points {
            let fitted = factors.map_or(1.0, |factors| {
                terms(light)
                    .iter()
                    .zip(factors)
                    .map(|(a, b)| a * b)
                    .sum::<f64>()
                    .max(variance / 10.0)
            });
            normal.add(&terms(light), variance, count / fitted.powi(2).max(f64::MIN_POSITIVE));
        }
        factors = normal.solve(0.0)?.try_into().ok();
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::optics::Transfer;
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    /// Frames of a ramp with noise of known variance.
    #[test]
    fn the_noise_that_was_added_is_found() {
        let truth = Noise { read: 1e-4, shot: 4e-4 };
        let extent = Extent::new(300, 200);
        let light = |x: usize| 0.1 + 0.8 * x as f64 / 300.0;
        let mut random = rand_pcg::Pcg64::seed_from_u64(3);
        let mut frame = || {
            Plane::from_fn(extent, |x, _| {
                let normal: f64 = StandardNormal.sample(&mut random);
                #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
                let sample =
                    (light(x) + normal * (truth.read + truth.shot * light(x)).sqrt()) as f32;
                sample
            })
        };
        let frames = [frame(), frame(), frame(), frame()];
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let mean = Plane::from_fn(extent, |x, _| light(x) as f32);
        let runs: Vec<Run> = (0..200).map(|row| Run { row, columns: 0..300 }).collect();
        let mut deviations = Deviations::new();
        deviations.add_frames(&frames, &mean, &runs);
        let found = deviations.noise(Curve::Known(Transfer::None));
        assert!((found.read / truth.read - 1.0).abs() < 0.1, "{found:?}");
        assert!((found.shot / truth.shot - 1.0).abs() < 0.05, "{found:?}");
    }
}
