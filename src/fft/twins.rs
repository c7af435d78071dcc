//! Power spectra of small square planes, two at a time.
//!
//! The transform of `z = a + ib`, `a` and `b` real, holds those of both: `2 A_k = Z_k + conj(Z_-k)` and
//! `2i B_k = Z_k - conj(Z_-k)`.

use std::fmt;
use std::sync::Arc;

use rustfft::{Fft, FftPlanner};

use super::layout::{Complex, coefficients};
use crate::frame::Extent;

/// A planned transform of two squares.
#[derive(Clone)]
pub struct TwinFft {
    side: usize,
    fft: Arc<dyn Fft<f32>>,
}

/// Memory to work in.
#[derive(Debug, Clone)]
pub struct TwinRoom {
    /// One square as the real, the other as the imaginary part, row by row; overwritten by the transform.
    pub squares: Vec<Complex>,
    turned: Vec<Complex>,
    scratch: Vec<Complex>,
}

impl TwinFft {
    /// Plans squares of `side` by `side` samples.
    pub fn plan(side: usize) -> Self {
        Self { side, fft: FftPlanner::new().plan_fft_forward(side) }
    }

    /// Memory for one transform.
    pub fn room(&self) -> TwinRoom {
        let zeros = |count| vec![Complex::default(); count];
        let area = self.side * self.side;
        let scratch = zeros(self.fft.get_inplace_scratch_len());
        TwinRoom { squares: zeros(area), turned: zeros(area), scratch }
    }

    /// Gives `each` the index of every coefficient of a square, and its power in the one and the other.
    pub fn powers(&self, room: &mut TwinRoom, mut each: impl FnMut(usize, f32, f32)) {
        let side = self.side;
        let TwinRoom { squares, turned, scratch } = room;
        self.fft.process_with_scratch(squares, scratch);
        for (x, column) in turned.chunks_exact_mut(side).enumerate() {
            let values = squares[x..].iter().step_by(side);
            column.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
        }
        self.fft.process_with_scratch(turned, scratch);
        for index in 0..coefficients(Extent::new(side, side)) {
            let (x, y) = (index / side, index % side);
            let (z, mirror) = (turned[index], turned[(side - x) % side * side + (side - y) % side]);
            let (a, b) = (z + mirror.conj(), z - mirror.conj());
            each(index, 0.25 * a.norm_sqr(), 0.25 * b.norm_sqr());
        }
    }
}

impl fmt::Debug for TwinFft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TwinFft({})", self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fft::RealFft2d;
    use crate::testing::random_plane;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_powers_are_those_of_single_transforms(side in 2_usize..24, seed: u64) {
            let extent = Extent::new(side, side);
            let planes = [random_plane(extent, seed), random_plane(extent, !seed)];
            let fft = TwinFft::plan(side);
            let mut room = fft.room();
            let pairs = planes[0].samples().iter().zip(planes[1].samples());
            room.squares.iter_mut().zip(pairs).for_each(|(z, (a, b))| *z = Complex::new(*a, *b));
            let single = planes.map(|plane| RealFft2d::plan(extent).transform(&plane));
            let mut largest = 0.0_f32;
            fft.powers(&mut room, |index, a, b| {
                let off = (a - single[0][index].norm_sqr()).abs();
                largest = largest.max(off).max((b - single[1][index].norm_sqr()).abs());
            });
            prop_assert!(largest < 1e-3, "off by {}", largest);
        }
    }
}
