//! Two-dimensional transforms of real planes, and filtering with them.
//!
//! A plane of `width x height` real samples has `(width / 2 + 1) x height` independent complex
//! coefficients; the rest are their conjugates. Rows are transformed first (real to complex),
//! columns second. Coefficients are kept *column by column*: the column pass then runs on
//! contiguous memory, and the pixelwise product with a filter does not care.
//!
//! [`RealFft2d::filter`] is forward transform, product and inverse transform in one call. It is
//! all that the restoration needs: the Wiener filter, the null-space projection and the blur
//! itself are products in frequency.
//!
//! Everything is planned and allocated by [`RealFft2d::plan`]; a call allocates nothing.

use std::fmt;
use std::sync::Arc;

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};

use crate::frame::{Extent, Plane};

/// A complex coefficient.
pub type Complex = rustfft::num_complex::Complex32;

/// Rows transformed before their coefficients are moved into columns: 16 coefficients of 8 bytes
/// fill two cache lines of every column they are scattered to.
const ROWS_AT_ONCE: usize = 16;

/// A planned transform of planes of one extent, with the memory it works in.
pub struct RealFft2d {
    extent: Extent,
    row_forward: Arc<dyn RealToComplex<f32>>,
    row_inverse: Arc<dyn ComplexToReal<f32>>,
    column_forward: Arc<dyn Fft<f32>>,
    column_inverse: Arc<dyn Fft<f32>>,
    spectrum: Vec<Complex>,
    rows: Vec<Complex>,
    row: Vec<f32>,
    scratch: Vec<Complex>,
}

/// Factors of the coefficients of one extent, in the order [`RealFft2d`] keeps them and divided
/// by the number of samples, so that forward, product and inverse need no further scaling.
#[derive(Debug, Clone)]
pub enum Filter {
    /// Real factors, as of the null-space projection.
    Real(Vec<f32>),
    /// Complex factors, as of a blur and of its inverse.
    Complex(Vec<Complex>),
}

impl RealFft2d {
    /// Plans the transforms of planes of `extent`, which must not be empty.
    pub fn plan(extent: Extent) -> Self {
        assert!(!extent.is_empty(), "cannot plan a transform of {extent} samples");
        let (mut rows, mut columns) = (RealFftPlanner::new(), FftPlanner::new());
        let row_forward = rows.plan_fft_forward(extent.width);
        let row_inverse = rows.plan_fft_inverse(extent.width);
        let column_forward = columns.plan_fft_forward(extent.height);
        let column_inverse = columns.plan_fft_inverse(extent.height);
        let scratch = [
            row_forward.get_scratch_len(),
            row_inverse.get_scratch_len(),
            column_forward.get_inplace_scratch_len(),
            column_inverse.get_inplace_scratch_len(),
        ];
        let zeros = |count| vec![Complex::default(); count];
        let half = half_width(extent);
        Self {
            spectrum: zeros(half * extent.height),
            rows: zeros(half * ROWS_AT_ONCE),
            row: vec![0.0; extent.width],
            scratch: zeros(scratch.into_iter().max().unwrap_or(0)),
            extent,
            row_forward,
            row_inverse,
            column_forward,
            column_inverse,
        }
    }

    /// Extent of the planes.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Convolves `input` circularly with the filter and gives each sample of the result, row by
    /// row from the top, to `store(index, samples)`; `index` is that of the row.
    ///
    /// # Panics
    /// Where plane or filter is not of the planned extent.
    pub fn filter(
        &mut self,
        input: &Plane<f32>,
        filter: &Filter,
        mut store: impl FnMut(usize, &[f32]),
    ) {
        self.forward(input);
        filter.apply(&mut self.spectrum);
        self.inverse(&mut store);
    }

    /// The coefficients of `input`, column by column, not scaled.
    pub fn transform(&mut self, input: &Plane<f32>) -> &[Complex] {
        self.forward(input);
        &self.spectrum
    }

