//! A camera's blur: the same everywhere, or differing over the field.

use std::fmt;

use super::axis::Axis;
use super::psf::{Psf, PsfError};
use crate::frame::Extent;

/// A camera's blur.
#[derive(Debug, Clone, PartialEq)]
pub enum Blur {
    /// One PSF for the whole frame.
    Uniform(Psf),
    /// A PSF for each cell of a grid.
    Field(Field),
}

/// PSFs of a grid that divides the frame evenly. Having one tells that all are of one extent and
/// that there is one for every cell.
///
/// A PSF is that of the centre of its cell. Between centres it is the mean of the four around the
/// place, weighted bilinearly; beyond the outermost it stays as it is there. It is the PSF with which a
/// sample of the blurred frame gathers the light around it: `y(p) = sum over q of k_p(q) x(p - q)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    columns: usize,
    psfs: Vec<Psf>,
}

impl Field {
    /// The most cells on a side.
    pub const MAX_SIDE: usize = 32;

    /// The field of `columns` cells a row, row by row.
    ///
    /// # Errors
    /// Where the PSFs do not fill the rows, are too many, or differ in extent.
    pub fn new(columns: usize, psfs: Vec<Psf>) -> Result<Self, PsfError> {
        let is_grid = (1..=Self::MAX_SIDE).contains(&columns)
            && psfs.len().is_multiple_of(columns)
            && (1..=Self::MAX_SIDE).contains(&(psfs.len() / columns));
        if !is_grid {
            return Err(PsfError::Grid { columns, psfs: psfs.len() });
        }
        let expected = psfs[0].extent();
        match psfs.iter().map(Psf::extent).find(|&extent| extent != expected) {
            Some(is) => Err(PsfError::Extents { is, expected }),
            None => Ok(Self { columns, psfs }),
        }
    }

    /// Cells in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Cells in a column.
    pub fn rows(&self) -> usize {
        self.psfs.len() / self.columns
    }

    /// The PSFs, row by row.
    pub fn psfs(&self) -> &[Psf] {
        &self.psfs
    }

    /// Where the PSFs are known, along the width and along the height.
    pub fn axes(&self) -> [Axis; 2] {
        [Axis::new(self.columns()), Axis::new(self.rows())]
    }

    /// The four PSFs, by their index, around the place `u` of the width and `v` of the height, both
    /// from 0 to 1, and their weights, which sum to 1.
    pub fn weights_at(&self, u: f64, v: f64) -> [(usize, f64); 4] {
        let [(left, right), (above, below)] = [(0, u), (1, v)].map(|(side, place)| {
            let (knot, share) = self.axes()[side].between(place);
            let next = if share > 0.0 { knot + 1 } else { knot };
            ((knot, 1.0 - share), (next, share))
        });
        [(left, above), (right, above), (left, below), (right, below)]
            .map(|((column, x), (row, y))| (row * self.columns + column, x * y))
    }

    /// The PSF at the place `u` of the width and `v` of the height, both from 0 to 1.
    pub fn at(&self, u: f64, v: f64) -> Psf {
        Psf::blend(self.weights_at(u, v).map(|(index, weight)| (&self.psfs[index], weight)))
    }
}

impl Blur {
    /// Extent of every PSF of it.
    pub fn extent(&self) -> Extent {
        self.psfs()[0].extent()
    }

    /// Columns and rows of its PSFs: 1 by 1 where it is the same everywhere.
    pub fn grid(&self) -> (usize, usize) {
        match self {
            Self::Uniform(_) => (1, 1),
            Self::Field(field) => (field.columns(), field.rows()),
        }
    }

    /// The PSF of the middle of the frame.
    pub fn central(&self) -> &Psf {
        let (columns, rows) = self.grid();
        &self.psfs()[rows / 2 * columns + columns / 2]
    }

