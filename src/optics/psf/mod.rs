//! The point-spread function: what a point of light becomes on the sensor.
//!
//! It stands as in convolution: the sample in a row below and a column to the right of the centre is
//! what a point of light gives to the sample below and to the right of its own.
//!
//! A PSF is centred as in MATLAB's `psf2otf`: the sample in column `width / 2` of row `height / 2`
//! is the one that stays in place, wherever the centre of mass may be. Measured kernels are not
//! centred, and recentring them would move the picture.

mod analytic; // by formula
mod read; // from a file
mod text; // rows of numbers
mod png; // pictures
mod write; // to a file
mod shape; // in numbers
mod compare; // of two
mod scale; // made wider or narrower
pub(in crate::optics) mod picture; // as a picture

use crate::exit::{ExitStatus, Status};
use crate::fft::{Complex, RealFft2d};
use crate::frame::{Extent, Plane};

pub use compare::Likeness;
pub use read::Found;
pub use shape::Shape;

/// A calibrated point-spread function. Having a `Psf` tells you:
/// - both sides are odd, so there is a central sample;
/// - every sample is finite and non-negative, and they sum to 1, so brightness is preserved;
/// - no side is longer than [`Psf::MAX_SIDE`].
#[derive(Debug, Clone, PartialEq)]
pub struct Psf {
    samples: Plane<f64>,
}

/// As the messages name it.
const MAX_SIDE: usize = Psf::MAX_SIDE;

