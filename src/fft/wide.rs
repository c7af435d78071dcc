//! Transforms of sixteen lines side by side.

use super::chirp::Chirp;
use super::lanes::{Lanes, Sample};
use super::smooth::{Multiply, Smooth};

/// A planned transform of lines of one length.
#[derive(Debug, Clone)]
pub(super) enum WideFft {
    /// Of a product of small primes.
    Smooth(Smooth),
    /// Of another length.
    Chirp(Chirp),
}

impl WideFft {
    /// Plans the transform of that length, at least 1.
    pub(super) fn plan(length: usize) -> Self {
        let planned = Smooth::plan(length).map(Self::Smooth);
        let planned = planned.or_else(|| Chirp::plan(length).map(Self::Chirp));
        planned.unwrap_or_else(|| unreachable!("a longer length is a product of small primes"))
    }

    /// Where the coefficients are, by their index.
    pub(super) fn places(&self) -> Vec<usize> {
        match self {
            Self::Smooth(plan) => (0..plan.length()).map(|k| plan.place(k)).collect(),
            Self::Chirp(plan) => (0..plan.length()).collect(),
        }
    }

    /// Samples that a line needs room for.
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Smooth(plan) => plan.length(),
            Self::Chirp(plan) => plan.room(),
        }
    }

    /// Transforms lines, which have their room.
    #[inline(always)]
    pub(super) fn forward<L: Lanes>(&self, lanes: L, lines: &mut [Sample]) {
        match self {
            Self::Smooth(plan) => plan.forward(lanes, lines),
            Self::Chirp(plan) => plan.forward(lanes, lines),
        }
    }

    /// Transforms lines, multiplies them, and transforms them back, all times their length; real and imaginary
    /// parts are exchanged then.
    #[inline(always)]
    pub(super) fn filter<L: Lanes>(&self, lanes: L, lines: &mut [Sample], factors: &impl Multiply) {
        match self {
            Self::Smooth(plan) => plan.filter(lanes, lines, factors),
            Self::Chirp(plan) => plan.filter(lanes, lines, factors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fft::lanes::{Pair, Processor, WIDTH, Work};
    use crate::frame::Extent;
    use crate::testing::random_plane;
    use proptest::prelude::*;
    use rustfft::FftPlanner;
    use rustfft::num_complex::Complex64;

    /// Factors of nothing.
    struct Ones;

    impl Multiply for Ones {
        #[inline(always)]
        fn times<L: Lanes>(&self, _: L, _: usize, _: usize, x: Pair<L>) -> Pair<L> {
            x
        }
    }

    struct Forward<'a>(&'a WideFft, &'a mut [Sample]);
    struct Filter<'a>(&'a WideFft, &'a mut [Sample]);

    impl Work for Forward<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            self.0.forward(lanes, self.1);
        }
    }

    impl Work for Filter<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            self.0.filter(lanes, self.1, &Ones);
        }
    }

    /// Sixteen lines of `length` samples, with their room.
    fn lines(fft: &WideFft, length: usize, seed: u64) -> Vec<Sample> {
        let numbers = random_plane(Extent::new(2 * WIDTH, length), seed);
        let mut lines = vec![Sample::default(); fft.room()];
        for ([re, im], row) in lines.iter_mut().zip(numbers.rows()) {
            re.0.copy_from_slice(&row[..WIDTH]);
            im.0.copy_from_slice(&row[WIDTH..]);
        }
        lines
    }

    fn check_lines(length: usize, seed: u64) {
        let (fft, library) = (WideFft::plan(length), FftPlanner::new().plan_fft_forward(length));
        let (given, places) = (lines(&fft, length, seed), fft.places());
        for processor in Processor::all() {
            let (mut there, mut back) = (given.clone(), given.clone());
            processor.run(Forward(&fft, &mut there));
            processor.run(Filter(&fft, &mut back));
            for lane in 0..WIDTH {
                let number =
                    |[re, im]: &Sample| Complex64::new(re.0[lane].into(), im.0[lane].into());
                let mut line: Vec<_> = given[..length].iter().map(number).collect();
                library.process(&mut line);
                for (k, is) in line.iter().enumerate() {
                    let error = (number(&there[places[k]]) - is).norm();
                    let most = 2e-6 * (length as f64).sqrt();
                    assert!(error < most, "{k} of {length} is off by {error} on {processor:?}");
                }
                for ([im, re], was) in back.iter().zip(&given[..length]) {
                    let is = Complex64::new(re.0[lane].into(), im.0[lane].into());
                    let error = (is / length as f64 - number(was)).norm();
                    assert!(error < 2e-6, "a sample of {length} is off by {error}");
                }
            }
        }
    }

    #[test]
    fn columns_that_frames_have_are_those_of_the_library() {
        let used = [
            1, 2, 4, 16, 64, 128, 129, 240, 256, 378, 384, 480, 500, 509, 720, 756, 768, 1080,
            1120, 1250, 1344,
        ];
        for length in used {
            check_lines(length, length as u64);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn columns_of_any_length_are_those_of_the_library(length in 1_usize..400, seed: u64) {
            check_lines(length, seed);
        }
    }
}