    /// The same blur with every PSF changed; a grid stays as it is.
    ///
    /// # Errors
    /// Where the PSFs of a field would differ in extent.
    pub fn map(&self, change: impl Fn(&Psf) -> Psf) -> Result<Self, PsfError> {
        Ok(match self {
            Self::Uniform(psf) => Self::Uniform(change(psf)),
            Self::Field(field) => {
                let psfs = field.psfs.iter().map(change).collect();
                Self::Field(Field::new(field.columns, psfs)?)
            }
        })
    }

    /// Its PSFs: one, or one a cell, row by row.
    pub fn psfs(&self) -> &[Psf] {
        match self {
            Self::Uniform(psf) => std::slice::from_ref(psf),
            Self::Field(field) => field.psfs(),
        }
    }
}

impl fmt::Display for Blur {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uniform(psf) => write!(out, "{}", psf.extent()),
            Self::Field(field) => {
                write!(out, "{}x{} of {}", field.columns(), field.rows(), self.extent())
            }
        }
    }
}

impl From<Psf> for Blur {
    fn from(psf: Psf) -> Self {
        Self::Uniform(psf)
    }
}

impl From<Field> for Blur {
    fn from(field: Field) -> Self {
        Self::Field(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Plane;
    use crate::testing::random_psf;
    use proptest::prelude::*;

    #[test]
    fn a_field_is_a_full_grid_of_psfs_of_one_extent() {
        let small = Psf::delta();
        let large = Psf::from_formula("disk:2").expect("a formula").expect("a PSF");
        let field = Field::new(3, vec![small.clone(); 6]).expect("a grid");
        assert_eq!((field.columns(), field.rows()), (3, 2));
        for (columns, psfs) in [(0, 0), (2, 0), (2, 3), (1, 33), (33, 33)] {
            let error = Field::new(columns, vec![small.clone(); psfs]).expect_err("no grid");
            assert_eq!(error, PsfError::Grid { columns, psfs });
        }
        let error = Field::new(1, vec![small, large]).expect_err("two extents");
        let (is, expected) = (Extent::new(5, 5), Extent::new(1, 1));
        assert_eq!(error, PsfError::Extents { is, expected });
    }

    /// Samples of one row, of the field of 3 by 1 PSFs at that place.
    #[track_caller]
    fn check_at(u: f64, v: f64, expected: [f64; 3]) {
        let psf =
            |at: usize| Psf::new(Plane::from_fn(Extent::new(3, 1), |x, _| f64::from(x == at)));
        let psfs = [0, 1, 2].map(|at| psf(at).expect("a PSF"));
        let field = Field::new(3, psfs.to_vec()).expect("a grid");
        let psf = field.at(u, v);
        let is = psf.samples().samples();
        assert!(
            is.iter().zip(expected).all(|(is, expected)| (is - expected).abs() < 1e-12),
            "{is:?}"
        );
    }

    #[test]
    fn between_centres_a_psf_is_the_mean_of_those_around() {
        check_at(0.0, 0.0, [1.0, 0.0, 0.0]);
        check_at(1.0 / 6.0, 0.9, [1.0, 0.0, 0.0]);
        check_at(0.5 - 1.0 / 12.0, 0.5, [0.25, 0.75, 0.0]);
        check_at(0.75, 1.0, [0.0, 0.25, 0.75]);
        check_at(2.0, -1.0, [0.0, 0.0, 1.0]);
    }

    proptest! {
        #[test]
        fn weights_sum_to_one_and_so_do_interpolated_psfs(
            columns in 1_usize..4, rows in 1_usize..4, u in -0.5_f64..1.5, v in -0.5_f64..1.5, seed: u64,
        ) {
            let psfs = (0..columns * rows).map(|cell| random_psf(seed ^ cell as u64, 5)).collect();
            let field = Field::new(columns, psfs).expect("a grid");
            let sum: f64 = field.weights_at(u, v).iter().map(|(_, weight)| weight).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
            let sum: f64 = field.at(u, v).samples().samples().iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}
