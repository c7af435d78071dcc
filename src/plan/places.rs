//! What there is one of for every PSF of a blur.

use crate::optics::{Blur, Psf, PsfError};

/// One thing for every PSF, by where that holds.
#[derive(Debug, Clone)]
pub(super) struct Places<T> {
    /// PSFs in a row of the blur's grid, and rows.
    grid: (usize, usize),
    things: Vec<T>,
}

impl<T> Places<T> {
    /// What `make` makes of each PSF.
    ///
    /// # Errors
    /// The first of `make`.
    pub(super) fn of(
        blur: &Blur,
        make: impl FnMut(&Psf) -> Result<T, PsfError>,
    ) -> Result<Self, PsfError> {
        let things = blur.psfs().iter().map(make).collect::<Result<_, PsfError>>()?;
        Ok(Self { grid: blur.grid(), things })
    }

    /// That of the nearest PSF to the part `u` of the width and `v` of the height, both from 0 to 1.
    pub(super) fn at(&self, u: f64, v: f64) -> &T {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let nearest = |share: f64, count: usize| {
            (share.clamp(0.0, 1.0) * (count - 1) as f64).round() as usize
        };
        let (columns, rows) = self.grid;
        &self.things[nearest(v, rows) * columns + nearest(u, columns)]
    }
}
