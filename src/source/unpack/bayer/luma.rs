//! Mosaics to luma by one filter for every pixel.
//!
//! The mixture `[1 2 1]ᵀ [1 2 1] / 16` of three by three samples holds the colours in the same
//! parts wherever it stands: around red the centre counts 4, the four greens beside it 2 each, the
//! four blues at its corners 1 each; around green the centre and the four greens at its corners
//! count 4 + 4, the two reds and the two blues beside it 2 each. Always it is `(R + 2 G + B) / 4`.
//! In frequencies: a mosaic is luma plus colour differences on carriers at half the sampling rate
//! across, down, and both; `(1 + cos w) / 2` is zero there.
//!
//! So the way from light to luma is a convolution by a known kernel, the same at every pixel: a
//! PSF that was calibrated on such pictures contains it, and the restoration undoes it together
//! with the blur of the optics. Filters that follow edges would be sharper by themselves but are
//! no convolution.

use super::super::pixel_format::Mosaic;
use super::levels::Levels;
use super::window::{Window as Rows, reflected};
use crate::frame::Picture;

/// Sums over three samples of a row each, for the three rows around a row.
#[derive(Debug)]
pub(super) struct Window {
    /// A row as fractions of white, with one reflected sample on either side.
    row: Vec<u16>,
    sums: [Vec<u32>; 3],
}

impl Window {
    pub(super) fn new(width: usize) -> Self {
        Self { row: vec![0; width + 2], sums: std::array::from_fn(|_| vec![0; width]) }
    }
}

impl Rows for Window {
    const REACH: usize = 1;

    fn load(&mut self, y: usize, levels: &Levels, bytes: &[u8], factors: [f32; 2]) {
        let Self { row, sums } = self;
        let width = row.len() - 2;
        levels.lights(bytes, factors, &mut row[1..=width]);
        row[0] = row[2];
        row[width + 1] = row[1 + reflected(width, width)];
        let neighbours = row.iter().zip(&row[1..]).zip(&row[2..]);
        for (sum, ((&left, &centre), &right)) in sums[y % 3].iter_mut().zip(neighbours) {
            *sum = u32::from(left) + 2 * u32::from(centre) + u32::from(right);
        }
    }

    fn develop(
        &mut self,
        _: Mosaic,
        y: usize,
        [_, above, here, below, _]: [usize; 5],
        picture: &mut Picture,
    ) {
        let target = picture.planes_mut()[0].row_mut(y);
        let [above, here, below] = [above, here, below].map(|row| &self.sums[row % 3]);
        for (sample, ((a, b), c)) in target.iter_mut().zip(above.iter().zip(here).zip(below)) {
            #[expect(clippy::cast_possible_truncation, reason = "a mean of 16-bit samples")]
            let mean = ((a + 2 * b + c + 8) >> 4) as u16;
            *sample = mean;
        }
    }
}
