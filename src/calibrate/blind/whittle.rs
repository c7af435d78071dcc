//! How well a blur explains spectra: Whittle's likelihood.
//!
//! The coefficients of a scene are taken for independent and complex Gaussian, of the power
//!
//! ```text
//! M(f) = A f^-p |H(f)|^2 + sigma^2
//! ```
//!
//! (natural scenes: Field, "Relations between the statistics of natural images and the response
//! properties of cortical cells", JOSA A 4, 1987), so that minus the logarithm of the likelihood of the
//! periodogram P is `sum n (ln M + P / M)` (Whittle 1953). `A` for each sector, `p` and `sigma^2`
//! belong to a scene and are fitted to it, by Fisher scoring; the blur is common to all. The noise is
//! known beforehand to some per cent, which a quadratic penalty on its logarithm says.

use std::sync::Mutex;

use super::periodogram::{Bins, Periodogram, SECTORS};
use crate::executor::{Executor, for_all};

/// What belongs to a scene: `ln A` of each sector, `p`, `ln sigma^2`.
const NUMBERS: usize = SECTORS + 2;
const SLOPE: usize = SECTORS;
const NOISE: usize = SECTORS + 1;

/// Deviation of the logarithm of the noise's power from what was estimated from the picture.
const NOISE_TRUST: f64 = 0.15;

/// What is known beforehand of the exponent `p`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exponent {
    pub(crate) usual: f64,
    pub(crate) deviation: f64,
}

impl Exponent {
    /// Of natural scenes.
    pub(crate) const NATURAL: Self = Self { usual: 2.2, deviation: 0.5 };
}

/// Coefficients under an overlapping window that are as good as one independent.
const DEPENDENT: f64 = 4.0;

/// Spectra of scenes that one blur is to explain.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) bins: Bins,
    scenes: Vec<Seen>,
}

/// The spectrum of a scene, and what was fitted to it last: the next fit begins there.
#[derive(Debug)]
struct Seen {
    spectrum: Periodogram,
    noise: f64,
    exponent: Exponent,
    last: Mutex<[f64; NUMBERS]>,
}

impl Evidence {
    /// Spectra of natural scenes with the powers of their noise.
    pub(crate) fn new(bins: &Bins, spectra: Vec<(Periodogram, f64)>) -> Self {
        Self::of(bins, spectra, Exponent::NATURAL)
    }

    /// Spectra of scenes of which `exponent` is known, with the powers of their noise.
    pub(crate) fn of(bins: &Bins, spectra: Vec<(Periodogram, f64)>, exponent: Exponent) -> Self {
        let scenes = spectra.into_iter().map(|(spectrum, noise)| {
            let last = Mutex::new(first(bins, &spectrum, noise, exponent.usual));
            Seen { spectrum, noise, exponent, last }
        });
        Self { bins: bins.clone(), scenes: scenes.collect() }
    }

    /// Minus the logarithm of the likelihood of each scene, for a blur of that squared OTF.
    pub(crate) fn of_scenes(&self, squared: &[f64], executor: &dyn Executor) -> Vec<f64> {
        let mut values = vec![0.0; self.scenes.len()];
        for_all(executor, self.scenes.iter().zip(&mut values), &|(scene, value)| {
            *value = scene.fit(&self.bins, squared).1;
        });
        values
    }

    /// Minus the logarithm of the likelihood of all scenes.
    pub(crate) fn of_all(&self, squared: &[f64], executor: &dyn Executor) -> f64 {
        self.of_scenes(squared, executor).iter().sum()
    }

    /// Mean squared relative deviation of what was seen from what was expected, 1 for a Gaussian
    /// scene: how much less than their number the coefficients tell.
    pub(crate) fn dispersion(&self, squared: &[f64]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for scene in &self.scenes {
            let numbers = scene.fit(&self.bins, squared).0;
            for (index, power) in scene.spectrum.power.iter().enumerate() {
                let model = self.model(&numbers, squared, index);
                let weight = scene.weight(&self.bins, index);
                sum += weight * (power / (model.0 + model.1) - 1.0).powi(2);
                count += 1.0;
            }
        }
        sum / f64::max(count - (NUMBERS * self.scenes.len()) as f64, 1.0)
    }