/// Why something is not a PSF.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum PsfError {
    /// the PSF is empty (expected a matrix of numbers)
    Empty,
    /// row {row}, column {column} of the PSF is '{word}' (expected a number)
    NotANumber { row: usize, column: usize, word: String },
    /// the {0}
    Ambiguous(&'static str),
    /// row {row} of the PSF has {is} numbers (expected {expected}, as in the first row)
    Ragged { row: usize, is: usize, expected: usize },
    /// sample {column},{row} of the PSF is {value} (expected a finite number)
    NotFinite { row: usize, column: usize, value: f64 },
    /// sample {column},{row} of the PSF is {value} (expected a number from 0)
    Negative { row: usize, column: usize, value: f64 },
    /// the samples of the PSF sum to {0} (expected a positive sum)
    ZeroSum(f64),
    /// the PSF is {0} samples (expected at most {MAX_SIDE:}x{MAX_SIDE:})
    TooLarge(Extent),
    /// the PSF is {psf} (expected at most the frame's {frame})
    LargerThanFrame { psf: Extent, frame: Extent },
    /// the PSF cannot be read: {0} (expected a text matrix, a gray PNG or a .npy file)
    Format(String),
    /// {psfs} PSFs in rows of {columns} (expected full rows, up to 32 of up to 32)
    Grid { columns: usize, psfs: usize },
    /// a PSF of the field is {is} (expected {expected}, as the first)
    Extents { is: Extent, expected: Extent },
    /// '{text}' is no PSF (expected {expected})
    Parameters { text: String, expected: &'static str },
}

impl ExitStatus for PsfError {
    fn status(&self) -> Status {
        Status::Data
    }
}

impl Psf {
    /// The longest side of a PSF.
    pub const MAX_SIDE: usize = 1023;

    /// Negative samples are taken for rounding down to this share of the greatest sample.
    const ROUNDING: f64 = 1e-3;

    /// Checks `samples` and normalises them to sum 1. An even side is padded by one zero at its
    /// end, which leaves the centre where it was. Negative samples no larger than a thousandth
    /// of the greatest are clipped with a warning.
    ///
    /// # Errors
    /// Where no PSF can be made of the samples.
    pub fn new(samples: Plane<f64>) -> Result<Self, PsfError> {
        let extent = samples.extent();
        if extent.is_empty() {
            return Err(PsfError::Empty);
        }
        check_side(extent.width, extent.height)?;
        let mut samples = non_negative(samples, Self::ROUNDING)?;
        let sum: f64 = samples.samples().iter().sum();
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(PsfError::ZeroSum(sum));
        }
        samples.samples_mut().iter_mut().for_each(|sample| *sample /= sum);
        Ok(Self { samples: pad_to_odd(&samples) })
    }

    /// The PSF that changes nothing.
    pub fn delta() -> Self {
        Self { samples: Plane::new(Extent::new(1, 1), 1.0) }
    }

    /// The mean of PSFs of one extent, weighted; weights are not negative, and some are positive.
    ///
    /// # Panics
    /// Where there is none.
    pub fn blend<const N: usize>(psfs: [(&Self, f64); N]) -> Self {
        let sum: f64 = psfs.iter().map(|(_, weight)| weight).sum();
        let mean = |x: usize, y: usize| {
            psfs.iter().map(|(psf, weight)| weight * psf.samples.row(y)[x]).sum::<f64>() / sum
        };
        Self { samples: Plane::from_fn(psfs[0].0.extent(), mean) }
    }

    /// The samples, row by row.
    pub fn samples(&self) -> &Plane<f64> {
        &self.samples
    }

    /// Width and height, both odd.
    pub fn extent(&self) -> Extent {
        self.samples.extent()
    }

    /// Samples on either side of the centre, horizontally and vertically.
    pub fn radius(&self) -> (usize, usize) {
        (self.extent().width / 2, self.extent().height / 2)
    }

    /// The PSF of samples that stand for two each, horizontally and vertically as `halved` says: the mean of
    /// two of what the mean of two was blurred to, `(1, 2, 1) / 2` about every second sample.
    #[must_use]
    pub fn reduced(&self, halved: (bool, bool)) -> Self {
        let (x, y) = self.radius();
        let radius = |radius: usize, halved| if halved { radius.div_ceil(2) } else { radius };
        let (columns, rows) = (radius(x, halved.0), radius(y, halved.1));
        let mut samples = Plane::new(Extent::new(2 * columns + 1, 2 * rows + 1), 0.0);
        for (from_y, row) in self.samples.rows().enumerate() {
            for (from_x, sample) in row.iter().enumerate() {
                for (to_y, down) in shares(from_y, y, rows, halved.1) {
                    for (to_x, across) in shares(from_x, x, columns, halved.0) {
                        samples.row_mut(to_y)[to_x] += down * across * sample;
                    }
                }
            }
        }
        Self { samples }
    }

    /// The PSF turned by 180 degrees: what one that was written down for correlation is in
    /// convolution. The centre stays.
    #[must_use]
    pub fn turned(&self) -> Self {
        self.moved(|x, y, Extent { width, height }| (width - 1 - x, height - 1 - y), false)
    }

    /// The PSF turned by 90 degrees counter-clockwise.
    #[must_use]
    pub fn turned_left(&self) -> Self {
        self.moved(|x, y, Extent { width, .. }| (width - 1 - y, x), true)
    }

    /// The PSF with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        self.moved(|x, y, Extent { width, .. }| (width - 1 - x, y), false)
    }

    /// The PSF whose sample (x, y) is that at `from(x, y, extent)` of this one.
    fn moved(&self, from: impl Fn(usize, usize, Extent) -> (usize, usize), sideways: bool) -> Self {
        let is = self.extent();
        let extent = if sideways { Extent::new(is.height, is.width) } else { is };
        Self {
            samples: Plane::from_fn(extent, |x, y| {
                let (x, y) = from(x, y, is);
                self.samples.row(y)[x]
            }),
        }
    }

    /// The OTF: the transform of the PSF on periodic planes of `extent`.
    ///
    /// # Errors
    /// Where the PSF is larger than `extent`.
    pub fn otf(&self, extent: Extent) -> Result<Vec<Complex>, PsfError> {
        Ok(RealFft2d::plan(extent).transform(&self.rolled(extent)?))
    }

    /// The PSF on a periodic plane of `extent`, centre at the origin: its transform is the OTF.
    ///
    /// # Errors
    /// Where the PSF is larger than `extent`.
    pub fn rolled(&self, extent: Extent) -> Result<Plane<f32>, PsfError> {
        let psf = self.extent();
        if psf.width > extent.width || psf.height > extent.height {
            return Err(PsfError::LargerThanFrame { psf, frame: extent });
        }
        Ok(self.folded(extent))
    }

    /// The PSF on a periodic plane of any `extent`, centre at the origin. Where it is larger, what lies
    /// upon each other is added: the transform is the OTF at the frequencies of such a plane still.
    pub fn folded(&self, extent: Extent) -> Plane<f32> {
        let Extent { width, height } = extent;
        let (centre_x, centre_y) = self.radius();
        let mut plane = Plane::new(extent, 0.0);
        for (y, row) in self.samples.rows().enumerate() {
            let target = plane.row_mut((y + height - centre_y % height) % height);
            for (x, &sample) in row.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "the transforms work in f32")]
                let sample = sample as f32;
                target[(x + width - centre_x % width) % width] += sample;
            }
        }
        plane
    }
}

