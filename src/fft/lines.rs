//! Transforms of lines of samples: of two real ones at a time, and of the powers of one, to covariances.

use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

use super::layout::Complex;

/// A planned transform of lines of one length: one as the real, another as the imaginary part.
#[derive(Clone)]
pub struct LineFft {
    length: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl LineFft {
    /// Plans lines of `length` samples.
    pub fn plan(length: usize) -> Self {
        let mut planner = FftPlanner::new();
        let forward = planner.plan_fft_forward(length);
        Self { length, forward, inverse: planner.plan_fft_inverse(length) }
    }

    /// Samples in a line.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Memory to transform in.
    pub fn scratch(&self) -> Vec<Complex> {
        let (forward, inverse) = (&self.forward, &self.inverse);
        let room = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        vec![Complex::default(); room]
    }

    /// Transforms a pair of lines in place.
    pub fn forward(&self, pair: &mut [Complex], scratch: &mut [Complex]) {
        self.forward.process_with_scratch(pair, scratch);
    }

    /// Transforms a pair of lines back, in place, and times their length.
    pub fn inverse(&self, pair: &mut [Complex], scratch: &mut [Complex]) {
        self.inverse.process_with_scratch(pair, scratch);
    }
}

impl fmt::Debug for LineFft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "LineFft({})", self.length)
    }
}

/// Covariances of periodic sequences of one length, from their power spectra. In double precision: spectra
/// of pictures span more than single precision does.
pub struct Covariances {
    inverse: Arc<dyn Fft<f64>>,
    values: Vec<Complex64>,
}

impl Covariances {
    /// Plans sequences of `length` samples.
    pub fn plan(length: usize) -> Self {
        let inverse = FftPlanner::new().plan_fft_inverse(length);
        Self { inverse, values: vec![Complex64::default(); length] }
    }

    /// The covariance of a sample and the one `distance` before it, for every distance: real and imaginary
    /// part. Powers are those of single samples in the mean.
    ///
    /// # Panics
    /// Where there are not as many powers as planned.
    pub fn of(&mut self, powers: impl ExactSizeIterator<Item = f64>) -> &[Complex64] {
        assert_eq!(powers.len(), self.values.len(), "a spectrum of another length than planned");
        let scale = 1.0 / self.values.len() as f64;
        let scaled = powers.map(|power| Complex64::new(scale * power, 0.0));
        self.values.iter_mut().zip(scaled).for_each(|(value, power)| *value = power);
        self.inverse.process(&mut self.values);
        &self.values
    }
}

impl fmt::Debug for Covariances {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Covariances({})", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn covariances_are_those_of_the_definition(
            powers in prop::collection::vec(0.0_f64..10.0, 1..30),
        ) {
            let length = powers.len();
            let mut covariances = Covariances::plan(length);
            for (distance, is) in covariances.of(powers.iter().copied()).iter().enumerate() {
                let turn = |k: usize| TAU * (k * distance) as f64 / length as f64;
                let sum = |part: fn(f64) -> f64| -> f64 {
                    powers.iter().enumerate().map(|(k, power)| power * part(turn(k))).sum()
                };
                let (re, im) = (sum(f64::cos) / length as f64, sum(f64::sin) / length as f64);
                prop_assert!((is.re - re).abs() < 1e-9 && (is.im - im).abs() < 1e-9);
            }
        }

        #[test]
        fn lines_come_back(samples in prop::collection::vec((-1.0_f32..1.0, -1.0_f32..1.0), 1..60)) {
            let fft = LineFft::plan(samples.len());
            let pair: Vec<_> = samples.iter().map(|&(a, b)| Complex::new(a, b)).collect();
            let (mut changed, mut scratch) = (pair.clone(), fft.scratch());
            fft.forward(&mut changed, &mut scratch);
            fft.inverse(&mut changed, &mut scratch);
            for (is, was) in changed.iter().zip(&pair) {
                prop_assert!((is / fft.length() as f32 - was).norm() < 1e-5);
            }
        }
    }
}
