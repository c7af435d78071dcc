//! Sine transforms, for the extension of frames.

use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::layout::Complex;

/// The sine transform of the first kind of sequences of one length, by a real transform of the
/// odd sequence `0, x, 0, -reversed x` of twice the length:
/// `X_k = sum_n x_n sin(pi (k + 1) (n + 1) / (length + 1))`. Twice applied it gives
/// `(length + 1) / 2` times the sequence.
#[derive(Clone)]
pub struct SineTransform {
    length: usize,
    odd_forward: Arc<dyn RealToComplex<f32>>,
    odd: Vec<f32>,
    spectrum: Vec<Complex>,
    scratch: Vec<Complex>,
}

impl SineTransform {
    /// Plans the transform of `length` samples.
    pub fn plan(length: usize) -> Self {
        let odd_forward = RealFftPlanner::new().plan_fft_forward(2 * (length + 1));
        Self {
            length,
            odd: odd_forward.make_input_vec(),
            spectrum: odd_forward.make_output_vec(),
            scratch: odd_forward.make_scratch_vec(),
            odd_forward,
        }
    }

    /// Transforms `samples` in place.
    ///
    /// # Panics
    /// Where their number is not the planned length.
    pub fn apply(&mut self, samples: &mut [f32]) {
        assert_eq!(samples.len(), self.length, "a sequence of another length than planned");
        self.odd.fill(0.0);
        self.odd[1..=self.length].copy_from_slice(samples);
        let mirrored = self.odd[self.length + 2..].iter_mut().rev();
        mirrored.zip(samples.iter()).for_each(|(odd, sample)| *odd = -sample);
        let (odd, spectrum) = (&mut self.odd, &mut self.spectrum);
        let done = self.odd_forward.process_with_scratch(odd, spectrum, &mut self.scratch);
        debug_assert!(done.is_ok(), "buffers have the planned lengths");
        samples.iter_mut().zip(&self.spectrum[1..]).for_each(|(sample, c)| *sample = -0.5 * c.im);
    }
}

impl fmt::Debug for SineTransform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SineTransform({})", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::TAU;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_sine_transform_is_that_of_the_definition(
            samples in prop::collection::vec(-1.0_f32..1.0, 1..40),
        ) {
            let length = samples.len();
            let mut transformed = samples.clone();
            SineTransform::plan(length).apply(&mut transformed);
            for (k, is) in transformed.iter().enumerate() {
                let term = |(n, sample): (usize, &f32)| {
                    let turns = ((k + 1) * (n + 1)) as f64 / (2 * (length + 1)) as f64;
                    f64::from(*sample) * (TAU * turns).sin()
                };
                let expected: f64 = samples.iter().enumerate().map(term).sum();
                prop_assert!((f64::from(*is) - expected).abs() < 1e-4);
            }
        }
    }
}
