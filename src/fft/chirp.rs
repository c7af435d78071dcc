//! Transforms of sixteen lines side by side, of any length.
//!
//! With `2 j k = j^2 + k^2 - (k - j)^2` and `c_j = exp(-pi i j^2 / N)` a transform of `N` samples is a convolution:
//!
//! ```text
//! X_k = c_k sum_j (c_j x_j) conj(c_(k - j))
//! ```
//!
//! It is computed as one that goes round at a length of at least `2 N - 1`, which can be a product of small primes.
//! Source: Bluestein, IEEE Transactions on Audio and Electroacoustics 18 (1970) 451.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::lanes::{Lanes, Pair, Sample, WIDTH, times, turn};
use super::layout::Complex;
use super::size::good_size;
use super::smooth::{Multiply, Smooth};

/// A planned transform.
#[derive(Debug, Clone)]
pub(super) struct Chirp {
    longer: Smooth,
    /// `c_j`.
    chirp: Vec<Complex>,
    /// The coefficients of its conjugate over the longer length, at their places.
    filter: Same,
}

/// Factors that are the same for all lines.
#[derive(Debug, Clone)]
struct Same(Vec<Complex>);

impl Multiply for Same {
    #[inline(always)]
    fn times<L: Lanes>(&self, lanes: L, place: usize, _: usize, x: Pair<L>) -> Pair<L> {
        turn(lanes, x, (self.0[place].re, self.0[place].im))
    }
}

impl Chirp {
    /// Plans the transform of that length.
    pub(super) fn plan(length: usize) -> Option<Self> {
        let longer = Smooth::plan(good_size(2 * length))?;
        let count = longer.length();
        let chirp: Vec<Complex64> = (0..length).map(|j| chirp(j, length)).collect();
        let mut round = vec![Complex64::default(); count];
        for (j, c) in chirp.iter().enumerate() {
            round[j] = c.conj() / count as f64;
            round[(count - j) % count] = round[j];
        }
        FftPlanner::new().plan_fft_forward(count).process(&mut round);
        let mut filter = vec![Complex::default(); count];
        for (k, value) in round.into_iter().enumerate() {
            filter[longer.place(k)] = single(value);
        }
        Some(Self { longer, chirp: chirp.into_iter().map(single).collect(), filter: Same(filter) })
    }

    /// Samples of a line.
    pub(super) fn length(&self) -> usize {
        self.chirp.len()
    }

    /// Samples that a line needs room for.
    pub(super) fn room(&self) -> usize {
        self.longer.length()
    }

    /// Transforms lines with room behind them. Where real and imaginary parts are exchanged, that is the inverse.
    #[inline(always)]
    pub(super) fn forward<L: Lanes>(&self, lanes: L, lines: &mut [Sample]) {
        let (line, room) = lines.split_at_mut(self.chirp.len());
        for part in 0..WIDTH / L::COUNT {
            for ([re, im], c) in line.iter_mut().zip(&self.chirp) {
                let x = (lanes.load(&re.0, part), lanes.load(&im.0, part));
                let x = turn(lanes, x, (c.re, c.im));
                lanes.store(&mut re.0, part, x.0);
                lanes.store(&mut im.0, part, x.1);
            }
        }
        room.fill(Sample::default());
        self.longer.filter(lanes, lines, &self.filter);
        for part in 0..WIDTH / L::COUNT {
            for ([re, im], c) in lines.iter_mut().zip(&self.chirp) {
                let x = (lanes.load(&im.0, part), lanes.load(&re.0, part));
                let x = times(lanes, x, (lanes.splat(c.re), lanes.splat(c.im)));
                lanes.store(&mut re.0, part, x.0);
                lanes.store(&mut im.0, part, x.1);
            }
        }
    }

    /// Transforms the lines, multiplies them, and transforms them back, all times their length; real and imaginary
    /// parts are exchanged then.
    #[inline(always)]
    pub(super) fn filter<L: Lanes>(&self, lanes: L, lines: &mut [Sample], factors: &impl Multiply) {
        self.forward(lanes, lines);
        for part in 0..WIDTH / L::COUNT {
            for (place, [re, im]) in lines[..self.chirp.len()].iter_mut().enumerate() {
                let x = (lanes.load(&re.0, part), lanes.load(&im.0, part));
                let x = factors.times(lanes, place, part, x);
                lanes.store(&mut re.0, part, x.1);
                lanes.store(&mut im.0, part, x.0);
            }
        }
        self.forward(lanes, lines);
    }
}

/// `exp(-pi i j^2 / length)`.
fn chirp(j: usize, length: usize) -> Complex64 {
    let halves = j * j % (2 * length);
    Complex64::cis(-std::f64::consts::PI * halves as f64 / length as f64)
}

fn single(value: Complex64) -> Complex {
    #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
    Complex::new(value.re as f32, value.im as f32)
}
