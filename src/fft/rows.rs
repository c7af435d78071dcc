//! Transforms of two real rows as one complex line, in natural order.
//!
//! A length `W = 16 M` is taken apart so that samples which follow one another stay in the lanes of a vector. With
//! `n = 16 a + b` and `k = k' + M k''`
//!
//! ```text
//! Z_k = sum_b exp(-2 pi i b k'' / 16) [ exp(-2 pi i b k' / W) sum_a exp(-2 pi i a k' / M) z_n ]
//! ```
//!
//! The inner sums are transforms of `M` samples, all sixteen `b` side by side. For the outer ones squares of sixteen
//! `k'` by sixteen `b` are turned over; they are transforms of sixteen samples, sixteen `k'` side by side, and these
//! are neighbours once more. So a row is turned over once, and lies in the first-level cache all the time.
//! The inverse goes the same way back, real and imaginary parts exchanged (`smooth.rs`). Rows of other lengths, and
//! short ones, are left to rustfft.

use std::fmt;
use std::sync::Arc;

use rustfft::{Fft, FftPlanner};

use super::lanes::{Lanes, Processor, Radix, Sample, Sixteen, WIDTH, Work, root, times};
use super::layout::Complex;
use super::smooth::Smooth;

/// A planned transform of pairs of rows.
#[derive(Clone)]
pub(super) struct RowFft {
    length: usize,
    plan: Plan,
}

#[derive(Clone)]
enum Plan {
    Lanes(InLanes),
    Other { forward: Arc<dyn Fft<f32>>, inverse: Arc<dyn Fft<f32>> },
}

/// Of a length that is sixteen times a product of small primes.
#[derive(Clone)]
struct InLanes {
    inner: Smooth,
    squares: Vec<Square>,
}

/// Sixteen `k'`.
#[derive(Debug, Clone)]
struct Square {
    first: usize,
    /// Where their inner sums are; of those that there are not, behind all others.
    places: [usize; WIDTH],
    /// `exp(-2 pi i b k' / W)`, sixteen `k'` side by side.
    factors: [Sample; WIDTH],
}

/// A pair of rows, and what it becomes.
#[derive(Debug, Clone)]
pub(super) struct RowPair {
    pub(super) rows: [Vec<f32>; 2],
    pub(super) line: Line,
    samples: Vec<Sample>,
    complex: Vec<Complex>,
    scratch: Vec<Complex>,
}

/// Real and imaginary parts of the coefficients of a pair of rows, the first behind [`Line::FRONT`] others.
#[derive(Debug, Clone)]
pub(super) struct Line(pub(super) [Vec<f32>; 2]);

impl Line {
    /// Numbers before the first coefficient; as many lie behind the last one.
    pub(super) const FRONT: usize = WIDTH;
}

impl RowFft {
    /// Plans rows of `length` samples.
    pub(super) fn plan(length: usize) -> Self {
        let lanes = InLanes::plan(length).map(Plan::Lanes);
        let plan = lanes.unwrap_or_else(|| {
            let mut planner = FftPlanner::new();
            let forward = planner.plan_fft_forward(length);
            Plan::Other { forward, inverse: planner.plan_fft_inverse(length) }
        });
        Self { length, plan }
    }

    /// Memory for a pair of rows.
    pub(super) fn room(&self) -> RowPair {
        let (samples, complex, scratch) = match &self.plan {
            Plan::Lanes(plan) => (plan.inner.length() + 1, 0, 0),
            Plan::Other { forward, inverse } => {
                let scratch =
                    forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
                (0, self.length, scratch)
            }
        };
        let line = vec![0.0; self.length + 2 * Line::FRONT];
        RowPair {
            rows: [vec![0.0; self.length], vec![0.0; self.length]],
            line: Line([line.clone(), line]),
            samples: vec![Sample::default(); samples],
            complex: vec![Complex::default(); complex],
            scratch: vec![Complex::default(); scratch],
        }
    }

    /// Transforms the rows, times `scale`; the first coefficient stands behind the last one, too.
    pub(super) fn forward(&self, processor: Processor, pair: &mut RowPair, scale: f32) {
        let RowPair { rows: [even, odd], line: Line(line), samples, complex, scratch } = pair;
        match &self.plan {
            Plan::Lanes(plan) => {
                processor.run(Forward { plan, rows: [even, odd], scale, samples, line });
            }
            Plan::Other { forward, .. } => {
                for (z, (a, b)) in complex.iter_mut().zip(even.iter().zip(odd.iter())) {
                    *z = Complex::new(scale * a, scale * b);
                }
                forward.process_with_scratch(complex, scratch);
                let [re, im] = line.each_mut().map(|line| &mut line[Line::FRONT..]);
                for (z, (re, im)) in complex.iter().zip(re.iter_mut().zip(im)) {
                    (*re, *im) = (z.re, z.im);
                }
            }
        }
        line.iter_mut().for_each(|line| line[Line::FRONT + self.length] = line[Line::FRONT]);
    }