    fn forward(&mut self, input: &Plane<f32>) {
        assert_eq!(input.extent(), self.extent, "a plane of another extent than planned");
        let (half, height) = (half_width(self.extent), self.extent.height);
        for top in (0..height).step_by(ROWS_AT_ONCE) {
            let count = ROWS_AT_ONCE.min(height - top);
            for (offset, output) in self.rows.chunks_exact_mut(half).take(count).enumerate() {
                self.row.copy_from_slice(input.row(top + offset));
                let done =
                    self.row_forward.process_with_scratch(&mut self.row, output, &mut self.scratch);
                debug_assert!(done.is_ok(), "buffers have the planned lengths");
            }
            for (x, column) in self.spectrum.chunks_exact_mut(height).enumerate() {
                let target = &mut column[top..top + count];
                target
                    .iter_mut()
                    .zip(self.rows[x..].iter().step_by(half))
                    .for_each(|(t, r)| *t = *r);
            }
        }
        self.column_forward.process_with_scratch(&mut self.spectrum, &mut self.scratch);
    }

    fn inverse(&mut self, store: &mut impl FnMut(usize, &[f32])) {
        let (half, height) = (half_width(self.extent), self.extent.height);
        self.column_inverse.process_with_scratch(&mut self.spectrum, &mut self.scratch);
        for top in (0..height).step_by(ROWS_AT_ONCE) {
            let count = ROWS_AT_ONCE.min(height - top);
            for (x, column) in self.spectrum.chunks_exact(height).enumerate() {
                let source = &column[top..top + count];
                self.rows[x..].iter_mut().step_by(half).zip(source).for_each(|(r, s)| *r = *s);
            }
            for (offset, input) in self.rows.chunks_exact_mut(half).take(count).enumerate() {
                make_real(input, self.extent.width);
                let done =
                    self.row_inverse.process_with_scratch(input, &mut self.row, &mut self.scratch);
                debug_assert!(done.is_ok(), "the coefficients are those of a real row");
                store(top + offset, &self.row);
            }
        }
    }
}

/// The coefficients of a real row at frequency zero and at the highest of an even row are real;
/// rounding in the column pass leaves a trace of an imaginary part.
fn make_real(row: &mut [Complex], width: usize) {
    row[0].im = 0.0;
    if width.is_multiple_of(2) {
        row[width / 2].im = 0.0;
    }
}

impl fmt::Debug for RealFft2d {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RealFft2d({})", self.extent)
    }
}

impl Filter {
    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn real(extent: Extent, mut factor: impl FnMut(usize) -> f64) -> Self {
        let scale = 1.0 / extent.area() as f64;
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        Self::Real((0..coefficients(extent)).map(|index| (factor(index) * scale) as f32).collect())
    }

    /// The filter whose factor at coefficient `index` is `factor(index)`.
    pub fn complex(extent: Extent, mut factor: impl FnMut(usize) -> Complex) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
        let scale = (1.0 / extent.area() as f64) as f32;
        Self::Complex((0..coefficients(extent)).map(|index| factor(index) * scale).collect())
    }

    fn apply(&self, spectrum: &mut [Complex]) {
        match self {
            Self::Real(factors) => {
                assert_eq!(
                    factors.len(),
                    spectrum.len(),
                    "a filter of another extent than planned"
                );
                spectrum.iter_mut().zip(factors).for_each(|(value, factor)| *value *= *factor);
            }
            Self::Complex(factors) => {
                assert_eq!(
                    factors.len(),
                    spectrum.len(),
                    "a filter of another extent than planned"
                );
                spectrum.iter_mut().zip(factors).for_each(|(value, factor)| *value *= *factor);
            }
        }
    }
}

/// Number of coefficients kept for a plane of `extent`.
pub fn coefficients(extent: Extent) -> usize {
    half_width(extent) * extent.height
}

