//! A camera's blur: the same everywhere, or differing over the field.

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
}