    /// Transforms the coefficients back to rows, times their length.
    pub(super) fn inverse(&self, processor: Processor, pair: &mut RowPair) {
        let RowPair { rows: [even, odd], line: Line(line), samples, complex, scratch } = pair;
        match &self.plan {
            Plan::Lanes(plan) => processor.run(Inverse { plan, rows: [even, odd], samples, line }),
            Plan::Other { inverse, .. } => {
                let [re, im] = line.each_ref().map(|line| &line[Line::FRONT..]);
                for (z, (re, im)) in complex.iter_mut().zip(re.iter().zip(im)) {
                    *z = Complex::new(*re, *im);
                }
                inverse.process_with_scratch(complex, scratch);
                for (z, (a, b)) in complex.iter().zip(even.iter_mut().zip(odd)) {
                    (*a, *b) = (z.re, z.im);
                }
            }
        }
    }
}

impl fmt::Debug for RowFft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RowFft({})", self.length)
    }
}

impl InLanes {
    /// `None` for other lengths, and where there are less than sixteen `k'`.
    fn plan(length: usize) -> Option<Self> {
        let count = length / WIDTH;
        if !length.is_multiple_of(WIDTH) || count < WIDTH {
            return None;
        }
        let inner = Smooth::plan(count)?;
        let square = |first: usize| {
            let mut factors = [Sample::default(); WIDTH];
            for (b, [re, im]) in factors.iter_mut().enumerate() {
                for lane in 0..WIDTH {
                    let factor = root(b * (first + lane), length);
                    (re.0[lane], im.0[lane]) = (factor.re, factor.im);
                }
            }
            let place = |k: usize| if k < count { inner.place(k) } else { count };
            let places = std::array::from_fn(|lane| place(first + lane));
            Square { first, places, factors }
        };
        let squares = (0..count).step_by(WIDTH).map(square).collect();
        Some(Self { inner, squares })
    }
}

struct Forward<'a> {
    plan: &'a InLanes,
    rows: [&'a [f32]; 2],
    scale: f32,
    samples: &'a mut [Sample],
    line: &'a mut [Vec<f32>; 2],
}

impl Work for Forward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { plan, rows: [even, odd], scale, samples, line } = self;
        let (scale, count) = (lanes.splat(scale), plan.inner.length());
        let rows = even.as_chunks::<WIDTH>().0.iter().zip(odd.as_chunks::<WIDTH>().0);
        for ([re, im], (a, b)) in samples.iter_mut().zip(rows) {
            for part in 0..WIDTH / L::COUNT {
                lanes.store(&mut re.0, part, lanes.mul(lanes.load(a, part), scale));
                lanes.store(&mut im.0, part, lanes.mul(lanes.load(b, part), scale));
            }
        }
        plan.inner.forward(lanes, &mut samples[..count]);
        // The last one writes more than it has, where the first one writes once more.
        for square in plan.squares.iter().rev() {
            for to in 0..WIDTH / L::COUNT {
                let x = square.factored(lanes, to, square.collect(lanes, to, samples));
                let y = Sixteen::transform(lanes, x);
                square.put(lanes, to, count, y, line);
            }
        }
    }
}

struct Inverse<'a> {
    plan: &'a InLanes,
    rows: [&'a mut [f32]; 2],
    samples: &'a mut [Sample],
    line: &'a [Vec<f32>; 2],
}

impl Work for Inverse<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { plan, rows: [even, odd], samples, line } = self;
        let count = plan.inner.length();
        for square in &plan.squares {
            for from in 0..WIDTH / L::COUNT {
                let x = square.take(lanes, from, count, line);
                let y = square.factored(lanes, from, Sixteen::transform(lanes, x));
                square.scatter(lanes, from, y, samples);
            }
        }
        plan.inner.inverse(lanes, &mut samples[..count]);
        let rows = even.as_chunks_mut::<WIDTH>().0.iter_mut().zip(odd.as_chunks_mut::<WIDTH>().0);
        for ([im, re], (a, b)) in samples.iter().zip(rows) {
            for part in 0..WIDTH / L::COUNT {
                lanes.store(a, part, lanes.load(&re.0, part));
                lanes.store(b, part, lanes.load(&im.0, part));
            }
        }
    }
}

/// Sixteen samples, in the lanes of a part.
type Sixteenth<L> = [(<L as Lanes>::Vector, <L as Lanes>::Vector); WIDTH];

impl Square {
    /// The inner sums of a part of the `k'`, turned over to vectors of them. Loops, not closures: these would be
    /// compiled for any processor.
    #[inline(always)]
    fn collect<L: Lanes>(&self, lanes: L, to: usize, samples: &[Sample]) -> Sixteenth<L> {
        let zero = lanes.splat(0.0);
        let mut all = [(zero, zero); WIDTH];
        for from in 0..WIDTH / L::COUNT {
            let mut squares = [[zero; WIDTH]; 2];
            for at in 0..L::COUNT {
                let [re, im] = &samples[self.places[to * L::COUNT + at]];
                squares[0][at] = lanes.load(&re.0, from);
                squares[1][at] = lanes.load(&im.0, from);
            }
            squares.iter_mut().for_each(|square| lanes.transpose(square));
            for at in 0..L::COUNT {
                all[from * L::COUNT + at] = (squares[0][at], squares[1][at]);
            }
        }
        all
    }