/// Horizontal and vertical frequency, in cycles a sample, of the coefficient at `index`.
pub fn frequency(extent: Extent, index: usize) -> (f64, f64) {
    let (x, y) = (index / extent.height, index % extent.height);
    (x as f64 / extent.width as f64, y as f64 / extent.height as f64)
}

/// A length from `least` up whose transforms are fast: even, a product of 2, 3, 5 and 7, and, of
/// those at most a twenty-fifth above `least`, the one with the most factors 2. (A column of 768
/// takes half the time of one of 750.) Even, so that networks that work at half resolution need no
/// padding.
pub fn good_size(least: usize) -> usize {
    let first = least.max(2).next_multiple_of(2);
    // A power of two lies between any number and its double.
    let smooth = || (first..=2 * first).step_by(2).filter(|&length| is_smooth(length));
    let near = smooth().take_while(|&length| length <= first + first / 25);
    // Of equals the least: `max_by_key` keeps the last it meets.
    let best =
        near.collect::<Vec<_>>().into_iter().rev().max_by_key(|length| length.trailing_zeros());
    best.or_else(|| smooth().next()).unwrap_or(first)
}

fn is_smooth(number: usize) -> bool {
    let mut rest = number;
    for prime in [2, 3, 5, 7] {
        while rest.is_multiple_of(prime) {
            rest /= prime;
        }
    }
    rest == 1
}

fn half_width(extent: Extent) -> usize {
    extent.width / 2 + 1
}

/// The sine transform of the first kind of sequences of one length, by a real transform of the
/// odd sequence `0, x, 0, -reversed x` of twice the length:
/// `X_k = sum_n x_n sin(pi (k + 1) (n + 1) / (length + 1))`. Twice applied it gives
/// `(length + 1) / 2` times the sequence.
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

    fn plane(extent: Extent, seed: u32) -> Plane<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        Plane::from_fn(extent, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        })
    }

    fn filtered(input: &Plane<f32>, filter: &Filter) -> Plane<f32> {
        let mut output = Plane::new(input.extent(), 0.0);
        let mut fft = RealFft2d::plan(input.extent());
        fft.filter(input, filter, |y, row| output.row_mut(y).copy_from_slice(row));
        output
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_coefficients_are_those_of_the_definition(
            width in 1_usize..12, height in 1_usize..40, seed: u32,
        ) {
            let extent = Extent::new(width, height);
            let input = plane(extent, seed);
            let spectrum = RealFft2d::plan(extent).transform(&input).to_vec();
            for (index, value) in spectrum.iter().enumerate() {
                let (u, v) = frequency(extent, index);
                let (mut re, mut im) = (0.0, 0.0);
                for (y, row) in input.rows().enumerate() {
                    for (x, &sample) in row.iter().enumerate() {
                        let angle = -TAU * (u * x as f64 + v * y as f64);
                        re += f64::from(sample) * angle.cos();
                        im += f64::from(sample) * angle.sin();
                    }
                }
                let error = (f64::from(value.re) - re).hypot(f64::from(value.im) - im);
                prop_assert!(error < 2e-5, "coefficient {} of {} is off by {}", index, extent, error);
            }
        }

        #[test]
        fn the_filter_of_ones_changes_nothing(width in 1_usize..90, height in 1_usize..90, seed: u32) {
            let input = plane(Extent::new(width, height), seed);
            let output = filtered(&input, &Filter::real(input.extent(), |_| 1.0));
            for (is, was) in output.samples().iter().zip(input.samples()) {
                prop_assert!((is - was).abs() < 1e-5);
            }
        }

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

    #[test]
    fn good_sizes_are_smooth_and_rich_in_twos() {
        let expected =
            [(0, 2), (1, 2), (7, 8), (11, 12), (13, 14), (754, 768), (1314, 1344), (1954, 2016)];
        for (least, good) in expected {
            assert_eq!(good_size(least), good, "from {least}");
        }
    }
}