/// Refuses a side as soon as it is too long, so that nothing larger is ever held.
fn check_side(width: usize, height: usize) -> Result<(), PsfError> {
    let fits = width.max(height) <= Psf::MAX_SIDE;
    fits.then_some(()).ok_or(PsfError::TooLarge(Extent::new(width, height)))
}

fn non_negative(mut samples: Plane<f64>, rounding: f64) -> Result<Plane<f64>, PsfError> {
    let greatest = samples.samples().iter().copied().fold(0.0, f64::max);
    let width = samples.extent().width;
    let mut clipped = 0;
    for (index, sample) in samples.samples_mut().iter_mut().enumerate() {
        let (row, column, value) = (index / width, index % width, *sample);
        if !value.is_finite() {
            return Err(PsfError::NotFinite { row, column, value });
        }
        if value < -rounding * greatest {
            return Err(PsfError::Negative { row, column, value });
        }
        if value < 0.0 {
            *sample = 0.0;
            clipped += 1;
        }
    }
    if clipped > 0 {
        log::warn!("{clipped} slightly negative samples of the PSF were set to zero");
    }
    Ok(samples)
}

/// The samples among which a sample is shared where every two become one, and its shares, both by their places
/// from the first; centres lie at the radii.
fn shares(
    from: usize,
    radius: usize,
    reduced: usize,
    is_halved: bool,
) -> impl Iterator<Item = (usize, f64)> {
    // In halves of a sample, counted from a place two samples before all.
    let at = from + 2 * (reduced + 1) - radius;
    let (whole, is_between) = (at / 2 - 1, at % 2 == 1);
    let shares = match (is_halved, is_between) {
        (false, _) => [(from, 1.0), (from, 0.0)],
        (true, false) => [(whole, 1.0), (whole, 0.0)],
        (true, true) => [(whole, 0.5), (whole + 1, 0.5)],
    };
    shares.into_iter().filter(|(_, share)| *share > 0.0)
}