    /// The way back of [`Square::collect`].
    #[inline(always)]
    fn scatter<L: Lanes>(&self, lanes: L, from: usize, all: Sixteenth<L>, samples: &mut [Sample]) {
        let zero = lanes.splat(0.0);
        for to in 0..WIDTH / L::COUNT {
            let mut squares = [[zero; WIDTH]; 2];
            for at in 0..L::COUNT {
                (squares[0][at], squares[1][at]) = all[to * L::COUNT + at];
            }
            squares.iter_mut().for_each(|square| lanes.transpose(square));
            for at in 0..L::COUNT {
                let [re, im] = &mut samples[self.places[from * L::COUNT + at]];
                lanes.store(&mut re.0, to, squares[0][at]);
                lanes.store(&mut im.0, to, squares[1][at]);
            }
        }
    }

    /// Samples times their factors.
    #[inline(always)]
    fn factored<L: Lanes>(&self, lanes: L, part: usize, mut all: Sixteenth<L>) -> Sixteenth<L> {
        for (x, [re, im]) in all.iter_mut().zip(&self.factors).skip(1) {
            *x = times(lanes, *x, (lanes.load(&re.0, part), lanes.load(&im.0, part)));
        }
        all
    }

    /// Puts the coefficients of all `k''` where they belong, `count` apart.
    #[inline(always)]
    fn put<L: Lanes>(
        &self,
        lanes: L,
        part: usize,
        count: usize,
        all: Sixteenth<L>,
        [re, im]: &mut [Vec<f32>; 2],
    ) {
        let starts = (Line::FRONT + self.first..).step_by(count);
        for (x, start) in all.into_iter().zip(starts) {
            let numbers = (re[start..].first_chunk_mut(), im[start..].first_chunk_mut());
            if let (Some(re), Some(im)) = numbers {
                lanes.store(re, part, x.0);
                lanes.store(im, part, x.1);
            }
        }
    }

    /// The coefficients of all `k''`, real and imaginary parts exchanged.
    #[inline(always)]
    fn take<L: Lanes>(
        &self,
        lanes: L,
        part: usize,
        count: usize,
        [re, im]: &[Vec<f32>; 2],
    ) -> Sixteenth<L> {
        let zero = lanes.splat(0.0);
        let mut all = [(zero, zero); WIDTH];
        let starts = (Line::FRONT + self.first..).step_by(count);
        for (x, start) in all.iter_mut().zip(starts) {
            if let (Some(re), Some(im)) = (re[start..].first_chunk(), im[start..].first_chunk()) {
                *x = (lanes.load(im, part), lanes.load(re, part));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Extent;
    use crate::testing::random_plane;
    use proptest::prelude::*;
    use rustfft::num_complex::Complex64;
    use std::f64::consts::TAU;

    /// The coefficients of a pair of rows by the definition.
    fn defined(rows: &[Vec<f32>; 2]) -> Vec<Complex64> {
        let length = rows[0].len();
        let roots: Vec<_> =
            (0..length).map(|n| Complex64::cis(-TAU * n as f64 / length as f64)).collect();
        let sample = |n: usize| Complex64::new(f64::from(rows[0][n]), f64::from(rows[1][n]));
        (0..length).map(|k| (0..length).map(|n| sample(n) * roots[n * k % length]).sum()).collect()
    }

    fn check_rows(length: usize, seed: u64) {
        let samples = random_plane(Extent::new(length, 2), seed);
        let rows = [samples.row(0).to_vec(), samples.row(1).to_vec()];
        let (fft, defined) = (RowFft::plan(length), defined(&rows));
        for processor in Processor::all() {
            let mut pair = fft.room();
            pair.rows.clone_from(&rows);
            fft.forward(processor, &mut pair, 0.5);
            let Line([re, im]) = &pair.line;
            for (k, is) in defined.iter().chain(&defined[..1]).enumerate() {
                let at = Line::FRONT + k;
                let error = (Complex64::new(re[at].into(), im[at].into()) - 0.5 * is).norm();
                let least = 1e-6 * (length as f64).sqrt();
                assert!(error < least, "{k} of {length} is off by {error} on {processor:?}");
            }
            fft.inverse(processor, &mut pair);
            for (is, was) in pair.rows.iter().flatten().zip(rows.iter().flatten()) {
                let error = (is / length as f32 - 0.5 * was).abs();
                assert!(error < 1e-6, "a sample of {length} is off by {error} on {processor:?}");
            }
        }
    }

    #[test]
    fn rows_that_frames_have_are_those_of_the_definition() {
        for length in [256, 272, 288, 336, 352, 400, 672, 1120, 1344, 2016] {
            check_rows(length, length as u64);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn rows_of_any_length_are_those_of_the_definition(length in 1_usize..600, seed: u64) {
            check_rows(length, seed);
        }
    }
}
