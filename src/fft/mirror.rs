//! Filters of sequences that go on beyond their ends as in a mirror.

use std::fmt;
use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::layout::Complex;

/// Filters sequences of one length: `x, reversed x` of twice the length is transformed, and coefficient `k`
/// is one of `k` half turns over the length, from 0 to the length.
#[derive(Clone)]
pub struct MirrorFilter {
    length: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    back: Arc<dyn ComplexToReal<f32>>,
    mirrored: Vec<f32>,
    spectrum: Vec<Complex>,
    scratch: Vec<Complex>,
}

impl MirrorFilter {
    /// Plans sequences of `length` samples.
    pub fn plan(length: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(2 * length);
        let back = planner.plan_fft_inverse(2 * length);
        let scratch = forward.get_scratch_len().max(back.get_scratch_len());
        Self {
            length,
            mirrored: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex::default(); scratch],
            forward,
            back,
        }
    }

    /// Fills `powers` with those of the coefficients, so that they are in the mean the variance of samples
    /// that are independent; the sequence is kept for [`MirrorFilter::filtered`].
    ///
    /// # Panics
    /// Where there are not as many samples as planned.
    pub fn powers(&mut self, samples: impl ExactSizeIterator<Item = f32>, powers: &mut Vec<f32>) {
        assert_eq!(samples.len(), self.length, "a sequence of another length than planned");
        let (first, second) = self.mirrored.split_at_mut(self.length);
        first.iter_mut().zip(samples).for_each(|(to, sample)| *to = sample);
        second.iter_mut().zip(first.iter().rev()).for_each(|(to, sample)| *to = *sample);
        let (all, scratch) = (&mut self.mirrored, &mut self.scratch);
        let done = self.forward.process_with_scratch(all, &mut self.spectrum, scratch);
        debug_assert!(done.is_ok(), "buffers have the planned lengths");
        let scale = 1.0 / (2 * self.length) as f32;
        powers.clear();
        powers.extend(self.spectrum.iter().map(|c| scale * c.norm_sqr()));
    }

    /// The sequence that was given last, its coefficients multiplied by `gains`.
    pub fn filtered(&mut self, gains: impl Iterator<Item = f32>) -> &[f32] {
        let scale = 1.0 / (2 * self.length) as f32;
        self.spectrum.iter_mut().zip(gains).for_each(|(c, gain)| *c *= scale * gain);
        // What is left of rounding there would be refused.
        self.spectrum[0].im = 0.0;
        self.spectrum[self.length].im = 0.0;
        let (all, scratch) = (&mut self.mirrored, &mut self.scratch);
        let done = self.back.process_with_scratch(&mut self.spectrum, all, scratch);
        debug_assert!(done.is_ok(), "buffers have the planned lengths");
        &self.mirrored[..self.length]
    }
}

impl fmt::Debug for MirrorFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MirrorFilter({})", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn coefficients_are_those_of_cosines(samples in prop::collection::vec(-1.0_f32..1.0, 2..40)) {
            let count = samples.len();
            let (mut filter, mut powers) = (MirrorFilter::plan(count), Vec::new());
            filter.powers(samples.iter().copied(), &mut powers);
            for (k, power) in powers.iter().enumerate() {
                let term = |(n, sample): (usize, &f32)| {
                    f64::from(*sample) * (PI * k as f64 * (n as f64 + 0.5) / count as f64).cos()
                };
                let sum: f64 = samples.iter().enumerate().map(term).sum();
                let expected = 2.0 * sum * sum / count as f64;
                prop_assert!((f64::from(*power) - expected).abs() < 1e-4, "{} for {}", power, expected);
            }
            let same = filter.filtered(std::iter::repeat(1.0));
            for (is, was) in same.iter().zip(&samples) {
                prop_assert!((is - was).abs() < 1e-5);
            }
        }
    }
}