fn pad_to_odd(samples: &Plane<f64>) -> Plane<f64> {
    let Extent { width, height } = samples.extent();
    Plane::from_fn(Extent::new(width | 1, height | 1), |x, y| {
        if x < width && y < height { samples.row(y)[x] } else { 0.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matrix(rows: &[&[f64]]) -> Plane<f64> {
        let extent = Extent::new(rows.first().map_or(0, |row| row.len()), rows.len());
        Plane::from_samples(extent, rows.concat()).expect("a matrix")
    }

    #[track_caller]
    fn check_refused(rows: &[&[f64]], message: &str) {
        let error = Psf::new(matrix(rows)).expect_err("not a PSF");
        assert!(error.to_string().contains(message), "{error}");
    }

    #[test]
    fn what_is_no_psf_is_refused_by_name() {
        check_refused(&[], "empty");
        check_refused(&[&[0.0, f64::NAN]], "sample 1,0 of the PSF is NaN");
        check_refused(&[&[f64::INFINITY]], "is inf");
        check_refused(&[&[1.0], &[-0.5]], "sample 0,1 of the PSF is -0.5");
        check_refused(&[&[0.0, 0.0]], "sum to 0");
        let huge = Psf::new(Plane::new(Extent::new(1025, 1), 1.0));
        assert_eq!(huge, Err(PsfError::TooLarge(Extent::new(1025, 1))));
    }

    #[test]
    fn rounding_below_zero_is_clipped() {
        let psf = Psf::new(matrix(&[&[-1e-6, 1.0, 1.0]])).expect("a PSF");
        assert_eq!(psf.samples().samples(), [0.0, 0.5, 0.5]);
    }

    #[test]
    fn the_centre_of_an_even_psf_stays() {
        let psf = Psf::new(matrix(&[&[0.0, 0.0], &[0.0, 1.0]])).expect("a PSF");
        assert_eq!(psf.extent(), Extent::new(3, 3));
        let rolled = psf.rolled(Extent::new(5, 4)).expect("fits");
        assert_eq!(rolled.row(0)[0], 1.0, "the central sample is at the origin");
    }

    #[test]
    fn a_psf_is_turned_about_its_centre() {
        let psf = Psf::new(matrix(&[&[1.0, 2.0, 3.0]])).expect("a PSF");
        let sixths = |psf: &Psf| -> Vec<f64> {
            psf.samples().samples().iter().map(|sample| (sample * 6.0).round()).collect()
        };
        assert_eq!(sixths(&psf.turned()), [3.0, 2.0, 1.0]);
        assert_eq!(sixths(&psf.mirrored()), [3.0, 2.0, 1.0]);
        let left = psf.turned_left();
        assert_eq!((left.extent(), sixths(&left)), (Extent::new(1, 3), vec![3.0, 2.0, 1.0]));
        assert_eq!(left.mirrored(), left);
        assert_eq!(left.turned_left(), psf.turned());
    }

    #[test]
    fn a_psf_larger_than_the_frame_is_refused() {
        let psf = Psf::new(Plane::new(Extent::new(5, 3), 1.0)).expect("a PSF");
        assert!(psf.rolled(Extent::new(4, 9)).is_err());
    }

    proptest! {
        #[test]
        fn a_psf_is_odd_and_sums_to_one(
            width in 1_usize..9, height in 1_usize..9, seed in prop::collection::vec(0.0_f64..9.0, 64),
        ) {
            let samples = Plane::from_fn(Extent::new(width, height), |x, y| seed[8 * y + x] + 1e-3);
            let psf = Psf::new(samples).expect("a PSF");
            prop_assert!(psf.extent().width % 2 == 1 && psf.extent().height % 2 == 1);
            let sum: f64 = psf.samples().samples().iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }
    }

    /// Sum of the samples, and centroid from the centre along each axis.
    fn moments(psf: &Psf) -> (f64, [f64; 2]) {
        let (centre_x, centre_y) = psf.radius();
        let (mut sum, mut centroid) = (0.0, [0.0; 2]);
        for (y, row) in psf.samples().rows().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                sum += sample;
                centroid[0] += sample * (x as f64 - centre_x as f64);
                centroid[1] += sample * (y as f64 - centre_y as f64);
            }
        }
        (sum, centroid)
    }

    proptest! {
        #[test]
        fn reduced_psfs_keep_sum_and_centroid(
            radius in 0_usize..6, seed: u64, halved: (bool, bool),
        ) {
            let psf = crate::testing::random_psf(seed, 2 * radius + 1);
            let ((_, before), (sum, after)) = (moments(&psf), moments(&psf.reduced(halved)));
            prop_assert!((sum - 1.0).abs() < 1e-9);
            for (axis, is_halved) in [halved.0, halved.1].into_iter().enumerate() {
                let half = if is_halved { 2.0 } else { 1.0 };
                prop_assert!((after[axis] - before[axis] / half).abs() < 1e-9);
            }
            prop_assert_eq!(psf.reduced((false, false)), psf);
        }
    }
}