    /// Root mean square relative deviation of what was seen from what was expected, without the chance in
    /// it, where there is more light than noise.
    pub(crate) fn misfit(&self, squared: &[f64]) -> f64 {
        self.deviation(squared, |ratio| ratio - 1.0)
    }

    /// Root mean square of the logarithm of what was seen over what was expected, likewise: of what has zeros
    /// of its own, as codes have, it tells more than [`Self::misfit`].
    pub(crate) fn unlikeness(&self, squared: &[f64]) -> f64 {
        self.deviation(squared, |ratio| ratio.max(1e-6).ln())
    }

    /// Root mean square of what `of` makes of the ratio of seen to expected, without the chance in it, where
    /// there is more light than noise.
    fn deviation(&self, squared: &[f64], of: impl Fn(f64) -> f64) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for scene in &self.scenes {
            let numbers = scene.fit(&self.bins, squared).0;
            for (index, power) in scene.spectrum.power.iter().enumerate() {
                let (light, noise) = self.model(&numbers, squared, index);
                let chance = 1.0 / scene.weight(&self.bins, index);
                let weight = self.bins.bins[index].count * (light / (light + noise)).powi(2);
                sum += weight * (of(power / (light + noise)).powi(2) - chance);
                weights += weight;
            }
        }
        (sum.max(0.0) / f64::max(weights, 1.0)).sqrt()
    }

    /// Independent coefficients, of all scenes together.
    pub(crate) fn coefficients(&self) -> f64 {
        let of = |scene: &Seen| -> f64 {
            (0..self.bins.bins.len()).map(|index| scene.weight(&self.bins, index)).sum()
        };
        self.scenes.iter().map(of).sum()
    }

    /// Numbers that are compared, of all scenes together.
    pub(crate) fn observations(&self) -> f64 {
        (self.scenes.len() * self.bins.bins.len()) as f64
    }

    /// Share of the bins in which a scene's light is stronger than its noise.
    pub(crate) fn lit_share(&self, squared: &[f64]) -> f64 {
        let mut lit = 0;
        for scene in &self.scenes {
            let numbers = scene.fit(&self.bins, squared).0;
            let strong = |index: &usize| {
                let (light, noise) = self.model(&numbers, squared, *index);
                light > noise
            };
            lit += (0..self.bins.bins.len()).filter(strong).count();
        }
        lit as f64 / self.observations()
    }

    /// The exponent of the first scene, and the power of its light over what the model expects, from
    /// 1 / `most` to `most`; 1 where there is more noise than light.
    pub(crate) fn excess(&self, squared: &[f64], most: f64) -> (f64, Vec<f64>) {
        let Some(scene) = self.scenes.first() else {
            return (Exponent::NATURAL.usual, vec![1.0; self.bins.bins.len()]);
        };
        let numbers = scene.fit(&self.bins, squared).0;
        let over = |(index, power): (usize, &f64)| {
            let (light, noise) = self.model(&numbers, squared, index);
            if light < noise { 1.0 } else { ((power - noise) / light).clamp(most.recip(), most) }
        };
        (numbers[SLOPE], scene.spectrum.power.iter().enumerate().map(over).collect())
    }

    /// Light and noise that the model expects in a bin.
    fn model(&self, numbers: &[f64; NUMBERS], squared: &[f64], index: usize) -> (f64, f64) {
        let bin = &self.bins.bins[index];
        let light = (numbers[bin.sector] - numbers[SLOPE] * bin.ln_radius).exp() * squared[index];
        (light, numbers[NOISE].exp())
    }
}

/// Gradient and Fisher information of the likelihood.
struct Slope {
    value: f64,
    gradient: [f64; NUMBERS],
    information: [[f64; NUMBERS]; NUMBERS],
}

