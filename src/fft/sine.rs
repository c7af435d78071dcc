//! Sine transforms, for the extension of frames.
//!
//! The transform of the first kind of a sequence `f_1 … f_(N-1)` is `F_k = sum_j f_j sin(pi j k / N)`. With
//!
//! ```text
//! y_j = sin(pi j / N) (f_j + f_(N-j)) + (f_j - f_(N-j)) / 2,   y_0 = 0
//! R_k = sum_j y_j cos(2 pi j k / N),   I_k = sum_j y_j sin(2 pi j k / N)
//! ```
//!
//! it is `F_(2k) = I_k` and `F_(2k+1) = F_(2k-1) + R_k`, where `F_(-1) = -F_1`: the first term of `y` is even
//! about `N/2` and seen by cosines alone, the second is odd (Press et al., "Numerical Recipes", §12.4.1, there for
//! powers of two; nothing in it needs them). So a transform of length `N` does what the odd sequence of length `2 N`
//! would, and two real sequences go through one complex transform. `N` is one less than a side of the frame and often a
//! prime, whose transforms are many times as dear as those of smooth lengths: they are what counts.

use std::fmt;
use std::sync::Arc;

use rustfft::{Fft, FftPlanner};

use super::layout::Complex;

/// The sine transform of the first kind of sequences of one length:
/// `X_k = sum_n x_n sin(pi (k + 1) (n + 1) / (length + 1))`. Twice applied it gives
/// `(length + 1) / 2` times the sequence.
#[derive(Clone)]
pub struct SineTransform {
    length: usize,
    forward: Arc<dyn Fft<f32>>,
    /// `sin(pi j / N)`.
    sines: Vec<f32>,
    /// The `y` of two sequences, then their transform.
    folded: Vec<Complex>,
    scratch: Vec<Complex>,
}

impl SineTransform {
    /// Plans the transform of `length` samples.
    pub fn plan(length: usize) -> Self {
        let whole = length + 1;
        let forward = FftPlanner::new().plan_fft_forward(whole);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let sine = |j: usize| (std::f64::consts::PI * j as f64 / whole as f64).sin() as f32;
        Self {
            length,
            sines: (0..whole).map(sine).collect(),
            folded: vec![Complex::default(); whole],
            scratch: vec![Complex::default(); forward.get_inplace_scratch_len()],
            forward,
        }
    }

    /// Transforms one or two sequences in place, which follow each other.
    ///
    /// # Panics
    /// Where they are not of the planned length.
    pub fn apply(&mut self, samples: &mut [f32]) {
        assert!(
            samples.len() == self.length || samples.len() == 2 * self.length,
            "sequences of another length than planned"
        );
        let (first, second) = samples.split_at_mut(self.length);
        self.fold(first, second);
        self.forward.process_with_scratch(&mut self.folded, &mut self.scratch);
        self.unfold(first, second);
    }

    /// Makes the `y` of both sequences, of which the second may be none.
    fn fold(&mut self, first: &[f32], second: &[f32]) {
        let fold =
            |(f, mirrored): (&f32, &f32), sine: f32| sine * (f + mirrored) + 0.5 * (f - mirrored);
        let targets = self.folded[1..].iter_mut().zip(&self.sines[1..]);
        if second.is_empty() {
            for ((target, sine), a) in targets.zip(first.iter().zip(first.iter().rev())) {
                *target = Complex::new(fold(a, *sine), 0.0);
            }
        } else {
            let both =
                first.iter().zip(first.iter().rev()).zip(second.iter().zip(second.iter().rev()));
            for ((target, sine), (a, b)) in targets.zip(both) {
                *target = Complex::new(fold(a, *sine), fold(b, *sine));
            }
        }
        self.folded[0] = Complex::default();
    }

    /// Tells the transforms of both apart, and makes sums of sines of them.
    fn unfold(&self, first: &mut [f32], second: &mut [f32]) {
        let (whole, folded) = (self.length + 1, &self.folded);
        // Half of what the recursion adds there is the first of the odd ones.
        let mut odd = [-0.5 * folded[0].re, -0.5 * folded[0].im].map(f64::from);
        for k in 0..whole.div_ceil(2) {
            let (z, mirrored) = (folded[k], folded[(whole - k) % whole]);
            // Of y and its fellow in `y + i y'`: what is even in k, and what is odd.
            let cosines = [0.5 * (z.re + mirrored.re), 0.5 * (z.im + mirrored.im)];
            let sines = [0.5 * (mirrored.im - z.im), 0.5 * (z.re - mirrored.re)];
            for (at, samples) in [&mut *first, &mut *second].into_iter().enumerate() {
                odd[at] += f64::from(cosines[at]);
                if let Some(sample) = (2 * k).checked_sub(1).and_then(|it| samples.get_mut(it)) {
                    *sample = sines[at];
                }
                if let Some(sample) = samples.get_mut(2 * k) {
                    #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
                    let sum = odd[at] as f32;
                    *sample = sum;
                }
            }
        }
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
            length in 1_usize..60, are_two: bool,
            samples in prop::collection::vec(-1.0_f32..1.0, 120),
        ) {
            let samples = &samples[..if are_two { 2 * length } else { length }];
            let mut transformed = samples.to_vec();
            SineTransform::plan(length).apply(&mut transformed);
            for (sequence, is) in samples.chunks(length).zip(transformed.chunks(length)) {
                for (k, is) in is.iter().enumerate() {
                    let term = |(n, sample): (usize, &f32)| {
                        let turns = ((k + 1) * (n + 1)) as f64 / (2 * (length + 1)) as f64;
                        f64::from(*sample) * (TAU * turns).sin()
                    };
                    let expected: f64 = sequence.iter().enumerate().map(term).sum();
                    prop_assert!((f64::from(*is) - expected).abs() < 1e-4, "{length}, {k}");
                }
            }
        }
    }
}