impl Seen {
    /// What fits the scene best for a blur, and minus the logarithm of the likelihood.
    fn fit(&self, bins: &Bins, squared: &[f64]) -> ([f64; NUMBERS], f64) {
        let mut numbers = *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut here = self.slope(bins, squared, &numbers);
        let mut damping = 1e-6;
        for _ in 0..60 {
            let Some(step) = solve(&here, damping) else { break };
            let mut next = numbers;
            next.iter_mut().zip(step).for_each(|(number, step)| *number -= step.clamp(-2.0, 2.0));
            let there = self.slope(bins, squared, &next);
            let gain = here.value - there.value;
            if gain > 0.0 {
                (numbers, here) = (next, there);
                damping = f64::max(damping * 0.2, 1e-9);
            } else {
                damping = f64::max(damping * 10.0, 1e-3);
            }
            if gain.abs() < 1e-7 * here.value.abs().max(1.0) || damping > 1e6 {
                break;
            }
        }
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = numbers;
        (numbers, here.value)
    }

    fn slope(&self, bins: &Bins, squared: &[f64], numbers: &[f64; NUMBERS]) -> Slope {
        let mut slope = self.penalty(numbers);
        let noise = numbers[NOISE].exp();
        for (index, bin) in bins.bins.iter().enumerate() {
            let light =
                (numbers[bin.sector] - numbers[SLOPE] * bin.ln_radius).exp() * squared[index];
            let model = light + noise;
            let (weight, ratio) = (self.weight(bins, index), self.spectrum.power[index] / model);
            slope.value += weight * (model.ln() + ratio);
            // Derivatives of ln M.
            let parts = [
                (bin.sector, light / model),
                (SLOPE, -bin.ln_radius * light / model),
                (NOISE, noise / model),
            ];
            for (i, a) in parts {
                slope.gradient[i] += weight * a * (1.0 - ratio);
                for (j, b) in parts {
                    slope.information[i][j] += weight * a * b;
                }
            }
        }
        slope
    }

    /// What is known beforehand of exponent and noise.
    fn penalty(&self, numbers: &[f64; NUMBERS]) -> Slope {
        let mut slope =
            Slope { value: 0.0, gradient: [0.0; NUMBERS], information: [[0.0; NUMBERS]; NUMBERS] };
        let weight = 0.05 * self.spectrum.tiles * 1000.0;
        let Exponent { usual, deviation } = self.exponent;
        let known = [(SLOPE, usual, deviation), (NOISE, self.noise.ln(), NOISE_TRUST)];
        for (index, usual, trust) in known {
            let away = (numbers[index] - usual) / trust;
            slope.value += 0.5 * weight * away * away;
            slope.gradient[index] += weight * away / trust;
            slope.information[index][index] += weight / (trust * trust);
        }
        slope
    }

    /// Independent coefficients that a bin is worth.
    fn weight(&self, bins: &Bins, index: usize) -> f64 {
        bins.bins[index].count * self.spectrum.tiles / DEPENDENT
    }
}

/// A first guess: the usual exponent, the power of the lowest rings.
fn first(bins: &Bins, spectrum: &Periodogram, noise: f64, usual: f64) -> [f64; NUMBERS] {
    let mut numbers = [noise.ln(); NUMBERS];
    numbers[SLOPE] = usual;
    for (sector, number) in numbers[..SECTORS].iter_mut().enumerate() {
        let lowest = (0..bins.bins.len()).find(|&index| bins.bins[index].sector == sector);
        if let Some(index) = lowest {
            let power = spectrum.power[index].max(noise);
            *number = power.ln() + usual * bins.bins[index].ln_radius;
        }
    }
    numbers
}

/// The step of Fisher scoring, by Cholesky's factors; `None` where the information is not definite.
fn solve(slope: &Slope, damping: f64) -> Option<[f64; NUMBERS]> {
    let mut a = slope.information;
    (0..NUMBERS).for_each(|i| a[i][i] = a[i][i] * (1.0 + damping) + 1e-9);
    for i in 0..NUMBERS {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            if i == j {
                let rest = a[i][i] - sum;
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                a[i][i] = rest.sqrt();
            } else {
                a[i][j] = (a[i][j] - sum) / a[j][j];
            }
        }
    }
    let mut x = slope.gradient;
    for i in 0..NUMBERS {
        let sum: f64 = (0..i).map(|k| a[i][k] * x[k]).sum();
        x[i] = (x[i] - sum) / a[i][i];
    }
    for i in (0..NUMBERS).rev() {
        let sum: f64 = (i + 1..NUMBERS).map(|k| a[k][i] * x[k]).sum();
        x[i] = (x[i] - sum) / a[i][i];
    }
    Some(x)
}
